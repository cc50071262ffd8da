"""What a user says of the equation: which parameters a search reads, and columns by their names."""

from __future__ import annotations

import inspect
from collections.abc import Collection, Iterable, Mapping
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from sktaskneuron._typing import AnyArray, Mask, RowNumbers
from sktaskneuron.formula import PRIMITIVES
from sktaskneuron.preprocessing import TableEncoder
from sktaskneuron.search.columns.rules import Rules

_OF_COLUMNS = (
    *("max_complexity", "complexity", "nesting", "proposer", "monotone", "domain"),
    *("units", "target_unit"),
)
# Parameters that a search does not read, by method and scope.
_UNREAD: dict[tuple[str, str], tuple[str, ...]] = {
    ("td", "neuron"): ("functions", *_OF_COLUMNS),
    ("sr", "neuron"): _OF_COLUMNS,
    ("sr", "columns"): (
        "interactions",
        "max_interaction_order",
        "max_rank",
        "criterion",
        "n_resamples",
    ),
}
_ROLES = ("force", "allow", "forbid")


def check_parameters(search: BaseEstimator, engine: str) -> None:
    """Refuse parameters that the search would not read, and those that do not make sense.

    Parameters
    ----------
    search : NeuronFormulaSearch
    engine : str
        Resolved.

    Raises
    ------
    ValueError
        If one that is not read is not at its default, or holds what is not known.
    """
    defaults = inspect.signature(type(search)).parameters
    unread = _UNREAD[search.method, search.scope]
    for name in unread:
        value, default = getattr(search, name), defaults[name].default
        if not (value is default or (isinstance(value, type(default)) and value == default)):
            raise ValueError(
                f"{name}={value!r} is not read with method={search.method!r}, "
                f"scope={search.scope!r} and engine={engine!r}: leave it at {default!r}"
            )
    roles = search.columns.values() if isinstance(search.columns, Mapping) else ()
    if engine == "gates" and "force" in roles:
        raise ValueError("columns={...: 'force'} is not read by engine='gates'")
    if search.functions is not None:
        _check_functions(search.functions, "functions")
    for outer, inner in (search.nesting or {}).items():
        _check_functions([outer], "nesting")
        _check_functions(inner, "nesting")
    for name, count in (search.complexity or {}).items():
        if not isinstance(count, Integral) or isinstance(count, bool) or count < 0:
            raise ValueError(f"complexity of {name!r} must be a whole number from 0, got {count!r}")
    for name, sign in (search.monotone or {}).items():
        if sign not in (1, -1):
            raise ValueError(f"monotone must be 1 or -1 for each column, got {sign!r} for {name!r}")
    for name, ends in (search.domain or {}).items():
        if not _is_range(ends):
            raise ValueError(
                f"domain must be a pair of numbers (low, high) for each column, got {ends!r} for "
                f"{name!r}"
            )
    if search.selection != "criterion" and "n_resamples" not in unread and search.n_resamples < 2:
        raise ValueError(
            f"selection={search.selection!r} picks from the front: set n_resamples to 2 or more"
        )


def _is_range(ends: object) -> bool:
    if not isinstance(ends, tuple | list) or len(ends) != 2:
        return False
    if not all(isinstance(end, Real) and np.isfinite(float(end)) for end in ends):
        return False
    return bool(ends[0] < ends[1])


def _check_functions(names: object, parameter: str) -> None:
    if isinstance(names, str) or not isinstance(names, Iterable):
        raise ValueError(f"{parameter} must hold lists of names of functions, got {names!r}")
    for name in names:
        if name not in PRIMITIVES:
            raise ValueError(
                f"{parameter} names {name!r}, which is no function; known are "
                f"{', '.join(sorted(PRIMITIVES))}"
            )


class ColumnNames:
    """The columns of a user's table, by name, as encoded columns.

    Parameters
    ----------
    encoder : TableEncoder
        Fitted.
    """

    source: RowNumbers
    indicator: Mask

    def __init__(self, encoder: TableEncoder) -> None:
        self.encoded: AnyArray = np.asarray([str(name) for name in encoder.get_feature_names_out()])
        raw = getattr(encoder, "feature_names_in_", None)
        n_features = encoder.n_features_in_
        self.raw: list[str] = (
            [f"x{i}" for i in range(n_features)] if raw is None else list(map(str, raw))
        )
        self.source, self.indicator = encoder.source_, encoder.indicator_

    def all_of(self, name: object, parameter: str) -> frozenset[str]:
        """Return the encoded columns of one; raises ValueError if there is none of this name."""
        if name not in self.raw:
            raise ValueError(
                f"{parameter} names the column {name!r}, which the table does not have; it has "
                f"{', '.join(map(repr, self.raw[:20]))}{', ...' * (len(self.raw) > 20)}"
            )
        return frozenset(self.encoded[self.source == self.raw.index(str(name))].tolist())

    def number(self, name: object, parameter: str) -> str:
        """Return the encoded column of numbers; raises ValueError where there is none."""
        marks = set(self.encoded[self.indicator].tolist())
        found = sorted(self.all_of(name, parameter) - marks)
        if len(found) != 1:
            raise ValueError(f"{parameter} names the column {name!r}, which holds no numbers")
        return found[0]


def allowed_columns(
    columns: Mapping[str, str] | Collection[str] | None, names: ColumnNames
) -> tuple[frozenset[str] | None, tuple[frozenset[str], ...]]:
    """Return the encoded columns that may enter, None for all, and groups of forced ones.

    Raises
    ------
    ValueError
        If a name or a role is not known.
    """
    if columns is None:
        return None, ()
    if isinstance(columns, Mapping):
        for name, role in columns.items():
            if role not in _ROLES:
                raise ValueError(
                    "columns must say 'force', 'allow' or 'forbid' of each, "
                    f"got {role!r} of {name!r}"
                )
        groups = {name: names.all_of(name, "columns") for name in columns}
        forbidden = frozenset().union(
            *(groups[n] for n, role in columns.items() if role == "forbid")
        )
        forced = tuple(groups[name] for name, role in columns.items() if role == "force")
        return frozenset(names.encoded.tolist()) - forbidden, forced
    return frozenset().union(*(names.all_of(name, "columns") for name in columns)), ()


def rules_of(
    settings: Any, names: ColumnNames, forced: tuple[frozenset[str], ...], default_order: int
) -> Rules:
    """Return the rules of equations of columns that parameters say.

    Parameters
    ----------
    settings : SearchSettings
    names : ColumnNames
    forced : tuple of frozenset of str
    default_order : int
        A highest power that sets no limit.
    """
    sizes: dict[str, int] = {}
    for name, count in (settings.complexity or {}).items():
        known = {name} if name in PRIMITIVES else names.all_of(name, "complexity")
        sizes |= dict.fromkeys(known, int(count))
    return Rules(
        functions=None if settings.functions is None else frozenset(settings.functions),
        max_power=None if settings.max_order == default_order else settings.max_order,
        sizes=sizes,
        nesting={outer: frozenset(inner) for outer, inner in (settings.nesting or {}).items()},
        forced=forced,
        monotone={
            names.number(n, "monotone"): int(s) for n, s in (settings.monotone or {}).items()
        },
        domain={
            names.number(n, "domain"): (float(low), float(high))
            for n, (low, high) in (settings.domain or {}).items()
        },
    )
