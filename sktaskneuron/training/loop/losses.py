"""Losses: one value per row, then a weighted mean."""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn

RowLoss = Callable[[Tensor, Tensor], Tensor]

# exp(20) is 5e8: the squares of such values, which the optimiser takes, are finite in float32
_LARGEST_EXPONENT = 20.0


def squared_error(output: Tensor, target: Tensor) -> Tensor:
    """Return the squared error of every row, averaged over the outputs.

    Parameters
    ----------
    output, target : Tensor of shape ([n_members,] batch, n_outputs)

    Returns
    -------
    Tensor of shape ([n_members,] batch)
    """
    if output.shape != target.shape:
        raise ValueError(f"output {tuple(output.shape)} does not fit target {tuple(target.shape)}")
    return torch.square(output - target).mean(dim=-1)


def absolute_error(output: Tensor, target: Tensor) -> Tensor:
    """Return the absolute error of every row, averaged over the outputs; shapes as above."""
    return (output - target).abs().mean(dim=-1)


def huber(output: Tensor, target: Tensor, deltas: Sequence[float]) -> Tensor:
    """Return Huber's loss of every row: squares up to an error of ``delta``, beyond it a line.

    Parameters
    ----------
    output, target : Tensor of shape ([n_members,] batch, n_outputs)
    deltas : sequence of n_outputs floats

    Returns
    -------
    Tensor of shape ([n_members,] batch)
    """
    error, delta = (output - target).abs(), output.new_tensor(deltas)
    near = error.minimum(delta)
    return (near * (error - 0.5 * near)).mean(dim=-1)


def pinball(output: Tensor, target: Tensor, levels: Sequence[float]) -> Tensor:
    """Return the pinball loss of every row, whose minimum is the quantile of a level.

    Parameters
    ----------
    output, target : Tensor of shape ([n_members,] batch, n_outputs)
    levels : sequence of n_outputs floats

    Returns
    -------
    Tensor of shape ([n_members,] batch)
    """
    error, level = target - output, output.new_tensor(levels)
    return torch.maximum(level * error, (level - 1.0) * error).mean(dim=-1)


def half_deviance(output: Tensor, target: Tensor, power: float) -> Tensor:
    r"""Return half the deviance of every row, of a variance that is the mean to a power.

    Parameters
    ----------
    output : Tensor of shape ([n_members,] batch, n_outputs)
        Logarithms of the means.
    target : Tensor of the same shape
        Not negative; positive where ``power`` is 2.
    power : float
        1 is Poisson's, 2 the gamma distribution's, between them Tweedie's.

    Returns
    -------
    Tensor of shape ([n_members,] batch)

    Notes
    -----
    With the mean :math:`\mu` it is :math:`y \log(y / \mu) - y + \mu` for Poisson and
    :math:`y / \mu - 1 - \log(y / \mu)` for gamma. Exponentials go on as lines where they would
    overflow: the loss stays convex, and its slope finite.
    """
    if power == 1.0:
        rows = _exp(output) - target * output + torch.special.xlogy(target, target) - target
    elif power == 2.0:
        smallest = torch.finfo(target.dtype).tiny
        rows = output + target * _exp(-output) - target.clamp(min=smallest).log() - 1.0
    else:
        first, second = power - 1.0, 2.0 - power
        rows = (
            target * _exp(-first * output) / first
            + _exp(second * output) / second
            - target**second / (first * second)
        )
    return rows.mean(dim=-1)


def _exp(value: Tensor) -> Tensor:
    """Return the exponential up to ``_LARGEST_EXPONENT``, and its tangent there beyond."""
    near = value.clamp(max=_LARGEST_EXPONENT)
    return near.exp() * (1.0 + (value - near))


def cross_entropy(output: Tensor, target: Tensor, smoothing: float = 0.0) -> Tensor:
    """Return the negative log-likelihood of every row's class.

    Parameters
    ----------
    output : Tensor of shape ([n_members,] batch, n_classes)
        Logits.
    target : Tensor of shape ([n_members,] batch), int64
    smoothing : float, default=0.0
        Share of the target's probability that is spread evenly over all classes.

    Returns
    -------
    Tensor of shape ([n_members,] batch)
    """
    # a softmax over few numbers side by side takes three times as long as one across rows
    logits = output.reshape(-1, *output.shape[-2:]).transpose(1, 2).contiguous()
    rows = nn.functional.cross_entropy(
        logits, target.reshape(len(logits), -1), reduction="none", label_smoothing=smoothing
    )
    return rows.view(target.shape)


#: Losses of one row, by name.
LOSSES: Mapping[str, RowLoss] = {
    "squared_error": squared_error,
    "absolute_error": absolute_error,
    "cross_entropy": cross_entropy,
}


def get_row_loss(loss: str | RowLoss) -> RowLoss:
    """Return the row loss of a name; a callable is returned as it is.

    Raises
    ------
    ValueError
        If the name is not one of ``LOSSES``.
    """
    if callable(loss):
        return loss
    try:
        return LOSSES[loss]
    except KeyError:
        raise ValueError(f"unknown loss {loss!r}; known are {', '.join(sorted(LOSSES))}") from None


def mean_of_rows(rows: Tensor, weight: Tensor | None) -> Tensor:
    """Return the weighted means of row losses, over the last axis.

    Parameters
    ----------
    rows : Tensor of shape ([n_members,] batch)
    weight : Tensor of the same shape, or None
    """
    if weight is None:
        return rows.mean(dim=-1)
    return (rows * weight).sum(dim=-1) / weight.sum(dim=-1)


class WeightedLoss(nn.Module):
    """Weighted mean of a row loss: sum(w * l) / sum(w).

    A row of weight two then counts as the row repeated twice. Of packed members the mean of their
    losses is taken: each member's gradient is its own.

    Parameters
    ----------
    row_loss : callable
        Maps (output, target) to one loss per row, a Tensor of shape ([n_members,] batch).
    """

    def __init__(self, row_loss: RowLoss) -> None:
        super().__init__()
        self.row_loss = row_loss

    def forward(self, output: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
        """Return the loss of a batch, a scalar.

        Parameters
        ----------
        output : Tensor of shape ([n_members,] batch, n_outputs)
        target : Tensor of shape ([n_members,] batch, n_outputs) or ([n_members,] batch)
        weight : Tensor of shape ([n_members,] batch), default=None
        """
        rows = self.row_loss(output, target)
        return rows.mean() if weight is None else mean_of_rows(rows, weight).mean()
