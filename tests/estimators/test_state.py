"""What a fitted estimator is made of: plain arrays, from one seed, and nothing of the caller's."""

import io
import pickle

import joblib
import numpy as np
import pytest
import skops.io

from sktaskneuron import NeuronFormulaSearch, NeuronSeekClassifier, NeuronSeekRegressor

from .data import (
    ALONE,
    QUICK,
    draw_by_odds,
    draw_classes,
    draw_columns,
    draw_people,
    draw_quadratic,
)

MODELS = {
    "regressor, linear": NeuronSeekRegressor("x", **QUICK),
    "regressor, formula": NeuronSeekRegressor(**QUICK),
    "regressor, network": NeuronSeekRegressor("x + x**2 + <x,x>:2", **QUICK, compare_simple=False),
    "classifier, linear": NeuronSeekClassifier("x", **QUICK),
    "classifier, formula": NeuronSeekClassifier(**QUICK),
    "classifier, network": NeuronSeekClassifier("x + <x,x>:2", **QUICK, compare_simple=False),
    "search": NeuronFormulaSearch(n_resamples=2),
    "search of classes": NeuronFormulaSearch(n_resamples=0),
}


def fit(name, n_rows=120):
    X, y = draw_quadratic(n_rows)
    if "linear" in name:
        y = X[:, 0] - X[:, 1] + 0.1 * y
    if "class" in name:
        X, y = draw_by_odds(
            lambda X: 2 * X[:, 0] - X[:, 1] if "linear" in name else 2 * X[:, 0] ** 2 - 2,
            max(n_rows, 200),
        )
    model = MODELS[name].fit(X, y)
    kind = name.partition(", ")[2]
    if kind in ("linear", "formula"):
        assert model.selected_ == kind
    return model, X


def outputs(model, X):
    names = [name for name in ("predict", "predict_proba", "transform") if hasattr(model, name)]
    return [getattr(model, name)(X) for name in names]


def through_pickle(model):
    return pickle.loads(pickle.dumps(model))


def through_joblib(model):
    file = io.BytesIO()
    joblib.dump(model, file)
    file.seek(0)
    return joblib.load(file)


def through_skops(model):
    data = skops.io.dumps(model)
    untrusted = skops.io.get_untrusted_types(data=data)
    assert all(name.startswith("sktaskneuron.") for name in untrusted)
    return skops.io.loads(data, trusted=untrusted)


class TestSaving:
    @pytest.mark.parametrize("way", [through_pickle, through_joblib, through_skops])
    @pytest.mark.parametrize("name", MODELS)
    def test_round_trip(self, name, way):
        model, X = fit(name)
        twin = way(model)
        for before, after in zip(outputs(model, X), outputs(twin, X), strict=True):
            np.testing.assert_array_equal(after, before)
        assert twin.formula_ == model.formula_
        assert twin.get_params().keys() == model.get_params().keys()
        if twin.fitted_formula_ is not None:
            assert twin.fitted_formula_ == model.fitted_formula_
            assert twin.expression_ == model.expression_

    @pytest.mark.parametrize("way", [through_pickle, through_skops])
    def test_table_with_categories(self, way):
        pd = pytest.importorskip("pandas")
        columns, y = draw_people()
        table = pd.DataFrame(columns)
        model = NeuronSeekRegressor("x + x**2", **ALONE).fit(table, y)
        np.testing.assert_array_equal(way(model).predict(table), model.predict(table))

    @pytest.mark.parametrize("name", ["regressor, network", "classifier, network", "search"])
    def test_holds_no_rows_and_no_optimiser(self, name):
        """The pickle of a fit on many times the rows is as large.

        From 1,000 rows on: so many quantiles of each column are kept.
        """
        before = len(pickle.dumps(fit(name, n_rows=1500)[0]))
        large, X = fit(name, n_rows=6000)
        assert len(pickle.dumps(large)) - before < 5_000 < X.nbytes / 30

    def test_size_is_that_of_the_weights(self):
        X, y = draw_quadratic()
        settings = {**QUICK, "hidden_layer_sizes": (64, 64), "compare_simple": False}
        model = NeuronSeekRegressor("x + x**2", **settings).fit(X, y)
        n_weights = (4 * 2 + 1) * 64 + 65 * 64 + 65 + 2 * 4
        n_quantiles = 3 * X.size
        size = settings["n_members"] * n_weights * 4 + n_quantiles * 8
        # the forest that intervals are told by has one size, whatever the table
        forest = vars(model._fitted.spread.forest).values()
        size += sum(array.nbytes for array in forest)
        assert 0.9 * size < len(pickle.dumps(model)) < size + 10_000

    @pytest.mark.parametrize("name", MODELS)
    def test_state_holds_no_tensor(self, name):
        model, X = fit(name)
        outputs(model, X)
        assert b"torch" not in pickle.dumps(model)


class TestRandomness:
    @pytest.mark.parametrize(
        "settings", [QUICK, {**QUICK, "validation": 0.3}, {**QUICK, "validation": None}], ids=str
    )
    @pytest.mark.parametrize("formula", ["td", "x + x**2 + <x,x>:2"])
    def test_same_seed_same_model(self, formula, settings):
        X, y = draw_quadratic()
        settings = {**settings, "compare_simple": False, "dropout": 0.2, "batch_size": 32}
        first, second = (NeuronSeekRegressor(formula, **settings).fit(X, y) for _ in range(2))
        np.testing.assert_array_equal(first.predict(X), second.predict(X))
        assert first.history_ == second.history_
        other = NeuronSeekRegressor(formula, **{**settings, "random_state": 1}).fit(X, y)
        assert not np.allclose(first.predict(X), other.predict(X))

    def test_classifier(self):
        X, y = draw_classes()
        settings = {**QUICK, "compare_simple": False}
        first, second = (NeuronSeekClassifier("x + x**2", **settings).fit(X, y) for _ in range(2))
        np.testing.assert_array_equal(first.predict_proba(X), second.predict_proba(X))
        other = NeuronSeekClassifier("x + x**2", **{**settings, "random_state": 1}).fit(X, y)
        assert not np.allclose(first.predict_proba(X), other.predict_proba(X))

    def test_none_draws_anew(self):
        X, y = draw_quadratic()
        settings = {**ALONE, "random_state": None}
        first, second = (NeuronSeekRegressor("x", **settings).fit(X, y) for _ in range(2))
        assert not np.allclose(first.predict(X), second.predict(X))

    def test_random_state_object_goes_on(self):
        X, y = draw_quadratic()
        stream = np.random.RandomState(0)
        settings = {**ALONE, "random_state": stream}
        first, second = (NeuronSeekRegressor("x", **settings).fit(X, y) for _ in range(2))
        assert not np.allclose(first.predict(X), second.predict(X))

    def test_search_is_deterministic(self):
        X, y = draw_quadratic()
        first, second = (NeuronFormulaSearch().fit(X, y) for _ in range(2))
        assert first.fitted_formula_ == second.fitted_formula_
        assert first.selection_frequency_ == second.selection_frequency_

    def test_global_streams_are_left_alone(self):
        import torch

        X, y = draw_quadratic()
        c = y > 1
        np.random.seed(3)  # noqa: NPY002 - the stream of a user who still seeds globally
        torch.manual_seed(3)
        numpy_state, torch_state = np.random.get_state()[1].copy(), torch.get_rng_state().clone()  # noqa: NPY002
        NeuronSeekRegressor(**{**QUICK, "dropout": 0.5, "random_state": None}).fit(X, y).predict(X)
        NeuronSeekRegressor("x + <x,x>:2", **{**QUICK, "compare_simple": False}).fit(X, y).predict(
            X
        )
        NeuronSeekClassifier("x + x**2", **QUICK).fit(X, c).predict(X)
        NeuronFormulaSearch(engine="gates", max_steps=300, n_resamples=0).fit(X, y).transform(X)
        np.testing.assert_array_equal(np.random.get_state()[1], numpy_state)  # noqa: NPY002
        assert torch.equal(torch.get_rng_state(), torch_state)

    def test_global_streams_have_no_say(self):
        import torch

        X, y = draw_quadratic()
        predictions = []
        for seed in (1, 2):
            np.random.seed(seed)  # noqa: NPY002
            torch.manual_seed(seed)
            model = NeuronSeekRegressor("x + <x,x>:2", **{**QUICK, "compare_simple": False})
            predictions.append(model.fit(X, y).predict(X))
        np.testing.assert_array_equal(*predictions)


class TestCallersArrays:
    @pytest.mark.parametrize("name", MODELS)
    def test_read_only_and_untouched(self, name):
        X, y = draw_quadratic()
        X = np.asfortranarray(X)
        y = np.where(y > 1, "high", "low") if "class" in name else y
        weight = np.random.default_rng(0).uniform(0.5, 2.0, size=len(y))
        copies = X.copy(), y.copy(), weight.copy()
        for array in (X, y, weight):
            array.setflags(write=False)
        outputs(MODELS[name].fit(X, y, sample_weight=weight), X)
        for array, copy in zip((X, y, weight), copies, strict=True):
            np.testing.assert_array_equal(array, copy)

    def test_writable_arrays_are_not_written(self):
        """Values too small to be squared are read as zero, in our copy only."""
        X, y = draw_quadratic()
        X[0, 0], y[0] = 1e-200, 1e-200
        NeuronSeekRegressor("x", **ALONE).fit(X, y).predict(X)
        assert X[0, 0] == 1e-200
        assert y[0] == 1e-200

    def test_predictions_do_not_share_memory(self):
        X, y = draw_quadratic()
        model = NeuronSeekRegressor("x", **ALONE).fit(X, y)
        first = model.predict(X)
        kept = first.copy()
        first[:] = 0.0
        np.testing.assert_array_equal(model.predict(X), kept)

    def test_fitted_model_does_not_see_later_changes(self):
        X, y = draw_quadratic()
        model = NeuronSeekRegressor(**QUICK).fit(X, y)
        expected = model.predict(X)
        original = X.copy()
        X[:], y[:] = 0.0, 0.0
        np.testing.assert_array_equal(model.predict(original), expected)


class TestPrediction:
    @pytest.mark.parametrize("name", MODELS)
    def test_float64(self, name):
        model, X = fit(name)
        for values in outputs(model, X):
            assert values.dtype == np.float64 or values.dtype.kind == "U"

    @pytest.mark.parametrize("name", MODELS)
    def test_row_by_row(self, name):
        model, X = fit(name)
        whole = outputs(model, X)
        single = [outputs(model, X[i : i + 1]) for i in range(0, 20)]
        for values, rows in zip(whole, zip(*single, strict=True), strict=True):
            if values.dtype.kind == "U":
                np.testing.assert_array_equal(np.concatenate(rows), values[:20])
            else:
                np.testing.assert_allclose(
                    np.concatenate(rows), values[:20], rtol=1e-10, atol=1e-12
                )

    def test_many_rows(self):
        X, y = draw_quadratic()
        model = NeuronSeekRegressor("x + <x,x>:2", **{**QUICK, "compare_simple": False}).fit(X, y)
        many = draw_columns(5000, seed=4)
        np.testing.assert_array_equal(
            model.predict(many)[3000:3100], model.predict(many[3000:3100])
        )
