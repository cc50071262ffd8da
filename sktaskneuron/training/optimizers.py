"""torch's Adam and AdamW, which leave the compiler where it is.

torch wraps three methods of its optimisers so that ``torch.compile`` passes over them. The first
call of each imports the compiler, two seconds of every new process, and nothing here is compiled.
The methods below are torch's own without that wrapper: same numbers, bit for bit.
"""

from __future__ import annotations

from inspect import unwrap

import torch
from torch.optim import Optimizer


class Adam(torch.optim.Adam):
    """:class:`torch.optim.Adam`."""

    add_param_group = unwrap(Optimizer.add_param_group)
    zero_grad = unwrap(Optimizer.zero_grad)
    step = torch.no_grad()(unwrap(torch.optim.Adam.step))


class AdamW(torch.optim.AdamW):
    """:class:`torch.optim.AdamW`."""

    add_param_group = unwrap(Optimizer.add_param_group)
    zero_grad = unwrap(Optimizer.zero_grad)
    step = torch.no_grad()(unwrap(torch.optim.AdamW.step))
