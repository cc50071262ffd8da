"""The task neuron: a layer whose aggregation is a neuron formula."""

import math
from collections.abc import Iterator, Mapping

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from sktaskneuron.formula import ElementwiseExpression, NeuronFormula
from sktaskneuron.nn.functional import (
    affine,
    evaluate_terms,
    matrix_product,
    rank_one_products,
    smooth_bound,
)
from sktaskneuron.nn.parameterization import BIAS_RATE, ntp_rates
from sktaskneuron.nn.task.basis import orthonormal_terms, product_moments
from sktaskneuron.nn.task.start import (
    as_formula,
    as_generator,
    check_slopes,
    factory_options,
    leading_shape,
    randn,
)

# Of N(0, 1), one value in 16,000 lies beyond four standard deviations.
DEFAULT_BOUND = 4.0


class TaskNeuron(nn.Module):
    r"""A layer of neurons that aggregate their inputs by a formula.

    .. math::

        z_j = c_j + \sum_{t=1}^{T} \sum_i W_{(i,t),j}\, \varphi_t(x_i)
                  + \sum_k \sum_{r=1}^{R_k} V_{k,r,j}\, \psi_{k,r}(x),
        \qquad
        \psi_{k,r}(x) \propto \prod_{m=1}^{k} b(\langle u_{k,m,r}, x\rangle)

    The signals :math:`\varphi_t` are the pure terms of the formula, orthonormalised under
    :math:`x_i \sim N(0, 1)`; :math:`\varphi_1(x) = x` is always there, so that a linear part always
    stays. Every other term sees :math:`b(x_i)` with the smooth bound
    :math:`b(x) = x / \sqrt{1 + (x/B)^2}`: powers cannot overflow. The factors :math:`u` are shared
    by the neurons of the layer. All signals have mean zero and unit variance at the start; the
    output factor :math:`V` starts at zero, so that the layer starts without its interactions and
    takes them up where the gradient asks for them.

    Like :class:`torch.nn.Linear` it maps (..., in_features) to (..., out_features).

    Parameters
    ----------
    in_features, out_features : int
        Number of inputs and of neurons.
    formula : NeuronFormula or str
        Shape of the aggregation, e.g. ``"x + x**2 + <x,x>:4"``.
    bias : bool, default=True
        Whether the neurons have a constant :math:`c_j`.
    bias_std : float, default=0.0
        Standard deviation of the constants at the start.
    bound : float, default=4.0
        The bound B of the arguments of the non-linear terms and of the inner products.
    n_members : int or None, default=None
        Number of layers packed into one batched module. Every parameter then has a leading axis of
        this length, and input and output have the shape (n_members, ..., features).
    device : torch.device or str, default=None
        Where the parameters lie; None is where torch puts new ones.
    dtype : torch.dtype, default=None
        Type of the parameters; None is that of new ones in torch.
    generator : torch.Generator or int, default=None
        Source of the starting values (a CPU generator or a seed); None is seed 0. The global
        random stream of torch is never read.

    Attributes
    ----------
    weight : Parameter of shape ([n_members,] in_features * n_terms, out_features)
        Weights W, the terms of one input side by side.
    bias : Parameter of shape ([n_members,] out_features) or None
    factors : Parameter of shape ([n_members,] in_features, sum of order * rank) or None
        All vectors u as columns; see :meth:`factors_of`.
    loadings : Parameter of shape ([n_members,] sum of ranks, out_features) or None
        Output factors V of all orders, orders ascending.

    Raises
    ------
    FormulaError
        If the formula is bad text, or a term is not defined on all of [-B, B] or has an infinite
        slope there.
    ValueError
        If a size or the bound is not positive.

    See Also
    --------
    TaskNetwork : A feed-forward network whose first layer consists of task neurons.
    TaskNeuronConv1d : A convolution of task neurons over signals.
    replace_linear : Return a copy of a module whose linear layers and convolutions are task
        neurons.

    References
    ----------
    Fan et al., "No one-size-fits-all neurons: task-based neurons for artificial neural networks",
    arXiv 2405.02369; "NeuronSeek", arXiv 2506.15715. Orthonormal signals, the bound and the zero
    start are deviations: in the published form an order-5 product starts at 1e-7 and never wakes.

    Examples
    --------
    >>> import torch
    >>> from sktaskneuron.nn import TaskNeuron
    >>> layer = TaskNeuron(10, 32, "x + x**2 + <x,x>:4", generator=0)
    >>> layer(torch.zeros(5, 10)).shape
    torch.Size([5, 32])
    """

    weight: nn.Parameter
    bias: nn.Parameter | None
    factors: nn.Parameter | None
    loadings: nn.Parameter | None
    mixing: Tensor
    shift: Tensor
    product_scale: Tensor
    product_shift: Tensor
    in_features: int
    out_features: int
    bound: float
    bias_std: float

    def __init__(
        self,
        in_features: int,
        out_features: int,
        formula: NeuronFormula | str,
        *,
        bias: bool = True,
        bias_std: float = 0.0,
        bound: float = DEFAULT_BOUND,
        n_members: int | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        generator: torch.Generator | int | None = None,
    ) -> None:
        super().__init__()
        if in_features < 1 or out_features < 1:
            raise ValueError(
                f"a layer needs inputs and outputs, got {in_features=} and {out_features=}"
            )
        if not (bound > 0 and math.isfinite(bound)):
            raise ValueError(f"bound must be a positive number, got {bound!r}")
        self.in_features, self.out_features = int(in_features), int(out_features)
        self.n_members = n_members
        lead = leading_shape(n_members)
        self.formula: NeuronFormula = as_formula(formula)
        self.bound, self.bias_std = float(bound), float(bias_std)
        self.terms_after_linear: tuple[ElementwiseExpression, ...] = _terms_after_linear(
            self.formula
        )
        self.n_terms: int = 1 + len(self.terms_after_linear)
        self.interactions: tuple[tuple[int, int], ...] = tuple(
            sorted(self.formula.interactions.items())
        )

        where = factory_options(device, dtype)
        rank = sum(r for _, r in self.interactions)
        n_factors = sum(k * r for k, r in self.interactions)

        def parameter(*shape: int) -> nn.Parameter:
            return nn.Parameter(torch.empty(*lead, *shape, **where))

        self.weight = parameter(self.n_pure_signals, out_features)
        self.bias = parameter(out_features) if bias else None
        self.factors = parameter(in_features, n_factors) if rank else None
        self.loadings = parameter(rank, out_features) if rank else None
        if self.terms_after_linear:
            linear = NeuronFormula(pure=("x",)).expressions
            mixing, shift = orthonormal_terms((*linear, *self.terms_after_linear), self.bound)
            self.register_buffer("mixing", torch.as_tensor(mixing).to(**where))
            self.register_buffer("shift", torch.as_tensor(shift).to(**where))
            check_slopes(self.terms_after_linear, self.bound, self.weight.dtype)
        if rank:
            self.register_buffer("product_scale", torch.ones(*lead, rank, **where))
            self.register_buffer("product_shift", torch.zeros(*lead, rank, **where))
        self.reset_parameters(generator)

    @property
    def n_pure_signals(self) -> int:
        """Number of pure signals: inputs times terms."""
        return self.in_features * self.n_terms

    @property
    def n_signals(self) -> int:
        """Number of signals that the neurons combine: pure terms, then products."""
        return self.n_pure_signals + (0 if self.loadings is None else self.loadings.shape[-2])

    def reset_parameters(self, generator: torch.Generator | int | None = None) -> None:
        """Draw new starting values from ``generator``.

        The draws for the linear and pure weights come first, so that adding an interaction to a
        formula does not change them.
        """
        generator = as_generator(generator)
        with torch.no_grad():
            fan_in = self.n_pure_signals
            self.weight.copy_(randn(tuple(self.weight.shape), generator) / math.sqrt(fan_in))
            if self.bias is not None:
                self.bias.copy_(randn(tuple(self.bias.shape), generator) * self.bias_std)
            if self.factors is not None and self.loadings is not None:
                self.loadings.zero_()
                for order, rank in self.interactions:
                    factors = self._random_factors(order, rank, generator)
                    self._set_factors(order, factors, slice(0, rank))

    def _random_factors(self, order: int, rank: int, generator: torch.Generator) -> Tensor:
        """Draw unit vectors, orthonormal in each atom if they fit.

        Their shape is ([n_members,] order, in_features, rank).
        """
        shape = (*leading_shape(self.n_members), rank, self.in_features, order)
        vectors = randn(shape, generator)
        if self.in_features >= order:
            vectors = torch.linalg.qr(vectors).Q
        else:
            vectors = vectors / vectors.norm(dim=-2, keepdim=True)
        return vectors.transpose(-1, -3)

    def _places(self, order: int) -> tuple[int, int]:
        """Return the first column of an order's factors and the first row of its loadings."""
        column = row = 0
        for k, rank in self.interactions:
            if k == order:
                return column, row
            column, row = column + k * rank, row + rank
        raise ValueError(f"the formula {self.formula} has no interaction of order {order}")

    def _set_factors(self, order: int, factors: Tensor, atoms: slice) -> None:
        """Write unit factors ([n_members,] order, in_features, n_atoms) and their constants.

        Factors without a leading axis are written to every member.
        """
        block = self.factors_of(order)
        block[..., atoms] = factors.to(block)
        _, row = self._places(order)
        flat = factors.expand(*block.shape[:-1], -1).reshape(-1, *factors.shape[-3:])
        moments = [product_moments(member.numpy(), self.bound) for member in flat]
        mean, variance = (np.stack(part) for part in zip(*moments, strict=True))
        scale = 1.0 / np.sqrt(variance)
        target = slice(row + atoms.start, row + atoms.stop)
        shape = self.product_scale[..., target].shape
        self.product_scale[..., target] = torch.as_tensor(scale.reshape(shape)).to(self.weight)
        self.product_shift[..., target] = torch.as_tensor((-mean * scale).reshape(shape)).to(
            self.weight
        )

    def factors_of(self, order: int) -> Tensor:
        """Return the factors of one order, a view ([n_members,] order, in_features, rank)."""
        column, _ = self._places(order)
        rank = dict(self.interactions)[order]
        assert self.factors is not None
        block = self.factors[..., column : column + order * rank]
        return block.unflatten(-1, (order, rank)).transpose(-2, -3)

    def load_atoms(
        self, factors: Mapping[int, ArrayLike], loadings: Mapping[int, ArrayLike] | None = None
    ) -> None:
        """Start interactions from given atoms, e.g. those of a search.

        Factors are brought to unit length; their lengths go into the loadings. The layer bounds
        the inner products and keeps the powers x_i**k inside a product, so it starts close to the
        given atoms, not exactly at them.

        Parameters
        ----------
        factors : mapping of order to array of shape (order, in_features, n_atoms)
            ``n_atoms`` may be smaller than the formula's rank; the other atoms stay random.
        loadings : mapping of order to array of shape (n_atoms, out_features), default=None
            Output factors; None leaves them at their present values.

        Raises
        ------
        ValueError
            If an order is not in the formula or a shape does not fit.
        """
        ranks = dict(self.interactions)
        with torch.no_grad():
            for order, given in factors.items():
                _, row = self._places(order)
                atoms = torch.as_tensor(np.array(given, dtype=np.float64))
                n_atoms = atoms.shape[-1]
                if atoms.shape != (order, self.in_features, n_atoms) or n_atoms > ranks[order]:
                    raise ValueError(
                        f"factors of order {order} need the shape ({order}, {self.in_features}, "
                        f"n_atoms <= {ranks[order]}), got {tuple(atoms.shape)}"
                    )
                lengths = atoms.norm(dim=1, keepdim=True)
                unit = atoms / torch.where(lengths > 0, lengths, 1.0)
                self._set_factors(order, unit, slice(0, n_atoms))
                if loadings is not None and order in loadings:
                    assert self.loadings is not None
                    target = slice(row, row + n_atoms)
                    scale = self.product_scale[..., target].cpu()
                    value = torch.as_tensor(np.array(loadings[order], dtype=np.float64))
                    if value.shape != (n_atoms, self.out_features):
                        raise ValueError(
                            f"loadings of order {order} need the shape "
                            f"({n_atoms}, {self.out_features}), got {tuple(value.shape)}"
                        )
                    size = lengths.prod(0).squeeze(0) / scale
                    self.loadings[..., target, :] = (value * size[..., None]).to(self.loadings)

    @torch.no_grad()
    def scale_factors(self, input: Tensor) -> None:
        """Bring the factors to a batch; see :func:`sktaskneuron.nn.scale_factors`.

        Parameters
        ----------
        input : Tensor of shape ([n_members,] ..., in_features)
            Rows of the layer's inputs.
        """
        if self.factors is not None:
            self.scale_to_inner_products(matrix_product(self._rows(input), self.factors))

    @torch.no_grad()
    def scale_to_inner_products(self, inner: Tensor) -> None:
        """Do the same by the batch's inner products with the factors.

        Parameters
        ----------
        inner : Tensor of shape ([n_members,] n_rows, sum of order * rank)
            Inner products of the rows with all factors.
        """
        if self.factors is None or self.loadings is None:
            return
        if bool(self.loadings.any()):
            raise ValueError(
                "factors are scaled before training, and the products of this layer have weights "
                "already, which would mean something else"
            )
        size = inner.square().mean(dim=-2, keepdim=True).sqrt()
        size = torch.where(size > 0, size, 1.0)
        self.factors.div_(size)
        products = rank_one_products(smooth_bound(inner / size, self.bound), self.interactions)
        spread, mean = torch.std_mean(products, dim=-2, unbiased=False)
        scale = 1.0 / torch.where(spread > 0, spread, 1.0)
        self.product_scale.copy_(scale)
        self.product_shift.copy_(-mean * scale)

    def parameter_rates(self) -> Iterator[tuple[nn.Parameter, float, float]]:
        """Yield the NTP factors of learning rate and weight decay of every parameter."""
        yield self.weight, *ntp_rates(self.n_pure_signals)
        if self.bias is not None:
            yield self.bias, BIAS_RATE, 0.0
        if self.factors is not None and self.loadings is not None:
            yield self.factors, *ntp_rates(self.in_features)
            yield self.loadings, *ntp_rates(self.loadings.shape[-2])

    def pure_signals(self, input: Tensor) -> Tensor:
        """Return phi_t(x_i): (..., in_features) -> (..., in_features * n_terms)."""
        if not self.terms_after_linear:
            return input
        bounded = smooth_bound(input, self.bound)
        terms = torch.stack((input, *evaluate_terms(self.terms_after_linear, bounded)), dim=-1)
        signals = affine(self.shift, terms.flatten(0, -2), self.mixing)
        return signals.view(*input.shape[:-1], self.n_pure_signals)

    def product_signals(self, input: Tensor) -> Tensor:
        """Return psi_{k,r}(x): (..., in_features) -> (..., sum of ranks)."""
        if self.factors is None:
            return input[..., :0]
        inner = smooth_bound(matrix_product(input, self.factors), self.bound)
        joined = rank_one_products(inner, self.interactions)
        shift, scale = self.product_shift.unsqueeze(-2), self.product_scale.unsqueeze(-2)
        return torch.addcmul(shift, joined, scale)

    def combine(self, pure: Tensor, products: Tensor) -> Tensor:
        """Return the weighted sums: signals -> (..., out_features)."""
        if self.bias is None:
            output = matrix_product(pure, self.weight)
        else:
            output = affine(self.bias, pure, self.weight)
        if self.loadings is None:
            return output
        return affine(output, products, self.loadings)

    def forward(self, input: Tensor) -> Tensor:
        """Return the neurons' values before any activation.

        Parameters
        ----------
        input : Tensor of shape ([n_members,] ..., in_features)
            Rows of the layer's inputs.

        Returns
        -------
        Tensor of shape ([n_members,] ..., out_features)
            One number for each neuron.
        """
        rows = self._rows(input)
        value = self.combine(self.pure_signals(rows), self.product_signals(rows))
        return value if rows is input else value.view(*input.shape[:-1], self.out_features)

    def _rows(self, input: Tensor) -> Tensor:
        """Return ([n_members,] ..., in_features) with one axis in the place of the others."""
        lead = input.shape[: len(leading_shape(self.n_members))]
        if input.ndim == len(lead) + 2:
            return input
        return input.reshape(*lead, -1, self.in_features)

    def extra_repr(self) -> str:
        """Show sizes and formula in ``repr``."""
        return f"{self.in_features}, {self.out_features}, formula='{self.formula}'"


def _terms_after_linear(formula: NeuronFormula) -> tuple[ElementwiseExpression, ...]:
    return tuple(
        expression
        for expression in formula.expressions
        if not (expression.is_power and expression.power == 1)
    )
