"""How far a fit is: told to scikit-learn's callbacks, and printed if asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sktaskneuron.models.fitted import FittedModel


def say(estimator: Any, text: str) -> None:
    """Print a line of progress if ``verbose`` asks for it."""
    if estimator.verbose:
        print(f"[{type(estimator).__name__}] {text}")  # noqa: T201


class FitReport:
    """Tasks of one fit, for scikit-learn's callbacks: fit > search, fit > network > epoch.

    Callbacks see the caller's X and y, and at the end of an epoch an estimator that predicts with
    the network as it then is.

    Parameters
    ----------
    estimator : estimator
        The one in fit; what it needs to predict, but for ``_model``, is set before the first epoch.
    X, y, sample_weight : object
        As the caller gave them.
    """

    def __init__(self, estimator: Any, X: Any, y: Any, sample_weight: Any) -> None:
        self._estimator = estimator
        metadata = None if sample_weight is None else {"sample_weight": sample_weight}
        self._arguments = {"estimator": estimator, "X": X, "y": y, "metadata": metadata}
        self._fit = estimator._init_callback_context(max_subtasks=None)
        self._fit.call_on_fit_task_begin(**self._arguments)
        self._network: Any = None
        self._network_name = ""

    @contextmanager
    def searching(self, search: Any) -> Iterator[None]:
        """Hang the tasks of a search below this fit."""
        task = self._fit.subcontext("search")
        with task.propagate_callback_context(search):
            task.call_on_fit_task_begin(**self._arguments)
            yield
            task.call_on_fit_task_end(**self._arguments)

    def epoch(
        self,
        network: str,
        epoch: int,
        n_epochs: int,
        logs: Mapping[str, float],
        get_model: Callable[[], FittedModel] | None,
    ) -> bool:
        """Report an epoch; a true answer asks for the end of this network's training.

        Without ``get_model`` there is nothing yet that predicts.
        """
        if network != self._network_name or epoch == 1:
            self._end_network()
            self._network_name = network
            self._network = self._fit.subcontext(network, max_subtasks=n_epochs)
            self._network.call_on_fit_task_begin(**self._arguments)
        losses = ", ".join(f"{key} {value:.4g}" for key, value in logs.items() if "loss" in key)
        say(self._estimator, f"{network}, epoch {epoch}/{n_epochs}: {losses}")
        task = self._network.subcontext("epoch")
        task.call_on_fit_task_begin(**self._arguments)
        attributes = None
        if get_model is not None:
            attributes = lambda: {"_model": get_model()}  # noqa: E731
        return bool(
            task.call_on_fit_task_end(**self._arguments, reconstruction_attributes=attributes)
        )

    def end(self) -> None:
        """Close the open tasks."""
        self._end_network()
        self._fit.call_on_fit_task_end(**self._arguments)

    def _end_network(self) -> None:
        if self._network is not None:
            self._network.call_on_fit_task_end(**self._arguments)
            self._network = None
