"""The scikit-learn faces of the package."""

from sktaskneuron.estimators._classifier import NeuronSeekClassifier
from sktaskneuron.estimators._diversity_classifier import LearnedDiversityMLPClassifier
from sktaskneuron.estimators._diversity_regressor import LearnedDiversityMLPRegressor
from sktaskneuron.estimators._formula_search import NeuronFormulaSearch
from sktaskneuron.estimators._hamiltonian import HamiltonianMLPRegressor
from sktaskneuron.estimators._regressor import NeuronSeekRegressor
from sktaskneuron.estimators._search_classifier import ActivationSearchClassifier
from sktaskneuron.estimators._search_regressor import ActivationSearchRegressor

__all__ = [
    "ActivationSearchClassifier",
    "ActivationSearchRegressor",
    "HamiltonianMLPRegressor",
    "LearnedDiversityMLPClassifier",
    "LearnedDiversityMLPRegressor",
    "NeuronFormulaSearch",
    "NeuronSeekClassifier",
    "NeuronSeekRegressor",
]
