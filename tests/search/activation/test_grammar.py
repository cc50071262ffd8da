"""Activation functions as texts: the grammar, costs, admission and duplicates."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
import torch

from sktaskneuron.exceptions import FormulaError
from sktaskneuron.formula import ElementwiseExpression
from sktaskneuron.formula.text.nodes import Variable
from sktaskneuron.nn import TORCH_NAMESPACE, find_activation
from sktaskneuron.search.activation.admission import (
    BUDGET,
    admissible,
    cost,
    dedupe,
    output_key,
    refusal,
)
from sktaskneuron.search.activation.grammar import (
    _with_part,
    canonical_text,
    crossover,
    mutate,
    sample,
)
from sktaskneuron.search.activation.operations import BINARY, UNARY, node_text

from .helpers import CLASSICS

F = torch.nn.functional
X = torch.linspace(-6, 6, 241, dtype=torch.float64)
HOSTILE = [
    "__import__('os').system('true')",
    "().__class__.__bases__[0]",
    "lambda x: x",
    "eval('x')",
    "x if x > 0 else 0",
    "open(x)",
    "torch.relu(x)",
    "x.sum()",
    "x; x",
    "relu(y)",
    "relu(x",
    "(" * 3000 + "x" + ")" * 3000,
    "x**x",
    "x*" * 100_000 + "x",
    "1e999*x",
    "`x`",
    "x\x00",
    "ｘ",
    "",
    "   ",
    None,
    7,
    b"x",
    ["x"],
]


def values(text: str, x: torch.Tensor = X) -> torch.Tensor:
    return ElementwiseExpression.parse(text).evaluate(x, TORCH_NAMESPACE)


class TestGrammar:
    @pytest.mark.parametrize(
        ("name", "function"),
        [
            ("relu", F.relu),
            ("elu", F.elu),
            ("selu", F.selu),
            ("silu", F.silu),
            ("gelu", F.gelu),
            ("tanh", torch.tanh),
            ("softplus", F.softplus),
            ("sigmoid", torch.sigmoid),
            ("square", torch.square),
            ("sin", torch.sin),
            ("hard_swish", F.hardswish),
            ("mish", F.mish),
        ],
    )
    def test_classics_are_the_known_functions(self, name, function):
        torch.testing.assert_close(values(CLASSICS[name]), function(X), atol=1e-12, rtol=1e-9)
        assert admissible(CLASSICS[name])
        assert canonical_text(CLASSICS[name]) == CLASSICS[name]

    @pytest.mark.parametrize("name", ["elu", "selu"])
    def test_classics_keep_their_digits_near_zero(self, name):
        x = torch.logspace(-7, -2, 50)
        for near in (x, -x):
            exact = values(CLASSICS[name], near.double())
            torch.testing.assert_close(
                values(CLASSICS[name], near).double(), exact, rtol=3e-7, atol=0
            )

    def test_registered_activations_by_name(self):
        assert canonical_text("lisht") == "x*tanh(x)"
        with pytest.raises(FormulaError, match="'gelu_sinc' has no form in the grammar"):
            canonical_text("gelu_sinc")

    @pytest.mark.parametrize(
        ("text", "function"),
        [
            (node_text(BINARY["maximum"](Variable(), UNARY["tanh"](Variable()))), torch.maximum),
            (node_text(BINARY["minimum"](Variable(), UNARY["tanh"](Variable()))), torch.minimum),
        ],
    )
    def test_extremes_are_composed(self, text, function):
        torch.testing.assert_close(values(text), function(X, torch.tanh(X)))

    def test_drawn_texts_are_canonical_distinct_and_admissible(self):
        texts = sample(np.random.default_rng(0), 150)
        assert len(texts) == 150
        assert texts == [ElementwiseExpression.parse(text).text for text in texts]
        assert all(map(admissible, texts))
        assert dedupe(texts) == texts

    def test_all_operations_are_drawn(self):
        texts = " ".join(sample(np.random.default_rng(1), 200))
        for name in (
            "abs",
            "expm1",
            "sin",
            "cos",
            "tanh",
            "erf",
            "asinh",
            "gaussian",
            "log",
            "softsign",
        ):
            assert f"{name}(" in texts
        assert "/" in texts

    @pytest.mark.parametrize("budget", [12.0, 30.0, 60.0])
    def test_budget_bounds_every_operation(self, budget):
        rng = np.random.default_rng(2)
        texts = sample(rng, 30, budget=budget)
        children = [mutate(text, rng, budget=budget) for text in texts]
        children += [crossover(a, b, rng, budget=budget) for a, b in pairwise(texts)]
        assert max(map(cost, texts + children)) <= budget

    def test_small_budget_leaves_fewer(self):
        texts = sample(np.random.default_rng(0), 30, budget=1.0)
        assert 1 < len(texts) < 30

    def test_mutation_changes_and_keeps_the_grammar(self):
        rng = np.random.default_rng(3)
        for text in [*CLASSICS.values(), "x"]:
            for _ in range(20):
                child = mutate(text, rng)
                assert child != text
                assert canonical_text(child) == child

    def test_mutation_moves_constants(self):
        rng = np.random.default_rng(4)
        children = {mutate("tanh(1.5*x)", rng) for _ in range(300)}
        near = [c for c in children if c.startswith("tanh(1.") and c.endswith("*x)")]
        assert len(near) > 5

    def test_crossover_takes_from_both(self):
        rng = np.random.default_rng(5)
        children = {crossover("sin(x)*sigmoid(x)", "tanh(x**2)", rng) for _ in range(60)}
        assert "sigmoid(x)*tanh(x**2)" in children
        assert "sigmoid(x)*sin(x**2)" in children

    def test_every_part_can_be_exchanged(self):
        node = ElementwiseExpression.parse("x*sin(x + 2) + exp(-x)").node
        one = UNARY["cos"](Variable())
        found = {node_text(_with_part(node, place, lambda _: one)) for place in range(9)}
        assert "cos(x)" in found
        assert "cos(x) + exp(-x)" in found
        assert canonical_text("x*sin(x + 2) + exp(-cos(x))") in found

    def test_same_seed_same_texts(self):
        one, two = (np.random.default_rng(6) for _ in range(2))
        assert sample(one, 20) == sample(two, 20)
        assert mutate("x*tanh(x)", one) == mutate("x*tanh(x)", two)
        assert crossover("x*tanh(x)", "sin(x)", one) == crossover("x*tanh(x)", "sin(x)", two)


class TestCost:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("x", 1),
            ("relu(x)", 1),
            ("2*x + 1", 2),
            ("x**2", 1),
            ("x**5", 3),
            ("1/x", 4),
            ("x/(x**2 + 1)", 7),
            ("sqrt(x)", 4),
            ("x*tanh(x)", 13),
        ],
    )
    def test_counts(self, text, expected):
        assert cost(text) == expected

    @pytest.mark.parametrize("text", ["relu(x)", "x/(x**2 + 1)", "x*tanh(x)", "expm1(x)/sqrt(x)"])
    def test_is_that_of_the_activation(self, text):
        assert cost(text) == find_activation(text).cost

    def test_default_is_three_gelus(self):
        assert cost(CLASSICS["gelu"]) * 3 == pytest.approx(BUDGET, rel=0.1)

    def test_unreadable(self):
        with pytest.raises(FormulaError, match="unknown function"):
            cost("swoosh(x)")


class TestAdmission:
    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            ("x", None),
            ("abs(x)", None),
            ("1/(x**2 + 1)", None),
            ("x/(abs(x) + 1)", None),
            ("3", "flat"),
            ("x - x", "flat"),
            ("1e-5*x", "flat"),
            ("sign(x)", "flat"),  # no slope to learn by
            ("sigmoid(x + 1000)", "flat"),
            ("exp(x)", "steep"),
            ("2000*x", "steep"),
            ("exp(exp(x))", "undefined"),
            ("gaussian(exp(exp(x)))", "undefined"),  # its slope is not
            ("sqrt(x)", "undefined"),
            ("sqrt(abs(x))", "undefined"),  # no slope at 0
            ("log(x)", "undefined"),
            ("1/x", "undefined"),
            ("1/(x + 0.0005)", "undefined"),  # a pole between the points
            ("1/(x**2 - 0.0000003)", "undefined"),
            ("tan(x)", "undefined"),
            ("asin(x)", "undefined"),
            ("sin(sin(sin(sin(sin(sin(x))))))", "costly"),
        ],
    )
    def test_reasons(self, text, reason):
        assert refusal(text) == reason
        assert admissible(text) == (reason is None)

    @pytest.mark.parametrize("text", HOSTILE)
    def test_hostile_texts_are_unreadable(self, text):
        assert refusal(text) == "unreadable"

    def test_budget(self):
        assert refusal("tanh(x)", budget=11) == "costly"
        assert refusal("tanh(x)", budget=12) is None

    def test_admissible_functions_behave(self):
        x = torch.linspace(-12, 12, 997, requires_grad=True)
        for text in sample(np.random.default_rng(7), 60):
            value = values(text, x)
            (slope,) = torch.autograd.grad(value.sum(), x)
            assert value.abs().max() < 1e4
            assert slope.abs().max() < 1e4

    def test_reasons_of_drawn_children_are_few(self):
        rng = np.random.default_rng(8)
        reasons = Counter(refusal(mutate(t, rng)) for t in CLASSICS.values() for _ in range(20))
        assert reasons[None] > 0.6 * reasons.total()


class TestDuplicates:
    @pytest.mark.parametrize(
        ("one", "two"),
        [
            ("tanh(x)", "2*sigmoid(2*x) - 1"),
            ("relu(x)", "0.5*x + 0.5*abs(x)"),
            ("relu(x)", "3*relu(-x) + 2"),
            ("softplus(x)", "x - softplus(x)"),  # softplus(-x) with the sign changed
            ("x*sigmoid(x)", "x - x*sigmoid(x)"),
            ("gaussian(x)", "exp(-x**2)"),
            ("sin(x)", "-sin(x)"),
            ("cos(x)", "1 - cos(x)"),
        ],
    )
    def test_alike_for_networks(self, one, two):
        assert output_key(one) == output_key(two)

    @pytest.mark.parametrize(
        ("one", "two"),
        [
            ("tanh(x)", "tanh(1.01*x)"),
            ("relu(x)", "relu(x) - relu(x - 6)"),  # unlike far outside only
            ("x*sigmoid(x)", "x*sigmoid(1.702*x)"),
            ("sin(x)", "cos(x)"),
            ("x", "x**2"),
        ],
    )
    def test_unlike(self, one, two):
        assert output_key(one) != output_key(two)

    def test_first_stays(self):
        assert dedupe(["x**2", "tanh(x)", "2 - x**2"]) == ["x**2", "tanh(x)"]

    def test_classics_are_distinct(self):
        assert len(dedupe(CLASSICS.values())) == len(CLASSICS)

    def test_random_signs_and_scales(self):
        rng = np.random.default_rng(9)
        for text in sample(rng, 40):
            a, b = rng.uniform(0.5, 2, 2) * rng.choice([-1, 1], 2)
            assert output_key(f"{a!s}*({text}) + {b!s}") == output_key(text)
            mirrored = ElementwiseExpression.parse(text).format("(-x)")
            assert output_key(mirrored) == output_key(text)
