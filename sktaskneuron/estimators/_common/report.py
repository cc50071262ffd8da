"""How far a fit is: told to scikit-learn's callbacks, and shown if asked for."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from sklearn.callback import with_callbacks

from sktaskneuron._clock import end_block
from sktaskneuron._typing import TableLike, TargetLike
from sktaskneuron.estimators._common.bars import bars_among_callbacks, callbacks_of, draws_bars
from sktaskneuron.estimators.fitted import Fitted, TableEstimator, reconstruction
from sktaskneuron.models.fitted import FittedModel
from sktaskneuron.models.recipe import EpochReport
from sktaskneuron.models.validation import Validation
from sktaskneuron.search.frame.progress import Progress

if TYPE_CHECKING:
    from numpy.typing import ArrayLike
    from sklearn.callback import CallbackContext

T = TypeVar("T")


@dataclass(frozen=True)
class PrintedEpochs:
    """Reports the epochs of networks that are trained apart from the fit: by prints alone.

    Parameters
    ----------
    name : str
        Of the estimator in fit.
    verbose : int
    start : float
        Of the fit, as `time.time` tells it.
    """

    name: str
    verbose: int
    start: float

    def __call__(
        self,
        network: str,
        epoch: int,
        n_epochs: int,
        logs: Mapping[str, float],
        get_model: Callable[[], FittedModel] | None,
    ) -> bool:
        """Print a line if ``verbose`` asks for it; ask for no end."""
        if self.verbose:
            seconds, line = time.time() - self.start, _epoch_line(network, epoch, n_epochs, logs)
            print(f"[{self.name}] {seconds:.1f} s: {line}")  # noqa: T201
        return False


def _epoch_line(network: str, epoch: int, n_epochs: int, logs: Mapping[str, float]) -> str:
    losses = ", ".join(f"{key} {value:.4g}" for key, value in logs.items() if "loss" in key)
    return f"{network}, epoch {epoch}/{n_epochs}: {losses}"


class _Task:
    """A task of scikit-learn's callbacks as the `Progress` of a search.

    Parameters
    ----------
    context : CallbackContext
    arguments : dict
        Of the calls of the callbacks.
    tell : callable
        Is told of every task within, in words.
    """

    def __init__(
        self, context: CallbackContext, arguments: dict[str, Any], tell: Callable[[str], None]
    ) -> None:
        self._context, self._arguments, self._tell = context, arguments, tell

    @contextmanager
    def part(self, name: str, n_steps: int | None = None) -> Iterator[Progress]:
        """Begin a task of so many steps, and end it where the block ends."""
        self._tell(name)
        task = self._context.subcontext(name, max_subtasks=n_steps)
        task.call_on_fit_task_begin(**self._arguments)
        yield _Task(task, self._arguments, self._tell)
        task.call_on_fit_task_end(**self._arguments)

    def step(self, text: str) -> None:
        """Begin and end a task; end what it is a step of where a callback asks for it."""
        self._tell(text)
        task = self._context.subcontext(text)
        task.call_on_fit_task_begin(**self._arguments)
        if task.call_on_fit_task_end(**self._arguments):
            end_block()


class FitReport:
    """Tasks of one fit, for scikit-learn's callbacks.

    They are fit > search > part > step and fit > network > epoch. Callbacks see the caller's X and
    y, and at the end of an epoch an estimator that predicts with the network as it then is. With
    ``verbose=1`` a terminal shows bars, and all else a line per step; with ``verbose=2`` there are
    lines in any case.

    Parameters
    ----------
    estimator : estimator
        The one in fit.
    X, y, sample_weight : object
        As the caller gave them.
    within_bars : bool, default=False
        Whether this fit is a task of another one that draws bars.

    Attributes
    ----------
    progress : Progress
        For a search that is a part of this fit.
    """

    def __init__(
        self,
        estimator: TableEstimator,
        X: TableLike | None = None,
        y: TargetLike | None = None,
        sample_weight: ArrayLike | None = None,
        *,
        within_bars: bool = False,
    ) -> None:
        self._estimator, self._start = estimator, time.time()
        metadata = None if sample_weight is None else {"sample_weight": sample_weight}
        self._arguments = {"estimator": estimator, "X": X, "y": y, "metadata": metadata}
        own_bars = draws_bars(estimator)
        self._bars = own_bars or within_bars
        self._fit: CallbackContext
        with bars_among_callbacks(estimator) if own_bars else nullcontext():
            self._fit = estimator._init_callback_context(max_subtasks=None)
        self._fit.call_on_fit_task_begin(**self._arguments)
        self._network: CallbackContext | None = None
        self._network_name = ""
        self.progress: Progress = _Task(self._fit, self._arguments, self._say_step)

    def say(self, text: str) -> None:
        """Print a line of progress, with the seconds so far, if ``verbose`` asks for it."""
        if self._estimator.verbose:
            seconds = time.time() - self._start
            print(f"[{type(self._estimator).__name__}] {seconds:.1f} s: {text}")  # noqa: T201

    def say_held_out(self, validation: Validation) -> None:
        """Say if nothing is held out, by which training could be judged."""
        if not validation:
            self.say(
                "no row is held out: training runs its whole schedule to the last epoch, nothing "
                "is compared, and there are no scores"
            )

    @property
    def is_watched(self) -> bool:
        """Whether there are callbacks to be told."""
        return bool(callbacks_of(self._estimator))

    def apart(self) -> EpochReport:
        """Return what reports the epochs of networks that are trained in another process."""
        verbose = 0 if self._bars else int(self._estimator.verbose)
        return PrintedEpochs(type(self._estimator).__name__, verbose, self._start)

    def search(self, estimator: TableEstimator, run: Callable[[FitReport], T]) -> T:
        """Run the search of another estimator as a task of this fit; return what it returns."""
        task = self._fit.subcontext("search")
        with task.propagate_callback_context(estimator):
            task.call_on_fit_task_begin(**self._arguments)
            found = _reported(estimator, run, self._bars)
            task.call_on_fit_task_end(**self._arguments)
        return found

    def epochs(self, fitted_so_far: Callable[[FittedModel], Fitted]) -> EpochReport:
        """Return what reports an epoch; a true answer asks for the end of this training.

        Parameters
        ----------
        fitted_so_far : callable
            Makes of a model what a fit would leave behind if it ended now.
        """

        def report(
            network: str,
            epoch: int,
            n_epochs: int,
            logs: Mapping[str, float],
            get_model: Callable[[], FittedModel] | None,
        ) -> bool:
            if network != self._network_name or epoch == 1:
                self._end_network()
                self._network_name = network
                self._network = self._fit.subcontext(network, max_subtasks=n_epochs)
                self._network.call_on_fit_task_begin(**self._arguments)
            self._say_step(_epoch_line(network, epoch, n_epochs, logs))
            assert self._network is not None
            task = self._network.subcontext("epoch")
            task.call_on_fit_task_begin(**self._arguments)
            attributes = None
            if get_model is not None:
                attributes = lambda: reconstruction(fitted_so_far(get_model()))  # noqa: E731
            return bool(
                task.call_on_fit_task_end(**self._arguments, reconstruction_attributes=attributes)
            )

        return report

    def end(self) -> None:
        """Close the open tasks."""
        self._end_network()
        self._fit.call_on_fit_task_end(**self._arguments)

    def _say_step(self, text: str) -> None:
        """Print what bars show too."""
        if not self._bars:
            self.say(text)

    def _end_network(self) -> None:
        if self._network is not None:
            self._network.call_on_fit_task_end(**self._arguments)
            self._network = None


@with_callbacks
def _reported(estimator: TableEstimator, run: Callable[[FitReport], T], within_bars: bool) -> T:
    """Run a search under the callbacks of its estimator, and tear them down in any case."""
    report = FitReport(estimator, within_bars=within_bars)
    found = run(report)
    report.end()
    return found
