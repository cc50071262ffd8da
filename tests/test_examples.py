"""The picture examples run alone; `make quickstart` runs the other one."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("matplotlib")
pytest.importorskip("pandas")

ROOT = Path(__file__).parent.parent
EXAMPLES = sorted((ROOT / "examples").glob("plot_*.py"))


def test_examples_are_found():
    assert len(EXAMPLES) == 22


@pytest.mark.parametrize("script", EXAMPLES, ids=lambda path: path.stem)
def test_a_picture_is_drawn_in_one_block(script):
    """The gallery shows what is drawn by the end of a block, and then closes it."""
    blocks = re.split(r"^# %%$", script.read_text("utf-8"), flags=re.MULTILINE)
    drawn = [block for block in blocks if re.search(r"plt\.(subplots|figure)\(", block)]
    assert drawn == [block for block in blocks if ".savefig(" in block] or not drawn


@pytest.mark.parametrize("script", EXAMPLES, ids=lambda path: path.stem)
def test_example_draws_a_picture(script, tmp_path):
    environment = {
        **os.environ,
        "MPLBACKEND": "agg",
        "PYTHONPATH": str(ROOT),
    }
    run = subprocess.run(
        [sys.executable, str(script), str(tmp_path)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    (picture,) = tmp_path.glob("*.png")
    assert 10_000 < picture.stat().st_size < 150_000
