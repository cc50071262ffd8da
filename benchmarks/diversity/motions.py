"""Studies of motions: Figs. 5, 6 and 7."""

from __future__ import annotations

import itertools
import time
from typing import Any

import numpy as np
import torch
from common import report
from common.report import yes
from common.rows import Store

from sktaskneuron import HamiltonianMLPRegressor, LearnedDiversityMLPRegressor
from sktaskneuron.dynamics import integrate

from . import pictures
from .peers import add_estimator, add_mlp, mlp_note
from .problems import ORBITS, Problem, motion
from .run import FITTED, LEARNED, MIX, USUAL, Run, rate_of, seconds_of
from .training import LEGEND, TABLES, compare

Array = np.ndarray


def standard_error(problem: Problem, network: Any) -> dict[str, Array]:
    """Mean squared error of the test rows, every output in units of its standard deviation."""
    error = (problem.outputs(network, problem.X_test) - problem.y_test) / problem.gain
    return {"mse": np.square(error).mean(axis=(1, 2))}


def study_van_der_pol(run: Run) -> None:
    names = [*LEARNED, *USUAL]
    problem = motion("van_der_pol")
    # 1500 steps of 100 rows
    n_epochs = round(1500 * 100 / problem.n_train)
    training = run.training(n_epochs=n_epochs, rates=(1e-3, 3e-3, 1e-2, 3e-2))
    outer_steps = 240
    library = run.library(problem, outer_steps=outer_steps)
    store = run.store("van_der_pol", ["set"], [*FITTED, "mse", "note"])
    compare(library, names, training, run.seeds, store, standard_error)
    grid = {
        "activation": ["relu", "tanh"],
        "learning_rate_init": [1e-3, 5e-3, 1e-2],
        "alpha": [1e-6, 1e-4],
    }
    add_mlp(run, problem, store, grid, training)
    # a fit learns, compares and trains anew, so it has fewer seeds
    few = run.seeds[: 1 if run.quick else 3]
    add_estimator(run, problem, store, few)
    names += ["MLPRegressor"]
    errors = {name: store.values("mse", run.seeds, set=name) for name in names}
    errors["estimator"] = store.values("mse", few, set="estimator")
    lines = [
        [
            name,
            rate_of(store.of(run.seeds, set=name)),
            f"{np.median(values):.2e}",
            report.spread(values, ".2e"),
            "" if name in (MIX, "estimator") else report.ratio(values, errors[MIX]),
            *seconds_of(store.of(run.seeds, set=name)),
        ]
        for name, values in errors.items()
    ]
    heads = [
        "set",
        "learning rate",
        "MSE, median",
        "MSE, mean",
        "ratio to the mix",
        "CPU s per network",
        "CPU s of learning",
    ]
    chosen = "; ".join(row["note"] for row in store.of(few, set="estimator"))
    run.finish(
        "van_der_pol",
        "Van der Pol oscillator (mu = 2.7), 100 neurons",
        report.markdown(heads, lines),
        f"Derivatives on {ORBITS[2]} unseen orbits, in units of their standard deviations; "
        f"{len(run.seeds)} networks per set. {LEGEND} All start from a sine: the base is one for "
        f"all types, so learning cannot start from sine and ReLU. MLPRegressor: "
        f"{mlp_note(store, run.seeds, 'MLPRegressor')}. `estimator`: LearnedDiversityMLPRegressor "
        f"at its defaults, the mean of four networks that learns, holds out and chooses by itself, "
        f"{len(few)} fits, whose seconds are those of all of it; chosen: {chosen}.",
    )
    shown = {name: values for name, values in errors.items() if name != "estimator"}
    picture = run.path("van_der_pol", ".png")
    pictures.functions_and_boxes(
        library.learned(MIX), shown, "mean squared error", picture, log=True
    )


NETWORKS = {
    "Hamiltonian": [
        "U2",
        "U2:1",
        "U2:2",
        "U2 from tanh",
        "sine",
        "sine, cubic table",
        "sine, linear table",
        "tanh",
    ],
    "plain": ["U2", "sine", "tanh"],
}
# Time of a roll-out and length of its steps.
SPAN, STEP = 20.0, 0.1


def field_and_drift(problem: Problem, network: Any) -> dict[str, Array]:
    """Squared error of the field, in raw units, and energy drift along roll-outs.

    The drift of a network is the median over test orbits of the largest change of the true energy.
    """
    network = network.to(torch.float64)
    error = np.square(problem.outputs(network, problem.X_test) - problem.y_test)
    starts = np.broadcast_to(problem.starts, (network.n_members, *problem.starts.shape))
    times = np.linspace(0.0, SPAN, round(SPAN / STEP) + 1)
    with np.errstate(all="ignore"):
        path = integrate(lambda x: problem.outputs(network, x), starts, times, "rk4", STEP)
        energy = problem.energy(path)
    drift = np.abs(energy - energy[:, :1]).max(axis=1)
    drift[~np.isfinite(drift)] = np.inf
    return {"mse": error.mean(axis=(1, 2)), "drift": np.median(drift, axis=1)}


ESTIMATOR = "estimator, tanh"


def add_field_estimator(run: Run, problem: Problem, store: Store, kind: str) -> None:
    """The estimators themselves: means of networks, chosen by folds, at their defaults."""
    X = problem.table.X.double().numpy() * problem.scale + problem.mean
    y = problem.table.y.double().numpy() * problem.gain + problem.offset
    few = {"max_epochs": 2} if run.quick else {}
    estimator = HamiltonianMLPRegressor if kind == "Hamiltonian" else LearnedDiversityMLPRegressor
    times = np.linspace(0.0, SPAN, round(SPAN / STEP) + 1)
    for seed in store.missing(run.seeds, network=kind, set=ESTIMATOR):
        start = time.process_time()
        model = estimator(activations="tanh", random_state=seed, **few).fit(X, y)
        seconds = time.process_time() - start
        if kind == "Hamiltonian":
            path = model.simulate(problem.starts, times, "rk4", max_step=STEP)
        else:
            path = integrate(
                lambda x, model=model: model.predict(x), problem.starts, times, "rk4", STEP
            )
        energy = problem.energy(path)
        drift = float(np.median(np.abs(energy - energy[:, :1]).max(axis=1)))
        mse = float(np.square(model.predict(problem.X_test) - problem.y_test).mean())
        store.add(
            network=kind,
            set=ESTIMATOR,
            seed=seed,
            seconds=seconds,
            learning=0.0,
            mse=mse,
            drift=drift,
        )


def study_motion(run: Run, name: str) -> None:
    training = run.training(
        n_epochs=38, rates=(1e-3, 3e-3, 1e-2, 3e-2), schedule="flat_cos", n_tuning=3
    )
    meta = {"outer_steps": 120, "inner_steps": 100}
    store = run.store(name, ["network", "set"], [*FITTED, "mse", "drift"])
    for kind, names in NETWORKS.items():
        problem = motion(name, hamiltonian=kind == "Hamiltonian")
        library = run.library(problem, **meta)
        compare(
            library,
            names,
            training,
            run.seeds,
            store,
            field_and_drift,
            like=dict.fromkeys(TABLES, "sine"),
            network=kind,
        )
        add_field_estimator(run, problem, store, kind)
    found = {
        (kind, one): {
            field: store.values(field, run.seeds, network=kind, set=one)
            for field in ("mse", "drift")
        }
        for kind, names in NETWORKS.items()
        for one in [*names, ESTIMATOR]
    }
    lines = [
        [
            kind,
            one,
            rate_of(store.of(run.seeds, network=kind, set=one)),
            f"{np.median(values['mse']):.2e}",
            f"{values['mse'].max():.1e}",
            f"{np.median(values['drift']):.2e}",
            f"{values['drift'].max():.1e}",
            *seconds_of(store.of(run.seeds, network=kind, set=one)),
        ]
        for (kind, one), values in found.items()
    ]
    heads = [
        "network",
        "set",
        "learning rate",
        "MSE of the field, median",
        "largest",
        "energy drift, median",
        "largest",
        "CPU s per network",
        "CPU s of learning",
    ]
    title = {"henon_heiles": "Hénon-Heiles system", "pendulum": "Pendulum"}[name]
    run.finish(
        name,
        f"{title}, 100 neurons",
        report.markdown(heads, lines),
        report.markdown(["bar", "measured", "met"], motion_bars(found)),
        f"Field on {ORBITS[2]} unseen orbits; drift of the true energy over {SPAN:g} time units "
        f"from their starts (Runge-Kutta, steps of {STEP:g}), the median over orbits; "
        f"{len(run.seeds)} networks per set. Tables have 101 knots on [-10, 10] and the sine's "
        f"learning rate. Learned with {library.options['outer_steps']} outer steps of "
        f"{library.options['inner_steps']} each, for plain and for Hamiltonian networks anew. "
        f"{LEGEND} `{ESTIMATOR}`: HamiltonianMLPRegressor and LearnedDiversityMLPRegressor at "
        "their defaults with tanh, means of four networks, which choose rate and epoch by folds.",
    )
    panels = [
        (label, {f"{kind}: {one}": v[field] for (kind, one), v in found.items()}, True)
        for field, label in (
            ("mse", "mean squared error of the field"),
            ("drift", f"energy drift over {SPAN:g} time units"),
        )
    ]
    pictures.box_panels(panels, run.path(name, ".png"))


def motion_bars(found: dict[tuple[str, str], dict[str, Array]]) -> list[list[str]]:
    """Ratios of medians beside what they should be."""

    def share(field: str, over: tuple[str, str], under: tuple[str, str]) -> float:
        return float(np.median(found[over][field]) / np.median(found[under][field]))

    lines = []
    for one, (field, word) in itertools.product(
        ("U2", "sine", "tanh", ESTIMATOR),
        (("mse", "error of the field"), ("drift", "energy drift")),
    ):
        value = share(field, ("Hamiltonian", one), ("plain", one))
        lines.append(
            [f"{word}, Hamiltonian / plain, {one} ≤ 0.5", f"{value:.2f}", yes(value <= 0.5)]
        )
    exact = ("Hamiltonian", "sine")
    value = share("mse", ("Hamiltonian", "sine, cubic table"), exact)
    lines.append(
        ["error, cubic table / sine within 5 %", f"{value:.3f}", yes(abs(value - 1) <= 0.05)]
    )
    value = share("mse", ("Hamiltonian", "sine, linear table"), exact)
    lines.append(["error, linear table / sine (no bar)", f"{value:.1f}", ""])
    return lines
