"""The API page lists every public name once, and no other."""

import re
from importlib import import_module
from inspect import ismodule
from pathlib import Path

import pytest

PAGE = Path(__file__).parent.parent / "docs" / "api.md"
SECTIONS = dict(re.findall(r"^## (\S+)\n(.*?)(?=^## |\Z)", PAGE.read_text("utf-8"), re.M | re.S))
# What the top level offers too stands there.
TOP = set(import_module("sktaskneuron").__all__)


@pytest.mark.parametrize("module", SECTIONS)
def test_listed_names_are_the_public_ones(module):
    listed = re.findall(r"^   (\w+)$", SECTIONS[module], re.MULTILINE)
    home = import_module(module)
    public = [name for name in home.__all__ if not ismodule(getattr(home, name))]
    elsewhere = TOP if module != "sktaskneuron" else set()
    assert sorted(listed) == sorted(set(public) - elsewhere)
