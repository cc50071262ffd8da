"""Cells of a benchmark in a child process: one that hangs or dies costs its own row alone."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, TimeoutError
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from .rows import Row


class Cells:
    """Runs one cell at a time in a child that lives on from cell to cell."""

    def __init__(self) -> None:
        self._pool: ProcessPoolExecutor | None = None

    def run(self, seconds: float, cell: Callable[..., Row], *arguments: Any) -> Row:
        """The row of a cell; of one that dies or takes longer, how it ended as its status."""
        if self._pool is None:
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(1, mp_context=context)
        try:
            return self._pool.submit(cell, *arguments).result(timeout=seconds)
        except (BrokenProcessPool, TimeoutError) as error:
            # shutdown would wait for the child that hangs
            for process in list(self._pool._processes.values()):
                process.kill()
            self._pool = None
            return {"status": type(error).__name__}

    def close(self) -> None:
        if self._pool is not None:
            self._pool.shutdown()
