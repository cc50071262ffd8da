"""Bars of how far predictions move with each column."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils.validation import _check_feature_names_in

from sktaskneuron._typing import FloatArray, TableLike
from sktaskneuron.inspection.columns.importances import feature_importances
from sktaskneuron.inspection.drawing import BLUE, abbreviated, new_axes, no_frame, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.container import BarContainer
    from matplotlib.figure import Figure, SubFigure
    from sklearn.base import BaseEstimator

# Letters of a column's name.
_NAME_WIDTH = 28


class FeatureImportanceDisplay:
    """Bars of importances, the longest at the top.

    It is made by `from_estimator`.

    Parameters
    ----------
    importances : array-like of shape (n_features,)
        Length of the bars.
    feature_names : sequence of str of length n_features
        Names beside them.
    unit : str, default="units of the target"
        What the importances are counted in.

    Attributes
    ----------
    figure_ : matplotlib Figure
        Figure of the bars.
    ax_ : matplotlib Axes
        Axes of the bars.
    bars_ : matplotlib BarContainer
        The bars, from the top.

    Raises
    ------
    ValueError
        If there are not as many names as importances.

    See Also
    --------
    feature_importances : Compute how much predictions change with each column.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("agg")
    >>> import numpy as np
    >>> from sktaskneuron import NeuronFormulaSearch
    >>> from sktaskneuron.inspection import FeatureImportanceDisplay
    >>> X = np.random.default_rng(0).normal(size=(400, 3))
    >>> search = NeuronFormulaSearch().fit(X, 2 * X[:, 0] + X[:, 1])
    >>> display = FeatureImportanceDisplay.from_estimator(search)
    >>> [text.get_text() for text in display.ax_.get_yticklabels()]
    ['x0', 'x1', 'x2']
    """

    bars_: BarContainer
    ax_: Axes
    figure_: Figure | SubFigure

    def __init__(
        self,
        importances: ArrayLike,
        feature_names: Sequence[str],
        unit: str = "units of the target",
    ) -> None:
        self.importances: FloatArray = np.asarray(importances, dtype=np.float64)
        self.feature_names: list[str] = [str(name) for name in feature_names]
        self.unit = unit
        if self.importances.shape != (len(self.feature_names),):
            raise ValueError(
                f"importances of the shape {self.importances.shape} need as many names, got "
                f"{len(self.feature_names)}"
            )

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        X: TableLike | None = None,
        *,
        max_features: int = 20,
        ax: Axes | None = None,
    ) -> FeatureImportanceDisplay:
        """Compute importances and draw them.

        Parameters
        ----------
        estimator : estimator
            Fitted, as `feature_importances` takes it.
        X : table or array-like of shape (n_samples, n_features), default=None
            Rows at which to look. None: the training rows.
        max_features : int, default=20
            Bars at most: those of the largest importances.
        ax : matplotlib Axes, default=None
            Axes to draw in; None: a new figure.

        Returns
        -------
        display : FeatureImportanceDisplay
            Drawn.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        TypeError
            If it is no estimator of the package that reads tables.
        ValueError
            If X has other columns than in fit, or no rows.
        MissingDependencyError
            If matplotlib is not installed.
        """
        importances = feature_importances(estimator, X)
        names = _check_feature_names_in(estimator, None)
        n_outputs = getattr(estimator, "n_outputs_", 1)
        unit = "units of the target" if n_outputs == 1 else "standard deviations of the targets"
        display = cls(importances, names, "probability" if hasattr(estimator, "classes_") else unit)
        return display.plot(ax, max_features=max_features)

    def plot(self, ax: Axes | None = None, *, max_features: int = 20) -> FeatureImportanceDisplay:
        """Draw the bars.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw in; None: a new figure.
        max_features : int, default=20
            Bars at most: those of the largest importances.

        Returns
        -------
        display : FeatureImportanceDisplay
            Itself.

        Raises
        ------
        MissingDependencyError
            If matplotlib is not installed.
        """
        order = np.argsort(-self.importances, kind="stable")[:max_features]
        if ax is None:
            ax = new_axes(5.6, 0.9 + 0.28 * len(order))
        places = np.arange(len(order))
        self.bars_ = ax.barh(places, self.importances[order], color=BLUE, height=0.7)
        names = [plain(abbreviated(self.feature_names[place], _NAME_WIDTH)) for place in order]
        ax.set_yticks(places, names)
        ax.invert_yaxis()
        ax.set(xlabel=f"movement of the prediction, in {self.unit}")
        ax.bar_label(self.bars_, fmt="{:.3g}", padding=3, fontsize="small", color="0.35")
        ax.margins(x=0.12)
        ax.tick_params(labelsize="small")
        no_frame(ax)
        self.ax_, self.figure_ = ax, ax.figure
        return self
