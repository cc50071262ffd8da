"""Which equations are the best of their size."""

import numpy as np

from sktaskneuron.formula.text.parser import parse_node
from sktaskneuron.search.columns.constants import NamedRows
from sktaskneuron.search.columns.shortness import LeastLosses, shorter_than

NAMES = ("a", "b")


def test_the_least_loss_up_to_a_size():
    least = LeastLosses()
    assert least.beaten_by(3, 1.0)
    least.note(3, 0.5)
    least.note(7, 0.1)
    assert not least.beaten_by(3, 0.5)
    assert least.beaten_by(2, 0.9)
    assert least.beaten_by(5, 0.4)
    assert not least.beaten_by(8, 0.4)


def test_shorter_equations_fit_better_one_after_another():
    rng = np.random.default_rng(0)
    X = rng.uniform(1, 2, size=(50, 2))
    rows = NamedRows.of(X, NAMES, X[:, 0] * X[:, 1] + 0.1 * X[:, 1] ** 3, np.ones(50))
    best, *others = [
        parse_node(text, NAMES) for text in ("a*b + 0.1*b**3", "a", "b", "a*b", "a*b*a", "sin(a*b)")
    ]
    kept = shorter_than(best, [best, *others], rows)
    losses = [rows.loss(node) for node in kept]
    assert losses == sorted(losses, reverse=True)
    assert parse_node("a*b", NAMES) == kept[-1]
    assert best not in kept
