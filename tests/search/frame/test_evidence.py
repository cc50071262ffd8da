"""How far to believe an answer."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.metrics import r2_score

from sktaskneuron.search.frame.evidence import (
    explained,
    folds,
    held_out_loss,
    term_gains,
)
from sktaskneuron.search.frame.fit import fit_linear
from sktaskneuron.search.frame.judges import CrossValidationJudge
from sktaskneuron.search.frame.model import Atom, Structure

from ..helpers import draw_table, find, gaussian, mask_of


def case(seed=0, n=200):
    rng = np.random.default_rng(seed)
    table = draw_table(seed, n, 4)
    z = table.z.T
    return table, gaussian(2 * z[0] + z[1] ** 2 + 0.5 * rng.standard_normal(n))


def test_folds_hold_out_every_row_once():
    splits = folds(23, 5, np.random.default_rng(0))
    assert sorted(np.concatenate([test for _, test in splits])) == list(range(23))
    for train, test in splits:
        assert not set(train) & set(test)
        assert len(train) + len(test) == 23


def test_held_out_loss_is_cross_validation():
    table, family = case()
    splits = folds(200, 4, np.random.default_rng(0))
    loss = held_out_loss(table, family, Structure(4, {1: mask_of([0, 2], 4)}), splits)
    y = family.target[:, 0]
    for train, test in splits:
        X = table.z[:, [0, 2]]
        model = LinearRegression().fit(X[train], y[train])
        np.testing.assert_allclose(loss[test], (y[test] - model.predict(X[test])) ** 2 / y.var())


def test_explained_is_the_validated_r2():
    table, family = case()
    splits = folds(200, 4, np.random.default_rng(0))
    structure = Structure(4, {1: mask_of([0], 4)})
    loss = held_out_loss(table, family, structure, splits)
    null = held_out_loss(table, family, Structure(4), splits)
    y = family.target[:, 0]
    value = explained(loss, null, family.weight)
    assert value == pytest.approx(1 - loss.mean() * y.var() / (null.mean() * y.var()))
    prediction = y - np.sign(y) * 0
    assert r2_score(y, prediction) == 1.0
    assert explained(0 * loss, null, family.weight) == 1.0


def test_term_gains_name_what_a_term_is_worth():
    """2 x0 + x1**2 has variances 4 and 2: taking out one loses its share."""
    table, family = case(n=2000)
    pure = {1: mask_of([0], 4), 2: mask_of([1], 4)}
    fit = fit_linear(table, family, Structure(4, pure, (Atom.monomial((2, 3), 4),)))
    gains = term_gains(table, family, fit, folds(2000, 5, np.random.default_rng(0)))
    assert set(gains) == {("pure", 1), ("pure", 2), ("interaction", 2)}
    assert gains["pure", 1] == pytest.approx(4 / 6.25, abs=0.08)
    assert gains["pure", 2] == pytest.approx(2 / 6.25, abs=0.08)
    assert abs(gains["interaction", 2]) < 0.01


def test_cv_judge_asks_for_a_standard_error():
    table, family = case()
    judge = CrossValidationJudge(table, family, folds(200, 5, np.random.default_rng(0)))
    null = fit_linear(table, family, Structure(4))
    line = fit_linear(table, family, Structure(4, {1: mask_of([0], 4)}))
    padded = fit_linear(table, family, Structure(4, {1: mask_of([0], 4), 3: mask_of([3], 4)}))
    assert judge.worth_adding(line, null)
    assert not judge.worth_adding(padded, line)
    assert judge.simpler_or_better(line, padded)
    assert not judge.simpler_or_better(null, line)
    assert judge.score(line) < judge.score(null)


def planted(n=400):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, 6))
    return X, 2 * X[:, 0] + X[:, 1] * X[:, 2] + 0.3 * rng.standard_normal(n)


def test_evidence_of_a_clear_law():
    result = find(*planted(), n_resamples=4)
    assert result.term_gain.keys() == {"x", "<x,x>"}
    assert result.term_gain["x"] > result.term_gain["<x,x>"] > 0.1
    assert result.selection_frequency["x"] == result.selection_frequency["<x,x>"] == 1.0
    assert all(0 < share <= 1 for share in result.selection_frequency.values())


def test_the_path_leads_from_nothing_to_the_answer():
    result = find(*planted(), n_resamples=4)
    first, last = result.front[0], result.front[-1]
    assert (first.complexity, str(first.formula)) == (0, "0")
    assert first.score == pytest.approx(0.0)
    assert last.formula == result.fitted.formula
    assert last.score == max(point.score for point in result.front) > 0.9


def test_evidence_is_left_out_on_demand():
    result = find(*planted(), n_resamples=0)
    assert result.term_gain == result.selection_frequency == {}
    assert result.front == []


def test_the_number_of_resamples_counts():
    rng = np.random.default_rng(3)
    X, y = rng.standard_normal((150, 12)), rng.standard_normal(150)
    shares = find(X, y + 0.25 * X[:, 0], n_resamples=3).selection_frequency.values()
    assert all(share * 3 == pytest.approx(round(share * 3)) for share in shares)


def test_evidence_for_classes():
    X, y = planted(800)
    result = find(X, y > 0, classification=True, n_resamples=3)
    assert set(result.term_gain) == {"x", "<x,x>"}
    assert min(result.term_gain.values()) > 0
    assert result.selection_frequency["x"] == 1.0
