"""Pointwise activations: the catalogue in torch and numpy, texts that name one, learned ones."""

import pickle
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from sktaskneuron.formula import PRIMITIVES, ElementwiseExpression
from sktaskneuron.nn import (
    ACTIVATIONS,
    Activation,
    DiverseNetwork,
    StochasticActivation,
    TaskNetwork,
    TrainableActivation,
    find_activation,
    get_activation,
    parameter_groups,
)
from sktaskneuron.nn.activations import REGISTRY, distinct_activations
from sktaskneuron.nn.activations.numerics import is_bounded, is_odd, is_smooth, slopes
from sktaskneuron.nn.activations.table import catalogue_table

NAMES = list(REGISTRY)
# a variant of every parameter
VARIANTS = [
    "leaky_relu(a=0.3)",
    "prelu(a=-0.5)",
    "elu(a=2)",
    "celu(a=0.5)",
    "silu(beta=1.7)",
    "silu(beta=-1)",
    "softplus(beta=3)",
    "squareplus(b=0.5)",
    "repu(k=2.5)",
    "golu(alpha=2, beta=0.5, gamma=1.5)",
    "smelu(b=0.3)",
    "smelu(b=2, a=0.25)",
    "sau(a=0, n=5)",
    "crrelu(e=-0.3)",
    "silu_or_relu(p=0.8)",
    "helu(a=1)",
    "gelusine(a=0.4)",
    "gelu_sinc(a=-0.2)",
    "gmtu(a=1, b=0.5, c=-0.1)",
    "gaussian(a=0.5)",
    "sin(omega=3)",
    "snake(a=2.5)",
]
# off the kinks, which stand at short decimals, and off 0
GRID = np.linspace(-30.0, 30.0, 2401) + 1.2345e-3
PAGE = Path(__file__).parents[3] / "docs" / "user_guide" / "activations.md"


def gradient(function, x):
    x = x.clone().requires_grad_()
    return torch.autograd.grad(function(x).sum(), x)[0]


class TestForms:
    @pytest.mark.parametrize("text", NAMES + VARIANTS)
    def test_torch_agrees_with_numpy(self, text):
        activation = find_activation(text)
        expected = activation.numpy(GRID)
        assert expected.dtype == np.float64
        x = torch.from_numpy(GRID)
        # torch's softplus is x itself above 20, 2e-9 away
        np.testing.assert_allclose(activation.torch(x).numpy(), expected, rtol=1e-11, atol=5e-9)
        single = activation.torch(x.float())
        assert single.dtype == torch.float32
        rounded = activation.numpy(x.float().double().numpy())
        scale = np.maximum(np.abs(rounded), np.abs(GRID))
        assert (np.abs(single.numpy() - rounded) <= 2e-6 * (scale + 0.1)).all()

    @pytest.mark.parametrize("text", NAMES + VARIANTS)
    def test_gradient_agrees_with_differences(self, text):
        activation = find_activation(text)
        x = torch.from_numpy(GRID)
        exact = gradient(activation.torch, x)
        if activation.name.startswith("helu"):
            below = -activation.parameters["a"]
            np.testing.assert_array_equal(exact.numpy(), (below < GRID).astype(float))
            return
        step = 1e-5
        change = activation.numpy(GRID + step) - activation.numpy(GRID - step)
        size = np.abs(activation.numpy(GRID)) + 1
        # rounding of the values over the step, and the third derivative
        np.testing.assert_array_less(
            np.abs(exact.numpy() - change / (2 * step)), 1e-9 * size + 1e-7
        )

    @pytest.mark.parametrize("text", NAMES + VARIANTS)
    def test_gradient_in_single_precision(self, text):
        activation = find_activation(text)
        x = torch.from_numpy(GRID).float()
        single = gradient(activation.torch, x).double()
        double = gradient(activation.torch, x.double())
        torch.testing.assert_close(single, double, rtol=2e-5, atol=2e-5)

    @pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
    @pytest.mark.parametrize("text", NAMES + VARIANTS)
    def test_values_and_gradients_are_finite(self, text, dtype):
        function = get_activation(text)
        far = torch.logspace(-30, 4, 300, dtype=dtype)
        x = torch.cat([-far, torch.zeros(1, dtype=dtype), far])
        assert torch.isfinite(function(x)).all()
        assert torch.isfinite(gradient(function, x)).all()
        # what a loss with slopes of the network needs
        x.requires_grad_()
        (first,) = torch.autograd.grad(function(x).sum(), x, create_graph=True)
        if first.requires_grad:
            (second,) = torch.autograd.grad(first.sum(), x, allow_unused=True)
            near = x.detach().abs() > 1e-3
            if text == "mish":
                # the second derivative of torch's kernel is NaN where exp(x) overflows
                near &= x.detach().abs() < 80
            assert second is None or torch.isfinite(second[near]).all()

    @pytest.mark.parametrize("name", ["sinc_plus_x", "gelu_sinc"])
    def test_sinc_near_zero(self, name):
        x = torch.cat([torch.zeros(1), torch.logspace(-12, -0.5, 400)]).double()
        double = gradient(ACTIVATIONS[name], x)
        single = gradient(ACTIVATIONS[name], x.float())
        torch.testing.assert_close(single.double(), double, rtol=1e-5, atol=1e-5)
        expected = REGISTRY[name].numpy(x.numpy())
        np.testing.assert_allclose(ACTIVATIONS[name](x).numpy(), expected, rtol=1e-14)

    @pytest.mark.parametrize("text", NAMES + VARIANTS)
    def test_second_derivative_agrees_with_differences(self, text):
        function = get_activation(text)
        x = torch.from_numpy(GRID).requires_grad_()
        (first,) = torch.autograd.grad(function(x).sum(), x, create_graph=True)
        if not first.requires_grad:
            return
        (second,) = torch.autograd.grad(first.sum(), x, allow_unused=True, materialize_grads=True)
        step = 1e-5
        points = x.detach()
        change = gradient(function, points + step) - gradient(function, points - step)
        size = float(first.detach().abs().max()) + 1
        torch.testing.assert_close(second, change / (2 * step), rtol=1e-6, atol=2e-8 * size)

    # torch's forward mode brings its own
    @pytest.mark.filterwarnings("ignore:.torch.jit.script:DeprecationWarning")
    @pytest.mark.parametrize("text", NAMES + VARIANTS)
    def test_other_kinds_of_gradient(self, text):
        function = get_activation(text)
        x = torch.from_numpy(GRID)
        exact = gradient(function, x)
        each = torch.func.vmap(torch.func.grad(function))(x)
        torch.testing.assert_close(each, exact, rtol=1e-9, atol=1e-9)
        if text == "helu":
            return  # a slope of its own has no forward mode through detach()
        _, forward = torch.func.jvp(function, (x,), (torch.ones_like(x),))
        torch.testing.assert_close(forward, exact, rtol=1e-9, atol=1e-9)
        with torch.autograd.forward_ad.dual_level():
            dual = torch.autograd.forward_ad.make_dual(
                x.clone().requires_grad_(), torch.ones_like(x)
            )
            forward = torch.autograd.forward_ad.unpack_dual(function(dual)).tangent
        torch.testing.assert_close(forward.detach(), exact, rtol=1e-9, atol=1e-9)

    @pytest.mark.parametrize("name", NAMES)
    def test_transforms_have_the_same_slope_at_zero(self, name):
        zero = torch.zeros(1, dtype=torch.float64)
        exact = gradient(ACTIVATIONS[name], zero)
        transformed = torch.func.grad(lambda x: ACTIVATIONS[name](x).sum())(zero)
        torch.testing.assert_close(transformed, exact)

    def test_learned_squareplus_at_zero(self):
        module = TrainableActivation("squareplus")
        assert gradient(module, torch.zeros(1)).item() == 0.5

    def test_asinh_is_finite_where_squares_overflow(self):
        x = torch.tensor([-3e38, -1e20, 1e20, 3e38])
        for function in (get_activation("asinh"), lambda x: gradient(get_activation("asinh"), x)):
            assert torch.isfinite(function(x)).all()

    def test_slopes_where_pieces_meet(self):
        zero = torch.zeros(1, dtype=torch.float64)
        slopes_at_zero = {
            "squareplus": 0.5,
            "elish": 0.5,
            "max_x_tanh": 1.0,
            "min_x_sin": 1.0,
            "elu": 1.0,
            "smelu": 0.5,
            "sinc_plus_x": 1.0,
        }
        for name, slope in slopes_at_zero.items():
            assert gradient(ACTIVATIONS[name], zero).item() == pytest.approx(slope), name

    def test_published_values(self):
        def at(text, x):
            return float(find_activation(text).numpy([x])[0])

        assert at("gelu_exact", 1.0) == pytest.approx(0.841344746)  # Phi(1)
        assert at("mish", 1.0) == pytest.approx(0.865098388)
        assert at("golu", 1.0) == pytest.approx(np.exp(-np.exp(-1)))
        assert at("hard_swish", 1.0) == pytest.approx(4 / 6)
        assert at("smelu(b=0.5)", 0.25) == pytest.approx(0.75**2 / 2)
        assert at("gelu_sinc", 2.0) == pytest.approx(at("gelu_exact", 2.0))  # sin(2 pi) = 0
        assert at("gelu_sinc", 0.5) == pytest.approx(at("gelu_exact", 0.5) * (1 + 1 / np.pi))
        assert at("gelusine", 1.0) == pytest.approx(0.841344746 + 0.1 * np.sin(1))
        assert at("erfc_softplus_sq", -30.0) == pytest.approx(1)
        assert at("hs_hs_elu", 1.0) == pytest.approx(0.2 * 0.7 + 0.5)
        assert at("selu", -1.0) == pytest.approx(-1.1113307)

    def test_names_of_old_keep_their_meaning(self):
        functional = torch.nn.functional
        old = {
            "identity": lambda x: x,
            "relu": torch.relu,
            "leaky_relu": functional.leaky_relu,
            "elu": functional.elu,
            "selu": torch.selu,
            "gelu": lambda x: functional.gelu(x, approximate="tanh"),
            "silu": functional.silu,
            "mish": functional.mish,
            "softplus": functional.softplus,
            "sigmoid": torch.sigmoid,
            "tanh": torch.tanh,
            "sin": torch.sin,
        }
        x = torch.linspace(-9, 9, 301)
        for name, function in old.items():
            assert torch.equal(get_activation(name)(x), function(x)), name

    def test_identities_between_entries(self):
        for one, other in [
            ("sau(a=0.01, n=20000)", "leaky_relu"),
            ("celu", "elu"),
            ("golu(alpha=1)", "golu"),
            ("repu(k=2)", "relu2"),
            ("repu(k=1)", "relu"),
            ("crrelu(e=0)", "relu"),
            ("prelu(a=1)", "identity"),
            ("gelusine(a=0)", "gelu_exact"),
        ]:
            left, right = find_activation(one).numpy(GRID), find_activation(other).numpy(GRID)
            np.testing.assert_allclose(left, right, atol=1e-4, err_msg=one)


class TestRegistry:
    def test_names_are_unique(self):
        spoken = [alias for a in REGISTRY.values() for alias in (a.name, *a.aliases)]
        assert len(spoken) == len(set(spoken))
        assert len(REGISTRY) >= 45
        assert list(ACTIVATIONS) == list(REGISTRY)

    @pytest.mark.parametrize("name", NAMES)
    def test_entry_is_complete(self, name):
        activation = REGISTRY[name]
        assert activation.reference
        assert activation.formula
        assert activation.cost >= 1
        assert set(activation.trainable) <= set(activation.parameters)
        assert set(activation.positive) <= set(activation.parameters)
        assert all(activation.parameters[key] > 0 for key in activation.positive)
        for alias in activation.aliases:
            assert find_activation(alias) is activation
            assert get_activation(alias) is activation.torch

    def test_distinct_functions(self):
        names = distinct_activations()
        assert list(names) == [name for name in NAMES if name in names]
        # helu is relu but for the slope of training
        assert set(NAMES) - set(names) == {"celu"}

    def test_every_parameter_has_a_variant(self):
        tried = {
            (f.name.split("(")[0], key)
            for f in map(find_activation, VARIANTS)
            for key, value in f.parameters.items()
            if value != REGISTRY[f.name.split("(")[0]].parameters[key]
        }
        listed = {(a.name, key) for a in REGISTRY.values() for key in a.parameters}
        assert tried == listed

    @pytest.mark.parametrize("text", VARIANTS)
    def test_parameters_have_an_effect(self, text):
        variant = find_activation(text)
        plain = REGISTRY[text.split("(")[0]]
        assert variant != plain
        x = torch.linspace(-5, 5, 101)
        seen = gradient if variant.train_eval else lambda function, x: function(x)
        assert (seen(variant.torch, x) - seen(plain.torch, x)).abs().max() > 0.01

    def test_formulas_outside_the_grammar(self):
        missing = {name for name, a in REGISTRY.items() if a.expression is None}
        assert missing == {"gelu_sinc", "sinc_plus_x"}

    @pytest.mark.parametrize("name", sorted(set(NAMES) & set(PRIMITIVES)))
    def test_primitives_of_the_same_name_are_the_same(self, name):
        x = np.linspace(-4, 4, 101)
        np.testing.assert_allclose(REGISTRY[name].numpy(x), PRIMITIVES[name].numpy(x), rtol=1e-14)

    @pytest.mark.parametrize("text", NAMES)
    def test_flags(self, text):
        activation = REGISTRY[text]
        measured = (
            is_smooth(activation.numpy, activation.torch),
            is_odd(activation.numpy),
            is_bounded(activation.numpy),
        )
        assert measured == (activation.smooth, activation.odd, activation.bounded)
        x = np.linspace(-4.0, 4.0, 401) + 1.2e-3
        change = (activation.numpy(x + 1e-6) - activation.numpy(x - 1e-6)) / 2e-6
        other_in_training = not np.allclose(change, slopes(activation.torch, x), atol=1e-5)
        assert (other_in_training or activation.coin is not None) == activation.train_eval

    @pytest.mark.parametrize("text", NAMES + VARIANTS)
    def test_moments_agree_with_draws(self, text):
        activation = find_activation(text)
        z = np.random.default_rng(0).normal(size=400_000)
        values, squares = activation.numpy(z), slopes(activation.torch, z) ** 2
        error = len(z) ** -0.5
        assert abs(activation.gaussian_mean - values.mean()) < 5 * error * values.std() + 1e-12
        spread = ((values - values.mean()) ** 2).std()
        assert abs(activation.gaussian_std**2 - values.var()) < 5 * error * spread + 1e-12
        assert abs(activation.gain - squares.mean()) < 5 * error * squares.std() + 1e-12

    def test_moments_in_closed_form(self):
        relu = find_activation("relu")
        assert relu.gaussian_mean == pytest.approx((2 * np.pi) ** -0.5, abs=1e-6)
        assert relu.gaussian_std**2 == pytest.approx(0.5 - 1 / (2 * np.pi), abs=1e-6)
        assert relu.gain == pytest.approx(0.5, abs=1e-9)
        selu = find_activation("selu")
        assert selu.gaussian_mean == pytest.approx(0, abs=1e-8)
        assert selu.gaussian_std == pytest.approx(1, abs=1e-8)
        power = find_activation("x**20")
        assert power.gaussian_mean == pytest.approx(654_729_075, rel=1e-6)  # 19!!
        assert find_activation("exp(x)").gain == pytest.approx(np.exp(2), rel=1e-9)

    def test_moments_that_do_not_exist(self):
        assert find_activation("exp(x**2)").gaussian_mean == np.inf
        assert np.isnan(find_activation("log(x)").gaussian_mean)
        assert not find_activation("log(x)").smooth

    def test_values_are_kept(self):
        for text in ("relu", "snake(a=2)", "x*tanh(x)"):
            activation = find_activation(text)
            again = pickle.loads(pickle.dumps(activation))
            assert again == activation
            assert hash(again) == hash(activation)
            assert again.gain == activation.gain
            x = torch.linspace(-3, 3, 7)
            stored = pickle.loads(pickle.dumps(get_activation(text)))
            assert torch.equal(stored(x), activation.torch(x))
        with pytest.raises(AttributeError):
            activation.name = "other"
        with pytest.raises(TypeError):
            activation.parameters["a"] = 1.0

    def test_cost_follows_the_operations(self):
        costs = [find_activation(text).cost for text in ("relu", "silu", "mish")]
        assert costs == sorted(costs)
        assert costs[0] == 1
        assert find_activation("x*tanh(softplus(x))").cost == find_activation("mish").cost


class TestTexts:
    def test_three_kinds(self):
        x = torch.linspace(-3, 3, 25)
        snake = x + torch.sin(2 * x) ** 2 / 2
        torch.testing.assert_close(get_activation("snake(a=2)")(x), snake)
        torch.testing.assert_close(get_activation(" snake( a = 2.0 ) ")(x), snake)
        torch.testing.assert_close(get_activation("x + sin(2*x)**2/2")(x), snake)
        torch.testing.assert_close(
            get_activation("x*tanh(softplus(x))")(x), torch.nn.functional.mish(x)
        )
        assert torch.equal(get_activation("x")(x), x)

    def test_the_same_text_is_read_once(self):
        for text in ("relu", "snake(a=3)", "x*tanh(x)"):
            assert get_activation(text) is get_activation(text)

    @pytest.mark.parametrize("text", VARIANTS)
    def test_names_read_back(self, text):
        activation = find_activation(text)
        assert find_activation(activation.name) == activation
        assert activation.parameters == find_activation(activation.name).parameters

    def test_canonical_names(self):
        assert find_activation("swish(beta=1.0)") is REGISTRY["silu"]
        assert find_activation("snake(a=1)").name == "snake"
        assert find_activation("snake(a=2.50)").name == "snake(a=2.5)"
        assert find_activation("golu(gamma=2, alpha=3)").name == "golu(alpha=3, gamma=2)"
        assert find_activation("tanh(x)*x").name == "x*tanh(x)"
        assert find_activation("silu()") is REGISTRY["silu"]
        assert find_activation("swish(trainable=True)").name == "silu(trainable=True)"
        assert find_activation("snake(trainable=True, a=2.0)").name == "snake(a=2, trainable=True)"
        assert find_activation("snake(trainable=False)") is REGISTRY["snake"]

    @pytest.mark.parametrize(
        ("text", "flags"),
        [
            ("x*tanh(x)", (True, False, False)),
            ("sin(x)*exp(-x**2)", (True, True, True)),
            ("abs(x)", (False, False, False)),
            ("sign(x)", (False, True, True)),
            ("relu(x)**2", (True, False, False)),
            ("x**2 + 0.01*relu(x)", (False, False, False)),
            ("leaky_relu(a=1)", (True, True, False)),
            ("elu(a=2)", (False, False, False)),
            ("tanh(20*x)", (True, True, True)),
        ],
    )
    def test_flags_are_measured(self, text, flags):
        found = find_activation(text)
        assert (found.smooth, found.odd, found.bounded) == flags

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("sine", r"unknown activation 'sine'; known are .*\bsin\b.*a function of x"),
            ("SiLU", r"known are silu"),
            ("swich", r"known are swish"),
            ("velu", "unknown activation"),
            ("snak(a=2)", r"unknown activation 'snak'; known are snake"),
            ("snake(b=2)", r"unknown parameter 'b'; snake has the parameters a=1"),
            ("relu(a=2)", r"unknown parameter 'a'; relu has no parameters"),
            ("snake(2)", r"given by name, got '2'; snake has the parameters a=1"),
            ("snake(a=2, a=3)", "given twice"),
            ("snake(a=two)", "finite number, got 'two'"),
            ("snake(a=nan)", "finite number"),
            ("snake(a=1e999)", "finite number"),
            ("snake(a=0)", "must be above 0"),
            ("snake(a=0, trainable=True)", "must be above 0"),
            ("relu(trainable=True)", r"relu has no parameter that may be learned.*\bprelu\b"),
            ("prelu(trainable=yes)", "trainable must be True or False, got 'yes'"),
            ("prelu(trainable)", "given by name"),
            ("prelu(trainable=True, trainable=True)", "given twice"),
            ("x*tanh(x, trainable=True)", "."),
            ("snake(a=2,)", "given by name"),
            ("x*silu(x)", "unknown function 'silu'"),
            ("2 + 3", "does not depend on x"),
            ("0*x", "does not depend on x"),
            ("pi", "does not depend on x"),
            ("y + 1", "unknown name"),
            ("", "empty"),
            ("<x,x>", "."),
        ],
    )
    def test_errors_teach(self, text, message):
        for read in (get_activation, find_activation):
            with pytest.raises(ValueError, match=message):
                read(text)

    @pytest.mark.parametrize(
        "text",
        [
            "__import__('os').system('true')",
            "__import__(os)",
            "__class__",
            "x.__class__.__bases__",
            "x.__class__",
            "eval(x=1)",
            "exec('x')",
            "lambda: x",
            "().__class__",
            "snake(a=__import__('os'))",
            "snake(a=2*3)",
            "snake(x=1, __class__=2)",
            "x**x",
            "x**99999999",
            "9**9**9**9*x",
            "10**400*x",
            "x" * 100_000,
            "(" * 100_000 + "x" + ")" * 100_000,
            "sin(" * 900 + "x" + ")" * 900,
            "-" * 100_000 + "x",
            "x+" * 100_000 + "x",
            "snake(" + "a=1," * 100_000 + "a=1)",
            "snake(a=" + "9" * 100_000 + ")",
            "x\x00",
            "ｘ + 1",
            "sin(x); import os",
            "x if x else x",
            "[x for x in x]",
            "f'{x}'",
            "x\n\n= 3",
        ],
        ids=lambda text: ascii(text[:24]),
    )
    def test_hostile_texts_are_refused_at_once(self, text):
        start = time.process_time()
        with pytest.raises(ValueError, match=r"."):
            get_activation(text)
        with pytest.raises(ValueError, match=r"."):
            find_activation(text)
        assert time.process_time() - start < 2

    @pytest.mark.parametrize("value", [None, 3, ["relu"], torch.relu])
    def test_other_types(self, value):
        with pytest.raises(ValueError, match="must be a text"):
            get_activation(value)
        with pytest.raises(ValueError, match="must be a text"):
            find_activation(value)

    def test_a_network_takes_any_text(self):
        x = torch.linspace(-1, 1, 12).reshape(4, 3)
        outputs = [
            TaskNetwork(3, 1, "x", hidden_layer_sizes=(5,), activation=text, generator=0)(x)
            for text in ("silu", "swish", "silu(beta=1)", "x*sigmoid(x)", "silu(beta=2)")
        ]
        for same in outputs[1:4]:
            torch.testing.assert_close(same, outputs[0])
        assert not torch.allclose(outputs[4], outputs[0])


class TestHysteresis:
    def test_slope_has_a_band_and_values_have_none(self):
        x = torch.tensor([-0.2, -0.05, 0.3], dtype=torch.float64)
        helu = get_activation("helu(a=0.1)")
        assert torch.equal(helu(x), torch.relu(x))
        assert gradient(helu, x).tolist() == [0.0, 1.0, 1.0]
        with torch.inference_mode():
            assert torch.equal(helu(x), torch.relu(x))


class TestStochastic:
    def test_coins_in_training_and_their_mean_in_prediction(self):
        x = torch.linspace(-3, 3, 20_001, dtype=torch.float64)
        module = StochasticActivation("silu_or_relu(p=0.25)", seed=1)
        silu, relu = torch.nn.functional.silu(x), torch.relu(x)
        before = torch.get_rng_state()
        value, again = module(x), module(x)
        assert torch.equal(torch.get_rng_state(), before)
        heads = torch.isclose(value, silu, rtol=1e-12, atol=1e-12)
        assert bool((heads | torch.isclose(value, relu, rtol=1e-12, atol=1e-12)).all())
        assert float(heads.double().mean()) == pytest.approx(0.25, abs=0.02)
        assert not torch.equal(value, again)
        expected = torch.from_numpy(find_activation("silu_or_relu(p=0.25)").numpy(x))
        torch.testing.assert_close(module.eval()(x), expected)
        torch.testing.assert_close(module(x), 0.25 * silu + 0.75 * relu)
        surely = StochasticActivation("silu_or_relu(p=1)")
        torch.testing.assert_close(surely(x), silu)

    def test_slopes_are_those_of_what_the_coins_took(self):
        x = torch.full((1000,), -1.0, dtype=torch.float64)
        slope = gradient(StochasticActivation(), x)
        silu = gradient(torch.nn.functional.silu, x)[0]
        assert bool(((slope == 0) | torch.isclose(slope, silu)).all())
        assert 400 < int((slope != 0).sum()) < 600

    @pytest.mark.parametrize(
        "network",
        [
            TaskNetwork(3, 1, "x", hidden_layer_sizes=(5, 5), activation="silu_or_relu"),
            DiverseNetwork(3, 1, (5, 5), [(2, [["silu_or_relu", "sin"]] * 2)]),
        ],
        ids=["one type", "one of two types"],
    )
    def test_networks_toss_them(self, network):
        x = torch.linspace(-1, 1, 12).reshape(4, 3)
        assert not torch.equal(network(x), network(x))
        network.eval()
        assert torch.equal(network(x), network(x))
        found = [m for m in network.modules() if isinstance(m, StochasticActivation)]
        assert len(found) == 2

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("relu", "has no two functions"),
            ("silu_or_relu(p=1.5)", "at most 1, got 1.5"),
            ("silu_or_relu(p=0)", "must be above 0"),
            ("silu_or_relu(trainable=True)", "no parameter that may be learned"),
        ],
    )
    def test_bad_texts(self, text, message):
        with pytest.raises(ValueError, match=message):
            StochasticActivation(text)


TRAINABLE = [(a.name, name) for a in REGISTRY.values() for name in a.trainable]


class TestTrainable:
    def test_some_may_be_learned(self):
        assert {("prelu", "a"), ("silu", "beta"), ("snake", "a"), ("crrelu", "e")} <= set(TRAINABLE)
        assert ("sau", "a") in TRAINABLE
        assert ("sau", "n") not in TRAINABLE

    @pytest.mark.parametrize(
        "shape", [{}, {"n_members": 2}, {"n_neurons": 5}, {"n_members": 2, "n_neurons": 5}], ids=str
    )
    @pytest.mark.parametrize("name", sorted({name for name, _ in TRAINABLE}))
    def test_starts_as_the_fixed_form(self, name, shape):
        module = TrainableActivation(name, dtype=torch.float64, **shape)
        x = torch.linspace(-6, 6, 30, dtype=torch.float64).reshape(2, 3, 5)
        torch.testing.assert_close(module(x), get_activation(name)(x), rtol=1e-13, atol=1e-14)

    @pytest.mark.parametrize(("name", "parameter"), TRAINABLE)
    def test_gradient_by_the_parameter(self, name, parameter):
        module = TrainableActivation(name, trainable=[parameter], dtype=torch.float64)
        assert len(list(module.parameters())) == 1
        x = torch.linspace(-6, 6, 31, dtype=torch.float64)
        module(x).sin().sum().backward()
        slope = module.raw[parameter].grad.item()

        def at(value):
            values = torch.tensor(value, dtype=torch.float64)
            return float(REGISTRY[name].torch(x, **{parameter: values}).sin().sum())

        start, step = REGISTRY[name].parameters[parameter], 1e-6
        expected = (at(start + step) - at(start - step)) / (2 * step)
        if parameter in REGISTRY[name].positive:
            expected *= start  # by the logarithm
        assert slope == pytest.approx(expected, rel=1e-6, abs=1e-8)
        assert slope != 0

    def test_members_do_not_mix(self):
        module = TrainableActivation("snake", n_members=3, n_neurons=4)
        x = torch.randn(3, 6, 4, generator=torch.Generator().manual_seed(0))
        module(x)[1].sum().backward()
        used = module.raw["a"].grad.abs().sum(dim=(1, 2)) > 0
        assert used.tolist() == [False, True, False]

    def test_learns_a_frequency(self):
        module = TrainableActivation("sin(omega=1.5)")
        x = torch.linspace(-2, 2, 101)
        optimiser = torch.optim.Adam(module.parameters(), lr=0.05)
        for _ in range(150):
            optimiser.zero_grad()
            torch.nn.functional.mse_loss(module(x), torch.sin(2 * x)).backward()
            optimiser.step()
        assert module.current()["omega"].item() == pytest.approx(2, abs=1e-3)

    def test_positive_parameters_stay_above_zero(self):
        module = TrainableActivation("snake")
        optimiser = torch.optim.SGD(module.parameters(), lr=1.0)
        for _ in range(20):
            optimiser.zero_grad()
            module.current()["a"].backward()
            optimiser.step()
        assert 0 < module.current()["a"].item() < 0.1

    def test_no_weight_decay(self):
        module = torch.nn.Sequential(TrainableActivation("prelu", n_members=2, n_neurons=3))
        assert [group["weight_decay"] for group in parameter_groups(module, 0.1, 1.0)] == [0.0]

    def test_state_and_text(self):
        module = TrainableActivation("gmtu(a=2)", n_members=2)
        other = TrainableActivation("gmtu", n_members=2)
        other.load_state_dict(module.state_dict())
        x = torch.randn(2, 3, 4)
        torch.testing.assert_close(other(x), module(x))
        assert "gmtu(a=2)" in repr(module)
        again = pickle.loads(pickle.dumps(module))
        assert torch.equal(again(x), module(x))

    @pytest.mark.parametrize(
        ("activation", "options", "message"),
        [
            ("relu", {}, r"relu cannot learn anything; .* none; .*prelu"),
            ("x*tanh(x)", {}, "cannot learn anything"),
            ("sau", {"trainable": ["n"]}, "cannot learn n; its trainable parameters: a"),
            ("prelu", {"trainable": []}, "cannot learn anything"),
        ],
    )
    def test_wrong_parameters(self, activation, options, message):
        with pytest.raises(ValueError, match=message):
            TrainableActivation(activation, **options)

    def test_takes_an_activation(self):
        activation = find_activation("snake(a=2)")
        assert isinstance(activation, Activation)
        assert TrainableActivation(activation).current()["a"].item() == pytest.approx(2)

    @pytest.mark.parametrize(("name", "parameter"), TRAINABLE)
    def test_text_with_trainable(self, name, parameter):
        found = find_activation(f"{name}(trainable=True)")
        assert parameter in found.learned
        assert REGISTRY[name].learned == ()
        assert found != REGISTRY[name]
        assert found.parameters == REGISTRY[name].parameters
        assert (found.smooth, found.odd) == (REGISTRY[name].smooth, REGISTRY[name].odd)
        again = pickle.loads(pickle.dumps(found))
        assert (again, again.learned) == (found, found.learned)
        module = TrainableActivation(f"{name}(trainable=True)")
        assert set(module.raw) == set(found.learned)

    def test_a_function_alone_cannot_learn(self):
        with pytest.raises(ValueError, match=r"a function alone cannot learn: give it to an est"):
            get_activation("snake(a=2, trainable=True)")
        assert get_activation("snake(a=2, trainable=False)") is not None

    def test_slower_than_weights(self):
        groups = parameter_groups(TrainableActivation("prelu"), 0.1, 1.0)
        assert [group["lr"] for group in groups] == [pytest.approx(0.01)]

    def test_start_again(self):
        module = TrainableActivation("snake(a=2)", n_members=3, dtype=torch.float64)
        with torch.no_grad():
            module.raw["a"].add_(1)
        module.reset_parameters()
        torch.testing.assert_close(module.current()["a"], torch.full((3, 1, 1), 2.0).double())


class TestDocumentation:
    def test_page_has_the_table(self):
        # after a change: print(catalogue_table()) is the new text
        assert catalogue_table() in PAGE.read_text(encoding="utf-8")

    def test_formulas_of_expressions(self):
        assert isinstance(find_activation("mish").expression, ElementwiseExpression)
        assert find_activation("snake(a=2)").expression.text == "x + 0.5*sin(2*x)**2"
