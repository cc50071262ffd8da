"""Which ways to search there are: methods, their engines, and who runs them."""

from __future__ import annotations

from typing import Any

from sktaskneuron.search.columns.choice import ColumnsResult
from sktaskneuron.search.columns.engines.registry import ENGINES as COLUMNS_ENGINES
from sktaskneuron.search.columns.engines.registry import get_columns_engine
from sktaskneuron.search.columns.search import ColumnsOptions, search_columns
from sktaskneuron.search.frame.options import TDOptions, TDResult
from sktaskneuron.search.sr.regression import search_sr
from sktaskneuron.search.td.search import search_td

#: Engines by method and scope, the default one first.
ENGINES: dict[tuple[str, str], tuple[str, ...]] = {
    ("td", "neuron"): ("als", "gates"),
    ("sr", "neuron"): ("builtin", "pysr"),
    ("sr", "columns"): COLUMNS_ENGINES,
}
#: Texts that ask the NeuronSeek estimators for a search.
SEARCHED = tuple(dict.fromkeys(method for method, _ in ENGINES))
# Rows on which equations of columns are searched: more change no choice between them.
_MOST_ROWS = 2_000


def resolve_engine(method: str, scope: str, engine: str) -> str:
    """Return the engine that ``engine`` means for ``method`` and ``scope``.

    Raises
    ------
    ValueError
        If it is one of another method, or the method has no such scope.
    """
    known = ENGINES.get((method, scope))
    if known is None:
        raise ValueError(
            f"scope={scope!r} does not go with method={method!r}; equations of columns are "
            "searched by method='sr'"
        )
    if engine == "auto":
        return known[0]
    if engine not in known:
        names = " or ".join(f"engine={name!r}" for name in known)
        raise ValueError(
            f"engine={engine!r} does not go with method={method!r} and scope={scope!r}; use {names}"
        )
    return engine


def resolve_interactions(method: str, interactions: Any) -> bool:
    """Return whether interactions are looked for; "auto" leaves them out of "sr"."""
    return method == "td" if isinstance(interactions, str) else bool(interactions)


def function_proposer(engine: str) -> Any:
    """Return who proposes functions beside the library of symbolic regression; None for nobody."""
    if engine != "pysr":
        return None
    get_columns_engine(engine)  # says in one sentence what is missing
    from sktaskneuron.search.columns.engines.pysr import propose_functions

    return propose_functions


def run_search(method: str, options: TDOptions, **data: Any) -> TDResult:
    """Run a method; ``data`` are the arguments of :func:`sktaskneuron.search.td.search_td`."""
    return (search_sr if method == "sr" else search_td)(options=options, **data)


def run_columns(
    engine: str, max_complexity: int, max_samples: int, max_steps: int | None, **data: Any
) -> ColumnsResult:
    """Run a search for equations of columns; ``data`` are the arguments of `search_columns`."""
    options = ColumnsOptions(engine, max_complexity, min(max_samples, _MOST_ROWS), max_steps)
    return search_columns(options=options, **data)
