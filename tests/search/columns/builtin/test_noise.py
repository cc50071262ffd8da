"""Whether an equation leaves nothing but noise."""

import numpy as np
import pytest

from sktaskneuron.formula.text.parser import parse_node
from sktaskneuron.search.columns.builtin.noise import leaves_noise
from sktaskneuron.search.columns.constants import NamedRows


def rows_of(seed, noise=0.05, n=300):
    rng = np.random.default_rng(seed)
    X = rng.uniform(0.5, 3, (n, 3))
    y = X[:, 0] * X[:, 1] ** 2 + np.sin(4 * X[:, 2]) + noise * rng.normal(size=n)
    return NamedRows.of(X, tuple("abc"), y, np.ones(n))


def node(text):
    return parse_node(text, tuple("abc"))


def test_the_law_leaves_noise():
    law = node("a*b**2 + sin(4*c)")
    assert sum(leaves_noise(law, rows_of(seed)) for seed in range(20)) >= 18


def test_a_weight_is_so_many_copies():
    rows = rows_of(0, noise=0.5)
    times = np.arange(len(rows.y)) % 3 + 1
    weighted = NamedRows(rows.columns, rows.y, times.astype(float))
    copies = rows.take(np.repeat(np.arange(len(rows.y)), times))
    for text in ("a*b**2 + sin(4*c)", "a*b**2 + 0.3*a*c + sin(4*c)", "a*b**2"):
        assert leaves_noise(node(text), weighted) == leaves_noise(node(text), copies)


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
