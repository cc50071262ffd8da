"""Sets of functions on the Gram matrix of their blocks: exact if possible, tuned, no doubles."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from sktaskneuron.search.sr.blocks import Blocks, Quadratic
from sktaskneuron.search.sr.library import SHAPES, Shape, Term, choice, powers, rescaled
from sktaskneuron.search.sr.rounding import rounded
from sktaskneuron.search.sr.sets import SetSearch, kinds
from sktaskneuron.search.sr.tune import Tuner

N, D = 400, 4
SHAPE_OF = {shape.text: shape for shape in (*powers(5), *SHAPES)}


def term(text, a=1.0):
    return Term(SHAPE_OF[text], a)


def draw(terms, noise=0.05, seed=0, n=N, d=D, weight=None):
    rng = np.random.default_rng(seed)
    z = rng.standard_normal((n, d))
    y = noise * rng.standard_normal(n)
    for one in terms:
        part = one.values(z) @ rng.standard_normal(d)
        y = y + part / part.std()
    weight = np.ones(n) if weight is None else weight
    return z, Quadratic(weight, y[:, None], profiled=True)


def searcher(z, problem, candidates=None, price=6.0):
    if candidates is None:
        candidates = [t for shape in (*powers(5), *SHAPES) for t in shape.terms]
    return SetSearch(z, problem, candidates, lambda t: price * (D + t.shape.n_constants))


def rss_of(z, problem, terms):
    columns = [np.ones((len(z), 1)), *[t.values(z) for t in terms]]
    root = np.sqrt(problem.weight)[:, None]
    design, target = np.concatenate(columns, axis=1) * root, problem.target * root
    coef = np.linalg.lstsq(design, target, rcond=None)[0]
    return ((target - design @ coef) ** 2).sum(axis=0)


# -- blocks ----------------------------------------------------------------------------------------

SOME = [term("x"), term("x**2"), term("sin(x)", 2.0), term("abs(x)"), term("x**3")]


@pytest.mark.parametrize("weighted", [False, True])
def test_gram_knows_what_least_squares_leaves(weighted):
    weight = np.random.default_rng(1).uniform(0.5, 2.0, N) if weighted else None
    z, problem = draw(SOME[:3], weight=weight)
    blocks = Blocks(z, problem, SOME)
    np.testing.assert_allclose(blocks.rss((0, 2)), rss_of(z, problem, [SOME[0], SOME[2]]))
    np.testing.assert_allclose(blocks.rss(()), rss_of(z, problem, []))


def test_gains_of_single_blocks_and_pairs_are_those_of_refits():
    z, problem = draw(SOME)
    blocks = Blocks(z, problem, SOME)
    rest = blocks.rest((0,))
    for c in range(1, 5):
        expected = problem.deviance(rss_of(z, problem, [SOME[0], SOME[c]]))
        assert rest.single()[c] == pytest.approx(expected)
    couples, deviance = rest.pairs(np.arange(1, 5))
    for (a, b), value in zip(couples, deviance, strict=True):
        expected = problem.deviance(rss_of(z, problem, [SOME[0], SOME[a], SOME[b]]))
        assert value == pytest.approx(expected)


def test_spanned_and_undefined_columns_count_for_nothing():
    z, problem = draw(SOME[:1])
    blocks = Blocks(
        z, problem, [SOME[0], Term(Shape("2*x + 1"), 3.0), Term(Shape("exp(x)"), 900.0)]
    )
    before = problem.deviance(blocks.rss((0,)))
    after = blocks.rest((0,)).single()
    assert after[1] == pytest.approx(before)
    assert np.isfinite(after).all()


def test_added_candidates_can_be_forgotten():
    z, problem = draw(SOME)
    blocks = Blocks(z, problem, SOME[:3])
    gram = blocks.gram
    assert blocks.add(SOME[3:]) == [3, 4]
    np.testing.assert_allclose(blocks.rss((3, 4)), rss_of(z, problem, SOME[3:]))
    blocks.truncate(3)
    np.testing.assert_array_equal(blocks.gram, gram)
    assert blocks.terms == SOME[:3]


# -- powers, exactly -------------------------------------------------------------------------------


@pytest.mark.parametrize("chosen", [(1,), (1, 2), (2, 4), (1, 3, 5), (2, 3, 4, 5)])
def test_power_sets_are_searched_exactly(chosen):
    truth = [term("x" if k == 1 else f"x**{k}") for k in chosen]
    z, problem = draw(truth)
    search = searcher(z, problem)
    best_score, best = search.power_sets()[0]
    assert {t.shape.power for t in search.terms_of(best)} == set(chosen)
    by_hand = min(
        float(problem.deviance(rss_of(z, problem, terms))) + 6.0 * D * len(terms)
        for size in range(6)
        for terms in combinations([term("x" if k == 1 else f"x**{k}") for k in range(1, 6)], size)
    )
    assert best_score == pytest.approx(by_hand)


# -- constants -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "a"), [("sin(x)", 2.63), ("tanh(x)", 1.31), ("exp(x)", -0.83)])
def test_constants_are_tuned(text, a):
    z, problem = draw([term(text, a), term("x**2")], noise=0.01)
    tuned = Tuner(z, problem)([term(text, 1.08 * a), term("x**2")])
    assert tuned.terms[0].a == pytest.approx(a, rel=5e-3)
    assert tuned.deviance < Tuner(z, problem).fixed([term(text, a), term("x**2")]).deviance


def test_constants_have_the_slope_of_the_deviance_zero():
    z, problem = draw([term("sin(x)", 2.63), term("gaussian(x)", 0.9)], noise=0.2)
    tuner = Tuner(z, problem)
    tuned = tuner([term("sin(x)", 2.5), term("gaussian(x)", 1.0)])
    for t, one in enumerate(tuned.terms):
        for factor in (0.995, 1.005):
            moved = list(tuned.terms)
            moved[t] = one.at(one.a * factor)
            assert tuner.fixed(moved).deviance > tuned.deviance


def test_constants_are_short_where_the_data_do_not_object():
    z, problem = draw([term("sin(x)", 2.7)], noise=0.05)
    search = searcher(z, problem)
    tuned = search.answer(search.tuner([term("sin(x)", 2.6)]))
    assert tuned.terms[0].a != 2.7
    assert rounded(search, tuned).terms[0].a == 2.7
    z, problem = draw([term("sin(x)", 2.7183)], noise=0.001)
    search = searcher(z, problem)
    exact = rounded(search, search.answer(search.tuner([term("sin(x)", 2.7)])))
    assert exact.terms[0].a == pytest.approx(2.7183, abs=2e-3)
    assert exact.terms[0].a != 2.7


# -- sets ------------------------------------------------------------------------------------------

PLANTED = [
    [],
    [term("x**3")],
    [term("cos(x)", 2.3)],
    [term("x"), term("x**2")],
    [term("abs(x)"), term("sin(x)", 1.7)],
    [term("x**2"), term("tanh(x)", 1.4)],
    [term("x"), term("log(1 + abs(x))"), term("sin(x)", 3.2)],
]


@pytest.mark.parametrize("truth", PLANTED, ids=lambda truth: "+".join(kinds(truth)) or "0")
def test_planted_sets_are_found(truth):
    z, problem = draw(truth)
    answer = searcher(z, problem)()
    assert kinds(answer.terms) == kinds(truth)
    constants = {t.shape.text: t.a for t in answer.terms if t.shape.text in ("sin(x)", "cos(x)")}
    for one in truth:
        if one.shape.text in constants:
            assert constants[one.shape.text] == pytest.approx(one.a, rel=0.05)


def test_the_score_is_deviance_plus_prices():
    z, problem = draw(SOME[:2])
    answer = searcher(z, problem)()
    deviance = float(problem.deviance(rss_of(z, problem, answer.terms)))
    price = sum(6.0 * (D + t.shape.n_constants) for t in answer.terms)
    assert answer.score == pytest.approx(deviance + price, rel=1e-6)


def test_a_start_is_taken_up_or_left():
    truth = [term("abs(x)"), term("sin(x)", 1.7)]
    z, problem = draw(truth)
    for start in (truth, [term("x**5"), term("atan(x)", 1.0)]):
        assert kinds(searcher(z, problem)(start).terms) == kinds(truth)


def test_terms_stay_few():
    z, problem = draw([term("x"), term("x**2"), term("sin(x)", 3.0)])
    search = searcher(z, problem)
    search.max_terms = 1
    assert len(search().terms) == 1
    z, problem = draw([term("x")], n=12)
    assert len(searcher(z, problem)().terms) <= 1  # four numbers each


# -- the library -----------------------------------------------------------------------------------


def test_shapes_are_defined_on_the_whole_line():
    """Rows to come may have other values than those seen."""
    points = np.concatenate([np.linspace(-20, 20, 401), [-1e3, 1e3]])
    for shape in (*powers(9), *SHAPES):
        for one in shape.terms:
            if shape.text != "exp(x)":
                assert one.shape.expression.in_domain(one.a * points).all(), shape.text


def test_a_term_is_its_expression_up_to_weight_and_constant():
    points = np.linspace(-2, 2, 101)
    for shape in SHAPES:
        for one in shape.terms:
            values, written = one.values(points), one.expression.evaluate(points)
            assert np.corrcoef(values, written)[0, 1] == pytest.approx(1.0, abs=1e-9)


def test_no_two_candidates_are_one_function():
    points = np.linspace(-3, 3, 301)
    terms = [t for shape in (*powers(5), *SHAPES) for t in shape.terms]
    correlation = np.corrcoef([t.values(points) for t in terms])
    np.fill_diagonal(correlation, 0.0)
    assert np.abs(correlation).max() < 1 - 1e-6


def test_simple_functions_cost_less():
    shapes = (*powers(5), *SHAPES)
    price = {shape.text: choice(shape, shapes) for shape in shapes}
    assert price["x"] == price["x**5"] == pytest.approx(np.log(5))
    assert price["x"] < price["sin(x)"] < price["x*sin(x)"] < price["x/(1 + x**2)"]


def test_homogeneous_functions_know_no_scale():
    from sktaskneuron.formula import ElementwiseExpression

    for text in ("x**3", "abs(x)", "x*abs(x)"):
        g = ElementwiseExpression.parse(text)
        assert rescaled(g, 2.5) == g
    assert rescaled(ElementwiseExpression.parse("sin(2*x)"), 1.5).text == "sin(3*x)"
