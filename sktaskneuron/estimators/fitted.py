"""What a fit leaves behind: one value, put on the estimator in one assignment at the end.

An estimator writes nothing on itself while it fits. It makes a frozen value by functions that know
settings and data alone, and :func:`put_on` gives it this value and the public attributes that
follow from it. So a fit that fails, wherever it fails, leaves the estimator as it was.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from os import PathLike
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.callback import CallbackSupportMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from sktaskneuron._seeds import draw_seed
from sktaskneuron._typing import CategoricalFeatures, Vector
from sktaskneuron.exceptions import TimeLimitWarning
from sktaskneuron.models.predictor import Predictor

if TYPE_CHECKING:
    from onnx import ModelProto
    from torch import nn

    from sktaskneuron.deploy.onnx import Program

E = TypeVar("E", bound=BaseEstimator)

#: Of the fitted state in a file. It rises with every change that older files do not survive.
FORMAT = 7

# Where the value stands among an estimator's attributes, and the format in its pickled state.
_VALUE, _FORMAT = "_fitted", "_format"


class Shown(Protocol):
    """What a fit leaves behind, as a value."""

    def attributes(self) -> Mapping[str, object]:
        """Return the public attributes, those that end with an underscore."""


class Fitted(Shown, Protocol):
    """A fitted estimator of tables, which can be written for other programs."""

    def program(self, one_tensor: bool) -> Program:
        """Return the way of a table to the answer as an ONNX graph."""

    def module(self) -> nn.Module:
        """Return the way of encoded columns to the answer as a torch module."""


@dataclass(frozen=True, eq=False)
class FittedPredictor:
    """What predicts. In training it is all that there is yet.

    Parameters
    ----------
    predictor : Predictor
    left_out : tuple of str
        For want of time, in words.
    importances : ndarray of shape (n_features_in,) or None
        Of the columns, on the training rows; None where nothing predicts or not yet.
    """

    predictor: Predictor
    left_out: tuple[str, ...] = field(default=(), kw_only=True)
    importances: Vector | None = field(default=None, kw_only=True)

    def attributes(self) -> dict[str, object]:
        """Return the public attributes."""
        shown = self.predictor.attributes() | {"left_out_": self.left_out}
        return shown | shown_importances(self.importances)

    def program(self, one_tensor: bool) -> Program:
        """Return the way of a table to the answer as an ONNX graph."""
        from sktaskneuron.deploy.onnx import predictor_program

        return predictor_program(self.predictor, one_tensor=one_tensor)

    def module(self) -> nn.Module:
        """Return the way of encoded columns to the answer as a torch module."""
        from sktaskneuron.deploy.torch_module import predictor_module

        return predictor_module(self.predictor)


def shown_importances(importances: Vector | None) -> dict[str, object]:
    """Return the public attribute, which is not there where there are none."""
    return {} if importances is None else {"feature_importances_": importances}


class TableEstimator(CallbackSupportMixin, BaseEstimator):
    """What all estimators are: fitted whole or not at all, and readers of tables."""

    categorical_features: CategoricalFeatures
    _fitted: Any

    def __sklearn_is_fitted__(self) -> bool:
        return _VALUE in vars(self)

    def __getstate__(self) -> dict[str, Any]:
        return super().__getstate__() | {_FORMAT: FORMAT}

    def __setstate__(self, state: dict[str, Any]) -> None:
        found = state.get(_FORMAT) if isinstance(state, dict) else None
        if found != FORMAT:
            raise ValueError(
                f"this {type(self).__name__} was saved in format {found!r}, and this version of "
                f"sktaskneuron reads format {FORMAT}: fit it again, or load it with the version "
                "that saved it"
            )
        super().__setstate__({name: value for name, value in state.items() if name != _FORMAT})

    def to_onnx(
        self, path: str | PathLike[str] | None = None, *, one_tensor: bool = False
    ) -> ModelProto:
        """Return the whole way from a raw table to the answer as one ONNX model.

        Parameters
        ----------
        path : str or path, default=None
            Where to write it too. Numbers of more than 2 GiB go to a file beside it.
        one_tensor : bool, default=False
            False: one input of shape (n_samples, 1) per column, under the column's name: texts for
            categories, with "" for a gap, else float64, with NaN for a gap; dates are seconds since
            1970-01-01, in UTC if they have a time zone, durations and times of day are seconds.
            True: one float64 input "X" of shape (n_samples, n_features), for tables of numbers.

        Returns
        -------
        model : onnx.ModelProto
            Checked. Its outputs are named after the methods whose answers they are: "predict", of
            classes also "predict_proba", of a transformer "transform".

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        AttributeError
            If it was fitted without a model that predicts.
        MissingDependencyError
            If onnx is not installed.
        ValueError
            If a column's name or level cannot stand in the graph; if ``one_tensor`` and a column
            holds texts; if the model is larger than 2 GiB and there is no path; if a companion
            takes part in the prediction.
        """
        from sktaskneuron.deploy.onnx import write_model

        program = fitted_value(self).program(one_tensor)
        return write_model(program, type(self).__name__, path)

    def to_torch(self) -> nn.Module:
        """Return the way from encoded columns to the answer as a torch module.

        Returns
        -------
        module : torch.nn.Module
            On the CPU, in evaluation mode; `torch.export` takes it. It maps a float64 tensor of
            shape (n_samples, n_encoded) to what `predict` returns, of classes to what
            `predict_proba` returns, of a transformer to what `transform` returns. The columns are
            those of ``encoder_.transform(X)`` and, beside them, of ``encoder_.level_codes(X)``; of
            an estimator without an ``encoder_`` those of X.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        AttributeError
            If it was fitted without a model that predicts.
        ValueError
            If a companion takes part in the prediction.
        """
        module: nn.Module = fitted_value(self).module()
        return module

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        tags.input_tags.string = self.categorical_features is not None
        return tags


def fitted_value(estimator: BaseEstimator) -> Any:
    """Return what a fit left behind.

    Raises
    ------
    NotFittedError
        If the estimator is not fitted.
    """
    if _VALUE not in vars(estimator):
        check_is_fitted(estimator)  # which raises
    return vars(estimator)[_VALUE]


def reconstruction(fitted: Shown) -> dict[str, object]:
    """Return the attributes that make an estimator a fitted one."""
    return {_VALUE: fitted, **fitted.attributes()}


def told(estimator: TableEstimator, fitted: Any, left_out: Sequence[str]) -> Any:
    """Return what a fit leaves behind with what it left out for want of time; warn of that.

    Warns
    -----
    TimeLimitWarning
        If it left out anything.
    """
    if not left_out:
        return fitted
    warnings.warn(
        f"{type(estimator).__name__} ran out of its time_limit and left out: "
        f"{'; '.join(left_out)}. Raise time_limit for these",
        TimeLimitWarning,
        stacklevel=4,  # the caller of fit, past the checks of parameters
    )
    return replace(fitted, left_out=tuple(left_out))


def put_on(estimator: E, fitted: Shown) -> E:
    """Make an estimator a fitted one, in one assignment; nothing of a former fit stays.

    Its ``random_state``, if it is a stream, goes on by the seed that the fit took.
    """
    state = vars(estimator)
    if isinstance(state.get("random_state"), np.random.RandomState):
        draw_seed(state["random_state"])
    return exchange(estimator, fitted)


def exchange(estimator: E, fitted: Shown) -> E:
    """Put another value in the place of what is fitted, in one assignment; no fit took place."""
    state = vars(estimator)
    former = reconstruction(state[_VALUE]) if _VALUE in state else {}
    kept = {name: value for name, value in state.items() if name not in former}
    estimator.__dict__ = kept | reconstruction(fitted)
    return estimator
