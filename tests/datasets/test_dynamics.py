"""Orbits solve their equations, conserve what they must, and start where they are told to."""

import pickle

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.special import ellipk

from sktaskneuron.datasets import (
    make_derivative_pairs,
    make_henon_heiles,
    make_pendulum,
    make_strogatz,
    make_van_der_pol,
)
from sktaskneuron.datasets.strogatz import SYSTEMS
from sktaskneuron.formula import FittedExpression

MAKERS = [make_van_der_pol, make_henon_heiles, make_pendulum]
CONSERVATIVE = [make_henon_heiles, make_pendulum]


def upward_crossings(t, x):
    """Times at which x goes up through zero, by linear interpolation."""
    i = np.flatnonzero((x[:-1] < 0) & (x[1:] >= 0))
    return t[i] - x[i] * (t[i + 1] - t[i]) / (x[i + 1] - x[i])


@pytest.mark.parametrize("make", MAKERS)
def test_bunch(make):
    orbits = make(3, 7, random_state=0)
    n_state = orbits.trajectories.shape[2]
    assert orbits.trajectories.shape == (3, 7, n_state)
    assert orbits.t.shape == (7,)
    np.testing.assert_array_equal(orbits.X, orbits.trajectories.reshape(-1, n_state))
    assert orbits.y.shape == orbits.X.shape
    np.testing.assert_array_equal(orbits.groups, np.repeat([0, 1, 2], 7))
    assert len(orbits.feature_names) == n_state
    assert orbits.target_names == [f"d{name}/dt" for name in orbits.feature_names]
    assert "3 orbits" in orbits.DESCR
    assert not np.shares_memory(orbits.X, orbits.trajectories)


@pytest.mark.parametrize("make", MAKERS)
def test_targets_are_derivatives(make):
    orbits = make(5, 2001, t_max=4.0, random_state=0)
    X, y = make_derivative_pairs(orbits.trajectories, orbits.t)
    inner = orbits.y.reshape(5, 2001, -1)[:, 2:-2].reshape(X.shape)
    np.testing.assert_allclose(y, inner, atol=1e-5 * np.abs(inner).max())


@pytest.mark.parametrize("make", CONSERVATIVE)
def test_energy_is_conserved(make):
    orbits = make(20, 400, t_max=100.0, random_state=0)
    energy = orbits.energy(orbits.trajectories)
    assert energy.shape == (20, 400)
    np.testing.assert_allclose(energy, np.broadcast_to(energy[:, :1], energy.shape), atol=1e-9)
    short = make(20, random_state=0)
    energy = short.energy(short.trajectories)
    assert np.abs(energy - energy[:, :1]).max() < 1e-10


@pytest.mark.parametrize("make", CONSERVATIVE)
def test_equations_are_hamiltons(make):
    orbits = make(10, 20, random_state=0)
    n = orbits.X.shape[1] // 2
    gradient = np.empty_like(orbits.X)
    for j, step in enumerate(1e-5 * np.eye(2 * n)):
        gradient[:, j] = (orbits.energy(orbits.X + step) - orbits.energy(orbits.X - step)) / 2e-5
    np.testing.assert_allclose(orbits.y, np.hstack([gradient[:, n:], -gradient[:, :n]]), atol=1e-9)


def test_van_der_pol_accuracy():
    orbits = make_van_der_pol(random_state=0)
    for orbit in orbits.trajectories[:4]:
        run = solve_ivp(
            lambda _, s: [s[1], 2.7 * (1 - s[0] ** 2) * s[1] - s[0]],
            (0, 10),
            orbit[0],
            "LSODA",
            orbits.t,
            rtol=1e-12,
            atol=1e-13,
        )
        np.testing.assert_allclose(orbit, run.y.T, atol=1e-8)


def test_van_der_pol_without_damping_is_harmonic():
    orbits = make_van_der_pol(mu=0.0, random_state=0)
    x, v = orbits.trajectories[:, :1].transpose(2, 0, 1)
    exact = x * np.cos(orbits.t) + v * np.sin(orbits.t)
    np.testing.assert_allclose(orbits.trajectories[:, :, 0], exact, atol=1e-9)


@pytest.mark.parametrize(("mu", "period"), [(1.0, 6.6633), (2.0, 7.6299), (3.0, 8.8591)])
def test_van_der_pol_period(mu, period):
    # the known periods of the limit cycle
    orbits = make_van_der_pol(3, 40_000, mu=mu, t_max=60.0, random_state=0)
    for orbit in orbits.trajectories:
        ticks = upward_crossings(orbits.t, orbit[:, 0])
        assert ticks[-1] - ticks[-2] == pytest.approx(period, abs=2e-4)


def test_van_der_pol_start():
    states = make_van_der_pol(500, 2, start=(1.0, 1.5), random_state=0).trajectories[:, 0]
    assert states.min() >= 1.0
    assert states.max() <= 1.5
    assert abs(np.corrcoef(states.T)[0, 1]) < 0.15


@pytest.mark.filterwarnings("ignore:(overflow|invalid value) encountered:RuntimeWarning")
def test_failed_integration():
    with pytest.raises(ValueError, match="could not be integrated to t=10"):
        make_van_der_pol(2, 5, start=(1e90, 1e90), random_state=0)


def test_henon_heiles_energies():
    orbits = make_henon_heiles(2000, 2, energy=(0.05, 0.15), random_state=0)
    energy = orbits.energy(orbits.trajectories[:, 0])
    assert energy.min() > 0.05 - 1e-12
    assert energy.max() < 0.15 + 1e-12
    assert energy.mean() == pytest.approx(0.1, abs=0.003)
    fixed = make_henon_heiles(50, 2, energy=(0.125, 0.125), random_state=0)
    np.testing.assert_allclose(fixed.energy(fixed.X), 0.125, atol=1e-10)


def test_henon_heiles_stays_bound():
    orbits = make_henon_heiles(50, 400, t_max=200.0, energy=(0.16, 0.166), random_state=0)
    assert np.hypot(orbits.X[:, 0], orbits.X[:, 1]).max() < 1


def test_henon_heiles_starts_are_stationary():
    # the flow leaves the microcanonical law as it is, and hardly any other
    orbits = make_henon_heiles(4000, 2, t_max=3.7, energy=(0.1, 0.1), random_state=0)
    start, end = orbits.trajectories.transpose(1, 0, 2)
    for moment in (lambda s: s, np.square, lambda s: s**3):
        difference = moment(start) - moment(end)
        error = difference.std(axis=0) / np.sqrt(4000)
        assert np.all(np.abs(difference.mean(axis=0)) < 4 * error)


@pytest.mark.parametrize(("omega", "amplitude"), [(1.0, 0.2), (2.0, 1.5), (0.7, 3.0)])
def test_pendulum_period(omega, amplitude):
    orbits = make_pendulum(
        2, 40_000, t_max=40.0, omega=omega, amplitude=(amplitude, amplitude), random_state=0
    )
    exact = 4 / omega * ellipk(np.sin(amplitude / 2) ** 2)
    for orbit in orbits.trajectories:
        ticks = upward_crossings(orbits.t, orbit[:, 0])
        assert np.diff(ticks) == pytest.approx(exact, abs=1e-5)
        assert np.abs(orbit[:, 0]).max() == pytest.approx(amplitude, abs=1e-4)


def test_pendulum_amplitudes():
    orbits = make_pendulum(2000, 2, amplitude=(0.5, 1.0), random_state=0)
    swing = np.arccos(1 - orbits.energy(orbits.trajectories[:, 0]))
    assert swing.min() > 0.5 - 1e-9
    assert swing.max() < 1.0 + 1e-9
    assert swing.mean() == pytest.approx(0.75, abs=0.015)


def test_damped_pendulum():
    small = {"amplitude": (1e-4, 1e-4), "random_state": 0}
    orbits = make_pendulum(3, 200, t_max=50.0, damping=0.1, omega=2.0, **small)
    q, p = orbits.trajectories.transpose(2, 0, 1)
    rate = np.sqrt(2.0**2 - 0.05**2)
    t = orbits.t
    exact = q[:, :1] * np.cos(rate * t) + (p + 0.05 * q)[:, :1] / rate * np.sin(rate * t)
    np.testing.assert_allclose(q, np.exp(-0.05 * t) * exact, atol=1e-11)


def test_kicks_give_energy_at_the_lowest_point():
    orbits = make_pendulum(4, 3001, t_max=30.0, kick=0.05, random_state=0)
    energy = orbits.energy(orbits.trajectories)
    passed = np.diff(np.sign(orbits.trajectories[:, :, 0]), axis=1) != 0
    assert passed.sum() > 20
    np.testing.assert_allclose(np.diff(energy, axis=1), 0.05 * passed, atol=1e-8)
    # a kick is in the direction of motion
    speed = np.abs(orbits.trajectories[:, :, 1])
    assert np.all(np.diff(speed, axis=1)[passed] > 0)


def test_clock_keeps_swinging():
    kick, damping, omega = 0.002, 0.05, 2.0
    clock = make_pendulum(
        3, 2000, t_max=300.0, omega=omega, damping=damping, kick=kick, amplitude=(0.05, 0.4),
        random_state=0,
    )  # fmt: skip
    settled = clock.energy(clock.trajectories[:, -400:]).mean(axis=1)
    np.testing.assert_allclose(settled, kick * omega / (np.pi * damping), rtol=0.02)


def test_kicks_over_the_top():
    # kicks without friction end in rotation, still with one kick a turn
    orbits = make_pendulum(1, 4000, t_max=40.0, kick=0.3, random_state=0)
    turns = np.floor(orbits.trajectories[0, :, 0] / (2 * np.pi))
    energy = orbits.energy(orbits.trajectories[0])
    late = slice(2000, None)
    assert np.ptp(turns[late]) > 5
    steps = np.diff(energy[late])
    np.testing.assert_allclose(steps, 0.3 * (np.diff(turns[late]) != 0), atol=1e-8)


@pytest.mark.parametrize("make", MAKERS)
def test_noise(make):
    clean = make(50, 100, random_state=0)
    noisy = make(50, 100, noise=0.1, random_state=0)
    for name in ("X", "y"):
        share = (noisy[name] - clean[name]).std(axis=0) / clean[name].std(axis=0)
        np.testing.assert_allclose(share, 0.1, rtol=0.05)
    np.testing.assert_array_equal(noisy.X, noisy.trajectories.reshape(noisy.X.shape))
    errors = np.hstack([noisy.X - clean.X, noisy.y - clean.y])
    assert np.abs(np.corrcoef(errors.T) - np.eye(errors.shape[1])).max() < 0.06


@pytest.mark.parametrize("make", MAKERS)
def test_seed_and_global_stream(make):
    np.random.seed(3)  # noqa: NPY002
    expected = np.random.random()  # noqa: NPY002
    np.random.seed(3)  # noqa: NPY002
    first, again, other, unseeded = (make(3, 5, random_state=seed) for seed in (0, 0, 1, None))
    assert np.random.random() == expected  # noqa: NPY002
    np.testing.assert_array_equal(first.X, again.X)
    assert not np.array_equal(first.X, other.X)
    assert not np.array_equal(first.X, unseeded.X)


@pytest.mark.parametrize("make", MAKERS)
def test_t_max(make):
    assert make(2, 5, t_max=2.0, random_state=0).t.tolist() == [0.0, 0.5, 1.0, 1.5, 2.0]


@pytest.mark.parametrize("make", CONSERVATIVE)
def test_pickle(make):
    orbits = make(2, 5, random_state=0)
    copy = pickle.loads(pickle.dumps(orbits))
    np.testing.assert_array_equal(copy.energy(copy.X), orbits.energy(orbits.X))


@pytest.mark.parametrize(
    ("make", "options"),
    [(make, options) for make in MAKERS for options in (
        {"n_orbits": 0},
        {"n_orbits": 2.0},
        {"n_points": 1},
        {"t_max": 0.0},
        {"t_max": float("inf")},
        {"noise": -1.0},
        {"random_state": "seed"},
    )]
    + [
        (make_van_der_pol, {"mu": -1.0}),
        (make_van_der_pol, {"start": (1.0, 0.0)}),
        (make_van_der_pol, {"start": 3.0}),
        (make_van_der_pol, {"start": (0.0, float("nan"))}),
        (make_henon_heiles, {"energy": (0.0, 0.1)}),
        (make_henon_heiles, {"energy": (0.1, 1 / 6)}),
        (make_henon_heiles, {"energy": (0.1, 0.12, 0.14)}),
        (make_pendulum, {"omega": 0.0}),
        (make_pendulum, {"amplitude": (0.0, 1.0)}),
        (make_pendulum, {"amplitude": (1.0, np.pi)}),
        (make_pendulum, {"damping": -0.1}),
        (make_pendulum, {"kick": float("inf")}),
    ],
)  # fmt: skip
def test_bad_parameters(make, options):
    with pytest.raises(ValueError, match=next(iter(options))):
        make(**options)


@pytest.mark.parametrize("system", sorted(SYSTEMS))
def test_strogatz(system):
    orbits = make_strogatz(system, 3, 40, random_state=0)
    for place, text in enumerate(orbits.equations):
        values = FittedExpression.parse(text, ["x", "y"]).evaluate(orbits.X)[:, 0]
        np.testing.assert_allclose(values, orbits.y[:, place], atol=1e-9)
    assert orbits.t[-1] == SYSTEMS[system].t_max
    dense = make_strogatz(system, 3, 2_000, random_state=0)
    X, y = make_derivative_pairs(dense.trajectories, dense.t)
    for place, text in enumerate(orbits.equations):
        slopes = FittedExpression.parse(text, ["x", "y"]).evaluate(X)[:, 0]
        assert np.abs(slopes - y[:, place]).max() < 1e-2 * np.ptp(slopes)
