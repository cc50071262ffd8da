"""Docstrings of the API page's names and of their methods, as numpydoc asks."""

import doctest
import re
import sys
from collections.abc import Mapping
from importlib import import_module
from inspect import getdoc, getsource, isclass, isfunction
from pathlib import Path

import numpydoc.validate
import pytest

PAGE = Path(__file__).parent.parent / "docs" / "api.md"
SECTIONS = re.findall(r"^## (\S+)\n(.*?)(?=^## |\Z)", PAGE.read_text("utf-8"), re.M | re.S)
NAMES = [
    f"{module}.{name}"
    for module, text in SECTIONS
    for name in re.findall(r"^   (\w+)$", text, re.M)
]

#: Returned values have names (RT02).
NEVER = {"RT02"}
#: Only estimators need a second paragraph.
LONG = {"ES01"}
#: Examples and siblings of a method are those of its class.
METHODS = {*LONG, "SA01", "EX01"}
#: The first line of a method without parameters says what it returns.
ONE_LINE = {"PR01", "RT01", "YD01"}
#: Their parameters are those of the class that they name.
ELSEWHERE = {"SearchOptions", "TaskDrivenNet"}


def resolved(path):
    module, _, name = path.rpartition(".")
    return getattr(import_module(module), name)


def errors_of(path, ignored):
    """What numpydoc says, less what is ignored, and less parameters that begin with "_"."""
    found = numpydoc.validate.validate(path)["errors"]
    private = re.compile(r"Parameters \{'_\w+'\} not documented")
    return [e for e in found if e[0] not in NEVER | ignored and not private.fullmatch(e[1])]


def has(found, section):
    return re.search(rf"^{section}\n-+$", getdoc(found) or "", re.MULTILINE) is not None


def is_documented(path):
    """Whether it is a class or a function; types and tables are described where they are made."""
    found = resolved(path)
    return isclass(found) or isfunction(found)


@pytest.mark.parametrize("path", [path for path in NAMES if is_documented(path)])
def test_name(path):
    found, (module, _, name) = resolved(path), path.rpartition(".")
    ignored = set()
    if module != "sktaskneuron" or not hasattr(found, "get_params"):
        ignored |= LONG
    if isclass(found) and issubclass(found, Exception):
        ignored |= {"SA01"}  # an error has no sibling that a reader may want instead
    if name in ELSEWHERE:
        ignored |= {"PR01"}
    assert errors_of(path, ignored) == []


@pytest.mark.parametrize("path", [path for path in NAMES if isinstance(resolved(path), Mapping)])
def test_examples_of_tables(path):
    """They stand in the comment above the table, where pytest does not look for them."""
    table, (_, _, name) = resolved(path), path.rpartition(".")
    ours = [module for key, module in sys.modules.items() if key.startswith("sktaskneuron.")]
    comments = [
        above.replace("#: ", "").replace("#:", "")
        for module in ours
        if vars(module).get(name) is table
        for above in re.findall(rf"((?:^#:.*\n)+){name}\b", getsource(module), re.M)
    ]
    (text,) = comments
    example = doctest.DocTestParser().get_doctest(text, {}, path, None, 0)
    assert example.examples
    assert doctest.DocTestRunner().run(example).failed == 0


def methods_of(found):
    """Names of the public methods that this project wrote."""
    for name in sorted(dir(found)):
        owner = next((kind for kind in found.__mro__ if name in vars(kind)), object)
        if name[0] != "_" and owner.__module__.startswith("sktaskneuron"):
            value = getattr(found, name, None)
            if callable(value) and not isclass(value):
                yield name


@pytest.mark.parametrize("path", [path for path in NAMES if isclass(resolved(path))])
def test_methods(path):
    wrong = {}
    for name in methods_of(resolved(path)):
        one_line = not has(getattr(resolved(path), name), "Parameters")
        if found := errors_of(f"{path}.{name}", METHODS | (ONE_LINE if one_line else set())):
            wrong[name] = found
    assert wrong == {}
