"""What makes an error clear, and warnings right."""

from __future__ import annotations

import re
import traceback
import warnings
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

#: Names of our own inside, of other packages, and what nobody should have to read.
INSIDE = (
    "TableEncoder", "narwhals", "LinAlg", "NAType", "object is not", "has no attribute",
    "ufunc", "cast", "broadcast", "min() arg", "max() arg", "out of bounds", "not subscriptable",
)  # fmt: skip
OTHERS = re.compile(r"site-packages/(?!sktaskneuron|sklearn)")
#: Longest message: scikit-learn's own on missing values, which names other estimators.
LONGEST = 700


def unclear(error: BaseException, estimator: str, words: Sequence[str]) -> str | None:
    """Say why an error does not teach; None if it does."""
    text = str(error)
    home = type(error).__module__.split(".")[0]
    if not isinstance(error, ValueError | TypeError):
        return "its class"
    if not (type(error) in (ValueError, TypeError) or home == "sktaskneuron" or home == "sklearn"):
        return "its class"
    if any(word in text for word in INSIDE):
        return "names what is inside"
    if OTHERS.search(place_of(error).filename):
        return "raised by another package"
    if len(text) > LONGEST:
        return "too long"
    if not any(word.lower() in text.lower() for word in (estimator, *words)):
        return f"names none of {', '.join((estimator, *words))[:80]}"
    return None


def place_of(error: BaseException) -> traceback.FrameSummary:
    """Return where it was raised; compiled code has names of files that are nowhere."""
    frames = traceback.extract_tb(error.__traceback__)
    return [frame for frame in frames if Path(frame.filename).is_absolute()][-1]


def shown(error: BaseException) -> str:
    text = " ".join(f"{type(error).__name__}: {error}".split())
    frame = place_of(error)
    place = "/".join(frame.filename.split("/")[-2:])
    return f"{text[:160]} [{place}:{frame.lineno}]"


def bad_warnings(caught: Sequence[warnings.WarningMessage]) -> list[str]:
    """List warnings that no public call may give, and those given twice."""
    found = []
    told = Counter()
    for item in caught:
        text = " ".join(str(item.message).split())
        if issubclass(item.category, RuntimeWarning | DeprecationWarning | FutureWarning):
            found.append(f"{item.category.__name__}: {text[:120]}")
        elif "TableEncoder" in text:
            found.append(f"names what is inside: {text[:120]}")
        else:
            told[text] += 1
    found += [f"{count} times: {text[:120]}" for text, count in told.items() if count > 1]
    return list(dict.fromkeys(found))
