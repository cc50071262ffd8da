"""Convolutions of task neurons: the same neurons on every patch of a signal or an image."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import ClassVar, Literal, TypeAlias

import torch
from torch import Tensor, nn

from sktaskneuron.formula import NeuronFormula
from sktaskneuron.nn.functional import evaluate_terms, rank_one_products, smooth_bound
from sktaskneuron.nn.task.neuron import DEFAULT_BOUND, TaskNeuron
from sktaskneuron.nn.task.start import leading_shape

#: A number for every axis of a signal, or one for all.
Sizes: TypeAlias = "int | Sequence[int]"


class _TaskNeuronConv(nn.Module):
    """What the convolutions of one and of two dimensions share."""

    _n_axes: ClassVar[int]
    _convolve: ClassVar[Callable[..., Tensor]]
    in_channels: int
    out_channels: int
    groups: int
    n_members: int | None
    padding: tuple[tuple[int, int], ...]
    neuron: TaskNeuron

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Sizes,
        formula: NeuronFormula | str,
        *,
        stride: Sizes = 1,
        padding: Sizes | Literal["same"] = 0,
        dilation: Sizes = 1,
        groups: int = 1,
        bias: bool = True,
        bias_std: float = 0.0,
        bound: float = DEFAULT_BOUND,
        n_members: int | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        generator: torch.Generator | int | None = None,
    ) -> None:
        super().__init__()
        if groups < 1 or in_channels % groups or out_channels % groups:
            raise ValueError(
                f"groups must divide the channels, got {groups=}, {in_channels=} and "
                f"{out_channels=}"
            )
        self.in_channels, self.out_channels = int(in_channels), int(out_channels)
        self.kernel_size: tuple[int, ...] = self._sizes("kernel_size", kernel_size, 1)
        self.stride: tuple[int, ...] = self._sizes("stride", stride, 1)
        self.dilation: tuple[int, ...] = self._sizes("dilation", dilation, 1)
        self.groups, self.n_members = int(groups), n_members
        if padding == "same":
            if any(step != 1 for step in self.stride):
                raise ValueError(f"padding='same' needs stride=1, got {stride!r}")
            spans = [d * (k - 1) for d, k in zip(self.dilation, self.kernel_size, strict=True)]
            self.padding = tuple((span // 2, span - span // 2) for span in spans)
        elif isinstance(padding, str):
            raise ValueError(f"padding must be a number, one per axis, or 'same', got {padding!r}")
        else:
            self.padding = tuple((p, p) for p in self._sizes("padding", padding, 0))
        # groups of channels are layers side by side, as packed members are
        lead = leading_shape(n_members)
        self.n_layers: int = math.prod(lead) * self.groups
        self.neuron = TaskNeuron(
            self.in_channels // self.groups * math.prod(self.kernel_size),
            self.out_channels // self.groups,
            formula,
            bias=bias,
            bias_std=bias_std,
            bound=bound,
            n_members=self.n_layers,
            device=device,
            dtype=dtype,
            generator=generator,
        )

    def _sizes(self, name: str, given: Sizes, least: int) -> tuple[int, ...]:
        listed = (given,) * self._n_axes if isinstance(given, int) else tuple(map(int, given))
        if len(listed) != self._n_axes or min(listed) < least:
            raise ValueError(
                f"{name} must be one or {self._n_axes} whole numbers of at least {least}, "
                f"got {given!r}"
            )
        return listed

    @property
    def formula(self) -> NeuronFormula:
        """The aggregation of the neurons."""
        return self.neuron.formula

    def reset_parameters(self, generator: torch.Generator | int | None = None) -> None:
        """Draw new starting values from ``generator``."""
        self.neuron.reset_parameters(generator)

    def forward(self, input: Tensor) -> Tensor:
        """Return the neurons' values before any activation.

        Parameters
        ----------
        input : Tensor of shape ([n_members,] batch, in_channels, [height,] width)
            A single signal without a batch's axis is taken too, where nothing is packed.

        Returns
        -------
        Tensor of shape ([n_members,] batch, out_channels, [height,] width)
            One channel for each neuron.
        """
        if self.n_members is None:
            if input.ndim == self._n_axes + 1:
                return self._joined(input[None])[0]
            return self._joined(input)
        # members stand among the channels: a convolution's groups
        output = self._joined(input.transpose(0, 1).flatten(1, 2))
        return output.unflatten(1, (self.n_members, self.out_channels)).transpose(0, 1)

    @torch.no_grad()
    def scale_factors(self, input: Tensor) -> None:
        """Bring the factors to a batch; see :func:`sktaskneuron.nn.scale_factors`.

        Parameters
        ----------
        input : Tensor of shape ([n_members,] batch, in_channels, [height,] width)
            Signals or images.
        """
        if self.neuron.factors is None:
            return
        if self.n_members is not None:
            input = input.transpose(0, 1).flatten(1, 2)
        elif input.ndim == self._n_axes + 1:
            input = input[None]
        inner = self._inner_products(*self._padded(input))
        self.neuron.scale_to_inner_products(inner.flatten(3).permute(1, 0, 3, 2).flatten(1, 2))

    def _joined(self, input: Tensor) -> Tensor:
        """Return the values of all layers: channels (batch, n_layers * in, *size) -> out."""
        input, padding = self._padded(input)
        neuron = self.neuron
        loadings: Tensor | None = neuron.loadings
        bias: Tensor | None = neuron.bias
        if loadings is not None:
            constant = (neuron.product_shift[:, None, :] @ loadings).squeeze(1)
            bias = constant if bias is None else bias + constant
        output = self._convolved(
            self._signals(input),
            self.kernels_of(neuron.weight, neuron.n_terms),
            None if bias is None else bias.flatten(),
            padding,
        )
        if loadings is None:
            return output
        inner = smooth_bound(self._inner_products(input, padding), neuron.bound)
        products = rank_one_products(inner, neuron.interactions, dim=2).flatten(1, 2)
        scaled = (neuron.product_scale[:, :, None] * loadings).transpose(1, 2).flatten(0, 1)
        ones = (1,) * self._n_axes
        return output + self._convolve(
            products, scaled.unflatten(1, (-1, *ones)), groups=self.n_layers
        )

    def _padded(self, input: Tensor) -> tuple[Tensor, tuple[int, ...]]:
        """Return the input, and the padding that is left to the convolutions.

        Functions of zero need not be zero, so that the input is padded, not its signals.
        """
        lows = tuple(low for low, _ in self.padding)
        if self.neuron.n_terms == 1 and all(low == high for low, high in self.padding):
            return input, lows
        edges = [edge for pair in reversed(self.padding) for edge in pair]
        return nn.functional.pad(input, edges), (0,) * self._n_axes

    def _inner_products(self, input: Tensor, padding: tuple[int, ...]) -> Tensor:
        """Return the inner products with the factors, (batch, n_layers, n_factors, *size)."""
        assert self.neuron.factors is not None
        inner = self._convolved(input, self.kernels_of(self.neuron.factors), None, padding)
        return inner.unflatten(1, (self.n_layers, -1))

    def _signals(self, input: Tensor) -> Tensor:
        """Return phi_t of every channel, the terms of one side by side."""
        neuron = self.neuron
        expressions = neuron.terms_after_linear
        if not expressions:
            return input
        bounded = smooth_bound(input, neuron.bound)
        terms = torch.stack((input, *evaluate_terms(expressions, bounded)), dim=-1)
        return (terms @ neuron.mixing + neuron.shift).movedim(-1, 2).flatten(1, 2)

    def kernels_of(self, weight: Tensor, n_terms: int = 1) -> Tensor:
        """Return columns of weights of patches as the kernels of a convolution.

        Parameters
        ----------
        weight : Tensor of shape (n_layers, in_channels / groups * patch * n_terms, n_out)
            ``neuron.weight`` or ``neuron.factors``.
        n_terms : int, default=1
            Terms of one input, which stand side by side.

        Returns
        -------
        Tensor of shape (n_layers * n_out, in_channels / groups * n_terms, [height,] width)
            As torch's convolutions take it.
        """
        shape = (self.in_channels // self.groups, *self.kernel_size, n_terms)
        kernels = weight.transpose(1, 2).flatten(0, 1).unflatten(1, shape)
        return kernels.movedim(-1, 2).flatten(1, 2)

    def _convolved(
        self, input: Tensor, kernels: Tensor, bias: Tensor | None, padding: tuple[int, ...]
    ) -> Tensor:
        return self._convolve(
            input, kernels, bias, self.stride, padding, self.dilation, self.n_layers
        )

    def extra_repr(self) -> str:
        """Show sizes in ``repr``."""
        return (
            f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, "
            f"stride={self.stride}, padding={self.padding}, groups={self.groups}"
        )


class TaskNeuronConv1d(_TaskNeuronConv):
    r"""A convolution of task neurons over signals.

    The layer of :class:`TaskNeuron` that sees the patch around every place of a signal: a patch of
    all channels of a group, ``kernel_size`` points each, is one input vector. So a formula with
    ``<x,x>`` multiplies two learned filters of the same patch:

    .. math::

        z_j(s) = c_j + \sum_{t, i} W_{(i,t),j}\, \varphi_t\bigl(x_i(s)\bigr)
                     + \sum_{k, r} V_{k,r,j}\, \psi_{k,r}\bigl(x(s)\bigr)

    with the patch x(s) at the place s. Filters and functions are convolutions, so that a patch is
    never copied. Padding puts zeros around the input, where functions of zero need not be zero.

    Inputs should have mean zero and unit variance, as behind :class:`torch.nn.BatchNorm1d`. The
    points of a smooth patch are alike, so that an inner product may be far larger than one of them:
    :func:`scale_factors` brings the factors to a batch of data before training.

    Parameters
    ----------
    in_channels, out_channels : int
        Channels of the input, and neurons at each place.
    kernel_size : int or sequence of int
        Points of a patch.
    formula : NeuronFormula or str
        Shape of the aggregation, e.g. ``"x + <x,x>:8"``; see :class:`TaskNeuron`.
    stride : int or sequence of int, default=1
        Steps between patches.
    padding : int, sequence of int or "same", default=0
        Zeros on both sides; "same" keeps the length.
    dilation : int or sequence of int, default=1
        Steps between the points of a patch.
    groups : int, default=1
        Groups of channels, each with neurons and products of its own.
    bias : bool, default=True
        Whether the neurons have a constant.
    bias_std, bound : float, default=0.0 and 4.0
        As of :class:`TaskNeuron`.
    n_members : int or None, default=None
        Number of layers packed into one module. Input and output then have the shape
        (n_members, batch, channels, length).
    device : torch.device or str, default=None
        Where the parameters lie; None is where torch puts new ones.
    dtype : torch.dtype, default=None
        Type of the parameters; None is that of new ones in torch.
    generator : torch.Generator or int, default=None
        Source of the starting values; None is seed 0.

    Attributes
    ----------
    neuron : TaskNeuron
        Holds the parameters: the layer on patches, with a leading axis for members times groups. A
        patch is ordered as :class:`torch.nn.Unfold` orders it: by channel, then by place.

    Raises
    ------
    FormulaError
        If the formula is bad text, or cannot be trained.
    ValueError
        If a size is not valid, or ``groups`` does not divide the channels.

    See Also
    --------
    TaskNeuronConv2d : A convolution of task neurons over images; see :class:`TaskNeuronConv1d`.
    TaskNeuron : A layer of neurons that aggregate their inputs by a formula.

    Examples
    --------
    >>> import torch
    >>> from sktaskneuron.nn import TaskNeuronConv1d
    >>> layer = TaskNeuronConv1d(2, 16, 5, "x + <x,x>:8", padding="same")
    >>> layer(torch.zeros(4, 2, 40)).shape
    torch.Size([4, 16, 40])
    """

    _n_axes = 1
    _convolve = staticmethod(nn.functional.conv1d)


class TaskNeuronConv2d(_TaskNeuronConv):
    """A convolution of task neurons over images; see :class:`TaskNeuronConv1d`.

    Parameters
    ----------
    in_channels, out_channels : int
        Channels of the input, and neurons at each place.
    kernel_size : int or sequence of two int
        Height and width of a patch.
    formula : NeuronFormula or str
        Shape of the aggregation, e.g. ``"x + <x,x>:8"``; see :class:`TaskNeuron`.
    stride : int or sequence of two int, default=1
        Steps between patches.
    padding : int, sequence of two int or "same", default=0
        Zeros on both sides; "same" keeps height and width.
    dilation : int or sequence of two int, default=1
        Steps between the points of a patch.
    groups : int, default=1
        Groups of channels, each with neurons and products of its own.
    bias : bool, default=True
        Whether the neurons have a constant.
    bias_std, bound : float, default=0.0 and 4.0
        As of :class:`TaskNeuron`.
    n_members : int or None, default=None
        Number of layers packed into one module. Input and output then have the shape
        (n_members, batch, channels, height, width).
    device : torch.device or str, default=None
        Where the parameters lie; None is where torch puts new ones.
    dtype : torch.dtype, default=None
        Type of the parameters; None is that of new ones in torch.
    generator : torch.Generator or int, default=None
        Source of the starting values; None is seed 0.

    Attributes
    ----------
    neuron : TaskNeuron
        Holds the parameters, as in :class:`TaskNeuronConv1d`.

    Raises
    ------
    FormulaError
        If the formula is bad text, or cannot be trained.
    ValueError
        If a size is not valid, or ``groups`` does not divide the channels.

    See Also
    --------
    TaskNeuronConv1d : A convolution of task neurons over signals.
    TaskNeuron : A layer of neurons that aggregate their inputs by a formula.

    Examples
    --------
    >>> import torch
    >>> from sktaskneuron.nn import TaskNeuronConv2d
    >>> layer = TaskNeuronConv2d(3, 16, 3, "x + <x,x>:8", stride=2, padding=1)
    >>> layer(torch.zeros(4, 3, 32, 32)).shape
    torch.Size([4, 16, 16, 16])
    """

    _n_axes = 2
    _convolve = staticmethod(nn.functional.conv2d)
