"""The scikit-learn faces of the package."""

from sktaskneuron.estimators._classifier import NeuronSeekClassifier
from sktaskneuron.estimators._diversity_classifier import LearnedDiversityMLPClassifier
from sktaskneuron.estimators._diversity_regressor import LearnedDiversityMLPRegressor
from sktaskneuron.estimators._formula_search import NeuronFormulaSearch
from sktaskneuron.estimators._hamiltonian import HamiltonianMLPRegressor
from sktaskneuron.estimators._regressor import NeuronSeekRegressor

__all__ = [
    "HamiltonianMLPRegressor",
    "LearnedDiversityMLPClassifier",
    "LearnedDiversityMLPRegressor",
    "NeuronFormulaSearch",
    "NeuronSeekClassifier",
    "NeuronSeekRegressor",
]
