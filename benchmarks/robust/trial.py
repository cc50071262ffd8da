"""Run a case and judge it."""

from __future__ import annotations

import contextlib
import pickle
import signal
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import joblib
import numpy as np
import pandas as pd
import torch
from threadpoolctl import threadpool_limits

from .case import Case, draw
from .clarity import bad_warnings, shown, unclear
from .draft import MUST, NEVER, Draft
from .exports import disagreements
from .marks import allowed, distance, fit, mark, seeded
from .models import aligned, outputs

#: Processor seconds that a case may take, clean fits not counted.
SECONDS = 60.0
#: Random states by which an answer that seems worse is judged again: the median counts.
AGAIN = (1, 2)
FROZEN = ("polars.dataframe.frame", "pyarrow.lib")


@dataclass(frozen=True)
class Outcome:
    """What came of a case: refused in a clear sentence or fitted, with all faults."""

    number: int
    kind: str
    model: str
    refused: bool
    faults: tuple[str, ...]
    seconds: float


class OvertimeError(BaseException):
    """The case took too long; no handler of errors may catch this."""


class Refused(Exception):
    """`fit` ended in an error, whose message was judged."""


@contextlib.contextmanager
def limited(seconds: float) -> Iterator[None]:
    def ring(*_: object) -> None:
        raise OvertimeError

    before = signal.signal(signal.SIGPROF, ring)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def run(case: Case) -> Outcome:
    """Draw the table, fit, and list all faults."""
    torch.set_num_threads(1)
    with threadpool_limits(1), warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        draft = draw(case)
    start = time.process_time()
    trial = Trial(case, draft)
    with threadpool_limits(1):
        try:
            with limited(SECONDS):
                trial.run()
        except Refused:
            pass
        except OvertimeError:
            trial.faults.append(f"slow: more than {SECONDS:.0f} CPU s")
        seconds = time.process_time() - start
        if trial.values is not None and draft.judged:
            trial.judge_values()
    return Outcome(
        case.number, case.kind, case.model.name, trial.refused, tuple(trial.faults), seconds
    )


class Trial:
    """One case while it runs."""

    def __init__(self, case: Case, draft: Draft) -> None:
        self.case, self.draft = case, draft
        self.estimator = case.model.make()
        self.name = type(self.estimator).__name__
        self.faults: list[str] = []
        self.refused = False
        self.values: np.ndarray | None = None

    def run(self) -> None:
        given, new = self.draft.given, self.draft.new
        before = digest(given.X, given.y, given.weight)
        self.fit()
        self.values = self.called("predict", outputs, new)
        if digest(given.X, given.y, given.weight) != before:
            self.faults.append("input: fit or predict wrote into X, y or sample_weight")
        self.look_at_finite("predict of new rows", self.values)
        self.look_at_finite("predict of the table", self.called("predict", outputs, given.X))
        if hasattr(self.estimator, "transform"):
            self.look_at_finite("transform", self.called("transform", transformed, new))
        self.look_at_odd_rows()
        self.look_at_pickle(new)
        self.look_at_exports(new)

    def fit(self) -> None:
        try:
            with self.warned("fit") as caught:
                fit(self.estimator, self.draft.given)
        except Exception as error:
            self.refused = True
            self.judge_error("fit", error, self.draft.refusal)
            raise Refused from error
        if self.draft.refusal == MUST:
            self.faults.append("taken: this must be refused")
        told = " ".join(str(w.message) for w in caught)
        missing = [word for word in self.draft.told if word not in told]
        if missing:
            self.faults.append(f"not told: no warning holds {missing}; warnings: {told[:100]!r}")

    @contextlib.contextmanager
    def warned(self, what: str) -> Iterator[list[warnings.WarningMessage]]:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            yield caught
        self.faults += [f"warning in {what}: {text}" for text in bad_warnings(caught)]

    def judge_error(self, what: str, error: Exception, refusal: str) -> None:
        reason = unclear(error, self.name, (*self.draft.words, *names_of(self.draft.given.X)))
        if reason is not None:
            self.faults.append(f"unclear error in {what} ({reason}): {shown(error)}")
        elif refusal == NEVER:
            self.faults.append(f"refused in {what}: {shown(error)}")

    def called(self, what: str, function: Any, X: Any) -> Any:
        """Call a method of the fitted estimator; its errors are faults."""
        try:
            with self.warned(what):
                return function(self.estimator, X)
        except Exception as error:
            self.judge_error(what, error, NEVER)
            return None

    def look_at_finite(self, what: str, values: np.ndarray | None) -> None:
        if values is not None and not np.isfinite(values).all():
            self.faults.append(f"not finite: {what}, {np.mean(~np.isfinite(values)):.0%} of it")

    def look_at_odd_rows(self) -> None:
        if self.draft.odd_new is None:
            return
        try:
            with self.warned("predict of odd rows"):
                values = public_outputs(self.estimator, self.draft.odd_new)
        except Exception as error:
            self.judge_error("predict of odd rows", error, self.draft.odd_refusal)
            return
        if self.draft.odd_refusal == MUST:
            self.faults.append("taken: these new rows must be refused")
        self.look_at_finite("predict of odd rows", values)

    def look_at_pickle(self, new: Any) -> None:
        again = pickle.loads(pickle.dumps(self.estimator))
        values = self.values
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if values is not None and not np.array_equal(
                outputs(again, new), values, equal_nan=True
            ):
                self.faults.append("pickle: the copy predicts otherwise")

    def look_at_exports(self, new: Any) -> None:
        if self.values is None or not hasattr(self.estimator, "to_json"):
            return
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                self.faults += [
                    f"export: {text}" for text in disagreements(self.estimator, new, self.values)
                ]
        except Exception as error:
            self.faults.append(f"export: {shown(error)}")

    def judge_values(self) -> None:
        """Compare with the marks; what seems worse is fitted again by other random states."""
        if self.faults and not np.isfinite(self.values).all():
            return
        errors = [self.error(self.estimator, self.values)]
        marks = [self.mark(0)]
        if errors[0] <= allowed(self.draft, marks[0]):
            return
        with warnings.catch_warnings(), contextlib.suppress(OvertimeError), limited(3 * SECONDS):
            warnings.simplefilter("ignore")
            for state in AGAIN:
                fitted = fit(seeded(self.case.model.make(), state), self.draft.given)
                errors.append(self.error(fitted, outputs(fitted, self.draft.new)))
                marks.append(self.mark(state))
        error, best = float(np.median(errors)), float(np.median(marks))
        if error > allowed(self.draft, best):
            self.faults.append(
                f"worse: {error:.3g} of the variance on new rows, cleaned by hand or linear "
                f"{best:.3g}"
            )

    def error(self, fitted: Any, values: np.ndarray) -> float:
        truth = self.draft.truth
        if truth.classes is not None:
            values = aligned(values, fitted.classes_, truth)
        return distance(values, truth)

    def mark(self, state: int) -> float:
        weak = any(kind.name in self.case.model.weak for kind in self.case.kinds)
        return mark(self.draft, self.case.model, state, weak)


def names_of(table: Any) -> list[str]:
    """Return the columns' names as errors write them."""
    return [repr(name) for name in getattr(table, "columns", [])]


def transformed(fitted: Any, X: Any) -> np.ndarray:
    return np.asarray(fitted.transform(X), dtype=float)


def public_outputs(fitted: Any, X: Any) -> np.ndarray:
    """Call the estimator's own method: a search transforms."""
    if hasattr(fitted, "predict_proba"):
        return fitted.predict_proba(X)
    return fitted.predict(X) if hasattr(fitted, "predict") else transformed(fitted, X)


def digest(*values: Any) -> str:
    """Fingerprint what was given; tables of polars and pyarrow cannot be written into."""
    return joblib.hash([content(v) for v in values if type(v).__module__ not in FROZEN])


def content(value: Any) -> Any:
    """Return what a value holds: pandas keeps caches beside it, a masked array its mask."""
    if isinstance(value, np.ma.MaskedArray):
        return value.data, value.mask
    if getattr(value, "dtype", None) == np.longdouble:
        return value.astype(str).tolist()  # some of its bytes are no part of the number
    if isinstance(value, pd.DataFrame):
        return list(value), [content(value.iloc[:, j]) for j in range(value.shape[1])]
    if isinstance(value, pd.Series):
        return str(value.dtype), value.index.tolist(), value.tolist()
    return value
