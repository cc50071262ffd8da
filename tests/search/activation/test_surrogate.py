"""The search that a Gaussian process on features guides."""

import numpy as np
import pytest
from scipy import stats

from sktaskneuron.search.activation.admission import dedupe
from sktaskneuron.search.activation.features import fisher_features, output_features
from sktaskneuron.search.activation.grammar import sample
from sktaskneuron.search.activation.surrogate import (
    GaussianProcess,
    normal_scores,
    reduced,
    search_surrogate,
)

from .helpers import CLASSICS

POOL = dedupe([*CLASSICS.values(), *sample(np.random.default_rng(0), 150)])
TARGET = "x*tanh(softplus(x)) + 0.2*sin(2*x)"


@pytest.fixture(scope="module")
def features():
    rng = np.random.default_rng(1)
    X = rng.standard_normal((120, 5))
    y = np.sin(2 * X[:, 0]) + X[:, 1] * X[:, 2]
    return [
        output_features(POOL),
        fisher_features(POOL, X, y, (10, 10), 1, classification=False, seed=0),
    ]


@pytest.fixture(scope="module")
def table(features):
    """A loss that both blocks know of, with a tenth of noise."""
    outputs, fisher = features
    loss = np.abs(outputs - output_features([TARGET])).mean(axis=1)
    loss = loss + np.abs(fisher - fisher[POOL.index("sin(x)")]).mean(axis=1)
    noise = np.random.default_rng(2).standard_normal(len(POOL))
    return dict(zip(POOL, loss * np.exp(0.1 * noise), strict=True))


def evaluator(table):
    return lambda texts: [table[text] for text in texts]


def searched(features, table, seed=0, **options):
    options = {"n_evaluations": 24, "initial": 8, "batch_size": 4, **options}
    return search_surrogate(
        POOL, features, evaluator(table), rng=np.random.default_rng(seed), **options
    )


class TestProcess:
    def test_predicts_better_than_chance(self, features, table):
        loss = np.array(list(table.values()))
        points = reduced(features)
        order = np.random.default_rng(3).permutation(len(POOL))
        predicted = np.empty(len(POOL))
        for fold in np.array_split(order, 5):
            rest = np.setdiff1d(order, fold)
            process = GaussianProcess(points[rest], normal_scores(loss[rest]))
            predicted[fold] = process.predict(points[fold])[0]
        assert stats.spearmanr(predicted, loss).statistic > 0.8

    def test_knows_nothing_of_noise(self, features):
        points = reduced(features)
        noise = normal_scores(np.random.default_rng(4).standard_normal(len(POOL)))
        mean, deviation = GaussianProcess(points[:100], noise[:100]).predict(points[100:])
        assert np.abs(mean).mean() < 0.4
        assert (deviation > 0.05).all()

    def test_sure_where_it_has_been(self):
        points = np.random.default_rng(5).standard_normal((40, 8)) * 0.3
        process = GaussianProcess(points, normal_scores(points[:, 0]))
        near, far = process.predict(points)[1], process.predict(points + 5)[1]
        assert near.mean() < 0.5 * far.mean()

    def test_scores_are_ranks(self):
        scores = normal_scores(np.array([3.0, 1e9, np.inf, -2.0]))
        assert np.argsort(scores).tolist() == [3, 0, 1, 2]
        assert np.isfinite(scores).all()

    def test_blocks_weigh_alike_and_marks_stay(self):
        rng = np.random.default_rng(6)
        one, two = rng.standard_normal((30, 20)), 1000 * rng.standard_normal((30, 50))
        two[4] = np.nan
        points = reduced([one, two])
        assert points.shape == (30, 16)
        assert np.flatnonzero(np.isnan(points).any(axis=1)).tolist() == [4]
        kept = np.delete(points, 4, axis=0)
        np.testing.assert_allclose(np.square(kept[:, 8:]).sum(axis=1).mean(), 1)
        assert np.square(kept[:, :8]).sum(axis=1).mean() == pytest.approx(1, rel=0.1)


class TestSearch:
    def test_beats_random_choice(self, features, table):
        loss = np.array(list(table.values()))
        ranks = stats.rankdata(loss)
        place = {text: i for i, text in enumerate(POOL)}
        guided, random = [], []
        for seed in range(8):
            result = searched(features, table, seed)
            guided.append(ranks[[place[text] for text in result.texts]].min())
            drawn = np.random.default_rng([seed, 1]).permutation(len(POOL))[:24]
            random.append(ranks[drawn].min())
        assert np.mean(guided) < 0.5 * np.mean(random)

    def test_answer(self, features, table):
        result = searched(features, table)
        assert len(result.texts) == len(set(result.texts)) == 24
        assert result.losses.tolist() == [table[text] for text in result.texts]
        assert {*result.texts, *result.remaining} == set(POOL)
        truth = [table[text] for text in result.remaining]
        assert stats.spearmanr(result.predicted, truth).statistic > 0.5
        assert result.predicted.min() >= result.losses.min()
        assert (result.deviation > 0).all()
        assert result.ranked[0][1] == result.losses.min()

    def test_initial_functions_come_first(self, features, table):
        first = [CLASSICS["silu"], CLASSICS["tanh"]]
        assert searched(features, table, initial=first).texts[:2] == tuple(first)

    def test_without_initial_functions(self, features, table):
        assert len(searched(features, table, initial=[]).texts) == 24

    def test_whole_pool(self, features, table):
        result = searched(features, table, n_evaluations=1000, initial=150)
        assert set(result.texts) == set(POOL)
        assert result.remaining == ()
        assert len(result.predicted) == 0

    def test_same_seed_same_answer(self, features, table):
        one, two = searched(features, table, 3), searched(features, table, 3)
        assert one.texts == two.texts
        np.testing.assert_array_equal(one.predicted, two.predicted)
        assert searched(features, table, 4).texts != one.texts

    def test_exploration_has_an_effect(self, features, table):
        bold = searched(features, table, exploration=5.0)
        greedy = searched(features, table, exploration=0.0)
        assert bold.texts[:8] == greedy.texts[:8]
        spread = [np.std([table[t] for t in r.texts[8:]]) for r in (bold, greedy)]
        assert spread[0] > spread[1]

    def test_failed_training(self, features, table):
        broken = {
            t: np.nan if "exp" in t else np.inf if "sin" in t else v for t, v in table.items()
        }
        result = searched(features, broken)
        assert len(result.texts) == 24
        assert not np.isnan(result.losses).any()
        assert np.isfinite(result.predicted).all()
        all_failed = searched(features, dict.fromkeys(POOL, np.nan))
        assert np.isinf(all_failed.losses).all()
        assert np.isinf(all_failed.predicted).all()

    def test_functions_without_features_are_left_out(self, features, table):
        marked = [features[0], features[1].copy()]
        marked[1][::2] = np.nan
        result = searched(marked, table, initial=[POOL[0], POOL[1]], n_evaluations=1000)
        assert set(result.texts) == {POOL[0], *POOL[1::2]}
        assert np.isnan(result.predicted).all()

    def test_hook_sees_all_and_stops(self, features, table):
        seen = []

        def hook(step, texts, losses):
            seen.append((step, len(texts), len(losses)))
            return step == 2

        assert len(searched(features, table, on_step=hook).texts) == 16
        assert seen == [(0, 8, 8), (1, 12, 12), (2, 16, 16)]

    def test_misuse(self, features, table):
        with pytest.raises(ValueError, match="'cube', which is not in the pool"):
            searched(features, table, initial=["cube"])
        with pytest.raises(ValueError, match="needs a row for each"):
            searched([features[0][:5]], table)
        rng = np.random.default_rng(0)
        options = {"n_evaluations": 2, "initial": 1, "rng": rng}
        with pytest.raises(ValueError, match="a text twice"):
            search_surrogate(["x", "x"], [np.eye(2)], lambda texts: [1.0], **options)
        with pytest.raises(ValueError, match="one loss for each of 1 texts"):
            search_surrogate(["x", "x**2"], [np.eye(2)], lambda texts: [1.0, 2.0], **options)
