"""What a benchmark says: tables in Markdown, numbers over seeds, and how far it is."""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy.stats import ttest_rel

Array = np.ndarray


def markdown(heads: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    rows = [heads, ["---"] * len(heads), *lines]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def spread(values: Array, digits: str = ".1f", unit: float = 1.0) -> str:
    """Mean and standard deviation."""
    mean = format(unit * values.mean(), digits)
    return f"{mean} ± {format(unit * values.std(ddof=1), digits)}" if len(values) > 1 else mean


def paired(first: Array, second: Array, digits: str = "+.1f", unit: float = 1.0) -> str:
    """Mean of the differences seed by seed, with Student's t."""
    return f"{format(unit * (first - second).mean(), digits)} (t {student(first, second):.1f})"


def ratio(first: Array, second: Array) -> str:
    """Geometric mean of the ratios seed by seed, with Student's t of the logarithms."""
    logs = np.log(first), np.log(second)
    return f"{np.exp((logs[0] - logs[1]).mean()):.2f} (t {student(*logs):.1f})"


def student(first: Array, second: Array) -> float:
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # of differences that are all alike
        return float(ttest_rel(first, second).statistic)


def yes(met: bool) -> str:
    return "yes" if met else "NO"


def finish(path: Path, title: str, *parts: str) -> None:
    """Write and print a study's Markdown; empty parts are left out."""
    text = "\n\n".join([f"## {title}", *(part for part in parts if part)])
    path.write_text(text + "\n")
    print(text, end="\n\n", flush=True)


_START = time.monotonic()


def say(text: str) -> None:
    print(f"[{time.monotonic() - _START:7.0f} s] {text}", file=sys.stderr, flush=True)
