"""Small tables and quick settings shared by the tests of the estimators."""

import numpy as np

#: Two groups of two networks of a few neurons and epochs, with simpler models on two folds.
QUICK = {
    "hidden_layer_sizes": (8,),
    "max_epochs": 3,
    "n_members": 4,
    "validation": 2,
    "random_state": 0,
}
#: One task-driven network alone, on all rows, in float64.
ALONE = {
    "hidden_layer_sizes": (8,),
    "max_epochs": 10,
    "n_members": 1,
    "validation": None,
    "dropout": 0.0,
    "dtype": "float64",
    "random_state": 0,
}


def draw_columns(n_rows=120, n_columns=4, seed=0):
    return np.random.default_rng(seed).normal(size=(n_rows, n_columns))


def draw_quadratic(n_rows=120, noise=0.1, seed=0):
    """X (n_rows, 4) and y = 2 x0**2 + x1 x2 + noise."""
    X = draw_columns(n_rows, seed=seed)
    rng = np.random.default_rng([seed, 1])
    return X, 2 * X[:, 0] ** 2 + X[:, 1] * X[:, 2] + noise * rng.normal(size=n_rows)


def draw_classes(n_rows=150, names=("inside", "outside"), seed=0):
    """X (n_rows, 4) and labels by the radius in the first two columns."""
    X = draw_columns(n_rows, seed=seed)
    radius = X[:, 0] ** 2 + X[:, 1] ** 2
    edges = np.quantile(radius, np.arange(1, len(names)) / len(names))
    return X, np.asarray(names)[np.searchsorted(edges, radius)]


def draw_by_odds(log_odds, n_rows=300, names=("no", "yes"), seed=0):
    """X (n_rows, 4) and labels, the second of which has the given log odds."""
    X = draw_columns(n_rows, seed=seed)
    probability = 1 / (1 + np.exp(-log_odds(X)))
    draws = np.random.default_rng([seed, 2]).random(n_rows)
    return X, np.asarray(names)[(draws < probability).astype(int)]


def draw_people(n_rows=120, seed=0):
    """Columns of a table with numbers, categories and gaps, and a target that needs all of them."""
    rng = np.random.default_rng(seed)
    age = rng.uniform(20, 80, size=n_rows)
    income = rng.lognormal(10, 0.5, size=n_rows)
    city = rng.choice(["Aarhus", "Bergen", "Calais"], size=n_rows)
    member = rng.random(n_rows) < 0.5
    y = 0.1 * age + 2.0 * (city == "Bergen") + 1.0 * member + 1e-5 * income
    income[::10] = np.nan
    y[::10] += 1.0
    columns = {
        "age": age,
        "income": income,
        "city": [None if i % 17 == 3 else str(name) for i, name in enumerate(city)],
        "member": member,
    }
    return columns, y
