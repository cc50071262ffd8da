"""Normal equations have an answer, singular in floats or not."""

import numpy as np
import pytest

from sktaskneuron._semidefinite import solve_semidefinite


@pytest.fixture
def design():
    return np.random.default_rng(0).normal(size=(4, 20, 3))


def test_regular_ones_are_solved_as_numpy_does(design):
    gram, right = np.matmul(design.transpose(0, 2, 1), design), design[:, :3]
    assert np.array_equal(solve_semidefinite(gram, right), np.linalg.solve(gram, right))


def test_a_singular_one_has_the_shortest_answer_and_leaves_the_others_theirs(design):
    design[1] = 0.0
    design[2, :, 1] = 0.0
    y = np.ones((20, 1))
    gram, right = np.matmul(design.transpose(0, 2, 1), design), design.transpose(0, 2, 1) @ y
    with pytest.raises(np.linalg.LinAlgError):
        np.linalg.solve(gram, right)
    found = solve_semidefinite(gram, right)
    for one, given in zip(found, design, strict=True):
        assert one == pytest.approx(np.linalg.lstsq(given, y, rcond=None)[0], abs=1e-12)


def test_what_is_not_finite_stays_so():
    gram = np.array([[[np.nan, 0.0], [0.0, 1.0]], [[0.0, 0.0], [0.0, 0.0]]])
    found = solve_semidefinite(gram, np.ones((2, 2, 1)))
    assert np.isnan(found[0]).any()
    assert (found[1] == 0.0).all()
