"""Pictures of activation functions: how they were learned, and where neurons use them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from sktaskneuron._typing import AnyArray, FloatArray, Matrix, TableLike, Vector
from sktaskneuron.inspection.checks import check_fitted
from sktaskneuron.inspection.drawing import (
    BLUE,
    import_pyplot,
    make_grid,
    no_frame,
    plain,
    small_colorbar,
    write_note,
    zero_lines,
)
from sktaskneuron.inspection.networks.networks import inputs_of, model_of, row_blocks, widest

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import LineCollection, PolyCollection
    from matplotlib.colorbar import Colorbar
    from matplotlib.figure import Figure, SubFigure
    from matplotlib.lines import Line2D
    from sklearn.base import BaseEstimator

    from sktaskneuron.nn import ActivationSet

# Points of a curve, and bins of a histogram.
_CURVE, _BINS = 401, 60
# Share of the inputs left out at each side, the margin beside, and the range without inputs.
_TAIL, _MARGIN, _RANGE = 0.001, 0.15, 6.0
# Rows that histograms are made of at most.
_MOST_ROWS = 5_000


class ActivationDisplay:
    """The activation functions of a network, one panel per type of neuron.

    Learned functions are drawn in black over all that they were on the way, in rainbow colours from
    the first to the last step of the outer loop. (Black is the mean of the last steps, not the last
    alone.) Below each, a histogram shows the inputs at which the trained neurons of that type use
    it. It is made by `from_estimator`.

    Parameters
    ----------
    functions : ActivationSet
        One per panel.
    evolution : sequence of ActivationSet, default=()
        The same functions before, from the start on.
    steps : array-like of shape (n_evolution,), default=()
        Steps of the outer loop at which they were so.
    inputs : sequence of ndarray or None, default=None
        Inputs of the neurons of each type; an empty array for a type that no neuron has.

    Attributes
    ----------
    figure_ : matplotlib Figure
        Figure of the pictures.
    axes_ : ndarray of matplotlib Axes of shape (1 or 2, n_types)
        Those of the functions; below, if there are inputs, those of the histograms.
    bounding_ax_ : matplotlib Axes or None
        The given axes, in whose place the others were put.
    lines_ : list of matplotlib Line2D
        The function of each type.
    evolution_ : list of matplotlib LineCollection
        What was before, of each type; empty without evolution.
    bars_ : list of matplotlib PolyCollection or None
        The histogram of each type; None where no neuron has it. Empty without inputs.
    colorbar_ : matplotlib Colorbar or None
        Of the steps.

    Raises
    ------
    ValueError
        If the numbers of types or steps differ.

    See Also
    --------
    ActivationSearchDisplay : Held-out losses of the candidates of an activation search, and their
        functions.
    compare_types : Train networks with a mix of neuron types, with each type alone, and with usual
        activations.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("agg")
    >>> from sklearn.datasets import make_moons
    >>> from sktaskneuron import LearnedDiversityMLPClassifier
    >>> from sktaskneuron.inspection import ActivationDisplay
    >>> X, y = make_moons(200, noise=0.2, random_state=0)
    >>> model = LearnedDiversityMLPClassifier(
    ...     (20,), outer_steps=5, inner_steps=10, max_epochs=10, compare=False, random_state=0
    ... ).fit(X, y)
    >>> display = ActivationDisplay.from_estimator(model, X)
    >>> display.axes_.shape
    (2, 2)
    """

    functions: ActivationSet
    evolution: tuple[ActivationSet, ...]
    figure_: Figure | SubFigure
    axes_: AnyArray
    colorbar_: Colorbar | None

    def __init__(
        self,
        functions: ActivationSet,
        evolution: Sequence[ActivationSet] = (),
        steps: ArrayLike = (),
        inputs: Sequence[Vector] | None = None,
    ) -> None:
        self.functions, self.evolution = functions, tuple(evolution)
        self.steps: FloatArray = np.asarray(steps, dtype=np.float64)
        self.inputs: list[Vector] | None = None if inputs is None else list(inputs)
        if any(len(past) != len(functions) for past in self.evolution):
            raise ValueError(
                f"evolution must hold sets of {len(functions)} functions, as functions"
            )
        if self.steps.shape != (len(self.evolution),):
            raise ValueError(
                f"{len(self.evolution)} sets need as many steps, got {self.steps.shape}"
            )
        if self.inputs is not None and len(self.inputs) != len(functions):
            raise ValueError(f"{len(functions)} types need inputs each, got {len(self.inputs)}")

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        X: TableLike | None = None,
        *,
        layer: int = 0,
        which: str = "learned",
        low: float | None = None,
        high: float | None = None,
        cmap: str = "rainbow",
        ax: Axes | None = None,
    ) -> ActivationDisplay:
        """Draw the activation functions of a fitted estimator.

        Parameters
        ----------
        estimator : estimator
            A fitted `LearnedDiversityMLPClassifier`, `LearnedDiversityMLPRegressor` or
            `HamiltonianMLPRegressor`.
        X : table or array-like of shape (n_samples, n_features), default=None
            Rows whose inputs to the neurons the histograms show, of all networks that the estimator
            averages; None: no histograms.
        layer : int, default=0
            Hidden layer whose functions and neurons are shown.
        which : {"learned", "used"}, default="learned"
            "learned" draws all functions that were learned, with the histograms of those that
            predict; "used" draws what predicts (`activations_`), as "learned" does if none were
            learned.
        low, high : float, default=None
            Range of the inputs. None: that of all but the outermost inputs of X, or -6 to 6.
        cmap : str, default="rainbow"
            Colours of the steps of the outer loop.
        ax : matplotlib Axes, default=None
            Axes in whose place the grid of axes is put; None: a new figure.

        Returns
        -------
        display : ActivationDisplay
            Drawn.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        TypeError
            If it has no networks of neurons of several types.
        ValueError
            If it has no such layer, or another argument is out of range.
        MissingDependencyError
            If matplotlib is not installed.
        """
        import_pyplot()
        if which not in ("learned", "used"):
            raise ValueError(f"which must be 'learned' or 'used', got {which!r}")
        check_fitted(estimator)
        model = model_of(estimator)
        n_layers = len(model.spec["hidden_layer_sizes"])
        if not 0 <= layer < n_layers:
            raise ValueError(f"layer must lie in 0..{n_layers - 1}, got {layer!r}")
        used = _set_of(estimator.activations_, layer, n_layers)
        learned = (
            estimator.learned_[layer if len(estimator.learned_) > 1 else 0]
            if estimator.learned_
            else None
        )
        # types of the learned functions that the trained neurons have
        selected = str(estimator.selected_)
        types: list[int] = []
        if learned is not None and selected.startswith("learned"):
            number = selected.removeprefix("learned").strip()
            types = [int(number) - 1] if number else list(range(len(learned)))
        functions, history = used, types
        if which == "learned" and learned is not None:
            functions, history = learned, list(range(len(learned)))
        evolution: list[ActivationSet] = []
        steps = np.empty(0)
        if history:
            evolution, steps = _evolution(estimator, functions, history, layer)
        inputs = None
        if X is not None:
            found = _inputs_by_type(estimator, X, layer)
            if functions is used:
                inputs = found
            else:
                inputs = [np.empty(0)] * len(functions)
                for place, values in zip(types, found, strict=False):
                    inputs[place] = values
        display = cls(functions, evolution, steps, inputs)
        return display.plot(ax, low=low, high=high, cmap=cmap)

    def plot(
        self,
        ax: Axes | None = None,
        *,
        low: float | None = None,
        high: float | None = None,
        cmap: str = "rainbow",
    ) -> ActivationDisplay:
        """Draw the panels.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes in whose place the grid of axes is put; None: a new figure.
        low, high : float, default=None
            Range of the inputs. None: that of all but the outermost inputs, or -6 to 6.
        cmap : str, default="rainbow"
            Colours of the steps of the outer loop.

        Returns
        -------
        display : ActivationDisplay
            Itself.

        Raises
        ------
        ValueError
            If `ax` stands in no grid, or the range is empty.
        MissingDependencyError
            If matplotlib is not installed.
        """
        left, right = self._range(low, high)
        n_types, below = len(self.functions), self.inputs is not None
        height = 3.6 if below else 2.8
        width = 3.1 * n_types + (0.9 if self.evolution else 0.4)
        self.bounding_ax_ = ax
        self.figure_, grid = make_grid(
            ax,
            (2 if below else 1, n_types),
            (width, height),
            heights=[3.2, 1] if below else None,
        )
        x = np.linspace(left, right, _CURVE)
        past = np.array([functions(x) for functions in self.evolution])
        now = self.functions(x)
        self.lines_: list[Line2D] = []
        self.evolution_: list[LineCollection] = []
        self.bars_: list[PolyCollection | None] = []
        upper: list[Axes] = []
        lower: list[Axes] = []
        for place in range(n_types):
            share = {"sharey": upper[0]} if upper else {}
            axis = self.figure_.add_subplot(grid[0, place], **share)
            upper.append(axis)
            if self.evolution:
                self.evolution_.append(_fan(axis, x, past[:, place], self.steps, cmap))
            (line,) = axis.plot(x, now[place], color="black", linewidth=1.8, zorder=3)
            self.lines_.append(line)
            axis.set_xlim(left, right)
            axis.set_title(plain(self.functions.names[place]), fontsize="medium")
            _bare(axis)
            if below:
                beneath = self.figure_.add_subplot(grid[1, place], sharex=axis)
                lower.append(beneath)
                axis.tick_params(labelbottom=False)
        drawn = np.concatenate([past.reshape(-1, _CURVE), now]) if self.evolution else now
        extent = float(np.ptp(drawn)) or 1.0
        upper[0].set_ylim(drawn.min() - 0.05 * extent, drawn.max() + 0.05 * extent)
        upper[0].set_ylabel("output")
        for axis in upper[1:]:
            axis.tick_params(labelleft=False)
        if self.inputs is not None:
            self.bars_ = [
                _histogram(axis, values, left, right)
                for axis, values in zip(lower, self.inputs, strict=True)
            ]
            lower[0].set_ylabel("neurons")
            self.figure_.align_ylabels([upper[0], lower[0]])
        for axis in lower or upper:
            axis.set_xlabel("input of the neuron")
        self.axes_ = np.array([upper, lower] if below else [upper], dtype=object)
        self.colorbar_ = None
        if self.evolution:
            self.colorbar_ = small_colorbar(self.evolution_[-1], upper, label="outer step")
        return self

    def _range(self, low: float | None, high: float | None) -> tuple[float, float]:
        """Return the range of inputs that is drawn."""
        values = np.concatenate(self.inputs) if self.inputs else np.empty(0)
        left, right = -_RANGE, _RANGE
        if len(values):
            left, right = np.quantile(values, [_TAIL, 1 - _TAIL])
            margin = _MARGIN * (right - left)
            left, right = left - margin, right + margin
        left, right = left if low is None else low, right if high is None else high
        if not left < right:
            raise ValueError(f"the range of inputs is empty: {left:g} to {right:g}")
        return float(left), float(right)


def _set_of(activations: object, layer: int, n_layers: int) -> ActivationSet:
    """Return the functions of a hidden layer out of what the parameter `activations` takes."""
    from sktaskneuron.nn import ActivationSet, Grid
    from sktaskneuron.nn.typed.reading import given_layers

    items = (given_layers(activations, n_layers) or [])[layer]
    if len(items) == 1 and isinstance(items[0], ActivationSet):
        return items[0]
    # so fine a table that a kink is drawn as one
    grid = Grid(-50.0, 50.0, 10_001)
    parts = [
        ActivationSet.from_names([item], grid)
        if isinstance(item, str)
        else ActivationSet(item(grid.knots()), grid, names=item.names)
        for item in items
    ]
    names = tuple(name for part in parts for name in part.names)
    return ActivationSet(np.concatenate([part.values for part in parts]), grid, names=names)


def _evolution(
    estimator: BaseEstimator, functions: ActivationSet, types: Sequence[int], layer: int
) -> tuple[list[ActivationSet], Vector]:
    """Return the functions of some types over the outer steps, and these steps."""
    from sktaskneuron.nn import ActivationSet

    history = estimator.activation_history_
    values = history["evolution"]
    values = values[:, layer if values.shape[1] > 1 else 0, list(types)]
    n_steps = len(history["outer_loss"])
    every = n_steps // max(1, len(values) - 1)
    return (
        [ActivationSet(value, functions.grid) for value in values],
        np.arange(len(values), dtype=np.float64) * every,
    )


def _inputs_by_type(estimator: BaseEstimator, X: TableLike, layer: int) -> list[Vector]:
    """Return what the neurons of each type of the networks get, over members, rows and neurons."""
    import torch

    from sktaskneuron.nn.typed.layers import type_sizes

    network = model_of(estimator).typed_network()
    rows = inputs_of(estimator, X)
    if len(rows) > _MOST_ROWS:
        # rows may be sorted: evenly spaced ones stand for all
        rows = rows[np.linspace(0, len(rows) - 1, _MOST_ROWS).astype(np.intp)]
    device = network.weights[0].device
    with torch.inference_mode():
        blocks = [
            network.pre_activations(torch.from_numpy(rows[block]).to(device))[layer].cpu().numpy()
            for block in row_blocks(len(rows), widest(network))
        ]
    values = np.concatenate(blocks, axis=1)
    ((_, layers),) = network.spec()["groups"]
    edges = np.cumsum(type_sizes(values.shape[2], len(layers[layer])))
    return [part.ravel() for part in np.split(values, edges[:-1], axis=2)]


def _fan(ax: Axes, x: Vector, curves: Matrix, steps: Vector, cmap: str) -> LineCollection:
    """Draw curves of shape (n_curves, n_points) in the colours of their steps."""
    from matplotlib.collections import LineCollection

    lines = LineCollection(
        [np.column_stack([x, curve]) for curve in curves],
        array=steps,
        cmap=cmap,
        linewidths=1.0,
        alpha=0.75,
        zorder=2,
    )
    ax.add_collection(lines)
    return lines


def _histogram(ax: Axes, values: Vector, left: float, right: float) -> PolyCollection | None:
    """Draw where the inputs lie; None, with a word, if there are none."""
    ax.set_yticks([])
    ax.tick_params(labelsize="small")
    ax.spines[["top", "right", "left"]].set_visible(False)
    if not len(values):
        write_note(ax, 0.5, 0.4, "not in the network", ax.transAxes)
        return None
    counts, edges = np.histogram(values, bins=_BINS, range=(left, right), density=True)
    bars = ax.fill_between(edges, np.append(counts, counts[-1]), step="post", color=BLUE, alpha=0.7)
    ax.set_ylim(0, 1.08 * counts.max() or 1.0)
    return bars


def _bare(ax: Axes) -> None:
    """Draw the cross of the zeros, few ticks, and no frame."""
    zero_lines(ax)
    ax.locator_params(nbins=5)
    ax.tick_params(labelsize="small")
    no_frame(ax)
