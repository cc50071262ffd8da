"""What every estimator asks of its input: a table, a target, weights."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import compress

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.utils import assert_all_finite, column_or_1d, compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_y, _num_samples

from sktaskneuron._typing import (
    AnyArray,
    FloatArray,
    IntArray,
    Mask,
    Matrix,
    RowNumbers,
    Splits,
    TableLike,
    TargetLike,
    Vector,
)
from sktaskneuron.estimators._common.limits import limited
from sktaskneuron.preprocessing import SignalEncoder, TableEncoder
from sktaskneuron.preprocessing.cells import (
    as_array,
    is_missing,
    is_number,
    no_number,
    without_objects,
)
from sktaskneuron.preprocessing.columns import read_table
from sktaskneuron.preprocessing.doubtful import (
    warn_of_sentinels,
    warn_of_text_target,
    warn_of_tiny,
)
from sktaskneuron.preprocessing.naming import in_name_of
from sktaskneuron.preprocessing.weighted import check_weight

# Squares of numbers between these stay far from both ends of the float64 range.
_LARGEST, _SMALLEST = 1e100, 1e-100
# Share of the largest weight below which one is zero: float32 ends at 1e-38, and squares earlier.
_LEAST = 1e-30
# Mean beyond which weights are no counts: a table of a thousand rows would stand for 10**9.
_LARGEST_MEAN = 1e6
# New values count as far out as so many ranges of the training column, so that powers stay finite.
_FAR_OUT = 1e6
# So many where equations stand beside networks, which know nothing of what is further out.
_NEAR = 0.1
# Rows looked at at a time.
_ROWS = 8_192


@dataclass(frozen=True, eq=False)
class JudgeRows:
    """Rows that no model is fitted to: the user gave them to judge by.

    Parameters
    ----------
    matrix : ndarray of shape (n_rows, n_columns)
    codes : ndarray of shape (n_rows, n_large)
    target : ndarray
        As models are fitted to it.
    weight : ndarray of shape (n_rows,)
        Positive.
    """

    matrix: Matrix
    codes: Matrix
    target: AnyArray
    weight: Vector


@dataclass(frozen=True, eq=False)
class EncodedTable:
    """A training table as floats, rows of zero weight left out.

    Parameters
    ----------
    encoder : TableEncoder or SignalEncoder
        Fitted.
    matrix : ndarray of shape (n_rows, n_columns)
        Finite, raw units.
    names : tuple of str
        Of its columns.
    weight : ndarray of shape (n_rows,)
        Positive.
    rows : ndarray of int of shape (n_rows,)
        Places of the kept rows in the caller's table.
    codes : ndarray of shape (n_rows, n_large)
        Of the levels of columns with many of them.
    limits : ndarray of shape (2, n_columns)
        Within which new rows are brought; infinite in columns without far cells.
    splits : sequence of (training rows, held-out rows) or None
        Where the user says how rows are held out.
    judges : JudgeRows or None
        Rows to judge by in the place of held-out ones.
    """

    encoder: TableEncoder | SignalEncoder
    matrix: Matrix
    names: tuple[str, ...]
    weight: Vector
    rows: RowNumbers
    codes: Matrix
    limits: Matrix
    splits: Splits | None = None
    judges: JudgeRows | None = None

    @property
    def references(self) -> Mask:
        """Columns of the usual level of each category, which the other levels are told from."""
        encoder, found = self.encoder, np.zeros(len(self.names), dtype=bool)
        marks = np.flatnonzero(encoder.indicator_ & encoder.categorical_[encoder.source_])
        for source in np.unique(encoder.source_[marks]):
            own = marks[encoder.source_[marks] == source]
            if len(own) > 1:  # a category of two levels has one column
                found[own[int(np.argmax(self.weight @ self.matrix[:, own]))]] = True
        return found


def plain_target(name: str, y: TargetLike | None) -> AnyArray:
    """Return a target as an array of numbers or labels without gaps.

    name : of the estimator, for messages.
    """
    with in_name_of(name):
        if y is None:
            raise ValueError(
                "requires y to be passed, but the target y is None: give what is to be learned"
            )
        if np.ma.is_masked(y):
            raise ValueError("y is masked in some rows: leave these rows out of X and y")
        values = as_array(y, "y")
        if values.ndim == 0:
            raise TypeError(
                f"y must be an array with a value for each row, got one {type(y).__name__}"
            )
        if values.dtype.kind in "OcmMV":
            cells = values.ravel()
            n_gaps = sum(map(is_missing, cells))
            if n_gaps:
                raise ValueError(
                    f"Input y contains NaN: {n_gaps} of {len(cells)} values are missing; leave "
                    "these rows out of X and y"
                )
            for cell in cells:
                if not (isinstance(cell, str | bytes) or is_number(cell)):
                    raise no_number("y", cell)
        return values


def check_target(
    name: str, X: TableLike, y: TargetLike | None, *, numeric: bool, flat: bool = True
) -> AnyArray:
    """Check that y is there, is finite and has a row for each of X; return it as an array.

    name : of the estimator, for messages.
    flat : whether one column of numbers is read as a vector.
    """
    values = plain_target(name, y)
    with in_name_of(name):
        n_rows = _num_samples(X)
        if len(values) != n_rows:
            raise ValueError(
                f"found inconsistent numbers of samples: X has {n_rows} rows, y has {len(values)}"
            )
        if not len(values):
            raise ValueError("Found array with 0 sample(s) in y while a minimum of 1 is required")
        if numeric:
            warn_of_text_target(values, name, numeric=True)
            return _numbers(values, name, flat)
        labels: AnyArray = without_objects(column_or_1d(values, warn=True))
        told = warn_of_text_target(labels, name, numeric=False)
        with warnings.catch_warnings():
            if told:  # scikit-learn doubts that so many different labels are classes, too
                warnings.simplefilter("ignore", UserWarning)
            _check_labels(labels)
        return labels


def _numbers(values: AnyArray, name: str, flat: bool) -> FloatArray:
    """Return targets as finite floats that can be squared, (n_rows,) or (n_rows, n_outputs)."""
    try:
        # what is too large for a float becomes infinity, which is refused
        with np.errstate(over="ignore"):
            values = np.array(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"y must hold numbers, but {error}: classes need a classifier") from error
    target: FloatArray = _check_y(values, multi_output=True, estimator=name)
    if flat and target.ndim == 2 and target.shape[1] == 1:
        target = column_or_1d(target, warn=True)
    refuse_tiny(target, "y")
    return sized(target, "y")


def _check_labels(y: AnyArray) -> None:
    if y.dtype.kind == "O":
        if any(map(is_missing, y)):
            raise ValueError("Input y contains NaN: a class label is missing")
        kinds = {isinstance(label, str) for label in y}
        if len(kinds) > 1:
            raise ValueError("the class labels in y mix text and other types: use one type")
    assert_all_finite(y, input_name="y")
    with np.errstate(invalid="ignore"):  # numbers beyond the integers are no classes, as it says
        check_classification_targets(y)


def are_labels(values: AnyArray) -> bool:
    """Tell whether a target cannot be read as numbers: text, bool."""
    if values.dtype.kind == "O":
        try:
            values.astype(np.float64)
        except (TypeError, ValueError):
            return True
    return values.dtype.kind in "USb"


def looks_like_classes(values: AnyArray) -> bool:
    """Tell whether a target is read as classes: text, bool, or two different whole numbers."""
    if are_labels(values):
        return True
    if values.dtype.kind == "O":
        values = values.astype(np.float64)
    if values.dtype.kind not in "iuf" or not (values.ndim == 1 or values.shape[1:] == (1,)):
        return False
    codes = np.unique(values)  # a NaN counts as a value: the target's own check reports it
    return len(codes) == 2 and bool(np.all(codes == np.round(codes)))


def class_codes(name: str, labels: AnyArray) -> tuple[AnyArray, IntArray]:
    """Return the sorted classes and the place of each label among them."""
    classes, codes = np.unique(labels, return_inverse=True)
    if len(classes) < 2:
        raise ValueError(
            f"{name} needs at least two classes in y, got only one class: {classes.tolist()[0]!r}"
        )
    return classes, codes.astype(np.int64)


def codes_among(classes: AnyArray, labels: AnyArray, holder: str, known_by: str) -> IntArray:
    """Return the place of each label among the classes; messages name who holds and knows them."""
    unknown = np.setdiff1d(labels, classes)
    if len(unknown):
        raise ValueError(
            f"{holder} holds the class {unknown.tolist()[0]!r}, which {known_by} does not"
        )
    return np.searchsorted(classes, labels).astype(np.int64)


def encode_table(
    owner: BaseEstimator, encoder: TableEncoder, X: TableLike, sample_weight: ArrayLike | None
) -> EncodedTable:
    """Fit ``encoder``, check the weights; messages name ``owner``, the estimator in fit."""
    with in_name_of(owner):
        table = read_table(X, owner)
        weight = None if sample_weight is None else count_weight(check_weight(sample_weight, table))
        matrix, codes = encoder.fit_transform_with_codes(X, weight, owner)
        if weight is None:
            weight = np.ones(len(matrix))
        rows = np.flatnonzero(weight > 0)
        if len(rows) < len(matrix):
            matrix, codes = matrix[rows], codes[rows]
        names = tuple(str(name) for name in encoder.get_feature_names_out())
        warn_of_tiny(matrix, names, owner, _SMALLEST)
        matrix, weight = sized(matrix, "X", names), weight[rows]
    matrix, limits = limited(matrix, names, weight)
    # cells beyond a limit are told already
    told = encoder.indicator_ | np.isfinite(limits).any(axis=0)
    warn_of_sentinels(matrix[:, ~told], list(compress(names, ~told)), owner)
    return EncodedTable(encoder, matrix, names, weight, rows, codes, limits)


def encode_more(
    owner: BaseEstimator,
    encoder: TableEncoder,
    bounds: Matrix,
    X: TableLike,
    sample_weight: ArrayLike | None,
) -> EncodedTable:
    """Read more rows for an estimator that is fitted, as it reads those that it predicts for.

    bounds : (2, n_columns), within which cells are brought.
    """
    matrix, codes = encoder.transform_with_codes(X, owner)
    with in_name_of(owner):
        weight = count_weight(check_weight(sample_weight, matrix))
    rows = np.flatnonzero(weight > 0)
    names = tuple(str(name) for name in encoder.get_feature_names_out())
    matrix = np.clip(matrix[rows], *bounds)
    return EncodedTable(encoder, matrix, names, weight[rows], rows, codes[rows], bounds)


def count_weight(weight: Vector) -> Vector:
    """Read weights as counts of rows; a mean outside of one to a million is brought to it.

    A weight of k counts as k copies, so whole numbers are left as they are; but weights that were
    brought to sum to one say how rows compare, not that there is but one observation, and no table
    has a million copies of every row. These sum to the rows that carry them in effect (Kish, 1965):
    to all where they are equal, to the heavy ones where they go over decades.

    weight : not negative; zeros stay, and do not count as rows.
    """
    largest = weight.max()
    relative = weight / largest  # the mean of tiny weights would vanish
    lost = (relative < _LEAST) & (weight > 0)
    if lost.any():
        weight, relative = np.where(lost, 0.0, weight), np.where(lost, 0.0, relative)
    mean = relative[relative > 0].mean()
    is_count = 1.0 <= largest * mean <= _LARGEST_MEAN
    return weight if is_count else np.asarray(relative * (relative.sum() / (relative @ relative)))


def score_weight(
    owner: BaseEstimator, X: TableLike, sample_weight: ArrayLike | None
) -> Vector | None:
    """Check weights of a score, and bring the largest near one, so that sums stay in range.

    By a power of two, so that the score is the same to the last digit.
    """
    if sample_weight is None:
        return None
    with in_name_of(owner):
        weight = check_weight(sample_weight, np.zeros(_num_samples(X)))
    return np.asarray(np.ldexp(weight, -int(np.frexp(weight.max())[1])))


def with_class_weight(
    class_weight: Mapping[object, float] | str | None,
    classes: AnyArray,
    codes: IntArray,
    weight: Vector,
) -> Vector:
    """Multiply the weights of rows by those of their classes, as ``class_weight`` says."""
    if class_weight is None:
        return weight
    per_class = compute_class_weight(
        class_weight,
        classes=classes,
        y=classes[codes],
        sample_weight=weight if class_weight == "balanced" else None,
    )
    if not (np.isfinite(per_class).all() and (per_class > 0).all()):
        raise ValueError(f"class_weight must hold positive numbers, got {class_weight!r}")
    return count_weight(weight * per_class[codes])


def network_range(table: EncodedTable) -> Matrix:
    """Bounds (2, n_columns) within which networks read new values.

    Scalers leave columns of two values straight, so that nothing else bounds a third one.
    """
    low, high = table.matrix.min(axis=0), table.matrix.max(axis=0)
    of_two = ((table.matrix == low) | (table.matrix == high)).all(axis=0)
    return column_range(table, np.where(of_two, 1.0, _FAR_OUT))


def near_range(table: EncodedTable) -> Matrix:
    """Bounds (2, n_columns) within which blends of equations and networks read new values."""
    return column_range(table, _NEAR)


def column_range(table: EncodedTable, far_out: float | Vector) -> Matrix:
    """Bounds (2, n_columns) so many ranges outside the training values.

    Where the table has a limit it is the bound.
    """
    low, high = table.matrix.min(axis=0), table.matrix.max(axis=0)
    margin = far_out * (high - low)
    lower, upper = table.limits
    return np.stack([np.maximum(low - margin, lower), np.minimum(high + margin, upper)])


def refuse_tiny(values: FloatArray, what: str, names: tuple[str, ...] | None = None) -> None:
    """Refuse columns of nothing but values that `sized` takes for zero, and zeros."""
    largest = np.atleast_1d(np.abs(values).max(axis=0))
    for place in np.flatnonzero((largest > 0) & (largest < _SMALLEST)).tolist():
        column = "" if names is None else f" in column {names[place]!r}"
        raise ValueError(
            f"{what} holds values of size {largest[place]:.3g} at most{column}; less than "
            f"{_SMALLEST:g} cannot be squared and told from zero: use another unit"
        )


def sized(values: Matrix, what: str, names: tuple[str, ...] | None = None) -> Matrix:
    """Refuse values too large to be squared; write zero, in place, for those too small."""
    largest = np.zeros(values.shape[1:])
    for start in range(0, len(values), _ROWS):
        part = values[start : start + _ROWS]
        size = np.abs(part)
        part[size < _SMALLEST] = 0.0
        np.maximum(largest, size.max(axis=0), out=largest)
    if (largest <= _LARGEST).all():
        return values
    place = int(np.argmax(largest))
    column = "" if names is None else f" in column {names[place]!r}"
    raise ValueError(
        f"{what} holds values of size {np.max(largest):.3g}{column}; more than {_LARGEST:g} "
        "cannot be squared and summed safely: use another unit or a logarithm"
    )
