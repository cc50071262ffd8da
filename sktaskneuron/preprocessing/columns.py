"""The one place that knows pandas, polars and numpy apart.

A table is read by columns: blocks of numbers, and lists of values for categories.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence

import narwhals.stable.v2 as nw
import numpy as np
from narwhals.stable.v2.typing import IntoDataFrame
from sklearn.base import BaseEstimator
from sklearn.utils import check_array

from sktaskneuron._typing import AnyArray, Mask, Matrix, TableLike
from sktaskneuron.preprocessing.categories import is_missing


class Table(ABC):
    """Columns of a table, read as numbers or as values.

    Attributes
    ----------
    shape : tuple (n_rows, n_columns)
        Size of the table.
    names : list of str
        Column names; x0, x1, ... where the table has none.
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
    def values(self, column: int) -> list[object]:
        """Python values of one column."""

    @abstractmethod
    def _float(self, columns: Sequence[int]) -> Matrix:
        """Columns as floats, NaN for missing; any exception where that fails."""

    def numbers(self, columns: Sequence[int], estimator: BaseEstimator | None = None) -> Matrix:
        """Read columns as numbers.

        Parameters
        ----------
        columns : sequence of int
            Places of the columns.
        estimator : object
            Named in error messages.

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
            block = self._float(columns)
        except Exception:
            for column in columns:
                self._explain(column)
            raise
        return check_array(
            block,
            dtype=np.float64,
            ensure_all_finite="allow-nan",
            input_name="X",
            estimator=estimator,
        )

    def _explain(self, column: int) -> None:
        """Raise an error that names the column, if this one does not hold numbers."""
        try:
            self._float([column])
        except Exception as error:
            kind = TypeError if isinstance(error, TypeError) else ValueError
            raise kind(
                f"column {self.names[column]!r} does not hold numbers: {error}. Convert it, or "
                "name it in categorical_features"
            ) from error


class _ArrayTable(Table):
    def __init__(self, array: AnyArray) -> None:
        self.array = array
        self.shape = array.shape
        self.names = [f"x{j}" for j in range(self.shape[1])]

    def take(self, rows: Mask) -> Table:
        return _ArrayTable(self.array[rows])

    def is_text(self, column: int) -> bool:
        kind = self.array.dtype.kind
        return kind in "US" or (
            kind == "O" and any(isinstance(v, str | bytes) for v in self.array[:, column])
        )

    def is_boolean(self, column: int) -> bool:
        kind = self.array.dtype.kind
        return kind == "b" or (kind == "O" and _are_booleans(self.array[:, column]))

    def values(self, column: int) -> list[object]:
        return list(self.array[:, column].tolist())

    def _float(self, columns: Sequence[int]) -> Matrix:
        if self.array.dtype.kind in "mM":
            raise TypeError(f"its dtype is {self.array.dtype}")
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
        self.names = list(names) if named else [f"x{j}" for j in range(self.shape[1])]

    def take(self, rows: Mask) -> Table:
        return _FrameTable(self.frame.filter(rows.tolist()))

    def is_text(self, column: int) -> bool:
        dtype = self.types[column]
        if dtype == nw.Object:
            return any(isinstance(value, str | bytes) for value in self.values(column))
        return dtype in (nw.String, nw.Categorical, nw.Enum, nw.Binary)

    def is_boolean(self, column: int) -> bool:
        dtype = self.types[column]
        return dtype == nw.Boolean or (dtype == nw.Object and _are_booleans(self.values(column)))

    def values(self, column: int) -> list[object]:
        return list(self.frame[:, column].to_list())

    def _float(self, columns: Sequence[int]) -> Matrix:
        every = len(columns) == self.shape[1]
        frame = self.frame if every else self.frame[:, list(columns)]
        types = [self.types[column] for column in columns]
        for dtype in types:
            if dtype.is_temporal():
                raise TypeError(f"its dtype is {dtype}")
        if nw.Object in types and len(types) > 1:
            return np.column_stack([self._float([column]) for column in columns])
        if nw.Object in types:
            cells = np.fromiter(self.values(columns[0]), dtype=object, count=len(self))
            return _to_float(cells[:, None])
        if any(dtype != nw.Float64 for dtype in types):
            frame = frame.select(nw.all().cast(nw.Float64))
        return np.asarray(frame.to_numpy(), dtype=np.float64)


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


def read_table(X: TableLike, estimator: BaseEstimator | None = None) -> Table:
    """Open a table by columns.

    Parameters
    ----------
    X : pandas, polars or pyarrow table, or array-like, of shape (n_samples, n_features)
        The table.
    estimator : object
        Named in error messages.

    Returns
    -------
    table : Table
        Its columns.

    Raises
    ------
    ValueError, TypeError
        If X is sparse, complex, not two-dimensional, or has no rows or columns.
    """
    frame = nw.from_native(X, eager_only=True, pass_through=True)
    if isinstance(frame, nw.DataFrame):
        # scikit-learn's own messages for empty tables, at no cost in memory
        check_array(np.broadcast_to(0.0, frame.shape), input_name="X", estimator=estimator)
        return _FrameTable(frame)
    if isinstance(X, list | tuple):
        array = np.asarray(X)
        # a list of mixed rows: keep its numbers numbers
        X = np.asarray(X, dtype=object) if array.dtype.kind in "US" else array
    array = check_array(X, dtype=None, ensure_all_finite=False, input_name="X", estimator=estimator)
    return _ArrayTable(array)
