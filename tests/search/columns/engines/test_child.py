"""Children answer plain data, and whatever else they do ends in one clear error, soon."""

import os
import signal
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest

from sktaskneuron.exceptions import EngineError, MissingDependencyError, SkTaskNeuronError
from sktaskneuron.search.columns.engines import child
from sktaskneuron.search.columns.engines.child import call_in_child

from ...engine_helpers import write_package

CHILD = """
import os, sys, time
import numpy as np

def double(arrays, options):
    return {"sum": float(2 * arrays["a"].sum()), "options": options, "module": __name__}

def raise_error(arrays, options):
    raise ValueError("three is\\x1b[31m too many")

def need(arrays, options):
    from sktaskneuron.exceptions import MissingDependencyError
    raise MissingDependencyError("needs more")

def abort(arrays, options):
    print("terminate called after throwing an instance of 'std::bad_alloc'")
    os.abort()

def leave(arrays, options):
    sys.stderr.write("giving up\\n")
    os._exit(3)

def sleep(arrays, options):
    with open(options["pid"], "w") as file:
        file.write(str(os.getpid()))
    time.sleep(60)

def answer_much(arrays, options):
    return "x" * options["length"]

def answer_no_json(arrays, options):
    return np.zeros(3)

def environment(arrays, options):
    return {name: os.environ.get(name) for name in options["names"]}

def print_much(arrays, options):
    while True:
        sys.stdout.write("x" * 100_000)
"""


@pytest.fixture(autouse=True)
def package(tmp_path, monkeypatch):
    write_package(tmp_path, "engine_in_child", CHILD)
    monkeypatch.syspath_prepend(tmp_path)


def call(function, options=None, arrays=None, limit=60.0, **keywords):
    return call_in_child(
        f"engine_in_child:{function}",
        {} if arrays is None else arrays,
        {} if options is None else options,
        engine="test",
        limit=limit,
        **keywords,
    )


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_answer_is_plain_data():
    said = []
    found = call("double", {"deep": [1, "ä", None]}, {"a": np.arange(4.0)}, on_step=said.append)
    assert found == {"sum": 12.0, "options": {"deep": [1, "ä", None]}, "module": "engine_in_child"}
    assert said == ["test: started"]


def test_objects_do_not_travel():
    with pytest.raises(ValueError, match="do not travel"):
        call("double", arrays={"a": np.array([object()])})


@pytest.mark.parametrize(
    ("function", "match"),
    [
        ("raise_error", r"engine='test' failed: ValueError: three is \[31m too many"),
        ("abort", r"engine='test' died \(signal SIGABRT\).*std::bad_alloc"),
        ("leave", r"engine='test' died \(exit status 3\); the last that it said: giving up"),
        ("answer_no_json", "failed: TypeError: .*not JSON serializable"),
        ("no_such_function", "failed: AttributeError"),
    ],
)
def test_other_ends_are_one_clear_error(function, match):
    with pytest.raises(EngineError, match=match) as caught:
        call(function)
    assert isinstance(caught.value, (SkTaskNeuronError, RuntimeError))
    assert len(str(caught.value)) < 1000


def test_what_is_missing_is_told():
    with pytest.raises(MissingDependencyError, match=r"^needs more$"):
        call("need")


def test_long_answers_are_not_read():
    with pytest.raises(EngineError, match=r"answered 40000\d\d bytes"):
        call("answer_much", {"length": child.MAX_ANSWER})


@pytest.mark.parametrize("text", ["{", "[" * 100_000, "[1]", '{"error": 3}', "\x00"])
def test_garbage_is_no_answer(tmp_path, text):
    (tmp_path / "out.json").write_text(text)
    (tmp_path / "log.txt").write_text("")
    with pytest.raises(EngineError, match="no JSON of ours; it said nothing"):
        child._answer(tmp_path, "test", 0)


def test_a_child_that_hangs_is_killed(tmp_path):
    pid = tmp_path / "pid"
    with pytest.raises(EngineError, match="given up after 1 seconds"):
        call("sleep", {"pid": str(pid)}, limit=1.4)
    assert not is_alive(int(pid.read_text()))


def test_a_child_that_prints_without_end_is_killed(monkeypatch):
    monkeypatch.setattr(child, "_MAX_LOG", 1_000_000)
    with pytest.raises(EngineError, match="printed more than 1000000 bytes"):
        call("print_much")


def test_one_thread_and_no_warnings_as_errors(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "8")
    monkeypatch.setenv("PYTHONWARNINGS", "error")
    names = ["OMP_NUM_THREADS", "JULIA_NUM_THREADS", "PYTHONWARNINGS"]
    assert list(call("environment", {"names": names}).values()) == ["1", "1", None]


@pytest.mark.skipif(os.name != "posix", reason="sends signals")
@pytest.mark.parametrize("name", ["SIGINT", "SIGKILL"])
def test_a_child_ends_with_its_parent(tmp_path, name):
    # a script without a guard, which a child of multiprocessing would run again
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent("""
        import sys
        from sktaskneuron.search.columns.engines.child import call_in_child
        options = {"pid": sys.argv[1]}
        call_in_child("engine_in_child:sleep", {}, options, engine="test", limit=60.0)
        """)
    )
    pid = tmp_path / "pid"
    path = os.pathsep.join([str(tmp_path), os.getcwd()])
    # a parent that is killed leaves its folder behind: here
    environment = {**os.environ, "PYTHONPATH": path, "TMPDIR": str(tmp_path)}
    parent = subprocess.Popen(
        [sys.executable, str(script), str(pid)], env=environment, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 20
    while not (pid.exists() and pid.read_text()) and time.monotonic() < deadline:
        time.sleep(0.05)
    parent.send_signal(getattr(signal, name))
    assert parent.wait(timeout=20) != 0
    while is_alive(int(pid.read_text())) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_alive(int(pid.read_text()))
