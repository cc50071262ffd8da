"""What the package needs: the same in pyproject.toml and conda's recipe, under free licences."""

import re
import sys
import tomllib
from pathlib import Path

import pytest

import sktaskneuron

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
#: Names that conda gives other packages.
CONDA = {"torch": "pytorch"}


@pytest.fixture
def licences(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "docs" / "contributing"))
    monkeypatch.delitem(sys.modules, "licences", raising=False)
    import licences

    return licences


def test_conda_needs_the_same():
    yaml = pytest.importorskip("yaml")
    recipe = yaml.safe_load((ROOT / "conda" / "recipe.yaml").read_text("utf-8"))
    assert recipe["context"]["version"] == sktaskneuron.__version__
    assert recipe["about"]["license"] == PROJECT["license"]
    assert recipe["about"]["summary"] == PROJECT["description"]
    said = dict(line.split(" ") for line in recipe["requirements"]["run"])
    assert said.pop("python") == PROJECT["requires-python"]
    needed = dict(re.fullmatch(r"(\S+?)(>=.*)", line).groups() for line in PROJECT["dependencies"])
    assert said == {CONDA.get(name, name): version for name, version in needed.items()}


def test_licences_of_all_that_is_needed(licences):
    found = {package.metadata["Name"]: package for package in licences.needed("sktaskneuron")}
    direct = {re.split("[>=]", line)[0] for line in PROJECT["dependencies"]}
    assert direct <= {name.lower().replace("_", "-") for name in found}
    assert "matplotlib" not in found
    # torch's builds for GPUs bring NVIDIA's libraries, under terms of NVIDIA's own
    stated = {
        name: licences.licence_of(package)
        for name, package in found.items()
        if not name.startswith(("cuda-", "nvidia-"))
    }
    assert "not stated" not in stated.values()
    assert not any(re.search(r"\bA?GPL|LGPL|Proprietary", text) for text in stated.values())


def test_extras_bring_more(licences):
    pytest.importorskip("matplotlib")
    assert "| matplotlib |" in licences.table(["plot"])
    assert "| matplotlib |" not in licences.table()


def test_the_site_brings_what_its_examples_import():
    extras = PROJECT["optional-dependencies"]
    brought = {*PROJECT["dependencies"], *extras["docs"], *extras["bench"], *extras["onnx"]}
    assert "sktaskneuron[bench,onnx]" in extras["docs"]
    known = {re.split("[>=]", line)[0] for line in brought} | {"sktaskneuron", "sklearn"}
    for script in (ROOT / "examples").glob("*.py"):
        found = re.findall(r"^\s*(?:import|from) (\w+)", script.read_text("utf-8"), re.MULTILINE)
        assert set(found) - sys.stdlib_module_names <= known, script.name
