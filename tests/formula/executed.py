"""Runs exported code: each function returns values of shape (n_rows, n_outputs) per equation."""

from __future__ import annotations

import ctypes
import runpy
import shutil
import sqlite3
import subprocess

import numpy as np
import pytest


def listed(value):
    return value if isinstance(value, list) else [value]


def run_python(equation, X, folder, name="predict", errors="ignore"):
    path = folder / "exported.py"
    path.write_text(equation.to_python(name), encoding="utf-8")
    module = runpy.run_path(str(path))
    assert module["FEATURE_NAMES"] == list(equation.feature_names)
    with np.errstate(all=errors):
        values = module[name](X)
    assert values.ndim == (1 if len(equation.trees()) == 1 else 2)
    return values.reshape(len(X), -1)


def compile_c(source, folder):
    """Compile C99 without a warning and return the library; each source needs its own folder."""
    if shutil.which("gcc") is None:
        pytest.skip("needs gcc")
    path = folder / "exported.c"
    path.write_text(source, encoding="ascii")
    options = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-O1", "-fPIC", "-shared"]
    library = folder / "exported.so"
    command = ["gcc", *options, str(path), "-o", str(library), "-lm"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[:2000]
    return ctypes.CDLL(str(library))


def run_c(equations, tables, folder):
    """Return the values of every equation on its own table; all are compiled at once."""
    source = "\n".join(equation.to_c(f"f{i}") for i, equation in enumerate(equations))
    library = compile_c(source, folder)
    return [
        call_c(library[f"f{i}"], len(equation.trees()), X)
        for i, (equation, X) in enumerate(zip(equations, tables, strict=True))
    ]


def call_c(function, n_outputs, X):
    X = np.ascontiguousarray(X, dtype=np.float64)
    out = np.empty((len(X), n_outputs))
    pointer = ctypes.POINTER(ctypes.c_double)
    function.restype = ctypes.c_double if n_outputs == 1 else None
    function.argtypes = [pointer] if n_outputs == 1 else [pointer, pointer]
    for row, values in zip(X, out, strict=True):
        if n_outputs == 1:
            values[0] = function(row.ctypes.data_as(pointer))
        else:
            function(row.ctypes.data_as(pointer), values.ctypes.data_as(pointer))
    return out


def _nan_where_undefined(function):
    def called(*values):
        with np.errstate(all="ignore"):
            result = float(function(*values))
        return result if np.isfinite(result) else None

    return called


def connect():
    """Open a database in memory, with the functions of SQL:2016 if this SQLite lacks them."""
    connection = sqlite3.connect(":memory:")
    try:
        connection.execute("select sqrt(2.0), tanh(0.5), power(2.0, 0.5)")
    except sqlite3.OperationalError:
        names = ["exp", "sqrt", "sin", "cos", "tan", "sinh", "cosh", "tanh"]
        functions = {name: getattr(np, name) for name in names}
        functions |= {"ln": np.log, "asin": np.arcsin, "acos": np.arccos, "atan": np.arctan}
        for name, function in functions.items():
            connection.create_function(name, 1, _nan_where_undefined(function))
        connection.create_function("power", 2, _nan_where_undefined(np.float_power))
    return connection


def run_sql(equation, X, **options):
    connection = connect()
    quoted = ['"' + name.replace('"', '""') + '"' for name in equation.feature_names]
    connection.execute(f"create table t ({', '.join(quoted)})")
    marks = ", ".join("?" * len(quoted))
    connection.executemany(f"insert into t values ({marks})", np.asarray(X).tolist())
    expressions = ", ".join(listed(equation.to_sql(**options)))
    rows = connection.execute(f"select {expressions} from t order by rowid").fetchall()
    assert connection.execute("select count(*) from t").fetchone() == (len(X),)
    connection.close()
    return np.array(rows, dtype=np.float64)


def run_excel(equation, X):
    """Evaluate by the package `formulas`, cells given by their default references."""
    formulas = pytest.importorskip("formulas")
    columns = []
    for text in listed(equation.to_excel()):
        function = formulas.Parser().ast(text)[1].compile()
        places = [_place(cell) for cell in function.inputs]
        with np.errstate(all="ignore"):  # it computes both sides of an IF
            columns.append([float(np.asarray(function(*row[places])).item()) for row in X])
    return np.array(columns).T


def _place(cell):
    letters = cell.rstrip("0123456789")
    place = 0
    for letter in letters:
        place = 26 * place + ord(letter) - ord("A") + 1
    return place - 1
