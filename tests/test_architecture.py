"""The page of the house is that of the code."""

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
