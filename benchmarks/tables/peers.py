"""The models of the tabular benchmark, each at the defaults of its package.

Every model is fitted on the same data frame. What its users would do to that frame first is part of
the model: medians, standard scores and one-hot columns for ridge regression and plain networks,
nothing for models that take categories and missing values themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor, make_column_selector
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.feature_selection import VarianceThreshold
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegressionCV, RidgeCV
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    OneHotEncoder,
    PolynomialFeatures,
    SplineTransformer,
    StandardScaler,
)


@dataclass(frozen=True)
class Setting:
    """What a model is told of the run."""

    classes: bool
    seed: int
    threads: int
    device: str = "cpu"  # of pytabkit's models


# -- preprocessing ---------------------------------------------------------------------------------

NUMBERS = make_column_selector(dtype_include="number")
CATEGORIES = make_column_selector(dtype_include="category")


def dense(*steps: Any, on_numbers: tuple[Any, ...] = ()) -> Any:
    """Pipeline of ``steps`` on medians, standard scores and one-hot columns."""
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler(), *on_numbers)
    one_hot = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    columns = ColumnTransformer([("numbers", numbers, NUMBERS), ("one_hot", one_hot, CATEGORIES)])
    return make_pipeline(columns, VarianceThreshold(), *steps)


def standard_target(setting: Setting, model: Any) -> Any:
    """Let a regressor learn the standard scores of the target."""
    if setting.classes:
        return model
    return TransformedTargetRegressor(model, transformer=StandardScaler())


# -- scikit-learn ----------------------------------------------------------------------------------


def dummy(setting: Setting) -> Any:
    return DummyClassifier() if setting.classes else DummyRegressor()


def penalised(setting: Setting) -> Any:
    if setting.classes:
        return LogisticRegressionCV(
            scoring="neg_log_loss", max_iter=1000, use_legacy_attributes=False
        )
    return RidgeCV(np.logspace(-3, 3, 13))


def ridge(setting: Setting) -> Any:
    return dense(penalised(setting))


def ridge_degree_2(setting: Setting) -> Any:
    products = PolynomialFeatures(2, include_bias=False)
    return dense(products, VarianceThreshold(), StandardScaler(), penalised(setting))


def additive_splines(setting: Setting) -> Any:
    splines = SplineTransformer(n_knots=8, knots="quantile")
    return dense(StandardScaler(), penalised(setting), on_numbers=(splines,))


def mlp(setting: Setting, **options: Any) -> Any:
    model = (MLPClassifier if setting.classes else MLPRegressor)(
        random_state=setting.seed, **options
    )
    return standard_target(setting, dense(model))


def mlp_early_stopping(setting: Setting) -> Any:
    return mlp(setting, early_stopping=True)


def hist_gradient_boosting(setting: Setting) -> Any:
    model = HistGradientBoostingClassifier if setting.classes else HistGradientBoostingRegressor
    return model(random_state=setting.seed)


# -- gradient boosting of other packages -----------------------------------------------------------


def lightgbm(setting: Setting) -> Any:
    from lightgbm import LGBMClassifier, LGBMRegressor

    model = LGBMClassifier if setting.classes else LGBMRegressor
    return model(random_state=setting.seed, n_jobs=setting.threads, verbose=-1)


def xgboost(setting: Setting) -> Any:
    from xgboost import XGBClassifier, XGBRegressor

    model = XGBClassifier if setting.classes else XGBRegressor
    return model(random_state=setting.seed, n_jobs=setting.threads, enable_categorical=True)


class ToldCategories(BaseEstimator):
    """A model that `fit` tells which columns are categories, which it wants as strings."""

    def __init__(self, model: Any) -> None:
        self.model = model

    @staticmethod
    def _strings(X: pd.DataFrame) -> pd.DataFrame:
        texts = {c: X[c].astype(object).fillna("missing").astype(str) for c in CATEGORIES(X)}
        return X.assign(**texts)

    def fit(self, X: pd.DataFrame, y: np.ndarray) -> ToldCategories:
        self.model.fit(self._strings(X), y, cat_features=CATEGORIES(X) or None)
        return self

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        return self.model.predict(self._strings(X))

    def predict_proba(self, X: pd.DataFrame) -> np.ndarray:
        return self.model.predict_proba(self._strings(X))


def catboost(setting: Setting) -> Any:
    # here, because the first fit would time the import
    from catboost import CatBoostClassifier, CatBoostRegressor

    model = CatBoostClassifier if setting.classes else CatBoostRegressor
    return ToldCategories(
        model(
            random_seed=setting.seed,
            thread_count=setting.threads,
            allow_writing_files=False,
            verbose=False,
        )
    )


def chimeraboost(setting: Setting) -> Any:
    from chimeraboost import ChimeraBoostClassifier, ChimeraBoostRegressor

    model = ChimeraBoostClassifier if setting.classes else ChimeraBoostRegressor
    return ToldCategories(model(random_state=setting.seed, thread_count=setting.threads))


def perpetual(setting: Setting) -> Any:
    from perpetual.sklearn import PerpetualClassifier, PerpetualRegressor

    model = PerpetualClassifier if setting.classes else PerpetualRegressor
    return model(seed=setting.seed, num_threads=setting.threads)


# -- other models ----------------------------------------------------------------------------------


def explainable_boosting(setting: Setting) -> Any:
    from interpret.glassbox import ExplainableBoostingClassifier, ExplainableBoostingRegressor

    model = ExplainableBoostingClassifier if setting.classes else ExplainableBoostingRegressor
    return model(random_state=setting.seed, n_jobs=setting.threads)


def _pytabkit(setting: Setting, name: str, **options: Any) -> Any:
    """A model of pytabkit; it takes categories, and numbers without gaps."""
    import pytabkit

    model = getattr(pytabkit, name + ("_Classifier" if setting.classes else "_Regressor"))
    medians = ColumnTransformer(
        [("medians", SimpleImputer(strategy="median"), NUMBERS)],
        remainder="passthrough",
        verbose_feature_names_out=False,
    ).set_output(transform="pandas")
    return make_pipeline(
        medians,
        model(
            device=setting.device,
            random_state=setting.seed,
            n_threads=setting.threads,
            **options,
        ),
    )


def realmlp(setting: Setting) -> Any:
    import torch._dynamo  # noqa: F401  (as for neuronseek)

    return _pytabkit(setting, "RealMLP_TD")


def realmlp_cross_entropy(setting: Setting) -> Any:
    """RealMLP set for log loss: its epoch by cross-entropy, labels not smoothed."""
    import torch._dynamo  # noqa: F401

    options = {"val_metric_name": "cross_entropy", "use_ls": False} if setting.classes else {}
    return _pytabkit(setting, "RealMLP_TD", **options)


def xrfm(setting: Setting) -> Any:
    return _pytabkit(setting, "XRFM_D")


def tabm(setting: Setting) -> Any:
    return _pytabkit(setting, "TabM_D")


class KAN(RegressorMixin, BaseEstimator):
    """pykan's network of its examples: one hidden layer of five nodes, L-BFGS."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting

    def fit(self, X: np.ndarray, y: np.ndarray) -> KAN:
        import torch
        from kan import KAN as Network

        inputs = torch.tensor(X, dtype=torch.float32)
        if self.setting.classes:
            self.classes_ = np.unique(y)
            outputs, loss = len(self.classes_), torch.nn.CrossEntropyLoss()
            target = torch.tensor(y, dtype=torch.long)
        else:
            outputs, loss = 1, None
            target = torch.tensor(y, dtype=torch.float32).reshape(-1, 1)
        self.network_ = Network(
            [X.shape[1], 5, outputs],
            seed=self.setting.seed,
            symbolic_enabled=False,
            save_act=False,
            auto_save=False,
        )
        few = slice(0, 2)  # pykan asks for test rows, only to report their loss
        rows = {
            "train_input": inputs,
            "train_label": target,
            "test_input": inputs[few],
            "test_label": target[few],
        }
        self.network_.fit(rows, loss_fn=loss)
        return self

    def _outputs(self, X: np.ndarray) -> Any:
        import torch

        with torch.no_grad():
            return self.network_(torch.tensor(X, dtype=torch.float32))

    def predict(self, X: np.ndarray) -> np.ndarray:
        return self._outputs(X)[:, 0].numpy()

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        return self._outputs(X).softmax(dim=1).numpy()


class TNLearn(RegressorMixin, BaseEstimator):
    """tnlearn's two steps: search a neuron by tensor decomposition, train a network of it."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting

    def fit(self, X: np.ndarray, y: np.ndarray) -> TNLearn:
        import tnlearn

        task = "classification" if self.setting.classes else "regression"
        # its functions take 0 for "no seed"
        seed = self.setting.seed + 1
        search = tnlearn.PolyTensorRegressor(task_type=task, random_state=seed)
        search.fit(X, y)
        self.formula_ = str(search.neuron)
        model = tnlearn.MLPClassifier if self.setting.classes else tnlearn.MLPRegressor
        self.model_ = model(search.neuron, random_state=seed)
        self.model_.fit(X, y)
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:
        return np.ravel(self.model_.predict(X))

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        import torch

        self.model_.net.eval()
        with torch.no_grad():
            return self.model_.net(torch.tensor(X, dtype=torch.float32)).softmax(dim=1).numpy()


class AutoGluon(RegressorMixin, BaseEstimator):
    """AutoGluon's models of its light setting, and the weighted ensemble of them."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting

    def fit(self, X: pd.DataFrame, y: np.ndarray) -> AutoGluon:
        from autogluon.tabular import TabularPredictor

        target, kind, metric = "target of the table", "regression", "root_mean_squared_error"
        if self.setting.classes:
            self.classes_, metric = np.unique(y), "log_loss"
            kind = "binary" if len(self.classes_) == 2 else "multiclass"
        self.folder_ = TemporaryDirectory()
        self.predictor_ = TabularPredictor(
            target,
            problem_type=kind,
            eval_metric=metric,
            path=self.folder_.name,
            verbosity=0,
            learner_kwargs={"random_state": self.setting.seed},
        )
        threads = self.setting.threads
        self.predictor_.fit(
            X.assign(**{target: y}), hyperparameters="light", num_cpus=threads, num_gpus=0
        )
        return self

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        return self.predictor_.predict(X, as_pandas=False)

    def predict_proba(self, X: pd.DataFrame) -> np.ndarray:
        return self.predictor_.predict_proba(X, as_pandas=False)


def autogluon(setting: Setting) -> Any:
    import autogluon.tabular  # noqa: F401  (the first fit would time the import)

    return AutoGluon(setting)


def kan(setting: Setting) -> Any:
    import kan  # noqa: F401  (the first fit would time the import)

    return standard_target(setting, dense(KAN(setting)))


def tnlearn(setting: Setting) -> Any:
    import tnlearn  # noqa: F401  (the first fit would time the import)

    return standard_target(setting, dense(TNLearn(setting)))


def neuronseek(setting: Setting) -> Any:
    import skorch  # noqa: F401  (the first fit would time the imports)
    import sympy  # noqa: F401
    import torch._dynamo  # noqa: F401  (what torch's optimisers load when first built)

    from sktaskneuron import NeuronSeekClassifier, NeuronSeekRegressor

    return (NeuronSeekClassifier if setting.classes else NeuronSeekRegressor)(
        random_state=setting.seed
    )


MODELS: dict[str, Callable[[Setting], Any]] = {
    "neuronseek": neuronseek,
    "dummy": dummy,
    "ridge": ridge,
    "ridge2": ridge_degree_2,
    "gam": additive_splines,
    "mlp": mlp,
    "mlp_es": mlp_early_stopping,
    "hgb": hist_gradient_boosting,
    "lgbm": lightgbm,
    "xgb": xgboost,
    "catboost": catboost,
    "ebm": explainable_boosting,
    "realmlp": realmlp,
    "realmlp_ce": realmlp_cross_entropy,
    "xrfm": xrfm,
    "chimeraboost": chimeraboost,
    "perpetual": perpetual,
    "tabm": tabm,
    "autogluon": autogluon,
    "kan": kan,
    "tnlearn": tnlearn,
}

# The distribution a model comes from, for the note of its rows; scikit-learn if none is named.
PACKAGES = {
    "neuronseek": "sktaskneuron",
    "lgbm": "lightgbm",
    "xgb": "xgboost-cpu",
    "catboost": "catboost",
    "ebm": "interpret-core",
    "realmlp": "pytabkit",
    "realmlp_ce": "pytabkit",
    "xrfm": "xrfm",
    "chimeraboost": "chimeraboost",
    "perpetual": "perpetual",
    "tabm": "pytabkit",
    "autogluon": "autogluon.tabular",
    "kan": "pykan",
    "tnlearn": "tnlearn",
}
