"""The choice among candidates, from their held-out outputs alone."""

import numpy as np
import pytest

from sktaskneuron.models.candidate import Candidate
from sktaskneuron.models.choice import choose
from sktaskneuron.models.fitted import Blend
from sktaskneuron.models.inputs import Inputs
from sktaskneuron.models.target import ClassTarget, ValueTarget
from sktaskneuron.models.task import Task
from sktaskneuron.models.validation import Validation

N_ROWS = 400


class Fixed:
    """A model of the given outputs."""

    def __init__(self, outputs):
        self.outputs = outputs

    def predict_raw(self, inputs):
        return self.outputs


def problem(target, classification=False):
    kind = ValueTarget(np.zeros(1), np.ones(1), single=True)
    if classification:
        kind = ClassTarget(np.unique(target))
    target = target if classification else target[:, None]
    raw = np.zeros((N_ROWS, 1))
    inputs = Inputs(raw, raw[:, :0], {}, 1)
    task = Task(inputs, target, np.ones(N_ROWS), kind)
    everything = np.arange(N_ROWS)
    halves = [(everything[200:], everything[:200]), (everything[:200], everything[200:])]
    return task, Validation.of(task, halves)


def candidates(outputs, simple=("constant", "linear", "formula")):
    return [Candidate(name, Fixed(o), o, simple=name in simple) for name, o in outputs.items()]


@pytest.fixture
def values():
    """A target and outputs that miss it by noise of a given size."""
    rng = np.random.default_rng(0)
    target = rng.normal(size=N_ROWS)

    def draw(noise):
        return (target + noise * rng.normal(size=N_ROWS))[:, None]

    return target, draw


class TestValues:
    def test_a_readable_model_as_good_as_the_blend_predicts(self, values):
        target, draw = values
        linear = draw(0.1)
        outputs = {"constant": 0 * linear, "linear": linear, "task": linear + 0.001 * draw(0)}
        choice = choose(*problem(target), candidates(outputs), margin=1.0)
        assert choice.name == "linear"
        assert choice.weights == {"constant": 0.0, "linear": 1.0, "task": 0.0}
        assert choice.outputs is linear

    def test_the_simpler_of_two_readable_ones_if_equal(self, values):
        target, draw = values
        linear = draw(0.1)
        outputs = {"constant": 0 * linear, "linear": linear, "formula": linear}
        assert choose(*problem(target), candidates(outputs), 1.0).name == "linear"

    def test_a_long_equation_is_a_part_like_others(self, values):
        target, draw = values
        formula = draw(0.1)
        outputs = {"linear": draw(3), "formula": formula, "task": formula + 0.001 * draw(0)}
        short = choose(*problem(target), candidates(outputs), 1.0)
        assert short.name == "formula"
        long = choose(*problem(target), candidates(outputs, simple=("linear",)), 1.0)
        assert long.name == "blend"

    def test_a_better_blend_predicts(self, values):
        target, draw = values
        outputs = {"constant": draw(2), "linear": draw(0.5), "task": draw(0.5), "ranks": draw(0.5)}
        choice = choose(*problem(target), candidates(outputs), 1.0)
        assert choice.name == "blend"
        assert isinstance(choice.model, Blend)
        np.testing.assert_allclose(choice.model.predict_raw(None), choice.outputs)
        assert sum(choice.weights.values()) == pytest.approx(1.0)
        assert choice.losses["blend"] < min(choice.losses[name] for name in outputs)
        assert choice.gains["task"] > 0
        assert choice.model.names == tuple(n for n in outputs if choice.weights[n] > 0)
        for name, part in zip(choice.model.names, choice.model.models, strict=True):
            assert part.outputs is outputs[name]
        assert abs(choice.gains["constant"]) < 0.01

    def test_margin_holds_for_readable_models(self, values):
        target, draw = values
        outputs = {"linear": draw(0.5), "task": draw(0.5)}
        names = [choose(*problem(target), candidates(outputs), m).name for m in (0.0, 1.0, 100.0)]
        assert names == ["blend", "blend", "linear"]

    def test_one_network_alone_keeps_its_name(self, values):
        target, draw = values
        outputs = {"constant": draw(3), "task": draw(0.01), "ranks": draw(3)}
        choice = choose(*problem(target), candidates(outputs), 1.0)
        assert choice.name == "task"
        assert choice.weights["task"] == 1.0

    def test_outputs_that_are_no_numbers_are_left_out(self, values):
        target, draw = values
        broken = draw(0.1)
        broken[3] = np.nan
        outputs = {"constant": draw(3), "linear": draw(0.5), "task": broken}
        choice = choose(*problem(target), candidates(outputs), 1.0)
        assert "task" not in choice.losses
        assert np.isfinite(choice.outputs).all()

    def test_without_held_out_rows_all_share(self, values):
        target, draw = values
        task, _ = problem(target)
        none = Validation.of(task, [])
        pair = choose(task, none, candidates({"task": draw(1), "ranks": draw(1)}), 1.0)
        assert pair.name == "blend"
        assert pair.weights == {"task": 0.5, "ranks": 0.5}
        assert pair.model.names == ("task", "ranks")
        assert choose(task, none, candidates({"task": draw(1)}), 1.0).name == "task"


class TestClasses:
    def test_blend_is_at_its_best_temperature(self):
        """Overconfident logits are softened, and the constant is not needed for it."""
        rng = np.random.default_rng(0)
        truth = 1.5 * rng.normal(size=(N_ROWS, 3))
        codes = (truth + rng.gumbel(size=truth.shape)).argmax(axis=1)
        outputs = {"constant": 0 * truth, "task": 5 * truth}
        choice = choose(*problem(codes, classification=True), candidates(outputs), 1.0)
        assert choice.losses["blend"] < choice.losses["task"] - 0.2
        size = np.linalg.norm(choice.outputs) / np.linalg.norm(truth)
        assert size == pytest.approx(1.0, abs=0.25)
