"""Torch and numpy as a fit and a prediction need them, whatever the caller has made of them."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import numpy as np

# Whether this process was forked from one that had torch: the threads of OpenMP stayed there, and
# torch (2.13, GNU OpenMP) waits for them for ever. In a child of a parent that had used them, a
# product of two matrices hung in 2 of 2 tries.
_lost_threads = False


def _after_fork() -> None:
    global _lost_threads
    _lost_threads = "torch" in sys.modules


if hasattr(os, "register_at_fork"):  # not on Windows, which has no fork
    os.register_at_fork(after_in_child=_after_fork)


@contextmanager
def usual_state() -> Iterator[None]:
    """Run code under the defaults of torch and numpy, and give the caller's back.

    Gradients are computed, also inside ``torch.no_grad()`` and ``torch.inference_mode()``; new
    tensors are float32 and on the CPU; numpy raises no error for an underflow; in a forked process
    torch has one thread. Usable as a decorator.
    """
    with ExitStack() as stack:
        # what numpy does unless it is told otherwise
        stack.enter_context(np.errstate(all="warn", under="ignore"))
        torch = sys.modules.get("torch")
        if torch is not None:  # nobody has changed what is not loaded
            stack.enter_context(torch.inference_mode(False))
            stack.enter_context(torch.enable_grad())
            # the others are asked first: to set them is not free, or is for the whole process
            if torch.get_default_device().type != "cpu":
                stack.enter_context(torch.device("cpu"))
            if torch.get_default_dtype() != torch.float32:
                stack.callback(torch.set_default_dtype, torch.get_default_dtype())
                torch.set_default_dtype(torch.float32)
            if _lost_threads:
                stack.callback(torch.set_num_threads, torch.get_num_threads())
                torch.set_num_threads(1)
        yield
