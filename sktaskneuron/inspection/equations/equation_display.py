"""Pictures of how an equation meets the target: residuals by prediction and by column."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator

from sktaskneuron._typing import AnyArray, FloatArray, TableLike
from sktaskneuron.inspection.drawing import (
    BLUE,
    GREY,
    RED,
    abbreviated,
    import_pyplot,
    make_grid,
    no_frame,
    plain,
    tight_shape,
)
from sktaskneuron.inspection.equations.equation import Equation, check_output, read_rows

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

# Bins of a running mean at most, and rows in one at least.
_MOST_BINS, _FEWEST_ROWS = 12, 8
# Rows shown as dots.
_MOST_DOTS = 1_000
_NAME = 26


@dataclass(frozen=True, eq=False)
class Residuals:
    """Residuals along one axis.

    Parameters
    ----------
    along : str
        What the axis holds.
    places : ndarray of shape (n_rows,)
    residuals : ndarray of shape (n_rows,)
    centers, means, errors : ndarray of shape (n_bins,)
        Middles of the bins, mean residuals in them and their standard errors.
    """

    along: str
    places: FloatArray
    residuals: FloatArray
    centers: FloatArray
    means: FloatArray
    errors: FloatArray

    @classmethod
    def of(cls, along: str, places: FloatArray, residuals: FloatArray) -> Residuals:
        """Average residuals over parts of the axis with equally many rows, levels by themselves."""
        n_bins = int(np.clip(len(places) // _FEWEST_ROWS, 1, _MOST_BINS))
        levels = np.unique(places)
        if len(levels) > _MOST_BINS:
            edges = np.unique(np.quantile(places, np.linspace(0, 1, n_bins + 1)[1:-1]))
            part = np.searchsorted(edges, places, side="right")
        else:
            part = np.searchsorted(levels, places)
        counts = np.bincount(part)
        seen = np.flatnonzero(counts)

        def mean(values: FloatArray) -> FloatArray:
            return np.asarray(np.bincount(part, values)[seen] / counts[seen])

        means = mean(residuals)
        spread = np.maximum(mean(residuals**2) - means**2, 0.0)
        errors = np.sqrt(spread / np.maximum(counts[seen] - 1, 1))
        return cls(along, places, residuals, mean(places), means, errors)


class EquationDisplay:
    """Residuals of an equation: what is left of the target, along the prediction and columns.

    What an equation misses shows as a mean residual that leaves zero by more than its error, drawn
    as a line with bars of two standard errors over parts of the axis with equally many rows.

    It is made by `residuals`.

    Parameters
    ----------
    panels : sequence of Residuals
        In the order in which they are drawn.

    Attributes
    ----------
    figure_ : matplotlib Figure
        Figure of the pictures.
    axes_ : ndarray of matplotlib Axes of shape (n_panels,)
        Axes of each panel.

    See Also
    --------
    FormulaDisplay : What the columns of an equation add to its output, most important first.
    equation_report : Write one page of HTML on the equation of a search.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("agg")
    >>> import numpy as np
    >>> from sktaskneuron.formula import FittedExpression
    >>> from sktaskneuron.inspection import EquationDisplay
    >>> X = np.random.default_rng(0).uniform(-1, 1, size=(200, 2))
    >>> line = FittedExpression.parse("a", ["a", "b"])
    >>> display = EquationDisplay.residuals(line, X, X[:, 0] + X[:, 1] ** 2)
    >>> [panel.along for panel in display.panels]
    ['prediction', 'b', 'a']
    """

    figure_: Figure | SubFigure
    axes_: AnyArray

    def __init__(self, panels: Sequence[Residuals]) -> None:
        if not panels:
            raise ValueError("there are no panels: nothing to draw")
        self.panels: tuple[Residuals, ...] = tuple(panels)

    @classmethod
    def residuals(
        cls,
        estimator: BaseEstimator | Equation,
        X: TableLike,
        y: ArrayLike,
        *,
        output: int = 0,
        max_panels: int = 6,
        ax: Axes | None = None,
    ) -> EquationDisplay:
        """Draw the residuals of an equation of numbers.

        Parameters
        ----------
        estimator : estimator, FittedFormula or FittedExpression
            A fitted estimator with a readable equation, or an equation.
        X : table or array-like of shape (n_samples, n_features)
            The raw table of the estimator; the columns of an equation.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The target.
        output : int, default=0
            Which output, by place.
        max_panels : int, default=6
            Most axes: the prediction, then the columns along which the mean residual leaves zero
            most, those that the equation does not read included.
        ax : matplotlib Axes, default=None
            Axes in whose place the grid of axes is put; None: a new figure.

        Returns
        -------
        display : EquationDisplay
            Drawn. Rows where the equation is not defined are left out.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        AttributeError, TypeError
            If there is no readable equation.
        ValueError
            If the equation is one of log odds, if y has another shape, or the equation is defined
            in no row.
        MissingDependencyError
            If matplotlib is not installed.
        """
        import_pyplot()
        if max_panels < 1:
            raise ValueError(f"max_panels must be 1 or more, got {max_panels!r}")
        panels = residual_panels(estimator, X, y, output)
        return cls(panels[:max_panels]).plot(ax)

    def plot(self, ax: Axes | None = None) -> EquationDisplay:
        """Draw the panels.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes in whose place the grid of axes is put; None: a new figure.

        Returns
        -------
        display : EquationDisplay
            Itself.

        Raises
        ------
        ValueError
            If `ax` stands in no grid.
        MissingDependencyError
            If matplotlib is not installed.
        """
        n_rows, n_columns = tight_shape(len(self.panels))
        self.figure_, grid = make_grid(ax, (n_rows, n_columns), (3.3 * n_columns, 2.6 * n_rows))
        axes = []
        for place, panel in enumerate(self.panels):
            axis = self.figure_.add_subplot(grid[divmod(place, n_columns)])
            _draw(axis, panel)
            if place % n_columns == 0:
                axis.set_ylabel("residual")
            axes.append(axis)
        self.axes_ = np.asarray(axes, dtype=object)
        return self


def residual_panels(
    estimator: BaseEstimator | Equation, X: TableLike, y: ArrayLike, output: int
) -> list[Residuals]:
    """Return residuals along the prediction and all columns, the most telling columns first."""
    equation, rows, _ = read_rows(estimator, X, None)
    place = check_output(equation, output)
    if equation.link != "identity":
        raise ValueError("residuals are those of numbers; this equation gives log odds")
    target = np.asarray(y, dtype=np.float64).reshape(len(rows), -1)
    if target.shape[1] != equation.n_outputs:
        raise ValueError(
            f"y has {target.shape[1]} columns, but the equation has {equation.n_outputs} outputs"
        )
    predicted = equation.evaluate(rows)[:, place]
    fine = np.isfinite(predicted) & np.isfinite(target[:, place])
    if not fine.any():
        raise ValueError("the equation has no finite value in any row of X")
    rows, predicted = rows[fine], predicted[fine]
    residuals = target[fine, place] - predicted
    columns = [
        Residuals.of(name, cells, residuals)
        for name, cells in zip(equation.feature_names, rows.T, strict=True)
        if np.ptp(cells) > 0
    ]
    columns.sort(key=_evidence, reverse=True)
    return [Residuals.of("prediction", predicted, residuals), *columns]


def _evidence(panel: Residuals) -> float:
    """Return the mean square of the mean residuals in units of their errors."""
    errors = np.maximum(panel.errors, 1e-12 * np.abs(panel.residuals).max() + 1e-300)
    return float(np.mean((panel.means / errors) ** 2))


def _draw(ax: Axes, panel: Residuals) -> None:
    step = -(-len(panel.places) // _MOST_DOTS)
    dots = panel.places[::step], panel.residuals[::step]
    ax.plot(*dots, ".", color=BLUE, markersize=4, alpha=0.35, zorder=1)
    ax.axhline(0.0, color=GREY, linewidth=0.8, zorder=0)
    ax.errorbar(
        panel.centers,
        panel.means,
        yerr=2 * panel.errors,
        fmt="o-",
        color=RED,
        markersize=3,
        linewidth=1.2,
        zorder=2,
    )
    ax.set_xlabel(plain(abbreviated(panel.along, _NAME, at_space=False)))
    ax.tick_params(labelsize="small")
    ax.locator_params(nbins=5)
    no_frame(ax)
