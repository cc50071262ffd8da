"""Comparison of a mix of neuron types with its types alone, and with usual activations."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, clone, is_classifier
from sklearn.exceptions import NotFittedError
from sklearn.metrics import check_scoring
from sklearn.model_selection import train_test_split
from sklearn.utils.validation import check_is_fitted

from sktaskneuron._seeds import draw_seed
from sktaskneuron._typing import FloatArray, RandomState, TableLike, TargetLike, Vector
from sktaskneuron.inspection.drawing import BLUE, GREY, new_axes, no_frame, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import PathCollection
    from matplotlib.figure import Figure, SubFigure
    from matplotlib.patches import PathPatch

    from sktaskneuron.nn import ActivationSet

    #: Activations of one hidden layer, and what the estimators take for `activations`.
    Layer: TypeAlias = str | ActivationSet | Sequence[str | ActivationSet]
    Activations: TypeAlias = Layer | Sequence[Layer]
    Scorer: TypeAlias = Callable[[BaseEstimator, TableLike, TargetLike], float]

_USUAL = ("relu", "tanh", "sin", "gelu", "sin + relu")
_LIGHT = "#8fb8d0"


def compare_types(
    estimator: BaseEstimator,
    X: TableLike,
    y: TargetLike,
    *,
    X_test: TableLike | None = None,
    y_test: TargetLike | None = None,
    activations: Mapping[str, Activations] | None = None,
    n_repeats: int = 12,
    test_size: float = 0.25,
    scoring: str | Scorer | None = None,
    random_state: RandomState = None,
) -> TypesDisplay:
    """Train networks with a mix of neuron types, with each type alone, and with usual activations.

    For every repeat and all activations, ``clone(estimator).set_params(activations=...,
    random_state=seed)`` is fitted on the same rows and scored on others. So the scores of one
    repeat belong together: `TypesDisplay.gains` compares them pairwise. The spread is that over
    starts and orders of rows, not that over other data.

    Parameters
    ----------
    estimator : estimator
        A `LearnedDiversityMLPClassifier`, `LearnedDiversityMLPRegressor` or
        `HamiltonianMLPRegressor`. The mix is what a fitted one has learned (`learned_`), else its
        parameter `activations`; if that is None, a clone learns it on the training rows first.
    X : table or array-like of shape (n_samples, n_features)
        Training rows.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        Their targets.
    X_test, y_test : array-like, default=None
        Rows to score on. None: a part of X and y, which is not trained on. A fitted estimator may
        have learned its activations on them, so give it rows of their own.
    activations : mapping of str to activations, default=None
        What to compare, by name, each as the estimators' parameter `activations` takes it. None:
        the mix, its types alone if there are several, and "relu", "tanh", "sin", "gelu" and
        "sin + relu", as far as they are not among these.
    n_repeats : int, default=12
        Number of seeds.
    test_size : float, default=0.25
        Share of the rows to score on, if X_test is None; of classes the shares are kept.
    scoring : str, callable or None, default=None
        As in scikit-learn; None takes the estimator's own score: accuracy or R2.
    random_state : int, RandomState instance or None, default=None
        Draws the test rows and the seeds.

    Returns
    -------
    display : TypesDisplay
        With the scores; its `plot` draws them.

    Raises
    ------
    TypeError
        If the estimator has no parameter `activations`.
    ValueError
        If only one of X_test and y_test is given, there is nothing to compare, or a number is out
        of range.

    See Also
    --------
    TypesDisplay : Scores of networks with several activations, over seeds. Made by `compare_types`.

    Examples
    --------
    >>> from sklearn.datasets import make_moons
    >>> from sktaskneuron import LearnedDiversityMLPClassifier
    >>> from sktaskneuron.inspection import compare_types
    >>> X, y = make_moons(200, noise=0.2, random_state=0)
    >>> model = LearnedDiversityMLPClassifier((10,), max_epochs=5, learning_rate=0.01)
    >>> kinds = {"mix": ["sin", "tanh"], "sin": "sin", "tanh": "tanh"}
    >>> display = compare_types(model, X, y, activations=kinds, n_repeats=2, random_state=0)
    >>> {name: scores.shape for name, scores in display.scores.items()}
    {'mix': (2,), 'sin': (2,), 'tanh': (2,)}
    """
    if not hasattr(estimator, "activations"):
        raise TypeError(
            f"{type(estimator).__name__} has no parameter activations: give a "
            "LearnedDiversityMLPClassifier, LearnedDiversityMLPRegressor or HamiltonianMLPRegressor"
        )
    if n_repeats < 1:
        raise ValueError(f"n_repeats must be 1 or more, got {n_repeats!r}")
    if (X_test is None) != (y_test is None):
        raise ValueError("X_test and y_test go together: give both or neither")
    if activations is not None and not activations:
        raise ValueError("activations is empty: there is nothing to compare")
    random = np.random.default_rng(draw_seed(random_state))
    if X_test is None:
        X, X_test, y, y_test = train_test_split(
            X,
            y,
            test_size=test_size,
            random_state=_seed(random),
            stratify=y if is_classifier(estimator) else None,
        )
    n_types = 0
    if activations is None:
        mix = _mix_of(estimator, X, y, random)
        pure = _pure_types(mix)
        n_types = len(pure)
        activations = {"mix": mix, **pure} if pure else {_name_of(mix): mix}
        for name in _USUAL:
            if name not in activations and name.split(" + ") != mix:
                activations[name] = name.split(" + ")
    scorer = check_scoring(estimator, scoring)
    seeds = [_seed(random) for _ in range(n_repeats)]
    scores: dict[str, Vector] = {}
    for name, value in activations.items():
        found = np.empty(n_repeats)
        for place, seed in enumerate(seeds):
            model = clone(estimator).set_params(activations=value, random_state=seed)
            found[place] = scorer(model.fit(X, y), X_test, y_test)
        scores[name] = found
    return TypesDisplay(scores, n_types=n_types, score_name=_score_name(estimator, scoring))


class TypesDisplay:
    """Scores of networks with several activations, over seeds. Made by `compare_types`.

    Parameters
    ----------
    scores : mapping of str to array-like of shape (n_repeats,)
        By name. The first is what the others are compared with: the mix.
    n_types : int, default=0
        How many after the first are its types alone.
    score_name : str, default="score"
        For the axis.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes of the boxes.
    figure_ : matplotlib Figure
        Their figure.
    boxes_ : list of matplotlib PathPatch
        One per name, from the top.
    dots_ : list of matplotlib PathCollection
        The single scores of each.

    Raises
    ------
    ValueError
        If there are no scores, or not as many for each.

    See Also
    --------
    compare_types : Train networks with a mix of neuron types, with each type alone, and with usual
        activations.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("agg")
    >>> from sktaskneuron.inspection import TypesDisplay
    >>> display = TypesDisplay({"mix": [0.9, 0.8], "relu": [0.8, 0.7]}).plot()
    >>> [label.get_text() for label in display.ax_.get_yticklabels()]
    ['mix', 'relu']
    """

    n_types: int
    score_name: str
    ax_: Axes
    figure_: Figure | SubFigure
    boxes_: list[PathPatch]
    dots_: list[PathCollection]

    def __init__(
        self,
        scores: Mapping[str, ArrayLike],
        *,
        n_types: int = 0,
        score_name: str = "score",
    ) -> None:
        self.scores: dict[str, FloatArray] = {
            name: np.asarray(v, dtype=np.float64) for name, v in scores.items()
        }
        self.n_types, self.score_name = n_types, score_name
        shapes = {values.shape for values in self.scores.values()}
        if len(shapes) != 1 or len(next(iter(shapes))) != 1 or shapes == {(0,)}:
            raise ValueError(f"scores must hold one or more of the same number each, got {shapes}")

    def gains(self) -> dict[str, tuple[float, float]]:
        """Return by how much the first beats each other, seed by seed.

        Returns
        -------
        gains : dict of str to (float, float)
            Mean of the differences of the scores, and its standard error; NaN for one repeat.
        """
        (_, first), *others = self.scores.items()
        n = len(first)
        found = {}
        for name, values in others:
            difference = first - values
            error = float(difference.std(ddof=1) / np.sqrt(n)) if n > 1 else float("nan")
            found[name] = (float(difference.mean()), error)
        return found

    def plot(self, ax: Axes | None = None) -> TypesDisplay:
        """Draw a box and the single scores for each, the first on top.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None: in a new figure.

        Returns
        -------
        display : TypesDisplay
            Itself.

        Raises
        ------
        MissingDependencyError
            If matplotlib is not installed.
        """
        n = len(self.scores)
        if ax is None:
            ax = new_axes(5.6, 0.42 * n + 0.9)
        self.ax_, self.figure_ = ax, ax.figure
        colours = [BLUE, *[_LIGHT] * self.n_types, *[GREY] * n][:n]
        places = np.arange(n)
        boxes = ax.boxplot(
            list(self.scores.values()),
            orientation="horizontal",
            positions=places,
            widths=0.55,
            patch_artist=True,
            showfliers=False,
            medianprops={"color": "black", "linewidth": 1.5},
            whiskerprops={"color": "0.45"},
            capprops={"color": "0.45"},
            manage_ticks=False,
        )
        self.boxes_, self.dots_ = boxes["boxes"], []
        drawn = zip(self.boxes_, colours, self.scores.values(), strict=True)
        for place, (box, colour, values) in enumerate(drawn):
            box.set(facecolor=colour, edgecolor="none", alpha=0.75)
            # dots of one seed stand at one height in all boxes
            shift = np.linspace(-0.14, 0.14, len(values)) if len(values) > 1 else np.zeros(1)
            self.dots_.append(
                ax.scatter(
                    values, place + shift, s=9, color="0.15", alpha=0.6, linewidths=0, zorder=4
                )
            )
        first = float(np.median(next(iter(self.scores.values()))))
        ax.axvline(first, color=BLUE, linewidth=0.9, linestyle=(0, (4, 3)), zorder=0)
        ax.set_yticks(places, [plain(name) for name in self.scores])
        ax.set_ylim(n - 0.45, -0.55)
        ax.tick_params(axis="y", length=0)
        ax.set_xlabel(self.score_name)
        no_frame(ax)
        ax.spines["left"].set_visible(False)
        return self


def _mix_of(
    estimator: BaseEstimator, X: TableLike, y: TargetLike, random: np.random.Generator
) -> Activations:
    """Return the activations of the mix, as the parameter `activations` takes them."""
    try:
        check_is_fitted(estimator)
        learned = list(estimator.learned_)
    except NotFittedError:
        learned = []
    given = estimator.activations
    if not learned and given is not None:
        return list(given) if isinstance(given, tuple) else given
    if not learned:
        learner = clone(estimator).set_params(compare=False, random_state=_seed(random))
        learned = list(learner.fit(X, y).learned_)
    return learned[0] if len(learned) == 1 else learned


def _seed(random: np.random.Generator) -> int:
    return int(random.integers(2**31))


def _pure_types(mix: Activations) -> dict[str, Activations]:
    """Return the types of a mix alone, by name; none if it has but one."""
    from sktaskneuron.nn import ActivationSet

    if isinstance(mix, str):
        return {}
    if isinstance(mix, ActivationSet):
        return _named_types([mix], single=True)
    sets = [item for item in mix if isinstance(item, ActivationSet)]
    if len(sets) == len(mix):
        return _named_types(sets, single=False)
    return {item: item for item in mix if isinstance(item, str)} if len(mix) > 1 else {}


def _named_types(sets: Sequence[ActivationSet], *, single: bool) -> dict[str, Activations]:
    """Return each type of the sets alone, one set or one per layer."""
    n_types = min(map(len, sets))
    if n_types == 1:
        return {}
    found: dict[str, Activations] = {}
    for place in range(n_types):
        types = [one[place] for one in sets]
        found[sets[0].names[place]] = types[0] if single else types
    return found


def _name_of(mix: Activations) -> str:
    if isinstance(mix, str):
        return mix
    return mix[0] if isinstance(mix, list) and isinstance(mix[0], str) else "learned"


def _score_name(estimator: BaseEstimator, scoring: str | Scorer | None) -> str:
    if isinstance(scoring, str):
        return scoring.replace("_", " ")
    if scoring is not None:
        return "score"
    return "test accuracy" if is_classifier(estimator) else "test R²"
