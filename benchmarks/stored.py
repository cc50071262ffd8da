"""Print every table whose rows are stored, without measuring anything.

    python benchmarks/stored.py                  # all of benchmarks/results
    python benchmarks/stored.py tabular signals  # of the files whose names hold one of these

What the README, the user guide and docs/benchmarks.md quote is among it. Above each table stands
its file; the program that made the rows has the same name, unless said.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import accuracy_vs_complexity
import blend
import feynman
import intervals
import losses
import neuronseek_tables
import normal_scores
import recovery_grid
import signals
import srsd
import stability
from common.rows import Store, read_rows
from tables import cost
from tables.summary import summary

RESULTS = Path(__file__).parent / "results"


def of_signals(path: Path) -> str:
    store = Store(path, ["set", "model", "seed"], signals.FIELDS)
    keys = store.rows.values()
    sets, models = (list(dict.fromkeys(row[name] for row in keys)) for name in ("set", "model"))
    return signals.table_of(store, sets, models, range(1 + max(int(row["seed"]) for row in keys)))


def of_rows(make: Callable[[list[dict[str, str]]], str | None], path: Path) -> str | None:
    return make(read_rows(path))


def tabular(path: Path) -> str:
    return summary(read_rows(path), "neuronseek")


PRINTERS: dict[str, Callable[[Path], str | None]] = {
    "accuracy_vs_complexity": partial(of_rows, partial(accuracy_vs_complexity.summary, plot=None)),
    "blend": partial(of_rows, blend.summary),
    "cost": lambda path: cost.report(Store(path, cost.KEY, cost.FIELDS)),
    "cpu": tabular,
    "feynman": partial(of_rows, feynman.summary),
    "intervals": partial(of_rows, intervals.summary),
    "losses": partial(of_rows, losses.summary),
    "neuronseek_tables": partial(of_rows, neuronseek_tables.summary),
    "normal_scores": partial(
        of_rows, partial(normal_scores.report, settings=normal_scores.SETTINGS)
    ),
    "recovery_grid": partial(of_rows, recovery_grid.summary),
    "signals": of_signals,
    "srsd": partial(of_rows, srsd.summary),
    "stability": stability.summary,
    "tabular": tabular,
}


def printer_of(name: str) -> Callable[[Path], str | None]:
    """Return what prints a file: the printer whose name the file's begins with, the longest one."""
    names = [start for start in PRINTERS if name.startswith(start)]
    return PRINTERS[max(names, key=len)]


def files(parts: Sequence[str]) -> list[Path]:
    """CSV files, and the tables that studies wrote themselves."""
    found = sorted([*RESULTS.glob("*.csv"), *RESULTS.glob("*/*.md")])
    return [path for path in found if not parts or any(part in str(path) for part in parts)]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", help="parts of names of files")
    for path in files(parser.parse_args().parts):
        print(f"\n## {path.relative_to(RESULTS).as_posix()}\n", flush=True)
        text = path.read_text("utf-8") if path.suffix == ".md" else printer_of(path.stem)(path)
        if text:
            print(text)


if __name__ == "__main__":
    main()
