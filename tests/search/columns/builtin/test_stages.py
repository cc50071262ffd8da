"""Stages of the package's own engine, each on forms that it is there for."""

from functools import partial

import numpy as np
import pytest

from sktaskneuron.formula.text.nodes import complexity
from sktaskneuron.formula.text.parser import parse_node
from sktaskneuron.search.columns.builtin.factors import no_factor
from sktaskneuron.search.columns.builtin.links import LINKS, Given
from sktaskneuron.search.columns.builtin.modulated import modulated
from sktaskneuron.search.columns.builtin.pool import Pool, Search, View
from sktaskneuron.search.columns.builtin.products import fitted_ratio, products, ratios
from sktaskneuron.search.columns.builtin.roots import roots
from sktaskneuron.search.columns.builtin.sums import linked_sums
from sktaskneuron.search.columns.constants import NamedRows
from sktaskneuron.search.columns.dimensions import Groups

NAMES = ("a", "b", "c")


def draw(text, names=NAMES[:2], n=400, noise=0.01, low=0.3, high=5.0):
    """Rows of columns, and the values of a law without noise."""
    rng = np.random.default_rng(0)
    X = rng.uniform(low, high, size=(n, len(names)))
    clean = NamedRows.of(X, names, np.zeros(n), np.ones(n)).values(parse_node(text, names))
    y = clean + noise * clean.std() * rng.normal(size=n)
    return NamedRows.of(X, names, y, np.ones(n)), X, names, clean


def view_of(X, names, y, way=None, in_short=False):
    return View.of(X, names, y, np.ones(len(y)), way or no_factor(len(names)), in_short)


def error_of(search, rows, clean):
    """Return the least error to the law of the three best equations, as a share of its spread."""
    best = search.pool.nodes()[:3]
    return min(np.sqrt(np.mean((rows.values(node) - clean) ** 2)) for node in best) / clean.std()


@pytest.mark.parametrize(
    "text",
    [
        "5*a - a**2 - 3*a*b/(1 + 0.6*a)",
        "7 - b - a*b/(1 + 0.3*a**2)",
        "sin(a)*(0.3 + 2*cos(b)**2)",
        "a**3 + a - a**2*sin(b)**2",
    ],
)
def test_polynomials_beside_saturated_and_squared_waves(text):
    rows, X, names, clean = draw(text)
    search = Search(Pool(rows, 50), lambda _: None)
    modulated(search, view_of(X, names, rows.y))
    assert error_of(search, rows, clean) < 0.003


@pytest.mark.parametrize(
    "text",
    ["c + sqrt((a - b)**2 + 1)", "a + b + 1 - sqrt((a + b + 1)**2 - 4*a*b)"],
)
@pytest.mark.parametrize("noise", [0.0, 0.01])
def test_roots_of_quadratic_equations(text, noise):
    rows, X, names, clean = draw(text, NAMES, noise=noise)
    search = Search(Pool(rows, 50), lambda _: None)
    view = view_of(X, names, rows.y)
    ratios(search, view)
    roots(search, view)
    assert error_of(search, rows, clean) < (0.003 if noise else 1e-9)


def test_a_ratio_is_found_beside_noise():
    """What the best equation says stands for the target on the right: it has less noise."""
    rows, X, names, _ = draw("(a + 1)**3/(a**2 - a + 1)", ("a",), n=800, low=-1.0, high=1.0)
    search = Search(Pool(rows, 50), lambda _: None)
    view = view_of(X, names, rows.y)
    linked_sums(search, view)
    ratios(search, view)
    wide = np.linspace(-1.5, 1.5, 100)
    truth = (wide + 1) ** 3 / (wide**2 - wide + 1)
    there = NamedRows.of(wide[:, None], ("a",), truth, np.ones(100))
    best = min(there.loss(node) for node in search.pool.nodes()[:2])
    assert best < 1e-3 * there.variance


def test_products_of_waves_that_are_alike():
    text = "c*sin(0.5*a)**2*sin(0.5*a*b)**2/(a**3*sin(0.5*b))"
    rows, X, names, clean = draw(text, NAMES, n=800, low=1.0, high=3.0)
    search = Search(Pool(rows, 50), lambda _: None)
    products(search, view_of(X, names, rows.y))
    assert error_of(search, rows, clean) < 0.003


def test_the_best_power_law_of_its_size():
    """Longer products explain the rest; the short one stays, for the front."""
    rows, X, names, _ = draw("a**3.5*exp(0.1*b)*(1 + 0.05*sin(a + b))", n=100, noise=1e-4)
    search = Search(Pool(rows, 50), lambda _: None)
    view = view_of(X, names, rows.y)
    search.pool.add(lambda: parse_node("a**3.5*exp(0.1*b)*(1 + 0.05*sin(a + b))", names))
    products(search, view)
    short = [loss for _, loss, node in search.pool.found.values() if complexity(node) <= 5]
    assert min(short) < 0.05 * rows.variance


def test_a_view_in_short_is_promoted_where_the_groups_of_others_are_wrong():
    """It goes through all stages then: an equation of it came clearly nearer."""
    rows, X, names, _ = draw("a + 3*b", n=100)
    wrong = view_of(X, names, rows.y, Groups({0: 1.0}, ({1: 2.0},)))
    whole = view_of(X, names, rows.y, in_short=True)
    search = Search(Pool(rows, 50), lambda _: None)
    for view, text, loss in ((wrong, "a", rows.variance), (whole, "a", 0.9 * rows.variance)):
        search.attempt(view, LINKS[0], partial(parse_node, text, names), loss, 1)
    assert search.promote([wrong, whole]) is None
    search.attempt(whole, LINKS[0], partial(parse_node, "a + 3*b", names), 0.01, 2)
    assert search.promote([wrong, whole]) is whole
    assert search.is_promoted(whole)


@pytest.mark.parametrize("value", [1.0, 2.0, 4.0, 5.0])
@pytest.mark.parametrize("n", [32, 40, 64, 100])
def test_a_ratio_with_a_pole_on_a_row_fits_no_infinity(monkeypatch, n, value):
    """Of one large value: the ratio that goes through it divides by zero there, or nearly."""
    x = 2.0 ** -np.arange(n)[::-1]
    given = Given(np.where(x == 1.0, value, 0.0), np.arange(n), np.ones(n))
    lstsq = np.linalg.lstsq

    def of_finite(design, *arguments, **options):
        assert np.isfinite(design).all()  # LAPACK may not end otherwise
        return lstsq(design, *arguments, **options)

    monkeypatch.setattr(np.linalg, "lstsq", of_finite)
    with np.errstate(all="ignore"):
        ratio = fitted_ratio(x[:, None], given)
    assert ratio is None or np.isfinite(ratio).all()
