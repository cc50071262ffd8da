"""The scikit-learn faces of the package."""

from sktaskneuron.estimators._classifier import NeuronSeekClassifier
from sktaskneuron.estimators._formula_search import NeuronFormulaSearch
from sktaskneuron.estimators._regressor import NeuronSeekRegressor

__all__ = ["NeuronFormulaSearch", "NeuronSeekClassifier", "NeuronSeekRegressor"]
