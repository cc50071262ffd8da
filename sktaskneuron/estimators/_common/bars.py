"""Bars of progress at a terminal: scikit-learn's, for the time of one fit."""

from __future__ import annotations

import multiprocessing
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from sklearn.callback import FitCallback, ProgressBar

from sktaskneuron.estimators.fitted import TableEstimator


def callbacks_of(estimator: TableEstimator) -> list[FitCallback]:
    """Return the callbacks of scikit-learn that an estimator was given."""
    return list(vars(estimator).get("_skl_callbacks", []))


def draws_bars(estimator: TableEstimator) -> bool:
    """Tell whether a fit draws bars in the place of lines.

    That takes ``verbose=1``, a terminal, and rich. A fit within another one's draws none, and
    neither does one beside others, in a thread or process of its own: bars would be written over
    one another.
    """
    return (
        estimator.verbose == 1
        and sys.stdout.isatty()
        and find_spec("rich") is not None
        and "_parent_callback_ctx" not in vars(estimator)
        and not any(isinstance(each, ProgressBar) for each in callbacks_of(estimator))
        and threading.current_thread() is threading.main_thread()
        and multiprocessing.parent_process() is None
    )


@contextmanager
def bars_among_callbacks(estimator: TableEstimator) -> Iterator[None]:
    """Give an estimator bars, beside its callbacks, for the time in which a fit reads these."""
    former = callbacks_of(estimator)
    estimator.set_callbacks(*former, ProgressBar())
    try:
        yield
    finally:
        estimator.set_callbacks(*former)
