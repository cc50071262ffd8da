"""Activations as one step of back-propagation, which keeps two tensors whatever the function is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

import torch
from torch import Tensor

#: The values, and what returns the derivatives by x: both of torch operations.
ValueAndSlope = tuple[Tensor, Callable[[], Tensor]]

# Whether x may be wrapped by a transform of torch.func, which autograd functions do not take.
_transformed: Callable[[], bool] = getattr(
    torch._C, "_are_functorch_transforms_active", lambda: False
)


class _Fused(torch.autograd.Function):
    """A pointwise function whose derivatives are computed with its values."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        form: Callable[..., ValueAndSlope],
        parameters: Mapping[str, float],
    ) -> Tensor:
        value, slope = form(x, **parameters)
        ctx.form, ctx.parameters = form, parameters
        kept = x, slope()
        ctx.save_for_backward(*kept)
        ctx.save_for_forward(*kept)
        return value

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        x, slope = ctx.saved_tensors
        if torch.is_grad_enabled():
            # the gradient will be differentiated: the derivatives once more, with their graph
            slope = ctx.form(x, **ctx.parameters)[1]()
        return gradient * slope, None, None

    @staticmethod
    def jvp(ctx: Any, tangent: Tensor, *_: None) -> Tensor:
        _, slope = ctx.saved_tensors
        moved: Tensor = tangent * slope
        return moved


def fused(
    form: Callable[..., ValueAndSlope], plain: Callable[..., Tensor] | None = None
) -> Callable[..., Tensor]:
    """Make a pointwise function of a form that returns values and, on call, their derivatives.

    Parameters
    ----------
    form : callable
        ``(x, *, parameters)``.
    plain : callable, default=None
        What stands in for the values of ``form`` where torch has to differentiate through them (for
        a parameter that is a tensor, and in transforms); needed if they have no slope at 0.

    Returns
    -------
    callable
        Of the same parameters, returns values. Gradients of any order flow to ``x``, and to
        parameters that are tensors.

    Notes
    -----
    It pays from about six operations on: back-propagation through each costs several times as much
    as its arithmetic on the small tensors of a group of networks.
    """
    values = plain or (lambda x, **parameters: form(x, **parameters)[0])

    @wraps(form)
    def function(x: Tensor, **parameters: float | Tensor) -> Tensor:
        learned = parameters and any(isinstance(p, Tensor) for p in parameters.values())
        if learned or _transformed() or torch.compiler.is_compiling():
            return values(x, **parameters)
        if not (x.requires_grad and torch.is_grad_enabled()):
            return form(x, **parameters)[0]
        value: Tensor = _Fused.apply(x, form, parameters)
        return value

    return function
