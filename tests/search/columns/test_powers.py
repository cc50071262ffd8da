"""Polynomials written as powers about an origin."""

import numpy as np
import pytest

from sktaskneuron.formula import FittedExpression
from sktaskneuron.formula.text.nodes import render
from sktaskneuron.search.columns.powers import with_completed_powers


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2*a**2 - 8*a + 1", "2*(a - 2)**2 - 7"),
        ("1/(a**4 - 4*a**3 + 6*a**2 - 4*a + 3)", "1/((a - 1)**4 + 2)"),
        ("a**3 - 9*a**2 + 26*a + b", "-a + b + (a - 3)**3 + 27"),
    ],
)
def test_powers(text, expected):
    tree = FittedExpression.parse(text, ["a", "b"]).nodes[0]
    found = with_completed_powers(tree)
    assert render(found) == expected
    columns = {name: np.linspace(0.3, 2, 9) for name in "ab"}
    before, after = (FittedExpression((node,), ("a", "b")) for node in (tree, found))
    X = np.column_stack(list(columns.values()))
    np.testing.assert_allclose(after.evaluate(X), before.evaluate(X), rtol=1e-12)


@pytest.mark.parametrize("text", ["a**2 + b", "a**3 + a", "a*b + b", "a**5 + a**4 + a**3 + a"])
def test_nothing_to_complete(text):
    assert with_completed_powers(FittedExpression.parse(text, ["a", "b"]).nodes[0]) is None
