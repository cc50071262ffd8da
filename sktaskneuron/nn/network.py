"""The task-driven network: task neurons first, then a plain tower, beside a skip path."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, Self, get_args

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from sktaskneuron.formula import NeuronFormula
from sktaskneuron.nn.dropout import GeneratorDropout
from sktaskneuron.nn.functional import TensorFunction, get_activation
from sktaskneuron.nn.parameterization import INPUT_SCALE_RATE, ntp_rates, parameter_groups
from sktaskneuron.nn.start import as_formula, as_generator
from sktaskneuron.nn.task_neuron import DEFAULT_BOUND, TaskNeuron

Skip = Literal["linear", "formula", "none"]

_LINEAR = "x"


class TaskNetwork(nn.Module):
    r"""A feed-forward network whose first layer consists of task neurons.

    .. math::

        h_1 = a(\mathrm{TaskNeuron}(s \odot x)), \quad
        h_{l+1} = a(\mathrm{Layer}_l(h_l)), \quad
        f(x) = h_L W_o + c_o + S(s \odot x)

    with an activation a, a learned scale s of every input column that starts at one, and a skip
    path S from the input to the output that starts at zero, so that a linear part always stays.
    With ``formula="x"`` and ``skip="none"`` it is the plain multi-layer perceptron.

    Parameters
    ----------
    in_features, out_features : int
    formula : NeuronFormula or str
        Aggregation of the first layer's neurons.
    hidden_layer_sizes : sequence of int, default=(128, 128)
        Widths of the hidden layers; the first holds the task neurons. Empty: a single layer of
        task neurons gives the output, without activation and without skip path.
    hidden_formula : NeuronFormula, str or None, default=None
        Aggregation of the further hidden layers; None is the plain sum ``"x"``.
    activation : str, default="silu"
        A name of :data:`sktaskneuron.nn.functional.ACTIVATIONS`.
    dropout : float, default=0.0
        Dropout rate behind each activation.
    skip : {"linear", "formula", "none"}, default="linear"
        What the skip path sees: the inputs, all signals of the first layer (pure terms and
        products), or nothing.
    input_scale : bool, default=True
        Whether the scale s is learned.
    bound : float, default=4.0
        Bound inside the task neurons.
    device : torch.device or str, default=None
    dtype : torch.dtype, default=None
    generator : torch.Generator or int, default=None
        Source of the starting values and of the dropout seeds; None is seed 0.

    Raises
    ------
    ValueError
        If a size, the activation, the dropout rate or ``skip`` is not valid.
    FormulaError
        If a formula is not usable in a network.

    Examples
    --------
    >>> import torch
    >>> from sktaskneuron.nn import TaskNetwork
    >>> network = TaskNetwork(10, 1, "x + x**2 + <x,x>:4", hidden_layer_sizes=(64, 64))
    >>> network(torch.zeros(5, 10)).shape
    torch.Size([5, 1])
    >>> twin = TaskNetwork.from_spec(network.spec())
    """

    _activate: TensorFunction
    input_scale: nn.Parameter | None
    skip_weight: nn.Parameter | None

    def __init__(
        self,
        in_features: int,
        out_features: int,
        formula: NeuronFormula | str,
        *,
        hidden_layer_sizes: Sequence[int] = (128, 128),
        hidden_formula: NeuronFormula | str | None = None,
        activation: str = "silu",
        dropout: float = 0.0,
        skip: Skip = "linear",
        input_scale: bool = True,
        bound: float = DEFAULT_BOUND,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        generator: torch.Generator | int | None = None,
    ) -> None:
        super().__init__()
        if skip not in get_args(Skip):
            raise ValueError(f"skip must be one of {', '.join(get_args(Skip))}, got {skip!r}")
        self.in_features, self.out_features = int(in_features), int(out_features)
        self.formula = as_formula(formula)
        self.hidden_formula = None if hidden_formula is None else as_formula(hidden_formula)
        self.hidden_layer_sizes = tuple(int(size) for size in hidden_layer_sizes)
        self.activation, self.skip, self.bound = activation, skip, float(bound)
        self._activate = get_activation(activation)

        generator = as_generator(generator)
        where: dict[str, Any] = {"device": device, "dtype": dtype or torch.get_default_dtype()}
        layer_options: dict[str, Any] = {"bound": bound, "generator": generator, **where}
        sizes = (self.in_features, *self.hidden_layer_sizes, self.out_features)
        formulas: list[NeuronFormula | str] = [self.hidden_formula or _LINEAR for _ in sizes[1:]]
        formulas[-1] = _LINEAR
        formulas[0] = self.formula
        layers = [
            TaskNeuron(n_in, n_out, layer_formula, bias_std=bias_std, **layer_options)
            for n_in, n_out, layer_formula, bias_std in zip(
                sizes[:-1], sizes[1:], formulas, [1.0] * (len(sizes) - 2) + [0.0], strict=True
            )
        ]
        self.hidden = nn.ModuleList(layers[:-1])
        self.output = layers[-1]
        seeds = torch.randint(2**62, (len(layers) - 1,), generator=generator)
        self.dropouts = nn.ModuleList(
            GeneratorDropout(dropout, seed=int(seed)) for seed in seeds.tolist()
        )
        self.dropout = float(dropout)
        scale = nn.Parameter(torch.ones(self.in_features, **where)) if input_scale else None
        self.register_parameter("input_scale", scale)
        n_skip = layers[0].n_signals if skip == "formula" else self.in_features
        with_skip = skip != "none" and bool(self.hidden_layer_sizes)
        weight = nn.Parameter(torch.zeros(n_skip, out_features, **where)) if with_skip else None
        self.register_parameter("skip_weight", weight)

    def reset_parameters(self, generator: torch.Generator | int | None = None) -> None:
        """Draw new starting values from ``generator``, as on construction."""
        generator = as_generator(generator)
        for layer in (*self.hidden, self.output):
            assert isinstance(layer, TaskNeuron)
            layer.reset_parameters(generator)
        for dropout in self.dropouts:
            assert isinstance(dropout, GeneratorDropout)
            dropout.reseed(int(torch.randint(2**62, (), generator=generator)))
        with torch.no_grad():
            if self.input_scale is not None:
                self.input_scale.fill_(1.0)
            if self.skip_weight is not None:
                self.skip_weight.zero_()

    @property
    def first(self) -> TaskNeuron:
        """The layer of task neurons."""
        layer = self.hidden[0] if len(self.hidden) else self.output
        assert isinstance(layer, TaskNeuron)
        return layer

    def load_linear(self, coefficients: ArrayLike, intercept: ArrayLike) -> None:
        """Start from a linear model: the network then predicts exactly that model.

        The linear weights of the skip path take the coefficients and the output layer starts at
        zero, so that training only adds what the linear model misses.

        Parameters
        ----------
        coefficients : array-like of shape (in_features, out_features)
        intercept : array-like of shape (out_features,)

        Raises
        ------
        ValueError
            If the network has no skip path or a shape does not fit.
        """
        if self.skip_weight is None:
            raise ValueError("load_linear needs hidden layers and skip='linear' or 'formula'")
        weights = torch.as_tensor(np.array(coefficients, dtype=np.float64))
        constant = torch.as_tensor(np.array(intercept, dtype=np.float64))
        expected = (self.in_features, self.out_features)
        if weights.shape != expected or constant.shape != expected[1:]:
            raise ValueError(
                f"coefficients and intercept need the shapes {expected} and {expected[1:]}, "
                f"got {tuple(weights.shape)} and {tuple(constant.shape)}"
            )
        step = self.first.n_terms if self.skip == "formula" else 1
        with torch.no_grad():
            self.skip_weight.zero_()
            # the linear signal is the first of each input
            self.skip_weight[: self.in_features * step : step] = weights.to(self.skip_weight)
            self.output.weight.zero_()
            assert self.output.bias is not None
            self.output.bias.copy_(constant)

    def load_atoms(self, factors: Mapping[int, ArrayLike]) -> None:
        """Start the first layer's products from given factors; see :meth:`TaskNeuron.load_atoms`.

        Parameters
        ----------
        factors : mapping of order to array of shape (order, in_features, n_atoms)
        """
        self.first.load_atoms(factors)

    def parameter_rates(self) -> Iterator[tuple[nn.Parameter, float, float]]:
        """Yield the rate factors of the parameters that are not in a submodule."""
        if self.input_scale is not None:
            yield self.input_scale, INPUT_SCALE_RATE, 0.0
        if self.skip_weight is not None:
            yield self.skip_weight, *ntp_rates(len(self.skip_weight))

    def parameter_groups(self, learning_rate: float, weight_decay: float) -> list[dict[str, Any]]:
        """Return the optimiser's groups; see :func:`sktaskneuron.nn.parameter_groups`."""
        return parameter_groups(self, learning_rate, weight_decay)

    def forward(self, input: Tensor) -> Tensor:
        """Return the network's output (values, or logits).

        Parameters
        ----------
        input : Tensor of shape (batch, in_features)

        Returns
        -------
        Tensor of shape (batch, out_features)
        """
        if self.input_scale is not None:
            input = input * self.input_scale
        pure, products = self.first.pure_signals(input), self.first.product_signals(input)
        value = self.first.combine(pure, products)
        if not len(self.hidden):
            return value
        for layer, dropout in zip((*self.hidden[1:], self.output), self.dropouts, strict=True):
            value = layer(dropout(self._activate(value)))
        if self.skip_weight is None:
            return value
        if self.skip == "linear":
            return torch.addmm(value, input, self.skip_weight)
        signals = torch.cat((pure, products), dim=1) if products.shape[1] else pure
        return torch.addmm(value, signals, self.skip_weight)

    def spec(self) -> dict[str, Any]:
        """Return a plain description (numbers, texts, lists) from which the network is rebuilt."""
        hidden = self.hidden_formula
        return {
            "in_features": self.in_features,
            "out_features": self.out_features,
            "formula": str(self.formula),
            "hidden_layer_sizes": list(self.hidden_layer_sizes),
            "hidden_formula": None if hidden is None else str(hidden),
            "activation": self.activation,
            "dropout": self.dropout,
            "skip": self.skip,
            "input_scale": self.input_scale is not None,
            "bound": self.bound,
        }

    @classmethod
    def from_spec(
        cls,
        spec: Mapping[str, Any],
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        generator: torch.Generator | int | None = None,
    ) -> Self:
        """Build the network of a :meth:`spec`, with new starting values."""
        return cls(**spec, device=device, dtype=dtype, generator=generator)


def n_parameters(module: nn.Module) -> int:
    """Return the number of trainable numbers of a module."""
    return sum(math.prod(p.shape) for p in module.parameters() if p.requires_grad)
