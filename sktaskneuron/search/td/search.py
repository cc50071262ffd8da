"""Search by tensor decomposition: from a numeric table and a target to a fitted formula."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ._linalg import Array, Rows
from .answer import export, null_answer, refit_on_all
from .evidence import folds, term_gains, validated_path
from .family import make_family
from .fit import Fit
from .options import (
    PathPoint,
    StepHook,
    TDOptions,
    TDResult,
    as_formula,
    interaction_text,
    pure_text,
)
from .problem import Problem
from .screening import DENSE_COLUMNS, screened_size
from .selection import Selection
from .standardise import Standardisation, standardisations, usable_columns

# Rows times columns times outputs up to which several scales of the columns are tried.
_MANY_SCALES_ENTRIES = 300_000
# Rows times columns whose powers are held at once.
_MAX_ENTRIES = 4_000_000
# Rows below which no cap goes, and rows kept of every class however rare.
_FEWEST_ROWS, _FEWEST_OF_A_CLASS = 1000, 10


def search_td(
    X: Array,
    target: Array,
    weight: Array,
    *,
    classification: bool,
    feature_names: Sequence[str],
    options: TDOptions,
    rng: np.random.Generator,
    on_step: StepHook | None = None,
) -> TDResult:
    """Find the formula of ``target`` in the numeric columns ``X``.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Finite floats in raw units.
    target : ndarray of shape (n_samples, n_outputs)
        For classification 0/1 indicators, one column for two classes.
    weight : ndarray of shape (n_samples,)
        Positive.
    classification : bool
        Whether the likelihood is logistic.
    feature_names : sequence of str
        Names of the columns.
    options : TDOptions
        Settings.
    rng : numpy.random.Generator
        Draws rows, folds and starts.
    on_step : callable, optional
        Called before every forward step with the scale, the step and the formula so far.

    Returns
    -------
    TDResult
    """
    caps: list[str] = []
    rows = _search_rows(X, target, classification, options, rng, caps)
    seed = int(rng.integers(2**31))
    usable = np.flatnonzero(usable_columns(X[rows]))
    if usable.size == 0:
        return null_answer(X, target, weight, classification, feature_names)
    shift, unit = _target_scale(target, weight, classification)
    standard = (target - shift) / unit
    family = make_family(standard[rows], weight[rows], classification)
    part = X[np.ix_(rows, usable)]
    best: tuple[float, Problem, Selection, Standardisation, int] | None = None
    for number, scale in _scales(part, weight[rows], target.shape[1], options, caps):
        problem = Problem.from_scaled(scale(part), family, options, seed)

        def report(step: int, fit: Fit, number: int = number) -> None:
            if on_step is not None:
                on_step(f"scale {number + 1}", step, str(as_formula(fit.structure)))

        selection, score = problem.solve(report)
        if best is None or score < best[0]:
            best = score, problem, selection, scale, number
    assert best is not None
    score, problem, selection, scale, number = best
    fit = selection.fit
    if len(rows) < len(X):
        fit = refit_on_all(X, usable, standard, weight, scale, fit, classification, caps)
    _note_screening(usable.size, options, caps)
    result = TDResult(
        export(fit, scale, usable, X.shape[1], feature_names, shift, unit, family.link),
        criterion=score,
        null_criterion=problem.judge().score(selection.visited[0]),
        caps=tuple(caps),
        n_steps=len(selection.visited) - 1,
        scale_number=number,
    )
    if 2 <= options.n_resamples <= problem.table.n_samples // 2:
        _add_evidence(result, problem, selection)
    return result


def _search_rows(
    X: Array,
    target: Array,
    classification: bool,
    options: TDOptions,
    rng: np.random.Generator,
    caps: list[str],
) -> Rows:
    """Return the rows to search on: all, or a draw that keeps the share of every class."""
    n, d = X.shape
    limit = min(options.max_samples, max(_MAX_ENTRIES // d, _FEWEST_ROWS))
    if classification:
        limit = max(limit // max(target.shape[1] // 2, 1), min(limit, _FEWEST_ROWS))
    if n <= limit:
        return np.arange(n)
    caps.append(f"structure searched on {limit} of {n} rows, drawn at random")
    if not classification:
        return np.sort(rng.choice(n, size=limit, replace=False))
    label = target @ (1.0 + np.arange(target.shape[1]))
    chosen = []
    for value in np.unique(label):
        members = np.flatnonzero(label == value)
        share = max(_FEWEST_OF_A_CLASS, round(limit * len(members) / n))
        chosen.append(rng.choice(members, size=min(share, len(members)), replace=False))
    return np.sort(np.concatenate(chosen))


def _target_scale(target: Array, weight: Array, classification: bool) -> tuple[Array, Array]:
    n_outputs = target.shape[1]
    if classification:
        return np.zeros(n_outputs), np.ones(n_outputs)
    mean = weight @ target / weight.sum()
    sd = np.sqrt(weight @ (target - mean) ** 2 / weight.sum())
    return mean, np.where(sd > 1e-12 * np.abs(mean), sd, 1.0)


def _scales(
    X: Array, weight: Array, n_outputs: int, options: TDOptions, caps: list[str]
) -> list[tuple[int, Standardisation]]:
    """Return the numbered scales of the columns to search on."""
    scales = list(enumerate(standardisations(X, weight)))
    if options.scale_number is not None:
        return [scales[min(options.scale_number, len(scales) - 1)]]
    if options.engine == "gates":
        return scales[:1]  # orders found by a penalty, not by a criterion that compares scales
    if len(scales) > 1 and X.size * n_outputs > _MANY_SCALES_ENTRIES:
        caps.append(f"one of {len(scales)} scales of the columns tried: centred, far tails clipped")
        return scales[:1]
    return scales


def _note_screening(d: int, options: TDOptions, caps: list[str]) -> None:
    for order in range(2, options.max_interaction_order + 1):
        size = screened_size(order)
        if d > size:
            caps.append(
                f"interactions of order {order} looked for among the {size} most promising "
                f"of {d} columns"
            )
    if d > DENSE_COLUMNS and options.max_interaction_order > 1:
        caps.append(f"dense atoms start from the {DENSE_COLUMNS} most promising of {d} columns")


def _add_evidence(result: TDResult, problem: Problem, selection: Selection) -> None:
    """Write validated gains, frequencies over folds and the validated path into ``result``."""
    table, family = problem.table, problem.family
    n_resamples = problem.options.n_resamples
    splits = folds(table.n_samples, n_resamples, np.random.default_rng([problem.seed, 1]))
    gains = term_gains(table, family, selection.fit, splits)
    result.term_gain = {
        pure_text(order) if stream == "pure" else interaction_text(order): gain
        for (stream, order), gain in gains.items()
    }
    counts: dict[str, int] = {}
    for train, _ in splits:
        found, _ = problem.subset(train).solve()
        pure, interactions = found.fit.structure.orders
        for text in [*map(pure_text, pure), *map(interaction_text, interactions)]:
            counts[text] = counts.get(text, 0) + 1
    result.selection_frequency = {
        text: count / n_resamples for text, count in sorted(counts.items())
    }
    scores = validated_path(table, family, selection.visited, splits)
    result.path = [
        PathPoint(problem.price.free_numbers(fit.structure), score, as_formula(fit.structure))
        for fit, score in zip(selection.visited, scores, strict=True)
    ]
