"""Which groups of networks are trained, and what they carry."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from sktaskneuron import NeuronSeekClassifier, NeuronSeekRegressor
from sktaskneuron.estimators.neuron_seek.defaults import Defaults
from sktaskneuron.nn import PiecewiseLinearEmbedding

from ..data import QUICK, draw_classes, draw_quadratic


class Binned(NeuronSeekRegressor):
    """Trains bins on tables of any number of rows."""

    _defaults = Defaults(bins_from=0)


@pytest.fixture
def keeps_candidates(monkeypatch):
    """Estimators whose fit leaves all candidates on a list."""
    from sktaskneuron.estimators.neuron_seek import run

    found = []
    choose = run.choose

    def watched(task, validation, candidates, margin):
        found[:] = candidates
        return choose(task, validation, candidates, margin)

    monkeypatch.setattr(run, "choose", watched)
    return found


def network_of(candidates, name):
    [found] = [candidate for candidate in candidates if candidate.name == name]
    return found.model.network()


def test_bins_have_edges_between_the_values(keeps_candidates):
    X, y = draw_quadratic(90)
    X[:, 1] = np.arange(90) % 3
    model = Binned("x", **QUICK).fit(X, y)
    terms = network_of(keeps_candidates, "bins").input.terms
    assert isinstance(terms, PiecewiseLinearEmbedding)
    inner = model.scaler_.transform(X[:3] * 0 + [[0, 0.5, *[0] * (X.shape[1] - 2)]])[0, 1]
    edges = np.unique(terms.edges[1].numpy())
    assert len(edges) == 4
    assert np.isclose(edges, inner, atol=1e-6).any()
    assert not hasattr(model, "rank_scaler_")


def test_tables_of_very_many_columns_have_ranks_in_place_of_bins(keeps_candidates):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 129))
    model = Binned("x", **QUICK).fit(X, X[:, 0])
    assert [c.name for c in keeps_candidates][-2:] == ["task", "ranks"]
    assert model.rank_scaler_.n_features_in_ == 129
    model.fit(X[:, :128], X[:, 0])
    assert [c.name for c in keeps_candidates][-2:] == ["task", "bins"]
    assert not hasattr(model, "rank_scaler_")


@pytest.mark.parametrize("classification", [False, True])
def test_bins_from_so_many_rows_on(classification):
    defaults, fewest = Defaults(), 1_000 if classification else 5_000
    for n_rows, n_numeric, bins in ((fewest, 1, True), (fewest, 0, False), (fewest - 1, 1, False)):
        assert defaults.uses_bins(classification, n_rows, n_numeric) is bins
        names = [group.name for group in defaults.rivals_of(classification, bins=bins)]
        assert names[0] == ("bins" if bins else "ranks")


@pytest.mark.parametrize(
    ("n_rows", "expected"), [(154, (34, 12)), (1_500, (40, 2)), (24_000, (22, 1))]
)
def test_epochs_have_steps_enough_for_a_look_at_the_held_out_rows(n_rows, expected):
    assert Defaults().epochs(n_rows, 256) == expected


def test_networks_that_go_on_stay_what_they_are():
    X, y = draw_quadratic(90)
    model = NeuronSeekRegressor("x", **QUICK, warm_start=True).fit(X, y)
    model._defaults = Defaults(bins_from=0)
    assert "bins" not in model.fit(X, y).weights_


def test_label_smoothing_by_group(monkeypatch):
    from sktaskneuron import training

    smoothing, fit_members = [], training.fit_members

    def watched(*args, **options):
        smoothing.append(options["label_smoothing"])
        return fit_members(*args, **options)

    monkeypatch.setattr(training, "fit_members", watched)
    (bins, *_) = Defaults().class_rivals

    class Sharp(NeuronSeekClassifier):
        _defaults = Defaults(class_rivals=(replace(bins, label_smoothing=0.3),), class_bins_from=0)

    Sharp("x", **QUICK).fit(*draw_classes())
    assert smoothing == [Defaults().label_smoothing, 0.3]


class TestFoundProducts:
    """Networks start from the directions of the products that the search has found."""

    @staticmethod
    def draw(n_rows=400):
        rng = np.random.default_rng(0)
        X = rng.normal(size=(n_rows, 6)) * [1, 10, 0.1, 1, 1, 1] + [0, 50, 0, 0, 0, 0]
        return X, X[:, 0] * X[:, 2] * (X[:, 1] - 50) + 0.1 * rng.normal(size=n_rows)

    def test_start(self, monkeypatch):
        from sktaskneuron.models import members

        X, y = self.draw()
        build, built = members._network, []

        def watched(*arguments):
            network = build(*arguments)
            if 3 in dict(network.first.interactions):
                built.append(network.first.factors_of(3).detach().numpy().copy())
            return network

        monkeypatch.setattr(members, "_network", watched)
        NeuronSeekRegressor(**QUICK | {"formula": "td"}).fit(X, y)
        [factors] = built
        found = np.abs(factors[..., 0])  # of every member, (order, column)
        assert (np.sort(found.argmax(axis=-1)) == [0, 1, 2]).all()
        assert (found.max(axis=-1) > 0.99).all()

    def test_levels_of_columns_have_no_part(self):
        X, y = self.draw()
        table = pd.DataFrame(X, columns=list("abcdef"))
        table["town"] = [f"town {number % 90}" for number in range(len(X))]
        model = NeuronSeekRegressor(**QUICK | {"formula": "td"}).fit(table, y)
        assert 3 in model.formula_.interactions
        assert np.isfinite(model.predict(table)).all()

    def test_groups_without_products(self):
        X, y = self.draw()
        told = NeuronSeekRegressor(**QUICK | {"formula": "td"}, term_evidence=True).fit(X, y)
        assert "products" in told.formula_gain_

    def test_it_learns_a_product_of_three_columns(self):
        X, y = self.draw(1500)
        settings = {"hidden_layer_sizes": 32, "max_epochs": 10, "random_state": 0}
        found = NeuronSeekRegressor(**settings).fit(X, y).validation_scores_["task"]
        drawn = NeuronSeekRegressor("x + <x,x>:16 + <x,x,x>:1", **settings).fit(X, y)
        assert found > drawn.validation_scores_["task"] + 0.1
