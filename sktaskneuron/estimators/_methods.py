"""Which ways to search there are: methods, their engines, and who runs them."""

from __future__ import annotations

from typing import Any

from sktaskneuron.search.sr.search import search_sr
from sktaskneuron.search.td import TDOptions, TDResult, search_td

#: Engines of each method, the default one first.
ENGINES: dict[str, tuple[str, ...]] = {"td": ("als", "gates"), "sr": ("builtin",)}
#: Texts that ask the NeuronSeek estimators for a search.
SEARCHED = tuple(ENGINES)


def resolve_engine(method: str, engine: str) -> str:
    """Return the engine that ``engine`` means for ``method``.

    Raises
    ------
    ValueError
        If it is one of another method.
    """
    known = ENGINES[method]
    if engine == "auto":
        return known[0]
    if engine not in known:
        names = " or ".join(f"engine={name!r}" for name in known)
        raise ValueError(f"engine={engine!r} does not go with method={method!r}; use {names}")
    return engine


def resolve_interactions(method: str, interactions: Any) -> bool:
    """Return whether interactions are looked for; "auto" leaves them out of "sr"."""
    return method == "td" if isinstance(interactions, str) else bool(interactions)


def run_search(method: str, options: TDOptions, **data: Any) -> TDResult:
    """Run a method; ``data`` are the arguments of :func:`sktaskneuron.search.td.search_td`."""
    return (search_sr if method == "sr" else search_td)(options=options, **data)
