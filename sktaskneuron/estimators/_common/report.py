"""How far a fit is: told to scikit-learn's callbacks, and printed if asked for."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from sklearn.callback import with_callbacks

from sktaskneuron._typing import TableLike, TargetLike
from sktaskneuron.estimators.fitted import Fitted, TableEstimator, reconstruction
from sktaskneuron.models.fitted import FittedModel
from sktaskneuron.models.recipe import EpochReport
from sktaskneuron.models.validation import Validation

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


class FitReport:
    """Tasks of one fit, for scikit-learn's callbacks: fit > search, fit > network > epoch.

    Callbacks see the caller's X and y, and at the end of an epoch an estimator that predicts with
    the network as it then is.

    Parameters
    ----------
    estimator : estimator
        The one in fit.
    X, y, sample_weight : object
        As the caller gave them.
    """

    def __init__(
        self,
        estimator: TableEstimator,
        X: TableLike | None = None,
        y: TargetLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> None:
        self._estimator, self._start = estimator, time.time()
        metadata = None if sample_weight is None else {"sample_weight": sample_weight}
        self._arguments = {"estimator": estimator, "X": X, "y": y, "metadata": metadata}
        self._fit: CallbackContext = estimator._init_callback_context(max_subtasks=None)
        self._fit.call_on_fit_task_begin(**self._arguments)
        self._network: CallbackContext | None = None
        self._network_name = ""

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
        return bool(getattr(self._estimator, "_skl_callbacks", None))

    def apart(self) -> EpochReport:
        """Return what reports the epochs of networks that are trained in another process."""
        name = type(self._estimator).__name__
        return PrintedEpochs(name, int(self._estimator.verbose), self._start)

    def step(self, text: str) -> None:
        """Report a step of a search."""
        task = self._fit.subcontext(task_name=text)
        task.call_on_fit_task_begin(**self._arguments)
        task.call_on_fit_task_end(**self._arguments)
        self.say(text)

    def search(self, estimator: TableEstimator, run: Callable[[FitReport], T]) -> T:
        """Run the search of another estimator as a task of this fit; return what it returns."""
        task = self._fit.subcontext("search")
        with task.propagate_callback_context(estimator):
            task.call_on_fit_task_begin(**self._arguments)
            found = _reported(estimator, run)
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
            self.say(_epoch_line(network, epoch, n_epochs, logs))
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

    def _end_network(self) -> None:
        if self._network is not None:
            self._network.call_on_fit_task_end(**self._arguments)
            self._network = None


@with_callbacks
def _reported(estimator: TableEstimator, run: Callable[[FitReport], T]) -> T:
    """Run a search under the callbacks of its estimator, and tear them down in any case."""
    report = FitReport(estimator)
    found = run(report)
    report.end()
    return found
