"""What no estimator can use it refuses in one sentence, in its own name; the rest it uses."""

import datetime
import decimal
import re
import warnings
from contextlib import nullcontext

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import torch

from sktaskneuron import (
    ActivationSearchClassifier,
    ActivationSearchRegressor,
    HamiltonianMLPRegressor,
    LearnedDiversityMLPClassifier,
    LearnedDiversityMLPRegressor,
    NeuronFormulaSearch,
    NeuronSeekClassifier,
    NeuronSeekRegressor,
)
from sktaskneuron.estimators._common.checks import count_weight
from sktaskneuron.exceptions import DataWarning

N = 60
NETWORKS = {"hidden_layer_sizes": (4,), "max_epochs": 2, "n_members": 1, "random_state": 0}
TYPED = {**NETWORKS, "activations": "tanh", "validation": 0.3}
SEARCHED = {**NETWORKS, "candidates": ["silu", "tanh"], "validation": 0.3}
ESTIMATORS = {
    type(model).__name__: model
    for model in (
        NeuronFormulaSearch(n_resamples=0),
        NeuronSeekRegressor("x", **NETWORKS),
        NeuronSeekClassifier("x", **NETWORKS),
        LearnedDiversityMLPRegressor(**TYPED),
        LearnedDiversityMLPClassifier(**TYPED),
        ActivationSearchRegressor(**SEARCHED),
        ActivationSearchClassifier(**SEARCHED),
        HamiltonianMLPRegressor(**TYPED),
    )
}
NUMBERS = np.random.default_rng(0).normal(size=(N, 2))


@pytest.fixture(params=ESTIMATORS)
def model(request):
    from sklearn.base import clone

    return clone(ESTIMATORS[request.param])


@pytest.fixture(scope="module")
def fitted():
    """Return a fitted estimator by its name; each is fitted once, on numpy and on named columns."""
    known = {}

    def get(name, table=NUMBERS):
        key = name, type(table)
        if key not in known:
            from sklearn.base import clone

            model = clone(ESTIMATORS[name])
            known[key] = model.fit(table, target_of(model))
        return known[key]

    return get


def target_of(model, X=NUMBERS):
    name = type(model).__name__
    if "Classifier" in name:
        return (X[:, 0] > 0).astype(int)
    return np.column_stack([X[:, 1], -X[:, 0]]) if "Hamiltonian" in name else X[:, 0] + X[:, 1]


def output(model, X):
    return model.transform(X) if isinstance(model, NeuronFormulaSearch) else model.predict(X)


def refuses(model, call, *words):
    """Check that a call ends in one line that names the estimator and holds the words."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises((ValueError, TypeError)) as caught:
            call()
    text = str(caught.value)
    assert type(caught.value).__module__.split(".")[0] in ("builtins", "sktaskneuron")
    assert type(model).__name__ in text
    assert "TableEncoder" not in text
    assert len(text) < 600
    for word in words:
        assert word in text


def frame(second, **more):
    return pd.DataFrame({"a": NUMBERS[:, 0], "b": second, **more})


def as_arrow(values):
    return pd.array(values, dtype=pd.ArrowDtype(pa.array(values).type))


HOUR = datetime.timedelta(hours=1)
DAY = datetime.date(2020, 1, 1)
#: Cells of times, by their kind, with a word of the cure where numbers were.
TIMES = {
    "dates": (pd.date_range("2020-01-01", periods=N), "days"),
    "dates with a zone": (pd.date_range("2020-01-01", periods=N, tz="UTC"), "days"),
    "dates of python": ([DAY] * N, "days"),
    "dates of arrow": (as_arrow([DAY] * N), "days"),
    "durations": (pd.to_timedelta(np.arange(N), unit="s"), "seconds"),
    "durations of python": (pd.Series([HOUR] * N, dtype=object), "seconds"),
    "times": ([datetime.time(12)] * N, "midnight"),
    "periods": (pd.period_range("2020-01", periods=N, freq="M"), "numbers"),
}
#: Cells that are no numbers, by their kind, with a word of the cure.
CELLS = {
    "complex": (NUMBERS[:, 0] * 1j, "imaginary"),
    "complex objects": (pd.Series([1 + 1j] * N, dtype=object), "imaginary"),
    "complex64": (NUMBERS[:, 0].astype(np.complex64), "imaginary"),
    "intervals": (pd.arrays.IntervalArray.from_breaks(range(N + 1)), "text"),
    "lists": ([[1, 2]] * N, "of its own"),
    "dicts": ([{"u": 1}] * N, "of its own"),
    "arrays": (pd.Series([np.zeros(2)] * N), "of its own"),
    "lists of arrow": (as_arrow([[1, 2]] * N), "of its own"),
    "structs of arrow": (as_arrow([{"u": 1}] * N), "of its own"),
    "long integers": (pd.Series([10**400] * N, dtype=object), "unit"),
    "infinity": (np.full(N, np.inf), "NaN"),
    "infinite objects": (pd.Series([-np.inf] * N, dtype=object), "NaN"),
}


@pytest.mark.parametrize("kind", CELLS)
def test_cells_in_fit(model, kind):
    cells, cure = CELLS[kind]
    refuses(model, lambda: model.fit(frame(cells), target_of(model)), "'b'", cure)


@pytest.mark.parametrize("kind", ["complex", "dates", "periods", "times", "lists", "infinity"])
def test_cells_in_predict(model, fitted, kind):
    model = fitted(type(model).__name__, frame(NUMBERS[:, 1]))
    cells, cure = (CELLS | TIMES)[kind]
    refuses(model, lambda: output(model, frame(cells)), "'b'", cure)


def test_times_are_read(model):
    """All but that of states, which have no calendar."""
    X = frame(NUMBERS[:, 1]).assign(**{kind: cells for kind, (cells, _) in TIMES.items()})
    y = target_of(model)
    if isinstance(model, HamiltonianMLPRegressor):
        refuses(model, lambda: model.fit(X, y), "'dates'", "days")
    else:
        assert np.isfinite(output(model.fit(X, y), X)).all()
        wrong = X.assign(durations=1.5)
        refuses(model, lambda: output(model, wrong), "'durations'", "holds 1.5", "duration")


def test_dates_with_and_without_a_zone(model):
    if isinstance(model, HamiltonianMLPRegressor):
        pytest.skip("it takes no dates")
    X = frame(TIMES["dates"][0])
    model.fit(X, target_of(model))
    aware = frame(TIMES["dates with a zone"][0])
    refuses(model, lambda: output(model, aware), "'b'", "time zone 'UTC'")


def test_free_text(model):
    X = frame([f"the order no. {i} has not come" for i in range(N)])
    if isinstance(model, HamiltonianMLPRegressor):
        refuses(model, lambda: model.fit(X, target_of(model)), "'b'", "text")
    else:
        name = type(model).__name__
        cure = f"make_pipeline(skrub.TableVectorizer(), {name}())"
        refuses(model, lambda: model.fit(X, target_of(model)), "'b'", "free text", cure)


def test_text_where_numbers_were(model, fitted):
    model = fitted(type(model).__name__, frame(NUMBERS[:, 1]))
    refuses(model, lambda: output(model, frame(["high"] * N)), "'b'", "'high'", "text")


@pytest.mark.parametrize("cells", [[[1, 2]] * N, [{"u": 1}] * N])
def test_cells_of_polars(model, cells):
    X = pl.DataFrame({"a": NUMBERS[:, 0], "b": cells})
    refuses(model, lambda: model.fit(X, target_of(model)), "'b'")


@pytest.mark.parametrize("dtype", [complex, np.complex64, object])
def test_complex_arrays(model, dtype):
    X = NUMBERS.astype(complex).astype(dtype)
    refuses(model, lambda: model.fit(X, target_of(model)), "'x0'", "complex")


#: What is no table of two dimensions, with a word of the message.
SHAPES = {
    "one dimension": (NUMBERS[:, 0], "reshape"),
    "series": (pd.Series(NUMBERS[:, 0]), "reshape"),
    "four dimensions": (np.zeros((N, 1, 2, 2)), "dim 4"),
    "none": (None, "NoneType"),
    "scalar": (3.0, "float"),
    "text": ("table.csv", "str"),
    "dict": ({"a": [1.0]}, "dict"),
    "lazy": (pl.LazyFrame({"a": [1.0]}), "LazyFrame"),
    "no rows": (NUMBERS[:0], "0 sample"),
    "no columns": (pd.DataFrame(index=range(N)), "0 feature"),
    "no rows of polars": (pl.DataFrame({"a": []}), "0 sample"),
    "ragged": ([[1.0, 2.0], [3.0]] * (N // 2), "inhomogeneous"),
    "tensor with gradients": (torch.zeros(N, 2, requires_grad=True), "grad"),
}


@pytest.mark.parametrize("kind", SHAPES)
def test_shapes_in_fit(model, kind):
    X, word = SHAPES[kind]
    refuses(model, lambda: model.fit(X, target_of(model)), word)


@pytest.mark.parametrize("kind", sorted(set(SHAPES) - {"no columns"}))
def test_shapes_in_predict(model, fitted, kind):
    X, word = SHAPES[kind]
    model = fitted(type(model).__name__)
    refuses(model, lambda: output(model, X), word)


@pytest.mark.parametrize("names", [["a", "a"], [1, 1], ["a", 1], ["a", None]])
def test_names_that_do_not_tell_columns_apart(model, names):
    X = pd.DataFrame(NUMBERS, columns=names)
    refuses(model, lambda: model.fit(X, target_of(model)), "names")


@pytest.mark.parametrize(
    "names",
    [
        ["", "b"],
        ["x1", ""],
        [3, 1],
        [0.5, 1.5],
        pd.MultiIndex.from_tuples([("a", "b"), ("a", "c")]),
        ['a"b\n', "a'b"],
        [" ", "\t"],
        ["x0'", "x0"],
    ],
    ids=str,
)
def test_odd_names(model, names):
    X = pd.DataFrame(NUMBERS, columns=names)
    model.fit(X, target_of(model))
    assert np.isfinite(output(model, X)).all()


#: Targets that cannot be learned, with a word of the message.
TARGETS = {
    "none": (None, "None"),
    "scalar": (1.0, "y"),
    "short": (np.zeros(N - 1), "inconsistent"),
    "complex": (np.ones(N) * 1j, "complex"),
    "dates": (pd.Series(pd.date_range("2020-01-01", periods=N)), "dates"),
    "durations": (pd.Series(pd.to_timedelta(np.arange(N), unit="s")), "durations"),
    "lists": (pd.Series([[1, 2]] * N), "y"),
    "dicts": ([{"u": 1}] * N, "y"),
    "masked": (np.ma.MaskedArray(np.zeros(N), mask=np.arange(N) == 1), "masked"),
    "gap": (pd.Series([None, 1] * 30, dtype="Int64"), "NaN"),
    "gap of booleans": (pd.Series([None, True] * 30, dtype="boolean"), "NaN"),
    "gap of arrow": (pa.chunked_array([[None, 1, 0] * 20]), "NaN"),
    "gap of polars": (pl.Series([None, "u", "v"] * 20), "NaN"),
    "gap of categories": (pd.Series([None, "u"] * 30, dtype="category"), "NaN"),
    "gap of decimals": (pl.Series([None, decimal.Decimal("1.5")] * 30), "NaN"),
    "infinity": (np.full(N, np.inf), "infinity"),
    "three dimensions": (np.zeros((N, 1, 1)), ""),
    "ragged": ([[1.0, 2.0], [3.0]] * (N // 2), "one length"),
    "tensor with gradients": (torch.zeros(N, requires_grad=True), "grad"),
}


@pytest.mark.parametrize("kind", TARGETS)
def test_targets(model, kind):
    y, word = TARGETS[kind]
    refuses(model, lambda: model.fit(NUMBERS, y), word)


#: Weights that cannot be used.
WEIGHTS = {
    "zeros": np.zeros(N),
    "negative": np.full(N, -1.0),
    "NaN": np.full(N, np.nan),
    "infinite": np.full(N, np.inf),
    "short": np.ones(7),
    "two dimensions": np.ones((N, 1)),
    "text": ["heavy"] * N,
    "complex": np.full(N, 1j),
    "gaps": pl.Series([None, 1.0] * 30),
    "marks of gaps": pd.Series([pd.NA, 1.0] * 30, dtype=object),
    "masked": np.ma.MaskedArray(np.ones(N), mask=np.arange(N) == 1),
    "beyond floats": [10**400] * N,
    "tensor with gradients": torch.ones(N, requires_grad=True),
}


@pytest.mark.parametrize("kind", WEIGHTS)
def test_weights_of_fit(model, kind):
    y = target_of(model)
    refuses(model, lambda: model.fit(NUMBERS, y, sample_weight=WEIGHTS[kind]), "sample_weight")


@pytest.mark.parametrize("kind", WEIGHTS)
def test_weights_of_score(model, fitted, kind):
    model = fitted(type(model).__name__)
    refuses(
        model,
        lambda: model.score(NUMBERS, target_of(model), sample_weight=WEIGHTS[kind]),
        "sample_weight",
    )


def uneven(kind):
    rng = np.random.default_rng(0)
    if kind == "24 powers of ten":
        return 10.0 ** rng.integers(-12, 12, N)
    if kind == "one row":
        return np.where(np.arange(N) == 3, 1.0, 0.0)
    if kind == "two rows":
        ends = np.argmin(NUMBERS[:, 0]), np.argmax(NUMBERS[:, 0])
        return np.where(np.isin(np.arange(N), ends), 1.0, 0.0)
    return rng.integers(1, 4, N) * {"huge counts": 1e15, "vast": 1e305, "denormal": 1e-310}[kind]


UNEVEN = ["24 powers of ten", "huge counts", "vast", "denormal", "two rows"]


@pytest.mark.parametrize("kind", UNEVEN)
def test_uneven_weights(model, kind):
    if kind == "two rows" and hasattr(model, "validation"):
        model.set_params(validation=None)
    y, weight = target_of(model), uneven(kind)
    model.fit(NUMBERS, y, sample_weight=weight)
    assert np.isfinite(output(model, NUMBERS)).all()
    if hasattr(model, "score"):
        assert np.isfinite(model.score(NUMBERS, y, sample_weight=weight))


def test_one_row_of_positive_weight(model):
    y, weight = target_of(model), uneven("one row")
    if hasattr(model, "validation"):
        model.set_params(validation=None)
    if "Classifier" in type(model).__name__:
        refuses(model, lambda: model.fit(NUMBERS, y, sample_weight=weight), "only one class")
    else:
        assert np.isfinite(output(model.fit(NUMBERS, y, sample_weight=weight), NUMBERS)).all()


@pytest.mark.parametrize("factor", [1e8, 1e15])
def test_unit_of_huge_weights_is_free(factor):
    weight = np.random.default_rng(0).integers(1, 4, N) * 1e7
    y = NUMBERS[:, 0] * NUMBERS[:, 1]
    one = NeuronFormulaSearch(n_resamples=0).fit(NUMBERS, y, sample_weight=weight)
    other = NeuronFormulaSearch(n_resamples=0).fit(NUMBERS, y, sample_weight=weight * factor)
    assert str(one.fitted_formula_) == str(other.fitted_formula_)


def test_weights_that_are_no_counts_sum_to_the_rows_that_carry_them():
    counts = np.arange(5.0)
    assert count_weight(counts) is counts
    np.testing.assert_allclose(count_weight(np.full(60, 1e-300)), 1.0)
    few = np.where(np.arange(60) < 3, 1e12, 1.0)
    assert count_weight(few).sum() == pytest.approx(3.0)


def test_few_heavy_rows_make_a_short_formula():
    rng = np.random.default_rng(0)
    weight = np.where(np.arange(N) < 8, 1e11, 1e-12)
    search = NeuronFormulaSearch("sr", n_resamples=0)
    search.fit(rng.normal(size=(N, 4)), rng.normal(size=N), sample_weight=weight)
    assert search.formula_.n_parameters(4) <= 4


def extreme(kind):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(N, 2))
    return {
        "largest": X * 1e99,
        "largest and smallest": X * [1e99, 1e-99],
        "denormal": X * 1e-310,
        "negative zero": np.where(X > 0, -0.0, X),
        "constant": np.full((N, 2), 1e99),
        "float16": X.astype(np.float16),
        "float32": X.astype(np.float32) * np.float32(1e38),
        "longdouble": X.astype(np.longdouble),
        "int8": np.clip(X * 100, -128, 127).astype(np.int8),
        "int64": (X * 2**60).astype(np.int64),
        "uint64": np.abs(X * 2**61).astype(np.uint64),
        "bool": X > 0,
    }[kind]


@pytest.mark.parametrize(
    "kind",
    [
        "largest",
        "largest and smallest",
        "denormal",
        "negative zero",
        "constant",
        "float16",
        "float32",
        "longdouble",
        "int8",
        "int64",
        "uint64",
        "bool",
    ],
)
def test_extreme_numbers_warn_of_nothing(model, kind):
    """The suite's filter makes an error of any warning."""
    X = extreme(kind)
    y = target_of(model)
    tiny = kind == "denormal"
    if tiny and isinstance(model, HamiltonianMLPRegressor):
        refuses(model, lambda: model.fit(X, y), "'x0'", "another unit")
        return
    with pytest.warns(DataWarning, match="count as zero") if tiny else nullcontext():
        model.fit(X, y)
    assert np.isfinite(output(model, X)).all()
    if kind != "constant":
        assert np.isfinite(output(model, np.asarray(X, dtype=float) * 0.5)).all()


def test_longdouble_beyond_float64(model):
    X = NUMBERS.astype(np.longdouble)
    X[3, 1] = np.longdouble("1e400")
    refuses(model, lambda: model.fit(X, target_of(model)), "'x1'", "too large")


class TestDoubts:
    """One warning for one cause, in fit alone."""

    @pytest.mark.parametrize("value", [-9999.0, -999.0, 99999.0, 1e20, -1e6])
    def test_mark_of_gaps(self, model, value):
        X = np.random.default_rng(0).normal(size=(400, 2))
        y = target_of(model, X)
        X[::25, 1] = value
        X = pd.DataFrame(X, columns=["a", "b"])
        with pytest.warns(DataWarning) as caught:
            model.fit(X, y)
        (text,) = [str(warning.message) for warning in caught]
        for word in (type(model).__name__, "'b'", f"{value:.15g}", "16 of 400", "NaN"):
            assert word in text
        output(model, X)  # any warning would be an error

    def test_mark_of_gaps_in_several_columns_is_one_warning(self):
        X = np.random.default_rng(0).normal(size=(400, 3))
        X[::25], X[7::25, 0] = -9999.0, 99999.0
        with pytest.warns(DataWarning) as caught:
            NeuronFormulaSearch(n_resamples=2).fit(X, X[:, 0])
        (text,) = [str(warning.message) for warning in caught]
        assert re.findall(r"(-?9+) in column '(x\d)'", text) == [
            ("99999", "x0"),
            ("-9999", "x0"),
            ("-9999", "x1"),
            ("-9999", "x2"),
        ]

    def test_few_marks_far_out_are_one_warning(self):
        X = np.random.default_rng(0).normal(size=(400, 2))
        X[::50, 1] = 1e20
        with pytest.warns(DataWarning, match=r"1e\+20") as caught:
            NeuronFormulaSearch(n_resamples=0).fit(X, X[:, 0])
        assert len(caught) == 1

    @pytest.mark.parametrize(
        "column",
        [
            lambda rng: rng.poisson(0.3, 2000),
            lambda rng: np.where(rng.random(2000) < 0.9, 0, rng.lognormal(3, 2, 2000)),
            lambda rng: rng.zipf(1.6, 2000),
            lambda rng: rng.pareto(0.7, 2000),
            lambda rng: np.clip(rng.normal(size=2000), -1.5, 1.5),
            lambda rng: rng.choice([0, 1, 99], 2000, p=[0.5, 0.45, 0.05]),
            lambda rng: np.where(rng.random(2000) < 0.1, -1, rng.integers(0, 900, 2000)),
        ],
        ids=["counts", "zeros", "zipf", "pareto", "clipped", "levels", "minus one"],
    )
    def test_ordinary_columns(self, column):
        values = np.asarray(column(np.random.default_rng(0)), dtype=float)
        X = np.column_stack([values, np.arange(2000) % 7])
        NeuronFormulaSearch(n_resamples=0, max_order=1, interactions=False).fit(X, X[:, 1])

    @pytest.mark.parametrize(
        "write",
        [
            "${:,}",
            "{},5",
            "{} %",
            "{}",
            "\u20ac {}.00",
            "{:,.2f} EUR",
            "({:,})",
            "{}e3",
            "-{}",
        ],
    )
    @pytest.mark.parametrize("table", [pd.DataFrame, pl.DataFrame])
    def test_numbers_as_text(self, table, write):
        cells = [write.format(1000 + 10 * (i % 40)) for i in range(N)]
        cells[5], cells[7] = "n/a", None
        X = table({"price": cells, "x": NUMBERS[:, 0]})
        with pytest.warns(DataWarning, match="NeuronFormulaSearch: column 'price'") as caught:
            model = NeuronFormulaSearch(n_resamples=0).fit(X, NUMBERS[:, 0])
        assert len(caught) == 1
        assert repr(write.format(1000)) in str(caught[0].message)
        model.transform(X)

    def test_phrases_that_repeat(self):
        phrases = [f"about {i} of the things in here" for i in range(N // 2)]
        NeuronFormulaSearch(n_resamples=0).fit(frame(phrases * 2), NUMBERS[:, 0])

    def test_text_that_differs_in_every_row(self):
        X = pd.DataFrame({"id": [f"no. {i}" for i in range(N)], "x": NUMBERS[:, 0]})
        with pytest.warns(DataWarning, match="'id' holds 60 different texts in 60 rows"):
            NeuronFormulaSearch(n_resamples=0).fit(X, NUMBERS[:, 0])

    @pytest.mark.parametrize("levels", [["0", "1"], ["1st", "2nd", "3rd"], ["18-25", "26+", "?"]])
    def test_ordinary_text(self, levels):
        X = pd.DataFrame({"t": (levels * N)[:N], "x": NUMBERS[:, 0]})
        NeuronFormulaSearch(n_resamples=0).fit(X, NUMBERS[:, 0])

    def test_declared_categories(self):
        X = frame(pd.Categorical([str(i % 5) for i in range(N)]))
        NeuronFormulaSearch(n_resamples=0).fit(X, NUMBERS[:, 0])
        X = frame([str(i % 5) for i in range(N)])
        NeuronFormulaSearch(n_resamples=0, categorical_features=["b"]).fit(X, NUMBERS[:, 0])


class TestRead:
    """The same table in other types gives the same model."""

    def test_gaps_by_type(self):
        plain = frame(np.where(np.arange(N) % 7 == 0, np.nan, np.arange(N)))
        y = NUMBERS[:, 0]
        expected = str(NeuronFormulaSearch(n_resamples=0).fit(plain, y).fitted_formula_)
        cells = [None if i % 7 == 0 else i for i in range(N)]
        tables = [
            plain.convert_dtypes(dtype_backend="pyarrow"),
            plain.convert_dtypes(dtype_backend="numpy_nullable"),
            frame(pd.Series(cells, dtype=object)),
            frame(as_arrow([None if c is None else decimal.Decimal(c) for c in cells])),
            frame(pd.arrays.SparseArray(plain["b"])),
            pl.DataFrame({"a": NUMBERS[:, 0], "b": cells}),
            pa.table({"a": NUMBERS[:, 0], "b": cells}),
        ]
        for table in tables:
            found = NeuronFormulaSearch(n_resamples=0).fit(table, y).fitted_formula_
            assert str(found) == expected

    @pytest.mark.parametrize("dtype", [float, int, np.float32, object])
    def test_mask_is_a_gap(self, dtype):
        X = np.round(NUMBERS * 100).astype(dtype)
        mask = np.zeros(X.shape, dtype=bool)
        mask[::7, 1] = True
        gaps = np.where(mask, np.nan, X.astype(float))
        y = NUMBERS[:, 0]
        model = NeuronFormulaSearch(n_resamples=0)
        expected = str(model.fit(gaps, y).fitted_formula_)
        hidden = np.ma.MaskedArray(np.where(mask, X.max(), X).astype(dtype), mask=mask)
        assert str(model.fit(hidden, y).fitted_formula_) == expected
        np.testing.assert_array_equal(model.transform(hidden), model.transform(gaps))

    @pytest.mark.parametrize("dtype", [float, object, "string", "category"])
    def test_gaps_alone_in_fit(self, dtype):
        X = frame(pd.Series([None] * N, dtype=dtype))
        model = NeuronFormulaSearch(n_resamples=0).fit(X, NUMBERS[:, 0])
        assert np.isfinite(model.transform(frame(NUMBERS[:, 1]))).all()
        if dtype is float:
            refuses(model, lambda: model.transform(frame(["high"] * N)), "'b'", "'high'")
        else:
            assert np.isfinite(model.transform(frame(["high"] * N))).all()

    @pytest.mark.parametrize(
        "y",
        [
            pd.Series([1, 0] * 30, dtype="Int64"),
            pd.Series([True, False] * 30, dtype="boolean"),
            pd.Series([True, False] * 30, dtype=object),
            pd.Series([3, 7] * 30, dtype=object),
            np.array([1.0, 2] * 30, dtype=object),
            pd.Series([True, False] * 30, dtype="bool[pyarrow]"),
            pd.Series(["u", "v"] * 30, dtype="category"),
            pl.Series(["u", "v"] * 30),
            pa.chunked_array([["u", "v"] * 30]),
        ],
        ids=lambda y: f"{type(y).__module__.split('.')[0]} {getattr(y, 'dtype', '')}",
    )
    def test_labels(self, y):
        model = NeuronSeekClassifier("x", **NETWORKS).fit(NUMBERS, y)
        assert set(model.predict(NUMBERS).tolist()) <= set(np.asarray(y).tolist())
        assert 0 <= model.score(NUMBERS, y) <= 1

    def test_decimal_target(self):
        y = [decimal.Decimal(round(1000 * v)) / 1000 for v in NUMBERS[:, 0].tolist()]
        for target in (y, pl.Series(y), pa.array(y)):
            model = NeuronFormulaSearch(n_resamples=0).fit(NUMBERS, target)
            assert model.fitted_formula_.feature_names == ("x0", "x1")


@pytest.mark.parametrize("form", ["%Y-%m-%d", "%d.%m.%y", "%Y-%m-%dT%H:%M:%SZ", "%H:%M"])
def test_times_written_as_text_are_told(form):
    rng = np.random.default_rng(0)
    hours = pd.Series(pd.date_range("2020-01-01", periods=60, freq="31h"))
    X = pd.DataFrame({"a": rng.normal(size=60), "when": hours.dt.strftime(form)})
    with pytest.warns(DataWarning, match=r"column 'when' holds dates or times .*to_datetime"):
        NeuronFormulaSearch(n_resamples=0, max_steps=1).fit(X, X["a"])


def test_a_target_of_numbers_written_as_text_is_told():
    X = np.random.default_rng(0).normal(size=(40, 2))
    values = X[:, 0] + X[:, 1]
    text = np.array([f"{value:.3f}" for value in values], dtype=object)
    options = {"max_epochs": 2, "n_members": 1, "validation": 0.2, "random_state": 0}
    with pytest.warns(DataWarning, match=r"y holds numbers written as text.*read as numbers"):
        model = NeuronSeekRegressor(**options).fit(X, text)
    twin = NeuronSeekRegressor(**options).fit(X, text.astype(float))
    np.testing.assert_array_equal(model.predict(X), twin.predict(X))
    with pytest.warns(DataWarning, match=r"each of the .* is a class"):
        NeuronFormulaSearch(n_resamples=0, max_steps=1).fit(X, np.tile(text[:20].astype(str), 2))
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        NeuronFormulaSearch(n_resamples=0, max_steps=1).fit(X, text.astype(str))
    assert len(told) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error", DataWarning)
        codes = np.where(values > 0, "1", "0")
        NeuronFormulaSearch(n_resamples=0, max_steps=1).fit(X, codes)
