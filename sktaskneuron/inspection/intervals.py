"""Picture of predicted intervals, and of the targets in and outside of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from sktaskneuron._typing import FloatArray, Matrix, TableLike, TargetLike
from sktaskneuron.inspection.checks import check_fitted
from sktaskneuron.inspection.drawing import BLUE, GREY, PALE, RED, new_axes, no_frame, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import LineCollection, PathCollection
    from matplotlib.figure import Figure, SubFigure

# Intervals that can be told apart in one picture.
_MOST = 150


class IntervalDisplay:
    """Intervals over the predictions in their middle, with the targets as dots.

    A dot outside of its interval is red. Of many rows some are drawn, evenly spread over the
    predictions; the title counts all. It is made by `from_estimator`.

    Parameters
    ----------
    intervals : array-like of shape (n_samples, 2)
        Lower and upper ends.
    y : array-like of shape (n_samples,)
        Targets.
    coverage : float or None, default=None
        The share of rows that was asked for.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes of the picture.
    figure_ : matplotlib Figure
        Its figure.
    bars_ : matplotlib LineCollection
        The intervals.
    points_ : matplotlib PathCollection
        The targets.

    Raises
    ------
    ValueError
        If shapes do not fit.

    See Also
    --------
    sktaskneuron.NeuronSeekRegressor : Regression by networks of task-driven neurons, whose formula
        is found in the data.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("agg")
    >>> import numpy as np
    >>> from sktaskneuron import NeuronSeekRegressor
    >>> from sktaskneuron.inspection import IntervalDisplay
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(200, 2))
    >>> y = X[:, 0] ** 2 + (0.1 + np.abs(X[:, 1])) * rng.normal(size=200)
    >>> model = NeuronSeekRegressor(max_epochs=5, random_state=0).fit(X[:150], y[:150])
    >>> display = IntervalDisplay.from_estimator(model, X[150:], y[150:], coverage=0.8)
    >>> display.intervals.shape
    (50, 2)
    """

    ax_: Axes
    figure_: Figure | SubFigure

    def __init__(self, intervals: ArrayLike, y: ArrayLike, coverage: float | None = None) -> None:
        self.intervals: Matrix = np.asarray(intervals, dtype=np.float64)
        self.y: FloatArray = np.asarray(y, dtype=np.float64)
        self.coverage = coverage
        if self.y.ndim != 1 or self.intervals.shape != (len(self.y), 2) or not len(self.y):
            raise ValueError(
                "intervals need the shape (n_samples, 2) and y (n_samples,), got "
                f"{self.intervals.shape} and {self.y.shape}"
            )

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: TableLike,
        y: TargetLike,
        *,
        coverage: float = 0.9,
        ax: Axes | None = None,
    ) -> IntervalDisplay:
        """Predict intervals and draw them.

        Parameters
        ----------
        estimator : NeuronSeekRegressor
            Fitted, or anything else with its ``predict_interval(X, coverage)``.
        X : table or array-like of shape (n_samples, n_features)
            Rows that the fit has not seen.
        y : array-like of shape (n_samples,)
            Their targets.
        coverage : float, default=0.9
            Share of the rows that the intervals are to cover.
        ax : matplotlib Axes, default=None
            Axes to draw on; None: a new figure.

        Returns
        -------
        display : IntervalDisplay
            Drawn.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        ValueError
            If it has several targets, or shapes do not fit.
        MissingDependencyError
            If matplotlib is not installed.
        """
        check_fitted(estimator)
        intervals = estimator.predict_interval(X, coverage)
        return cls(intervals, np.asarray(y), coverage).plot(ax)

    def plot(self, ax: Axes | None = None) -> IntervalDisplay:
        """Draw the intervals.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on; None: a new figure.

        Returns
        -------
        display : IntervalDisplay
            Itself.

        Raises
        ------
        MissingDependencyError
            If matplotlib is not installed.
        """
        self.ax_ = ax = new_axes(5.2, 3.7) if ax is None else ax
        self.figure_ = ax.figure
        low, high = self.intervals.T
        middle = (low + high) / 2
        inside = (low <= self.y) & (self.y <= high)
        order = np.argsort(middle, kind="stable")
        if len(order) > _MOST:
            order = order[np.linspace(0, len(order) - 1, _MOST).round().astype(int)]
        x = middle[order]
        drawn = np.concatenate([low[order], high[order], self.y[order]])
        span = [float(x.min()), float(x.max())]
        ax.plot(span, span, color=GREY, linewidth=0.9, linestyle=(0, (4, 3)), zorder=1)
        self.bars_: LineCollection = ax.vlines(
            x, low[order], high[order], color=PALE, linewidth=2.2, zorder=2
        )
        colours = np.where(inside[order], BLUE, RED)
        self.points_: PathCollection = ax.scatter(
            x, self.y[order], s=12, color=colours.tolist(), linewidths=0, zorder=3
        )
        margin = 0.03 * (float(np.ptp(drawn)) or 1.0)
        ax.set_ylim(float(drawn.min()) - margin, float(drawn.max()) + margin)
        ax.set(xlabel="prediction", ylabel="target")
        asked = "" if self.coverage is None else f", {percent(self.coverage)} asked for"
        ax.set_title(
            f"{percent(float(inside.mean()))} of {len(self.y):,} targets covered{asked}",
            fontsize="medium",
            loc="left",
        )
        no_frame(ax)
        return self
