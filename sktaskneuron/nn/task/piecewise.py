"""Functions of single columns that bend at the edges of bins."""

import math
from collections.abc import Iterator

import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from sktaskneuron.nn.task.start import as_generator, factory_options, leading_shape, randn

# Standard deviation of the functions at the start, and by how much faster they learn than weights:
# what is small and slow stays smooth, and misses the thresholds (docs/ablations.md).
_START, _RATE = 0.1, 3.0


def _as_edges(edges: ArrayLike | None, n_columns: int, n_bins: int) -> Tensor:
    """Return the edges, zeros for None; refuse another shape."""
    shape = (n_columns, n_bins + 1)
    values = torch.zeros(shape) if edges is None else torch.as_tensor(edges)
    if values.shape != shape:
        raise ValueError(f"edges need the shape {shape}, got {tuple(values.shape)}")
    return values


class PiecewiseLinearTerms(nn.Module):
    """Fixed pure terms: how far a value has climbed through each of a column's bins, -1 to 1.

    The neurons' weights then draw any broken line with its corners at the edges: sharper than what
    cosines learn in few steps, at the price of a weight per bin.

    Parameters
    ----------
    n_columns : int
        Columns that get codes.
    n_bins : int, default=16
        Bins of a column, and so its codes.
    edges : array-like of shape (n_columns, n_bins + 1), default=None
        Ascending edges; repeated edges make empty bins, which are zero. None leaves room for the
        edges of a stored state.
    device : torch.device or str, default=None
        Where the parameters lie; None is where torch puts new ones.
    dtype : torch.dtype, default=None
        Type of the parameters; None is that of new ones in torch.

    See Also
    --------
    PeriodicTerms : Learned pure terms: functions of one column each, mixed from cosines.
    PiecewiseLinearEmbedding : Learned pure terms: piecewise linear functions of one column each,
        with corners at given edges.

    References
    ----------
    Gorishniy, Rubachev and Babenko, "On embeddings for numerical features in tabular deep
    learning", 2022.

    Examples
    --------
    >>> import torch
    >>> from sktaskneuron.nn import PiecewiseLinearTerms
    >>> codes = PiecewiseLinearTerms(1, n_bins=2, edges=[[0.0, 1.0, 3.0]])
    >>> codes(torch.tensor([[0.5], [2.0]]))
    tensor([[ 0., -1.],
            [ 1.,  0.]])
    """

    edges: Tensor
    n_columns: int
    n_bins: int

    def __init__(
        self,
        n_columns: int,
        n_bins: int = 16,
        edges: ArrayLike | None = None,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.n_columns, self.n_bins = n_columns, n_bins
        values = _as_edges(edges, n_columns, n_bins)
        self.register_buffer("edges", values.to(**factory_options(device, dtype)))

    @property
    def n_signals(self) -> int:
        """Signals that it adds."""
        return self.n_columns * self.n_bins

    def forward(self, input: Tensor) -> Tensor:
        """Return the codes: (..., n_columns) -> (..., n_columns * n_bins)."""
        low, width = self.edges[:, :-1], self.edges.diff(dim=1)
        slope = torch.where(width > 0, 2.0 / width, 0.0)
        start = torch.where(width > 0, -low * slope - 1.0, 0.0)
        code = torch.addcmul(start, input.unsqueeze(-1), slope)
        return code.clamp_(-1.0, 1.0).flatten(-2)

    def extra_repr(self) -> str:
        """Show the sizes in ``repr``."""
        return f"{self.n_columns}, n_bins={self.n_bins}"


class PiecewiseLinearEmbedding(nn.Module):
    r"""Learned pure terms: piecewise linear functions of one column each, corners at given edges.

    .. math::

        g_{i,e}(x_i) = \sum_{q=1}^{Q} A_{i,q,e}\, c_{i,q}(x_i)

    with the codes :math:`c` of :class:`PiecewiseLinearTerms`. Where those hand every bin on to the
    neurons, here the bins of a column are mixed to a few functions first. A value lies in one bin,
    so that its functions are looked up in a table: their cost does not depend on the number of
    bins.

    Parameters
    ----------
    n_columns : int
        Columns that get functions.
    n_terms : int, default=3
        Learned functions per column.
    n_bins : int, default=16
        Bins per column.
    edges : array-like of shape (n_columns, n_bins + 1), default=None
        As of :class:`PiecewiseLinearTerms`.
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
    PeriodicTerms : Learned pure terms: functions of one column each, mixed from cosines.

    References
    ----------
    Gorishniy, Rubachev and Babenko, "On embeddings for numerical features in tabular deep
    learning", 2022.

    Examples
    --------
    >>> import torch
    >>> from sktaskneuron.nn import PiecewiseLinearEmbedding
    >>> terms = PiecewiseLinearEmbedding(1, n_terms=3, n_bins=2, edges=[[0.0, 1.0, 3.0]])
    >>> terms(torch.tensor([[0.5], [2.0]])).shape
    torch.Size([2, 3])
    """

    edges: Tensor
    n_columns: int
    n_terms: int
    n_bins: int
    mixing: nn.Parameter

    def __init__(
        self,
        n_columns: int,
        n_terms: int = 3,
        n_bins: int = 16,
        edges: ArrayLike | None = None,
        *,
        n_members: int | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        generator: torch.Generator | int | None = None,
    ) -> None:
        super().__init__()
        if n_columns < 1 or n_terms < 1 or n_bins < 1:
            raise ValueError(
                "learned terms need columns, terms and bins, got "
                f"{n_columns=}, {n_terms=} and {n_bins=}"
            )
        self.n_columns, self.n_terms, self.n_bins = n_columns, n_terms, n_bins
        where = factory_options(device, dtype)
        values = _as_edges(edges, n_columns, n_bins)
        self.register_buffer("edges", values.to(**where))
        shape = (*leading_shape(n_members), n_columns, n_bins, n_terms)
        self.mixing = nn.Parameter(torch.empty(shape, **where))
        self.reset_parameters(generator)

    @property
    def n_signals(self) -> int:
        """Signals that it adds."""
        return self.n_columns * self.n_terms

    def reset_parameters(self, generator: torch.Generator | int | None = None) -> None:
        """Draw new starting values from ``generator``."""
        draws = randn(tuple(self.mixing.shape), as_generator(generator))
        with torch.no_grad():
            self.mixing.copy_(draws * (_START / math.sqrt(self.n_bins)))

    def parameter_rates(self) -> Iterator[tuple[nn.Parameter, float, float]]:
        """Yield the rate factors."""
        yield self.mixing, _RATE, 0.0

    def forward(self, input: Tensor) -> Tensor:
        """Return g: (..., batch, n_columns) -> (..., batch, n_columns * n_terms)."""
        place, share = self._cells(input)
        steps = 2.0 * self.mixing * (self.edges.diff(dim=1) > 0).unsqueeze(-1)
        # at the lower edge of a bin all bins below are at 1, and all others at -1
        starts = steps.cumsum(dim=-2) - steps - 0.5 * steps.sum(dim=-2, keepdim=True)
        table = torch.cat((starts, steps), dim=-1)
        first = torch.arange(table[..., 0, 0].numel(), device=place.device) * self.n_bins
        place = place + first.view(*table.shape[:-3], 1, self.n_columns)
        found = table.flatten(0, -2)[place]
        start, step = found.split(self.n_terms, dim=-1)
        return torch.addcmul(start, step, share.unsqueeze(-1)).flatten(-2)

    def _cells(self, input: Tensor) -> tuple[Tensor, Tensor]:
        """Return every value's bin and the share of it that lies below the value."""
        values = input.detach().movedim(-1, 0).flatten(1).contiguous()
        place = torch.searchsorted(self.edges[:, 1:-1].contiguous(), values)
        low, width = self.edges[:, :-1], self.edges.diff(dim=1)
        slope = torch.where(width > 0, 1.0 / width, 0.0)

        def at(table: Tensor) -> Tensor:
            found = table.gather(1, place)
            return found.view(self.n_columns, *input.shape[:-1]).movedim(0, -1)

        share = ((input - at(low)) * at(slope)).clamp(0.0, 1.0)
        return place.view(self.n_columns, *input.shape[:-1]).movedim(0, -1), share

    def extra_repr(self) -> str:
        """Show the sizes in ``repr``."""
        return f"{self.n_columns}, n_terms={self.n_terms}, n_bins={self.n_bins}"
