"""Data of the benchmark of activation search: tables, functions of shells, tails of tables."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import Any

import numpy as np
from sklearn.datasets import make_friedman1
from sklearn.preprocessing import StandardScaler
from tables.data import Table, load_table

from sktaskneuron.estimators.activation_search.tails import tail_split
from sktaskneuron.preprocessing import TableEncoder

Array = np.ndarray
SEED = 0

# -- tables ----------------------------------------------------------------------------------------

#: The last two are read from --data.
SETS = ("diabetes", "friedman1", "digits", "vehicle", "diamonds")
_FROM_DATA = {"vehicle": 1_000, "diamonds": 2_500}


def sets_of(data: str | None) -> list[str]:
    return [name for name in SETS if data is not None or name not in _FROM_DATA]


def load_set(name: str, data: str | None) -> Table:
    """A table of the studies `choice` and `surrogate`; regression targets are standardised."""
    if name == "friedman1":
        import pandas as pd

        X, y = make_friedman1(1_200, noise=1.0, random_state=SEED)
        table = Table(name, "regression", pd.DataFrame(X).add_prefix("x"), y)
    elif name in _FROM_DATA:
        table = load_table(str(data), name, _FROM_DATA[name], SEED)
    else:
        table = load_table("bundled", name, None, SEED)
    if table.classes:
        return table
    return Table(name, table.task, table.X, (table.y - table.y.mean()) / table.y.std())


# -- shells ----------------------------------------------------------------------------------------

FAMILIES = ("polynomial", "harmonic", "rational")
N_CUBE, N_NEAR, N_FAR = 480, 120, 1_000
#: Shells of the ball around the cube: the near one begins where the cube's corners end.
NEAR, FAR = (3**0.5, 2.1), (2.1, 2.5)


@dataclass(frozen=True, eq=False)
class Shells:
    """Rows of a function of three inputs; the targets have variance 1 on the training rows.

    X, y : the cube [-1, 1]^3 and, in the last rows, the near shell.
    X_far, y_far : the far shell.
    """

    X: Array
    y: Array
    X_far: Array
    y_far: Array


def draw_shells(family: str, number: int, seed: int) -> Shells:
    """Rows of a function; the function depends on its number only, the rows on the seed too."""
    function = draw_function(family, number)
    rng = np.random.default_rng([seed, number, FAMILIES.index(family)])
    X = np.vstack([rng.uniform(-1, 1, (N_CUBE, 3)), _shell(rng, N_NEAR, *NEAR)])
    X_far = _shell(rng, N_FAR, *FAR)
    y, y_far = function(X), function(X_far)
    return Shells(X, (y - y.mean()) / y.std(), X_far, (y_far - y.mean()) / y.std())


def draw_function(family: str, number: int) -> Callable[[Array], Array]:
    rng = np.random.default_rng([number, FAMILIES.index(family), 7])
    if family == "polynomial":
        degree = 2 + number % 4
        powers = [
            list(columns)
            for d in range(1, degree + 1)
            for columns in combinations_with_replacement(range(3), d)
        ]
        weights = rng.standard_normal(len(powers))
        return lambda X: sum(w * X[:, c].prod(axis=1) for w, c in zip(weights, powers, strict=True))
    if family == "harmonic":
        waves = rng.standard_normal((3, 3))
        waves *= rng.uniform(2.0, 4.0, (3, 1)) / np.linalg.norm(waves, axis=1, keepdims=True)
        phases, weights = rng.uniform(0, 2 * np.pi, 3), rng.standard_normal(3)
        return lambda X: np.sin(X @ waves.T + phases) @ weights
    form = RATIONAL[number % len(RATIONAL)]
    a, b, c = rng.uniform(0.5, 2.0, 3)
    order = rng.permutation(3)
    return lambda X: form(*X[:, order].T, a, b, c)


#: Forms of physics: Coulomb and Yukawa, relativity, lenses, resistors, resonance, saturation.
RATIONAL: tuple[Callable[..., Array], ...] = (
    lambda x, y, z, a, b, c: a * x * y / (1 + b * z**2),
    lambda x, y, z, a, b, c: 1 / np.sqrt(c + x**2 + y**2 + z**2),
    lambda x, y, z, a, b, c: x / np.sqrt(1 + a * y**2) + b * z,
    lambda x, y, z, a, b, c: (3 + a * x / 2) * (3 + y) / (4 + z),
    lambda x, y, z, a, b, c: x / (a + x**2 + b * y**2) + c * z,
    lambda x, y, z, a, b, c: 1 / (1 + np.exp(a * x - b * y)) + z / (1 + c * np.abs(z)),
    lambda x, y, z, a, b, c: np.sqrt(a + (x - y) ** 2 + b * z**2),
    lambda x, y, z, a, b, c: np.exp(-np.sqrt(x**2 + y**2 + c)) * (1 + a * z),
    lambda x, y, z, a, b, c: (3 + x) * (3 + y) / (6 + x + y) + a * z,
    lambda x, y, z, a, b, c: a * (x - b * y) / (1 + c * x**2) + z**2 / (1 + z**2),
)


def _shell(rng: np.random.Generator, n: int, low: float, high: float) -> Array:
    """Rows uniform in the volume between two radii."""
    direction = rng.standard_normal((n, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    radius = rng.uniform(low**3, high**3, n) ** (1 / 3)
    return direction * radius[:, None]


# -- tails -----------------------------------------------------------------------------------------

#: What the held-out end of a table is: its rows of largest radius, or of a column's largest values.
#: Columns are those along which a user would extrapolate: speed, age of the concrete, size of the
#: house, frequency, carats.
TAILS = {
    "yacht": "froude",
    "concrete": "age_days",
    "airfoil": "frequency",
    "ames_housing": "gr_liv_area",
    "diamonds": "carat",
    "energy": "radius",
    "abalone": "radius",
    "california_housing": "radius",
    "cpu_act": "radius",
    "wine_quality_red": "radius",
}


def load_tail(data: str, name: str, max_rows: int) -> tuple[Table, Array, Array]:
    """A table, its rows to train on, and the fifth of the rows at its end."""
    table = load_table(data, name, max_rows, SEED)
    encoder = TableEncoder().fit(table.X)
    matrix = StandardScaler().fit_transform(np.nan_to_num(encoder.transform(table.X)))
    names = [str(column) for column in encoder.get_feature_names_out()]
    train, test = tail_split(matrix, names, TAILS[name], 0.2)
    return table, train, test


def scaled_as(model: Any, X: Any) -> Array:
    """A table as the networks of a fitted estimator see it."""
    return np.asarray(model.scaler_.transform(model.encoder_.transform(X)))
