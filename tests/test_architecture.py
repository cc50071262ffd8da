"""The architecture as its page tells it: all parts are there, what is private stays in its part.

Which room may import which one is checked by the contracts in pyproject.toml.
"""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "sktaskneuron"
PAGE = ROOT / "docs" / "contributing" / "architecture.md"
FOLDERS = sorted(path.parent.name for path in PACKAGE.rglob("*/__init__.py"))
LOOSE_MODULES = sorted(path.stem for path in PACKAGE.glob("*.py") if path.stem != "__init__")
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts): ast.parse(path.read_text("utf-8"))
    for path in sorted(PACKAGE.rglob("*.py"))
}

# Names that other packages make public for those who build on them.
SCIKIT_LEARN = {"_init_callback_context", "_parameter_constraints", "_validate_params"}
STANDARD = {"_replace", "_exit"}  # of a namedtuple; os._exit
TORCH = {"_C", "_are_functorch_transforms_active"}
OPERATORS = {"_foreach_add_", "_fused_adamw_"}  # of torch: tests compare their steps with AdamW's


@pytest.mark.parametrize("room", FOLDERS + LOOSE_MODULES)
def test_every_room_is_on_the_page(room):
    rooms = PAGE.read_text("utf-8").split("\n## ")[1]
    assert f"`{room}`" in rooms


def test_picture_is_drawn_from_the_imports(tmp_path):
    pytest.importorskip("matplotlib")
    pytest.importorskip("grimp")
    picture = tmp_path / "house.png"
    run = subprocess.run(
        [sys.executable, str(PAGE.parent / "draw_house.py"), str(picture)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert 50_000 < picture.stat().st_size < 200_000


def is_private(name):
    return name.startswith("_") and not name.startswith("__")


def folder_of(module):
    """Folder of a module, not deeper than the second below the package: its room."""
    path = ROOT.joinpath(*module.split("."))
    parts = module.split(".") if path.is_dir() else module.split(".")[:-1]
    return ".".join(parts[:3])


def owner_of(module, name):
    """Where a private name, or the first private module above it, may be used."""
    parts = module.split(".")
    for place, part in enumerate(parts):
        if is_private(part):
            return ".".join(parts[:place])
    return folder_of(module) if is_private(name) else PACKAGE.name


def lies_in(module, folder):
    return f"{module}.".startswith(f"{folder}.")


def test_private_names_stay_in_their_rooms():
    found = {
        (module, node.module)
        for module, tree in MODULES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and lies_in(node.module or "", PACKAGE.name)
        for name in node.names
        if not lies_in(module, owner_of(node.module, name.name))
    }
    assert not found


def private_names_of_others(tree):
    """Private names that are read or set on anything but self, cls and super()."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            holder = ast.unparse(node.value)
            if holder not in ("self", "cls", "super()"):
                yield node.attr
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in (
            *("getattr", "setattr", "hasattr", "delattr"),
            "object.__setattr__",
        ):
            holder, name = node.args[:2]
            if ast.unparse(holder) not in ("self", "cls") and isinstance(name, ast.Constant):
                yield name.value


def test_nobody_reaches_into_another_object():
    found = set()
    for module, tree in MODULES.items():
        # a class method may call what its own module defines on the instance that it makes
        own = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
        known = own | SCIKIT_LEARN | STANDARD | TORCH | OPERATORS
        found |= {
            (module, name)
            for name in private_names_of_others(tree)
            if is_private(name) and name not in known
        }
    assert not found
