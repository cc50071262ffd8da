"""Engines of other packages run in a fresh interpreter, which may die without taking ours along.

pyoperon aborts the process when it is misused, and Julia can crash one that has loaded torch.
What goes there are plain arrays and options, what comes back is JSON: nothing is pickled in either
direction. The child is a new process of the same Python rather than one of multiprocessing, which
would import the caller's ``__main__`` and so fail in a notebook or run a script a second time.
"""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import IO

import numpy as np

from sktaskneuron._clock import checkpoint, seconds_left
from sktaskneuron._typing import AnyArray
from sktaskneuron.exceptions import EngineError, MissingDependencyError

#: Longest answer of a child, in bytes: a front of equations has some kilobytes.
MAX_ANSWER = 4_000_000
# What a child may print, in bytes, before it counts as run wild.
_MAX_LOG = 50_000_000
# Seconds between two looks at a child, and between two reports.
_LOOK, _REPORT = 1.0, 10.0
# Seconds that a child takes to start, and the share of the time by whose end it is to stop.
_STARTING, _ANSWERING = 2.0, 0.8
# Lines and characters of a child's last words that an error shows.
_LINES, _CHARACTERS = 5, 600

_JOB, _PATH, _ARRAYS, _ANSWER, _LOG = "job.json", "path.json", "in.npz", "out.json", "log.txt"
# Before the package can be imported, the child's path must be the parent's.
_START = (
    "import json, sys\n"
    f"with open(sys.argv[1] + '/{_PATH}', encoding='utf-8') as file:\n"
    "    sys.path[:] = json.load(file)\n"
    "from sktaskneuron.search.columns.engines.child import run_job\n"
    "run_job(sys.argv[1])\n"
)
_ONE_THREAD = (
    "JULIA_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "PYTHON_JULIACALL_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)


def call_in_child(
    function: str,
    arrays: Mapping[str, AnyArray],
    options: Mapping[str, object],
    *,
    engine: str,
    limit: float,
    on_step: Callable[[str], None] = lambda text: None,
) -> object:
    """Call ``function(arrays, options)`` in a fresh interpreter and return what it returns.

    Parameters
    ----------
    function : str
        ``"module:name"`` of an importable function, which takes ``arrays`` (dict of str to
        ndarray) and ``options`` (dict) and returns JSON data.
    arrays : mapping of str to ndarray
        Of numbers or bools, of any shape.
    options : mapping
        JSON data.
    engine : str
        What errors and reports call the child.
    limit : float
        Seconds after which the child is given up.
    on_step : callable
        Called with a text at the start and every ten seconds.

    Returns
    -------
    answer : object
        JSON data: None, bool, int, float, str, list, dict.

    Raises
    ------
    EngineError
        If the child dies, raises an error, takes longer than the limit, or answers no JSON.
    MissingDependencyError
        If the function raised one.
    ValueError
        If an array holds objects.
    """
    # by hand: numpy before 2.2 takes savez's allow_pickle for one more array
    if objects := [name for name, array in arrays.items() if array.dtype.hasobject]:
        raise ValueError(f"arrays of objects do not travel to the engine: {objects}")
    if not sys.executable:
        raise EngineError(
            f"engine={engine!r} runs in a process of its own, but sys.executable names no Python"
        )
    with tempfile.TemporaryDirectory(prefix="sktaskneuron-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        job = {"function": function, "options": dict(options)}
        (folder / _PATH).write_text(json.dumps(_path()), "utf-8")
        (folder / _JOB).write_text(json.dumps(job), "utf-8")
        np.savez(folder / _ARRAYS, **arrays)  # type: ignore[arg-type]
        on_step(f"{engine}: started")
        with open(folder / _LOG, "wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-c", _START, name],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=name,
                env=_environment(),
                start_new_session=True,  # Ctrl-C reaches the parent alone, which ends the child
            )
        try:
            _wait(process, folder, engine, limit, on_step)
        finally:
            _end(process)
        return _answer(folder, engine, process.returncode)


def seconds_for_child() -> int | None:
    """Return for how long an engine may search, so that it answers in time; None for any time."""
    left = seconds_left()
    return None if math.isinf(left) else max(1, int(_ANSWERING * left - _STARTING))


def _path() -> list[str]:
    """Return the parent's import path, which need not be the environment's (pytest, notebooks)."""
    entries = [os.path.abspath(entry) for entry in sys.path if isinstance(entry, str)]
    package = str(Path(__file__).resolve().parents[3])
    return list(dict.fromkeys([*entries, package]))


def _environment() -> dict[str, str]:
    environment = dict(os.environ)
    # warnings as errors are the caller's wish for their own code; stack traces hide last words
    for name in ("PYTHONWARNINGS", "PYTHONFAULTHANDLER", "PYTHONINSPECT"):
        environment.pop(name, None)
    environment.update(dict.fromkeys(_ONE_THREAD, "1"))
    environment["PYTHONHASHSEED"] = "0"  # what goes by the order of a set repeats
    environment["PYTHONUNBUFFERED"] = "1"  # last words reach the file before an abort
    return environment


def _wait(
    process: subprocess.Popen[bytes],
    folder: Path,
    engine: str,
    limit: float,
    on_step: Callable[[str], None],
) -> None:
    start = time.monotonic()
    report = _REPORT
    while True:
        passed = time.monotonic() - start
        try:
            process.wait(timeout=max(min(_LOOK, limit - passed, seconds_left()), 0.001))
            return
        except subprocess.TimeoutExpired:
            passed = time.monotonic() - start
        checkpoint()
        if passed >= limit:
            raise EngineError(
                f"engine={engine!r} was given up after {limit:.0f} seconds; give it fewer rows or "
                f"a smaller max_steps{_last_words(folder)}"
            )
        if (folder / _LOG).stat().st_size > _MAX_LOG:
            raise EngineError(
                f"engine={engine!r} printed more than {_MAX_LOG} bytes and was stopped"
                f"{_last_words(folder)}"
            )
        if passed >= report:
            on_step(f"{engine}: {passed:.0f} s")
            report += _REPORT


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill the child, and what it started, unless it has ended; close its pipe."""
    if process.poll() is None:
        try:
            if os.name == "posix":
                os.killpg(process.pid, signal.SIGKILL)
            else:
                process.kill()
        except ProcessLookupError:  # it ended in between
            pass
        process.wait()
    if process.stdin is not None:
        process.stdin.close()


def _answer(folder: Path, engine: str, code: int) -> object:
    file = folder / _ANSWER
    if not file.exists():
        raise EngineError(f"engine={engine!r} died ({_ending(code)}){_last_words(folder)}")
    size = file.stat().st_size
    if size > MAX_ANSWER:
        raise EngineError(f"engine={engine!r} answered {size} bytes; at most {MAX_ANSWER} are read")
    try:
        answer = json.loads(file.read_text("utf-8"))
    except (ValueError, RecursionError):
        answer = None
    match answer:
        case {"value": value}:
            return value
        case {"missing": str(message)}:
            raise MissingDependencyError(message)
        case {"error": str(message)}:
            raise EngineError(f"engine={engine!r} failed: {_plain(message)}")
        case _:
            raise EngineError(
                f"engine={engine!r} answered what is no JSON of ours{_last_words(folder)}"
            )


def _ending(code: int) -> str:
    if code >= 0:
        return f"exit status {code}"
    try:
        return f"signal {signal.Signals(-code).name}"
    except ValueError:
        return f"signal {-code}"


def _last_words(folder: Path) -> str:
    """Return the end of what the child printed, as the end of a sentence."""
    with open(folder / _LOG, "rb") as log:
        log.seek(max(0, os.fstat(log.fileno()).st_size - 8 * _CHARACTERS))
        text = log.read().decode("utf-8", "replace")
    lines = [line for line in text.splitlines() if line.strip()][-_LINES:]
    words = _plain(" | ".join(line.strip() for line in lines))
    return f"; the last that it said: {words}" if words else "; it said nothing"


def _plain(text: str) -> str:
    """Keep the end of a foreign text, without control characters (terminals obey those)."""
    text = "".join(c if c.isprintable() else " " for c in text[-_CHARACTERS:])
    return text.strip()


# -- in the child ----------------------------------------------------------------------------------


def run_job(name: str) -> None:
    """Do in the child what `call_in_child` asks for, and end the process.

    Parameters
    ----------
    name : str
        The folder with the job.
    """
    threading.Thread(target=_end_with_parent, args=(sys.stdin.buffer,), daemon=True).start()
    folder = Path(name)
    job = json.loads((folder / _JOB).read_text("utf-8"))
    with np.load(folder / _ARRAYS, allow_pickle=False) as file:
        arrays = {key: file[key] for key in file.files}
    module, _, function = job["function"].partition(":")
    try:
        value = getattr(import_module(module), function)(arrays, job["options"])
        text = json.dumps({"value": value})
    except MissingDependencyError as error:
        text = json.dumps({"missing": str(error)})
    except Exception as error:
        traceback.print_exc()
        text = json.dumps({"error": f"{type(error).__name__}: {error}"})
    (folder / "part").write_text(text, "utf-8")
    os.replace(folder / "part", folder / _ANSWER)  # whole or not at all
    sys.stdout.flush()
    sys.stderr.flush()
    # Without the interpreter's clean-up: nanobind reports leaks there, and Julia can hang.
    os._exit(0)


def _end_with_parent(pipe: IO[bytes]) -> None:
    """End the process when the parent's end of the pipe closes: it was killed."""
    pipe.read()
    os._exit(1)
