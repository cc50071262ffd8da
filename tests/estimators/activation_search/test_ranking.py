"""The choice between activations by paired losses."""

import numpy as np
import pytest

from sktaskneuron._evidence import paired_gain
from sktaskneuron.estimators.activation_search.ranking import Ranking
from sktaskneuron.models.comparison import Activations, Evaluation


def evaluation(name, rows):
    rows = np.asarray(rows, dtype=float)
    return Evaluation(Activations(name, [[name]]), 0.01, rows, rows[:2])


ROWS = np.linspace(0.5, 1.5, 40)


def ranked(*others, weight=None):
    evaluations = [evaluation("silu", ROWS), *(evaluation(*other) for other in others)]
    return Ranking.of(evaluations, "silu", np.ones(40) if weight is None else weight)


def test_a_gain_in_all_rows_is_taken():
    ranking = ranked(("relu", ROWS + 0.1), ("sin", ROWS - 0.1))
    assert ranking.chosen.activations.name == "sin"
    assert ranking.results["rank"].tolist() == [2, 3, 1]
    np.testing.assert_allclose(ranking.results["gain"], [0, -0.1, 0.1])
    np.testing.assert_allclose(ranking.results["standard_error"], 0, atol=1e-12)


def test_a_gain_within_its_error_is_none():
    signs = np.tile([1.0, -1.0], 20)
    for size, name in ((0.1, "silu"), (0.2, "sin")):
        ranking = ranked(("sin", ROWS - size + signs))
        assert ranking.results["standard_error"][1] == pytest.approx(1 / np.sqrt(40))
        assert ranking.chosen.activations.name == name
        assert ranking.results["like_fallback"][1] == (name == "silu")


def test_weights_count_rows():
    better = np.where(np.arange(40) < 10, ROWS - 1, ROWS + 1)
    weight = np.where(np.arange(40) < 10, 1.0, 1e-9)
    assert ranked(("sin", better)).place == 0
    assert ranked(("sin", better), weight=weight).place == 1


def test_one_that_failed_is_last_and_harms_none():
    failed = np.where(np.arange(40) == 3, np.inf, 0.0)
    ranking = ranked(("exp", failed), ("sin", ROWS - 0.1))
    assert ranking.results["rank"].tolist() == [2, 3, 1]
    assert [e.activations.name for e in ranking.best(3)] == ["sin", "silu"]
    assert not ranking.results["like_fallback"][1]
    # of two that failed none is preferred, and any that did not is
    assert paired_gain(failed, failed, ROWS / ROWS.sum()) == (-np.inf, 0.0)
    assert paired_gain(failed, ROWS, ROWS / ROWS.sum()) == (np.inf, 0.0)


def test_two_rankings_of_the_same_rows():
    one, two = ranked(("sin", ROWS - 0.1)), ranked(("sin", ROWS - 0.3))
    assert two.beats(one)
    assert not one.beats(two)
    assert not one.beats(one)
