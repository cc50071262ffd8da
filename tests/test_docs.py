"""The Python blocks of the README and every docs page run, in order, one namespace per page.

What a page says they print is what they print: a block ``text`` behind a block ``python``, and
the lines of a block ``pycon``. Numbers may differ a little from machine to machine.
"""

import doctest
import re
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(
    r"^```(python|pycon)\n(.*?)^```$(?:\s*^```text\n(.*?)^```$)?", re.MULTILINE | re.DOTALL
)
NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d*)?(?:[eE][+-]?\d+)?")


def is_alike(said, printed):
    """Whether two texts differ in their spaces alone, and in numbers by no more than a fiftieth."""
    if "".join(NUMBER.sub("#", said).split()) != "".join(NUMBER.sub("#", printed).split()):
        return False
    pairs = zip(NUMBER.findall(said), NUMBER.findall(printed), strict=True)
    return all(float(b) == pytest.approx(float(a), rel=0.02, abs=0.005) for a, b in pairs)


class Alike(doctest.OutputChecker):
    """doctest's comparison, with numbers as above."""

    def check_output(self, want, got, optionflags):
        return is_alike(want, got)


def run_console(text, namespace, page):
    test = doctest.DocTestParser().get_doctest(text, namespace, page.stem, str(page), 0)
    report = StringIO()
    runner = doctest.DocTestRunner(checker=Alike(), verbose=False)
    runner.run(test, out=report.write, clear_globs=False)
    namespace.update(test.globs)
    assert runner.failures == 0, report.getvalue()


def test_pages_are_found():
    assert ROOT / "docs" / "user_guide" / "datasets.md" in PAGES


def test_numbers_are_compared():
    assert is_alike("R² = 0.989,\n a*x**2", "R² = 0.9893, a*x**2")
    assert not is_alike("R² = 0.989", "R² = 0.95")
    assert not is_alike("a*x**2", "a*x**3")
    assert not is_alike("1.5*x + 2", "1.5*z + 2")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_page_runs(page):
    namespace = {"__name__": "docs"}
    for kind, block, said in BLOCK.findall(page.read_text(encoding="utf-8")):
        if kind == "pycon":
            run_console(block, namespace, page)
            continue
        printed = StringIO()
        with redirect_stdout(printed):
            exec(compile(block, str(page), "exec"), namespace)  # noqa: S102
        if said:
            assert is_alike(said, printed.getvalue()), f"{said}\n{printed.getvalue()}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_equations_in_lists_stand_alone(page):
    """Without an empty line before them the text behind is read as part of the equation."""
    text = page.read_text(encoding="utf-8")
    assert re.findall(r"^ *\S.*\n +\$\$\S.*", text, re.MULTILINE) == []
