"""Torch modules: the task neuron built from a formula, and the network around it.

They may be taken into any torch model; :func:`parameter_groups` gives an optimiser the learning
rates that the modules were built for.
"""

from sktaskneuron.nn.dropout import GeneratorDropout
from sktaskneuron.nn.functional import ACTIVATIONS, TORCH_NAMESPACE, get_activation
from sktaskneuron.nn.network import TaskNetwork, n_parameters
from sktaskneuron.nn.parameterization import parameter_groups
from sktaskneuron.nn.table_input import (
    LevelEmbedding,
    PeriodicTerms,
    PiecewiseLinearTerms,
    TableInput,
)
from sktaskneuron.nn.task_neuron import TaskNeuron

__all__ = [
    "ACTIVATIONS",
    "TORCH_NAMESPACE",
    "GeneratorDropout",
    "LevelEmbedding",
    "PeriodicTerms",
    "PiecewiseLinearTerms",
    "TableInput",
    "TaskNetwork",
    "TaskNeuron",
    "get_activation",
    "n_parameters",
    "parameter_groups",
]
