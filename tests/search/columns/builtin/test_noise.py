"""Whether an equation leaves nothing but noise."""

import numpy as np
import pytest

from sktaskneuron.formula.text.parser import parse_node
from sktaskneuron.search.columns.builtin.noise import leaves_noise
from sktaskneuron.search.columns.constants import NamedRows


def rows_of(seed, noise=0.05, n=300, weighted=False):
    rng = np.random.default_rng(seed)
    X = rng.uniform(0.5, 3, (n, 3))
    weight = rng.uniform(0.2, 5, n) if weighted else np.ones(n)
    y = X[:, 0] * X[:, 1] ** 2 + np.sin(4 * X[:, 2])
    y = y + noise * rng.normal(size=n) / np.sqrt(weight)
    return NamedRows.of(X, tuple("abc"), y, weight)


def node(text):
    return parse_node(text, tuple("abc"))


@pytest.mark.parametrize("weighted", [False, True])
def test_the_law_leaves_noise(weighted):
    law = node("a*b**2 + sin(4*c)")
    assert sum(leaves_noise(law, rows_of(seed, weighted=weighted)) for seed in range(20)) >= 18


@pytest.mark.parametrize(
    "text",
    [
        "a*b**2",  # a wave is missing, which only neighbours tell
        "0.99*a*b**2 + sin(4*c)",
        "a*b**2.02 + sin(4*c)",
        "a*b**2 + 0.03*a*c + sin(4*c)",
        "9",
    ],
)
def test_others_do_not(text):
    assert not any(leaves_noise(node(text), rows_of(seed)) for seed in range(5))


def test_too_few_rows_to_tell():
    assert not leaves_noise(node("a*b**2 + sin(4*c)"), rows_of(0, n=20))
