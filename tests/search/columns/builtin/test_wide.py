"""Which columns of a wide table are combined."""

import numpy as np
import pandas as pd
import pytest

from sktaskneuron import NeuronFormulaSearch
from sktaskneuron.search.columns.builtin.wide import promising


def chosen(law, d, n=200, low=-2.0, high=2.0, noise=0.1, weight=None):
    rng = np.random.default_rng(0)
    X = rng.uniform(low, high, size=(n, d))
    y = law(X)
    y = y + noise * y.std() * rng.normal(size=n)
    weight = np.ones(n) if weight is None else weight(rng, n)
    return promising(X, y, weight, [f"x{i}" for i in range(d)], 12)


def test_all_columns_of_a_narrow_table():
    assert chosen(lambda X: X[:, 3], 12) == list(range(12))


@pytest.mark.parametrize("d", [13, 40, 150])
@pytest.mark.parametrize(
    "law",
    [
        lambda X: X[:, 2] * X[:, 7],
        lambda X: X[:, 2] * X[:, 7] ** 2,
        lambda X: X[:, 2] * np.exp(-(X[:, 7] ** 2)),
        lambda X: np.cos(X[:, 2] - 2 * X[:, 7]) + X[:, 2],
    ],
)
def test_columns_that_matter_beside_another_one_only(law, d):
    found = chosen(law, d, n=400)
    assert {2, 7} <= set(found)
    assert len(found) <= 12


def test_products_of_positive_columns_and_weights():
    found = chosen(
        lambda X: X[:, 0] / X[:, 5], 30, low=1, high=3, weight=lambda rng, n: rng.uniform(1, 9, n)
    )
    assert {0, 5} <= set(found)


def test_very_wide_tables_are_looked_at_by_single_columns():
    assert 1_000 in chosen(lambda X: X[:, 1_000], 1_001, n=60)


def test_a_product_of_a_wide_table_is_found():
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.uniform(-2, 2, (200, 20)), columns=[f"x{i}" for i in range(20)])
    y = 3 * X["x4"] * X["x11"] + 0.05 * rng.normal(size=200)
    search = NeuronFormulaSearch("sr", scope="columns", max_steps=1).fit(X, y)
    assert str(search.fitted_formula_) == "3*x11*x4"


def test_the_few_columns_that_matter_are_searched_again():
    """Of ten columns the law's piece is not met; of these two alone it is."""
    rng = np.random.default_rng([0, 10, 10, 200, 1])
    X = pd.DataFrame(rng.uniform(-2, 2, size=(200, 10)), columns=list("abcdefghij"))
    law = X.a + np.maximum(X.b - X.a, 0)
    search = NeuronFormulaSearch("sr", scope="columns", target_type="continuous", random_state=0)
    search.fit(X, law + 0.01 * law.std(ddof=0) * rng.standard_normal(200))
    assert str(search.fitted_formula_) == "b + relu(a - b)"
