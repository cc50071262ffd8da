"""Tables of the tabular benchmark: the bundled ones and any folder with a manifest."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.model_selection import KFold, StratifiedKFold, train_test_split

from sktaskneuron.datasets import load_airfoil, load_concrete, load_yacht

BUNDLED: dict[str, tuple[str, Callable[..., Any]]] = {
    "diabetes": ("regression", load_diabetes),
    "airfoil": ("regression", load_airfoil),
    "concrete": ("regression", load_concrete),
    "yacht": ("regression", load_yacht),
    "breast_cancer": ("classification", load_breast_cancer),
    "digits": ("classification", load_digits),
}

Folds = list[tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Table:
    """A table as every model gets it.

    ``X`` of shape (n_rows, n_columns) holds floats and pandas categories, missing values left as
    they are; ``y`` of shape (n_rows,) is float (regression) or the number of the class.
    """

    name: str
    task: str
    X: pd.DataFrame
    y: np.ndarray

    @property
    def classes(self) -> bool:
        return self.task == "classification"


def _manifest(folder: Path) -> dict[str, dict[str, str]]:
    with (folder / "MANIFEST.csv").open(newline="", encoding="utf-8") as file:
        return {row["name"]: row for row in csv.DictReader(file)}


def table_names(data: str) -> list[str]:
    """Names of the tables of ``--data``, in its order."""
    return list(BUNDLED) if data == "bundled" else list(_manifest(Path(data)))


def load_table(data: str, name: str, max_rows: int | None, seed: int) -> Table:
    """Read a table; of more than ``max_rows`` rows a sample, in proportion to the classes."""
    if data == "bundled":
        task, load = BUNDLED[name]
        X, target = load(return_X_y=True, as_frame=True)
    else:
        entry = _manifest(Path(data))[name]
        task = entry["task"]
        X, target = _read(Path(data) / entry["file"], entry["target"])
    if task == "classification":
        y = np.unique(target.astype(str), return_inverse=True)[1]
    else:
        y = target.to_numpy(dtype=float)
    for column in X.columns:
        number = pd.api.types.is_numeric_dtype(X[column])
        X[column] = X[column].astype(float if number else "category")
    if max_rows is not None and len(X) > max_rows:
        rows, _ = train_test_split(
            np.arange(len(X)),
            train_size=max_rows,
            random_state=seed,
            stratify=y if task == "classification" else None,
        )
        X, y = X.iloc[rows].reset_index(drop=True), y[rows]
    return Table(name, task, X, y)


def _read(path: Path, target: str) -> tuple[pd.DataFrame, pd.Series]:
    if path.suffix == ".npz":
        with np.load(path) as arrays:
            x = np.vstack([arrays["x"], arrays["x_test"]])
            y = np.concatenate([arrays["y"], arrays["y_test"]])
        return pd.DataFrame(x, columns=[f"x{i}" for i in range(x.shape[1])]), pd.Series(y)
    frame = pd.read_parquet(path)
    y = frame.pop(target)
    return frame, y


def make_folds(table: Table, n_folds: int, seed: int) -> Folds:
    """Training and test rows of shuffled folds, with the classes in proportion."""
    splitter = StratifiedKFold if table.classes else KFold
    folds = splitter(n_folds, shuffle=True, random_state=seed)
    return list(folds.split(table.X, table.y))
