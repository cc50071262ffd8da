"""Stages for two columns: products of curves, pieces, waves of a form; sums without weights."""

import numpy as np
import pytest

from sktaskneuron.formula.equation.fitted_expression import FittedExpression
from sktaskneuron.formula.equation.trees import additive_terms
from sktaskneuron.formula.text.nodes import render
from sktaskneuron.search.columns.builtin.crossed import crossed
from sktaskneuron.search.columns.builtin.engine import search_builtin
from sktaskneuron.search.columns.builtin.factors import no_factor
from sktaskneuron.search.columns.builtin.pieces import pieces
from sktaskneuron.search.columns.builtin.plane_waves import plane_waves
from sktaskneuron.search.columns.builtin.pool import Pool, Search, View
from sktaskneuron.search.columns.builtin.unweighted import unweighted
from sktaskneuron.search.columns.constants import NamedRows
from sktaskneuron.search.columns.engines.protocol import ColumnsProblem
from sktaskneuron.search.columns.simplify import simplified

# Laws of our own, other than those of the benchmarks.
LAWS = [
    (crossed, "3*sin(2.3*a)*exp(-0.4*b)"),
    (crossed, "2*exp(-(a - 1.4)**2)*cos(1.7*b + 0.3)"),
    (crossed, "a**1.7/(0.5 + (b - 1.2)**2) + 2"),
    (pieces, "2*a + 3*relu(b - a)"),
    (pieces, "a**2 - 2*relu(a - b)/b"),
    (pieces, "b*abs(a - b) + 1"),
    (plane_waves, "1.5*sin(4.1*a - 2.7*b + 0.3) + b**2"),
    (plane_waves, "a*b + 0.8*cos(2*a*b - 3*a + b)"),
    (unweighted, "log(a + a**3 + a**4)"),
    (unweighted, "a**2 - a**3 + a**5 - a**7"),
]


def draw(text, n=300, noise=0.01):
    rng = np.random.default_rng(0)
    names = ["a", "b"] if "b" in text else ["a"]
    X = rng.uniform(0.2, 3, (n, len(names)))
    if "a**7" in text:
        X /= 3
    truth = FittedExpression.parse(text, names).evaluate(X)[:, 0]
    return X, names, truth + noise * truth.std() * rng.normal(size=n), truth


@pytest.mark.parametrize(("stage", "text"), LAWS)
def test_laws(stage, text):
    X, names, y, truth = draw(text)
    weight = np.ones(len(y))
    search = Search(Pool(NamedRows.of(X, names, y, weight), 50), lambda text: None)
    stage(search, View.of(X, names, y, weight, no_factor(len(names))))
    values = search.pool.rows.values(search.pool.nodes()[0])
    assert np.sqrt(np.mean((values - truth) ** 2)) / truth.std() < 0.004


@pytest.mark.parametrize("stage", [crossed, pieces, plane_waves, unweighted])
def test_nothing_is_looked_for_in_many_columns_or_a_constant(stage):
    X = np.random.default_rng(0).normal(size=(50, 7))
    names = list("abcdefg")
    for y in (X[:, 0], np.ones(50)):
        search = Search(Pool(NamedRows.of(X, names, y, np.ones(50)), 50), lambda text: None)
        stage(search, View.of(X, names, y, np.ones(50), no_factor(7)))
        assert not search.pool.nodes()


def test_a_constant_beside_the_best_equation():
    rng = np.random.default_rng(0)
    X = rng.uniform(-50, 50, (600, 3))
    y = 8 + 12 * np.sqrt(np.abs(X[:, 0] * X[:, 2]))
    y += 0.01 * y.std() * rng.normal(size=600)
    nodes = search_builtin(ColumnsProblem(X, ("a", "b", "c"), y, np.ones(600), 50, None, 0, str))
    constants = [additive_terms(node)[1] for node in nodes[:5]]
    assert any(7 < constant < 9 for constant in constants)


@pytest.mark.parametrize(
    ("text", "short"),
    [
        ("0.5*a + 0.5*b - 0.5*abs(a - b)", "a - relu(a - b)"),
        ("relu(a + b)", "a + b"),
        ("3*abs(a - b)", "3*abs(a - b)"),
    ],
)
def test_distances_as_pieces_where_that_is_shorter(text, short):
    X = np.random.default_rng(0).uniform(0.2, 3, (50, 2))
    rows = NamedRows.of(X, ["a", "b"], np.zeros(50), np.ones(50))
    tree = FittedExpression.parse(text, ["a", "b"]).nodes[0]
    assert render(simplified(tree, rows)) == short
