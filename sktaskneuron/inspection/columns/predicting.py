"""What predicts in a fitted estimator."""

from __future__ import annotations

from sktaskneuron._typing import TableLike
from sktaskneuron.estimators.fitted import TableEstimator, fitted_value
from sktaskneuron.inspection.checks import check_fitted
from sktaskneuron.models.inputs import Inputs
from sktaskneuron.models.predictor import Predictor


def read_table(model: object, X: TableLike) -> tuple[Predictor, Inputs, str]:
    """Return what predicts, the rows as it reads them, and the device that it runs on.

    Raises
    ------
    NotFittedError
        If the estimator is not fitted.
    TypeError
        If it is none that reads tables.
    ValueError
        If X has other columns than in fit, or no rows.
    """
    check_fitted(model)
    if isinstance(model, TableEstimator):
        predictor = getattr(fitted_value(model), "predictor", None)
        if isinstance(predictor, Predictor):
            return predictor, predictor.reader.read(X, model), getattr(model, "device", "cpu")
    raise TypeError(
        f"{type(model).__name__} is no estimator of this package that reads tables: give a "
        "fitted NeuronSeek, LearnedDiversity, ActivationSearch or NeuronFormulaSearch"
    )
