"""Networks of signals and images: blocks of convolutions of task neurons."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Self

import torch
from torch import Tensor, nn

from sktaskneuron._typing import Spec
from sktaskneuron.formula import NeuronFormula
from sktaskneuron.nn.dropout import GeneratorDropout
from sktaskneuron.nn.task.conv import TaskNeuronConv1d, TaskNeuronConv2d
from sktaskneuron.nn.task.neuron import DEFAULT_BOUND, TaskNeuron
from sktaskneuron.nn.task.start import as_formula, as_generator
from sktaskneuron.nn.typed.activation_set import ActivationSet
from sktaskneuron.nn.typed.layers import (
    ActivationSpec,
    FunctionSpec,
    TypedActivation,
    activation_spec,
)
from sktaskneuron.nn.typed.reading import layer_functions


class SignalNetwork(nn.Module):
    r"""A network of convolutions of task neurons, for signals or images.

    A block is ``depth`` layers, each

    .. math:: h_{l+1} = a\bigl(\mathrm{TaskNeuronConv}(\mathrm{norm}(h_l))\bigr),

    and then keeps the largest of every two neighbours. Normalisation goes by the batch and comes
    first, because products are built for inputs of mean zero and unit variance. All numbers that
    the last block leaves go to one linear layer.

    Parameters
    ----------
    in_shape : sequence of two or three int
        Shape of a signal (channels, length), or of an image (channels, height, width).
    out_features : int
        Number of outputs.
    formula : NeuronFormula or str
        Aggregation of the first convolution.
    hidden_formula : NeuronFormula, str or None, default=None
        Aggregation of the further ones; None is the plain sum ``"x"``.
    hidden_channels : sequence of int, default=(16, 32)
        Channels of every block.
    depth : int, default=2
        Layers of a block.
    kernel_size : int, default=5
        Of all layers; lengths stay but for the halving at the end of blocks.
    activation : str, ActivationSet, or list, default="silu"
        As of :class:`TaskNetwork`: one for all layers, or one set or list for each of the
        ``depth * len(hidden_channels)``. The types of neurons are types of channels.
    dropout : float, default=0.0
        Dropout rate before the last layer.
    bound : float, default=4.0
        Bound inside the task neurons.
    n_members : int or None, default=None
        Number of networks packed into one batched module. Every parameter then has a leading axis
        of this length (times one), and input and output have the shape (n_members, batch, ...).
    device : torch.device or str, default=None
        Where the parameters lie; None is where torch puts new ones.
    dtype : torch.dtype, default=None
        Type of the parameters; None is that of new ones in torch.
    generator : torch.Generator or int, default=None
        Source of the starting values and of the dropout's seed; None is seed 0.

    Raises
    ------
    FormulaError
        If the formula is not usable in a network.
    ValueError
        If a size, the activation or the dropout rate is not valid.
    TypeError
        If the activation is none of these.

    See Also
    --------
    TaskNeuronConv1d : A convolution of task neurons over signals.
    TaskNeuronConv2d : A convolution of task neurons over images; see :class:`TaskNeuronConv1d`.

    Examples
    --------
    >>> import torch
    >>> from sktaskneuron.nn import SignalNetwork
    >>> network = SignalNetwork((1, 40), 10, "x + <x,x>:8")
    >>> network(torch.zeros(5, 40)).shape
    torch.Size([5, 10])
    >>> twin = SignalNetwork.from_spec(network.spec())
    """

    out_features: int
    formula: NeuronFormula
    depth: int
    kernel_size: int
    bound: float
    n_members: int | None
    norms: nn.ModuleList
    convolutions: nn.ModuleList
    activations: nn.ModuleList
    dropout: GeneratorDropout
    output: TaskNeuron

    def __init__(
        self,
        in_shape: Sequence[int],
        out_features: int,
        formula: NeuronFormula | str,
        *,
        hidden_formula: NeuronFormula | str | None = None,
        hidden_channels: Sequence[int] = (16, 32),
        depth: int = 2,
        kernel_size: int = 5,
        activation: str
        | ActivationSet
        | Sequence[str]
        | Sequence[ActivationSet]
        | Sequence[Sequence[FunctionSpec | nn.Module]] = "silu",
        dropout: float = 0.0,
        bound: float = DEFAULT_BOUND,
        n_members: int | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        generator: torch.Generator | int | None = None,
    ) -> None:
        super().__init__()
        self.in_shape: tuple[int, ...] = tuple(int(size) for size in in_shape)
        if len(self.in_shape) not in (2, 3) or min(self.in_shape) < 1:
            raise ValueError(
                "in_shape must be (channels, length) or (channels, height, width), got "
                f"{tuple(in_shape)!r}"
            )
        self.hidden_channels: tuple[int, ...] = tuple(int(width) for width in hidden_channels)
        if not self.hidden_channels or depth < 1:
            raise ValueError(
                f"a network needs blocks and layers in them, got {hidden_channels=} and {depth=}"
            )
        self.out_features, self.formula = int(out_features), as_formula(formula)
        self.hidden_formula: NeuronFormula | None = (
            None if hidden_formula is None else as_formula(hidden_formula)
        )
        self.depth, self.kernel_size, self.bound = int(depth), int(kernel_size), float(bound)
        self.n_members = n_members
        self.n_packed: int = 1 if n_members is None else n_members
        n_layers = self.depth * len(self.hidden_channels)
        per_layer = layer_functions(activation, n_layers, stored=True)
        self.activation: ActivationSpec = activation_spec(activation, per_layer)

        generator = as_generator(generator)
        flat = len(self.in_shape) == 2
        convolution = TaskNeuronConv1d if flat else TaskNeuronConv2d
        pool = nn.MaxPool1d if flat else nn.MaxPool2d
        self.norms, self.convolutions = nn.ModuleList(), nn.ModuleList()
        self.activations = nn.ModuleList()
        types = iter(per_layer)
        n_in, *size = self.in_shape
        for width in self.hidden_channels:
            for _ in range(self.depth):
                self.activations.append(
                    TypedActivation(
                        next(types), width, n_points=math.prod(size), n_members=self.n_packed
                    )
                )
                self.norms.append(self._norm(n_in, device, dtype))
                self.convolutions.append(
                    convolution(
                        n_in,
                        width,
                        self.kernel_size,
                        formula,
                        padding="same",
                        bias_std=1.0,
                        bound=self.bound,
                        n_members=self.n_packed,
                        device=device,
                        dtype=dtype,
                        generator=generator,
                    )
                )
                n_in, formula = width, self.hidden_formula or "x"
            size = [-(-length // 2) for length in size]
        self.pool: nn.MaxPool1d | nn.MaxPool2d = pool(2, ceil_mode=True)
        self.norms.append(self._norm(n_in, device, dtype))
        self.activations.to(device=device, dtype=dtype or torch.get_default_dtype())
        self.dropout = GeneratorDropout(
            dropout, seed=int(torch.randint(2**62, (), generator=generator))
        )
        self.output = TaskNeuron(
            n_in * math.prod(size),
            self.out_features,
            "x",
            n_members=self.n_packed,
            device=device,
            dtype=dtype,
            generator=generator,
        )

    def _norm(
        self, n_channels: int, device: torch.device | str | None, dtype: torch.dtype | None
    ) -> nn.Module:
        kind = nn.BatchNorm1d if len(self.in_shape) == 2 else nn.BatchNorm2d
        return kind(self.n_packed * n_channels, affine=False, device=device, dtype=dtype)

    def forward(self, input: Tensor) -> Tensor:
        """Return the network's output (values, or logits).

        Parameters
        ----------
        input : Tensor of shape ([n_members,] batch, channels * length [* width])
            The numbers of a signal in one row, channel by channel: a row of a table.

        Returns
        -------
        Tensor of shape ([n_members,] batch, out_features)
            Outputs of the signals.
        """
        rows = input[None] if self.n_members is None else input
        value = rows.unflatten(-1, self.in_shape)
        *norms, last = self.norms
        layers = zip(norms, self.convolutions, self.activations, strict=True)
        for place, (norm, convolution, activation) in enumerate(layers):
            value = convolution(self._joined(norm, value))
            value = activation(value.flatten(2)).view(value.shape)
            if (place + 1) % self.depth == 0:
                value = self._joined(self.pool, value)
        features = self._joined(last, value).flatten(2)
        output: Tensor = self.output(self.dropout(features))
        return output[0] if self.n_members is None else output

    def _joined(self, module: nn.Module, value: Tensor) -> Tensor:
        """Apply a module of torch with the members among the channels."""
        joined: Tensor = module(value.transpose(0, 1).flatten(1, 2))
        return joined.unflatten(1, (self.n_packed, -1)).transpose(0, 1)

    def spec(self) -> Spec:
        """Return a plain description (numbers, texts, lists) from which the network is rebuilt."""
        return {
            "in_shape": list(self.in_shape),
            "out_features": self.out_features,
            "formula": str(self.formula),
            "hidden_formula": None if self.hidden_formula is None else str(self.hidden_formula),
            "hidden_channels": list(self.hidden_channels),
            "depth": self.depth,
            "kernel_size": self.kernel_size,
            "activation": self.activation,
            "dropout": self.dropout.rate,
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
