"""From a numeric table and a target to a fitted formula: what all ways to search share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from sktaskneuron._clock import checkpoint, seconds_left, within
from sktaskneuron._evidence import paired_gain
from sktaskneuron._typing import Mask, RowNumbers
from sktaskneuron.formula import FittedFormula, ParetoFront, ParetoPoint
from sktaskneuron.search.frame.answer import as_formula, export, null_answer, refit_on_all
from sktaskneuron.search.frame.evidence import explained, folds, held_out_loss, term_gains
from sktaskneuron.search.frame.fit import Fit, of_answers
from sktaskneuron.search.frame.model import Structure
from sktaskneuron.search.frame.observations import Observations
from sktaskneuron.search.frame.options import SearchOptions
from sktaskneuron.search.frame.problem import Problem, ScaledTask
from sktaskneuron.search.frame.progress import SILENCE, Progress
from sktaskneuron.search.frame.result import SearchResult
from sktaskneuron.search.frame.solved import Method, Solution, solved
from sktaskneuron.search.frame.standardise import Standardisation, usable_columns
from sktaskneuron.search.frame.terms import interaction_text

# Rows times columns times outputs up to which several scales of the columns are tried.
_MANY_SCALES_ENTRIES = 300_000
# Rows times columns whose powers are held at once.
_MAX_ENTRIES = 4_000_000
# Share of the time that the search may take where evidence is to follow, which takes longer.
_SEARCH = 0.5
# Rows below which no cap goes, and rows kept of every class however rare.
_FEWEST_ROWS, _FEWEST_OF_A_CLASS = 1000, 10


def search_formula(
    observations: Observations,
    method: Method,
    options: SearchOptions,
    rng: np.random.Generator,
    progress: Progress = SILENCE,
) -> SearchResult:
    """Find the formula of a target in numeric columns.

    Parameters
    ----------
    observations : Observations
        Rows to fit.
    method : Method
        How the terms are found.
    options : SearchOptions
        What may be searched.
    rng : numpy.random.Generator
        Draws rows, folds and starts.
    progress : Progress, optional
        Has a part for every scale of the columns, with a step before every addition, and one for
        the evidence of the resamples.

    Returns
    -------
    SearchResult
        The formula, its numbers and the evidence.

    See Also
    --------
    Observations : Rows of named columns, and what is to be found in them.
    SearchOptions : Settings, as documented for :class:`sktaskneuron.NeuronFormulaSearch`.
    SearchResult : What a search has found, and how far to trust it.

    Examples
    --------
    >>> import numpy as np
    >>> from sktaskneuron.search.frame import Observations, SearchOptions, search_formula
    >>> from sktaskneuron.search.td import TensorDecomposition
    >>> X = np.random.default_rng(0).standard_normal((200, 2))
    >>> seen = Observations(X, X[:, :1] * X[:, 1:], np.ones(200), ("a", "b"), False)
    >>> options, rng = SearchOptions(n_resamples=0), np.random.default_rng(0)
    >>> str(search_formula(seen, TensorDecomposition(), options, rng).fitted.formula)
    '<x,x>:1'
    """
    X, classification = observations.X, observations.classification
    caps: list[str] = []
    rows = _search_rows(observations, options, rng, caps)
    seed = int(rng.integers(2**31))
    usable = np.flatnonzero(usable_columns(X[rows]) & _among(observations, options.columns))
    forced = _among(observations, options.forced)
    lost = np.setdiff1d(np.flatnonzero(forced), usable)
    if lost.size:
        raise ValueError(
            f"the column {observations.names[lost[0]]!r} is forced, but it is constant or a copy "
            "of another one"
        )
    if usable.size == 0:
        return null_answer(observations)
    shift, unit = observations.target_scale()
    standard = replace(observations, target=(observations.target - shift) / unit)
    searched = replace(
        standard,
        X=X[np.ix_(rows, usable)],
        references=None if standard.references is None else standard.references[usable],
        target=standard.target[rows],
        weight=standard.weight[rows],
    ).without_copies()
    columns, family = searched.X, searched.family
    best: tuple[Solution, Standardisation, int] | None = None
    scales = method.scales(columns, searched.weight, options)
    n_entries = columns.size * standard.target.shape[1]
    numbered = _numbered(scales, n_entries, method.first_scale, options, caps)
    has_evidence = 2 <= options.n_resamples <= len(columns) // 2
    with within(seconds_left() * (_SEARCH if has_evidence else 1.0)):
        for place, (number, scale) in enumerate(numbered):
            if best is not None and method.is_enough(best[0], best[1], scale):
                continue
            left = seconds_left() / (len(numbered) - place)
            name = f"scale {number + 1}"
            with (
                progress.part(f"{name} of the columns") as part,
                within(left, f"the search on {name} of the columns"),
            ):
                checkpoint()
                task = ScaledTask(
                    scale(columns),
                    family,
                    options,
                    seed,
                    searched.references,
                    forced=forced[usable] if forced.any() else None,
                )
                solution = solved(method, task, _teller(part, name), caps)
                if best is None or solution.score < best[0].score:
                    best = solution, scale, number
    if best is None:
        return null_answer(observations)
    solution, scale, number = best
    problem, selection = solution.problem, solution.selection
    if len(rows) < len(X) and classification:
        caps.append("weights fitted on the searched rows")
    caps += method.caps(usable.size, options)

    def fitted(fit: Fit) -> FittedFormula:
        with within(otherwise="the penalty of the weights"):
            fit = of_answers(problem.table, family, fit)
        if len(rows) < len(X) and not classification:
            fit = refit_on_all(standard, usable, scale, fit, problem.library)
        names = observations.names
        return export(fit, scale, usable, names, shift, unit, family.link, problem.library)

    result = SearchResult(
        fitted(selection.fit),
        criterion=solution.score,
        null_criterion=problem.judge().score(selection.visited[0]),
        caps=tuple(dict.fromkeys(caps)),
        n_steps=len(selection.visited) - 1,
        scale_number=number,
    )
    if has_evidence:
        with (
            progress.part("evidence", options.n_resamples) as part,
            within(otherwise="the evidence of the resamples"),
        ):
            _add_evidence(result, method, solution, part)
            _add_front(result, solution, fitted)
    return result


def _teller(part: Progress, scale: str) -> Callable[[int, str, float], None]:
    def tell(step: int, formula: str, score: float) -> None:
        part.step(f"{scale}, step {step}: {formula}, criterion {score:.6g}")

    return tell


def _search_rows(
    observations: Observations, options: SearchOptions, rng: np.random.Generator, caps: list[str]
) -> RowNumbers:
    """Return the rows to search on: all, or a draw that keeps the share of every class."""
    n, d = observations.X.shape
    target, classification = observations.target, observations.classification
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


def _among(observations: Observations, names: frozenset[str] | None) -> Mask:
    """Return which columns bear these names; all where there are none to go by."""
    return np.asarray([names is None or name in names for name in observations.names], dtype=bool)


def _numbered(
    scales: list[Standardisation],
    n_entries: int,
    first: str,
    options: SearchOptions,
    caps: list[str],
) -> list[tuple[int, Standardisation]]:
    """Return the numbered scales of the columns to search on; of large tables the first."""
    numbered = list(enumerate(scales))
    if options.scale_number is not None:
        return [numbered[min(options.scale_number, len(scales) - 1)]]
    if len(scales) > 1 and n_entries > _MANY_SCALES_ENTRIES:
        caps.append(f"one of {len(scales)} scales of the columns tried: {first}")
        return numbered[:1]
    return numbered


def _add_evidence(
    result: SearchResult, method: Method, solution: Solution, progress: Progress
) -> None:
    """Write validated gains and frequencies over folds into ``result``."""
    problem, selection, library = solution.problem, solution.selection, solution.problem.library
    splits = _evidence_splits(problem)
    gains = term_gains(problem.table, problem.family, selection.fit, splits)
    result.term_gain = {
        library.text(order) if stream == "pure" else interaction_text(order): gain
        for (stream, order), gain in gains.items()
    }
    counts: dict[str, int] = {}
    for number, (train, _) in enumerate(splits, 1):
        for text in method.terms_on(solution, train):
            counts[text] = counts.get(text, 0) + 1
        checkpoint()  # what is cut short is no evidence
        progress.step(f"evidence, fold {number} of {len(splits)}")
    result.selection_frequency = {
        text: count / len(splits) for text, count in sorted(counts.items())
    }


def _add_front(
    result: SearchResult, solution: Solution, fitted: Callable[[Fit], FittedFormula]
) -> None:
    """Write the fits met on the way that no simpler one beats on held-out rows into ``result``.

    fitted : makes the equation of a fit.
    """
    problem, visited = solution.problem, solution.selection.visited
    table, family, judge = problem.table, problem.family, problem.judge()
    splits, share = _evidence_splits(problem), family.weight / family.weight.sum()
    null = held_out_loss(table, family, Structure(table.n_features), splits)
    losses = [held_out_loss(table, family, fit.structure, splits) for fit in visited]
    best, unit = min(losses, key=lambda loss: float(share @ loss)), float(share @ null)
    points = [
        ParetoPoint(
            float(problem.price.free_numbers(fit.structure)),
            explained(loss, null, family.weight),
            as_formula(fit.structure, problem.library),
            error=paired_gain(loss, best, share)[1] / unit if unit > 0 else 0.0,
        )
        for fit, loss in zip(visited, losses, strict=True)
    ]
    fits = dict(zip(points, visited, strict=True))
    result.front = [
        replace(point, fitted=fitted(fits[point]), criterion=judge.score(fits[point]))
        for point in ParetoFront(points)
    ]


def _evidence_splits(problem: Problem) -> list[tuple[RowNumbers, RowNumbers]]:
    rng = np.random.default_rng([problem.seed, 1])
    return folds(problem.table.n_samples, problem.options.n_resamples, rng)
