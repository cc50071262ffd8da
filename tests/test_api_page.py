"""The API page lists every public name, and no other."""

import re
from importlib import import_module
from pathlib import Path

import pytest

PAGE = Path(__file__).parent.parent / "docs" / "api.md"
SECTIONS = dict(re.findall(r"^## (\S+)\n(.*?)(?=^## |\Z)", PAGE.read_text("utf-8"), re.M | re.S))


@pytest.mark.parametrize("module", SECTIONS)
def test_listed_names_are_the_public_ones(module):
    rows = re.findall(r"^\| (`.*?) \|", SECTIONS[module], re.MULTILINE)
    listed = [name for row in rows for name in re.findall(r"`(\w+)`", row)]
    assert sorted(listed) == sorted(import_module(module).__all__)
