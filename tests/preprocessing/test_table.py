"""TableEncoder: numbers, missing values and categories, from every kind of table."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import sklearn
from scipy import sparse
from sklearn.exceptions import NotFittedError
from sklearn.utils.estimator_checks import parametrize_with_checks

from sktaskneuron.preprocessing import TableEncoder
from sktaskneuron.preprocessing.columns import read_table


@parametrize_with_checks([TableEncoder()])
def test_scikit_learn_checks(estimator, check):
    check(estimator)


MIXED = {
    "age": [31.0, None, 52.0, 40.0, 28.0, 40.0],
    "colour": ["red", "blue", None, "green", "red", "blue"],
    "member": [True, False, True, True, False, False],
    "sex": ["m", "f", "f", "m", "f", "m"],
    "visits": [3, 1, 4, 1, 5, 9],
}
NAMES = [
    "age",
    "member",
    "visits",
    "age is missing",
    "colour=blue",
    "colour=green",
    "colour=red",
    "colour is missing",
    "sex=m",
]
ENCODED = np.array(
    [
        [31, 1, 3, 0, 0, 0, 1, 0, 1],
        [40, 0, 1, 1, 1, 0, 0, 0, 0],
        [52, 1, 4, 0, 0, 0, 0, 1, 0],
        [40, 1, 1, 0, 0, 1, 0, 0, 1],
        [28, 0, 5, 0, 0, 0, 1, 0, 0],
        [40, 0, 9, 0, 1, 0, 0, 0, 1],
    ],
    dtype=float,
)


def test_mixed_table(dataframe):
    X = dataframe(MIXED)
    encoder = TableEncoder().fit(X)
    assert encoder.get_feature_names_out().tolist() == NAMES
    np.testing.assert_array_equal(encoder.transform(X), ENCODED)
    assert encoder.source_.tolist() == [0, 2, 4, 0, 1, 1, 1, 1, 3]
    assert encoder.indicator_.tolist() == [False] * 3 + [True] * 6
    assert encoder.categorical_.tolist() == [False, True, False, True, False]


def test_object_array_equals_dataframe():
    X = pd.DataFrame(MIXED).astype(object).where(pd.DataFrame(MIXED).notna(), None).to_numpy()
    encoder = TableEncoder().fit(X)
    np.testing.assert_array_equal(encoder.transform(X), ENCODED)
    names = [n.replace("age", "x0").replace("colour", "x1").replace("member", "x2") for n in NAMES]
    names = [n.replace("sex", "x3").replace("visits", "x4") for n in names]
    assert encoder.get_feature_names_out().tolist() == names
    assert encoder.get_feature_names_out(list(MIXED)).tolist() == NAMES


def test_list_of_rows_keeps_numbers():
    rows = [[1.5, "a"], [2.5, "b"], [3.5, "a"]]
    np.testing.assert_array_equal(
        TableEncoder().fit_transform(rows), [[1.5, 0], [2.5, 1], [3.5, 0]]
    )


def test_fit_with_pandas_transform_with_polars():
    encoder = TableEncoder().fit(pd.DataFrame(MIXED))
    np.testing.assert_array_equal(encoder.transform(pl.DataFrame(MIXED)), ENCODED)


@pytest.mark.parametrize(
    "column",
    [
        pd.Series(["b", "a", None, "b"], dtype="category"),
        pd.Series(["b", "a", None, "b"], dtype="string"),
        pd.Series(["b", "a", None, "b"], dtype=object),
        pd.Series(["b", "a", None, "b"]),
        pl.Series(["b", "a", None, "b"], dtype=pl.Categorical),
        pl.Series(["b", "a", None, "b"], dtype=pl.Enum(["b", "a"])),
        pl.Series(["b", "a", None, "b"]),
    ],
    ids=lambda c: f"{type(c).__module__.split('.')[0]}-{c.dtype}",
)
def test_every_text_type(column):
    X = (
        pd.DataFrame({"c": column})
        if isinstance(column, pd.Series)
        else pl.DataFrame({"c": column})
    )
    encoder = TableEncoder().fit(X)
    assert encoder.get_feature_names_out().tolist() == ["c=a", "c=b", "c is missing"]
    assert encoder.transform(X).tolist() == [[0, 1, 0], [1, 0, 0], [0, 0, 1], [0, 1, 0]]


@pytest.mark.parametrize("dtype", ["Int64", "Float64", "boolean", "int64[pyarrow]", "float32"])
def test_nullable_numbers(dtype):
    X = pd.DataFrame({"a": pd.array([1, None, 0, 1], dtype=dtype)})
    encoder = TableEncoder().fit(X)
    assert encoder.get_feature_names_out().tolist() == ["a", "a is missing"]
    assert encoder.transform(X).tolist() == [[1, 0], [1, 1], [0, 0], [1, 0]]


@pytest.mark.parametrize("gap", [False, True])
def test_whole_numbers_that_a_float_rounds(gap):
    large = [2**62 + 1, None if gap else 5, 2**53 + 1]
    arrow = pa.table({"a": pa.array(large, pa.int64())})
    expected = np.array([[2.0**62], [np.nan if gap else 5.0], [2.0**53]])
    frame = pd.DataFrame({"a": pd.array(large, dtype="int64[pyarrow]")})
    for table in (arrow, frame, pl.DataFrame({"a": large}), pd.DataFrame({"a": large})):
        np.testing.assert_array_equal(read_table(table).numbers([0]), expected)


def test_pandas_na_in_object_column():
    X = pd.DataFrame({"a": pd.Series([1, pd.NA, 3, 1], dtype=object), "c": ["u", pd.NA, "v", "u"]})
    for table in (X, X.to_numpy(dtype=object)):
        encoded = TableEncoder().fit_transform(table)
        assert encoded.tolist() == [
            [1, 0, 1, 0, 0],
            [1, 1, 0, 0, 1],
            [3, 0, 0, 1, 0],
            [1, 0, 1, 0, 0],
        ]


def test_numeric_categories_sort_by_size():
    X = pd.DataFrame({"c": pd.Categorical([10, 9, None, 10])})
    encoder = TableEncoder().fit(X)
    assert encoder.get_feature_names_out().tolist() == ["c=9", "c=10", "c is missing"]
    # the same levels as floats, which is how pandas stores ints with gaps
    plain = TableEncoder(categorical_features=["c"]).fit(pd.DataFrame({"c": [10, 9, None, 10]}))
    assert plain.levels_ == encoder.levels_ == [[9, 10, None]]


def test_object_column_beside_numbers():
    X = pd.DataFrame({"a": pd.Series([1, 2.5, None], dtype=object), "b": [1, 2, 3]})
    assert TableEncoder().fit_transform(X).tolist() == [[1, 1, 0], [2.5, 2, 0], [1, 3, 1]]


def test_level_order_ignores_category_order():
    a = pd.DataFrame({"c": pd.Categorical(["u", "v", "w"], categories=["w", "v", "u"])})
    b = pd.DataFrame({"c": pd.Categorical(["u", "v", "w"])})
    np.testing.assert_array_equal(TableEncoder().fit_transform(a), TableEncoder().fit_transform(b))


def test_unused_categories_do_not_count():
    X = pd.DataFrame({"c": pd.Categorical(["u", "v"], categories=["u", "v", "w"])})
    assert TableEncoder().fit(X).get_feature_names_out().tolist() == ["c=v"]


def test_unseen_level_and_unseen_missing(dataframe):
    encoder = TableEncoder().fit(dataframe({"a": [1.0, 2.0, 4.0], "c": ["u", "v", "w"]}))
    later = dataframe({"a": [None, 3.0, 4.0], "c": ["z", None, "w"]})
    assert encoder.transform(later).tolist() == [[2, 0, 0, 0], [3, 0, 0, 0], [4, 0, 0, 1]]


def test_all_missing_columns(dataframe):
    X = dataframe({"a": [np.nan] * 3, "b": [1.0, 2.0, 3.0], "c": [None, None, None]})
    encoder = TableEncoder().fit(X)
    Z = encoder.transform(X)
    assert np.isfinite(Z).all()
    np.testing.assert_array_equal(Z[:, 0], 0.0)
    names = encoder.get_feature_names_out()
    assert "a is missing" in names
    assert set(names[~encoder.constant_]) == {"b"}
    later = dataframe({"a": [5.0], "b": [1.0], "c": [None]})
    assert encoder.transform(later)[0, 0] == 5.0


def test_constant_and_repeated_columns(dataframe):
    X = dataframe({"a": [1.0, 2.0, 3.0], "twin": [1.0, 2.0, 3.0], "k": [5, 5, 5], "c": ["u"] * 3})
    encoder = TableEncoder().fit(X)
    assert encoder.get_feature_names_out().tolist() == ["a", "twin", "k", "c=u"]
    assert encoder.constant_.tolist() == [False, False, True, True]
    assert encoder.transform(X)[0].tolist() == [1, 1, 5, 1]


def test_max_categories(dataframe):
    X = dataframe({"c": ["a"] * 15 + ["b"] * 14 + ["c", "d", "e"] * 12 + [None]})
    encoder = TableEncoder(max_categories=3).fit(X)
    assert encoder.get_feature_names_out().tolist() == ["c=a", "c=b", "c is missing", "c=other"]
    assert encoder.pooled_levels_ == [["c", "d", "e"]]
    Z = encoder.transform(X)
    assert Z.sum(axis=0).tolist() == [15, 14, 1, 36]
    assert encoder.transform(dataframe({"c": ["z"]})).tolist() == [[0, 0, 0, 0]]


def test_a_level_of_few_rows_among_many_shares_a_column(dataframe):
    cells = ["a"] * 10 + ["b", "c", "d"] * 9
    encoder = TableEncoder(max_categories=3).fit(dataframe({"c": cells}))
    assert encoder.levels_ == [["a"]]
    assert encoder.pooled_levels_ == [["b", "c", "d"]]
    assert encoder.n_levels_ == [4]


def test_a_level_of_one_row_among_many_is_as_one_not_seen(dataframe):
    cells = ["a"] * 30 + ["b", "d", "g"] * 20 + ["e", "f"]
    X = dataframe({"c": cells, "id": [f"{i:02}" for i in range(len(cells))]})
    encoder = TableEncoder(max_categories=3).fit(X)
    assert encoder.levels_ == [["a", "b"], []]
    assert encoder.pooled_levels_ == [["d", "g"], []]
    assert encoder.get_feature_names_out().tolist() == ["c=a", "c=b", "c=other", "id=other"]
    assert encoder.constant_.tolist() == [False, False, False, True]
    assert encoder.transform(X).sum(axis=0).tolist() == [30, 20, 40, 0]
    assert encoder.level_codes(X)[:, 0].tolist() == [0] * 30 + [1, 2, 3] * 20 + [-1, -1]


def test_levels_of_one_row_are_levels_where_all_have_room(dataframe):
    encoder = TableEncoder(max_categories=3).fit(dataframe({"c": list("abc")}))
    assert encoder.levels_ == [["a", "b", "c"]]


def test_a_row_of_weight_two_is_two_rows():
    X = pd.DataFrame({"c": list("abcd")})
    encoder = TableEncoder(max_categories=2).fit(X, sample_weight=[1.0, 2.0, 1.0, 12.0])
    assert encoder.levels_ == [["d"]]
    assert encoder.pooled_levels_ == [["b"]]


def test_max_categories_counts_weight():
    X = pd.DataFrame({"c": ["a", "b", "c"]})
    encoder = TableEncoder(max_categories=2).fit(X, sample_weight=[1.0, 1.0, 10.0])
    assert encoder.levels_ == [["c"]]


def test_level_codes(dataframe):
    cities = ["b"] * 4 + ["d"] * 3 + ["a", "c", "e"] * 2 + [None]
    X = dataframe({"small": ["u", "v"] * 7, "n": np.arange(14.0), "city": cities})
    encoder = TableEncoder(max_categories=3).fit(X)
    assert encoder.large_.tolist() == [2]
    assert encoder.n_levels_ == [6]
    codes = encoder.level_codes(X)
    assert codes.dtype == np.float64
    assert codes[:, 0].tolist() == [1] * 4 + [3] * 3 + [0, 2, 4] * 2 + [5]
    later = dataframe({"small": ["v"] * 3, "n": [1.0, None, 2.0], "city": ["z", None, "e"]})
    assert encoder.level_codes(later).tolist() == [[-1], [5], [4]]


def test_missing_level_that_fit_did_not_see_is_unknown(dataframe):
    encoder = TableEncoder(max_categories=2).fit(dataframe({"c": list("abcd") * 2}))
    assert encoder.n_levels_ == [4]
    assert encoder.level_codes(dataframe({"c": [None, "d"]})).tolist() == [[-1], [3]]


@pytest.mark.parametrize("kind", ["int", "bool", "bytes", "mixed", "float"])
def test_level_codes_of_every_kind(kind):
    cells = {
        "int": [10, 9, 2**53, 2**53 + 1, None, 10],
        "bool": [True, False, True, "x", None, 1],
        "bytes": [b"v", "u", "w", "z", None, "v"],
        "mixed": ["10", 10, 9.5, "a", None, "10"],
        "float": [10.0, 9, -1.5, float("inf"), float("nan"), 10],
    }[kind]
    codes = {
        "int": [1, 0, 2, 3, 4, 1],
        "bool": [1, 0, 1, 2, 3, 1],
        "bytes": [1, 0, 2, 3, 4, 1],
        "mixed": [2, 1, 0, 3, 4, 2],
        "float": [2, 1, 0, 3, 4, 2],
    }[kind]
    X = np.array([[cell] for cell in cells], dtype=object)
    encoder = TableEncoder(categorical_features=[0], max_categories=2).fit(np.repeat(X, 2, axis=0))
    assert encoder.level_codes(X)[:, 0].tolist() == codes
    assert encoder.n_levels_ == [max(codes) + 1]
    assert encoder.level_codes(X[::-1])[:, 0].tolist() == codes[::-1]


def test_level_codes_do_not_depend_on_the_library():
    cells = ["b", "a", None, "d", "c", "b"] * 2
    tables = [
        pd.DataFrame({"c": cells}),
        pd.DataFrame({"c": pd.Categorical(cells, categories=list("dcbae"))}),
        pl.DataFrame({"c": cells}),
        pl.DataFrame({"c": pl.Series(cells, dtype=pl.Enum(list("dcba")))}),
        np.array([[cell] for cell in cells], dtype=object),
    ]
    for fitted in tables:
        encoder = TableEncoder(max_categories=2).fit(fitted)
        if isinstance(fitted, np.ndarray):
            assert encoder.level_codes(fitted)[:, 0].tolist() == [1, 0, 4, 3, 2, 1] * 2
            continue
        for table in tables[:4]:
            assert encoder.level_codes(table)[:, 0].tolist() == [1, 0, 4, 3, 2, 1] * 2


def test_no_level_codes_without_pooled_levels(dataframe):
    X = dataframe(MIXED)
    encoder = TableEncoder().fit(X)
    assert encoder.large_.tolist() == []
    assert encoder.n_levels_ == []
    assert encoder.level_codes(X).shape == (6, 0)


def test_codes_and_columns_agree(dataframe):
    rng = np.random.default_rng(0)
    X = dataframe(
        {
            "c": rng.choice(list("abcdefgh"), 200, p=np.arange(1, 9) / 36),
            "few": rng.choice(["u", "v"], 200),
            "d": [None if u < 0.1 else f"{u:.1f}" for u in rng.random(200)],
        }
    )
    encoder = TableEncoder(max_categories=4).fit(X)
    Z, codes = encoder.transform_with_codes(X)
    np.testing.assert_array_equal(Z, encoder.transform(X))
    np.testing.assert_array_equal(codes, encoder.level_codes(X))
    names = encoder.get_feature_names_out().tolist()
    assert encoder.large_.tolist() == [0, 2]
    for large, column in enumerate(encoder.large_.tolist()):
        kept, pooled = encoder.levels_[column], encoder.pooled_levels_[column]
        ordered = sorted({*kept, *pooled} - {None}) + [None] * (None in kept)
        assert encoder.n_levels_[large] == len(ordered)
        name = ["c", "few", "d"][column]
        for code, level in enumerate(ordered):
            rows = codes[:, large] == code
            text = f"{name} is missing" if level is None else f"{name}={level}"
            of_level = text if level in kept else f"{name}=other"
            assert rows.any()
            assert np.all(Z[rows, names.index(of_level)] == 1.0)
    parts = [encoder.level_codes(X[i : i + 7]) for i in range(0, 200, 7)]
    np.testing.assert_array_equal(np.concatenate(parts), codes)


@pytest.mark.parametrize(
    ("weight", "n_encodings"), [(None, 1), ([1, 2, 3, 1, 2, 3], 1), ([1, 0, 3, 1, 0, 3], 2)]
)
def test_fit_transform_with_codes_encodes_once(dataframe, monkeypatch, weight, n_encodings):
    X = dataframe({k: [*v, *v] for k, v in (MIXED | {"town": list("abcdef")}).items()})
    weight = None if weight is None else [*weight, *weight]
    fitted = TableEncoder(max_categories=4).fit(X, sample_weight=weight)
    calls, encode = [], TableEncoder._encode
    monkeypatch.setattr(TableEncoder, "_encode", lambda *a: calls.append(1) or encode(*a))
    encoder = TableEncoder(max_categories=4)
    Z, codes = encoder.fit_transform_with_codes(X, weight)
    assert len(calls) == n_encodings
    assert vars(encoder).keys() == vars(fitted).keys()
    for found in (Z, encoder.fit_transform(X, sample_weight=weight)):
        np.testing.assert_array_equal(found, fitted.transform(X))
    np.testing.assert_array_equal(codes, fitted.level_codes(X))


def test_level_codes_weights_equal_repetition():
    X = pd.DataFrame({"c": list("abcdefg")})
    weight = np.array([0, 3, 2, 2, 1, 4, 2])
    weighted = TableEncoder(max_categories=3).fit(X, sample_weight=weight)
    repeated = TableEncoder(max_categories=3).fit(X.iloc[np.repeat(np.arange(7), weight)])
    assert weighted.n_levels_ == repeated.n_levels_ == [5]
    np.testing.assert_array_equal(weighted.level_codes(X), repeated.level_codes(X))
    assert weighted.level_codes(X)[:, 0].tolist() == [-1, 0, 1, 2, -1, 3, 4]  # e is a single row


def test_level_codes_checks_the_columns(dataframe):
    encoder = TableEncoder(max_categories=2).fit(dataframe({"c": list("abcd")}))
    with pytest.raises(ValueError, match="feature names"):
        encoder.level_codes(dataframe({"d": list("abcd")}))
    with pytest.raises(NotFittedError):
        TableEncoder().level_codes(dataframe({"c": list("abcd")}))


def test_five_thousand_levels(dataframe):
    names = [f"level {i:04}" for i in range(5000)]
    place = np.random.default_rng(0).permutation(np.tile(np.arange(5000), 10))
    X = dataframe({"c": [names[i] for i in place]})
    encoder = TableEncoder().fit(X)
    Z, codes = encoder.transform_with_codes(X)
    np.testing.assert_array_equal(codes[:, 0], place)
    assert Z.shape == (50_000, 32)
    np.testing.assert_array_equal(Z.sum(axis=1), 1.0)


@pytest.mark.parametrize(
    "choice", [["n"], [1], [False, True, False], np.array([1]), pd.Index(["n"])]
)
def test_chosen_categories(choice, dataframe):
    X = dataframe({"a": [1.0, 2.0, 3.0], "n": [7, 8, 9], "b": [1.0, 2.0, 3.0]})
    encoder = TableEncoder(categorical_features=choice).fit(X)
    assert encoder.get_feature_names_out().tolist() == ["a", "b", "n=7", "n=8", "n=9"]


@pytest.mark.parametrize("choice", [[1], [False, True]])
def test_chosen_categories_of_an_array(choice):
    X = np.array([[1.0, 7.0], [2.0, 8.0], [3.0, np.nan]])
    encoder = TableEncoder(categorical_features=choice).fit(X)
    assert encoder.get_feature_names_out().tolist() == ["x0", "x1=7", "x1=8", "x1 is missing"]


@pytest.mark.parametrize("choice", [None, []])
def test_no_categories(choice):
    X = np.array([[1.0, 7.0], [2.0, 8.0]])
    np.testing.assert_array_equal(TableEncoder(categorical_features=choice).fit_transform(X), X)


@pytest.mark.parametrize("kind", ["object", "frame"])
def test_weights_equal_repetition(kind):
    rng = np.random.default_rng(0)
    n = 120
    frame = pd.DataFrame(
        {
            "a": rng.standard_normal(n),
            "gap": np.where(rng.random(n) < 0.2, np.nan, rng.integers(0, 9, n)),
            "c": rng.choice(list("abcdefghij"), n, p=np.arange(1, 11) / 55),
        }
    )
    weight = rng.integers(0, 4, n)
    frame.loc[weight == 0, "a"] = np.nan  # rows of weight zero must not be seen
    frame.loc[np.flatnonzero(weight == 0)[0], "c"] = "only here"
    rows = np.repeat(np.arange(n), weight)
    table = frame if kind == "frame" else frame.to_numpy(dtype=object)
    copies = frame.iloc[rows] if kind == "frame" else table[rows]
    weighted = TableEncoder(max_categories=5).fit(table, sample_weight=weight)
    repeated = TableEncoder(max_categories=5).fit(copies)
    assert weighted.levels_ == repeated.levels_
    assert weighted.get_feature_names_out().tolist() == repeated.get_feature_names_out().tolist()
    np.testing.assert_array_equal(weighted.constant_, repeated.constant_)
    np.testing.assert_array_equal(weighted.transform(table), repeated.transform(table))


def test_output_names_do_not_repeat():
    X = pd.DataFrame({"c=a": [1.0, 2.0, 3.0], "c": ["a", "b", "x"]})
    names = TableEncoder().fit(X).get_feature_names_out().tolist()
    assert names == ["c=a", "c=a'", "c=b", "c=x"]


def test_integer_column_names():
    X = pd.DataFrame({0: [1.0, 2.0], 1: ["a", "b"]})
    assert TableEncoder().fit(X).get_feature_names_out().tolist() == ["x0", "x1=b"]


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("write", [True, False])
def test_input_untouched(order, write):
    X = np.array([[9.0, np.nan], [2.0, 7.0], [5.0, 3.0]], order=order)
    X.setflags(write=write)
    before = X.copy()
    encoder = TableEncoder().fit(X)
    Z = encoder.transform(X)
    np.testing.assert_array_equal(X, before)
    whole = np.array([[1.0, 2.0], [3.0, 4.0]])
    assert not np.shares_memory(encoder.transform(whole), whole)
    frame = pd.DataFrame(MIXED)
    copy = frame.copy(deep=True)
    TableEncoder().fit_transform(frame)
    pd.testing.assert_frame_equal(frame, copy)
    assert Z.flags.writeable


def test_pickle_holds_no_rows(dataframe):
    X = dataframe({"a": np.arange(5000.0), "c": ["u", "v"] * 2500})
    encoder = TableEncoder().fit(X)
    state = pickle.dumps(encoder)
    assert len(state) < 5_000
    np.testing.assert_array_equal(pickle.loads(state).transform(X), encoder.transform(X))


def test_skops_needs_trust_in_our_class_only(tmp_path):
    io = pytest.importorskip("skops.io")
    encoder = TableEncoder().fit(pd.DataFrame(MIXED))
    data = io.dumps(encoder)
    untrusted = io.get_untrusted_types(data=data)
    assert untrusted == ["sktaskneuron.preprocessing.table.TableEncoder"]
    loaded = io.loads(data, trusted=untrusted)
    np.testing.assert_array_equal(loaded.transform(pd.DataFrame(MIXED)), ENCODED)


def test_plain_output_whatever_the_config(dataframe):
    kind = dataframe.__module__.split(".")[0]
    with sklearn.config_context(transform_output=kind):
        assert isinstance(TableEncoder().fit_transform(dataframe(MIXED)), np.ndarray)


def test_rows_do_not_depend_on_one_another(dataframe):
    X = dataframe(MIXED)
    encoder = TableEncoder().fit(X)
    np.testing.assert_array_equal(encoder.transform(X[2:3]), ENCODED[2:3])


@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        (np.array([1.0, 2.0]), ValueError, "Expected 2D array"),
        (
            np.array([(1.0, "f"), (2.0, "m")], dtype=[("a", float), ("k", "U1")]),
            TypeError,
            r"structured array with the fields 'a', 'k': give pandas.DataFrame\(X\)",
        ),
        (np.empty((0, 3)), ValueError, "0 sample"),
        (np.empty((3, 0)), ValueError, r"0 feature\(s\)"),
        (pd.DataFrame({"a": []}), ValueError, "0 sample"),
        (pd.DataFrame(index=[0, 1]), ValueError, r"0 feature\(s\)"),
        (np.array([[1.0, np.inf]]), ValueError, "Input X contains infinity"),
        (pd.DataFrame({"a": [1.0, -np.inf], "c": ["u", "v"]}), ValueError, "contains infinity"),
        (pl.DataFrame({"a": [1.0, np.inf]}), ValueError, "contains infinity"),
        (np.array([[1 + 2j]]), ValueError, "Complex data not supported"),
        (sparse.csr_array(np.eye(3)), TypeError, "Sparse data was passed"),
        (pd.DataFrame({"a": [{}, 1.0]}, dtype=object), TypeError, "column 'a' does not hold"),
        (pd.DataFrame({"a": [{}, "u"]}, dtype=object), TypeError, "no categories"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), ValueError, "a"),
    ],
)
def test_bad_tables(X, error, message):
    with pytest.raises(error, match=message):
        TableEncoder().fit(X)


def test_text_in_a_numeric_column(dataframe):
    X = dataframe({"a": [1.0, 2.0], "c": ["u", "v"]})
    with pytest.raises(ValueError, match="column 'c' does not hold numbers"):
        TableEncoder(categorical_features=None).fit(X)
    encoder = TableEncoder().fit(X)
    with pytest.raises(ValueError, match="column 'a' does not hold numbers"):
        encoder.transform(dataframe({"a": ["one", "two"], "c": ["u", "v"]}))


def test_wrong_columns(dataframe):
    encoder = TableEncoder().fit(dataframe(MIXED))
    short = {name: MIXED[name] for name in ("age", "colour")}
    with pytest.raises(ValueError, match="feature names"):
        encoder.transform(dataframe(short))
    plain = TableEncoder().fit(np.eye(3))
    with pytest.raises(ValueError, match="expecting 3 features"):
        plain.transform(np.eye(2))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"categorical_features": "auto"}, "'from_dtype', None or a list"),
        ({"categorical_features": ["no such"]}, "columns that X lacks"),
        ({"categorical_features": [5]}, "must lie in 0..4"),
        ({"categorical_features": [-1]}, "must lie in 0..4"),
        ({"categorical_features": [True]}, "mask of 1 columns, X has 5"),
        ({"categorical_features": [1.5]}, "names, places or a mask"),
        ({"max_categories": 1}, "max_categories"),
        ({"max_categories": 2.5}, "max_categories"),
    ],
)
def test_bad_parameters(options, message, dataframe):
    with pytest.raises(ValueError, match=message):
        TableEncoder(**options).fit(dataframe(MIXED))


def test_zero_weights(dataframe):
    with pytest.raises(ValueError, match="non-zero"):
        TableEncoder().fit(dataframe(MIXED), sample_weight=np.zeros(6))
