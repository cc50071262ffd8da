"""The benchmarks import what is there: they take minutes, so nothing else here runs them."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"
SCRIPTS = sorted(path.relative_to(BENCHMARKS) for path in BENCHMARKS.rglob("*.py"))


def imported_from(tree):
    """Modules and names that a script imports by name, those inside functions too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            for name in node.names:
                yield node.level, node.module or "", name.name


def test_scripts_are_found():
    assert {Path("tabular.py"), Path("common/rows.py")} <= set(SCRIPTS)


@pytest.mark.parametrize("script", SCRIPTS, ids=str)
def test_imports_are_there(script):
    pytest.importorskip("pandas")
    pytest.importorskip("matplotlib")
    tree = ast.parse((BENCHMARKS / script).read_text("utf-8"))
    for level, module, name in imported_from(tree):
        folder = (BENCHMARKS / script).parents[level - 1] if level else BENCHMARKS
        place = folder.joinpath(*module.split("."))
        if module.startswith("sktaskneuron"):
            found = importlib.import_module(module)
            assert hasattr(found, name) or importlib.import_module(f"{module}.{name}")
        elif place.is_dir() and (place / "__init__.py").exists():
            made = ast.parse((place / "__init__.py").read_text("utf-8"))
            assert (place / f"{name}.py").exists() or name in defined_in(made)
        elif level or (BENCHMARKS / module.split(".")[0]).is_dir():
            made = ast.parse(place.with_suffix(".py").read_text("utf-8"))
            assert name in defined_in(made)


def defined_in(tree):
    """Names that a module makes at its top level, or imports there."""
    found = set()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.ImportFrom | ast.Import):
            found.update(alias.asname or alias.name for alias in node.names)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            found.update(n.id for n in ast.walk(node) if isinstance(n, ast.Name))
    return found


def test_all_that_is_stored_can_be_printed():
    pytest.importorskip("pandas")
    pytest.importorskip("matplotlib")
    done = subprocess.run(
        [sys.executable, BENCHMARKS / "stored.py"], capture_output=True, text=True, check=True
    )
    results = BENCHMARKS / "results"
    for path in [*results.glob("*.csv"), *results.glob("*/*.md")]:
        _, found, text = done.stdout.partition(f"\n## {path.relative_to(results).as_posix()}\n")
        assert found
        assert "|" in text


def test_recovery_grid(tmp_path):
    pytest.importorskip("pandas")
    pytest.importorskip("matplotlib")
    script, out = BENCHMARKS / "recovery_grid.py", tmp_path / "rows.csv"
    command = [sys.executable, script, "--out", out, "--laws", "1", "--most-rows", "50"]

    def printed(*more):
        return subprocess.run([*command, *more], capture_output=True, text=True, check=True)

    first, again = printed(), printed("--plot", tmp_path / "grid.png")
    assert "| 50 rows | 1.00 ± 0.00" in first.stdout
    assert again.stdout == first.stdout
    assert not again.stderr  # finished cells are not run again
    assert (tmp_path / "grid.png").stat().st_size > 5_000


def test_formulas_that_are_not_there(tmp_path):
    pytest.importorskip("pandas")
    command = [sys.executable, "feynman.py", "--data", tmp_path, "--out", tmp_path / "rows.csv"]
    ran = subprocess.run(command, cwd=BENCHMARKS, capture_output=True, text=True)
    assert ran.returncode == 2
    assert "has no formulas/feynman*.csv" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_the_script_for_gpus_runs_without_one():
    pytest.importorskip("pandas")
    command = [sys.executable, "gpu.py", "--device", "cpu", "--rows", "300"]
    command += ["--parts", "same,packed"]
    ran = subprocess.run(command, cwd=BENCHMARKS, capture_output=True, text=True, check=True)
    assert "| of cpu, on cpu |" in ran.stdout
    assert "| 4 members in one module |" in ran.stdout


def test_models_have_names_in_the_diagram_and_on_the_page(monkeypatch):
    pytest.importorskip("pandas")
    monkeypatch.syspath_prepend(BENCHMARKS)
    models = importlib.import_module("tables.peers").MODELS
    assert set(importlib.import_module("tables.summary").NAMES) == set(models) - {"dummy"}
    page = (BENCHMARKS.parent / "docs" / "benchmarks.md").read_text("utf-8")
    table = page.partition("| model | what it is |\n")[2].partition("\n\n")[0]
    assert all(f"`{name}`" in table for name in models)
