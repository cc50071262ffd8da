"""Which ways to search there are: methods and their engines."""

from __future__ import annotations

from sktaskneuron.search.columns.engines.registry import ENGINES as COLUMNS_ENGINES
from sktaskneuron.search.columns.engines.registry import get_columns_engine
from sktaskneuron.search.frame.options import FunctionProposer
from sktaskneuron.search.frame.solved import Method
from sktaskneuron.search.sr.regression import SymbolicRegression
from sktaskneuron.search.td.forward import ForwardSearch
from sktaskneuron.search.td.search import TensorDecomposition

#: Engines by method and scope, the default one first.
ENGINES: dict[tuple[str, str], tuple[str, ...]] = {
    ("td", "neuron"): ("als", "gates"),
    ("sr", "neuron"): ("builtin", "pysr"),
    ("sr", "columns"): COLUMNS_ENGINES,
}
#: Texts that ask the NeuronSeek estimators for a search.
SEARCHED = tuple(dict.fromkeys(method for method, _ in ENGINES))


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


def function_proposer(engine: str) -> FunctionProposer | None:
    """Return who proposes functions beside the library of symbolic regression; None for nobody."""
    if engine != "pysr":
        return None
    get_columns_engine(engine)  # says in one sentence what is missing
    from sktaskneuron.search.columns.engines.pysr import propose_functions

    return propose_functions


def search_method(name: str) -> Method:
    """Return the method of a name, ``"td"`` or ``"sr"``.

    Interactions beside the functions of symbolic regression are found as the tensor search finds
    them.
    """
    return SymbolicRegression(ForwardSearch) if name == "sr" else TensorDecomposition()
