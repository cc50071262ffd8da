"""Kinds of tables by the types of their columns and by what holds them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

from ..draft import MAY, MUST, Draft
from .edits import numbers_of, on_both, one_number, set_cells, some_rows, with_column, with_X
from .kind import HOLDERS, TABLES, TYPES, Generator, kind

Table = pd.DataFrame


def each_number(draft: Draft, change: Callable[[pd.Series], Any]) -> Draft:
    return on_both(draft, lambda t: t.assign(**{n: change(t[n]) for n in numbers_of(t)}))


@kind(TYPES, TABLES)
def nullable(draft: Draft, rng: Generator) -> Draft:
    """Columns are of pandas' nullable types."""
    return on_both(draft, lambda t: t.convert_dtypes())


@kind(TYPES, TABLES)
def arrow(draft: Draft, rng: Generator) -> Draft:
    """Columns of pandas are held by pyarrow, a few cells of one are missing."""
    return on_both(draft, lambda t: t.convert_dtypes(dtype_backend="pyarrow"))


@kind(TYPES, TABLES)
def arrow_with_gaps(draft: Draft, rng: Generator) -> Draft:
    """Columns of pandas are held by pyarrow, and some cells are missing."""
    X = draft.given.X
    for name in [one_number(draft, rng), "k"]:
        if name in X:
            X = set_cells(X, name, some_rows(rng, len(X), 0, 2), None)
    draft = with_X(draft, X)
    return on_both(draft, lambda t: t.convert_dtypes(dtype_backend="pyarrow"))


@kind(HOLDERS, TABLES)
def polars(draft: Draft, rng: Generator) -> Draft:
    """The table is of polars, where that can hold it; gaps are nulls."""
    import polars as pl

    refusals = pl.exceptions.PolarsError, TypeError, OverflowError
    return held_by(pl.DataFrame, refusals, draft)


def held_by(
    make: Callable[[dict[str, list[Any]]], Any], refusals: tuple[type[Exception], ...], draft: Draft
) -> Draft:
    """Have a library hold the columns; leave them as they are where it cannot."""
    if not draft.given.X.columns.is_unique:
        return draft
    try:
        return on_both(
            draft, lambda t: make({str(n): list_of(t.iloc[:, j]) for j, n in enumerate(t)})
        )
    except refusals:
        return draft


def list_of(column: pd.Series) -> list[Any]:
    values = [None if missing(v) else v for v in column.tolist()]
    return [float(v) if isinstance(v, np.floating) else v for v in values]


@kind(HOLDERS, TABLES)
def pyarrow_table(draft: Draft, rng: Generator) -> Draft:
    """The table is of pyarrow, where that can hold it."""
    import pyarrow as pa

    return held_by(pa.table, (pa.ArrowException, OverflowError), draft)


@kind(HOLDERS, TABLES)
def object_array(draft: Draft, rng: Generator) -> Draft:
    """The table is one array of objects, numbers and texts together."""
    return on_both(draft, lambda t: t.to_numpy(dtype=object), told=draft.told[1:])


@kind(HOLDERS, TABLES)
def lists(draft: Draft, rng: Generator) -> Draft:
    """The table is a list of lists of numbers; the category goes as 0 and 1."""
    return on_both(plain(draft), lambda t: t.to_numpy(dtype=float).tolist(), told=draft.told[1:])


@kind(HOLDERS)
def odd_memory(draft: Draft, rng: Generator) -> Draft:
    """An array in Fortran's order, of every second row, or read-only."""

    def laid(table: Table) -> np.ndarray:
        array = np.asfortranarray(table.to_numpy(dtype=float))
        array = np.repeat(array, 2, axis=0)[::2] if choice == 1 else array
        array.flags.writeable = False
        return array

    choice = int(rng.integers(2))
    return on_both(plain(draft), laid, told=draft.told[1:])


def plain(draft: Draft) -> Draft:
    """Write all columns as floats, categories by a number for each level."""
    return on_both(draft, lambda t: pd.DataFrame(np.stack([floats(c) for _, c in t.items()], 1)))


def floats(column: pd.Series) -> np.ndarray:
    """Numbers as they are, else one for each text: of the table and of new rows alike."""
    try:
        if column.dtype.kind in "Mmc":
            raise TypeError(column.dtype)
        return column.to_numpy(dtype=float, na_value=np.nan)
    except (TypeError, ValueError):
        texts = [None if missing(v) else str(v) for v in column.tolist()]
        return np.array([np.nan if v is None else sum(map(ord, v)) % 97 for v in texts])


def missing(value: Any) -> bool:
    return np.ndim(value) == 0 and bool(pd.isna(value))


@kind(TYPES)
def small_floats(draft: Draft, rng: Generator) -> Draft:
    """Numbers are float32, float16 or long doubles."""
    dtype = [np.float32, np.float16, np.longdouble][rng.integers(3)]
    with np.errstate(over="ignore"):
        fits = np.isfinite(draft.given.X[numbers_of(draft.given.X)].to_numpy(dtype)).all()
    # a cell that float16 cannot hold would be infinite, which is another kind
    dtype = dtype if fits else np.float64
    return each_number(draft, lambda c: c.to_numpy().astype(dtype))


@kind(TYPES, TABLES)
def decimals(draft: Draft, rng: Generator) -> Draft:
    """A column holds decimals, as a database gives them."""
    name = one_number(draft, rng)

    def decimal(table: Table) -> Table:
        values = [None if pd.isna(v) else Decimal(repr(float(v))) for v in table[name]]
        return table.assign(**{name: pd.Series(values, index=table.index, dtype=object)})

    return on_both(draft, decimal)


@kind(TYPES, TABLES)
def category_dtype(draft: Draft, rng: Generator) -> Draft:
    """The category is of pandas' category type, with a level that no row has."""
    levels = ["unused", *sorted({str(v) for v in draft.given.X["k"].dropna()} | {"f", "m"})]
    return on_both(draft, lambda t: t.assign(k=pd.Categorical(t["k"], categories=levels)))


@kind(TYPES, TABLES)
def booleans(draft: Draft, rng: Generator) -> Draft:
    """The category is of booleans, plain, nullable or as objects."""
    holder = ["bool", "boolean", "object"][rng.integers(3)]

    def told(table: Table) -> Table:
        return table.assign(k=(table["k"] == "f").astype(holder))

    return on_both(draft, told)


@kind(TYPES, TABLES)
def numbers_and_texts(draft: Draft, rng: Generator) -> Draft:
    """The category mixes numbers and texts."""
    level = [1, 0, 2.5, True][rng.integers(4)]

    def mixed(table: Table) -> Table:
        return table.assign(k=table["k"].astype(object).where(table["k"] != "m", level))

    return on_both(draft, mixed, refusal=MAY, words=("'k'", '"k"', "k "))


@kind(HOLDERS)
def masked(draft: Draft, rng: Generator) -> Draft:
    """A masked array: nonsense under the mask is a gap, or the mask is refused by name."""
    draft = plain(draft)
    array = draft.given.X.to_numpy(dtype=float)
    mask = rng.random(array.shape) < 0.03
    table = np.ma.MaskedArray(np.where(mask, 1e6, array), mask=mask)
    draft = with_X(on_both(draft, lambda t: t.to_numpy(dtype=float)), table)
    return replace(draft, refusal=MAY, words=("mask", "NaN"), told=draft.told[1:])


@kind(TYPES, TABLES)
def numbers_as_text(draft: Draft, rng: Generator) -> Draft:
    """Numbers stand as texts, as money or as per cent: told, or refused, by the column's name."""
    form = ["{}", "${:,.2f}", "{:.1f} %", "{:.3f}"][rng.integers(4)]
    name = one_number(draft, rng)

    def texts(table: Table) -> Table:
        scale = 1.0 if form == "{}" else 1000.0
        written = [None if pd.isna(v) else form.format(v * scale) for v in table[name]]
        if form == "{:.3f}":
            written = [None if v is None else v.replace(".", ",") for v in written]
        return table.assign(**{name: pd.Series(written, index=table.index, dtype=object)})

    told = (str(name),) if len(draft.given.X) > 12 else ()
    return on_both(draft, texts, refusal=MAY, words=(str(name),), told=told, judged=False)


@kind(TYPES, TABLES)
def numbers_as_wholly_text(draft: Draft, rng: Generator) -> Draft:
    """All cells are texts, as a CSV file without types gives them: told, or refused."""
    told = ("text",) if len(draft.given.X) > 12 else ()
    return on_both(
        draft,
        lambda t: t.astype(object).map(lambda v: None if pd.isna(v) else str(v)),
        refusal=MAY,
        words=("text",),
        told=told,
        judged=False,
    )


@kind(TYPES, TABLES)
def times(draft: Draft, rng: Generator) -> Draft:
    """A column of dates, durations or times of day, some missing, has no part in the target."""
    n, m = len(draft.given.X), len(draft.new)
    days = pd.Series(pd.date_range("2020-01-01", periods=n + m))
    hours = pd.Series(pd.date_range("2020-01-01", periods=n + m, freq="7h"))
    made = [
        days,
        hours,
        hours.dt.tz_localize("UTC").dt.tz_convert("Europe/Berlin"),
        pd.Series(pd.to_timedelta(np.arange(n + m), unit="h")),
        pd.Series(pd.period_range("2000-01", periods=n + m, freq="M")),
        days.dt.date,
        hours.dt.time,
    ][rng.integers(7)]
    made = made.sample(frac=1.0, random_state=int(rng.integers(2**31))).reset_index(drop=True)
    made.iloc[some_rows(rng, n + m, 0.05 * rng.integers(2), 0)] = None
    return with_column(draft, "when", made.iloc[:n].array, made.iloc[n:].array)


@kind(TYPES, TABLES)
def times_as_text(draft: Draft, rng: Generator) -> Draft:
    """A column of dates or times of day as a CSV file gives them, in text: told, or refused."""
    form = ["%Y-%m-%d", "%d.%m.%Y", "%Y-%m-%dT%H:%M:%S", "%m/%d/%y", "%H:%M"][rng.integers(5)]
    n, m = len(draft.given.X), len(draft.new)
    made = pd.Series(pd.date_range("2020-01-01", periods=n + m, freq="31h")).dt.strftime(form)
    made = made.sample(frac=1.0, random_state=int(rng.integers(2**31))).astype(object)
    draft = with_column(draft, "when", made.to_numpy()[:n], made.to_numpy()[n:])
    told = ("when",) if n > 12 else ()
    return replace(draft, refusal=MAY, words=("when",), told=told)


@kind(TYPES, TABLES)
def no_numbers(draft: Draft, rng: Generator) -> Draft:
    """A column of lists, complex numbers, intervals and the like: refused by name."""
    n = len(draft.given.X)
    made = [
        pd.interval_range(0, n, periods=n),
        pd.Series([[1, 2]] * n),
        pd.Series([{"a": 1}] * n),
        np.arange(n) * (1 + 1j),
        pd.Series([object()] * n),
        pd.Series([pd.Timestamp("2020-01-01"), 3.5] * n).iloc[:n],
    ][rng.integers(6)]
    values = pd.Series(made).set_axis(draft.given.X.index)
    draft = with_column(draft, "when", values, values.iloc[:1].repeat(len(draft.new)).to_numpy())
    return replace(draft, refusal=MUST, words=("when",))


@kind(TYPES, TABLES)
def sparse_frame(draft: Draft, rng: Generator) -> Draft:
    """A column is pandas' sparse type: it works, or the error says so."""
    name = one_number(draft, rng)
    return on_both(
        draft,
        lambda t: t.assign(**{name: pd.arrays.SparseArray(t[name])}),
        refusal=MAY,
        words=("sparse", str(name)),
    )


@kind(HOLDERS)
def no_table(draft: Draft, rng: Generator) -> Draft:
    """X is a vector, a stack of pictures, a scalar, a text, empty, sparse, of fields: refused."""
    import scipy.sparse

    X = plain(draft).given.X.to_numpy(dtype=float)
    made = [
        X[:, 0],
        X[:, :, None, None],
        3.5,
        "table",
        None,
        X[:0],
        X[:, :0],
        scipy.sparse.csr_array(X),
        np.rec.fromarrays(list(X.T)),
    ]
    return with_X(
        draft,
        made[rng.integers(len(made))],
        refusal=MUST,
        words=("X", "array", "table", "sample", "feature", "field"),
    )
