"""Task-driven neurons: find the neuron that the data asks for, build the network from it.

The public names load on first use, so that ``import sktaskneuron`` stays light: torch, skorch
and sympy are imported only when a model is fitted or a formula is exported.
"""

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from sktaskneuron import datasets, inspection, nn, streams
    from sktaskneuron._versions import show_versions
    from sktaskneuron.estimators import (
        ActivationSearchClassifier,
        ActivationSearchRegressor,
        BlendClassifier,
        BlendRegressor,
        HamiltonianMLPRegressor,
        LearnedDiversityMLPClassifier,
        LearnedDiversityMLPRegressor,
        NeuronFormulaSearch,
        NeuronSeekClassifier,
        NeuronSeekRegressor,
        NeuronSeekSignalClassifier,
        NeuronSeekSignalRegressor,
    )
    from sktaskneuron.formula import NeuronFormula

__all__ = [
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

_HOME = {
    "ActivationSearchClassifier": "sktaskneuron.estimators",
    "ActivationSearchRegressor": "sktaskneuron.estimators",
    "BlendClassifier": "sktaskneuron.estimators",
    "BlendRegressor": "sktaskneuron.estimators",
    "HamiltonianMLPRegressor": "sktaskneuron.estimators",
    "LearnedDiversityMLPClassifier": "sktaskneuron.estimators",
    "LearnedDiversityMLPRegressor": "sktaskneuron.estimators",
    "NeuronFormula": "sktaskneuron.formula",
    "NeuronFormulaSearch": "sktaskneuron.estimators",
    "NeuronSeekClassifier": "sktaskneuron.estimators",
    "NeuronSeekRegressor": "sktaskneuron.estimators",
    "NeuronSeekSignalClassifier": "sktaskneuron.estimators",
    "NeuronSeekSignalRegressor": "sktaskneuron.estimators",
    "show_versions": "sktaskneuron._versions",
}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name in _HOME:
        value = getattr(import_module(_HOME[name]), name)
    else:
        value = import_module(f"{__name__}.{name}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
