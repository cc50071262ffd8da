"""The studies of a benchmark, one or all of them, on so many threads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

import torch
from threadpoolctl import threadpool_limits

Run = TypeVar("Run")


def run_studies(
    studies: Mapping[str, Callable[[Run], None]], wanted: str, run: Run, threads: int
) -> None:
    """Run the study of that name, or "all"."""
    torch.set_num_threads(threads)
    with threadpool_limits(threads):
        for name, study in studies.items():
            if wanted in (name, "all"):
                study(run)
