from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "user_guide" / "formula.md"
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.parametrize("block", BLOCKS)
def test_examples_of_the_user_guide_run(block, tmp_path):
    script = tmp_path / "block.py"
    script.write_text(block, encoding="utf-8")
    runpy.run_path(str(script))


def test_the_page_names_every_function():
    from sktaskneuron.formula import PRIMITIVES

    text = PAGE.read_text(encoding="utf-8")
    listed = re.search(r"Functions: `([a-z0-9\s]+)`", text).group(1).split()
    assert listed == sorted(PRIMITIVES)
