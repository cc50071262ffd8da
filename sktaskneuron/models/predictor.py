"""The way of a table to a prediction: read, evaluate, decode."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from sklearn.base import BaseEstimator

from sktaskneuron._typing import AnyArray, Matrix, TableLike
from sktaskneuron.models.fitted import FittedModel, on_device
from sktaskneuron.models.inputs import Inputs, Scaler, View
from sktaskneuron.models.target import Target
from sktaskneuron.preprocessing import SignalEncoder, TableEncoder


@dataclass(frozen=True, eq=False)
class Reader:
    """How new rows are read.

    Parameters
    ----------
    encoder : TableEncoder or SignalEncoder
        Fitted.
    bounds : ndarray of shape (2, n_columns)
        Values beyond are taken for these: equations stay finite there.
    scalers : dict of view to transformer
        From raw units to what networks see.
    reads_levels : bool
        Whether networks see the levels of columns with many of them; else the frequent ones alone.
    learning_bounds : ndarray of shape (2, n_columns) or None
        The wider ones of rows to learn from; None where they are the same.
    """

    encoder: TableEncoder | SignalEncoder
    bounds: Matrix
    scalers: Mapping[View, Scaler]
    reads_levels: bool = True
    learning_bounds: Matrix | None = None

    @property
    def bounds_to_learn(self) -> Matrix:
        """Bounds of rows that a fitted model learns from."""
        return self.bounds if self.learning_bounds is None else self.learning_bounds

    def near(self, bounds: Matrix) -> Reader:
        """Return one that reads new rows near those learned from: these, and all before."""
        if self.learning_bounds is None:
            return replace(self, bounds=bounds, learning_bounds=self.bounds)
        low = np.minimum(self.bounds[0], bounds[0])
        return replace(self, bounds=np.stack([low, np.maximum(self.bounds[1], bounds[1])]))

    def read(self, X: TableLike, owner: BaseEstimator) -> Inputs:
        """Read rows of a table.

        Parameters
        ----------
        X : table of shape (n_rows, n_features)
        owner : estimator
            The fitted one that predicts: it checks the columns, and messages name it.
        """
        matrix, codes = self.encoder.transform_with_codes(X, owner)
        return self.inputs(np.clip(matrix, *self.bounds, out=matrix), codes)

    def inputs(self, matrix: Matrix, codes: Matrix) -> Inputs:
        """Return encoded rows as models see them.

        Parameters
        ----------
        matrix : ndarray of shape (n_rows, n_columns)
        codes : ndarray of shape (n_rows, n_large)
        """
        levels = tuple(self.encoder.n_levels_)
        if not self.reads_levels:
            codes, levels = codes[:, :0], ()
        return Inputs(matrix, codes, self.scalers, self.n_numeric, levels)

    @property
    def n_numeric(self) -> int:
        """Number of numeric columns."""
        return int((~self.encoder.indicator_).sum())

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the encoded columns."""
        return tuple(str(name) for name in self.encoder.get_feature_names_out())

    def attributes(self) -> dict[str, object]:
        """Return what estimators show of it."""
        shown: dict[str, object] = {
            "encoder_": self.encoder,
            "n_features_in_": self.encoder.n_features_in_,
        }
        if hasattr(self.encoder, "feature_names_in_"):
            shown["feature_names_in_"] = self.encoder.feature_names_in_
        if "robust" in self.scalers:
            shown["scaler_"] = self.scalers["robust"]
        if "ranks" in self.scalers:
            shown["rank_scaler_"] = self.scalers["ranks"]
        return shown


@dataclass(frozen=True, eq=False)
class Predictor:
    """A model with the way to it and the way back.

    Parameters
    ----------
    reader : Reader
    target : ValueTarget or ClassTarget
    model : FittedModel
    """

    reader: Reader
    target: Target
    model: FittedModel

    def raw(self, X: TableLike, owner: BaseEstimator, device: str) -> Matrix:
        """Return raw outputs, (n_rows, n_outputs).

        The device is not that of fit: a model that was trained on a GPU may be used without one.
        """
        return on_device(self.model, device).predict_raw(self.reader.read(X, owner))

    def predict(self, X: TableLike, owner: BaseEstimator, device: str) -> AnyArray:
        """Return values or labels, (n_rows,) or (n_rows, n_outputs)."""
        return self.target.decoded(self.raw(X, owner, device))

    def attributes(self) -> dict[str, object]:
        """Return what estimators show of it."""
        return self.reader.attributes() | self.target.attributes()
