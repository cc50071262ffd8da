"""The site builds without a warning, and none of its links leads nowhere.

The examples are not run here: ``tests/test_examples.py`` runs them, ``make docs`` shows them.
"""

import os
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from importlib import import_module
from inspect import ismodule
from pathlib import Path
from urllib.parse import unquote, urldefrag

import pytest

for package in ("sphinx", "myst_parser", "pydata_sphinx_theme", "sphinx_gallery"):
    pytest.importorskip(package)

ROOT = Path(__file__).parent.parent
BUILT = ("_build", "auto_examples", "generated")


class Links(HTMLParser):
    """The targets of a page's links and pictures, and what can be linked to in it."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.targets: set[str] = set()
        self.anchors: set[str] = set()
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        for name, value in attrs:
            if name in ("href", "src") and value:
                self.targets.add(value)
            elif name in ("id", "name") and value:
                self.anchors.add(value)


def build(folder: Path) -> Path:
    """Build from a copy, since Sphinx writes pages into its source folder."""
    shutil.copytree(ROOT / "docs", folder / "docs", ignore=shutil.ignore_patterns(*BUILT))
    shutil.copytree(ROOT / "examples", folder / "examples")
    for name in ("CHANGELOG.md", "CONTRIBUTING.md"):
        shutil.copy(ROOT / name, folder)
    run = subprocess.run(
        [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "docs", "html"],
        cwd=folder,
        env={**os.environ, "DOCS_WITHOUT_EXAMPLES": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-4000:]
    return folder / "html"


def dead_links(site: Path) -> list[str]:
    pages = {path: Links(path) for path in site.rglob("*.html") if "_static" not in path.parts}
    dead = []
    for page, links in pages.items():
        for target in links.targets:
            if "://" in target or target.startswith(("mailto:", "data:", "javascript:")):
                continue
            address, anchor = urldefrag(unquote(target).split("?")[0])
            file = (page.parent / address).resolve() if address else page
            known = pages[file].anchors if file in pages else {anchor}
            if not file.exists() or (anchor and anchor not in known):
                dead.append(f"{page.name}: {target}")
    return dead


# One test: the site takes half a minute to build, and workers share nothing.
def test_site_builds_whole(tmp_path):
    site = build(tmp_path)
    assert dead_links(site) == []
    page = (site / "api.html").read_text("utf-8")
    rows = re.findall(r"<tr[^>]*><td>(.*?)</td>\s*<td>(.*?)</td>", page, re.DOTALL)
    assert len(rows) > 100
    assert [name for name, said in rows if not re.sub("<[^>]+>", "", said).strip()] == []
    for module in ("", ".inspection", ".nn", ".formula", ".datasets"):
        home = import_module(f"sktaskneuron{module}")
        for name in home.__all__:
            if not ismodule(getattr(home, name)):
                assert list((site / "generated").glob(f"sktaskneuron*.{name}.html")), name
