"""``import sktaskneuron`` is light, and so is everything short of fit."""

import subprocess
import sys

import pytest

import sktaskneuron

HEAVY = {"torch", "skorch", "sympy", "pandas", "matplotlib"}
HEAVY_FOR_ESTIMATORS = {"torch", "skorch", "sympy"}


def loaded_by(statement: str) -> set[str]:
    """Top-level packages that a fresh interpreter holds after the statement."""
    code = f"{statement}\nimport sys\nprint(*{{name.partition('.')[0] for name in sys.modules}})"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(run.stdout.split())


def test_import_is_light():
    assert not loaded_by("import sktaskneuron") & HEAVY


@pytest.mark.parametrize(
    "statement",
    [
        "from sktaskneuron import NeuronSeekRegressor; NeuronSeekRegressor(formula='x')",
        "from sktaskneuron import NeuronSeekClassifier, NeuronFormulaSearch",
        "from sktaskneuron import LearnedDiversityMLPRegressor as L; L(activations=['sin'])",
        "from sktaskneuron import HamiltonianMLPRegressor; HamiltonianMLPRegressor()",
        "from sktaskneuron import NeuronFormula; NeuronFormula.parse('x + sin(x) + <x,x>')",
        "import sktaskneuron.search, sktaskneuron.preprocessing",
        "import sys, os, sktaskneuron; out = sys.stdout; sys.stdout = open(os.devnull, 'w');"
        "sktaskneuron.show_versions(); sys.stdout = out",
        "from sktaskneuron import inspection; inspection.FormulaDisplay",
        "from sktaskneuron import datasets; datasets.load_yacht()",
        "from sktaskneuron import datasets; datasets.make_neuron_formula('x**2', n_samples=9)",
    ],
)
def test_torch_loads_with_fit_only(statement):
    assert not loaded_by(statement) & HEAVY_FOR_ESTIMATORS


def test_matplotlib_loads_with_a_picture_only():
    assert "matplotlib" not in loaded_by("from sktaskneuron import inspection; dir(inspection)")


def test_public_names():
    assert sktaskneuron.__all__ == [
        "ActivationSearchClassifier",
        "ActivationSearchRegressor",
        "BlendClassifier",
        "BlendRegressor",
        "HamiltonianMLPRegressor",
        "LearnedDiversityMLPClassifier",
        "LearnedDiversityMLPRegressor",
        "NeuronFormula",
        "NeuronFormulaSearch",
        "NeuronSeekClassifier",
        "NeuronSeekRegressor",
        "NeuronSeekSignalClassifier",
        "NeuronSeekSignalRegressor",
        "datasets",
        "inspection",
        "nn",
        "show_versions",
        "streams",
    ]
    assert set(sktaskneuron.__all__) <= set(dir(sktaskneuron))
    for name in sktaskneuron.__all__:
        value = getattr(sktaskneuron, name)
        assert value.__name__.rpartition(".")[2] == name


def test_unknown_name():
    with pytest.raises(AttributeError, match="no attribute 'NeuronSeeker'"):
        sktaskneuron.NeuronSeeker  # noqa: B018
