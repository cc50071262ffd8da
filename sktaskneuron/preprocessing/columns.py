"""The one place that knows pandas, polars and numpy apart.

A table is read by columns: blocks of numbers, times, and lists of values for categories.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
from narwhals.exceptions import DuplicateError
from narwhals.stable.v2.typing import IntoDataFrame
from sklearn.base import BaseEstimator
from sklearn.utils import check_array

from sktaskneuron._typing import AnyArray, Mask, Matrix, TableLike
from sktaskneuron.preprocessing.cells import as_array, is_missing, is_number, no_number
from sktaskneuron.preprocessing.times import TimeKind, Times, kind_of_cells, read_times


class Table(ABC):
    """Columns of a table, read as numbers, as times or as values.

    Attributes
    ----------
    shape : tuple (n_rows, n_columns)
        Size of the table.
    names : list of str
        Column names; x0, x1, ... where the table has none, or an empty one.
    """

    shape: tuple[int, int]
    names: list[str]

    def __len__(self) -> int:
        return self.shape[0]

    @abstractmethod
    def take(self, rows: Mask) -> "Table":
        """Keep the rows where the mask (n_rows,) is true."""

    @abstractmethod
    def is_text(self, column: int) -> bool:
        """Tell whether a column's type or values make it categorical."""

    @abstractmethod
    def is_boolean(self, column: int) -> bool:
        """Tell whether a column holds True and False, and nothing else but gaps."""

    @abstractmethod
    def is_declared(self, column: int) -> bool:
        """Tell whether a column's type says that it is a category, and not only text."""

    @abstractmethod
    def time_kind(self, column: int) -> TimeKind | None:
        """Tell by its type or its first value whether a column holds times, and which."""

    @abstractmethod
    def values(self, column: int) -> list[object]:
        """Python values of one column."""

    @abstractmethod
    def times(self, column: int, kind: TimeKind) -> Times:
        """Read one column as times.

        Raises
        ------
        ValueError, TypeError
            If it holds anything else, or dates of several time zones.
        """

    @abstractmethod
    def _float(self, columns: Sequence[int]) -> Matrix:
        """Columns as floats, NaN for missing; any exception where that fails."""

    def numbers(self, columns: Sequence[int]) -> Matrix:
        """Read columns as numbers.

        Parameters
        ----------
        columns : sequence of int
            Places of the columns.

        Returns
        -------
        block : ndarray of shape (n_rows, len(columns))
            NaN where a value is missing; may be the caller's memory: do not write into it.

        Raises
        ------
        ValueError, TypeError
            If a column does not hold numbers, or holds infinity.
        """
        if not len(columns):
            return np.empty((len(self), 0))
        try:
            # what is too large for a float becomes infinity, which is refused
            with np.errstate(over="ignore"):
                block = self._float(columns)
        except MemoryError:
            raise
        except Exception as error:
            # each library has errors of its own for this
            block = self._from_cells(columns, error)
        infinite = np.isinf(block).any(axis=0)
        if infinite.any():
            name = self.names[columns[int(np.argmax(infinite))]]
            raise ValueError(
                "Input X contains infinity or a value too large for dtype('float64') in column "
                f"{name!r}: turn it into a number or NaN"
            )
        return block

    def _from_cells(self, columns: Sequence[int], error: Exception) -> Matrix:
        """Read columns cell by cell, or name the first that does not hold numbers.

        pyarrow casts no whole numbers that a float would round, and these are numbers too.
        """
        block = np.empty((len(self), len(columns)))
        for place, column in enumerate(columns):
            cells = self.values(column)
            for cell in cells:
                if not is_number(cell):
                    raise no_number(f"column {self.names[column]!r}", cell) from error
            try:
                block[:, place] = _to_float(np.fromiter(cells, dtype=object, count=len(cells)))
            except (TypeError, ValueError, OverflowError) as other:
                raise TypeError(f"X does not hold numbers: {error}") from other
        return block


class _ArrayTable(Table):
    def __init__(self, array: AnyArray) -> None:
        self.array = array
        self.shape = array.shape
        self.names = [f"x{j}" for j in range(self.shape[1])]

    def take(self, rows: Mask) -> Table:
        return _ArrayTable(self.array[rows])

    def is_text(self, column: int) -> bool:
        kind = self.array.dtype.kind
        return kind in "UST" or (kind == "O" and _has_text(self.values(column)))

    def is_declared(self, column: int) -> bool:
        return False

    def is_boolean(self, column: int) -> bool:
        kind = self.array.dtype.kind
        return kind == "b" or (kind == "O" and _are_booleans(self.array[:, column]))

    def time_kind(self, column: int) -> TimeKind | None:
        kind = self.array.dtype.kind
        if kind in "mM":
            return "date" if kind == "M" else "duration"
        return kind_of_cells(self.array[:, column]) if kind == "O" else None

    def values(self, column: int) -> list[object]:
        cells = self.array[:, column]
        # tolist makes plain whole numbers of dates and durations
        return list(cells) if cells.dtype.kind in "mM" else list(cells.tolist())

    def times(self, column: int, kind: TimeKind) -> Times:
        is_time = self.array.dtype.kind in "mM"
        cells = self.array[:, column] if is_time else self.values(column)
        return read_times(cells, kind, self.names[column])

    def _float(self, columns: Sequence[int]) -> Matrix:
        if self.array.dtype.kind in "cmMV":
            raise TypeError(f"the dtype is {self.array.dtype}")
        every = len(columns) == self.shape[1]
        block = self.array if every else self.array[:, columns]
        return _to_float(block)


class _FrameTable(Table):
    def __init__(self, frame: nw.DataFrame[IntoDataFrame]) -> None:
        self.frame = frame
        self.shape = frame.shape
        self.types = frame.schema.dtypes()
        names = frame.columns
        named = all(isinstance(name, str) for name in names)
        self.names = shown_names(names) if named else [f"x{j}" for j in range(self.shape[1])]

    def take(self, rows: Mask) -> Table:
        return _FrameTable(self.frame.filter(rows.tolist()))

    def is_text(self, column: int) -> bool:
        dtype = self.types[column]
        if dtype == nw.Object:
            return _has_text(self.values(column))
        return dtype in (nw.String, nw.Binary) or self.is_declared(column)

    def is_declared(self, column: int) -> bool:
        return self.types[column] in (nw.Categorical, nw.Enum)

    def is_boolean(self, column: int) -> bool:
        dtype = self.types[column]
        return dtype == nw.Boolean or (dtype == nw.Object and _are_booleans(self.values(column)))

    def time_kind(self, column: int) -> TimeKind | None:
        match self.types[column]:
            case nw.Date() | nw.Datetime():
                return "date"
            case nw.Duration():
                return "duration"
            case nw.Time():
                return "time of day"
            case nw.Object() | nw.Unknown():
                return kind_of_cells(self.values(column))
        return None

    def values(self, column: int) -> list[object]:
        return list(self.frame[:, column].to_list())

    def times(self, column: int, kind: TimeKind) -> Times:
        dtype, name = self.types[column], self.names[column]
        if dtype.is_temporal():
            cells = self.frame[:, column].to_numpy()  # those with a time zone in UTC
            if cells.dtype.kind in "mM":
                zone = dtype.time_zone if isinstance(dtype, nw.Datetime) else None
                return read_times(cells, kind, name, zone)
        return read_times(self.values(column), kind, name)

    def _float(self, columns: Sequence[int]) -> Matrix:
        every = len(columns) == self.shape[1]
        frame = self.frame if every else self.frame[:, list(columns)]
        types = [self.types[column] for column in columns]
        for dtype in types:
            if dtype.is_temporal() or dtype.is_nested():
                raise TypeError(f"the dtype is {dtype}")
        by_cell = any(dtype in (nw.Object, nw.Unknown) for dtype in types)
        if by_cell and len(types) > 1:
            return np.column_stack([self._float([column]) for column in columns])
        if by_cell:
            cells = np.fromiter(self.values(columns[0]), dtype=object, count=len(self))
            return _to_float(cells[:, None])
        if any(dtype != nw.Float64 for dtype in types):
            frame = frame.select(nw.all().cast(nw.Float64))
        block = frame.to_numpy()
        if block.dtype.kind == "O":  # pandas mixes pyarrow's columns with marks of its own
            block = np.column_stack([series.to_numpy() for series in frame.iter_columns()])
        return np.asarray(block, dtype=np.float64)


def _has_text(cells: Sequence[object]) -> bool:
    return any(isinstance(cell, str | bytes) for cell in cells)


def _are_booleans(cells: Iterable[object]) -> bool:
    """Tell whether all cells but gaps are True or False, and one is."""
    kinds = {isinstance(cell, bool | np.bool_) for cell in cells if not is_missing(cell)}
    return kinds == {True}


def _to_float(block: AnyArray) -> Matrix:
    """Convert to floats; None becomes NaN by numpy's rule, other marks of missing by ours."""
    try:
        return block.astype(np.float64, copy=False)
    except TypeError:
        gaps = np.asarray(np.frompyfunc(is_missing, 1, 1)(block), dtype=bool)
        return np.where(gaps, np.nan, block).astype(np.float64)


def shown_names(names: Sequence[str]) -> list[str]:
    """Return the names of columns, and for one without letters its place, as x0.

    Parameters
    ----------
    names : sequence of str
        As a table gives them.

    Returns
    -------
    names : list of str
        None is empty, and none that was given has changed.
    """
    taken, shown = set(names), list(names)
    for j in [j for j, name in enumerate(names) if not name]:
        shown[j] = f"x{j}"
        while shown[j] in taken:
            shown[j] += "_"
        taken.add(shown[j])
    return shown


def read_table(X: TableLike, estimator: BaseEstimator | None = None) -> Table:
    """Open a table by columns.

    Parameters
    ----------
    X : pandas, polars or pyarrow table, or array-like, of shape (n_samples, n_features)
        The table. In a masked array the cells under the mask are missing.
    estimator : object
        Named in error messages.

    Returns
    -------
    table : Table
        Its columns.

    Raises
    ------
    ValueError, TypeError
        If X is sparse, not two-dimensional, has no rows or columns, or two columns of one name.
    """
    try:
        frame = nw.from_native(X, eager_only=True, pass_through=True)
    except DuplicateError as error:
        found = " ".join(str(error).split())
        raise ValueError(f"{found}: rename or drop columns") from error
    if isinstance(frame, nw.DataFrame):
        # scikit-learn's own messages for empty tables, at no cost in memory
        check_array(np.broadcast_to(0.0, frame.shape), input_name="X", estimator=estimator)
        return _FrameTable(frame)
    return _ArrayTable(_read_array(X, estimator))


def _read_array(X: Any, estimator: BaseEstimator | None) -> AnyArray:
    """Return an array of two dimensions that may hold gaps and anything but numbers."""
    if isinstance(X, list | tuple):
        array = as_array(X, "X")
        # a list of mixed rows: keep its numbers numbers
        X = np.asarray(X, dtype=object) if array.dtype.kind in "US" else array
    if not hasattr(X, "ndim") or getattr(X, "requires_grad", False):
        X = as_array(X, "X")
    if X.ndim != 2:
        raise _not_two_dimensional(X)
    if isinstance(X, np.ndarray) and X.ndim == 2 and X.dtype.kind in "cV":
        return X  # refused by the name of the column where it is read
    if isinstance(X, np.ma.MaskedArray):
        wide, gap = (np.float64, np.nan) if X.dtype.kind in "biuf" else (object, None)
        X = np.ma.filled(X.astype(wide), gap)
    array = check_array(X, dtype=None, ensure_all_finite=False, input_name="X", estimator=estimator)
    return np.asarray(array)


def _not_two_dimensional(X: Any) -> Exception:
    if not X.ndim:
        return TypeError(
            f"Expected 2D array, got one {type(X[()]).__name__} instead: give X as an array of "
            "shape (n_samples, n_features), or as a table of pandas, polars (collected) or pyarrow"
        )
    if X.ndim > 2:
        return ValueError(
            f"Found array with dim {X.ndim}, of shape {X.shape}, where a table of rows and columns "
            "is expected: signals (n_samples, channels, length) and images are for "
            "NeuronSeekSignalClassifier and NeuronSeekSignalRegressor"
        )
    fields = getattr(X.dtype, "names", None)
    if fields:
        return TypeError(
            f"X is a structured array with the fields {', '.join(map(repr, fields[:3]))}"
            f"{', ...' if len(fields) > 3 else ''}: give pandas.DataFrame(X), which has a column "
            "for each field"
        )
    return ValueError(
        f"Expected 2D array, got 1D array of shape {X.shape} instead. Reshape your data by "
        "X.reshape(-1, 1) if it is one column, or by X.reshape(1, -1) if it is one row"
    )
