"""Parameters of an estimator of signals as a frozen value, with what its "auto"s mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sktaskneuron.estimators._common.settings import TrainingSettings
from sktaskneuron.formula import NeuronFormula
from sktaskneuron.models.recipe import Recipe

# Blocks halve the longest side until it has so many points; of these two blocks at least.
_FEW_POINTS, _FEWEST_BLOCKS = 10, 2
# Channels of the first block, doubled from block to block up to the last number.
_FIRST_CHANNELS, _MOST_CHANNELS = 16, 64
# Of signals and of images.
_KERNEL, _IMAGE_KERNEL = 5, 3
_LEARNING_RATE = 0.1
_LABEL_SMOOTHING = 0.05
# Rows in a step: an eighth of them, within these numbers.
_SMALLEST_BATCH, _LARGEST_BATCH = 8, 64
# Passes over the rows, within these numbers of steps; looks at the held-out rows.
_PASSES, _LEAST_STEPS, _MOST_STEPS, _LOOKS = 15, 600, 10_000, 40
# Rows from which there are fewer members.
_MANY_ROWS, _MEMBERS, _FEW_MEMBERS = 100_000, 4, 2


@dataclass(frozen=True, kw_only=True)
class SignalSettings(TrainingSettings):
    """Parameters of one fit; see the estimators' docstrings."""

    formula: NeuronFormula
    hidden_formula: NeuronFormula | None
    hidden_channels: str | tuple[int, ...]
    depth: int
    kernel_size: str | int
    activation: Any
    dropout: float
    compare_simple: bool
    verbose: int

    def channels(self, size: tuple[int, ...]) -> tuple[int, ...]:
        """Return the channels of the blocks for signals of a length, or images of two."""
        if not isinstance(self.hidden_channels, str):
            return self.hidden_channels
        longest, n_blocks = max(size), 0
        while longest > _FEW_POINTS or n_blocks < _FEWEST_BLOCKS:
            longest, n_blocks = -(-longest // 2), n_blocks + 1
        return tuple(min(_FIRST_CHANNELS * 2**j, _MOST_CHANNELS) for j in range(n_blocks))

    def kernel(self, size: tuple[int, ...]) -> int:
        """Return the length or side of kernels."""
        if isinstance(self.kernel_size, str):
            return _KERNEL if len(size) == 1 else _IMAGE_KERNEL
        return int(self.kernel_size)

    def members(self, n_splits: int, n_rows: int) -> int:
        """Return the number of networks."""
        if not isinstance(self.n_members, str):
            return int(self.n_members)
        return max(n_splits, _MEMBERS if n_rows < _MANY_ROWS else _FEW_MEMBERS)

    def recipe(self, n_rows: int, n_members: int, seed: int) -> Recipe:
        """Return how networks are trained on so many rows."""
        batch_size, n_epochs, passes = self.batch_size, self.max_epochs, 1
        if isinstance(batch_size, str):
            batch_size = min(max(n_rows // 8, _SMALLEST_BATCH), _LARGEST_BATCH)
        if isinstance(n_epochs, str):
            steps = -(-n_rows // int(batch_size))
            n_passes = max(_PASSES, -(-_LEAST_STEPS // steps))
            n_passes = max(1, min(n_passes, _MOST_STEPS // steps))
            passes = -(-n_passes // _LOOKS)
            n_epochs = -(-n_passes // passes)
        rate = self.learning_rate
        return Recipe(
            n_members=n_members,
            n_epochs=int(n_epochs),
            batch_size=int(batch_size),
            learning_rate=_LEARNING_RATE if isinstance(rate, str) else float(rate),
            seed=seed,
            label_smoothing=_LABEL_SMOOTHING,
            passes_per_epoch=passes,
            schedule="cosine",
            verbose=self.verbose,
            **self.plain_options(),
        )
