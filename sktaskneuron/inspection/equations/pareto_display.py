"""Picture of a Pareto front with its formulas."""

from __future__ import annotations

import math
import re
import textwrap
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from sktaskneuron._typing import FloatArray
from sktaskneuron.formula import (
    FittedExpression,
    FittedFormula,
    NeuronFormula,
    ParetoFront,
    ParetoPoint,
)
from sktaskneuron.inspection.checks import check_fitted
from sktaskneuron.inspection.drawing import (
    BLUE,
    GREY,
    RED,
    abbreviated,
    import_pyplot,
    new_axes,
    no_frame,
    plain,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.backend_bases import PickEvent
    from matplotlib.figure import Figure, SubFigure
    from matplotlib.lines import Line2D
    from matplotlib.text import Annotation
    from sklearn.base import BaseEstimator

# Least distance of two numbered points, as parts of the axes: numbers must not touch.
_APART = (0.05, 0.08)
# Best score from which the axis is that of the error, and least error that it tells.
_NEAR_ONE, _EXACT = 0.95, 1e-12
# Characters of one line of the list of formulas, and its lines.
_LINE, _LINES = 34, 2
# After one a long word may break: not between a base and its exponent.
_OPERATOR = re.compile(r"(?<!\*)[*/+(-](?!\*)")


class ParetoFrontDisplay:
    """Complexity against validated score, with the formulas listed beside.

    Where the scores come near one the axis is that of the error: steps of equal height are powers
    of ten of 1 - score, so that .99 and .9999 stand apart.

    It is made by `from_estimator`, or from a front of one's own.

    Parameters
    ----------
    front : ParetoFront
        Points of complexity, score and formula; not empty.
    chosen : ParetoPoint, default=None
        The point to mark. None: none.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes of the picture.
    figure_ : matplotlib Figure
        Their figure.
    line_ : matplotlib Line2D
        The front as steps.
    points_ : matplotlib Line2D
        All points.
    chosen_ : matplotlib Line2D or None
        The marked point.
    labels_ : list of matplotlib Annotation
        Numbers at the points.
    formulas_ : list of matplotlib Annotation
        The list of formulas, beside the axes. It needs room at the right: make the figure with
        ``layout="constrained"``, as a figure of its own is made.

    Raises
    ------
    ValueError
        If the front is empty.

    See Also
    --------
    FormulaDisplay : What the columns of an equation add to its output, most important first.
    EquationDisplay : Residuals of an equation: what is left of the target, along the prediction and
        columns.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("agg")
    >>> from sktaskneuron.formula import NeuronFormula, ParetoFront
    >>> from sktaskneuron.inspection import ParetoFrontDisplay
    >>> line, square = NeuronFormula.parse("x"), NeuronFormula.parse("x + x**2")
    >>> front = ParetoFront([(0, 0.0, NeuronFormula()), (1, 0.8, line), (2, 0.9, square)])
    >>> display = ParetoFrontDisplay(front, front[2]).plot()
    >>> [text.get_text() for text in display.formulas_]
    ['1   constant', '2   x', '3   x + x**2']
    """

    ax_: Axes
    figure_: Figure | SubFigure
    line_: Line2D
    points_: Line2D

    def __init__(self, front: ParetoFront, chosen: ParetoPoint | None = None) -> None:
        if not len(front):
            raise ValueError("the Pareto front is empty: there is nothing to draw")
        self.front = front
        self.chosen = chosen

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        ax: Axes | None = None,
        *,
        max_labels: int = 8,
        axis: str = "auto",
        choosable: bool = False,
    ) -> ParetoFrontDisplay:
        """Draw the front of a fitted search, its answer marked.

        Parameters
        ----------
        estimator : estimator
            Fitted, with a ``pareto_front_`` of its own or of its ``search_``.
        ax : matplotlib Axes, default=None
            Where to draw; None: in a new figure.
        max_labels : int, default=8
            Most formulas to write.
        axis : {"auto", "score", "error"}, default="auto"
            See `plot`.
        choosable : bool, default=False
            Whether a click on a point makes the search answer with it, by its ``choose``, and moves
            the mark. The figure must be live, as in a notebook with ``%matplotlib widget``.

        Returns
        -------
        display : ParetoFrontDisplay
            Drawn. The answer is the point ``chosen_``, else that with the formula of ``formula_``
            or ``fitted_formula_``; of several such points the one whose complexity is nearest.
            None is marked if the answer is not on the front: an equation no longer than it scores
            better on held-out rows, though not clearly.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        ValueError
            If it has no Pareto front, or an empty one.
        TypeError
            If a click is to choose, and the estimator has no ``choose``.
        MissingDependencyError
            If matplotlib is not installed.
        """
        import_pyplot()
        check_fitted(estimator)
        for holder in (estimator, getattr(estimator, "search_", None)):
            front = getattr(holder, "pareto_front_", None)
            if front is not None:
                display = cls(front, _answer(holder, front) if len(front) else None)
                display.plot(ax, max_labels=max_labels, axis=axis)
                if choosable:
                    display.connect(holder)
                return display
        raise ValueError(
            f"{type(estimator).__name__} has no pareto_front_: a search keeps one if "
            "n_resamples is 1 or more"
        )

    def plot(
        self, ax: Axes | None = None, *, max_labels: int = 8, axis: str = "auto"
    ) -> ParetoFrontDisplay:
        """Draw the front.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None: in a new figure.
        max_labels : int, default=8
            Most formulas to write: those of the marked point, of the ends, and of the largest
            gains in score, as far as their numbers do not touch.
        axis : {"auto", "score", "error"}, default="auto"
            Whether equal heights are equal differences of the score, or equal ratios of 1 - score.
            "auto" is "error" from a best score of 0.95 on.

        Returns
        -------
        display : ParetoFrontDisplay
            Itself.

        Raises
        ------
        ValueError
            If the axis is not known.
        MissingDependencyError
            If matplotlib is not installed.
        """
        finite = [point for point in self.front if math.isfinite(point.score)]
        by_error = _is_by_error(axis, finite)
        labelled = _to_label(finite, self.chosen, max_labels, by_error)
        texts = [_formula_text(point, _LINES) for point in labelled]
        if ax is None:
            ax = new_axes(6.4, max(3.6, _height(texts) / 72 + 0.6))
        elif _height(texts) > (room := _axes_height(ax)):
            # a list longer than the axes would push them together
            most = min(max_labels, int(room // _height([""])))
            labelled = _to_label(finite, self.chosen, most, by_error)
            texts = [_formula_text(point, 1) for point in labelled]
        self.ax_, self.figure_ = ax, ax.figure
        x = [point.complexity for point in finite]
        y = [point.score for point in finite]
        self.line_ = ax.step(x, y, where="post", color=GREY, linewidth=1, zorder=1)[0]
        self.points_ = ax.plot(x, y, "o", color=BLUE, markersize=4.5, zorder=2)[0]
        self.chosen_: Line2D | None = None
        if self.chosen is not None:
            where = [self.chosen.complexity], [self.chosen.score]
            self.chosen_ = ax.plot(*where, "o", color=RED, markersize=7.5, zorder=3)[0]
        if by_error:
            _draw_error_axis(ax, y)
        ax.margins(x=0.06, y=0.12)
        ax.locator_params(axis="x", nbins=6, integer=all(c == int(c) for c in x))
        if not by_error:
            ax.locator_params(axis="y", nbins=6)
        ax.set(xlabel="complexity", ylabel="validated score")
        no_frame(ax)
        self._write(labelled, texts)
        return self

    def connect(self, search: BaseEstimator) -> None:
        """Make a click on a point the choice of a search; the picture must be drawn.

        Parameters
        ----------
        search : NeuronFormulaSearch
            Fitted, of this front.

        Raises
        ------
        TypeError
            If it has no ``choose``.
        """
        if not hasattr(search, "choose"):
            raise TypeError(f"{type(search).__name__} has no choose: no point of it can be chosen")
        places = [k for k, point in enumerate(self.front) if math.isfinite(point.score)]
        self.points_.set_picker(5.0)

        def on_pick(event: PickEvent) -> None:
            if event.artist is not self.points_:
                return
            hit: Any = event  # matplotlib adds attributes by the kind of artist
            place = places[int(hit.ind[0])]
            search.choose(place)
            self.chosen = self.front[place]
            if self.chosen_ is None:
                (self.chosen_,) = self.ax_.plot([], [], "o", color=RED, markersize=7.5, zorder=3)
            self.chosen_.set_data([self.chosen.complexity], [self.chosen.score])
            self.figure_.canvas.draw_idle()

        self.figure_.canvas.mpl_connect("pick_event", on_pick)

    def _write(self, labelled: list[ParetoPoint], texts: list[str]) -> None:
        """Write numbers at the points and their formulas beside the axes."""
        self.labels_: list[Annotation] = []
        self.formulas_: list[Annotation] = []
        below = 0.0
        for number, (point, text) in enumerate(zip(labelled, texts, strict=True), start=1):
            label = self.ax_.annotate(
                str(number),
                (point.complexity, point.score),
                (0, 5),
                textcoords="offset points",
                ha="center",
                va="bottom",
                fontsize="small",
            )
            entry = self.ax_.annotate(
                plain(f"{number}   {text}"),
                (1, 1),
                (14, -below),
                xycoords="axes fraction",
                textcoords="offset points",
                ha="left",
                va="top",
                fontsize="small",
                linespacing=1.15,
            )
            if point == self.chosen:
                for written in (label, entry):
                    written.set(color=RED, fontweight="bold")
            below += _height([text])
            self.labels_.append(label)
            self.formulas_.append(entry)


def _formula_text(point: ParetoPoint, n_lines: int) -> str:
    formula = point.formula
    if isinstance(formula, NeuronFormula) and not formula:
        return "constant"
    fitted = point.fitted
    if isinstance(formula, FittedExpression) and isinstance(fitted, FittedExpression):
        # of an equation of columns the numbers that predict, as `print(front)` shows them
        formula = fitted if fitted.n_outputs == formula.n_outputs else formula
    text = abbreviated(str(formula), _LINE * n_lines)
    lines = _wrapped(text, _LINE)
    if len(lines) > n_lines:  # breaks at spaces leave something over
        lines[n_lines - 1 :] = [abbreviated(" ".join(lines[n_lines - 1 :]), _LINE)]
    return "\n      ".join(lines)


def _wrapped(text: str, width: int) -> list[str]:
    """Break a text at its spaces, and a word that is too long after an operator."""
    lines = []
    for line in textwrap.wrap(text, width, break_long_words=False):
        rest = line
        while len(rest) > width:
            ends = [match.end() for match in _OPERATOR.finditer(rest, 0, width)]
            cut = ends[-1] if ends and ends[-1] > width // 2 else width
            lines.append(rest[:cut])
            rest = rest[cut:]
        lines.append(rest)
    return lines


def _height(texts: list[str]) -> float:
    """Height of the list in points: a gap for each text, and its lines."""
    return float(sum(6 + 11 * (1 + text.count("\n")) for text in texts))


def _axes_height(ax: Axes) -> float:
    return float(ax.get_window_extent().height * 72 / ax.figure.dpi)


def _is_by_error(axis: str, points: list[ParetoPoint]) -> bool:
    if axis not in ("auto", "score", "error"):
        raise ValueError(f"axis must be 'auto', 'score' or 'error', got {axis!r}")
    best = max((point.score for point in points), default=0.0)
    return axis == "error" or (axis == "auto" and _NEAR_ONE <= best <= 1.0)


def _height_of(score: ArrayLike) -> FloatArray:
    """Return the height of scores on an axis of the error, in powers of ten."""
    return -np.log10(np.maximum(1.0 - np.asarray(score, dtype=np.float64), _EXACT))


def _draw_error_axis(ax: Axes, scores: list[float]) -> None:
    """Let the axis rise by one for each power of ten by which 1 - score falls."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    ax.set_yscale("function", functions=(_height_of, lambda height: 1.0 - 10.0**-height))
    nines = [1.0 - 10.0**-k for k in range(13)]
    low, high = min(scores), max(scores)
    top = next((k for k, value in enumerate(nines) if value >= high), len(nines) - 1)
    ax.yaxis.set_major_locator(FixedLocator([v for v in nines[: top + 1] if v >= low - 0.5]))
    ax.yaxis.set_minor_locator(NullLocator())
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.12g}"))


def _to_label(
    points: list[ParetoPoint], chosen: ParetoPoint | None, max_labels: int, by_error: bool
) -> list[ParetoPoint]:
    """Choose the points to number, upwards by complexity."""
    if not points:
        return []
    gains = {points[0]: math.inf, points[-1]: math.inf}
    height = {point: point.score for point in points}
    if by_error:
        height = {point: float(_height_of(point.score)) for point in points}
    for before, point in pairwise(points):
        gains.setdefault(point, height[point] - height[before])
    ranked = sorted(points, key=lambda point: (point != chosen, -gains[point]))
    places = np.array([[point.complexity, height[point]] for point in points])
    extent = np.ptp(places, axis=0)
    least = np.where(extent > 0, extent, 1.0) * _APART
    kept: list[ParetoPoint] = []
    for point in ranked:
        apart = (
            abs(point.complexity - other.complexity) >= least[0]
            or abs(height[point] - height[other]) >= least[1]
            for other in kept
        )
        if len(kept) < max_labels and all(apart):
            kept.append(point)
    return sorted(kept, key=lambda point: point.complexity)


def _answer(estimator: BaseEstimator, front: ParetoFront) -> ParetoPoint | None:
    """Find the point of the estimator's own answer, which may not be on the front."""
    chosen = getattr(estimator, "chosen_", None)
    if chosen is not None:
        return front[chosen]
    formula = getattr(estimator, "formula_", None)
    fitted = getattr(estimator, "fitted_formula_", None)
    equal = [point for point in front if formula is not None and point.formula == formula]
    equal = equal or [point for point in front if _same(point.formula, fitted)]
    size = _size(fitted)
    return min(equal, key=lambda point: (abs(point.complexity - size), -point.score), default=None)


def _same(formula: object, fitted: object) -> bool:
    if isinstance(formula, FittedExpression) and isinstance(fitted, FittedExpression):
        # the front of an equation of several outputs is that of the first
        return formula.nodes == fitted.nodes[: formula.n_outputs]
    return bool(formula == fitted)


def _size(equation: object) -> float:
    """Complexity of an answer, as the searches count it."""
    if isinstance(equation, FittedFormula):
        size = sum(int(weights.any(axis=1).sum()) for weights in equation.pure_weights)
        size *= equation.n_outputs
        for order, factors in equation.factors.items():
            numbers = int((factors != 0).sum())
            size += numbers + factors.shape[2] * (equation.n_outputs - order)
        return float(size)
    return float(equation.complexity) if isinstance(equation, FittedExpression) else math.inf
