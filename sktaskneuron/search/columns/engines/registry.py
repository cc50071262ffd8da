"""Engines for equations of columns, by name."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec

from sktaskneuron.exceptions import MissingDependencyError
from sktaskneuron.search.columns.engines.protocol import ColumnsEngine


@dataclass(frozen=True)
class _Entry:
    """Where an engine stands, and what it needs beside the package's own dependencies."""

    module: str
    function: str
    package: str | None = None
    hint: str = ""


_ENTRIES = {
    "builtin": _Entry("sktaskneuron.search.columns.builtin.engine", "search_builtin"),
    "operon": _Entry(
        "sktaskneuron.search.columns.engines.operon",
        "search_operon",
        "pyoperon",
        "install sktaskneuron[sr]",
    ),
    "pysr": _Entry(
        "sktaskneuron.search.columns.engines.pysr",
        "search_pysr",
        "pysr",
        "pip install sktaskneuron[pysr] (Julia is fetched at first use)",
    ),
}

#: Names of the engines.
ENGINES = tuple(_ENTRIES)


def get_columns_engine(name: str) -> ColumnsEngine:
    """Return the engine of this name; only its module is imported.

    Parameters
    ----------
    name : {"builtin", "operon", "pysr"}

    Returns
    -------
    engine : callable
        ``ColumnsProblem -> list of Node``, see `ColumnsEngine`.

    Raises
    ------
    ValueError
        If there is no engine of this name.
    MissingDependencyError
        If the engine's package is not installed.

    Examples
    --------
    >>> from sktaskneuron.search.columns.engines.registry import get_columns_engine
    >>> get_columns_engine("eureqa")
    Traceback (most recent call last):
        ...
    ValueError: unknown engine 'eureqa'; known are 'builtin', 'operon', 'pysr'
    """
    entry = _ENTRIES.get(name) if isinstance(name, str) else None
    if entry is None:
        raise ValueError(f"unknown engine {name!r}; known are {', '.join(map(repr, ENGINES))}")
    if entry.package is not None and find_spec(entry.package) is None:
        raise MissingDependencyError(f"engine={name!r} needs {entry.package}; {entry.hint}")
    module = import_module(entry.module)
    return getattr(module, entry.function)
