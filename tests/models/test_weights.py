"""Weights of models: optimal on the rows they were chosen on, and sensible at the edges."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import check_grad, minimize
from scipy.special import logsumexp

from sktaskneuron.models import weights as weights_module
from sktaskneuron.models.losses import Deviance, Huber, Quantiles
from sktaskneuron.models.weights import logit_weights, loss_weights, value_weights


def draw_values(n_models=4, n_rows=300, n_outputs=2, seed=0):
    """Models that err by different amounts and partly together."""
    rng = np.random.default_rng(seed)
    target = rng.normal(size=(n_rows, n_outputs))
    shared = rng.normal(size=(n_rows, n_outputs))
    size = rng.uniform(0.3, 1.0, size=(n_models, 1, 1))
    own = rng.normal(size=(n_models, n_rows, n_outputs))
    return target + size * (0.3 * shared + own), target, rng.uniform(0.5, 2.0, size=n_rows)


def error_of(a, outputs, target, weight):
    error = np.tensordot(a, outputs, axes=1) - target
    return float(weight @ (error**2).sum(axis=1) / weight.sum())


def draw_logits(n_models=3, n_rows=500, n_classes=3, seed=0):
    """Classes drawn from the first model's logits; the others are ever more noise."""
    rng = np.random.default_rng(seed)
    truth = 1.5 * rng.normal(size=(n_rows, n_classes))
    noise = rng.normal(size=(n_models, n_rows, n_classes))
    logits = truth + noise * np.arange(n_models)[:, None, None]
    target = (truth + rng.gumbel(size=truth.shape)).argmax(axis=1)
    return logits, target, rng.uniform(0.5, 2.0, size=n_rows)


def log_loss_of(a, logits, target, weight):
    mixed = np.tensordot(a, logits, axes=1)
    rows = logsumexp(mixed, axis=1) - mixed[np.arange(len(target)), target]
    return float(weight @ rows / weight.sum())


@pytest.fixture
def plain(monkeypatch):
    """Without the pull to equal weights and without cutting small ones."""
    monkeypatch.setattr(weights_module, "_PRIOR_ROWS", 0.0)
    monkeypatch.setattr(weights_module, "_NEGLIGIBLE", 0.0)


LOSSES = [
    Quantiles((0.8,)),
    Quantiles(name="absolute_error"),
    Huber((0.5,)),
    Deviance("poisson", 1.0),
    Deviance("gamma", 2.0),
]


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.name + type(loss).__name__)
class TestOtherLosses:
    def draw(self, seed=0):
        outputs, target, weight = draw_values(n_outputs=1, seed=seed)
        return outputs, np.exp(target), weight

    @pytest.mark.parametrize("seed", range(3))
    def test_no_other_weights_are_better(self, seed, loss, plain):
        outputs, target, weight = self.draw(seed)
        found = loss_weights(outputs, target, weight, loss)

        def value(a):
            rows = loss.rows(np.tensordot(a, outputs, axes=1), target)
            return np.average(rows, weights=weight)

        tried = np.random.default_rng(0).dirichlet(np.ones(len(outputs)), size=300)
        near = np.maximum(found + 0.02 * (tried - tried.mean(axis=0)), 0.0)
        best = min(value(a / a.sum()) for a in [*tried, *near])
        assert value(found) <= best * 1.001
        assert found.sum() == pytest.approx(1.0)
        assert (found >= 0).all()

    def test_equal_models_get_equal_weights(self, loss):
        outputs, target, weight = self.draw()
        same = np.stack([outputs[0]] * 3)
        np.testing.assert_allclose(loss_weights(same, target, weight, loss), 1 / 3, atol=1e-4)

    def test_one_model_gets_all(self, loss):
        outputs, target, weight = self.draw()
        assert loss_weights(outputs[:1], target, weight, loss) == [1.0]


class TestValues:
    @pytest.mark.parametrize("seed", range(5))
    def test_optimum_over_the_simplex(self, seed, plain):
        problem = draw_values(seed=seed)
        found = value_weights(*problem)
        best = minimize(
            error_of, np.full(4, 0.25), args=problem, method="SLSQP", bounds=[(0, 1)] * 4,
            constraints={"type": "eq", "fun": lambda a: a.sum() - 1}, options={"ftol": 1e-12},
        )  # fmt: skip
        np.testing.assert_allclose(found, best.x, atol=1e-4)
        assert error_of(found, *problem) <= best.fun * (1 + 1e-6)

    @pytest.mark.parametrize("n_models", [1, 2, 5])
    def test_convex(self, n_models):
        found = value_weights(*draw_values(n_models))
        assert found.shape == (n_models,)
        assert (found >= 0).all()
        assert found.sum() == pytest.approx(1.0)

    def test_no_part_is_better(self):
        problem = draw_values()
        found = error_of(value_weights(*problem), *problem)
        assert found < min(error_of(one, *problem) for one in np.eye(4))

    def test_duplicates_share(self):
        outputs, target, weight = draw_values(2)
        once = value_weights(outputs, target, weight)
        twice = value_weights(outputs[[0, 1, 1]], target, weight)
        assert twice[1] == pytest.approx(twice[2], rel=1e-3)
        assert twice[1] + twice[2] == pytest.approx(once[1], abs=0.02)

    def test_a_perfect_model_gets_all(self):
        outputs, target, weight = draw_values(3)
        outputs[1] = target
        np.testing.assert_allclose(value_weights(outputs, target, weight), [0, 1, 0])

    @pytest.mark.parametrize("size", [1e-100, 1e-6, 1e6, 1e100])
    def test_units_do_not_matter(self, size):
        outputs, target, weight = draw_values()
        expected = value_weights(outputs, target, weight)
        np.testing.assert_allclose(value_weights(size * outputs, size * target, weight), expected)
        np.testing.assert_allclose(value_weights(outputs, target, 1e-9 * weight), expected)

    def test_rows_count_by_their_weights(self):
        outputs, target, _ = draw_values()
        weight = np.random.default_rng(0).integers(0, 3, size=len(target)).astype(float)
        copies = np.repeat(np.arange(len(target)), weight.astype(int))
        found = value_weights(outputs, target, weight)
        repeated = value_weights(outputs[:, copies], target[copies], np.ones(len(copies)))
        np.testing.assert_allclose(found, repeated, atol=1e-3)
        assert not np.allclose(found, value_weights(outputs, target, np.ones(len(target))), 1e-2)

    def test_few_rows_pull_to_equal_weights(self, monkeypatch):
        """On a few rows one of two like models is ahead by luck."""

        def spread(n_rows, prior_rows):
            monkeypatch.setattr(weights_module, "_PRIOR_ROWS", prior_rows)
            rng = np.random.default_rng(0)
            lead = []
            for _ in range(100):
                target = rng.normal(size=(n_rows, 1))
                outputs = target + rng.normal(size=(2, n_rows, 1))
                lead.append(value_weights(outputs, target, np.ones(n_rows))[0])
            return np.std(lead)

        assert spread(4, 2.0) < 0.9 * spread(4, 0.0)
        assert spread(2000, 2.0) == pytest.approx(spread(2000, 0.0), rel=0.01)

    def test_all_models_alike(self):
        outputs, target, weight = draw_values(1)
        found = value_weights(np.repeat(outputs, 4, axis=0), target, weight)
        np.testing.assert_allclose(found, 0.25, rtol=1e-3)

    def test_several_perfect_models(self):
        _, target, weight = draw_values(1)
        found = value_weights(np.stack([target, target]), target, weight)
        assert found.sum() == pytest.approx(1.0)


@st.composite
def hostile_errors(draw):
    """Errors over 280 powers of ten; models may be equal, exact, or far off in one row."""
    n_models, n_rows = draw(st.integers(1, 12)), draw(st.integers(1, 40))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    errors = rng.normal(size=(n_models, n_rows, 1))
    errors += draw(st.sampled_from([0.0, 1.0, 10.0])) * rng.normal(size=(n_rows, 1))
    exponents = draw(st.lists(st.floats(-140, 140), min_size=n_models, max_size=n_models))
    errors *= 10.0 ** np.asarray(exponents)[:, None, None]
    first, second = rng.integers(n_models, size=2)
    kind = draw(st.sampled_from(["plain", "equal", "zero", "one far row"]))
    if kind == "equal":
        errors[first] = errors[second]
    elif kind == "zero":
        errors[first] = 0.0
    elif kind == "one far row":
        errors[first, 0] *= 1e10
    return errors, rng.uniform(0.5, 2.0, size=n_rows)


class TestAnyErrors:
    @settings(max_examples=300, deadline=None)
    @given(hostile_errors())
    def test_conditions_of_the_optimum(self, problem):
        """The gradient is the same for all models of the mixture, and no less for the others."""
        errors, weight = problem
        n_rows = errors.shape[1]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(weights_module, "_NEGLIGIBLE", 0.0)
            found = value_weights(errors, np.zeros((n_rows, 1)), weight)
        assert (found >= 0).all()
        assert found.sum() == pytest.approx(1.0)
        # every model's errors in their own size: a weight there is a share times that size
        flat = errors[:, :, 0] * np.sqrt(weight / weight.sum())
        size = np.maximum(np.linalg.norm(flat, axis=1), np.finfo(float).tiny)
        relative = size.min() / size
        seen = relative * weights_module._BEYOND > 1.0
        assert not found[~seen].any()
        found, flat, size, relative = found[seen], flat[seen], size[seen], relative[seen]
        scaled = found / relative
        prior = weights_module._PRIOR_ROWS / n_rows
        mixed = scaled @ (flat / size[:, None])
        gradient = flat / size[:, None] @ mixed + prior * scaled * relative**2
        slack = gradient - (scaled @ gradient) * relative
        rounding = 1e-7 * max(scaled.sum(), 1.0)
        assert (slack > -rounding).all()
        assert (slack[scaled > 0] < rounding).all()

    def test_a_model_without_error_beside_others(self):
        """Squares of shares of sizes vanish."""
        rng = np.random.default_rng(0)
        for exponents in ((-126, 0, -121), (-121, -2, 71, 33)):
            outputs = rng.normal(size=(len(exponents), 5, 1))
            outputs *= 10.0 ** np.asarray(exponents)[:, None, None]
            outputs[1] = 0.0
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(weights_module, "_NEGLIGIBLE", 0.0)
                found = value_weights(outputs, np.zeros((5, 1)), np.ones(5))
            np.testing.assert_array_equal(found, np.arange(len(exponents)) == 1)

    def test_a_model_that_is_far_off_once_gets_nothing(self):
        outputs, target, weight = draw_values(3)
        expected = value_weights(outputs[1:], target, weight)
        for size in (1e12, 1e30, 1e150):
            outputs[0, 0] = size
            np.testing.assert_allclose(
                value_weights(outputs, target, weight), [0, *expected], atol=0.01
            )


class TestLogits:
    @pytest.mark.parametrize("seed", range(5))
    def test_optimum(self, seed, plain):
        problem = draw_logits(seed=seed)
        found = logit_weights(*problem)
        best = minimize(
            log_loss_of, np.full(3, 0.3), args=problem, method="SLSQP", bounds=[(0, 20)] * 3
        )
        np.testing.assert_allclose(found, best.x, atol=3e-3)
        assert log_loss_of(found, *problem) <= best.fun + 1e-6

    def test_gradient(self, monkeypatch):
        """What the solver is given is the derivative of what it minimises."""
        seen = {}

        def watch(fun, start, **options):
            seen["fun"] = fun
            return minimize(fun, start, **options)

        monkeypatch.setattr(weights_module, "minimize", watch)
        logit_weights(*draw_logits())
        for a in ([0.3, 0.3, 0.3], [1.0, 0.0, 0.4], [3.0, 2.0, 0.1]):
            error = check_grad(lambda a: seen["fun"](a)[0], lambda a: seen["fun"](a)[1], a)
            assert error < 1e-6

    @pytest.mark.parametrize("temperature", [0.3, 1.0, 4.0])
    def test_recovers_the_temperature(self, temperature):
        logits, target, weight = draw_logits(1, 20_000)
        found = logit_weights(temperature * logits, target, weight)
        assert found[0] == pytest.approx(1 / temperature, rel=0.05)

    def test_the_true_model_gets_nearly_all(self):
        found = logit_weights(*draw_logits(3, 20_000))
        assert found[0] == pytest.approx(1.0, abs=0.05)
        assert found[1:].max() < 0.05

    def test_models_that_say_nothing(self):
        """Equal logits neither help nor hurt; alone they give even odds."""
        logits, target, weight = draw_logits(1, 5000)
        nothing = np.zeros_like(logits)
        found = logit_weights(np.concatenate([logits, nothing]), target, weight)
        assert found[0] == pytest.approx(logit_weights(logits, target, weight)[0], rel=0.02)
        alone = logit_weights(nothing, target, weight)
        assert np.isfinite(alone).all()
        assert log_loss_of(alone, nothing, target, weight) == pytest.approx(np.log(3))

    def test_misleading_models_get_next_to_nothing(self):
        logits, target, weight = draw_logits(1, 500)
        found = logit_weights(-logits, target, weight)
        assert 0 < found.sum() < 0.01

    @pytest.mark.parametrize("size", [1e-3, 1e3, 1e6])
    def test_extreme_logits(self, size):
        logits, target, weight = draw_logits()
        found = logit_weights(size * logits, target, weight)
        assert np.isfinite(found).all()
        assert (found >= 0).all()
        assert found.sum() > 0
        assert log_loss_of(found, size * logits, target, weight) < 1.3 * np.log(3)

    @pytest.mark.parametrize("size", [1e5, 1e8, 1e100])
    def test_sure_models_lose_nothing(self, size):
        """The unit of a model's logits is its weight's, whatever the others' is."""
        logits, target, weight = draw_logits()
        best = log_loss_of(logit_weights(logits, target, weight), logits, target, weight)
        for factor in (size, np.array([size, 1.0, 1.0])[:, None, None]):
            found = logit_weights(factor * logits, target, weight)
            assert log_loss_of(found, factor * logits, target, weight) < best + 0.001

    @pytest.mark.parametrize("size", [1e3, 1e8])
    def test_one_sure_and_wrong_row_leaves_a_model_out(self, size):
        logits, target, weight = draw_logits()
        expected = logit_weights(logits[1:], target, weight)
        logits[0, 0, (target[0] + 1) % 3] = size
        found = logit_weights(logits, target, weight)
        np.testing.assert_allclose(found, [0, *expected], atol=2e-3)

    def test_impossible_class(self):
        """Logits of -20 for a class not seen in a fold."""
        logits, target, weight = draw_logits()
        logits[1, :, 2] = -20.0
        found = logit_weights(logits, target, weight)
        assert np.isfinite(found).all()
        assert log_loss_of(found, logits, target, weight) < np.log(3)
