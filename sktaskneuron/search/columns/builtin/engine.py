"""The package's own engine for equations of columns: sums, products and ratios of simple atoms.

Deterministic: transforms of the target turn many equations into sums, which forward steps with
exchanges and backward elimination find in libraries of growing depth.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from sktaskneuron._clock import within
from sktaskneuron.formula.text.canonical import make_sum
from sktaskneuron.formula.text.evaluation import variables
from sktaskneuron.formula.text.nodes import Node, Number
from sktaskneuron.search.columns.builtin.crossed import crossed
from sktaskneuron.search.columns.builtin.curved import curved_sums
from sktaskneuron.search.columns.builtin.deep import deep
from sktaskneuron.search.columns.builtin.divided import divided
from sktaskneuron.search.columns.builtin.factors import find_factors, no_factor
from sktaskneuron.search.columns.builtin.modulated import modulated
from sktaskneuron.search.columns.builtin.pieces import pieces
from sktaskneuron.search.columns.builtin.plane_waves import plane_waves
from sktaskneuron.search.columns.builtin.pool import Pool, Search, View
from sktaskneuron.search.columns.builtin.products import products, ratios
from sktaskneuron.search.columns.builtin.roots import roots
from sktaskneuron.search.columns.builtin.sums import broken_lines, linked_sums
from sktaskneuron.search.columns.builtin.unweighted import unweighted
from sktaskneuron.search.columns.builtin.wide import promising
from sktaskneuron.search.columns.constants import NamedRows
from sktaskneuron.search.columns.engines.protocol import ColumnsProblem

Stage = Callable[[Search, View], None]

# Columns up to which atoms of pairs are formed, the most promising ones of a wide table.
_MOST_COLUMNS = 12
# The stages in their order; whether they look at views in short; and whether they may find a
# shorter form of an equation that leaves nothing but noise.
_STAGES: tuple[tuple[Stage, bool, bool], ...] = (
    (linked_sums, True, False),
    (modulated, False, False),
    (divided, True, True),
    (curved_sums, False, True),
    (unweighted, False, False),
    (crossed, False, False),
    (pieces, True, False),
    (plane_waves, False, False),
    (ratios, True, True),
    (roots, False, False),
    (products, True, True),
    (deep, False, False),
)
# Best equations that a constant is added to, and its size at first, as a share of the spread.
_WITH_CONSTANT, _SMALL = 3, 1e-3


def search_builtin(problem: ColumnsProblem) -> list[Node]:
    """Return candidate equations by the package's own engine.

    Parameters
    ----------
    problem : ColumnsProblem
        ``max_steps`` counts stages: sums, modulated polynomials, polynomials times a power, curves
        with constants inside, sums without weights, products of two curves, pieces and waves of two
        columns, ratios, roots, products, the deep library, broken lines.

    Returns
    -------
    nodes : list of Node
        Canonical trees, the best by description length first.
    """
    rows = NamedRows.of(problem.X, problem.names, problem.y, problem.weight)
    search = Search(Pool(rows, problem.max_complexity), problem.on_step)
    with within(otherwise="stages of the search of an equation"):
        _run_stages(search, problem)
    return search.pool.nodes()


def _run_stages(search: Search, problem: ColumnsProblem) -> None:
    """Fill the pool, stage after stage; then again on the few columns that matter."""
    X, y, weight, names = problem.X, problem.y, problem.weight, problem.names
    search.pool.add(lambda: Number(float(weight @ y / weight.sum())))
    chosen = promising(X, y, weight, names, _MOST_COLUMNS)
    views = _views(search, problem, chosen)
    _run_on(search, problem, views)
    whole = views[-1]
    all_stages = problem.max_steps is None or problem.max_steps > len(_STAGES)
    if all_stages and not search.pool.is_exact:
        used = _columns_of_best(search, names)
        if used and len(used) <= len(chosen) / 2 and not search.pool.is_noise:
            _run_on(search, problem, _views(search, problem, used))
    if search.pool.is_exact:
        return
    for node in search.pool.nodes()[:_WITH_CONSTANT]:
        search.pool.add(partial(_with_constant, node, search.pool.rows))
    if whole.names and all_stages:
        # for tables that no closed form fits
        broken_lines(search, whole)


def _views(search: Search, problem: ColumnsProblem, places: list[int]) -> list[View]:
    """Return the views of some columns, that of the target as it is last."""
    part, names = problem.X[:, places], tuple(problem.names[i] for i in places)
    y, weight = problem.y, problem.weight
    views = [View.of(part, names, y, weight, *way) for way in find_factors(part, y, weight, names)]
    for view in views:
        search.pool.add(partial(view.equation, Number(1.0)))
    whole = View.of(part, names, y, weight, no_factor(len(places)), in_short=bool(views))
    return [*views, whole]


def _run_on(search: Search, problem: ColumnsProblem, views: list[View]) -> None:
    """Run the stages on views, until an equation is exact."""
    for stage, in_short, shortens in _STAGES[: problem.max_steps]:
        for view in views:
            seen = in_short or not view.in_short or search.is_promoted(view)
            worth_it = seen and (shortens or not search.pool.is_noise)
            if view.names and worth_it:
                stage(search, view)
            if search.pool.is_exact:
                return
        if stage is linked_sums and not search.pool.is_noise:
            promoted = search.promote(views)
            if promoted is not None:
                linked_sums(search, promoted)


def _columns_of_best(search: Search, names: Sequence[str]) -> list[int]:
    """Return the places of the columns that the best equation reads."""
    read = variables(search.pool.nodes()[0])
    return [place for place, name in enumerate(names) if name in read]


def _with_constant(node: Node, rows: NamedRows) -> Node:
    """Add a constant to an equation, which a fit may move."""
    return make_sum([node, Number(_SMALL * float(np.sqrt(rows.variance)))])
