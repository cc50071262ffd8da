"""The package's own engine for equations of columns: sums, products and ratios of simple atoms.

Deterministic: transforms of the target turn many equations into sums, which forward steps with
exchanges and backward elimination find in libraries of growing depth.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from sktaskneuron._clock import within
from sktaskneuron.formula.text.canonical import make_product
from sktaskneuron.formula.text.nodes import Node, Number
from sktaskneuron.search.columns.builtin.curved import curved_sums
from sktaskneuron.search.columns.builtin.deep import deep
from sktaskneuron.search.columns.builtin.links import find_factors, no_factor
from sktaskneuron.search.columns.builtin.pool import Pool, Search, View
from sktaskneuron.search.columns.builtin.products import products, ratios
from sktaskneuron.search.columns.builtin.sums import broken_lines, linked_sums, modulated
from sktaskneuron.search.columns.builtin.wide import promising
from sktaskneuron.search.columns.constants import NamedRows
from sktaskneuron.search.columns.engines.protocol import ColumnsProblem

Stage = Callable[[Search, View], None]

# Columns up to which atoms of pairs are formed, the most promising ones of a wide table.
_MOST_COLUMNS = 12
# The stages in their order. With a factor divided out, the target as it is goes through the quick
# ones only.
_STAGES: tuple[tuple[Stage, bool], ...] = (
    (linked_sums, True),
    (modulated, False),
    (curved_sums, True),
    (ratios, True),
    (products, True),
    (deep, False),
)


def search_builtin(problem: ColumnsProblem) -> list[Node]:
    """Return candidate equations by the package's own engine.

    Parameters
    ----------
    problem : ColumnsProblem
        ``max_steps`` counts stages: sums, modulated polynomials, curves with constants inside,
        ratios, products, the deep library, broken lines.

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
    """Fill the pool, stage after stage."""
    X, y, weight, names = problem.X, problem.y, problem.weight, problem.names
    search.pool.add(lambda: Number(float(weight @ y / weight.sum())))
    chosen = promising(X, y, weight, names, _MOST_COLUMNS)
    part, part_names = X[:, chosen], tuple(names[i] for i in chosen)
    views = []
    for factor in find_factors(part, y, weight, part_names):
        views.append(View.of(part, part_names, y, weight, factor))
        search.pool.add(partial(make_product, [factor.node]))
    whole = View.of(part, part_names, y, weight, no_factor(len(X)), in_short=bool(views))
    views.append(whole)
    for stage, quick in _STAGES[: problem.max_steps]:
        for view in views:
            if view.names and (quick or not view.in_short):
                stage(search, view)
            if search.pool.is_exact:
                return
    if whole.names and (problem.max_steps is None or problem.max_steps > len(_STAGES)):
        # for tables that no closed form fits
        broken_lines(search, whole)
