"""What a user says of the equation: functions, columns, sizes, shapes, proposals, the choice."""

import numpy as np
import pandas as pd
import pytest

from sktaskneuron import NeuronFormulaSearch, NeuronSeekRegressor
from sktaskneuron.formula.text.evaluation import primitives_of, variables
from sktaskneuron.search.columns.engines import operon, pysr
from sktaskneuron.search.columns.rules import Rules, obeying

QUICK = {"max_order": 3, "max_interaction_order": 2, "n_resamples": 2}


def draw(n=150, seed=0):
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(rng.uniform(0.5, 3, size=(n, 3)), columns=["a", "b", "c"])
    return X, 2 * X.a * X.b + np.log(X.c) + 0.05 * rng.normal(size=n)


def columns_search(max_steps=1, **options):
    return NeuronFormulaSearch("sr", scope="columns", max_steps=max_steps, **options)


def nodes_of(search):
    front = [point.fitted.nodes[0] for point in search.pareto_front_]
    return [search.fitted_formula_.nodes[0], *front]


class TestFunctions:
    @pytest.mark.parametrize("functions", [[], ["exp"], ["sqrt", "abs"]])
    def test_only_these_stand_in_equations_of_columns(self, functions):
        search = columns_search(2, functions=functions).fit(*draw())
        for node in nodes_of(search):
            assert primitives_of(node) <= set(functions)
        assert search.score(*draw(seed=1)) > 0.9

    def test_only_these_stand_in_a_neuron(self):
        rng = np.random.default_rng(0)
        X = rng.normal(size=(200, 2))
        y = np.sin(2.5 * X) @ [1, -1]
        search = NeuronFormulaSearch("sr", n_resamples=0, interactions=False)
        assert "sin" in str(search.fit(X, y).formula_)
        search.set_params(functions=["tanh"]).fit(X, y)
        used = [primitives_of(g.node) for g in search.formula_.expressions]
        assert frozenset().union(*used) <= {"tanh"}

    def test_unknown_names(self):
        for parameter in ({"functions": ["sine"]}, {"nesting": {"sin": ["sine"]}}):
            with pytest.raises(ValueError, match="'sine', which is no function; known are abs"):
                columns_search(**parameter).fit(*draw())
        with pytest.raises(ValueError, match="nesting must hold lists of names"):
            columns_search(nesting={"sin": "exp"}).fit(*draw())


class TestColumns:
    @pytest.mark.parametrize("search", [NeuronFormulaSearch(**QUICK), columns_search()])
    @pytest.mark.parametrize("columns", [["a", "c"], {"b": "forbid", "a": "allow"}])
    def test_only_these_enter(self, search, columns):
        search.set_params(columns=columns).fit(*draw())
        names = search.fitted_formula_.feature_names
        assert {names[i] for i in search.fitted_formula_.used_features} <= {"a", "c"}
        assert search.feature_importances_[1] == 0

    @pytest.mark.parametrize(
        "search",
        [
            NeuronFormulaSearch(**QUICK),
            NeuronFormulaSearch("sr", max_steps=3, n_resamples=2),
            columns_search(),
        ],
    )
    def test_a_forced_column_stays(self, search):
        X, y = draw()
        X["idle"] = np.random.default_rng(5).normal(size=len(X))
        names = {"a", "b", "c", "idle"}
        plain = search.set_params(columns=None).fit(X, y).fitted_formula_
        assert {plain.feature_names[i] for i in plain.used_features} <= names - {"idle"}
        search.set_params(columns={"idle": "force"}).fit(X, y)
        equation = search.fitted_formula_
        assert "idle" in {equation.feature_names[i] for i in equation.used_features}
        assert search.score(X, y) > 0.9

    def test_a_forced_category(self):
        X, y = draw()
        X["town"] = pd.Series(np.tile(["Oslo", "Rome", "Bern"], 50), dtype="category")
        for search in (NeuronFormulaSearch(**QUICK), columns_search()):
            search.set_params(columns={"town": "force"}).fit(X, y)
            assert any(name.startswith("town=") for name in used_names(search))

    def test_what_is_refused(self):
        X, y = draw()
        with pytest.raises(ValueError, match=r"columns names the column 'z', which the table does"):
            columns_search(columns=["z"]).fit(X, y)
        with pytest.raises(ValueError, match="columns must say 'force', 'allow' or 'forbid'"):
            columns_search(columns={"a": "keep"}).fit(X, y)
        X["one"] = 1.0
        for search in (NeuronFormulaSearch(), columns_search()):
            with pytest.raises(ValueError, match="'one' is forced, but it is constant"):
                search.set_params(columns={"one": "force"}).fit(X, y)

    def test_tables_without_names(self):
        X, y = draw()
        search = columns_search(columns=["x0"]).fit(X.to_numpy(), y)
        assert used_names(search) <= {"x0"}


def used_names(search):
    equation = search.fitted_formula_
    return {equation.feature_names[i] for i in equation.used_features}


class TestSizes:
    def test_what_counts_more_is_avoided(self):
        X, y = draw()
        assert "a" in used_names(columns_search().fit(X, y))
        dear = columns_search(complexity={"a": 60, "log": 3}).fit(X, y)
        assert "a" not in used_names(dear)
        for bad in (-1, 1.5, True):
            with pytest.raises(ValueError, match="complexity of 'a' must be a whole number"):
                columns_search(complexity={"a": bad}).fit(X, y)

    def test_the_front_counts_so_too(self):
        X, y = draw()
        front = columns_search(complexity={"b": 3}).fit(X, y).pareto_front_
        node = front[-1].formula.nodes[0]
        assert "b" in variables(node)
        assert front[-1].complexity == Rules(sizes={"b": 3}).size(node)

    def test_highest_power(self):
        rng = np.random.default_rng(0)
        X = pd.DataFrame(rng.uniform(-2, 2, size=(120, 1)), columns=["a"])
        y = X.a**4
        assert "a**4" in str(columns_search().fit(X, y).fitted_formula_)
        low = columns_search(max_order=2).fit(X, y)
        assert all(Rules(max_power=2).admit_part(node) for node in nodes_of(low))


def test_nesting():
    rules = Rules(nesting={"sin": frozenset({"exp", "sqrt"})})
    from sktaskneuron.formula import FittedExpression

    def tree(text):
        return FittedExpression.parse(text, ["a"]).nodes[0]

    assert not rules.admit_part(tree("sin(2*exp(a))"))
    assert not rules.admit_part(tree("cos(sin(1 + sqrt(a)))"))
    assert rules.admit_part(tree("exp(sin(a)) + sqrt(a)"))


class TestShapes:
    def test_rising(self):
        rng = np.random.default_rng(0)
        X = pd.DataFrame({"a": rng.uniform(0, 3, 200)})
        y = X.a - 0.15 * X.a**2 + 0.4 * np.sin(3 * X.a)
        grid = pd.DataFrame({"a": np.linspace(0, 3, 300)})
        assert (np.diff(columns_search().fit(X, y).predict(grid)) < 0).any()
        rising = columns_search(monotone={"a": 1}).fit(X, y)
        assert (np.diff(rising.predict(grid)) >= 0).all()
        assert rising.fitted_formula_.terms
        falling = columns_search(monotone={"a": -1}).fit(X, y)
        assert (np.diff(falling.predict(grid)) <= 0).all()

    def test_finite_in_a_domain(self):
        X, y = draw()
        grid = X.assign(c=0.0)
        free = columns_search().fit(X, y)
        assert not free.fitted_formula_.in_domain(grid.to_numpy()).all()
        held = columns_search(domain={"c": (0, 5)}).fit(X, y)
        assert held.fitted_formula_.in_domain(grid.to_numpy()).all()

    def test_poles_between_points_are_found(self):
        from sktaskneuron.formula import FittedExpression

        node = FittedExpression.parse("1/(a - 1.2345)", ["a"]).nodes[0]
        columns = {"a": np.linspace(2, 3, 9)}
        assert Rules(domain={"a": (2, 9)}).admit(node, columns)
        assert not Rules(domain={"a": (0, 3)}).admit(node, columns)

    @pytest.mark.parametrize(
        ("parameters", "message"),
        [
            ({"monotone": {"a": 2}}, "monotone must be 1 or -1"),
            ({"monotone": {"z": 1}}, "monotone names the column 'z'"),
            ({"domain": {"a": (1, 0)}}, "domain must be a pair of numbers"),
            ({"domain": {"a": 3}}, "domain must be a pair of numbers"),
            ({"domain": {"a": (0, np.inf)}}, "domain must be a pair of numbers"),
        ],
    )
    def test_what_is_refused(self, parameters, message):
        with pytest.raises(ValueError, match=message):
            columns_search(**parameters).fit(*draw())

    def test_categories_do_not_rise(self):
        X, y = draw()
        X["town"] = pd.Series(np.tile(["Oslo", "Rome", "Bern"], 50), dtype="category")
        with pytest.raises(ValueError, match="'town', which holds no numbers"):
            columns_search(monotone={"town": 1}).fit(X, y)


class TestProposals:
    def test_a_law_from_elsewhere_is_judged_with_the_rest(self):
        rng = np.random.default_rng(0)
        X = pd.DataFrame({"t": rng.uniform(0, 8, 200)})
        y = 2 * np.exp(-0.3 * X.t) * np.cos(3 * X.t + 0.4)
        seen = []

        def proposer(X, y, names):
            seen.append((X.shape, y.shape, names))
            return ["exp(-0.25*t)*cos(2.9*t + 0.3)", "t", "sine(t)", "t + q"]

        search = columns_search(proposer=proposer).fit(X, y)
        assert search.score(X, y) > 1 - 1e-6
        assert seen == [((160, 1), (160,), ("t",))]
        left = [text for text in search.caps_ if "proposed equation was left out" in text]
        assert len(left) == 2
        assert "unknown function 'sine'" in left[0]
        assert columns_search().fit(X, y).score(X, y) < 0.999

    @pytest.mark.parametrize("answer", ["t", 3, [3]])
    def test_what_is_no_text(self, answer):
        with pytest.raises(TypeError, match="proposer must return texts"):
            columns_search(proposer=lambda X, y, names: answer).fit(*draw())

    def test_nothing_is_run(self):
        evil = "__import__('os').system('true')"
        search = columns_search(proposer=lambda X, y, names: [evil]).fit(*draw())
        assert any("left out" in text for text in search.caps_)


class TestSelection:
    @pytest.mark.parametrize("search", [NeuronFormulaSearch(**QUICK), columns_search()])
    def test_which_point_answers(self, search):
        X, y = draw()
        front = search.set_params(selection="score").fit(X, y).pareto_front_
        assert search.chosen_ == len(front) - 1
        best, simple = front[-1], search.set_params(selection="one_se").fit(X, y).chosen_
        assert front[simple].score + front[simple].error >= best.score
        assert all(point.score + point.error < best.score for point in front[:simple])
        size = int(front[1].complexity)
        small = search.set_params(selection=size).fit(X, y)
        assert front[small.chosen_].complexity <= size
        assert small.fitted_formula_ == front[small.chosen_].fitted

    def test_without_a_point(self):
        with pytest.raises(ValueError, match="picks from the front: set n_resamples"):
            NeuronFormulaSearch(n_resamples=0, selection="score").fit(*draw())
        with pytest.raises(ValueError, match="selection=0 allows no equation"):
            columns_search(selection=0).fit(*draw())


@pytest.mark.parametrize(
    ("search", "parameter"),
    [
        (NeuronFormulaSearch(), {"functions": ["sin"]}),
        (NeuronFormulaSearch(), {"max_complexity": 20}),
        (NeuronFormulaSearch(), {"proposer": lambda X, y, names: []}),
        (NeuronFormulaSearch("sr"), {"nesting": {}}),
        (NeuronFormulaSearch("sr"), {"domain": {"a": (0, 1)}}),
        (columns_search(), {"interactions": False}),
        (columns_search(), {"n_resamples": 0}),
        (columns_search(), {"criterion": "bic"}),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else str(value),
)
def test_what_is_not_read_is_refused(search, parameter):
    with pytest.raises(ValueError, match=rf"{next(iter(parameter))}=.* is not read with method="):
        search.set_params(**parameter).fit(*draw(30))


def test_what_is_not_read_is_refused_inside_of_an_estimator():
    model = NeuronSeekRegressor(search=NeuronFormulaSearch(functions=["sin"]), max_epochs=1)
    with pytest.raises(ValueError, match=r"functions=.* is not read"):
        model.fit(*draw(30))


class TestEngines:
    def test_operon_gets_the_functions(self):
        rules = Rules(functions=frozenset({"sin", "sqrt"}))
        assert operon.allowed_functions(rules) == ["sin", "sqrt", "square"]
        assert operon.allowed_functions(Rules()) == list(operon.FUNCTIONS.values())

    def test_pysr_gets_functions_sizes_and_nesting(self):
        rules = Rules(
            functions=frozenset({"sin", "exp"}),
            sizes={"sin": 3, "b": 2},
            nesting={"sin": frozenset({"sin", "log"})},
        )
        assert pysr.ruled_options(rules, ("a", "b")) == {
            "unary_operators": ["sin", "exp", "square", "cube"],
            "complexity_of_operators": {"sin": 3},
            "complexity_of_variables": [1, 2],
            "nested_constraints": {"sin": {"sin": 0}},
        }

    def test_what_an_engine_finds_goes_by_the_rules(self):
        pytest.importorskip("pyoperon")
        search = columns_search(2_000, engine="operon", functions=["exp"], random_state=0)
        for node in nodes_of(search.fit(*draw())):
            assert primitives_of(node) <= {"exp"}


def test_rules_end_with_the_search():
    from sktaskneuron.search.columns.rules import running_rules

    with obeying(Rules(max_power=2)):
        assert running_rules().max_power == 2
    assert running_rules() == Rules()
