"""Every option has an effect, and the effect that its description promises."""

import inspect
from unittest import mock

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from sktaskneuron import (
    NeuronFormula,
    NeuronFormulaSearch,
    NeuronSeekClassifier,
    NeuronSeekRegressor,
)
from sktaskneuron.models.members import group_candidate

from ..data import ALONE, QUICK, draw_classes, draw_columns, draw_people, draw_quadratic

#: One other value for each option that changes the network.
OTHER_NETWORK = {
    "formula": "x + <x,x>:2",
    "hidden_layer_sizes": (4, 4),
    "activation": "tanh",
    "dropout": 0.5,
    "learning_rate": 0.5,
    "weight_decay": 0.9,
    "max_epochs": 20,
    "batch_size": 16,
    "n_members": 2,
    "validation": 0.3,
    "dtype": "float32",
    "random_state": 1,
}
#: Options with a test of their own below, in another file or, for the device, on another machine.
ELSEWHERE = {
    "loss",
    "quantile",
    "power",
    "search",
    "n_iter_no_change",
    "compare_simple",
    "companions",
    "term_evidence",
    "readable",
    "warm_start",
    "time_limit",
    "categorical_features",
    "class_weight",
    "device",
    "n_jobs",
    "skorch_callbacks",
    "verbose",
}


def test_no_option_is_forgotten():
    for kind in (NeuronSeekRegressor, NeuronSeekClassifier):
        names = set(inspect.signature(kind).parameters)
        assert names <= set(OTHER_NETWORK) | ELSEWHERE
        assert not set(OTHER_NETWORK) & ELSEWHERE


class TestNetwork:
    @pytest.mark.parametrize("name", OTHER_NETWORK)
    def test_changes_the_prediction(self, name):
        X, y = draw_quadratic()
        model = NeuronSeekRegressor("x + x**2", **ALONE).fit(X, y)
        other = clone(model).set_params(**{name: OTHER_NETWORK[name]}, compare_simple=False)
        tolerance = 1e-9 if name == "dtype" else 1e-4
        assert not np.allclose(model.predict(X), other.fit(X, y).predict(X), rtol=tolerance, atol=0)

    def test_float32_is_close_to_float64(self):
        X, y = draw_quadratic()
        model = NeuronSeekRegressor("x + x**2", **ALONE)
        double = model.fit(X, y).predict(X)
        single = model.set_params(dtype="float32").fit(X, y).predict(X)
        np.testing.assert_allclose(single, double, atol=1e-3)

    @pytest.mark.parametrize("sizes", [16, [16], (16,), np.array([16])], ids=str)
    def test_ways_to_write_sizes(self, sizes):
        X, y = draw_quadratic()
        expected = NeuronSeekRegressor("x", **{**ALONE, "hidden_layer_sizes": (16,)}).fit(X, y)
        found = NeuronSeekRegressor("x", **{**ALONE, "hidden_layer_sizes": sizes}).fit(X, y)
        np.testing.assert_array_equal(found.predict(X), expected.predict(X))

    def test_ways_to_write_a_formula(self):
        X, y = draw_quadratic()
        formula = NeuronFormula.parse("x + x**2 + <x,x>:2")
        by_value = NeuronSeekRegressor(formula, **ALONE).fit(X, y)
        for text in ("<x,x>:2 + x*x + x", "x**2 + <x,x>:2"):
            by_text = NeuronSeekRegressor(text, **ALONE).fit(X, y)
            np.testing.assert_array_equal(by_text.predict(X), by_value.predict(X))

    def test_epochs_are_exact_or_enough_steps(self):
        X, y = draw_quadratic()
        for max_epochs in (1, 7):
            settings = {**ALONE, "max_epochs": max_epochs, "batch_size": 60}
            assert NeuronSeekRegressor("x", **settings).fit(X, y).n_iter_ == max_epochs
        for batch_size, n_epochs in ((1000, 34), (60, 34), (20, 40)):
            settings = {**ALONE, "max_epochs": "auto", "batch_size": batch_size}
            assert NeuronSeekRegressor("x", **settings).fit(X, y).n_iter_ == n_epochs

    @pytest.mark.parametrize("validation", [0.3, 2])
    def test_early_stopping(self, validation):
        X, y = draw_quadratic()
        settings = {**QUICK, "max_epochs": 100, "learning_rate": 0.5}
        settings |= {"compare_simple": False, "n_members": 2, "validation": validation}
        patient = NeuronSeekRegressor("x", **settings).fit(X, y)
        stopped = NeuronSeekRegressor("x", **settings, n_iter_no_change=3).fit(X, y)
        assert patient.n_iter_ == 100
        assert stopped.n_iter_ < 100
        assert len(stopped.history_["valid_loss"]) == stopped.n_iter_
        best = int(np.argmin(stopped.history_["valid_loss"])) + 1
        assert stopped.n_iter_ == best + 3

    def test_device_cpu_is_auto_without_a_gpu(self):
        torch = pytest.importorskip("torch")
        X, y = draw_quadratic()
        cpu = NeuronSeekRegressor("x", **ALONE, device="cpu").fit(X, y)
        if torch.cuda.is_available() or torch.backends.mps.is_available():
            pytest.skip("there is a GPU")
        auto = NeuronSeekRegressor("x", **ALONE, device="auto").fit(X, y)
        np.testing.assert_array_equal(auto.predict(X), cpu.predict(X))

    def test_device_may_be_set_after_fit(self):
        """As for a model that comes from a machine with a GPU."""
        X, y = draw_quadratic()
        model = NeuronSeekRegressor("x", **ALONE, device="cpu").fit(X, y)
        expected = model.predict(X)
        model.set_params(device="cuda:99")
        with pytest.raises(ValueError, match="'cuda:99' is not available"):
            model.predict(X)
        np.testing.assert_array_equal(model.set_params(device="cpu").predict(X), expected)


def networks_of(model):
    """Packed networks that predict."""
    parts = getattr(model._fitted.predictor.model, "models", (model._fitted.predictor.model,))
    return [part for part in parts if hasattr(part, "n_members")]


class TestValidation:
    """How rows are held out; the splits themselves are tested with the validation."""

    @pytest.mark.parametrize("validation", [2, 3, 0.2, None])
    def test_number_of_members_is_free(self, validation):
        X, y = draw_quadratic(60)
        for n_members in (3, 5):
            settings = {**QUICK, "validation": validation, "n_members": n_members}
            model = NeuronSeekRegressor("x + x**2", **settings, compare_simple=False).fit(X, y)
            (network,) = networks_of(model)
            assert network.n_members == n_members
            assert ("valid_loss" in model.history_) is (validation is not None)

    @pytest.mark.parametrize(
        ("n_members", "shared_out"), [(2, (1, 1)), (5, (3, 2)), ("auto", (4, 4))]
    )
    def test_members_are_shared_out(self, n_members, shared_out):
        X, y = draw_quadratic(60)
        settings = {**QUICK, "n_members": n_members, "validation": 0.3}
        trained = []

        def watch(group, task, recipe, *rest):
            trained.append((group.name, recipe.n_members))
            return group_candidate(group, task, recipe, *rest)

        with mock.patch("sktaskneuron.estimators.neuron_seek.groups.group_candidate", watch):
            model = NeuronSeekRegressor("x + x**2", **settings).fit(X, y)
        assert trained == list(zip(("task", "ranks"), shared_out, strict=True))
        assert set(model.weights_) == {"constant", "linear", "task", "ranks"}

    def test_auto(self):
        settings = {**QUICK, "max_epochs": 1, "validation": "auto", "n_members": "auto"}
        for n_rows in (19, 20):
            X, y = draw_quadratic(n_rows)
            model = NeuronSeekRegressor("x + x**2", **settings).fit(X, y)
            assert ("valid_loss" in model.history_) is (n_rows >= 20)
            assert np.isfinite(model.oof_score_) == (n_rows >= 20)


class TestTable:
    def test_categorical_features(self):
        columns, y = draw_people()
        X = np.column_stack([columns["age"], np.arange(120) % 3])
        as_number = NeuronSeekRegressor("x", **ALONE).fit(X, y)
        as_category = NeuronSeekRegressor("x", **ALONE, categorical_features=[1]).fit(X, y)
        assert len(as_number.encoder_.get_feature_names_out()) == 2
        assert len(as_category.encoder_.get_feature_names_out()) == 4


class TestSearch:
    def test_settings_of_the_search_are_used(self):
        X, y = draw_quadratic()
        default = NeuronSeekRegressor(**ALONE).fit(X, y).formula_
        assert str(default) == "x**2 + <x,x>:1"
        for search in (
            NeuronFormulaSearch(max_interaction_order=0),
            NeuronFormulaSearch(max_order=1),
        ):
            search.set_params(n_resamples=0)
            model = NeuronSeekRegressor(search=search, **ALONE).fit(X, y)
            assert model.formula_ == search.fit(X, y).formula_
            assert model.formula_ != default

    def test_evidence_of_the_search_is_kept(self):
        X, y = draw_quadratic()
        model = NeuronSeekRegressor(search=NeuronFormulaSearch(n_resamples=3), **ALONE).fit(X, y)
        assert model.search_.selection_frequency_["x**2"] == 1.0
        assert model.search_.term_gain_["x**2"] > 0.5

    def test_orders(self):
        X = draw_columns(200)
        y = X[:, 0] ** 4 + X[:, 1] * X[:, 2] * X[:, 3]
        full = NeuronFormulaSearch(n_resamples=0).fit(X, y)
        assert str(full.formula_) == "x**4 + <x,x,x>:1"
        low = NeuronFormulaSearch(max_order=2, max_interaction_order=2, n_resamples=0).fit(X, y)
        assert set(low.formula_.interactions) <= {2}
        assert set(low.formula_.pure) <= {"x", "x**2"}

    def test_rank(self):
        X = draw_columns(400, 6)
        y = X[:, 0] * X[:, 1] + X[:, 2] * X[:, 3] + X[:, 4] * X[:, 5]
        ranks = {
            max_rank: NeuronFormulaSearch(max_rank=max_rank, n_resamples=0).fit(X, y).formula_
            for max_rank in (1, 8)
        }
        assert ranks[8].interactions[2] > 1
        assert ranks[1].interactions[2] == 1

    def test_criterion(self):
        """The plain criterion, which does not charge for the choice of columns, takes up more."""
        rng = np.random.default_rng(0)
        n_terms = {"bic": 0, "ebic": 0, "cv": 0}
        for _ in range(4):
            X, y = rng.normal(size=(60, 12)), rng.normal(size=60)
            for criterion in n_terms:
                search = NeuronFormulaSearch(
                    criterion=criterion, max_order=2, max_interaction_order=0, n_resamples=0
                ).fit(X, y)
                n_terms[criterion] += len(search.fitted_formula_.terms)
        assert n_terms["bic"] > n_terms["ebic"] == 0
        assert n_terms["cv"] < n_terms["bic"]

    def test_steps(self):
        X, y = draw_quadratic()
        search = NeuronFormulaSearch(max_steps=1, n_resamples=0).fit(X, y)
        assert search.n_iter_ == 1
        assert len(search.fitted_formula_.terms) == 1

    def test_rows(self):
        X, y = draw_quadratic(300)
        few = NeuronFormulaSearch(max_samples=100, n_resamples=0).fit(X, y)
        assert any("100 of 300 rows" in cap for cap in few.caps_)
        other = NeuronFormulaSearch(max_samples=100, n_resamples=0, random_state=1).fit(X, y)
        assert few.formula_ == other.formula_
        assert few.criterion_ != other.criterion_
        assert NeuronFormulaSearch(n_resamples=0).fit(X, y).caps_ == ()

    def test_resamples(self):
        X, y = draw_quadratic()
        search = NeuronFormulaSearch(n_resamples=3).fit(X, y)
        assert set(search.selection_frequency_) >= {"x**2", "<x,x>"}
        assert all(0 <= share <= 1 for share in search.selection_frequency_.values())
        assert set(search.term_gain_) == {"x**2", "<x,x>"}
        assert len(search.pareto_front_) >= 2
        assert search.criterion_ < search.null_criterion_
        search.set_params(n_resamples=0).fit(X, y)
        for name in ("selection_frequency_", "term_gain_", "pareto_front_"):
            assert not hasattr(search, name)

    def test_engine(self):
        X, y = draw_quadratic(200)
        search = NeuronFormulaSearch(
            engine="gates", max_steps=300, max_order=2, max_interaction_order=2, n_resamples=0
        ).fit(X, y)
        assert "x**2" in search.formula_.pure
        assert np.isfinite(search.transform(X)).all()

    def test_engine_without_enough_steps_says_so(self):
        X, y = draw_quadratic()
        search = NeuronFormulaSearch(engine="gates", max_steps=20, n_resamples=0)
        with pytest.warns(ConvergenceWarning, match="Raise max_steps"):
            search.fit(X, y)

    def test_classes(self):
        X, y = draw_classes(200)
        model = NeuronSeekClassifier(**ALONE).fit(X, y)
        assert str(model.formula_) == "x**2"
        assert model.search_.classes_.tolist() == [0, 1]
