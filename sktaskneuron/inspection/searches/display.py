"""Pictures of a search of activations: what the candidates reached, and what they are."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from sktaskneuron._typing import AnyArray
from sktaskneuron.estimators.activation_search.candidates import named_candidates
from sktaskneuron.inspection.checks import check_fitted
from sktaskneuron.inspection.drawing import import_pyplot, make_grid, new_axes
from sktaskneuron.inspection.searches.candidate import Candidate, Function, function_of
from sktaskneuron.inspection.searches.losses import draw_function, draw_losses
from sktaskneuron.inspection.searches.map import CandidateMap

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import PathCollection
    from matplotlib.colorbar import Colorbar
    from matplotlib.text import Text
    from sklearn.base import BaseEstimator

_COLUMNS = ("activation", "mean_loss", "gain", "standard_error", "like_fallback")
# Functions in a row.
_ACROSS = 3


class ActivationSearchDisplay:
    """Held-out losses of the candidates of an activation search, and their functions.

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

    See Also
    --------
    ActivationDisplay : The activation functions of a network, one panel per type of neuron.

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

    ax_: Axes
    shown_: AnyArray
    points_: PathCollection
    labels_: list[Text]

    def __init__(
        self,
        results: Mapping[str, AnyArray | Sequence[object]],
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
        names = [str(name) for name in results["activation"]]
        if fallback not in names:
            raise ValueError(f"fallback must be one of {', '.join(names[:20])}, got {fallback!r}")
        if not 0 <= chosen < len(names):
            raise ValueError(f"chosen must lie in 0..{len(names) - 1}, got {chosen!r}")
        given, reference = dict(functions or {}), names.index(fallback)
        losses = np.asarray(results["mean_loss"], dtype=np.float64)
        errors = np.asarray(results["standard_error"], dtype=np.float64)
        order = np.argsort(np.where(np.isfinite(losses), losses, np.inf), kind="stable")
        ranks = 1 + np.argsort(order)
        self.candidates: list[Candidate] = [
            Candidate(
                name=name,
                place=place,
                rank=int(ranks[place]),
                loss=float(losses[place]),
                band=float(errors[place]),
                function=given[name] if name in given else find_activation(name).numpy,
                like_fallback=bool(results["like_fallback"][place]),
                is_chosen=place == chosen,
                is_fallback=place == reference,
                is_text=name not in given,
            )
            for place, name in enumerate(names)
        ]

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        *,
        kind: str = "losses",
        n_best: int = 12,
        ax: Axes | None = None,
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
        check_fitted(estimator)
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
        given, functions = named_candidates(estimator.candidates), {}
        for name in results["activation"]:
            item = given.get(name, name)
            if not isinstance(item, str):
                functions[name] = function_of(item)
        display = cls(
            results,
            chosen=estimator.best_index_,
            fallback=estimator.fallback,
            functions=functions,
        )
        return display.plot(ax, kind=kind, n_best=n_best)

    def plot(
        self, ax: Axes | None = None, *, kind: str = "losses", n_best: int = 12
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
        if kind not in ("losses", "map"):
            raise ValueError(f"kind must be 'losses' or 'map', got {kind!r}")
        if n_best < 1:
            raise ValueError(f"n_best must be 1 or more, got {n_best!r}")
        if kind == "map":
            self._plot_map(ax)
        else:
            self._plot_losses(ax, int(n_best))
        return self

    def _plot_losses(self, ax: Axes | None, n_best: int) -> None:
        (fallback,) = (candidate for candidate in self.candidates if candidate.is_fallback)
        shown = sorted(self.candidates, key=lambda candidate: candidate.rank)[:n_best]
        if fallback not in shown:
            shown.append(fallback)
        across = min(_ACROSS, math.ceil(math.sqrt(len(shown))))
        n_rows = math.ceil(len(shown) / across)
        height = max(0.27 * len(shown) + 1.1, 1.15 * n_rows + 0.3)
        self.bounding_ax_ = ax
        self.figure_, grid = make_grid(ax, (1, 2), (9.0, height), widths=[1.0, 1.1])
        self.ax_ = self.figure_.add_subplot(grid[0, 0])
        self.shown_ = np.array([candidate.place for candidate in shown])
        self.points_, self.bands_, self.labels_ = draw_losses(self.ax_, shown, fallback)
        self.colorbar_: Colorbar | None = None
        places = grid[0, 1].subgridspec(n_rows, across, wspace=0.12, hspace=0.06)
        self.axes_: list[Axes] = []
        for number, candidate in enumerate(shown):
            axis = self.figure_.add_subplot(places[divmod(number, across)])
            draw_function(axis, candidate)
            self.axes_.append(axis)

    def _plot_map(self, ax: Axes | None) -> None:
        picture = CandidateMap.of([candidate for candidate in self.candidates if candidate.is_text])
        if ax is None:
            ax = new_axes(6.4, 4.4)
        self.ax_, self.figure_, self.bounding_ax_ = ax, ax.figure, None
        self.axes_, self.bands_ = [], None
        self.shown_ = np.array([candidate.place for candidate in picture.candidates])
        self.points_, self.colorbar_, self.labels_ = picture.draw(ax)
