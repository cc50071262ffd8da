"""Residual pictures, extrapolation and the page on an equation."""

import re
from html.parser import HTMLParser

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError

from sktaskneuron import NeuronFormulaSearch, NeuronSeekRegressor
from sktaskneuron.formula import FittedExpression
from sktaskneuron.inspection import EquationDisplay, bootstrap_constants, equation_report
from sktaskneuron.inspection.equations.extrapolation import extrapolations


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def draw(n=200):
    rng = np.random.default_rng(0)
    X = rng.uniform(0.5, 3, size=(n, 3))
    return X, 2 * X[:, 0] ** 2 + X[:, 1] * X[:, 2] + 0.1 * rng.normal(size=n)


@pytest.fixture(scope="module")
def search():
    X, y = draw()
    table = pd.DataFrame(X, columns=["<b>", "x & y", "z"])
    return NeuronFormulaSearch(max_order=2, max_interaction_order=2, n_resamples=2).fit(table, y)


def table_of(search):
    return pd.DataFrame(draw()[0], columns=search.feature_names_in_)


class TestResiduals:
    def test_what_is_missed_comes_first(self):
        X, y = draw()
        line = FittedExpression.parse("2*a**2 + b", ["a", "b", "c"])
        display = EquationDisplay.residuals(line, X, y)
        assert [panel.along for panel in display.panels[:2]] == ["prediction", "c"]
        c = display.panels[1]
        assert c.means[0] < 0 < c.means[-1]
        assert len(display.axes_) == 4
        np.testing.assert_allclose(c.residuals, y - line.evaluate(X)[:, 0])

    def test_errors_are_those_of_the_mean(self):
        rng = np.random.default_rng(0)
        X, y = rng.normal(size=(4000, 1)), rng.normal(size=4000)
        panel = EquationDisplay.residuals(FittedExpression.parse("0", ["a"]), X, y).panels[1]
        np.testing.assert_allclose(panel.errors, (12 / 4000) ** 0.5, rtol=0.2)
        assert (np.abs(panel.means) < 4 * panel.errors).all()

    def test_levels_stand_alone(self):
        X = np.repeat([[0.0], [1.0]], 20, axis=0)
        y = np.r_[np.zeros(20), np.ones(20)]
        panel = EquationDisplay.residuals(FittedExpression.parse("0", ["a"]), X, y).panels[1]
        assert panel.centers.tolist() == [0, 1]
        assert panel.means.tolist() == [0, 1]

    def test_in_given_axes_and_few_panels(self):
        X, y = draw()
        _, ax = plt.subplots()
        line = FittedExpression.parse("a", ["a", "b", "c"])
        display = EquationDisplay.residuals(line, X, y, ax=ax, max_panels=2)
        assert display.figure_ is ax.figure
        assert len(display.axes_) == 2

    def test_what_is_refused(self):
        X, y = draw(20)
        line = FittedExpression.parse("a", ["a", "b", "c"])
        with pytest.raises(ValueError, match="residuals are those of numbers"):
            EquationDisplay.residuals(FittedExpression.parse("a", ["a"], "logit"), X[:, :1], y)
        with pytest.raises(ValueError, match="y has 2 columns, but the equation has 1"):
            EquationDisplay.residuals(line, X, np.c_[y, y])
        with pytest.raises(ValueError, match="no finite value in any row"):
            EquationDisplay.residuals(FittedExpression.parse("log(-a)", ["a", "b", "c"]), X, y)
        with pytest.raises(ValueError, match="max_panels must be 1 or more"):
            EquationDisplay.residuals(line, X, y, max_panels=0)
        with pytest.raises(ValueError, match="there are no panels"):
            EquationDisplay([])


def test_extrapolations():
    rows = np.column_stack([np.linspace(1, 2, 50), np.linspace(0, 1, 50), np.arange(50) % 2])
    law = FittedExpression.parse("1/a + 0*b + s", ["a", "b", "s"])
    target = law.evaluate(rows)[:, 0]
    (found,) = extrapolations(law, rows, target)
    assert (found.column, found.low, found.high) == ("a", 1, 2)
    assert found.below > 5
    assert found.above < 0.5
    log = FittedExpression.parse("log(a)", ["a", "b", "s"])
    (found,) = extrapolations(log, rows, log.evaluate(rows)[:, 0])
    assert np.isinf(found.below)


class Checker(HTMLParser):
    """Collects what a page would load or run."""

    def __init__(self):
        super().__init__()
        self.open, self.outside = [], []

    def handle_starttag(self, tag, attrs):
        if tag not in ("meta", "img", "br"):
            self.open.append(tag)
        if tag in ("script", "link", "iframe"):
            self.outside.append(tag)
        for name, value in attrs:
            if name in ("src", "href") and not value.startswith("data:"):
                self.outside.append(value)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


class TestReport:
    def test_it_stands_alone(self, search, tmp_path):
        _, y = draw()
        path = tmp_path / "page.html"
        page = equation_report(search, table_of(search), y, path)
        assert path.read_text("utf-8") == page
        checker = Checker()
        checker.feed(page)
        assert checker.outside == []
        assert checker.open == []
        assert not plt.get_fignums()

    def test_what_it_says(self, search):
        _, y = draw()
        page = equation_report(search, table_of(search), y)
        assert f"{search.score(table_of(search), y):.6g}" in page
        for constant in search.constants_:
            assert f"<td>{constant.value:.4g}</td>" in page
        titles = re.findall("<h2>(.*?)</h2>", page)
        assert titles == [
            "The law",
            "Its numbers",
            "How well it fits",
            "The front",
            "Evidence of the search",
            "What each part adds",
            "What is left",
            "Beyond the rows",
        ]
        assert page.count('class="chosen"') == 1
        assert "<b>" not in page
        assert "&lt;b&gt;" in page

    def test_of_a_constant(self):
        X, _ = draw(60)
        y = np.random.default_rng(0).normal(size=60)
        search = NeuronFormulaSearch(n_resamples=0).fit(X, y)
        page = equation_report(search, X, y)
        assert "The front" not in page
        assert "nothing to draw" in page

    def test_of_classes(self):
        X, y = draw()
        search = NeuronFormulaSearch(n_resamples=0, max_order=2).fit(X, y > np.median(y))
        page = equation_report(search, X, y > np.median(y))
        assert "Log odds of the classes False, True" in page
        assert "What is left" not in page

    def test_what_is_refused(self, search):
        X, y = draw(20)
        with pytest.raises(NotFittedError):
            equation_report(NeuronFormulaSearch(), X, y)
        with pytest.raises(TypeError, match="needs a fitted NeuronFormulaSearch, got NeuronSeek"):
            equation_report(NeuronSeekRegressor(), X, y)


class TestBootstrap:
    def test_close_to_those_of_the_slopes(self, search):
        _, y = draw()
        drawn = bootstrap_constants(search, table_of(search), y, n_resamples=100)
        for one, other in zip(drawn, search.constants_, strict=True):
            assert (one.where, one.value) == (other.where, pytest.approx(other.value))
            assert one.standard_error == pytest.approx(other.standard_error, rel=0.5)
            assert one.lower < one.value < one.upper

    def test_of_columns_and_of_classes(self):
        rng = np.random.default_rng(0)
        X = rng.uniform(1, 3, size=(150, 2))
        y = 2 * X[:, 0] * np.exp(-0.7 * X[:, 1]) + 0.02 * rng.normal(size=150)
        law = NeuronFormulaSearch("sr", scope="columns", max_steps=1).fit(X, y)
        drawn = bootstrap_constants(law, X, y, n_resamples=40)
        known = law.constants_
        assert [c.where for c in drawn] == [c.where for c in known]
        for one, other in zip(drawn, known, strict=True):
            assert one.standard_error == pytest.approx(other.standard_error, rel=0.6)
        labels = np.where(X[:, 0] + rng.normal(size=150) > 2, "high", "low")
        odds = NeuronFormulaSearch(n_resamples=0, max_order=1, interactions=False).fit(X, labels)
        found = bootstrap_constants(odds, X, labels, n_resamples=40)
        assert [c.where for c in found] == [c.where for c in odds.constants_]
        with pytest.raises(ValueError, match="formula of a neuron and two classes only"):
            bootstrap_constants(law.set_params(target_type="classes").fit(X, labels), X, labels)

    def test_what_is_refused(self, search):
        _, y = draw()
        for bad in ({"n_resamples": 1}, {"level": 1.0}):
            with pytest.raises(ValueError, match=f"{next(iter(bad))} must"):
                bootstrap_constants(search, table_of(search), y, **bad)
        with pytest.raises(ValueError, match="y has the shape"):
            bootstrap_constants(search, table_of(search), y[:5])
        with pytest.raises(TypeError, match="needs a NeuronFormulaSearch, got NeuronSeek"):
            bootstrap_constants(NeuronSeekRegressor(), table_of(search), y)
