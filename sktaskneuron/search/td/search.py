"""Search by tensor decomposition: from a numeric table and a target to a fitted formula."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ...formula import FittedFormula, NeuronFormula
from ._linalg import Array, weighted_lstsq
from .criteria import Price
from .evidence import CrossValidationJudge, folds, term_gains, validated_path
from .family import Family, Gaussian, Logistic
from .fit import Fit, fit_linear, fit_structure
from .gates import DEFAULT_STEPS as GATE_STEPS
from .gates import as_structure, open_orders
from .model import Mask, Structure, Table
from .proposals import Space, screened_size
from .selection import InformationJudge, Judge, Selection, select
from .standardise import Standardisation, distinct_values, standardisations, usable_columns

Criterion = Literal["bic", "ebic", "cv"]
Engine = Literal["als", "gates"]
StepHook = Callable[[str, int, str], None]

_N_FOLDS = 5
# Forward steps of the default engine: far more than any readable formula has terms.
MAX_STEPS = 100
_FINAL_CHUNK = 20_000
# Largest number of table entries (rows times columns) whose powers are held at once.
_MAX_ENTRIES = 4_000_000


@dataclass(frozen=True)
class TDOptions:
    """Settings of the search, as documented for :class:`sktaskneuron.NeuronFormulaSearch`."""

    engine: Engine = "als"
    max_order: int = 5
    max_interaction_order: int = 3
    max_rank: int = 8
    criterion: Criterion = "ebic"
    max_samples: int = 10_000
    max_steps: int | None = None
    n_resamples: int = 5


@dataclass(frozen=True)
class PathPoint:
    """One model met on the way: its free numbers, validated score and formula."""

    complexity: int
    score: float
    formula: NeuronFormula


@dataclass(eq=False)
class TDResult:
    """What the search found and how far to believe it.

    selection_frequency and term_gain are keyed by the text of a term: ``"x**2"`` or ``"<x,x>"``.
    """

    fitted: FittedFormula
    criterion: float
    null_criterion: float
    selection_frequency: dict[str, float] = field(default_factory=dict)
    term_gain: dict[str, float] = field(default_factory=dict)
    path: list[PathPoint] = field(default_factory=list)
    caps: tuple[str, ...] = ()
    n_steps: int = 0


def pure_text(order: int) -> str:
    return "x" if order == 1 else f"x**{order}"


def interaction_text(order: int) -> str:
    return "<" + ",".join("x" * order) + ">"


def as_formula(structure: Structure) -> NeuronFormula:
    pure, _ = structure.orders
    return NeuronFormula(pure=tuple(pure_text(k) for k in sorted(pure)), interactions=structure.ranks())


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
    X : (n_samples, n_features) finite floats, in raw units.
    target : (n_samples, n_outputs); for classification 0/1 indicators (one column for two classes).
    weight : (n_samples,) positive.
    """
    caps: list[str] = []
    rows = _search_rows(X, target, classification, options, rng, caps)
    usable = np.flatnonzero(usable_columns(X[rows]))
    seed = int(rng.integers(2**31))
    if usable.size == 0:
        return _null(X, target, weight, classification, feature_names)
    best: tuple[float, Selection, Standardisation, Table] | None = None
    shift, unit = _target_scale(target, weight, classification)
    family = _family((target[rows] - shift) / unit, weight[rows], classification)
    space = _space(X[rows][:, usable], options)
    price = _price(family, options, space)
    _note_screening(usable.size, options, caps)
    scales = standardisations(X[np.ix_(rows, usable)], weight[rows])
    if options.engine == "gates":
        scales = scales[:1]  # orders found by a penalty, not by a criterion that compares scales
    for number, scale in enumerate(scales):
        table = Table.from_array(scale(X[np.ix_(rows, usable)]), options.max_order)
        judge = _judge(table, family, price, options, seed)

        def report(step: int, fit: Fit, number: int = number) -> None:
            if on_step is not None:
                on_step(f"scale {number + 1}", step, str(as_formula(fit.structure)))

        selection = _select(table, family, price, space, judge, options, seed, report)
        score = judge.score(selection.fit)
        if best is None or score < best[0]:
            best = (score, selection, scale, table)
    assert best is not None
    score, selection, scale, table = best
    fit = selection.fit
    if len(rows) < len(X):
        fit = _refit_on_all(X[:, usable], (target - shift) / unit, weight, scale, fit, classification, caps)
    fitted = _export(fit, scale, usable, X.shape[1], feature_names, shift, unit, classification)
    null = InformationJudge(price).score(selection.visited[0])
    result = TDResult(fitted, score, null, caps=tuple(caps), n_steps=len(selection.visited) - 1)
    _add_evidence(result, table, family, price, space, selection, options, seed)
    return result


# -- preparation ------------------------------------------------------------------------------------------------------


def _search_rows(
    X: Array, target: Array, classification: bool, options: TDOptions, rng: np.random.Generator, caps: list[str]
) -> NDArray[np.intp]:
    n, d = X.shape
    limit = min(options.max_samples, max(_MAX_ENTRIES // max(d, 1), 1000))
    if classification:
        limit = max(limit // max(target.shape[1] // 2, 1), 1000)
    if n <= limit:
        return np.arange(n)
    caps.append(f"structure searched on {limit} of {n} rows, drawn at random")
    if not classification:
        return np.sort(rng.choice(n, size=limit, replace=False))
    # every class keeps its share, and at least a few rows
    label = target @ (1.0 + np.arange(target.shape[1]))
    chosen = []
    for value in np.unique(label):
        members = np.flatnonzero(label == value)
        share = min(len(members), max(10, round(limit * len(members) / n)))
        chosen.append(rng.choice(members, size=share, replace=False))
    return np.sort(np.concatenate(chosen))


def _target_scale(target: Array, weight: Array, classification: bool) -> tuple[Array, Array]:
    n_outputs = target.shape[1]
    if classification:
        return np.zeros(n_outputs), np.ones(n_outputs)
    mean = weight @ target / weight.sum()
    sd = np.sqrt(weight @ (target - mean) ** 2 / weight.sum())
    return mean, np.where(sd > 1e-12 * np.abs(mean), sd, 1.0)


def _family(target: Array, weight: Array, classification: bool) -> Family:
    return Logistic(target, weight) if classification else Gaussian(target, weight)


def _space(X: Array, options: TDOptions) -> Space:
    levels = distinct_values(X, options.max_order + 2)
    allowed: dict[int, Mask] = {k: levels > k for k in range(1, options.max_order + 1)}
    pure = tuple(k for k, mask in allowed.items() if mask.any())
    interactions = tuple(range(2, options.max_interaction_order + 1)) if X.shape[1] > 1 else ()
    return Space(pure, interactions, options.max_rank, allowed)


def _price(family: Family, options: TDOptions, space: Space) -> Price:
    return Price(
        log_n=float(np.log(max(family.n_effective, 3.0))),
        gamma=0.0 if options.criterion == "bic" else 1.0,
        n_orders=space.n_orders,
        n_outputs=family.n_outputs,
        n_allowed={k: int(mask.sum()) for k, mask in space.allowed.items()},
    )


def _judge(table: Table, family: Family, price: Price, options: TDOptions, seed: int) -> Judge:
    if options.criterion == "cv":
        splits = folds(table.n_samples, min(_N_FOLDS, table.n_samples), np.random.default_rng(seed))
        return CrossValidationJudge(table, family, splits)
    return InformationJudge(price)


def _note_screening(d: int, options: TDOptions, caps: list[str]) -> None:
    for order in range(2, options.max_interaction_order + 1):
        size = screened_size(order)
        if d > size:
            caps.append(f"interactions of order {order} looked for among the {size} most promising of {d} columns")


def _select(
    table: Table,
    family: Family,
    price: Price,
    space: Space,
    judge: Judge,
    options: TDOptions,
    seed: int,
    on_step: Callable[[int, Fit], None] | None = None,
) -> Selection:
    if options.engine == "als":
        steps = MAX_STEPS if options.max_steps is None else options.max_steps
        return select(table, family, price, space, judge, seed=seed, max_steps=steps, on_step=on_step)
    null = fit_structure(table, family, Structure(table.n_features))
    pure, factors = open_orders(
        table,
        family,
        space.pure_orders,
        space.interaction_orders,
        max_rank=options.max_rank,
        n_steps=GATE_STEPS if options.max_steps is None else options.max_steps,
        seed=seed,
    )
    structure = as_structure(table.n_features, dict(space.allowed), pure, factors)
    fit = fit_linear(table, family, structure)
    return Selection(fit, [null, fit])


# -- answers ----------------------------------------------------------------------------------------------------------


def _null(
    X: Array, target: Array, weight: Array, classification: bool, feature_names: Sequence[str]
) -> TDResult:
    family = _family(target, weight, classification)
    coef = family.fit_linear(np.ones((len(X), 1))).coef
    link = "logit" if classification else "identity"
    fitted = FittedFormula(NeuronFormula(), coef[0], feature_names=feature_names, link=link)
    deviance = family.deviance(np.broadcast_to(coef, target.shape))
    return TDResult(fitted, deviance, deviance)


def _refit_on_all(
    X: Array,
    target: Array,
    weight: Array,
    scale: Standardisation,
    fit: Fit,
    classification: bool,
    caps: list[str],
) -> Fit:
    """Linear weights on every row, by accumulated normal equations; factors keep their values."""
    if classification:
        caps.append("weights fitted on the same rows")
        return fit
    n_columns = fit.structure.n_linear
    triangle = np.zeros((0, n_columns + target.shape[1]))
    for start in range(0, len(X), _FINAL_CHUNK):
        part = slice(start, start + _FINAL_CHUNK)
        max_order = max([*fit.structure.pure, *fit.structure.ranks(), 1])
        design = fit.structure.design(Table.from_array(scale(X[part]), max_order))
        block = np.concatenate([design, target[part]], axis=1) * np.sqrt(weight[part])[:, None]
        triangle = np.linalg.qr(np.concatenate([triangle, block]), mode="r")
    coef = weighted_lstsq(triangle[:, :n_columns], triangle[:, n_columns:], np.ones(len(triangle)))
    return Fit(fit.structure, coef, fit.eta, fit.deviance)


def _export(
    fit: Fit,
    scale: Standardisation,
    usable: NDArray[np.intp],
    n_features: int,
    feature_names: Sequence[str],
    shift: Array,
    unit: Array,
    classification: bool,
) -> FittedFormula:
    structure = fit.structure
    coef = fit.coef * unit
    n_outputs = coef.shape[1]
    pure_weights = []
    columns = structure.pure_columns()
    for order in sorted(structure.pure):
        weights = np.zeros((n_features, n_outputs))
        for position, (k, i) in enumerate(columns):
            if k == order:
                weights[usable[i]] = coef[1 + position]
        pure_weights.append(weights)
    factors: dict[int, Array] = {}
    loadings: dict[int, Array] = {}
    first_atom = 1 + len(columns)
    for order in sorted(structure.ranks()):
        chosen = [j for j, atom in enumerate(structure.atoms) if atom.order == order]
        full = np.zeros((order, n_features, len(chosen)))
        for r, j in enumerate(chosen):
            full[:, usable, r] = structure.atoms[j].factors
        factors[order] = full
        loadings[order] = coef[[first_atom + j for j in chosen]]
    center, spread = np.zeros(n_features), np.ones(n_features)
    lower, upper = np.full(n_features, -np.inf), np.full(n_features, np.inf)
    center[usable], spread[usable] = scale.center, scale.scale
    lower[usable], upper[usable] = scale.lower, scale.upper
    return FittedFormula(
        as_formula(structure),
        coef[0] + shift,
        pure_weights,
        factors,
        loadings,
        center=center,
        scale=spread,
        lower=lower,
        upper=upper,
        feature_names=feature_names,
        link="logit" if classification else "identity",
    )


def _add_evidence(
    result: TDResult,
    table: Table,
    family: Family,
    price: Price,
    space: Space,
    selection: Selection,
    options: TDOptions,
    seed: int,
) -> None:
    if options.n_resamples < 2 or table.n_samples < 2 * options.n_resamples:
        return
    splits = folds(table.n_samples, options.n_resamples, np.random.default_rng([seed, 1]))
    gains = term_gains(table, family, selection.fit, splits)
    result.term_gain = {
        pure_text(k) if stream == "pure" else interaction_text(k): gain
        for (stream, k), gain in gains.items()
    }
    counts: dict[str, int] = {}
    for train, _ in splits:
        part, part_family = table.subset(train), family.subset(train)
        part_price = _price(part_family, options, space)
        judge = _judge(part, part_family, part_price, options, seed)
        found = _select(part, part_family, part_price, space, judge, options, seed).fit.structure
        pure, interactions = found.orders
        for text in [*map(pure_text, pure), *map(interaction_text, interactions)]:
            counts[text] = counts.get(text, 0) + 1
    result.selection_frequency = {text: count / len(splits) for text, count in sorted(counts.items())}
    scores = validated_path(table, family, selection.visited, splits)
    result.path = [
        PathPoint(price.free_numbers(fit.structure), score, as_formula(fit.structure))
        for fit, score in zip(selection.visited, scores, strict=True)
    ]
