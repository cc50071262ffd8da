"""The task-driven network: task neurons first, then a plain tower, beside a skip path."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, Self, get_args

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from sktaskneuron._typing import FloatArray, Spec
from sktaskneuron.formula import NeuronFormula
from sktaskneuron.nn.dropout import GeneratorDropout
from sktaskneuron.nn.functional import affine
from sktaskneuron.nn.parameterization import ParameterGroups, ntp_rates, parameter_groups
from sktaskneuron.nn.task.neuron import DEFAULT_BOUND, TaskNeuron
from sktaskneuron.nn.task.piecewise import PiecewiseLinearEmbedding, PiecewiseLinearTerms
from sktaskneuron.nn.task.start import (
    FactoryOptions,
    as_formula,
    as_generator,
    factory_options,
    leading_shape,
)
from sktaskneuron.nn.task.table_input import (
    ColumnTerms,
    LevelEmbedding,
    PeriodicTerms,
    TableInput,
)
from sktaskneuron.nn.typed.activation_set import ActivationSet
from sktaskneuron.nn.typed.layers import (
    ActivationSpec,
    FunctionSpec,
    TypedActivation,
    activation_spec,
)
from sktaskneuron.nn.typed.reading import layer_functions

Skip = Literal["linear", "formula", "none"]
Terms = Literal["periodic", "piecewise", "piecewise_embedding"]

_LINEAR = "x"


class Packed(FactoryOptions):
    """Keywords of parts that may be packed."""

    n_members: int | None


class TaskNetwork(nn.Module):
    r"""A feed-forward network whose first layer consists of task neurons.

    .. math::

        h_1 = a(\mathrm{TaskNeuron}(x')), \quad
        h_{l+1} = a(\mathrm{Layer}_l(h_l)), \quad
        f(x) = h_L W_o + c_o + S(x')

    with an activation a and a skip path S from the input to the output that starts at zero, so that
    a linear part always stays. The signals :math:`x'` are the columns, with ``terms`` also learned
    functions of each numeric column and vectors of levels, all times a learned scale that starts at
    one (see :class:`TableInput`). With ``formula="x"``, no terms and ``skip="none"`` it is the
    plain multi-layer perceptron.

    Parameters
    ----------
    in_features, out_features : int
        Number of columns and of outputs.
    formula : NeuronFormula or str
        Aggregation of the first layer's neurons.
    hidden_layer_sizes : sequence of int, default=(128, 128)
        Widths of the hidden layers; the first holds the task neurons. Empty: a single layer of
        task neurons gives the output, without activation and without skip path.
    hidden_formula : NeuronFormula, str or None, default=None
        Aggregation of the further hidden layers; None is the plain sum ``"x"``.
    activation : str, ActivationSet, or list, default="silu"
        A text as of :func:`get_activation`, also with ``trainable=True``, whose parameters are then
        learned, by every packed network for itself; a set, whose functions are the layers' types of
        neurons and stay as they are; a list of texts and sets, the types of neurons; or one set or
        list per hidden layer, which may also hold tables as :class:`DiverseNetwork` takes them.
        Neuron j of N has type ``j * T // N``.
    dropout : float, default=0.0
        Dropout rate behind each activation.
    skip : {"linear", "formula", "none"}, default="linear"
        What the skip path sees: the signals, all signals of the first layer (pure terms and
        products), or nothing.
    input_scale : bool, default=True
        Whether the scale of the signals is learned.
    terms : {"periodic", "piecewise", "piecewise_embedding"} or None, default=None
        Functions of single columns beside the columns themselves: learned mixtures of cosines
        (:class:`PeriodicTerms`), the codes of bins (:class:`PiecewiseLinearTerms`), or learned
        mixtures of these (:class:`PiecewiseLinearEmbedding`).
    n_term_columns : int or None, default=None
        They are built for so many columns, the first ones; None is all but those of levels.
    n_terms : int, default=3
        Learned functions per column.
    n_frequencies : int, default=16
        Cosines per column.
    frequency_std : float or pair of floats, default=0.1
        Standard deviation of the cosines' frequencies at the start, or its lowest and highest.
    n_bins : int, default=16
        Bins per column.
    n_levels : sequence of int, default=()
        The last columns, as many as there are entries, hold codes of levels (counted here) and
        enter as learned vectors (:class:`LevelEmbedding`).
    bound : float, default=4.0
        Bound inside the task neurons.
    n_members : int or None, default=None
        Number of networks packed into one batched module. Every parameter then has a leading axis
        of this length, and input and output have the shape (n_members, batch, features).
    device : torch.device or str, default=None
        Where the parameters lie; None is where torch puts new ones.
    dtype : torch.dtype, default=None
        Type of the parameters; None is that of new ones in torch.
    generator : torch.Generator or int, default=None
        Source of the starting values and of the dropout seeds; None is seed 0.

    Raises
    ------
    ValueError
        If a size, the activation, the dropout rate, ``skip`` or ``terms`` is not valid.
    TypeError
        If the activation is none of these.
    FormulaError
        If a formula is not usable in a network.

    See Also
    --------
    TaskNeuron : A layer of neurons that aggregate their inputs by a formula.
    TableInput : Columns of a table, learned functions of the numeric ones, vectors of levels; all
        scaled.
    SignalNetwork : A network of convolutions of task neurons, for signals or images.

    Examples
    --------
    >>> import torch
    >>> from sktaskneuron.nn import TaskNetwork
    >>> network = TaskNetwork(10, 1, "x + x**2 + <x,x>:4", hidden_layer_sizes=(64, 64))
    >>> network(torch.zeros(5, 10)).shape
    torch.Size([5, 1])
    >>> twin = TaskNetwork.from_spec(network.spec())
    >>> packed = TaskNetwork(10, 1, "x + <x,x>:4", terms="periodic", n_members=8)
    >>> packed(torch.zeros(8, 5, 10)).shape
    torch.Size([8, 5, 1])
    """

    skip_weight: nn.Parameter | None
    in_features: int
    out_features: int
    bound: float
    hidden: nn.ModuleList
    output: TaskNeuron
    dropout: float
    dropouts: nn.ModuleList

    def __init__(
        self,
        in_features: int,
        out_features: int,
        formula: NeuronFormula | str,
        *,
        hidden_layer_sizes: Sequence[int] = (128, 128),
        hidden_formula: NeuronFormula | str | None = None,
        activation: str
        | ActivationSet
        | Sequence[str]
        | Sequence[ActivationSet]
        | Sequence[Sequence[FunctionSpec | nn.Module]] = "silu",
        dropout: float = 0.0,
        skip: Skip = "linear",
        input_scale: bool = True,
        terms: Terms | None = None,
        n_term_columns: int | None = None,
        n_terms: int = 3,
        n_frequencies: int = 16,
        frequency_std: float | Sequence[float] = 0.1,
        n_bins: int = 16,
        n_levels: Sequence[int] = (),
        bound: float = DEFAULT_BOUND,
        n_members: int | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        generator: torch.Generator | int | None = None,
    ) -> None:
        super().__init__()
        if skip not in get_args(Skip):
            raise ValueError(f"skip must be one of {', '.join(get_args(Skip))}, got {skip!r}")
        if terms is not None and terms not in get_args(Terms):
            raise ValueError(
                f"terms must be None or one of {', '.join(get_args(Terms))}, got {terms!r}"
            )
        self.in_features, self.out_features = int(in_features), int(out_features)
        self.formula: NeuronFormula = as_formula(formula)
        self.hidden_formula: NeuronFormula | None = (
            None if hidden_formula is None else as_formula(hidden_formula)
        )
        self.hidden_layer_sizes: tuple[int, ...] = tuple(int(size) for size in hidden_layer_sizes)
        self.skip, self.bound = skip, float(bound)
        self.n_members = n_members
        per_layer = layer_functions(activation, len(self.hidden_layer_sizes), stored=True)
        #: A text for all neurons, or the specs of the functions per layer, per type.
        self.activation: ActivationSpec = activation_spec(activation, per_layer)
        if n_term_columns is None:
            n_term_columns = self.in_features - len(n_levels)
        self._term_options: Spec = {
            "terms": terms,
            "n_term_columns": n_term_columns,
            "n_terms": n_terms,
            "n_frequencies": n_frequencies,
            "frequency_std": np.asarray(frequency_std, dtype=np.float64).tolist(),
            "n_bins": n_bins,
            "n_levels": list(n_levels),
        }

        generator = as_generator(generator)
        packed: Packed = {"n_members": n_members, **factory_options(device, dtype)}
        # the order in which parts are made is that of their random draws
        self.input: TableInput = self._input_of(input_scale, generator, packed)
        layers = self._layers_of(generator, packed)
        self.hidden, self.output = nn.ModuleList(layers[:-1]), layers[-1]
        self.activations: nn.ModuleList = nn.ModuleList(
            TypedActivation(kinds, size, n_members=n_members, dtype=packed["dtype"])
            for kinds, size in zip(per_layer, self.hidden_layer_sizes, strict=True)
        ).to(device=device, dtype=packed["dtype"])
        seeds = torch.randint(2**62, (len(self.hidden),), generator=generator)
        self.dropout = float(dropout)
        self.dropouts = nn.ModuleList(
            GeneratorDropout(dropout, seed=int(seed)) for seed in seeds.tolist()
        )
        self.register_parameter("skip_weight", self._skip_weight_of(packed))

    def _input_of(self, scale: bool, generator: torch.Generator, packed: Packed) -> TableInput:
        """Return what makes the signals of a row."""
        options = self._term_options
        n_columns, n_levels = options["n_term_columns"], options["n_levels"]
        terms: ColumnTerms | None = None
        if options["terms"] == "periodic" and n_columns:
            terms = PeriodicTerms(
                n_columns,
                options["n_terms"],
                options["n_frequencies"],
                frequency_std=options["frequency_std"],
                generator=generator,
                **packed,
            )
        elif options["terms"] == "piecewise" and n_columns:
            terms = PiecewiseLinearTerms(
                n_columns, options["n_bins"], device=packed["device"], dtype=packed["dtype"]
            )
        elif options["terms"] == "piecewise_embedding" and n_columns:
            terms = PiecewiseLinearEmbedding(
                n_columns, options["n_terms"], options["n_bins"], generator=generator, **packed
            )
        levels = LevelEmbedding(n_levels, generator=generator, **packed) if n_levels else None
        return TableInput(self.in_features, terms=terms, levels=levels, scale=scale, **packed)

    def _layers_of(self, generator: torch.Generator, packed: Packed) -> list[TaskNeuron]:
        """Return the layers of neurons, that of the output last."""
        sizes = (self.input.n_signals, *self.hidden_layer_sizes, self.out_features)
        n_layers = len(sizes) - 1
        formulas: list[NeuronFormula | str] = [self.hidden_formula or _LINEAR] * n_layers
        formulas[-1] = _LINEAR
        formulas[0] = self.formula
        return [
            TaskNeuron(
                sizes[i],
                sizes[i + 1],
                formulas[i],
                bias_std=0.0 if i == n_layers - 1 else 1.0,
                bound=self.bound,
                generator=generator,
                **packed,
            )
            for i in range(n_layers)
        ]

    def _skip_weight_of(self, packed: Packed) -> nn.Parameter | None:
        """Return the weights of the skip path, which start at zero."""
        if self.skip == "none" or not self.hidden_layer_sizes:
            return None
        n_signals = self.first.n_signals if self.skip == "formula" else self.input.n_signals
        shape = (*leading_shape(self.n_members), n_signals, self.out_features)
        return nn.Parameter(torch.zeros(shape, device=packed["device"], dtype=packed["dtype"]))

    def reset_parameters(self, generator: torch.Generator | int | None = None) -> None:
        """Draw new starting values from ``generator``, as on construction."""
        generator = as_generator(generator)
        self.input.reset_parameters(generator)
        for layer in (*self.hidden, self.output):
            assert isinstance(layer, TaskNeuron)
            layer.reset_parameters(generator)
        for activation in self.activations:
            assert isinstance(activation, TypedActivation)
            activation.reset_parameters()
        for dropout in self.dropouts:
            assert isinstance(dropout, GeneratorDropout)
            dropout.reseed(int(torch.randint(2**62, (), generator=generator)))
        if self.skip_weight is not None:
            with torch.no_grad():
                self.skip_weight.zero_()

    @property
    def first(self) -> TaskNeuron:
        """The layer of task neurons."""
        layer = self.hidden[0] if len(self.hidden) else self.output
        assert isinstance(layer, TaskNeuron)
        return layer

    def load_edges(self, edges: ArrayLike) -> None:
        """Set the edges of the bins that ``terms`` reads.

        Parameters
        ----------
        edges : array-like of shape (n_term_columns, n_bins + 1)
            Ascending along the second axis.
        """
        if not isinstance(self.input.terms, PiecewiseLinearTerms | PiecewiseLinearEmbedding):
            raise ValueError("load_edges needs terms='piecewise' or 'piecewise_embedding'")
        target = self.input.terms.edges
        values = torch.as_tensor(np.array(edges, dtype=np.float64))
        if values.shape != target.shape:
            raise ValueError(
                f"edges need the shape {tuple(target.shape)}, got {tuple(values.shape)}"
            )
        target.copy_(values)

    def load_linear(self, coefficients: ArrayLike, intercept: ArrayLike) -> None:
        """Start from a linear model: the network then predicts exactly that model.

        The linear weights of the skip path take the coefficients and the output layer starts at
        zero, so that training only adds what the linear model misses.

        Parameters
        ----------
        coefficients : array-like of shape (in_features, out_features)
            Weights of the columns.
        intercept : array-like of shape (out_features,)
            Constants of the outputs.

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
        if self.input.levels is not None:
            raise ValueError("load_linear cannot set coefficients of columns that hold levels")
        step = self.first.n_terms if self.skip == "formula" else 1
        with torch.no_grad():
            self.skip_weight.zero_()
            # the linear signal is the first of each input
            target = self.skip_weight[..., : self.in_features * step : step, :]
            target.copy_(weights.expand(target.shape))
            self.output.weight.zero_()
            assert self.output.bias is not None
            self.output.bias.copy_(constant)

    def load_atoms(self, factors: Mapping[int, ArrayLike]) -> None:
        """Start the first layer's products from given factors; see :meth:`TaskNeuron.load_atoms`.

        Parameters
        ----------
        factors : mapping of order to array of shape (order, n_columns, n_atoms)
            Vectors of the atoms that were found; further columns have no part in them.
        """

        def padded(value: ArrayLike) -> FloatArray:
            array = np.asarray(value, dtype=np.float64)
            missing = max(0, self.first.in_features - array.shape[1])
            return np.pad(array, ((0, 0), (0, missing), (0, 0)))

        self.first.load_atoms({order: padded(value) for order, value in factors.items()})

    def parameter_rates(self) -> Iterator[tuple[nn.Parameter, float, float]]:
        """Yield the rate factors of the parameters that are not in a submodule."""
        if self.skip_weight is not None:
            yield self.skip_weight, *ntp_rates(self.skip_weight.shape[-2])

    def parameter_groups(self, learning_rate: float, weight_decay: float) -> ParameterGroups:
        """Return the optimiser's groups; see :func:`sktaskneuron.nn.parameter_groups`."""
        return parameter_groups(self, learning_rate, weight_decay)

    def forward(self, input: Tensor) -> Tensor:
        """Return the network's output (values, or logits).

        Parameters
        ----------
        input : Tensor of shape ([n_members,] batch, in_features)
            Rows of the table.

        Returns
        -------
        Tensor of shape ([n_members,] batch, out_features)
            Outputs of the rows.
        """
        signals = self.input(input)
        pure, products = self.first.pure_signals(signals), self.first.product_signals(signals)
        value = self.first.combine(pure, products)
        if not len(self.hidden):
            return value
        for activation, dropout, layer in zip(
            self.activations, self.dropouts, (*self.hidden[1:], self.output), strict=True
        ):
            value = layer(dropout(activation(value)))
        if self.skip_weight is None:
            return value
        if self.skip == "linear":
            return affine(value, signals, self.skip_weight)
        signals = torch.cat((pure, products), dim=-1) if products.shape[-1] else pure
        return affine(value, signals, self.skip_weight)

    def spec(self) -> Spec:
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
            "input_scale": self.input.scale is not None,
            **self._term_options,
            "bound": self.bound,
            "n_members": self.n_members,
        }

    @classmethod
    def from_spec(
        cls,
        spec: Spec,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        generator: torch.Generator | int | None = None,
    ) -> Self:
        """Build the network of a :meth:`spec`, with new starting values."""
        return cls(**spec, device=device, dtype=dtype, generator=generator)


def n_parameters(module: nn.Module) -> int:
    """Return the number of trainable numbers of a module.

    Parameters
    ----------
    module : nn.Module
        Whose parameters are counted.

    Returns
    -------
    n : int
        Parameters that are frozen do not count.

    See Also
    --------
    sktaskneuron.formula.NeuronFormula.n_parameters : Count the numbers of a neuron by its formula.

    Examples
    --------
    >>> from torch import nn
    >>> from sktaskneuron.nn import n_parameters
    >>> n_parameters(nn.Linear(3, 2))
    8
    """
    return sum(math.prod(p.shape) for p in module.parameters() if p.requires_grad)
