"""The candidates of a search of activations, as they are given and by their names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sktaskneuron.search.classic import CLASSIC

__all__ = ["CLASSIC", "named_candidates"]


def named_candidates(candidates: Any) -> dict[str, Any]:
    """Return the activations that ``candidates`` stands for by their names, each once.

    Parameters
    ----------
    candidates : {"classic", "catalogue", "grammar"} or sequence
        A grammar begins with the classic ones.

    Raises
    ------
    ValueError, TypeError
        If it is none of these, or empty.
    """
    from sktaskneuron.nn import ActivationSet
    from sktaskneuron.nn.activations import distinct_activations

    if isinstance(candidates, str):
        if candidates in ("classic", "grammar"):
            candidates = CLASSIC
        elif candidates == "catalogue":
            candidates = distinct_activations()
    if isinstance(candidates, str | ActivationSet) or not isinstance(candidates, Sequence):
        kind = ValueError if isinstance(candidates, str) else TypeError
        raise kind(
            "candidates must be 'classic', 'catalogue', 'grammar' or a list of activations, "
            f"got {candidates!r}"
        )
    if not len(candidates):
        raise ValueError("candidates are empty")
    named: dict[str, Any] = {}
    for item in candidates:
        name, number = _name(item), 1
        while name in named and named[name] != item:
            # two sets whose types have the same names
            number += 1
            name = f"{_name(item)} ({number})"
        named.setdefault(name, item)
    return named


def _name(item: Any) -> str:
    """Return the name of a candidate: types of neurons by "+", hidden layers by "/"."""
    if isinstance(item, str):
        return item
    if hasattr(item, "names"):
        return "set of " + ", ".join(item.names)
    if not isinstance(item, Sequence):
        return repr(item)
    between = " + " if any(isinstance(part, str) for part in item) else " / "
    return between.join(map(_name, item))
