"""Bad input ends in a clear error, or in a sane result where there is one: never in a NaN."""

import warnings
from unittest import mock

import numpy as np
import pandas as pd
import pytest

from sktaskneuron import (
    HamiltonianMLPRegressor,
    NeuronFormula,
    NeuronFormulaSearch,
    NeuronSeekClassifier,
    NeuronSeekRegressor,
)
from sktaskneuron.exceptions import DataWarning, FormulaError, SkTaskNeuronError

from .data import ALONE, QUICK, draw_classes, draw_columns, draw_quadratic

KINDS = ["regressor", "classifier", "search", "search of classes"]


def make(kind):
    if kind == "regressor":
        return NeuronSeekRegressor(**QUICK)
    if kind == "classifier":
        return NeuronSeekClassifier(**QUICK)
    return NeuronFormulaSearch(n_resamples=0)


def target_of(kind, n_rows=60):
    X, y = draw_quadratic(n_rows)
    return X, (np.where(y > np.median(y), "high", "low") if "class" in kind else y)


def output(model, X):
    if isinstance(model, NeuronFormulaSearch):
        return model.transform(X)
    if isinstance(model, NeuronSeekClassifier):
        return model.predict_proba(X)
    return model.predict(X)


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


class TestTable:
    def test_wrong_number_of_columns(self, kind):
        X, y = target_of(kind)
        model = make(kind).fit(X, y)
        name = type(model).__name__
        with pytest.raises(ValueError, match=f"X has 3 features, but {name} is expecting 4"):
            output(model, X[:, :3])

    def test_wrong_names(self, kind):
        X, y = target_of(kind)
        table = pd.DataFrame(X, columns=list("abcd"))
        model = make(kind).fit(table, y)
        with pytest.raises(ValueError, match="feature names should match"):
            output(model, table.rename(columns={"d": "e"}))
        with pytest.raises(ValueError, match="same order"):
            output(model, table[list("dcba")])

    @pytest.mark.parametrize("value", [np.inf, -np.inf])
    def test_infinity(self, kind, value):
        X, y = target_of(kind)
        bad = X.copy()
        bad[3, 1] = value
        with pytest.raises(ValueError, match="X contains infinity"):
            make(kind).fit(bad, y)
        with pytest.raises(ValueError, match="X contains infinity"):
            output(make(kind).fit(X, y), bad)

    def test_empty(self, kind):
        X, y = target_of(kind)
        with pytest.raises(ValueError, match=r"0 sample\(s\)"):
            make(kind).fit(X[:0], y[:0])
        with pytest.raises(ValueError, match=r"0 feature\(s\)"):
            make(kind).fit(X[:, :0], y)
        with pytest.raises(ValueError, match=r"0 sample\(s\)"):
            output(make(kind).fit(X, y), X[:0])

    def test_lengths_differ(self, kind):
        X, y = target_of(kind)
        with pytest.raises(ValueError, match="inconsistent numbers of samples"):
            make(kind).fit(X, y[:-1])

    def test_cells_that_are_no_numbers(self, kind):
        X, y = target_of(kind)
        with pytest.raises(TypeError, match="'when' does not hold numbers"):
            make(kind).fit(pd.DataFrame({"when": [{}] * 60, "x": X[:, 0]}), y)

    def test_constant_and_duplicated_columns_change_nothing(self, kind):
        X, y = target_of(kind)
        plain = make(kind).fit(X, y)
        wide = np.column_stack([X, np.full(len(X), 7.0), X[:, 0], 3 - 2 * X[:, 1]])
        padded = make(kind).fit(wide, y)
        assert padded.formula_ == plain.formula_
        assert np.isfinite(output(padded, wide)).all()
        if "search" in kind:
            assert list(padded.get_feature_names_out()) == list(plain.get_feature_names_out())

    def test_only_constant_columns(self, kind):
        _, y = target_of(kind)
        X = np.ones((len(y), 3))
        model = make(kind).fit(X, y)
        assert model.formula_ == NeuronFormula()
        assert np.ptp(output(model, X), axis=0).max() < 1e-9

    def test_more_columns_than_rows(self, kind):
        X = draw_columns(24, 40)
        _, y = target_of(kind, 24)
        assert np.isfinite(output(make(kind).fit(X, y), X)).all()

    @pytest.mark.parametrize("n_rows", [1, 2, 3, 5])
    def test_tiny(self, kind, n_rows):
        X, y = target_of(kind)
        order = np.argsort(y[:n_rows], kind="stable")
        X, y = X[order], y[order]
        model = make(kind)
        if hasattr(model, "validation"):
            model.set_params(validation="auto")
        if "class" in kind and len(set(y[:n_rows])) == 1:
            with pytest.raises(ValueError, match="only one class"):
                model.fit(X[:n_rows], y[:n_rows])
        else:
            assert np.isfinite(output(model.fit(X[:n_rows], y[:n_rows]), X)).all()

    def test_validation_wants_more_rows_than_there_are(self):
        X, y = draw_quadratic(5)
        for validation in (6, 0.95):
            with pytest.raises(ValueError, match=f"validation={validation}.* n_samples = 5"):
                NeuronSeekRegressor(validation=validation).fit(X, y)

    def test_column_missing_throughout(self, kind):
        X, y = target_of(kind)
        X = X.copy()
        X[:, 3] = np.nan
        model = make(kind).fit(X, y)
        assert np.isfinite(output(model, X)).all()


class TestSize:
    """Units are free over 60 orders of magnitude; beyond, an error says so."""

    @pytest.mark.parametrize("factor", [1e30, 1e-30])
    def test_unit_of_the_columns_is_free(self, kind, factor):
        X, y = target_of(kind)
        plain, scaled = make(kind).fit(X, y), make(kind).fit(X * factor, y)
        assert scaled.formula_ == plain.formula_
        np.testing.assert_allclose(
            output(scaled, X * factor), output(plain, X), rtol=1e-3, atol=1e-6
        )

    @pytest.mark.parametrize("factor", [1e30, 1e-30])
    def test_unit_of_the_target_is_free(self, factor):
        X, y = draw_quadratic()
        plain = NeuronSeekRegressor(**QUICK).fit(X, y)
        scaled = NeuronSeekRegressor(**QUICK).fit(X, y * factor)
        assert scaled.formula_ == plain.formula_
        np.testing.assert_allclose(scaled.predict(X) / factor, plain.predict(X), rtol=1e-6)

    @pytest.mark.parametrize("offset", [1e6, -1e12])
    def test_offset_of_the_target_is_free(self, offset):
        X, y = draw_quadratic()
        model = NeuronSeekRegressor(**QUICK).fit(X, y + offset)
        assert model.selected_ == "formula"
        assert model.score(X, y + offset) > 0.98

    def test_offset_of_the_columns(self):
        X, y = draw_quadratic()
        model = NeuronSeekRegressor(**QUICK).fit(X + 1e6, y)
        assert model.score(X + 1e6, y) > 0.98

    def test_one_huge_cell(self, kind):
        X, y = target_of(kind)
        X = X.copy()
        X[5, 3] = 1e30
        with pytest.warns(DataWarning, match=r"x3 holds 1e\+30"):
            model = make(kind).fit(X, y)
        assert np.isfinite(output(model, X)).all()

    @pytest.mark.parametrize("value", [1e30, -1e300, 1.7e308])
    def test_huge_cell_in_new_rows(self, kind, value):
        X, y = target_of(kind)
        new = X.copy()
        new[0], new[1, 2] = value, value
        assert np.isfinite(output(make(kind).fit(X, y), new)).all()

    def test_too_large_to_square(self, kind):
        X, y = target_of(kind)
        X = X.copy()
        X[5, 3] = 1e200
        with pytest.raises(ValueError, match=r"size 1e\+200 in column 'x3'"):
            make(kind).fit(X, y)

    def test_target_too_large_to_square(self):
        X, y = draw_quadratic()
        for model in (NeuronSeekRegressor(), NeuronFormulaSearch()):
            with pytest.raises(ValueError, match="y holds values of size"):
                model.fit(X, y * 1e200)

    def test_target_too_small_to_square(self):
        X, y = draw_quadratic()
        for model in (NeuronSeekRegressor(), NeuronFormulaSearch()):
            with pytest.raises(ValueError, match=r"y holds values of size .* use another unit"):
                model.fit(X, y * 1e-200)

    @pytest.mark.parametrize(("of_state", "of_rate"), [(1e-200, 1.0), (1.0, 1e-200)])
    def test_motion_too_small_to_square(self, of_state, of_rate):
        states = np.random.default_rng(0).normal(size=(40, 2))
        rates = states[:, ::-1] * [1.0, -1.0]
        with pytest.raises(ValueError, match=r"size .*e-200 at most.* use another unit"):
            HamiltonianMLPRegressor().fit(states * of_state, rates * of_rate)

    def test_motion_in_vast_and_tiny_units(self):
        rng = np.random.default_rng(0)
        states = rng.uniform(-1, 1, size=(60, 2))
        rates = states[:, ::-1] * [1.0, -1.0]
        options = {"activations": ["tanh"], "max_epochs": 3, "random_state": 0}
        expected = HamiltonianMLPRegressor(**options).fit(states, rates).predict(states)
        for unit in (1e-90, 1e90):
            model = HamiltonianMLPRegressor(**options).fit(states * unit, rates * unit)
            np.testing.assert_allclose(model.predict(states * unit) / unit, expected, rtol=1e-3)

    def test_too_small_to_square_is_zero(self, kind):
        X, y = target_of(kind)
        with pytest.warns(DataWarning, match="column 'x0' holds values of size .* as zero"):
            model = make(kind).fit(X * 1e-200, y)
        assert model.formula_ == NeuronFormula()
        assert np.isfinite(output(model, X * 1e-200)).all()


class TestTarget:
    def test_none(self, kind):
        X, _ = target_of(kind)
        with pytest.raises(ValueError, match="requires y to be passed, but the target y is None"):
            make(kind).fit(X, None)

    @pytest.mark.parametrize("value", [np.nan, np.inf])
    @pytest.mark.parametrize("model", [NeuronSeekRegressor(), NeuronFormulaSearch()])
    def test_numbers_that_are_none(self, model, value):
        X, y = draw_quadratic()
        y[7] = value
        with pytest.raises(ValueError, match="Input y contains"):
            model.fit(X, y)

    @pytest.mark.parametrize("gap", [None, np.nan, pd.NA])
    @pytest.mark.parametrize("dtype", [object, "string", "category"])
    @pytest.mark.parametrize("model", [NeuronSeekClassifier(), NeuronFormulaSearch()])
    def test_missing_label(self, model, gap, dtype):
        X, y = draw_classes()
        y = y.astype(object)
        y[7] = gap
        with pytest.raises(ValueError, match="Input y contains NaN"):
            model.fit(X, pd.Series(y, dtype=dtype))

    def test_infinite_label(self):
        X, y = draw_classes(names=(0.0, 1.0))
        y[7] = np.inf
        with pytest.raises(ValueError, match="Input y contains infinity"):
            NeuronSeekClassifier().fit(X, y)

    def test_labels_of_two_types(self):
        X, y = draw_classes()
        with pytest.raises(ValueError, match="mix text and other types"):
            NeuronSeekClassifier().fit(X, np.where(y == "inside", 1, y.astype(object)))

    def test_quantity_for_a_classifier(self):
        X, y = draw_quadratic()
        with pytest.raises(ValueError, match="Unknown label type: continuous"):
            NeuronSeekClassifier().fit(X, y)

    def test_text_for_a_regressor(self):
        X, y = draw_classes()
        with pytest.raises(ValueError, match="could not convert string to float"):
            NeuronSeekRegressor().fit(X, y)

    def test_shapes(self):
        X, y = draw_quadratic()
        with pytest.raises(ValueError, match="dim 3"):
            NeuronSeekRegressor().fit(X, y[:, None, None])
        with pytest.raises(ValueError, match="y should be a 1d array"):
            NeuronSeekClassifier().fit(X, np.column_stack([y > 0, y > 1]))

    @pytest.mark.parametrize("label", ["only", 1, True])
    def test_one_class(self, label):
        X, _ = draw_quadratic()
        with pytest.raises(ValueError, match=f"only one class: {label!r}"):
            NeuronSeekClassifier().fit(X, np.full(len(X), label))

    def test_one_class_of_positive_weight(self):
        X, y = draw_classes()
        with pytest.raises(ValueError, match="only one class: 'inside'"):
            NeuronSeekClassifier().fit(X, y, sample_weight=(y == "inside").astype(float))

    @pytest.mark.parametrize("value", [0.0, 3.7, -1e12])
    def test_constant_target(self, value):
        X, _ = draw_quadratic()
        model = NeuronSeekRegressor(**QUICK).fit(X, np.full(len(X), value))
        assert model.formula_ == NeuronFormula()
        np.testing.assert_array_equal(model.predict(X), value)
        search = NeuronFormulaSearch().fit(X, np.full(len(X), value))
        np.testing.assert_array_equal(search.fitted_formula_.evaluate(X), value)

    def test_constant_output_among_others(self):
        X, y = draw_quadratic()
        Y = np.column_stack([np.full(len(y), 5.0), y, np.full(len(y), -1.0)])
        model = NeuronSeekRegressor(**QUICK).fit(X, Y)
        assert model.formula_ == NeuronSeekRegressor(**QUICK).fit(X, y).formula_
        np.testing.assert_array_equal(model.fitted_formula_.evaluate(X)[:, [0, 2]], Y[:, [0, 2]])
        np.testing.assert_allclose(model.predict(X)[:, [0, 2]], Y[:, [0, 2]])
        assert model.score(X, Y) > 0.9

    @pytest.mark.parametrize("validation", [2, 5, 0.1])
    def test_class_with_one_row(self, validation):
        """Some folds lack the rare class; nothing fails, and its probability stays a number."""
        X, y = draw_classes(80)
        y = np.where(np.arange(len(y)) == 5, "rare", y)
        model = NeuronSeekClassifier(**{**QUICK, "validation": validation}).fit(X, y)
        assert np.isfinite(model.predict_proba(X)).all()
        pair = np.where(y == "rare", "rare", "other")
        model.fit(X, pair)
        assert model.predict_proba(X)[:, list(model.classes_).index("rare")].max() < 0.7


class TestWeights:
    @pytest.mark.parametrize(
        ("weight", "message"),
        [
            (np.zeros(60), "[Ss]ample weights must contain at least one non-zero"),
            (np.full(60, -1.0), "Negative values in data passed to `sample_weight`"),
            (np.full(60, np.nan), "sample_weight contains NaN"),
            (np.full(60, np.inf), "sample_weight contains infinity"),
            (np.ones(7), "sample_weight.shape"),
        ],
        ids=["zero", "negative", "nan", "inf", "short"],
    )
    def test_unusable(self, kind, weight, message):
        X, y = target_of(kind)
        with pytest.raises(ValueError, match=message):
            make(kind).fit(X, y, sample_weight=weight)

    @pytest.mark.parametrize("weight", [1 / 60, 1e-300, 1e300])
    def test_small_weights_compare_rows(self, kind, weight):
        """Weights that sum to one do not say that there is one observation."""
        X, y = target_of(kind)
        model = make(kind).fit(X, y, sample_weight=np.full(60, weight))
        np.testing.assert_allclose(output(model, X), output(make(kind).fit(X, y), X), rtol=1e-9)

    @pytest.mark.parametrize(
        "class_weight", [{"inside": 0.0}, {"inside": -1.0}, {"inside": np.nan}]
    )
    def test_class_weight_must_be_positive(self, class_weight):
        X, y = draw_classes()
        with pytest.raises(ValueError, match="class_weight must hold positive numbers"):
            NeuronSeekClassifier(class_weight=class_weight).fit(X, y)

    def test_class_weight_of_an_unknown_class(self):
        X, y = draw_classes()
        with pytest.raises(ValueError, match="not in class_weight"):
            NeuronSeekClassifier(class_weight={"elsewhere": 2.0}).fit(X, y)


class TestSettings:
    @pytest.mark.parametrize(
        ("formula", "message", "column"),
        [
            ("x + sine(x)", "unknown function 'sine'; did you mean 'sin'", 4),
            ("x +", "found the end of the text", 3),
            ("x ^ 2", r"a power is written x\*\*2", 2),
            ("<x,x", "expected '>' to close the interaction", 4),
            ("__import__('os')", "unexpected character", 11),
        ],
    )
    def test_formula_that_does_not_parse(self, formula, message, column):
        """The place is shown, and the data is not even looked at."""
        with pytest.raises(FormulaError, match=message) as caught:
            NeuronSeekRegressor(formula).fit(None, None)
        assert caught.value.position == column
        assert isinstance(caught.value, ValueError)
        assert isinstance(caught.value, SkTaskNeuronError)

    @pytest.mark.parametrize(
        "formula", ["log(x)", "sqrt(x)", "1/x", NeuronFormula(pure=("log(x)",))]
    )
    def test_formula_that_makes_no_network(self, formula):
        with pytest.raises(FormulaError, match="not defined everywhere"):
            NeuronSeekClassifier(formula).fit(None, None)

    @pytest.mark.parametrize(
        ("model", "message"),
        [
            (NeuronSeekRegressor(formula=3), "'formula' parameter"),
            (NeuronSeekRegressor(device="abacus"), "'abacus' is not a torch device"),
            (NeuronSeekRegressor(device="cuda:99"), "'cuda:99' is not available"),
            (NeuronSeekRegressor(activation="wow"), "unknown activation 'wow'; known are"),
            (NeuronSeekRegressor(dtype="float16"), "'dtype' parameter"),
            (NeuronSeekRegressor(hidden_layer_sizes=(8, 0)), "positive whole numbers"),
            (NeuronSeekRegressor(hidden_layer_sizes=(8, 2.5)), "positive whole numbers"),
            (NeuronSeekRegressor(hidden_layer_sizes="8"), "'hidden_layer_sizes' parameter"),
            (NeuronSeekRegressor(validation=1.0), "'validation' parameter"),
            (NeuronSeekRegressor(dropout=1.0), "'dropout' parameter"),
            (NeuronSeekRegressor(learning_rate=0.0), "'learning_rate' parameter"),
            (NeuronSeekRegressor(max_epochs=0), "'max_epochs' parameter"),
            (NeuronSeekRegressor(random_state="x"), "'random_state' parameter"),
            (
                NeuronSeekRegressor(search=NeuronFormulaSearch(engine="genetic")),
                "'engine' parameter",
            ),
            (
                NeuronSeekRegressor(search=NeuronFormulaSearch(max_order=-1)),
                "'max_order' parameter",
            ),
            (NeuronSeekClassifier(class_weight="fair"), "'class_weight' parameter"),
            (NeuronFormulaSearch(method="guess"), "'method' parameter"),
            (NeuronFormulaSearch(engine="genetic"), "'engine' parameter"),
            (NeuronFormulaSearch(criterion="aic"), "'criterion' parameter"),
            (NeuronFormulaSearch(max_samples=3), "'max_samples' parameter"),
        ],
        ids=str,
    )
    def test_refused_before_any_work(self, model, message):
        """``fit(None, None)`` would fail on X and y, had it got so far."""
        with pytest.raises(ValueError, match=message):
            model.fit(None, None)

    @pytest.mark.parametrize("callbacks", [["verbose"], [("name", 3)], [lambda net: None]])
    def test_skorch_callbacks(self, callbacks):
        with pytest.raises(TypeError, match=r"instances of skorch.callbacks.Callback"):
            NeuronSeekRegressor(skorch_callbacks=callbacks).fit(None, None)

    @pytest.mark.parametrize(
        ("categorical_features", "message"),
        [("x0", "must be 'from_dtype', None or a list"), ([9], "must lie in 0..3")],
    )
    def test_categorical_features(self, kind, categorical_features, message):
        X, y = target_of(kind)
        model = make(kind).set_params(categorical_features=categorical_features)
        with pytest.raises(ValueError, match=message):
            model.fit(X, y)

    def test_step_too_long_leaves_a_simple_model(self):
        X, y = draw_quadratic()
        model = NeuronSeekRegressor(**{**QUICK, "learning_rate": 1e6})
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # each diverging network says so
            model.fit(X, y)
        assert model.selected_ == "formula"
        assert np.isfinite(model.predict(X)).all()

    def test_step_far_too_long(self):
        X, y = draw_quadratic()
        model = NeuronSeekRegressor("x", **{**ALONE, "dtype": "float32", "learning_rate": 1e30})
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with pytest.raises(SkTaskNeuronError, match="lower learning_rate"):
                model.fit(X, y)

    def test_failed_fit_starts_no_training(self):
        """A name that no search finds: FormulaError comes before table, search and networks."""
        X, y = draw_quadratic()
        with (
            mock.patch("sktaskneuron.training.fit_network") as training,
            mock.patch("sktaskneuron.estimators.formula_search.run.search_formula") as search,
            pytest.raises(FormulaError),
        ):
            NeuronSeekRegressor("x + whatever").fit(X, y)
        training.assert_not_called()
        search.assert_not_called()
