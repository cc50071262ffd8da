"""The scikit-learn faces of the package."""

from sktaskneuron.estimators._formula_search import NeuronFormulaSearch
from sktaskneuron.estimators._neuron_seek import NeuronSeekClassifier, NeuronSeekRegressor

__all__ = ["NeuronFormulaSearch", "NeuronSeekClassifier", "NeuronSeekRegressor"]
