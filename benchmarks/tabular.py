"""Cross-validated scores beside other tabular models, all at their defaults.

    python benchmarks/tabular.py                       # the six bundled tables, five folds
    python benchmarks/tabular.py --data FOLDER --models neuronseek,realmlp,catboost --folds 3 \\
        --max-rows 3000 --timeout 300 --out rows.csv
    python benchmarks/tabular.py --summary rows.csv --plot cd.png

FOLDER holds MANIFEST.csv (columns name, task, file, target) and a Parquet file per table, or an npz
file of x, y, x_test and y_test. A column of strings is a category. All models get the same rows of
the same folds, of one shuffled split (in proportion to the classes).

Each model runs in a process of its own per table, on --threads threads. A fit that takes more
than --timeout seconds of processor time is ended; the pair's other folds are then not tried. Each
fold is one row of --out, whatever becomes of it; a run that was stopped goes on where it ended, so
a file belongs to one choice of --data, --folds and --max-rows. The last row of a fold counts.

    nrmse       root mean squared error over the standard deviation of the whole table's target
    log_loss    of probabilities clipped to 1e-7, over all classes of the table
    accuracy    of the most probable class
    fit_cpu_s   processor seconds of the fit, its preprocessing and child processes included
    peak_mb     resident memory at its peak, libraries and table included
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from common.rows import append_row, read_rows
from tables.data import table_names
from tables.peers import MODELS
from tables.summary import draw_critical_differences, summary

FIELDS = [
    *["table", "task", "n_train", "d", "model", "fold", "seed", "status"],
    *["nrmse", "r2", "log_loss", "accuracy"],
    *["fit_cpu_s", "fit_wall_s", "predict_wall_s", "peak_mb", "note"],
]
DEFAULT_MODELS = "neuronseek,ridge,mlp,mlp_es,hgb"
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "LOKY_MAX_CPU_COUNT",
)
TIMEOUT_SIGNALS = (-signal.SIGXCPU, -signal.SIGALRM)

Row = dict[str, Any]


def run(args: argparse.Namespace) -> list[Row]:
    rows = read_rows(args.out)
    last = {(r["table"], r["model"], r["fold"], r["seed"]): r["status"] for r in rows}
    done = {key for key, status in last.items() if status not in args.retry}
    for model in args.models:
        for table in args.tables:
            folds = [
                fold
                for fold in range(min(args.only_folds or args.folds, args.folds))
                if (table, model, str(fold), str(args.seed)) not in done
            ]
            if not folds:
                continue
            for outcome in run_pair(table, model, folds, args):
                row = {"table": table, "model": model, "seed": args.seed, **outcome}
                row = {name: as_text(row.get(name, "")) for name in FIELDS}
                rows.append(row)
                append_row(args.out, row, FIELDS)
                print(progress(row), file=sys.stderr, flush=True)
    return rows


def run_pair(table: str, model: str, folds: list[int], args: argparse.Namespace) -> Iterator[Row]:
    """Run a model on a table in child processes; one row per fold, in order."""
    todo = list(folds)
    while todo:
        started: Row = {"fold": todo[0]}
        with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile("w+") as log:
            child = start_child(table, model, todo, args, folder, log)
            try:
                for line in child.stdout:
                    row = json.loads(line)
                    if "started" in row:
                        started = row["started"]
                    else:
                        todo.remove(row["fold"])
                        yield row
                code = child.wait()
            finally:
                end(child)
            log.seek(0)
            output = " ".join(log.read()[-500:].split())
        if not todo:
            return
        if code in TIMEOUT_SIGNALS:
            note = f"fold {started['fold']} took more than {args.timeout:g} s"
            for fold in todo:
                yield {**started, "fold": fold, "status": "timeout", "note": note}
            return
        if started["fold"] not in todo:  # it ended between two folds
            started = {**started, "fold": todo[0]}
        todo.remove(started["fold"])
        yield {**started, "status": "error", "note": f"ended with {code}: {output[-250:]}"}


def start_child(
    table: str, model: str, folds: list[int], args: argparse.Namespace, folder: str, log: Any
) -> subprocess.Popen[str]:
    """Start a child process in an empty folder (some models write files) and hand it its job."""
    job = {
        "table": table,
        "model": model,
        "folds": folds,
        "data": args.data,
        "n_folds": args.folds,
        "max_rows": args.max_rows,
        **{name: getattr(args, name) for name in ("seed", "threads", "timeout")},
    }
    here = Path(__file__).resolve().parent
    path = os.pathsep.join([str(here), str(here.parent), os.environ.get("PYTHONPATH", "")])
    threads = dict.fromkeys(THREAD_VARIABLES, str(args.threads))
    child = subprocess.Popen(
        [sys.executable, "-m", "tables.child"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
        cwd=folder,
        env={**os.environ, **threads, "PYTHONPATH": path, "MPLBACKEND": "Agg"},
        start_new_session=True,
        text=True,
    )
    child.stdin.write(json.dumps(job) + "\n")
    child.stdin.flush()
    return child


def end(child: subprocess.Popen[str]) -> None:
    """End a child and the processes it has started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    child.stdin.close()
    child.stdout.close()


def as_text(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def progress(row: Row) -> str:
    scores = " ".join(f"{name} {row[name]}" for name in ("nrmse", "log_loss") if row[name])
    seconds = f"{float(row['fit_cpu_s']):7.1f} s" if row["fit_cpu_s"] else row["status"]
    return f"{row['table']:20s} {row['model']:10s} {row['fold']} {seconds} {scores}  {row['note']}"


def names(text: str) -> list[str]:
    return [name for name in text.split(",") if name]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", default="bundled", help="a folder, or 'bundled'")
    parser.add_argument("--tables", type=names, help="default: all of --data")
    parser.add_argument("--models", default=DEFAULT_MODELS, type=names, help=", ".join(MODELS))
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--only-folds", type=int, help="run the first so many of the folds only")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--max-rows", type=int, help="take a sample of larger tables")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--timeout", type=float, default=300.0, help="processor seconds of a fit")
    parser.add_argument("--retry", type=names, default=[], help="run rows of this status again")
    parser.add_argument("--out", type=Path, help="CSV file of rows, continued if it exists")
    parser.add_argument("--summary", type=Path, nargs="+", help="only summarise these row files")
    parser.add_argument("--reference", default="neuronseek", help="model to compare with the rest")
    parser.add_argument("--plot", type=Path, help="draw the critical-difference diagram here")
    args = parser.parse_args()
    if args.summary:
        rows = [row for path in args.summary for row in read_rows(path)]
    else:
        if args.data != "bundled":
            args.data = str(Path(args.data).resolve())
        known = table_names(args.data)
        args.tables = args.tables or known
        if unknown := (set(args.tables) - set(known)) | (set(args.models) - set(MODELS)):
            parser.error(f"unknown: {', '.join(sorted(unknown))}")
        rows = run(args)
        rows = [r for r in rows if r["table"] in args.tables and r["model"] in args.models]
    print(summary(rows, args.reference))
    if args.plot:
        draw_critical_differences(rows, args.plot)


if __name__ == "__main__":
    main()
