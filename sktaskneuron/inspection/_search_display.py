"""Pictures of a search of activations: what the candidates reached, and what they are."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from sktaskneuron.inspection._drawing import (
    BLUE,
    GREY,
    PALE,
    RED,
    abbreviated,
    import_pyplot,
    no_frame,
    percent,
    plain,
)
from sktaskneuron.inspection._equation import FloatArray
from sktaskneuron.inspection._grid import make_grid

#: Numbers of shape (n_points,) to (n_points,), or to (n_types, n_points) for a mixed layer.
Function = Callable[[FloatArray], FloatArray]

_COLUMNS = ("activation", "mean_loss", "gain", "standard_error", "like_fallback")
# Characters of a name: beside the losses, above a function, in the map.
_LABEL, _TITLE, _NAME = 26, 14, 22
_LONG_NUMBER = re.compile(r"\d+\.\d{3,}(e[+-]?\d+)?")
# Inputs at which functions are drawn, and the points of a curve.
_RANGE, _CURVE = 4.0, 401
_ACROSS = 3
# Ratio of the largest to the least loss from which the axis is logarithmic.
_LOGARITHMIC = 5.0
_MARGIN = 0.06
# Names in the map, and their least distance as parts of the axes.
_MOST_NAMES, _APART = 8, (0.28, 0.06)


class ActivationSearchDisplay:
    """What the candidates of an activation search reached on held-out rows, and their functions.

    On the left, the losses with the best on top. The shaded band of a row is the loss of the
    fallback, plus and minus one standard error of this candidate's difference to it over rows:
    what lies in its band, in grey, cannot be told apart from the fallback. On the right, the
    functions, each on a scale of its own, as scale and shift are also in the weights of a network.
    As a map, all candidates stand where the two principal components of their outputs put them:
    functions that are near each other are alike up to scale and shift. It is made by
    `from_estimator`.

    Parameters
    ----------
    results : mapping of str to array-like of shape (n_candidates,)
        With "activation", "mean_loss", "gain", "standard_error" and "like_fallback", as the
        attribute `results_` of `ActivationSearchRegressor`.
    chosen : int
        Place of the one that was chosen.
    fallback : str
        Name of the one that the others are compared with.
    functions : mapping of str to callable, default=None
        Functions of candidates whose name is no activation as text: of numbers of shape
        (n_points,) to as many, or to (n_types, n_points).

    Attributes
    ----------
    figure_ : matplotlib Figure
        Figure of the pictures.
    ax_ : matplotlib Axes
        Those of the losses, or of the map.
    axes_ : list of matplotlib Axes
        Those of the functions; empty for a map.
    bounding_ax_ : matplotlib Axes or None
        The given axes, in whose place the others were put.
    shown_ : ndarray of int
        Places of the candidates in the picture: from the top, or of the dots in the map.
    points_ : matplotlib PathCollection
        Their losses.
    bands_ : matplotlib BarContainer or None
        The bands; None in a map.
    labels_ : list of matplotlib Text
        Names beside the losses, or in the map.
    colorbar_ : matplotlib Colorbar or None
        Of the losses in a map.

    Raises
    ------
    ValueError
        If there are no candidates, columns are missing, or a name is no activation.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("agg")
    >>> import numpy as np
    >>> from sktaskneuron import ActivationSearchRegressor
    >>> from sktaskneuron.inspection import ActivationSearchDisplay
    >>> X = np.random.default_rng(0).uniform(-1, 1, size=(200, 2))
    >>> model = ActivationSearchRegressor(
    ...     (16,), candidates=["silu", "square"], max_epochs=10, random_state=0
    ... ).fit(X, X[:, 0] * X[:, 1])
    >>> display = ActivationSearchDisplay.from_estimator(model)
    >>> sorted(axis.get_title() for axis in display.axes_)
    ['1  square', '2  silu']
    """

    def __init__(
        self,
        results: Mapping[str, Any],
        *,
        chosen: int,
        fallback: str,
        functions: Mapping[str, Function] | None = None,
    ) -> None:
        from sktaskneuron.nn import find_activation

        missing = [column for column in _COLUMNS if column not in results]
        if missing or not len(results["activation"]):
            raise ValueError(
                "there are no candidates to draw: results must have the columns "
                f"{', '.join(_COLUMNS)}, and a row"
            )
        self.names = [str(name) for name in results["activation"]]
        if fallback not in self.names:
            raise ValueError(
                f"fallback must be one of {', '.join(self.names[:20])}, got {fallback!r}"
            )
        if not 0 <= chosen < len(self.names):
            raise ValueError(f"chosen must lie in 0..{len(self.names) - 1}, got {chosen!r}")
        self.chosen, self.reference = int(chosen), self.names.index(fallback)
        self.losses = np.asarray(results["mean_loss"], dtype=np.float64)
        self.errors = np.asarray(results["standard_error"], dtype=np.float64)
        self.alike = np.asarray(results["like_fallback"], dtype=bool)
        given = dict(functions or {})
        self.functions: list[Function] = [
            given[name] if name in given else find_activation(name).numpy for name in self.names
        ]
        # those of which the features are known
        self._is_text = np.array([name not in given for name in self.names])

    @classmethod
    def from_estimator(
        cls, estimator: Any, *, kind: str = "losses", n_best: int = 12, ax: Any = None
    ) -> ActivationSearchDisplay:
        """Draw the candidates of a fitted search.

        Parameters
        ----------
        estimator : estimator
            A fitted `ActivationSearchRegressor` or `ActivationSearchClassifier`.
        kind : {"losses", "map"}, default="losses"
            "losses" draws losses and functions of the best, "map" the plane of all candidates.
        n_best : int, default=12
            How many of the best are drawn as "losses"; the fallback comes on top of them.
        ax : matplotlib Axes, default=None
            Axes in whose place the pictures are put; None: a new figure.

        Returns
        -------
        display : ActivationSearchDisplay
            Drawn.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        TypeError
            If it is no search of activations.
        ValueError
            If no candidates were compared, or an argument is out of range.
        MissingDependencyError
            If matplotlib is not installed.
        """
        import_pyplot()
        if hasattr(estimator, "fit"):
            check_is_fitted(estimator)
        results = getattr(estimator, "results_", None)
        if results is None or not hasattr(estimator, "best_activation_"):
            raise TypeError(
                f"{type(estimator).__name__} is no search of activations: give an "
                "ActivationSearchRegressor or ActivationSearchClassifier"
            )
        if not results:
            raise ValueError(
                "no candidates were compared, as no rows were held out: with less than 20 rows or "
                "validation=None the fallback is taken"
            )
        functions = {}
        for name in results["activation"]:
            item = estimator._original(name)
            if not isinstance(item, str):
                functions[name] = _function_of(item)
        display = cls(
            results,
            chosen=estimator.best_index_,
            fallback=estimator.fallback,
            functions=functions,
        )
        return display.plot(ax, kind=kind, n_best=n_best)

    def plot(
        self, ax: Any = None, *, kind: str = "losses", n_best: int = 12
    ) -> ActivationSearchDisplay:
        """Draw the candidates.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None: in a new figure. In the place of losses and functions, a grid of
            axes is put.
        kind : {"losses", "map"}, default="losses"
            "losses" draws losses and functions of the best, "map" the plane of all candidates.
        n_best : int, default=12
            How many of the best are drawn as "losses"; the fallback comes on top of them.

        Returns
        -------
        display : ActivationSearchDisplay
            Itself.

        Raises
        ------
        ValueError
            If an argument is out of range, `ax` stands in no grid, or a map has less than three
            candidates of finite outputs and loss.
        MissingDependencyError
            If matplotlib is not installed.
        """
        import_pyplot()
        if kind not in ("losses", "map"):
            raise ValueError(f"kind must be 'losses' or 'map', got {kind!r}")
        if n_best < 1:
            raise ValueError(f"n_best must be 1 or more, got {n_best!r}")
        if kind == "map":
            self._plot_map(ax)
        else:
            self._plot_losses(ax, int(n_best))
        return self

    # -- losses and functions ----------------------------------------------------------------------

    def _plot_losses(self, ax: Any, n_best: int) -> None:
        order = self._order()
        shown = order[:n_best]
        if self.reference not in shown:
            shown = np.append(shown, self.reference)
        self.shown_ = shown
        ranks = {int(place): rank for rank, place in enumerate(order, start=1)}
        across = min(_ACROSS, int(np.ceil(np.sqrt(len(shown)))))
        n_rows = -(-len(shown) // across)
        height = max(0.27 * len(shown) + 1.1, 1.15 * n_rows + 0.3)
        self.bounding_ax_ = ax
        self.figure_, grid = make_grid(ax, (1, 2), (9.0, height))
        grid.set_width_ratios([1.0, 1.1])
        self.ax_ = self.figure_.add_subplot(grid[0, 0])
        self.colorbar_: Any = None
        self._draw_losses(self.ax_, shown, ranks)
        places = grid[0, 1].subgridspec(n_rows, across, wspace=0.12, hspace=0.06)
        self.axes_: list[Any] = []
        for number, place in enumerate(shown.tolist()):
            axis = self.figure_.add_subplot(places[divmod(number, across)])
            self._draw_function(axis, place, ranks[place])
            self.axes_.append(axis)

    def _draw_losses(self, ax: Any, shown: NDArray[np.intp], ranks: Mapping[int, int]) -> None:
        rows = np.arange(len(shown))
        losses, errors = self.losses[shown], self.errors[shown]
        finite = np.isfinite(losses)
        centre = self.losses[self.reference]
        if np.isfinite(centre):
            band = np.where(finite, errors, 0.0)
            self.bands_ = ax.barh(
                rows, 2 * band, left=centre - band, height=1.0, color=PALE, linewidth=0, zorder=0
            )
            ax.axvline(centre, color="0.45", linewidth=0.9, linestyle=(0, (4, 3)), zorder=1)
        else:
            self.bands_ = None
        colours = [self._colour(place) for place in shown.tolist()]
        sizes = [70 if place == self.chosen else 34 for place in shown.tolist()]
        self.points_ = ax.scatter(losses, rows, s=sizes, color=colours, linewidths=0, zorder=3)
        _limits(ax, losses[finite], centre, errors[finite])
        for row in rows[~finite].tolist():
            ax.text(
                0.5,
                row,
                "no finite loss",
                transform=ax.get_yaxis_transform(),
                ha="center",
                va="center",
                fontsize="small",
                color="0.5",
            )
        ax.set_yticks(rows, [self._label(place, ranks[place]) for place in shown.tolist()])
        ax.set_ylim(len(shown) - 0.4, -0.6)
        ax.tick_params(axis="y", length=0)
        self.labels_ = list(ax.get_yticklabels())
        for label, place in zip(self.labels_, shown.tolist(), strict=True):
            label.set_color(_dark(self._colour(place)))
            if place == self.chosen:
                label.set_fontweight("bold")
        name = _short(self.names[self.reference], _NAME)
        ax.set_xlabel(f"held-out loss\n(shaded: within a standard error of {name})")
        no_frame(ax)
        ax.spines["left"].set_visible(False)

    def _draw_function(self, ax: Any, place: int, rank: int) -> None:
        x = np.linspace(-_RANGE, _RANGE, _CURVE)
        with np.errstate(all="ignore"):
            curves = np.atleast_2d(np.asarray(self.functions[place](x), dtype=np.float64))
        ax.axhline(0, color="0.85", linewidth=0.8, zorder=0)
        ax.axvline(0, color="0.85", linewidth=0.8, zorder=0)
        colour = self._colour(place)
        for number, curve in enumerate(curves):
            style = "-" if number == 0 else (0, (3, 1.5))
            values = np.where(np.isfinite(curve), curve, np.nan)
            ax.plot(x, values, linestyle=style, color=colour)
        ax.set(xlim=(-_RANGE, _RANGE), xticks=[], yticks=[])
        ax.spines[:].set_visible(False)
        title = f"{rank}  {_short(self.names[place], _TITLE)}"
        ax.set_title(title, fontsize="small", color=_dark(colour), pad=3)

    def _label(self, place: int, rank: int) -> str:
        role = {self.chosen: " (chosen)", self.reference: " (fallback)"}.get(place, "")
        if self.chosen == self.reference == place:
            role = " (fallback, chosen)"
        return f"{rank}  {_short(self.names[place], _LABEL)}{role}"

    def _colour(self, place: int) -> str:
        if place == self.chosen:
            return RED
        if place == self.reference:
            return "black"
        return GREY if self.alike[place] else BLUE

    def _order(self) -> NDArray[np.intp]:
        """Return the places, the best first."""
        losses = np.where(np.isfinite(self.losses), self.losses, np.inf)
        return np.argsort(losses, kind="stable")

    # -- map ---------------------------------------------------------------------------------------

    def _plot_map(self, ax: Any) -> None:
        from matplotlib.colors import LogNorm, Normalize

        from sktaskneuron.search.activation import output_features

        texts = np.flatnonzero(self._is_text & np.isfinite(self.losses))
        features = output_features([self.names[place] for place in texts.tolist()])
        known = np.isfinite(features).all(axis=1)
        shown, features = texts[known], features[known]
        if len(shown) < 3:
            raise ValueError(
                f"a map needs three candidates of finite outputs and loss, got {len(shown)}"
            )
        centred = features - features.mean(axis=0)
        left, sizes, _ = np.linalg.svd(centred, full_matrices=False)
        where = left[:, :2] * sizes[:2]
        shares = sizes**2 / max(float(np.sum(sizes**2)), np.finfo(float).tiny)
        if ax is None:
            _, ax = import_pyplot().subplots(figsize=(6.4, 4.4), layout="constrained")
        self.ax_, self.figure_, self.bounding_ax_ = ax, ax.figure, None
        self.axes_, self.bands_, self.shown_ = [], None, shown
        losses = self.losses[shown]
        # a few very bad ones would take all colours
        low, high = float(losses.min()), float(np.quantile(losses, 0.9))
        logarithmic = low > 0 and high > _LOGARITHMIC * low
        norm = (LogNorm if logarithmic else Normalize)(low, max(high, low + 1e-12))
        # the best are drawn last, above the others
        order = np.argsort(-losses, kind="stable")
        where, self.shown_, losses = where[order], shown[order], losses[order]
        self.points_ = ax.scatter(
            *where.T, c=losses, cmap="viridis", norm=norm, s=34, linewidths=0, zorder=2
        )
        self.colorbar_ = ax.figure.colorbar(
            self.points_,
            ax=ax,
            pad=0.02,
            aspect=25,
            label="held-out loss",
            extend="max" if losses.max() > high else "neither",
        )
        self.colorbar_.outline.set_visible(False)
        self.colorbar_.ax.tick_params(labelsize="small", length=2, which="both")
        for place, colour in ((self.reference, "black"), (self.chosen, RED)):
            for point in where[self.shown_ == place]:
                ax.scatter(*point, s=90, facecolor="none", edgecolor=colour, linewidth=1.5)
        ax.margins(0.12)
        for axis, name, share in (("x", "first", shares[0]), ("y", "second", shares[1])):
            label = f"{name} component of the outputs ({percent(float(share))} of variance)"
            ax.set(**{f"{axis}label": label, f"{axis}ticks": []})
        no_frame(ax)
        self._write_names(where)

    def _write_names(self, where: FloatArray) -> None:
        """Write the names of the best, as far as they do not touch."""
        from matplotlib.patheffects import withStroke

        places = self.shown_.tolist()[::-1]
        first = [place for place in (self.chosen, self.reference) if place in places]
        extent = np.ptp(where, axis=0)
        extent = np.where(extent > 0, extent, 1.0)
        at = dict(zip(places, (where / extent)[::-1], strict=True))
        self.labels_ = []
        taken: list[Any] = []
        for place in dict.fromkeys([*first, *places[: 1 + len(places) // 2]]):
            near = any((np.abs(at[place] - other) < _APART).all() for other in taken)
            if len(taken) == _MOST_NAMES or (near and place not in first[:1]):
                continue
            taken.append(at[place])
            # away from the edge
            side = 1 if at[place][0] < np.mean([p[0] for p in at.values()]) else -1
            role = {self.chosen: RED, self.reference: "black"}.get(place, "0.35")
            self.labels_.append(
                self.ax_.annotate(
                    _short(self.names[place], _NAME),
                    at[place] * extent,
                    (8 * side, 0),
                    textcoords="offset points",
                    ha="left" if side > 0 else "right",
                    va="center",
                    fontsize="small",
                    color=role,
                    path_effects=[withStroke(linewidth=2, foreground="white")],
                )
            )


def _function_of(item: Any) -> Function:
    """Return the function of a candidate that is no text: a set, or types of neurons."""
    from sktaskneuron.nn import ActivationSet, find_activation

    if isinstance(item, ActivationSet):
        return item
    parts = list(item)
    if not isinstance(parts[0], str):
        # one set per hidden layer: the first stands for them
        return _function_of(parts[0])
    functions = [find_activation(part).numpy for part in parts]
    return lambda x: np.array([function(x) for function in functions])


def _short(name: str, width: int) -> str:
    """Write a name with three digits of its numbers, cut to a width."""
    text = _LONG_NUMBER.sub(lambda match: f"{float(match.group()):.3g}", name)
    return plain(abbreviated(text, width, at_space=False))


def _limits(ax: Any, losses: FloatArray, centre: float, errors: FloatArray) -> None:
    """Show all losses, and the edges of the usual bands."""
    if not len(losses):
        return
    low, high = float(losses.min()), float(losses.max())
    usual = errors[errors > 0]
    if len(usual) and np.isfinite(centre):
        width = 1.3 * float(np.median(usual))
        low, high = min(low, max(centre - width, low / 2)), max(high, centre + width)
    if low > 0 and high > _LOGARITHMIC * low:
        ax.set_xscale("log")
        margin = (high / low) ** _MARGIN
        ax.set_xlim(low / margin, high * margin)
        return
    margin = _MARGIN * (high - low) or 0.05 * abs(high) or 1.0
    ax.set_xlim(low - margin, high + margin)
    ax.locator_params(axis="x", nbins=5)


def _dark(colour: str) -> str:
    """Return the colour of a text beside a dot: grey ones must stay readable."""
    return "#6b7683" if colour == GREY else colour
