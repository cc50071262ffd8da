"""The scikit-learn faces of the package."""

from sktaskneuron.estimators.activation_search.classifier import ActivationSearchClassifier
from sktaskneuron.estimators.activation_search.regressor import ActivationSearchRegressor
from sktaskneuron.estimators.blend.classifier import BlendClassifier
from sktaskneuron.estimators.blend.regressor import BlendRegressor
from sktaskneuron.estimators.diversity.classifier import LearnedDiversityMLPClassifier
from sktaskneuron.estimators.diversity.regressor import LearnedDiversityMLPRegressor
from sktaskneuron.estimators.formula_search.search import NeuronFormulaSearch
from sktaskneuron.estimators.hamiltonian.regressor import HamiltonianMLPRegressor
from sktaskneuron.estimators.neuron_seek.classifier import NeuronSeekClassifier
from sktaskneuron.estimators.neuron_seek.regressor import NeuronSeekRegressor
from sktaskneuron.estimators.signals.classifier import NeuronSeekSignalClassifier
from sktaskneuron.estimators.signals.regressor import NeuronSeekSignalRegressor

__all__ = [
    "ActivationSearchClassifier",
    "ActivationSearchRegressor",
    "BlendClassifier",
    "BlendRegressor",
    "HamiltonianMLPRegressor",
    "LearnedDiversityMLPClassifier",
    "LearnedDiversityMLPRegressor",
    "NeuronFormulaSearch",
    "NeuronSeekClassifier",
    "NeuronSeekRegressor",
    "NeuronSeekSignalClassifier",
    "NeuronSeekSignalRegressor",
]
