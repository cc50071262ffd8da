"""Forward and backward selection of columns: what they find, and that their losses are true."""

import itertools

import numpy as np
import pytest

from sktaskneuron.search.columns.builtin.select import Sums, backward, forward

WAYS = {"forward": forward, "backward": backward}


def draw(n=120, d=12, seed=0):
    rng = np.random.default_rng(seed)
    return rng, rng.normal(size=(n, d))


def share_left(values, target, weight):
    """Share of the weighted variance that least squares with a constant leaves."""
    root = np.sqrt(weight)
    design = np.column_stack([np.ones(len(target)), values]) * root[:, None]
    coef = np.linalg.lstsq(design, target * root, rcond=None)[0]
    mean = np.average(target, weights=weight)
    return np.sum((target * root - design @ coef) ** 2) / (weight @ (target - mean) ** 2)


@pytest.mark.parametrize("way", WAYS)
def test_the_truth_is_found_and_every_loss_is_that_of_least_squares(way):
    rng, values = draw()
    target = 5 + values[:, [1, 4, 7]] @ [1.0, -2.0, 0.5] + 0.1 * rng.normal(size=120)
    weight = rng.uniform(0.5, 2, size=120)
    sums = WAYS[way](values, target, weight, 8, weight.sum())
    assert sums.places[3] == (1, 4, 7)
    assert sums.loss[0] == 1.0
    for size, places in sums.places.items():
        assert len(places) == size
        expected = share_left(values[:, list(places)], target, weight)
        assert sums.loss[size] == pytest.approx(expected, rel=1e-8)
    sizes = sorted(sums.loss)
    assert all(sums.loss[a] >= sums.loss[b] for a, b in itertools.pairwise(sizes))


def test_an_exchange_undoes_a_greedy_first_step():
    """The first column is nearly the sum of the two that the target is made of."""
    rng, values = draw(300, 6)
    target = values[:, 1] + values[:, 2]
    values[:, 0] = target + 0.5 * rng.normal(size=300)
    sums = forward(values, target, np.ones(300), 6, 300.0)
    assert sums.places[1] == (0,)
    assert sums.places[2] == (1, 2)
    assert sums.loss[2] < 1e-24


def test_backward_finds_what_single_steps_miss():
    """A small difference of large collinear columns: alone, none of the two says anything."""
    rng, values = draw(200, 8)
    values[:, 1] = values[:, 0] + 1e-3 * rng.normal(size=200)
    target = 1e3 * (values[:, 0] - values[:, 1])
    sums = backward(values, target, np.ones(200), 5, 200.0)
    assert sums.places[2] == (0, 1)
    assert sums.loss[2] < 1e-15


@pytest.mark.parametrize("way", WAYS)
def test_weights_are_repeated_rows(way):
    rng, values = draw(60, 7)
    target = values[:, 0] - values[:, 3] + rng.normal(size=60)
    copies = rng.integers(1, 5, size=60)
    weighted = WAYS[way](values, target, copies.astype(float), 5, copies.sum())
    rows = np.repeat(np.arange(60), copies)
    repeated = WAYS[way](values[rows], target[rows], np.ones(len(rows)), 5, len(rows))
    assert weighted.places == repeated.places
    assert weighted.loss == pytest.approx(repeated.loss)


@pytest.mark.parametrize("way", WAYS)
def test_few_observations_allow_few_columns(way):
    _, values = draw(60, 10)
    target = values @ np.ones(10)
    sums = WAYS[way](values, target, np.full(60, 0.2), 10, 12.0)
    assert max(sums.places) == 3


def test_steps_end_where_nothing_pays():
    rng, values = draw(200, 40)
    target = values[:, 5] + 1.0 * rng.normal(size=200)
    assert max(forward(values, target, np.ones(200), 20, 200.0).places) <= 5


@pytest.mark.parametrize("way", WAYS)
def test_copies_and_constants_are_not_chosen_beside_each_other(way):
    rng, values = draw(100, 4)
    values = np.column_stack([values, values[:, 0], np.full(100, 3.0)])
    target = values[:, 0] + values[:, 1] + 0.01 * rng.normal(size=100)
    sums = WAYS[way](values, target, np.ones(100), 6, 100.0)
    assert sums.places[2] in ((0, 1), (1, 4))
    for places in sums.places.values():
        assert 5 not in places
        assert not {0, 4} <= set(places)


@pytest.mark.parametrize("way", WAYS)
def test_no_columns(way):
    sums = WAYS[way](np.zeros((10, 0)), np.arange(10.0), np.ones(10), 3, 10.0)
    assert sums.places == {0: ()}


def test_a_worse_sum_of_the_same_size_is_not_taken():
    sums = Sums({}, {})
    sums.add((3, 1), 0.5)
    sums.add((2, 4), 0.6)
    assert sums.places == {2: (1, 3)}
    sums.add((2, 4), 0.4)
    assert (sums.places, sums.loss) == ({2: (2, 4)}, {2: 0.4})


@pytest.mark.parametrize("near", [1.0, 1e-3, 1e-7])
def test_columns_that_are_taken_out_leave_what_a_new_fit_tells(near):
    """Pairs of columns that are nearly equal: the nearer, the fewer digits a step may cost."""
    rng, values = draw(400, 20)
    values = np.hstack([values, values + near * rng.normal(size=(400, 20))])
    target = values[:, [1, 4, 27]] @ [1.0, -2.0, 0.5] + 0.1 * rng.normal(size=400)
    weight = rng.uniform(0.5, 2, size=400)
    sums = backward(values, target, weight, 39, weight.sum())
    assert sorted(sums.places) == list(range(40))
    for size, places in sums.places.items():
        expected = share_left(values[:, list(places)], target, weight)
        assert sums.loss[size] == pytest.approx(expected, rel=1e-7)
    assert {place % 20 for place in sums.places[3]} == {1, 4, 7}
