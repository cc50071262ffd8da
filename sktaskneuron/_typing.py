"""Names of types: a signature says by them what an array holds, and in which shape.

A name promises a shape; the type checker sees only what numpy's types can say.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from narwhals.typing import IntoDataFrame, IntoSeries

__all__ = [
    "AnyArray",
    "CategoricalFeatures",
    "ColumnNumbers",
    "ColumnsLike",
    "Constraints",
    "FloatArray",
    "IndexArray",
    "IntArray",
    "Mask",
    "Matrix",
    "PlainData",
    "RandomState",
    "RowNumbers",
    "Spec",
    "Splits",
    "Splitter",
    "State",
    "TableLike",
    "TargetLike",
    "ValidationLike",
    "Vector",
]

#: Floats of any shape.
FloatArray: TypeAlias = NDArray[np.float64]
#: Floats of shape (n,).
Vector: TypeAlias = NDArray[np.float64]
#: Floats of shape (n_rows, n_columns).
Matrix: TypeAlias = NDArray[np.float64]
#: Whole numbers of any shape.
IntArray: TypeAlias = NDArray[np.int64]
#: Places of rows in a table, of shape (n,).
RowNumbers: TypeAlias = NDArray[np.intp]
#: True where something is taken, of any shape.
Mask: TypeAlias = NDArray[np.bool_]
#: Values of any type and shape: labels, raw cells.
AnyArray: TypeAlias = NDArray[Any]
#: Pairs of the rows to train on and of those held out.
Splits: TypeAlias = Sequence[tuple[RowNumbers, RowNumbers]]
#: Parameters and buffers of a module by their names.
State: TypeAlias = dict[str, AnyArray]

#: Plain values that an object is built from again.
Spec: TypeAlias = dict[str, Any]

#: What a user may give for X: an array, or a table of pandas, polars or pyarrow.
TableLike: TypeAlias = "ArrayLike | IntoDataFrame"
#: What a user may give for y.
TargetLike: TypeAlias = "ArrayLike | IntoSeries"
#: Which columns are categories, as `TableEncoder` takes it.
CategoricalFeatures: TypeAlias = "str | Sequence[str] | Sequence[int] | None"
#: What scikit-learn checks of parameters, by their names.
Constraints: TypeAlias = dict[str, Any]
#: What scikit-learn takes for `random_state`.
RandomState: TypeAlias = "int | np.random.RandomState | None"
#: Places of columns in a table, of shape (n,).
ColumnNumbers: TypeAlias = NDArray[np.intp]
#: What an equation takes for X: a table, or columns by their names.
ColumnsLike: TypeAlias = "TableLike | Mapping[str, ArrayLike]"
#: What JSON can hold: str, numbers, lists, dicts and None by their names.
PlainData: TypeAlias = dict[str, Any]
#: Places in something, of any shape.
IndexArray: TypeAlias = NDArray[np.intp]


class Splitter(Protocol):
    """What draws splits of rows, as scikit-learn's splitters do."""

    def split(
        self, X: Any, y: Any = None, groups: Any = None
    ) -> Iterator[tuple[RowNumbers, RowNumbers]]:
        """Yield training rows and held-out rows."""

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Return the number of splits."""


#: Which rows are held out: "auto", folds, a share, a splitter, a list of splits, or None.
ValidationLike: TypeAlias = "str | int | float | Splitter | Splits | None"
