"""What travels to a user: all modules, tables, types and licences, and nothing else."""

import tarfile
import zipfile
from email import message_from_bytes
from pathlib import Path, PurePosixPath

import pytest

import sktaskneuron

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "sktaskneuron"


def of_package():
    """Files of the package in the checkout, without what Python leaves behind."""
    files = (path for path in PACKAGE.rglob("*") if path.is_file())
    return {p.relative_to(ROOT).as_posix() for p in files if p.suffix != ".pyc"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    builders = pytest.importorskip("hatchling.builders.wheel", reason="hatchling builds the wheel")
    folder = tmp_path_factory.mktemp("wheel")
    (path,) = builders.WheelBuilder(str(ROOT)).build(directory=str(folder), versions=["standard"])
    return zipfile.ZipFile(path)


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    builders = pytest.importorskip("hatchling.builders.sdist", reason="hatchling packs the source")
    folder = tmp_path_factory.mktemp("source")
    (path,) = builders.SdistBuilder(str(ROOT)).build(directory=str(folder))
    with tarfile.open(path) as archive:
        return {str(PurePosixPath(*PurePosixPath(n).parts[1:])) for n in archive.getnames()}


def test_wheel_holds_the_package_and_nothing_else(wheel):
    packed = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert packed == of_package()
    assert {"sktaskneuron/py.typed", "sktaskneuron/datasets/data/yacht.csv.gz"} <= packed


def test_wheel_says_what_it_is(wheel):
    (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    about = message_from_bytes(wheel.read(name))
    assert about["Name"] == "sktaskneuron"
    assert about["Version"] == sktaskneuron.__version__
    licences = {f"{name.rpartition('/')[0]}/licenses/{f}" for f in about.get_all("License-File")}
    assert len(licences) == 2
    assert licences <= set(wheel.namelist())
    plain = [line for line in about.get_all("Requires-Dist") if "extra ==" not in line]
    assert {line.partition(">=")[0] for line in plain} >= {"numpy", "scikit-learn", "torch"}
    assert not any("matplotlib" in line or "pandas" in line for line in plain)


def test_source_holds_what_its_tests_read(source):
    assert of_package() <= source
    assert {"tests/conftest.py", "benchmarks/tabular.py", "docs/api.md", "README.md"} <= source
    assert {"examples/quickstart.py", "pyproject.toml", "LICENSE", "Makefile"} <= source
    assert not any(".venv" in name or "__pycache__" in name for name in source)
