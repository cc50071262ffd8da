"""Bars of progress at a terminal: scikit-learn's, for the time of one fit."""

from __future__ import annotations

import multiprocessing
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from sklearn.callback import ProgressBar

from sktaskneuron.estimators.fitted import TableEstimator


def draws_bars(estimator: TableEstimator) -> bool:
    """Tell whether a fit draws bars in the place of lines.

    That takes ``verbose=1``, a terminal, and rich. A fit within another one's draws none, and
    neither does one beside others, in a thread or process of its own: bars would be written over
    one another.
    """
    state = vars(estimator)
    return (
        estimator.verbose == 1
        and sys.stdout.isatty()
        and find_spec("rich") is not None
        and "_parent_callback_ctx" not in state
        and not any(isinstance(each, ProgressBar) for each in state.get("_skl_callbacks", []))
        and threading.current_thread() is threading.main_thread()
        and multiprocessing.parent_process() is None
    )


@contextmanager
def bars_among_callbacks(estimator: TableEstimator) -> Iterator[None]:
    """Give an estimator bars, beside its callbacks, for the time in which a fit reads these."""
    former = vars(estimator).get("_skl_callbacks", [])
    estimator.set_callbacks(*former, ProgressBar())
    try:
        yield
    finally:
        estimator.set_callbacks(*former)
