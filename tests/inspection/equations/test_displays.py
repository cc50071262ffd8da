"""Pictures of fronts and equations: what they hold, not how they look."""

import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

from sktaskneuron import NeuronFormulaSearch
from sktaskneuron.exceptions import MissingDependencyError
from sktaskneuron.formula import (
    FittedExpression,
    FittedFormula,
    NeuronFormula,
    ParetoFront,
    ParetoPoint,
)
from sktaskneuron.inspection import FormulaDisplay, ParetoFrontDisplay, term_importance
from sktaskneuron.inspection.equations.parts import find_parts, part_values

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("agg")
plt = pytest.importorskip("matplotlib.pyplot")

NAMES = ["mass", "height", "speed", "heat"]


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def found():
    """A search that found x0**2 and x1*x2 (X, search)."""
    X = np.random.default_rng(0).normal(size=(250, 4))
    y = 2 * X[:, 0] ** 2 + X[:, 1] * X[:, 2] + 0.1 * X[:, 3] ** 3
    return X, NeuronFormulaSearch(max_interaction_order=2, n_resamples=2).fit(X, y)


def expression(text):
    return FittedExpression.parse(text, NAMES)


def draw_rows(n_rows=200, seed=0):
    return np.random.default_rng(seed).uniform(0.5, 3.0, size=(n_rows, 4))


def stand_in(**attributes):
    """Something that holds equations of columns, as a search of named columns will."""
    texts = ["1.5", "3*mass", "mass*speed", "0.5*mass*speed**2", "0.5*mass*speed**2 + 9.8*height"]
    equations = [expression(text) for text in texts]
    scores = [0.0, 0.3, 0.5, 0.9, 0.95]
    front = ParetoFront(
        (equation.complexity, score, equation)
        for equation, score in zip(equations, scores, strict=True)
    )
    return SimpleNamespace(
        **{"pareto_front_": front, "fitted_formula_": equations[3], **attributes}
    )


def extents(texts):
    figure = texts[0].figure
    figure.canvas.draw()
    return [text.get_window_extent() for text in texts]


class TestParetoFront:
    def test_of_a_search(self, found):
        _, search = found
        display = ParetoFrontDisplay.from_estimator(search)
        assert display.chosen.formula == search.formula_
        x, y = display.points_.get_data()
        assert list(x) == [point.complexity for point in search.pareto_front_]
        assert list(y) == [point.score for point in search.pareto_front_]
        assert display.chosen_.get_xydata().tolist() == [
            [display.chosen.complexity, display.chosen.score]
        ]
        texts = [text.get_text().split(maxsplit=1) for text in display.formulas_]
        assert [number for number, _ in texts] == [text.get_text() for text in display.labels_]
        assert str(search.formula_) in [formula for _, formula in texts]
        assert display.ax_.figure is display.figure_

    def test_of_expressions(self):
        estimator = stand_in()
        display = ParetoFrontDisplay.from_estimator(estimator)
        assert display.chosen.formula == estimator.fitted_formula_
        assert "0.5*mass*speed**2" in display.formulas_[3].get_text()

    def test_shows_the_numbers_that_predict(self):
        scored, fitted = expression("2.9*mass"), expression("3*mass")
        point = ParetoPoint(2, 0.5, scored, fitted)
        display = ParetoFrontDisplay(ParetoFront([point]), point).plot()
        assert "3*mass" in display.formulas_[0].get_text()
        assert "3*mass" in str(display.front)

    def test_of_an_inner_search(self, found):
        _, search = found
        outer = SimpleNamespace(search_=search)
        assert ParetoFrontDisplay.from_estimator(outer).front == search.pareto_front_

    def test_no_mark_where_the_answer_is_not_on_the_front(self):
        estimator = stand_in(fitted_formula_=expression("mass*height + speed*heat + 1"))
        display = ParetoFrontDisplay.from_estimator(estimator)
        assert display.chosen is display.chosen_ is None
        assert {text.get_color() for text in display.formulas_} == {"black"}

    def test_same_formula_more_than_once(self):
        """Of points with the neuron's formula, the one with as many free weights."""
        formula = NeuronFormula.parse("x + <x,x>")
        fitted = FittedFormula(
            formula,
            [0.0],
            [[[1.0], [2.0], [0.0]]],
            {2: [[[1.0], [0.0], [0.0]], [[0.0], [1.0], [1.0]]]},
            {2: [[1.0]]},
        )
        # two weights, and three factors, a loading, less one scale for each of two factors
        front = ParetoFront([(size, size / 10, formula) for size in (1, 3, 4, 6)])
        held = SimpleNamespace(pareto_front_=front, formula_=formula, fitted_formula_=fitted)
        assert ParetoFrontDisplay.from_estimator(held).chosen.complexity == 4

    def test_given_axes_and_many_points(self):
        points = [(k, 1 - 1 / (k + 1), expression(f"{k + 2}*mass + height")) for k in range(60)]
        front = ParetoFront(points)
        figure, ax = plt.subplots(layout="constrained")
        display = ParetoFrontDisplay(front, front[30]).plot(ax, max_labels=12)
        assert display.ax_ is ax
        assert display.figure_ is figure
        assert len(display.labels_) <= 12
        assert "61*mass" in display.formulas_[-1].get_text()
        assert any(text.get_color() == "#c1121f" for text in display.labels_)

    @pytest.mark.parametrize("size", [None, (7, 2.5)])
    def test_texts_do_not_overlap(self, size):
        long = " + ".join(f"{k}*sin({k}*mass)" for k in range(2, 12))
        points = [(k, 1 - 1 / (k + 1), expression(f"{k + 2}*heat + {long}")) for k in range(20)]
        ax = None if size is None else plt.subplots(figsize=size, layout="constrained")[1]
        display = ParetoFrontDisplay(ParetoFront(points)).plot(ax)
        display.figure_.canvas.draw()
        assert len(display.formulas_) >= 4
        for texts in (display.labels_, display.formulas_):
            boxes = extents(texts)
            for i, box in enumerate(boxes):
                assert not any(box.overlaps(other) for other in boxes[:i])
        frame = display.figure_.bbox
        assert all(frame.x1 >= box.x1 and frame.y0 <= box.y0 for box in boxes)
        assert all("…" in text.get_text() for text in display.formulas_)

    def test_an_axis_of_the_error_tells_small_ones_apart(self):
        scores = [0.0, 0.9, 0.99, 0.9999]
        points = [(k, score, expression(f"{k + 1}*mass")) for k, score in enumerate(scores)]
        front = ParetoFront(points)
        display = ParetoFrontDisplay(front).plot()
        heights = display.ax_.transData.transform([(0, score) for score in scores])[:, 1]
        steps = np.diff(heights)
        np.testing.assert_allclose(steps, steps[0] * np.array([1, 1, 2]), rtol=1e-6)
        assert list(display.line_.get_ydata()) == scores
        assert {0.9, 0.99, 0.999, 0.9999} <= set(np.round(display.ax_.get_yticks(), 12))
        plain = ParetoFrontDisplay(front).plot(axis="score")
        assert plain.ax_.get_yscale() == "linear"
        assert ParetoFrontDisplay(ParetoFront(points[:2])).plot().ax_.get_yscale() == "linear"
        exact = ParetoFront([*points, (9, 1.0, expression("mass"))])
        low, high = ParetoFrontDisplay(exact).plot().ax_.get_ylim()
        assert np.isfinite([low, high]).all()
        with pytest.raises(ValueError, match="axis must be 'auto', 'score' or 'error'"):
            ParetoFrontDisplay(front).plot(axis="log")

    def test_a_click_chooses(self):
        from matplotlib.backend_bases import MouseEvent, PickEvent

        X = np.random.default_rng(0).normal(size=(120, 2))
        search = NeuronFormulaSearch(max_order=2, n_resamples=2).fit(X, X[:, 0] ** 2)
        display = ParetoFrontDisplay.from_estimator(search, choosable=True)
        canvas = display.figure_.canvas
        mouse = MouseEvent("button_press_event", canvas, 0, 0, 1)
        event = PickEvent("pick_event", canvas, mouse, display.points_, ind=[0])
        canvas.callbacks.process("pick_event", event)
        assert search.chosen_ == 0
        assert list(display.chosen_.get_xdata()) == [search.pareto_front_[0].complexity]
        with pytest.raises(TypeError, match="has no choose"):
            ParetoFrontDisplay.from_estimator(stand_in(), choosable=True)

    def test_dollars_are_no_mathematics(self):
        point = (1, 0.5, FittedExpression.parse("`a$b`*`c$^d`", ["a$b", "c$^d"]))
        display = ParetoFrontDisplay(ParetoFront([point])).plot()
        display.figure_.canvas.draw()
        assert r"a\$b" in display.formulas_[0].get_text()

    def test_nothing_to_draw(self, found):
        X, _ = found
        with pytest.raises(ValueError, match="front is empty"):
            ParetoFrontDisplay(ParetoFront())
        with pytest.raises(NotFittedError):
            ParetoFrontDisplay.from_estimator(NeuronFormulaSearch())
        quick = NeuronFormulaSearch(n_resamples=0).fit(X[:60], X[:60, 0])
        with pytest.raises(ValueError, match="n_resamples is 1 or more"):
            ParetoFrontDisplay.from_estimator(quick)

    def test_long_words_break_at_operators(self):
        law = expression("6.283*sqrt(mass)*cosh(0.3647*height)/sqrt(speed)")
        display = ParetoFrontDisplay(ParetoFront([(1, 0.1, expression("2")), (9, 0.9, law)])).plot()
        lines = [line.strip() for line in display.formulas_[1].get_text().splitlines()]
        assert len(lines) == 2
        assert lines[0].endswith("*cosh(0.3647*")
        assert lines[1] == "height)/sqrt(speed)"


class TestParts:
    @pytest.mark.parametrize("text", ["x + x**3 + <x,x>:2 + <x,x,x>", "<x,x>", "x"])
    @pytest.mark.parametrize("n_columns", [2, 4])
    def test_add_up_to_the_equation(self, text, n_columns):
        formula = NeuronFormula.parse(text)
        rng = np.random.default_rng(1)
        fitted = FittedFormula(
            formula,
            [1.0, 2.0],
            [rng.normal(size=(n_columns, 2)) for _ in formula.pure],
            {k: rng.normal(size=(k, n_columns, r)) for k, r in formula.interactions.items()},
            {k: rng.normal(size=(r, 2)) for k, r in formula.interactions.items()},
            center=rng.normal(size=n_columns),
            scale=np.full(n_columns, 2.0),
            lower=np.full(n_columns, -1.0),
            upper=np.full(n_columns, 1.5),
        )
        X = rng.normal(size=(50, n_columns))
        for output in range(2):
            parts = find_parts(fitted, output)
            assert len({part.columns for part in parts}) == len(parts)
            values = part_values(fitted, parts, output, X)
            total = fitted.intercept[output] + values.sum(axis=1)
            np.testing.assert_allclose(total, fitted.evaluate(X)[:, output], rtol=1e-10)
            # each part reads its own columns only
            for place, part in enumerate(parts):
                elsewhere = rng.normal(size=X.shape)
                elsewhere[:, list(part.columns)] = X[:, list(part.columns)]
                again = part_values(fitted, [part], output, elsewhere)[:, 0]
                np.testing.assert_allclose(again, values[:, place], rtol=1e-10, atol=1e-12)


class TestFormula:
    def test_of_a_search(self, found):
        X, search = found
        display = FormulaDisplay.from_estimator(search, X)
        names = [panel.columns for panel in display.panels]
        assert names == [("x0",), ("x1", "x2"), ("x3",)]
        shares = [panel.share for panel in display.panels]
        assert sum(shares) == pytest.approx(1.0)
        assert shares == sorted(shares, reverse=True)
        assert shares[1] == pytest.approx(term_importance(search, X)["x1*x2"])
        assert display.axes_.shape == (3,)
        assert display.bounding_ax_ is None
        assert all(ax.figure is display.figure_ for ax in display.axes_)
        line = display.artists_[0][0]
        x, y = line.get_data()
        assert (x.min(), x.max()) == (X[:, 0].min(), X[:, 0].max())
        curve = 2 * x**2 - np.mean(2 * X[:, 0] ** 2)
        np.testing.assert_allclose(y, curve, atol=0.1)
        assert display.axes_[0].get_xlabel() == "x0"
        assert {display.axes_[1].get_xlabel(), display.axes_[1].get_ylabel()} == {"x1", "x2"}

    def test_of_expressions(self):
        """Terms of one column add up; the surface is that of its two columns."""
        equation = expression("mass + 2*log(mass) + height*speed + 3*height*speed**2 + heat")
        X = draw_rows()
        display = FormulaDisplay.from_estimator(stand_in(fitted_formula_=equation), X)
        by_name = {panel.columns: panel for panel in display.panels}
        assert set(by_name) == {("mass",), ("height", "speed"), ("heat",)}
        curve = by_name["mass",]
        own = X[:, 0] + 2 * np.log(X[:, 0])
        np.testing.assert_allclose(
            curve.values, curve.grid + 2 * np.log(curve.grid) - own.mean(), atol=1e-9
        )
        surface = by_name["height", "speed"]
        height, speed = np.meshgrid(*surface.grids)
        own = X[:, 1] * X[:, 2] + 3 * X[:, 1] * X[:, 2] ** 2
        np.testing.assert_allclose(
            surface.values, height * speed + 3 * height * speed**2 - own.mean(), atol=1e-9
        )
        f = equation.evaluate(X)[:, 0]
        assert surface.share == pytest.approx(np.cov(own, f)[0, 1] / f.var(ddof=1))

    def test_atom_of_order_two_splits_into_pairs(self):
        u = np.array([[1.0, 2.0, 0.0], [0.0, 1.0, 3.0]])
        fitted = FittedFormula(
            NeuronFormula.parse("<x,x>"), [0.0], (), {2: u[:, :, None]}, {2: [[1.0]]}
        )
        X = np.random.default_rng(0).normal(size=(100, 3))
        display = FormulaDisplay.from_estimator(fitted, X)
        surfaces = {panel.columns: panel for panel in display.panels}
        weights = {("x0", "x1"): 1.0, ("x0", "x2"): 3.0, ("x1", "x2"): 6.0}
        assert set(surfaces) == set(weights)
        for names, weight in weights.items():
            i, j = (int(name[1]) for name in names)
            first, second = np.meshgrid(*surfaces[names].grids)
            expected = weight * (first * second - np.mean(X[:, i] * X[:, j]))
            np.testing.assert_allclose(surfaces[names].values, expected, atol=1e-12)

    def test_more_columns_become_bars(self):
        equation = expression("4*mass + mass*height*speed*heat + 0.1*heat")
        display = FormulaDisplay.from_estimator(equation, draw_rows())
        rest = display.panels[-1]
        assert rest.names == (("mass", "height", "speed", "heat"),)
        assert {panel.columns for panel in display.panels[:-1]} == {("mass",), ("heat",)}
        (bars,) = display.artists_[-1]
        assert [bar.get_width() for bar in bars] == pytest.approx(rest.shares)
        total = sum(panel.share for panel in display.panels)
        assert total == pytest.approx(1.0)

    def test_three_columns_are_cut_into_slices(self):
        equation, rows = expression("height*speed**2*heat**0.1"), draw_rows()
        display = FormulaDisplay.from_estimator(equation, rows)
        assert {panel.columns for panel in display.panels} == {("height", "speed")}
        assert [panel.third for panel in display.panels] == ["heat"] * 3
        levels = np.quantile(rows[:, 3], [0.1, 0.5, 0.9])
        mean = equation.evaluate(rows).mean()
        for panel, level in zip(display.panels, levels, strict=True):
            assert panel.level == pytest.approx(level)
            first, second = (grid[[3, 40]] for grid in panel.grids)
            for i, j in ((0, 1), (1, 0)):
                there = [[0.0, first[i], second[j], level]]
                value = equation.evaluate(there)[0, 0] - mean
                assert panel.values[[3, 40][j], [3, 40][i]] == pytest.approx(value)
        assert sum(len(panel.rows) for panel in display.panels) == len(rows)
        assert len({panel.size for panel in display.panels}) == 1
        few = FormulaDisplay.from_estimator(equation, rows, max_panels=2)
        assert [type(panel).__name__ for panel in few.panels] == ["Rest"]

    def test_slices_at_each_of_few_values(self):
        rows = draw_rows()
        rows[:, 3] = np.arange(len(rows)) % 2
        equation = expression("height*speed*(1 + 0.1*heat) + mass")
        display = FormulaDisplay.from_estimator(equation, rows)
        assert [panel.level for panel in display.panels if hasattr(panel, "level")] == [0.0, 1.0]

    @pytest.mark.parametrize(("most", "kinds"), [(1, 1), (2, 2), (3, 3), (4, 4), (9, 4)])
    def test_most_panels(self, most, kinds):
        equation = expression("4*mass + 3*height + 2*speed + heat")
        display = FormulaDisplay.from_estimator(equation, draw_rows(), max_panels=most)
        assert len(display.axes_) == kinds
        assert display.panels[0].columns == ("mass",)
        rests = [panel for panel in display.panels if hasattr(panel, "names")]
        assert len(rests) == (1 < most < 4)

    def test_wanted_terms(self):
        equation = expression("4*mass + 3*height + speed*heat")
        wanted = [("heat", "speed"), "height"]
        display = FormulaDisplay.from_estimator(equation, draw_rows(), terms=wanted)
        assert [set(panel.columns) for panel in display.panels] == [{"heat", "speed"}, {"height"}]
        with pytest.raises(ValueError, match="no part 'speed'"):
            FormulaDisplay.from_estimator(equation, draw_rows(), terms=["speed"])

    def test_categories(self, dataframe):
        rng = np.random.default_rng(0)
        columns = {
            "sex": rng.choice(["male", "female"], size=240).tolist(),
            "town": [None if i % 5 == 0 else "ABC"[i % 3] for i in range(240)],
            "member": rng.random(240) < 0.3,
            "age": rng.uniform(20, 80, size=240),
        }
        town = np.array([{"A": 3.0, "B": -2.0}.get(name, 0.0) for name in columns["town"]])
        y = 2.0 * (np.array(columns["sex"]) == "male") + town
        y = y + np.where(columns["member"], 0.1, -0.1) * (columns["age"] - 50)
        X = dataframe(columns)
        search = NeuronFormulaSearch(max_order=2, max_interaction_order=2, n_resamples=0).fit(X, y)
        display = FormulaDisplay.from_estimator(search, X)
        panels = {panel.columns: panel for panel in display.panels}
        sex = dict(zip(panels["sex",].levels, panels["sex",].values, strict=True))
        assert set(sex) == {"male", "female"}
        assert sex["male"] - sex["female"] == pytest.approx(2.0, abs=0.1)
        levels = dict(zip(panels["town",].levels, panels["town",].values, strict=True))
        assert levels["A"] - levels["B"] == pytest.approx(5.0, abs=0.1)
        assert panels["town",].frequency.sum() == pytest.approx(1.0)
        lines = panels["age", "member"]
        assert lines.levels.tolist() == [0.0, 1.0]
        slopes = (lines.values[:, -1] - lines.values[:, 0]) / np.ptp(lines.grid)
        assert slopes[1] - slopes[0] == pytest.approx(0.2, abs=0.02)

    def test_weights_and_percentiles(self):
        X, equation = draw_rows(), expression("mass**2 + heat")
        weight = (X[:, 0] < 1.5).astype(float)
        display = FormulaDisplay.from_estimator(
            equation, X, sample_weight=weight, percentiles=(0.1, 0.9)
        )
        curve = next(panel for panel in display.panels if panel.columns == ("mass",))
        inside = X[weight > 0, 0]
        assert (curve.grid[0], curve.grid[-1]) == pytest.approx(
            tuple(np.quantile(inside, [0.1, 0.9]))
        )
        np.testing.assert_allclose(curve.values, curve.grid**2 - np.mean(inside**2), atol=1e-12)

    def test_outputs(self):
        equation = FittedExpression.parse(["mass", "height*speed"], NAMES)
        for output, columns in enumerate([("mass",), ("height", "speed")]):
            display = FormulaDisplay.from_estimator(equation, draw_rows(), output=output)
            assert [panel.columns for panel in display.panels] == [columns]

    def test_within_given_axes(self, found):
        X, search = found
        figure, (first, second) = plt.subplots(1, 2, figsize=(12, 4), layout="constrained")
        ParetoFrontDisplay.from_estimator(search, first)
        display = FormulaDisplay.from_estimator(search, X, ax=second)
        assert display.bounding_ax_ is second
        assert display.figure_ is figure
        figure.canvas.draw()
        room = second.get_position()
        for ax in display.axes_:
            assert ax.get_position().x0 >= room.x0 - 1e-6

    def test_names_with_dollars(self):
        equation = FittedExpression.parse("`a$b`**2 + `a$b`*`c$^d`", ["a$b", "c$^d"])
        X = np.random.default_rng(0).normal(size=(50, 2))
        FormulaDisplay.from_estimator(equation, X).figure_.canvas.draw()

    def test_nothing_to_draw(self):
        X = draw_rows()
        with pytest.raises(ValueError, match="nothing to draw"):
            FormulaDisplay([])
        with pytest.raises(ValueError, match="same value in all rows"):
            FormulaDisplay.from_estimator(expression("3"), X)
        with pytest.raises(ValueError, match="max_panels must be 1 or more"):
            FormulaDisplay.from_estimator(expression("mass"), X, max_panels=0)
        with pytest.raises(ValueError, match="percentiles must rise"):
            FormulaDisplay.from_estimator(expression("mass"), X, percentiles=(0.5, 0.5))
        loose = plt.figure().add_axes((0.1, 0.1, 0.8, 0.8))
        with pytest.raises(ValueError, match="ax must stand in a grid"):
            FormulaDisplay.from_estimator(expression("mass"), X, ax=loose)


def test_without_matplotlib(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(MissingDependencyError, match=r"install sktaskneuron\[plot\]"):
        ParetoFrontDisplay.from_estimator(stand_in())
    with pytest.raises(MissingDependencyError, match=r"install sktaskneuron\[plot\]"):
        FormulaDisplay.from_estimator(expression("mass"), draw_rows())


def test_importance_needs_no_matplotlib():
    code = (
        "import sys; sys.modules['matplotlib'] = None\n"
        "from sktaskneuron.formula import FittedExpression\n"
        "from sktaskneuron.inspection import term_importance\n"
        "print(term_importance(FittedExpression.parse('2*a', ['a']), [[1.0], [2.0]]))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "{'a': 1.0}"
