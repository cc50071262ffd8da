"""One temperature for all logits: the smallest correction of over- and underconfidence."""

import torch
from torch import Tensor

# Range of the factor, and the steps of Newton at most.
_LOWEST, _HIGHEST = 0.02, 50.0
_STEPS = 8


def inverse_temperature(
    logits: Tensor, target: Tensor, weight: Tensor | None = None, start: float = 1.0
) -> float:
    """Return the factor s of the logits that minimises their weighted log loss.

    The loss is convex in s; Newton's method takes a few steps, kept within 0.02 and 50.

    Parameters
    ----------
    logits : Tensor of shape (n_rows, n_classes)
    target : Tensor of shape (n_rows,), int64
    weight : Tensor of shape (n_rows,), default=None
    start : float, default=1.0
        First value of s.

    Returns
    -------
    float

    References
    ----------
    Guo et al., "On calibration of modern neural networks", 2017.

    Examples
    --------
    >>> import torch
    >>> from sktaskneuron.training.loop.calibration import inverse_temperature
    >>> logits = torch.tensor([[9.0, 0.0], [9.0, 0.0], [9.0, 0.0], [0.0, 9.0]])
    >>> s = inverse_temperature(logits, torch.tensor([0, 0, 1, 1]))
    >>> round(s * 9, 3)  # right in three of four rows: log odds of log(3)
    1.099
    """
    logits = logits.to(torch.float64) if logits.device.type != "mps" else logits
    chosen = logits.gather(1, target[:, None])[:, 0]
    share = torch.ones_like(chosen) if weight is None else weight.to(chosen)
    share = share / share.sum()
    s = float(start)
    for _ in range(_STEPS):
        p = (s * logits).softmax(dim=1)
        mean = (p * logits).sum(dim=1)
        slope = float(share @ (mean - chosen))
        bend = float(share @ ((p * logits.square()).sum(dim=1) - mean.square()))
        if not bend > 1e-12:
            # no row is in doubt: more confidence if all are right, none if they are wrong
            return _HIGHEST if slope < 0 else _LOWEST
        # in the logarithm of s: positive, and no step by more than a factor e
        step = -slope * s / max(bend * s * s + slope * s, 0.2 * bend * s * s)
        step = min(1.0, max(-1.0, step))
        s = min(_HIGHEST, max(_LOWEST, s * float(torch.exp(torch.tensor(step)))))
        if abs(step) < 1e-4:
            break
    return s
