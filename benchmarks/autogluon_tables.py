"""Does NeuronSeek answer inside AutoGluon as it does alone?

    python benchmarks/autogluon_tables.py --data FOLDER --out autogluon.csv
    python benchmarks/autogluon_tables.py --data FOLDER --tables yacht,vehicle --seconds 60

It needs ``autogluon.tabular``. Every table is split into training, validation and test rows. Our
estimator is fitted to the columns as they are, to those that AutoGluon makes of them, and by
AutoGluon through `arena.model.NeuronSeekModel`, beside a random forest and blended with it.
AutoGluon then refits the model on training and validation rows together, saves everything and loads
it again. Errors of the test rows: RMSE over the standard deviation of the target, or log loss.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
from arena.estimators import ESTIMATORS
from arena.model import NeuronSeekModel
from autogluon.tabular import TabularPredictor
from common.report import markdown
from common.rows import append_row, read_rows
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from tables.data import Table, load_table

#: Three of numbers alone, one with three classes and more, one with categories.
TABLES = "yacht,airfoil,concrete,vehicle,credit_g"
FIELDS = ["table", "ours", "its_columns", "autogluon", "blend", "refit", "loaded", "seconds"]
TARGET = "target of the table"


def problem_of(table: Table) -> str:
    """Return AutoGluon's word for the table's problem."""
    if not table.classes:
        return "regression"
    return "binary" if len(np.unique(table.y)) == 2 else "multiclass"


def error_of(table: Table, y: np.ndarray, answer: np.ndarray) -> float:
    """Return the error of values, or of probabilities of the classes in their order."""
    if table.classes:
        return float(log_loss(y, answer, labels=np.unique(table.y)))
    return float(np.sqrt(np.mean((y - answer) ** 2)) / np.std(table.y))


def compare(table: Table, seed: int, seconds: float | None) -> dict[str, float | str]:
    """Fit the table both ways and return a row of `FIELDS`."""
    of_classes = table.y if table.classes else None
    rest, test = train_test_split(
        np.arange(len(table.y)), test_size=0.25, random_state=seed, stratify=of_classes
    )
    train, held = train_test_split(
        rest,
        test_size=0.25,
        random_state=seed,
        stratify=None if of_classes is None else of_classes[rest],
    )
    kind = problem_of(table)
    X, y = table.X, table.y
    alone = ESTIMATORS[kind](random_state=seed, device="cpu", time_limit=seconds)
    alone.fit(X.iloc[train], y[train], X_val=X.iloc[held], y_val=y[held])
    answer = alone.predict_proba if table.classes else alone.predict
    row: dict[str, float | str] = {"table": table.name}
    row["ours"] = error_of(table, y[test], answer(X.iloc[test]))

    whole = X.assign(**{TARGET: y})
    with tempfile.TemporaryDirectory() as folder:
        predictor = TabularPredictor(
            label=TARGET,
            problem_type=kind,
            eval_metric="log_loss" if table.classes else "root_mean_squared_error",
            path=folder,
            verbosity=0,
        )
        start = time.perf_counter()
        options = {"random_state": seed, "ag_args_fit": {"num_cpus": 1, "num_gpus": 0}}
        predictor.fit(
            whole.iloc[train],
            tuning_data=whole.iloc[held],
            hyperparameters={NeuronSeekModel: options, "RF": {}},
            time_limit=seconds,
            num_cpus=1,
        )
        row["seconds"] = time.perf_counter() - start

        def test_error(judge: TabularPredictor, model: str) -> float:
            told = judge.predict_proba if table.classes else judge.predict
            return error_of(table, y[test], np.asarray(told(X.iloc[test], model=model)))

        encoded = predictor.transform_features(X)
        alone.fit(encoded.iloc[train], y[train], X_val=encoded.iloc[held], y_val=y[held])
        told = alone.predict_proba if table.classes else alone.predict
        row["its_columns"] = error_of(table, y[test], told(encoded.iloc[test]))
        row["autogluon"] = test_error(predictor, "NeuronSeek")
        row["blend"] = test_error(predictor, "WeightedEnsemble_L2")
        names = predictor.refit_full("NeuronSeek")
        refitted = names["NeuronSeek"]
        row["refit"] = test_error(predictor, refitted)
        loaded = TabularPredictor.load(folder)
        row["loaded"] = test_error(loaded, refitted)
    return row


HEADS = ["table", "alone", "alone, its columns", "in AutoGluon", "blend", "refit", "loaded"]


def line(row: dict[str, float | str]) -> list[str]:
    """Return the cells of a row below `HEADS`."""
    names = ("ours", "its_columns", "autogluon", "blend", "refit", "loaded")
    return [str(row["table"]), *(f"{float(row[name]):.4f}" for name in names)]


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="bundled", help="'bundled', or a folder of tables")
    parser.add_argument("--tables", default=TABLES)
    parser.add_argument("--seconds", type=float, help="time limit of a fit")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args(arguments)
    rows = read_rows(options.out)
    done = {row["table"] for row in rows}
    for name in options.tables.split(","):
        if name in done:
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            row = compare(
                load_table(options.data, name, None, options.seed), options.seed, options.seconds
            )
        append_row(options.out, row, FIELDS)
        rows.append(row)
        print(f"{name}: done", file=sys.stderr)
    print(markdown(HEADS, [line(row) for row in rows]))


if __name__ == "__main__":
    main()
