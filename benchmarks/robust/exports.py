"""Exports of a fitted equation, run on new rows."""

from __future__ import annotations

import ctypes
import runpy
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sktaskneuron.exceptions import FormulaError
from sktaskneuron.formula import FittedExpression, FittedFormula

from .models import linked

Array = np.ndarray
RELATIVE = 1e-6


def equation_of(fitted: Any) -> Any | None:
    """Return the equation that predicts, read again from its JSON; None if there is none."""
    try:
        text = fitted.to_json()
    except AttributeError:
        return None
    for kind in (FittedFormula, FittedExpression):
        try:
            return kind.from_json(text)
        except FormulaError:
            continue
    raise AssertionError("to_json writes what neither kind of equation reads")


def disagreements(fitted: Any, X: Any, predicted: Array) -> Iterator[str]:
    """Yield every form of the equation that does not say what `predict` does."""
    equation = equation_of(fitted)
    if equation is None:
        return
    matrix = fitted.encoder_.transform(X)
    with np.errstate(all="ignore"):
        values = np.asarray(fitted.to_numpy()(matrix), dtype=float).reshape(len(matrix), -1)
        again = np.asarray(equation.evaluate(matrix), dtype=float).reshape(len(matrix), -1)
        defined = np.isfinite(values).all(axis=1)
        whole = linked(values, len(matrix), getattr(equation, "link", None))
    yield from differs("to_numpy", whole[defined], predicted[defined])
    yield from differs("to_json", again, values)
    for name, form in (("to_python", in_python), ("to_c", in_c), ("to_sql", in_sql)):
        try:
            computed = form(fitted, X, matrix, values.shape[1])
        except FormulaError:  # too long, or a function that the language lacks: it says so
            continue
        if computed is not None:
            yield from differs(name, computed[defined], values[defined])
    for name in ("to_latex", "to_excel"):
        try:
            getattr(fitted, name)()
        except FormulaError:
            continue


def differs(name: str, values: Array, expected: Array) -> Iterator[str]:
    values = values.reshape(expected.shape)
    size = np.abs(expected).max(initial=0.0)
    with np.errstate(all="ignore"):
        same = np.isclose(values, expected, rtol=RELATIVE, atol=RELATIVE * size, equal_nan=True)
    if not same.all():
        place = tuple(np.argwhere(~same)[0])
        yield f"{name} gives {values[place]:.6g} where it should be {expected[place]:.6g}"


def in_python(fitted: Any, X: Any, matrix: Array, n_outputs: int) -> Array:
    with tempfile.TemporaryDirectory() as folder, np.errstate(all="ignore"):
        path = Path(folder) / "exported.py"
        path.write_text(fitted.to_python(), encoding="utf-8")
        return np.asarray(runpy.run_path(str(path))["predict"](matrix)).reshape(len(matrix), -1)


def in_c(fitted: Any, X: Any, matrix: Array, n_outputs: int) -> Array | None:
    if shutil.which("gcc") is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        source, library = Path(folder) / "exported.c", Path(folder) / "exported.so"
        source.write_text(fitted.to_c(), encoding="utf-8")
        command = ["gcc", "-std=c99", "-O0", "-fPIC", "-shared", source, "-o", library, "-lm"]
        subprocess.run(command, check=True, capture_output=True)
        return called(ctypes.CDLL(str(library)).predict, np.ascontiguousarray(matrix), n_outputs)


def called(function: Any, matrix: Array, n_outputs: int) -> Array:
    pointer = ctypes.POINTER(ctypes.c_double)
    out = np.empty((len(matrix), n_outputs))
    function.restype = ctypes.c_double if n_outputs == 1 else None
    for row, values in zip(matrix, out, strict=True):
        if n_outputs == 1:
            values[0] = function(row.ctypes.data_as(pointer))
        else:
            function(row.ctypes.data_as(pointer), values.ctypes.data_as(pointer))
    return out


def in_sql(fitted: Any, X: Any, matrix: Array, n_outputs: int) -> Array | None:
    """Evaluate in SQLite, on the raw table; None where SQLite itself cannot hold it."""
    table = raw_table(fitted, X)
    lowered = [str(name).lower() for name in table]
    if len(set(lowered)) < len(lowered):  # SQLite takes "a" and "A" for one name
        return None
    if fitted.encoder_.times_:  # and has no types for these
        return None
    texts = fitted.to_sql()
    quoted = ['"' + str(name).replace('"', '""') + '"' for name in table]
    with sqlite3.connect(":memory:") as connection:
        connection.execute(f"create table t ({', '.join(quoted)})")
        marks = ", ".join("?" * len(quoted))
        rows = [[plain(v) for v in row] for row in table.itertuples(index=False, name=None)]
        connection.executemany(f"insert into t values ({marks})", rows)
        expressions = ", ".join([texts] if isinstance(texts, str) else texts)
        found = connection.execute(f"select {expressions} from t order by rowid").fetchall()
    connection.close()
    return np.array(found, dtype=float)


def raw_table(fitted: Any, X: Any) -> pd.DataFrame:
    """Return the rows under the names that the estimator has for the columns."""
    table = X.to_pandas() if hasattr(X, "to_pandas") else pd.DataFrame(X)
    unnamed = [f"x{j}" for j in range(table.shape[1])]
    return table.set_axis(list(getattr(fitted, "feature_names_in_", unnamed)), axis=1)


def plain(value: Any) -> Any:
    """Turn a cell to what SQLite holds."""
    if value is None or pd.isna(value):
        return None
    if isinstance(value, str):
        return value
    whole = isinstance(value, bool | int) and abs(value) < 2**63
    return int(value) if whole else float(value)
