"""Dropout that draws from a generator of its own."""

import torch
from torch import Tensor, nn

# A draw has 16 bits, so that one 64-bit draw gives four.
_LEVELS = 2**16
# Draws in a pool, or so many times the entries of a mask, and masks cut from it. A large pool would
# cost more than it saves: where the rate falls, its mask is made anew in every epoch.
_POOL, _POOL_FACTOR, _USES = 2**18, 2, 16


class GeneratorDropout(nn.Module):
    """Dropout whose masks come from a private generator.

    ``torch.nn.Dropout`` reads torch's global random stream, so training would change the numbers
    that the user draws afterwards, and two trainings with the same seed would differ. This module
    never touches the global stream. It is also several times cheaper on the CPU, where drawing the
    masks would cost as much as the matrix products: they are windows of a pool of draws, at random
    places, and the pool is drawn anew after some uses.

    Parameters
    ----------
    rate : float, default=0.1
        Probability that an entry is set to zero, 0 <= rate < 1. Rounded to a multiple of 2**-16;
        the kept entries are divided by the exact probability of being kept, so that the mean is
        kept too.
    seed : int, default=0
        Seed of the private generator.
    scheduled : bool, default=True
        Whether a schedule of training may lower the rate.

    Attributes
    ----------
    p : float
        The rate in use now. It starts at ``rate``; a training schedule may lower it.

    Raises
    ------
    ValueError
        If ``rate`` is not in [0, 1).

    See Also
    --------
    TaskNetwork : A network that has such modules, by its parameter `dropout`.
    sktaskneuron.training.random_scope : A fixed global stream, for modules that read it.

    References
    ----------
    Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting", 2014.

    Examples
    --------
    >>> import torch
    >>> from sktaskneuron.nn import GeneratorDropout
    >>> dropout = GeneratorDropout(0.5, seed=0)
    >>> sorted(set(dropout(torch.ones(100, 4)).flatten().tolist()))
    [0.0, 2.0]
    >>> bool((dropout.eval()(torch.ones(100, 4)) == 1).all())
    True
    """

    rate: float
    seed: int
    scheduled: bool

    def __init__(self, rate: float = 0.1, *, seed: int = 0, scheduled: bool = True) -> None:
        super().__init__()
        if not 0 <= rate < 1:
            raise ValueError(f"the dropout rate must be in [0, 1), got {rate!r}")
        self.rate = float(rate)
        self.p: float = self.rate
        self.scheduled = scheduled
        self.seed = int(seed)
        self.reseed(self.seed)

    def reseed(self, seed: int) -> None:
        """Start the private stream again from ``seed``."""
        self.seed = int(seed)
        self._generator: torch.Generator | None = None
        self._levels, self._mask = torch.empty(0, dtype=torch.int16), torch.empty(0)
        self._mask_of, self._uses = 0, 0

    def forward(self, input: Tensor) -> Tensor:
        """Apply dropout in training mode; the identity in evaluation mode.

        Parameters
        ----------
        input : Tensor of any shape
            Hidden values.

        Returns
        -------
        Tensor of the shape of ``input``
            In training some of them zero and the others larger; else the same.
        """
        n_dropped = round(self.p * _LEVELS)
        if not self.training or n_dropped == 0:
            return input
        if self._generator is None or self._generator.device != input.device:
            self._generator = torch.Generator(input.device).manual_seed(self.seed)
        if input.device.type == "cpu":
            return input * self._window(input, n_dropped)
        # accelerators draw in parallel: nothing to save
        draws = torch.rand(
            input.shape, generator=self._generator, device=input.device, dtype=input.dtype
        )
        return input * draws.ge_(n_dropped / _LEVELS).mul_(_LEVELS / (_LEVELS - n_dropped))

    def _window(self, input: Tensor, n_dropped: int) -> Tensor:
        """Return a mask of the shape of ``input``, cut from the pool."""
        size = input.numel()
        if _POOL_FACTOR * size > len(self._levels) or self._uses >= _USES:
            n_draws = max(_POOL, _POOL_FACTOR * size)
            # one 64-bit draw gives four entries of 16 bits
            draws = torch.empty((n_draws + 3) // 4, dtype=torch.int64)
            draws.random_(-(2**63), None, generator=self._generator)
            self._levels = draws.view(torch.int16)[:n_draws]
            self._mask_of, self._uses = 0, 0
        if self._mask_of != n_dropped or self._mask.dtype != input.dtype:
            self._mask = self._levels.ge(n_dropped - _LEVELS // 2).to(input.dtype)
            self._mask.mul_(_LEVELS / (_LEVELS - n_dropped))
            self._mask_of = n_dropped
        self._uses += 1
        start = int(torch.randint(len(self._mask) - size + 1, (), generator=self._generator))
        return self._mask[start : start + size].view(input.shape)

    def extra_repr(self) -> str:
        """Show the rate in ``repr``."""
        return f"rate={self.rate:g}"
