"""The parameter `companions`: estimators that take part in the blend, with their names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from sklearn.base import is_classifier, is_regressor

from sktaskneuron._typing import Splits
from sktaskneuron.models.companions import BOOSTED_TREES, Companion

#: Names of the other models of a blend.
OWN_NAMES = frozenset(
    ("constant", "linear", "formula", "equation", "task", "ranks", "plain", "blend")
)


def named_companions(
    companions: Sequence[Any] | None, *, classification: bool
) -> tuple[tuple[str, Companion], ...]:
    """Return the parameter as pairs of a name and an estimator, or "boosted_trees".

    An estimator without a name gets that of its class, in small letters and with a number where
    there are several.

    Raises
    ------
    TypeError
        If one is no estimator of the target's kind.
    ValueError
        If a text or a name cannot be used.
    """
    found: list[tuple[str, Companion]] = []
    unnamed: Counter[str] = Counter()
    for item in companions or ():
        name, companion = item if _is_pair(item) else ("", item)
        if isinstance(companion, str):
            if companion != BOOSTED_TREES:
                raise ValueError(
                    f"companions knows one text, {BOOSTED_TREES!r}, got {companion!r}; give the "
                    "estimator itself"
                )
            name = name or BOOSTED_TREES
        else:
            _check_kind(companion, classification)
        if not name:
            name = type(companion).__name__.lower()
            unnamed[name] += 1
            name += f"-{unnamed[name]}" if unnamed[name] > 1 else ""
        if name in OWN_NAMES or name in dict(found) or "+" in name:
            raise ValueError(
                f"the name {name!r} of a companion is taken; give each as a pair (name, estimator) "
                f"of a name of its own, without '+' and none of {sorted(OWN_NAMES)}"
            )
        found.append((name, companion))
    return tuple(found)


def _is_pair(item: object) -> bool:
    return isinstance(item, tuple) and len(item) == 2 and isinstance(item[0], str)


def _check_kind(companion: object, classification: bool) -> None:
    is_estimator = hasattr(companion, "fit") and hasattr(companion, "get_params")
    if isinstance(companion, type) or not is_estimator:
        raise TypeError(
            "companions must hold estimators of scikit-learn, pairs (name, estimator) or "
            f"{BOOSTED_TREES!r}, got {companion!r}"
        )
    name = type(companion).__name__
    if classification and not (is_classifier(companion) and hasattr(companion, "predict_proba")):
        raise TypeError(f"a companion must be a classifier with predict_proba, and {name} is not")
    if not classification and not is_regressor(companion):
        raise TypeError(f"a companion must be a regressor, and {name} is not")


def check_held_out(name: str, validation: object, n_rows: int, splits: Splits) -> None:
    """Refuse companions where no rows are held out to weigh them by.

    name : of the estimator in fit; validation : its parameter.

    Raises
    ------
    ValueError
        If there are no splits.
    """
    if not splits:
        raise ValueError(
            f"{name} weighs companions by held-out rows, and none are held out with validation="
            f"{validation!r} of {n_rows} rows; use validation=2 or more, or companions=None"
        )
