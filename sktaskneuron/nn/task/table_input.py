"""What a network sees of a table: its columns, and learned functions of each."""

import math
from collections.abc import Iterator, Sequence
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor, nn

from sktaskneuron.nn.parameterization import INPUT_SCALE_RATE, TERM_RATE
from sktaskneuron.nn.task.piecewise import PiecewiseLinearEmbedding, PiecewiseLinearTerms
from sktaskneuron.nn.task.start import as_generator, factory_options, leading_shape, randn


class PeriodicTerms(nn.Module):
    r"""Learned pure terms: functions of one column each, mixed from cosines.

    .. math::

        g_{i,e}(x_i) = c_{i,e}
            + \sum_{f=1}^{F} A_{i,f,e} \cos(2\pi\,\omega_{i,f}\, x_i + b_{i,f})

    Where the pure terms of a formula are fixed functions, these take their shape in training. With
    the column beside them they are the "PBLD" embedding of RealMLP.

    Parameters
    ----------
    n_columns : int
        Columns that get functions.
    n_terms : int, default=3
        Learned functions per column.
    n_frequencies : int, default=16
        Cosines that the functions of one column share.
    frequency_std : float or pair of floats, default=0.1
        Standard deviation of the frequencies :math:`\omega` at the start: small means smooth. A
        pair spreads the frequencies of a column from the one to the other, evenly in the logarithm.
    n_members : int or None, default=None
        Number of modules packed into one; see :class:`TaskNeuron`.
    device : torch.device or str, default=None
        Where the parameters lie; None is where torch puts new ones.
    dtype : torch.dtype, default=None
        Type of the parameters; None is that of new ones in torch.
    generator : torch.Generator or int, default=None
        Source of the starting values; None is seed 0.

    See Also
    --------
    PiecewiseLinearTerms : Fixed pure terms: how far a value has climbed through each of a column's
        bins, -1 to 1.
    PiecewiseLinearEmbedding : Learned pure terms: piecewise linear functions of one column each,
        with corners at given edges.

    References
    ----------
    Gorishniy, Rubachev and Babenko, "On embeddings for numerical features in tabular deep
    learning", 2022; Holzmüller et al., "Better by default", 2024.

    Examples
    --------
    >>> import torch
    >>> from sktaskneuron.nn import PeriodicTerms
    >>> PeriodicTerms(4, n_terms=2)(torch.zeros(5, 4)).shape
    torch.Size([5, 8])
    """

    n_columns: int
    n_terms: int
    n_frequencies: int
    frequency: nn.Parameter
    phase: nn.Parameter
    mixing: nn.Parameter
    constant: nn.Parameter

    def __init__(
        self,
        n_columns: int,
        n_terms: int = 3,
        n_frequencies: int = 16,
        *,
        frequency_std: float | Sequence[float] = 0.1,
        n_members: int | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        generator: torch.Generator | int | None = None,
    ) -> None:
        super().__init__()
        if n_columns < 1 or n_terms < 1 or n_frequencies < 1:
            raise ValueError(
                "learned terms need columns, terms and frequencies, got "
                f"{n_columns=}, {n_terms=} and {n_frequencies=}"
            )
        self.n_columns, self.n_terms, self.n_frequencies = n_columns, n_terms, n_frequencies
        low, high = np.broadcast_to(np.asarray(frequency_std, dtype=np.float64), (2,)).tolist()
        self.frequency_std: tuple[float, float] = (low, high)
        lead = leading_shape(n_members)
        where = factory_options(device, dtype)

        def parameter(*shape: int) -> nn.Parameter:
            return nn.Parameter(torch.empty(*lead, n_columns, *shape, **where))

        self.frequency, self.phase = parameter(n_frequencies), parameter(n_frequencies)
        self.mixing, self.constant = parameter(n_frequencies, n_terms), parameter(n_terms)
        self.reset_parameters(generator)

    @property
    def n_signals(self) -> int:
        """Signals that it adds."""
        return self.n_columns * self.n_terms

    def reset_parameters(self, generator: torch.Generator | int | None = None) -> None:
        """Draw new starting values from ``generator``."""
        generator = as_generator(generator)

        def uniform(like: Tensor, bound: float) -> Tensor:
            draws = torch.rand(tuple(like.shape), generator=generator, dtype=torch.float64)
            return (2.0 * draws - 1.0) * bound

        with torch.no_grad():
            spread = torch.from_numpy(np.geomspace(*self.frequency_std, self.n_frequencies))
            self.frequency.copy_(
                randn(tuple(self.frequency.shape), generator) * (2.0 * math.pi * spread)
            )
            self.phase.copy_(uniform(self.phase, math.pi))
            for parameter in (self.mixing, self.constant):
                parameter.copy_(uniform(parameter, 1.0 / math.sqrt(self.n_frequencies)))

    def parameter_rates(self) -> Iterator[tuple[nn.Parameter, float, float]]:
        """Yield the rate factors; the frequencies hold 2 pi, so they move that much faster."""
        yield self.frequency, TERM_RATE * 2.0 * math.pi, 0.0
        for parameter in (self.phase, self.mixing, self.constant):
            yield parameter, TERM_RATE, 0.0

    def forward(self, input: Tensor) -> Tensor:
        """Return g: (..., batch, n_columns) -> (..., batch, n_columns * n_terms)."""
        # rows last: long vectors for the cosines, and matrix products that are not too narrow
        column = input.transpose(-1, -2).unsqueeze(-2)
        # a product of narrow matrices, in both passes faster than broadcasting
        slopes = torch.stack((self.frequency, self.phase), dim=-1)
        angle = slopes @ torch.cat((column, torch.ones_like(column)), dim=-2)
        terms = self.mixing.transpose(-1, -2) @ torch.cos(angle) + self.constant.unsqueeze(-1)
        return terms.flatten(-3, -2).transpose(-1, -2)

    def extra_repr(self) -> str:
        """Show the sizes in ``repr``."""
        return f"{self.n_columns}, n_terms={self.n_terms}, n_frequencies={self.n_frequencies}"


#: Functions of single columns.
ColumnTerms: TypeAlias = PeriodicTerms | PiecewiseLinearTerms | PiecewiseLinearEmbedding


class LevelEmbedding(nn.Module):
    """Learned vectors for the levels of categorical columns with many levels.

    Parameters
    ----------
    n_levels : sequence of int
        Levels per column. Codes run from 0; a code of ``n_levels`` or more, or below zero, is an
        unknown level, whose vector is zero.
    n_dimensions : int, default=8
        Length of the vectors.
    n_members : int or None, default=None
        Number of modules packed into one; see :class:`TaskNeuron`.
    device : torch.device or str, default=None
        Where the parameters lie; None is where torch puts new ones.
    dtype : torch.dtype, default=None
        Type of the parameters; None is that of new ones in torch.
    generator : torch.Generator or int, default=None
        Source of the starting values; None is seed 0.

    See Also
    --------
    TableInput : Columns of a table, learned functions of the numeric ones, vectors of levels; all
        scaled.

    Examples
    --------
    >>> import torch
    >>> from sktaskneuron.nn import LevelEmbedding
    >>> vectors = LevelEmbedding([3], n_dimensions=2)
    >>> vectors(torch.tensor([[0.0], [7.0]])).shape
    torch.Size([2, 2])
    """

    offsets: Tensor
    counts: Tensor
    n_levels: tuple[int, ...]
    n_dimensions: int
    vectors: nn.Parameter

    def __init__(
        self,
        n_levels: Sequence[int],
        n_dimensions: int = 8,
        *,
        n_members: int | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        generator: torch.Generator | int | None = None,
    ) -> None:
        super().__init__()
        self.n_levels, self.n_dimensions = tuple(int(n) for n in n_levels), int(n_dimensions)
        self.n_members = n_members
        lead = leading_shape(n_members)
        where = factory_options(device, dtype)
        counts = torch.tensor(self.n_levels)
        self.register_buffer("counts", counts.to(device))
        self.register_buffer("offsets", (counts.cumsum(0) - counts).to(device))
        n_rows = sum(self.n_levels) + 1  # the last one is the unknown level
        self.vectors = nn.Parameter(torch.empty(*lead, n_rows, n_dimensions, **where))
        self.reset_parameters(generator)

    def reset_parameters(self, generator: torch.Generator | int | None = None) -> None:
        """Draw new starting values from ``generator``."""
        draws = randn(tuple(self.vectors.shape), as_generator(generator))
        draws[..., -1, :] = 0.0
        with torch.no_grad():
            self.vectors.copy_(draws)

    def parameter_rates(self) -> Iterator[tuple[nn.Parameter, float, float]]:
        """Yield the rate factors."""
        yield self.vectors, TERM_RATE, 0.0

    def forward(self, codes: Tensor) -> Tensor:
        """Return the vectors: (..., batch, n_columns) -> (..., batch, n_columns * n_dimensions)."""
        place = codes.to(torch.int64)
        known = (place >= 0) & (place < self.counts)
        place = torch.where(known, place + self.offsets, self.vectors.shape[-2] - 1)
        if self.n_members is None:
            chosen = self.vectors[place]
        else:
            member = torch.arange(self.n_members, device=place.device)
            chosen = self.vectors[member[:, None, None], place]
        return (chosen * known.unsqueeze(-1)).flatten(-2)

    def extra_repr(self) -> str:
        """Show the sizes in ``repr``."""
        return f"{list(self.n_levels)}, n_dimensions={self.n_dimensions}"


class TableInput(nn.Module):
    """Columns of a table, learned functions of the numeric ones, vectors of levels; all scaled.

    Parameters
    ----------
    n_columns : int
        Columns of the input matrix.
    terms : PeriodicTerms, PiecewiseLinearTerms, PiecewiseLinearEmbedding or None, default=None
        Functions of the first columns, as many as the module has.
    levels : LevelEmbedding or None, default=None
        Vectors for the last columns, which hold codes of levels, as many as the module has. Codes
        are not passed on as numbers.
    scale : bool, default=True
        Whether every signal has a learned factor, one at the start.
    n_members : int or None, default=None
        Number of modules packed into one; see :class:`TaskNeuron`.
    device : torch.device or str, default=None
        Where the parameters lie; None is where torch puts new ones.
    dtype : torch.dtype, default=None
        Type of the parameters; None is that of new ones in torch.

    Attributes
    ----------
    n_signals : int
        Signals that the network sees.

    See Also
    --------
    TaskNetwork : A feed-forward network whose first layer consists of task neurons.
    PeriodicTerms : Learned pure terms: functions of one column each, mixed from cosines.
    LevelEmbedding : Learned vectors for the levels of categorical columns with many levels.

    Examples
    --------
    >>> import torch
    >>> from sktaskneuron.nn import PeriodicTerms, TableInput
    >>> signals = TableInput(4, terms=PeriodicTerms(4, n_terms=2))
    >>> signals(torch.zeros(5, 4)).shape
    torch.Size([5, 12])
    """

    scale: nn.Parameter | None
    terms: ColumnTerms | None
    levels: LevelEmbedding | None
    n_columns: int

    def __init__(
        self,
        n_columns: int,
        *,
        terms: ColumnTerms | None = None,
        levels: LevelEmbedding | None = None,
        scale: bool = True,
        n_members: int | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.n_columns = int(n_columns)
        self.terms, self.levels = terms, levels
        self.n_numbers: int = self.n_columns
        self.n_signals: int = self.n_columns
        if levels is not None:
            self.n_numbers -= len(levels.n_levels)
            self.n_signals += len(levels.n_levels) * (levels.n_dimensions - 1)
        if terms is not None:
            self.n_signals += terms.n_signals
        if terms is not None and terms.n_columns > self.n_numbers:
            raise ValueError(f"terms of {terms.n_columns} columns, but only {self.n_numbers} exist")
        where = factory_options(device, dtype)
        value = torch.ones(*leading_shape(n_members), self.n_signals, **where)
        self.register_parameter("scale", nn.Parameter(value) if scale else None)

    def reset_parameters(self, generator: torch.Generator | int | None = None) -> None:
        """Draw new starting values from ``generator``."""
        generator = as_generator(generator)
        for part in (self.terms, self.levels):
            if isinstance(part, PeriodicTerms | PiecewiseLinearEmbedding | LevelEmbedding):
                part.reset_parameters(generator)
        if self.scale is not None:
            with torch.no_grad():
                self.scale.fill_(1.0)

    def parameter_rates(self) -> Iterator[tuple[nn.Parameter, float, float]]:
        """Yield the rate factors of the scale."""
        if self.scale is not None:
            yield self.scale, INPUT_SCALE_RATE, 0.0

    def forward(self, input: Tensor) -> Tensor:
        """Return the signals: (..., batch, n_columns) -> (..., batch, n_signals)."""
        signals = self.unscaled(input)
        return signals if self.scale is None else signals * self.scale.unsqueeze(-2)

    def unscaled(self, input: Tensor) -> Tensor:
        """Return the same without the learned factors."""
        parts = [input[..., : self.n_numbers] if self.levels is not None else input]
        if self.terms is not None:
            parts.append(self.terms(input[..., : self.terms.n_columns]))
        if self.levels is not None:
            parts.append(self.levels(input[..., self.n_numbers :]))
        return torch.cat(parts, dim=-1) if len(parts) > 1 else parts[0]
