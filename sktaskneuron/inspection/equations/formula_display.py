"""Pictures of an equation: what its columns, and pairs of them, add to the output."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from sktaskneuron._typing import AnyArray, FloatArray, TableLike
from sktaskneuron.inspection.drawing import import_pyplot, make_grid, tight_shape
from sktaskneuron.inspection.equations.equation import Equation, check_output, read_rows
from sktaskneuron.inspection.equations.importance import variance_shares
from sktaskneuron.inspection.equations.panels import (
    Curve,
    Levels,
    Lines,
    Panel,
    Rest,
    Slice,
    Surface,
)
from sktaskneuron.inspection.equations.parts import Part, find_parts, merge_levels, part_values

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure
    from sklearn.base import BaseEstimator

    from sktaskneuron.inspection.equations.panels import Drawn

# Points of a curve, and of a side of a surface.
_CURVE, _SIDE = 201, 61
# Where slices along a third column are cut, and values up to which each one is.
_SLICES, _MOST_SLICES = (0.1, 0.5, 0.9), 3
# Rows shown as dots; more would hide the surface.
_MOST_DOTS = 400


class FormulaDisplay:
    """What the columns of an equation add to its output, most important first.

    All terms that read the same columns are added up to one part, centred over the rows, and drawn
    in one of the axes, whose title tells the share of the equation's variance (`term_importance`):

    - one column: a curve, over a strip with the distribution of the rows;
    - a categorical feature, or a column of two values: a bar for each level;
    - two columns: filled contours with the rows as dots; or, if one of them has two values, two
      curves. An atom of order two over several columns is split into its pairs first;
    - three columns: such contours of two of them at three values of the third, the one along which
      the part moves least (10 %, 50 % and 90 % of its distribution; of few values each one);
    - more columns, and what exceeds `max_panels`: a bar of the share, in the last of the axes.

    It is made by `from_estimator`.

    Parameters
    ----------
    panels : sequence of Panel
        The parts, in the order in which they are drawn.

    Attributes
    ----------
    figure_ : matplotlib Figure
        Figure of the pictures.
    axes_ : ndarray of matplotlib Axes of shape (n_panels,)
        Axes of each part.
    bounding_ax_ : matplotlib Axes or None
        The given axes, in whose place the others were put.
    artists_ : list of list
        What was drawn in each of the axes: line and strip, bars, contours and dots and colour bar.

    Raises
    ------
    ValueError
        If there are no panels.

    See Also
    --------
    term_importance : Compute the share of the equation's variance that each additive term brings.
    EquationDisplay : Residuals of an equation: what is left of the target, along the prediction and
        columns.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("agg")
    >>> import numpy as np
    >>> from sktaskneuron.formula import FittedExpression
    >>> from sktaskneuron.inspection import FormulaDisplay
    >>> X = np.random.default_rng(0).uniform(-1, 1, size=(100, 3))
    >>> equation = FittedExpression.parse("a + 3*a**2 + 0.5*b*c", ["a", "b", "c"])
    >>> display = FormulaDisplay.from_estimator(equation, X)
    >>> [panel.columns for panel in display.panels]
    [('a',), ('b', 'c')]
    """

    figure_: Figure | SubFigure
    artists_: list[list[Drawn]]
    axes_: AnyArray

    def __init__(self, panels: Sequence[Panel]) -> None:
        if not panels:
            raise ValueError("there are no panels: nothing to draw")
        self.panels: tuple[Panel, ...] = tuple(panels)

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator | Equation,
        X: TableLike,
        *,
        terms: Iterable[str | tuple[str, ...]] | None = None,
        sample_weight: ArrayLike | None = None,
        output: int = 0,
        percentiles: tuple[float, float] = (0.0, 1.0),
        max_panels: int = 6,
        ax: Axes | None = None,
    ) -> FormulaDisplay:
        """Draw the equation of a fitted estimator.

        Parameters
        ----------
        estimator : estimator, FittedFormula or FittedExpression
            A fitted estimator with a readable equation, or an equation.
        X : table or array-like of shape (n_samples, n_features)
            Rows over which the parts are centred and weighed, and whose range is drawn: the raw
            table of the estimator, the columns of an equation.
        terms : iterable of str or tuple of str, default=None
            Which parts to draw, in this order: a column's (or categorical feature's) name, or a
            tuple of the columns' names. None: all, the largest share first.
        sample_weight : array-like of shape (n_samples,), default=None
            A weight of k counts as k copies of the row.
        output : int, default=0
            Which output, by place. For classes it is the log odds.
        percentiles : tuple of float, default=(0.0, 1.0)
            Part of each column's distribution that the axes span.
        max_panels : int, default=6
            Most axes.
        ax : matplotlib Axes, default=None
            Axes in whose place the grid of axes is put; None: a new figure.

        Returns
        -------
        display : FormulaDisplay
            Drawn.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        AttributeError, TypeError
            If there is no readable equation.
        ValueError
            If the equation has the same value in all rows, `terms` names a part that it lacks, or
            another argument is out of range.
        MissingDependencyError
            If matplotlib is not installed.
        """
        import_pyplot()
        if max_panels < 1:
            raise ValueError(f"max_panels must be 1 or more, got {max_panels!r}")
        low, high = percentiles
        if not 0 <= low < high <= 1:
            raise ValueError(f"percentiles must rise within 0..1, got {percentiles!r}")
        equation, rows, weight = read_rows(estimator, X, sample_weight)
        encoder = getattr(estimator, "encoder_", None)
        parts = merge_levels(find_parts(equation, check_output(equation, output)), encoder)
        values = part_values(equation, parts, output, rows)
        shares = variance_shares(values, weight) if parts else None
        if shares is None:
            raise ValueError("the equation has the same value in all rows of X: nothing to draw")
        used = weight > 0
        rows, values, weight = rows[used], values[used], weight[used] / weight[used].sum()
        view = _View(equation, output, rows, weight, (low, high))
        order = _order(parts, shares, terms, equation.feature_names)
        panels = [
            view.panels(parts[place], float(shares[place]), float(weight @ values[:, place]))
            for place in order
        ]
        named = [(parts[place].names(equation.feature_names), shares[place]) for place in order]
        return cls(_with_rest(panels, named, max_panels)).plot(ax)

    def plot(self, ax: Axes | None = None) -> FormulaDisplay:
        """Draw the panels.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes in whose place the grid of axes is put; None: a new figure.

        Returns
        -------
        display : FormulaDisplay
            Itself.

        Raises
        ------
        ValueError
            If `ax` stands in no grid.
        MissingDependencyError
            If matplotlib is not installed.
        """
        n_rows, n_columns = tight_shape(len(self.panels))
        self.bounding_ax_ = ax
        self.figure_, grid = make_grid(ax, (n_rows, n_columns), (3.3 * n_columns, 2.75 * n_rows))
        axes, self.artists_ = [], []
        for place, panel in enumerate(self.panels):
            axis = self.figure_.add_subplot(grid[divmod(place, n_columns)])
            axis.tick_params(labelsize="small")
            self.artists_.append(panel.draw(axis))
            axis.set_title(panel.title, fontsize="medium")
            beside = place % n_columns > 0 and self.panels[place - 1].upright
            if panel.upright and not beside:
                axis.set_ylabel("contribution")
            axes.append(axis)
        self.axes_ = np.asarray(axes, dtype=object)
        return self


class _View:
    """An equation over the rows of a table: how a part of it becomes a panel."""

    def __init__(
        self,
        equation: Equation,
        output: int,
        rows: FloatArray,
        weight: FloatArray,
        percentiles: tuple[float, float],
    ) -> None:
        self.equation, self.output = equation, output
        self.rows, self.weight, self.percentiles = rows, weight, percentiles
        # where the columns are held that a part does not read
        self.middle = np.median(rows, axis=0)

    def panels(self, part: Part, share: float, mean: float) -> list[Panel]:
        """Compute the numbers of a part's pictures; none if it reads too many columns."""
        if part.feature is None and len(part.columns) == 3:
            return list(self._slices(part, share, mean))
        if part.feature is None and len(part.columns) > 3:
            return []
        return [self._panel(part, share, mean)]

    def _panel(self, part: Part, share: float, mean: float) -> Panel:
        names = self.equation.feature_names
        columns = part.columns
        if part.feature is not None:
            return self._levels_of_feature(part, share, mean)
        distinct = [np.unique(self.rows[:, column]) for column in columns]
        if len(columns) == 1:
            if len(distinct[0]) <= 2:
                return self._levels_of_column(part, share, mean, distinct[0])
            grid = self._grid(columns[0], _CURVE)
            values = self._values(part, grid[:, None]) - mean
            return Curve((names[columns[0]],), share, grid, values, self.rows[:, columns[0]])
        order = [0, 1] if len(distinct[1]) <= 2 or len(distinct[0]) > 2 else [1, 0]
        first, second = (columns[place] for place in order)
        both = (names[first], names[second])
        if len(distinct[order[1]]) <= 2:
            grid, levels = self._grid(first, _CURVE), distinct[order[1]]
            if len(levels) == 1:
                levels = np.repeat(levels, 2)
            values = self._on_grid(part, (first, second), grid, levels) - mean
            return Lines(both, share, grid, levels, values, self.rows[:, first])
        grids = self._grid(first, _SIDE), self._grid(second, _SIDE)
        values = self._on_grid(part, (first, second), *grids) - mean
        step = math.ceil(len(self.rows) / _MOST_DOTS)
        return Surface(both, share, grids, values, self.rows[::step, [first, second]])

    def _slices(self, part: Part, share: float, mean: float) -> list[Slice]:
        """Compute contours of two columns at some values of the third."""
        third = min(part.columns, key=lambda column: self._movement(part, column))
        first, second = (column for column in part.columns if column != third)
        cells = self.rows[:, third]
        levels = np.unique(cells)
        if len(levels) > _MOST_SLICES:
            levels = np.unique(np.quantile(cells, _SLICES))
        grids = self._grid(first, _SIDE), self._grid(second, _SIDE)
        plane = np.stack([grid.ravel() for grid in np.meshgrid(*grids)], axis=1)
        places = {column: k for k, column in enumerate(part.columns)}
        values = []
        for level in levels:
            points = np.full((len(plane), 3), level)
            points[:, [places[first], places[second]]] = plane
            values.append(self._values(part, points).reshape(_SIDE, _SIDE) - mean)
        near = np.abs(cells[:, None] - levels).argmin(axis=1)
        step = math.ceil(len(self.rows) / _MOST_DOTS)
        names = [self.equation.feature_names[column] for column in (first, second, third)]
        return [
            Slice(
                (names[0], names[1]),
                share,
                grids,
                values[k],
                self.rows[near == k][::step, [first, second]],
                float(np.abs(values).max()),
                names[2],
                float(level),
            )
            for k, level in enumerate(levels)
        ]

    def _movement(self, part: Part, column: int) -> float:
        """Return how far a part moves from the lower to the upper end of a column, over rows."""
        step = math.ceil(len(self.rows) / _MOST_DOTS)
        ends = []
        for end in np.quantile(self.rows[:, column], (_SLICES[0], _SLICES[-1])):
            rows = self.rows[::step].copy()
            rows[:, column] = end
            ends.append(part_values(self.equation, [part], self.output, rows)[:, 0])
        return float(np.abs(ends[1] - ends[0]).mean())

    def _grid(self, column: int, n_points: int) -> FloatArray:
        low, high = np.quantile(self.rows[:, column], self.percentiles)
        return np.linspace(low, high, n_points)

    def _values(self, part: Part, points: FloatArray) -> FloatArray:
        """Values (n_points,) of a part at points (n_points, n_columns of the part)."""
        table = np.tile(self.middle, (len(points), 1))
        table[:, list(part.columns)] = points
        return part_values(self.equation, [part], self.output, table)[:, 0]

    def _on_grid(
        self, part: Part, columns: tuple[int, int], first: FloatArray, second: FloatArray
    ) -> FloatArray:
        """Values (n_second, n_first) of a part of two columns."""
        points = np.stack([grid.ravel() for grid in np.meshgrid(first, second)], axis=1)
        if columns != part.columns:
            points = points[:, ::-1]
        return self._values(part, points).reshape(len(second), len(first))

    def _levels_of_column(
        self, part: Part, share: float, mean: float, distinct: FloatArray
    ) -> Levels:
        column = part.columns[0]
        name = self.equation.feature_names[column]
        values = self._values(part, distinct[:, None]) - mean
        mass = [float(self.weight @ (self.rows[:, column] == value)) for value in distinct]
        texts = tuple(f"{value:.4g}" for value in distinct)
        return Levels((name,), share, texts, values, np.asarray(mass))

    def _levels_of_feature(self, part: Part, share: float, mean: float) -> Levels:
        """Levels with a column in the equation, and one for all rows that have none of these."""
        columns = list(part.columns)
        assert part.feature is not None
        texts = [_level_text(self.equation.feature_names[c], part.feature) for c in columns]
        values = self._values(part, np.eye(len(columns) + 1, len(columns))) - mean
        mass = np.asarray(self.weight @ self.rows[:, columns])
        if len(part.others) == 1:
            texts.append(_level_text(part.others[0], part.feature))
        elif part.others:
            texts.append("all other")
        mass = np.append(mass, max(0.0, 1.0 - float(mass.sum())))
        return Levels((part.feature,), share, tuple(texts), values[: len(texts)], mass)


def _level_text(column: str, feature: str) -> str:
    """Name a level without its feature."""
    return "missing" if column == f"{feature} is missing" else column.removeprefix(f"{feature}=")


def _order(
    parts: Sequence[Part],
    shares: FloatArray,
    terms: Iterable[str | tuple[str, ...]] | None,
    names: Sequence[str],
) -> list[int]:
    """Places of the wanted parts."""
    if terms is None:
        return [int(place) for place in np.argsort(-shares, kind="stable")]
    keys = [frozenset(part.names(names)) for part in parts]
    order = []
    for term in terms:
        key = frozenset([term] if isinstance(term, str) else term)
        if key not in keys:
            known = [" × ".join(part.names(names)) for part in parts]
            raise ValueError(f"the equation has no part {term!r}; its parts are {known}")
        order.append(keys.index(key))
    return order


def _with_rest(
    panels: Sequence[Sequence[Panel]],
    named: Sequence[tuple[tuple[str, ...], float]],
    max_panels: int,
) -> list[Panel]:
    """Keep as many panels as there may be, and sum up what has none."""
    whole = sum(map(len, panels)) <= max_panels and all(panels)
    room = max_panels if whole else max(max_panels - 1, 1)
    kept: list[Panel] = []
    rest = []
    for own, item in zip(panels, named, strict=True):
        if own and len(kept) + len(own) <= room:
            kept += own
        else:
            rest.append(item)
    if rest and len(kept) < max_panels:
        rest.sort(key=lambda item: -abs(item[1]))
        shares = tuple(float(share) for _, share in rest)
        kept.append(Rest((), sum(shares), tuple(name for name, _ in rest), shares))
    return kept
