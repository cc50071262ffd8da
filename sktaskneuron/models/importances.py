r"""How far predictions move with each column, by the gradients of what predicts.

Of a column of numbers the squared importance is
:math:`E[\tau_j(x_j)\, (\partial f / \partial x_j)^2]` with the Stein kernel of the column,

.. math:: \tau_j(x) = \frac{1}{p_j(x)} \int_x^\infty (t - \mu_j)\, p_j(t)\, dt, \qquad
          E[\tau_j] = \sigma_j^2,

which is constant for a normal column. It bounds the variance of f along the column from above, with
equality where f is linear, whatever the distribution (Cacoullos, 1982). With the plain variance in
its place a steep start of a column of a long tail counts as if it went on to the tail's end. Of a
column with levels it is that variance itself, :math:`E[\mathrm{Var}_j f]`, over the levels of the
column while the others stay.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from sktaskneuron._typing import ColumnNumbers, FloatArray, Mask, Matrix, RowNumbers, Vector
from sktaskneuron.models.fitted import on_device
from sktaskneuron.models.inputs import Inputs
from sktaskneuron.models.predictor import Predictor
from sktaskneuron.preprocessing import TableEncoder

# Rows whose gradients are taken, and the fewest, and numbers in all of these at most. With half as
# many rows the rank correlation with permutation importances was lower by up to 0.02.
_ROWS, _FEWEST, _NUMBERS = 400, 16, 2**22
# Each output of each row is a gradient of its own: of many classes fewer rows.
_GRADIENTS = 8_192
# Of a column's standard deviation: half the step over which scales and equations are differenced.
# Steps of 0.1 to 0.5 gave the same; at 0.01 the scores of ranks between heaps of one value are so
# steep that one column of diabetes counted ten times too much.
_STEP = 0.1
# Levels of a column that are tried, and predictions made for all columns with levels.
_LEVELS, _PREDICTIONS = 8, 8_192


@dataclass(frozen=True, eq=False)
class Movements:
    """How far the predictions of some rows move with the columns of numbers.

    Parameters
    ----------
    columns : ndarray of int of shape (n_numbers,)
        Places of the numbers among the encoded columns.
    steps : ndarray of shape (n_rows, n_outputs, n_numbers)
        Gradient of the prediction, as the target's points, times the column's standard deviation;
        0 where the cell is missing.
    kernel : ndarray of shape (n_rows, n_numbers)
        Stein kernel of the column at the cell, by its variance.
    share : ndarray of shape (n_rows,)
        Weights of the rows, of sum one.
    """

    columns: ColumnNumbers
    steps: FloatArray
    kernel: Matrix
    share: Vector

    @property
    def squares(self) -> Vector:
        """Squared importances, (n_numbers,)."""
        return np.asarray(self.share @ (self.kernel * (self.steps**2).sum(axis=1)))

    @property
    def outer(self) -> Matrix:
        """Mean outer product of the steps, (n_numbers, n_numbers)."""
        return np.einsum("r,roi,roj->ij", self.share, self.steps, self.steps, optimize=True)


def movements(predictor: Predictor, inputs: Inputs, weight: Vector, device: str) -> Movements:
    """Take the gradients at some of the rows, the same ones each time."""
    model, encoder = on_device(predictor.model, device), predictor.reader.encoder
    columns = np.flatnonzero(~encoder.indicator_)
    size = max(1, predictor.target.n_outputs * inputs.raw.shape[1])
    n_rows = min(_ROWS, _NUMBERS // size, _GRADIENTS // predictor.target.n_outputs)
    inputs, share = _some(inputs, weight, max(_FEWEST, n_rows))
    observed = _observed(encoder, inputs.raw)
    spread, kernel = np.zeros(len(columns)), np.zeros(observed.shape)
    for place, (column, seen) in enumerate(zip(columns, observed.T, strict=True)):
        if seen.any():
            own = share[seen] / share[seen].sum()
            spread[place], kernel[seen, place] = _spread(inputs.raw[seen, column], own)
    step = np.zeros(inputs.raw.shape[1])
    step[columns] = _STEP * spread
    # a law need not hold beyond the rows: 1/x has a pole at zero
    low = np.maximum(inputs.raw - step, inputs.raw.min(axis=0))
    high = np.minimum(inputs.raw + step, inputs.raw.max(axis=0))
    raw_steps = model.steps_raw(inputs, low, high)[:, :, columns]
    steps = predictor.target.point_steps(lambda: model.predict_raw(inputs), raw_steps)
    width = (high - low)[:, columns]
    rate = np.divide(spread, width, out=np.zeros_like(width), where=observed & (width > 0))
    return Movements(columns, steps * rate[:, None], kernel, share)


def _spread(cells: Vector, share: Vector) -> tuple[float, Vector]:
    """Return the standard deviation of cells, and their Stein kernel by its square.

    Between two neighbouring values the kernel times the density is the sum of the excess over the
    mean of all that lies above; half of the area between goes to the cells of either value.
    """
    values, place = np.unique(cells, return_inverse=True)
    mass = np.bincount(place, weights=share)
    excess = mass * (values - share @ cells)
    above = np.cumsum(excess[::-1])[::-1][1:]
    area = np.diff(values) * above
    variance = float(area.sum())
    if variance <= 0:
        return 0.0, np.zeros(len(cells))
    at_value = (np.append(area, 0.0) + np.append(0.0, area)) / 2
    return np.sqrt(variance), (at_value / mass / variance)[place]


def column_importances(predictor: Predictor, inputs: Inputs, weight: Vector, device: str) -> Vector:
    """Return by how much predictions move with each column of the user's table.

    Parameters
    ----------
    predictor : Predictor
    inputs : Inputs
        Its rows, as ``predictor.reader`` reads them.
    weight : ndarray of shape (n_rows,)
    device : str

    Returns
    -------
    ndarray of shape (n_features_in,)
        In the unit of the target, for a step of one standard deviation; see the points of the
        target for several and for classes.
    """
    encoder = predictor.reader.encoder
    moved = movements(predictor, inputs, weight, device)
    groups = list(_groups(encoder, inputs, weight))
    in_groups = {column for group in groups for column in group.columns}
    by_gradient = np.array([column not in in_groups for column in moved.columns], dtype=bool)
    squares = np.zeros(encoder.n_features_in_)
    np.add.at(squares, encoder.source_[moved.columns[by_gradient]], moved.squares[by_gradient])
    if groups:
        found = _variances_over_levels(predictor, groups, inputs, weight, device)
        np.add.at(squares, [group.source for group in groups], found)
    return np.sqrt(squares)


def field_importances(
    field: Callable[[Matrix], Matrix], cells: Matrix, weight: Vector, units: Vector
) -> Vector:
    """Return by how much a field moves with each column of a table of numbers without gaps.

    Parameters
    ----------
    field : callable
        Maps rows (n_rows, n_columns) to values (n_rows, n_outputs).
    cells : ndarray of shape (n_rows, n_columns)
    weight : ndarray of shape (n_rows,)
    units : ndarray of shape (n_outputs,)
        In which the outputs are counted.

    Returns
    -------
    ndarray of shape (n_columns,)
        Squares are averaged over the outputs.
    """
    rows, share = _drawn(weight, _ROWS)
    cells = cells[rows]
    found = np.zeros(cells.shape[1])
    for place, column in enumerate(cells.T):
        spread, kernel = _spread(column, share)
        step = np.zeros(len(found))
        step[place] = _STEP * spread
        rise = (field(cells + step) - field(cells - step)) / (2 * _STEP * units)
        largest = np.abs(rise).max(initial=0.0) or 1.0  # by which squares stay finite
        squares = share @ (kernel * ((rise / largest) ** 2).mean(axis=1))
        found[place] = largest * np.sqrt(squares)
    return found


@dataclass(frozen=True, eq=False)
class _Group:
    """Encoded columns that change together.

    source : column of the user's table; columns : places among the encoded ones; codes : places
    among the codes; fill : the numbers beside a missing mark, and what stands for them; cells : one
    row per level, columns then codes; share : of each level.
    """

    source: int
    columns: list[int]
    codes: list[int]
    fill: tuple[list[int], Vector] | None
    cells: Matrix
    share: Vector


def _groups(encoder: TableEncoder, inputs: Inputs, weight: Vector) -> Iterator[_Group]:
    """Yield the columns that have levels: categories, missing marks, numbers of two values."""
    raw, source = inputs.raw, encoder.source_
    low, high = raw.min(axis=0), raw.max(axis=0)
    two = ((raw == low) | (raw == high)).all(axis=0) & (low < high) & ~encoder.indicator_
    large = encoder.large_.tolist() if inputs.codes.shape[1] else []
    for own in np.unique(source).tolist():
        columns = np.flatnonzero((source == own) & (encoder.indicator_ | two)).tolist()
        numbers = [column for column in columns if not encoder.indicator_[column]]
        codes = [large.index(own)] if own in large else []
        fills: list[tuple[list[int], tuple[list[int], Vector] | None]] = [(columns, None)]
        if not encoder.categorical_[own]:
            filled = np.flatnonzero((source == own) & ~encoder.indicator_).tolist()
            marks = [column for column in columns if column not in numbers]
            fills = [(numbers, None), (marks, (filled, encoder.median_[filled]))]
        for places, fill in fills:
            if not places:
                continue
            cells = np.concatenate([raw[:, places], inputs.codes[:, codes]], axis=1)
            levels, places_of = np.unique(cells, axis=0, return_inverse=True)
            share = np.bincount(places_of.ravel(), weights=weight) / weight.sum()
            if len(levels) > 1:
                yield _Group(own, places, codes, fill, *_few(levels, share))


def _few(levels: Matrix, share: Vector) -> tuple[Matrix, Vector]:
    """Return the levels and their shares; of many, a few that stand for as many rows each."""
    if len(levels) <= _LEVELS:
        return levels, share
    middles = (np.arange(_LEVELS) + 0.5) / _LEVELS
    chosen = np.minimum(np.searchsorted(np.cumsum(share), middles), len(levels) - 1)
    return levels[chosen], np.full(_LEVELS, 1.0 / _LEVELS)


def _variances_over_levels(
    predictor: Predictor, groups: list[_Group], inputs: Inputs, weight: Vector, device: str
) -> Vector:
    """Return the mean variance of the prediction over each group's levels, (n_groups,)."""
    n_levels = [len(group.share) for group in groups]
    n_rows = min(_ROWS, max(_FEWEST, _PREDICTIONS // sum(n_levels)))
    inputs, share = _some(inputs, weight, n_rows)
    raw = np.repeat(inputs.raw[None], sum(n_levels), axis=0)
    codes = np.repeat(inputs.codes[None], sum(n_levels), axis=0)
    starts = np.cumsum([0, *n_levels[:-1]])
    for start, group in zip(starts, groups, strict=True):
        own = slice(start, start + len(group.share))
        if group.fill is not None:
            raw[own][:, :, group.fill[0]] = group.fill[1]
        raw[own][:, :, group.columns] = group.cells[:, None, : len(group.columns)]
        codes[own][:, :, group.codes] = group.cells[:, None, len(group.columns) :]
    varied = replace(inputs, raw=_flat(raw), codes=_flat(codes))
    outputs = on_device(predictor.model, device).predict_raw(varied)
    points = predictor.target.points(outputs).reshape(len(raw), len(share), -1)
    found = []
    for start, group in zip(starts, groups, strict=True):
        own_points = points[start : start + len(group.share)]
        difference = own_points - np.tensordot(group.share, own_points, axes=1)
        found.append(np.einsum("l,r,lro->", group.share, share, difference**2))
    return np.array(found)


def _flat(cells: FloatArray) -> Matrix:
    """Put the rows of all tables (n_tables, n_rows, n_columns) below one another."""
    n_tables, n_rows, n_columns = cells.shape
    return cells.reshape(n_tables * n_rows, n_columns)


def _observed(encoder: TableEncoder, raw: Matrix) -> Mask:
    """Return which cells of the numbers are not missing, (n_rows, n_numbers)."""
    n_numbers = len(encoder.missing_)
    sources = encoder.source_[:n_numbers]
    observed = np.ones((len(raw), n_numbers), dtype=bool)
    for mark, source in enumerate(sources[encoder.missing_], start=n_numbers):
        observed[:, sources == source] = raw[:, [mark]] == 0.0
    return observed


def _some(inputs: Inputs, weight: Vector, n_rows: int) -> tuple[Inputs, Vector]:
    """Return at most so many rows, drawn the same way each time, and their shares."""
    rows, share = _drawn(weight, n_rows)
    return (inputs if len(rows) == len(inputs) else inputs.take(rows)), share


def _drawn(weight: Vector, n_rows: int) -> tuple[RowNumbers, Vector]:
    """Return the places of at most so many rows and their shares."""
    rows = drawn_rows(len(weight), n_rows)
    return rows, weight[rows] / weight[rows].sum()


def drawn_rows(n_rows: int, most: int) -> RowNumbers:
    """Return the places of at most ``most`` of the rows, the same ones each time."""
    if n_rows <= most:
        return np.arange(n_rows)
    return np.random.default_rng(0).choice(n_rows, size=most, replace=False)
