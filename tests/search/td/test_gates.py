"""The reference engine with hard-concrete gates."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LinearRegression

from sktaskneuron.search.frame.proposals import Space
from sktaskneuron.search.td.gates import DEFAULT_STEPS, _DualStream, as_structure

from ..helpers import find, mask_of


def planted():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((400, 5))
    signal = 2 * (X**2).sum(axis=1) + 3 * X[:, 0] * X[:, 1]
    return X, signal + 0.01 * rng.standard_normal(400)


def test_too_few_steps_give_a_warning_and_every_order():
    X, y = planted()
    with pytest.warns(ConvergenceWarning, match="a gate needs 84 to close"):
        formula = find(X, y, engine="gates", max_steps=100, max_order=3).fitted.formula
    assert formula.pure == ("x", "x**2", "x**3")
    assert set(formula.interactions) == {2, 3}


def test_enough_steps_find_the_orders():
    X, y = planted()
    options = {"engine": "gates", "max_order": 2, "max_interaction_order": 2}
    formula = find(X, y, **options).fitted.formula
    assert formula.pure == ("x**2",)
    assert set(formula.interactions) == {2}


def test_it_predicts_what_it_found():
    X, y = planted()
    options = {"engine": "gates", "max_order": 2, "max_interaction_order": 2, "max_steps": 400}
    result = find(X, y, **options)
    assert np.mean((result.fitted.evaluate(X)[:, 0] - y) ** 2) < 0.1 * y.var()


def test_the_unit_of_the_target_does_not_matter():
    X, y = planted()
    options = {"engine": "gates", "max_steps": 300, "max_order": 2, "max_interaction_order": 2}
    assert find(X, y, **options).fitted.formula == find(X, 1e6 * y, **options).fitted.formula


def test_same_seed_same_answer_and_the_global_stream_rests():
    X, y = planted()
    options = {"engine": "gates", "max_steps": 200, "max_order": 2, "max_interaction_order": 2}
    before = torch.random.get_rng_state()
    first, second = (find(X, y, **options).fitted.to_json() for _ in range(2))
    assert first == second
    assert torch.equal(torch.random.get_rng_state(), before)


def test_max_rank_is_the_rank():
    X, y = planted()
    options = {"engine": "gates", "max_steps": 200, "max_order": 2, "max_interaction_order": 2}
    assert find(X, y, max_rank=2, **options).fitted.formula.interactions == {2: 2}


def test_one_far_target_moves_it_no_more_than_a_line():
    X, y = planted()
    X, y = X[:90], y[:90].copy()
    y[7] = 1e6
    with pytest.warns(ConvergenceWarning):
        found = find(X, y, engine="gates", max_steps=10).fitted
    line = LinearRegression().fit(X, y)
    new = np.random.default_rng(1).standard_normal((300, 5))
    assert np.std(found.evaluate(new)) < 3 * np.std(line.predict(new))


def test_high_orders_that_nothing_asks_for_weigh_little():
    """Every order is kept, but the ridge of the last fit may grow with the order."""
    errors = []
    for seed in range(5):
        rng = np.random.default_rng(seed)
        X, new = rng.standard_normal((50, 5)), rng.standard_normal((300, 5))
        y, truth = (Z[:, 0] ** 2 + 2 * Z[:, 1] for Z in (X, new))
        y = y + 0.1 * y.std() * rng.standard_normal(50)
        with pytest.warns(ConvergenceWarning):
            found = find(X, y, engine="gates", max_steps=10).fitted
        errors.append(np.mean((found.evaluate(new)[:, 0] - truth) ** 2) / truth.var())
    assert np.median(errors) < 0.05


def test_two_classes():
    X, y = planted()
    options = {"engine": "gates", "max_steps": 200, "max_order": 2, "max_interaction_order": 2}
    fitted = find(X, y > np.median(y), classification=True, **options).fitted
    assert ((fitted.evaluate(X)[:, 0] > 0) == (y > np.median(y))).mean() > 0.9


def space():
    allowed = {1: mask_of([0, 1], 3), 2: mask_of([0, 1, 2], 3)}
    return Space((1, 2), (2,), 2, allowed, np.ones((3, 3), dtype=bool))


def test_a_closed_gate_is_not_kept():
    stream = _DualStream(3, 1, space(), torch.Generator().manual_seed(0))
    with torch.no_grad():
        stream.log_alpha[1] = -5.0
    pure, factors = stream.kept()
    assert pure == {1}
    assert factors[2].shape == (2, 3, 2)
    structure = as_structure(space(), pure, factors)
    assert structure.ranks() == {2: 2}
    assert structure.pure[1].tolist() == [True, True, False]


def test_gates_start_open():
    """Opening 0.978 at log odds 2.2, as in the paper's code."""
    stream = _DualStream(3, 1, space(), torch.Generator().manual_seed(0))
    np.testing.assert_allclose(stream.opening().detach(), 0.978, atol=1e-3)
    assert DEFAULT_STEPS * 0.6 * 0.05 > 4.2


def test_two_rows_are_no_line():
    """A line goes through any two rows: it has to hold in rows that it was not fitted to."""
    X = np.array([[1.0, 3.0], [1.1, -2.0]])
    fitted = find(X, np.array([0.5, 1.7]), engine="gates", max_steps=200).fitted
    assert str(fitted.formula) == "0"
    np.testing.assert_allclose(fitted.evaluate(X)[:, 0], 1.1)
