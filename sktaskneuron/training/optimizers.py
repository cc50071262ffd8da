"""torch's Adam and AdamW, which leave the compiler where it is.

torch wraps three methods of its optimisers so that ``torch.compile`` passes over them. The first
call of each imports the compiler, two seconds of every new process, and nothing here is compiled.
The methods below are torch's own without that wrapper: same numbers, bit for bit.
"""

from __future__ import annotations

from collections.abc import Callable
from inspect import unwrap
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer


class Adam(torch.optim.Adam):
    """:class:`torch.optim.Adam`."""

    add_param_group = unwrap(Optimizer.add_param_group)
    zero_grad = unwrap(Optimizer.zero_grad)
    step = torch.no_grad()(unwrap(torch.optim.Adam.step))


class AdamW(torch.optim.AdamW):
    """:class:`torch.optim.AdamW`.

    Steps of small networks on the CPU take half the time: the tensors of a group are of one kind,
    and are not sorted anew.
    """

    add_param_group = unwrap(Optimizer.add_param_group)
    zero_grad = unwrap(Optimizer.zero_grad)
    _any_step = torch.no_grad()(unwrap(torch.optim.AdamW.step))

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._has_started = False

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Make a step, as torch's."""
        if closure is not None or not self._has_started:
            value = self._any_step(closure)  # the first step makes the state
            self._has_started = all(map(self._is_plain, self.param_groups))
            return value
        for group in self.param_groups:
            parameters = [p for p in group["params"] if p.grad is not None]
            if parameters:
                self._fused_step(group, parameters)
        return None

    def _is_plain(self, group: dict[str, Any]) -> bool:
        """Return whether all tensors of a group have a state already, and are of one kind."""
        parameters: list[Tensor] = group["params"]
        plain = all(p in self.state and p.layout == torch.strided for p in parameters)
        kinds = {(p.dtype, p.device.type) for p in parameters}
        one_kind = len(kinds) == 1 and all(device == "cpu" for _, device in kinds)
        return plain and one_kind and bool(group["fused"]) and not group["amsgrad"]

    def _fused_step(self, group: dict[str, Any], parameters: list[Tensor]) -> None:
        states = [self.state[parameter] for parameter in parameters]
        steps = [state["step"] for state in states]
        beta1, beta2 = group["betas"]
        torch._foreach_add_(steps, 1)
        torch._fused_adamw_(
            parameters,
            [p.grad for p in parameters if p.grad is not None],
            [state["exp_avg"] for state in states],
            [state["exp_avg_sq"] for state in states],
            [],
            steps,
            lr=group["lr"],
            beta1=beta1,
            beta2=beta2,
            weight_decay=group["weight_decay"],
            eps=group["eps"],
            amsgrad=False,
            maximize=group["maximize"],
            grad_scale=None,
            found_inf=None,
        )
