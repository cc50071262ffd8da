"""Torch modules: the task neuron built from a formula, and the network around it.

They may be taken into any torch model; :func:`parameter_groups` gives an optimiser the learning
rates that the modules were built for.
"""

from sktaskneuron.nn.activation_set import ActivationSet
from sktaskneuron.nn.activations import (
    ACTIVATIONS,
    Activation,
    TrainableActivation,
    find_activation,
    get_activation,
)
from sktaskneuron.nn.dictionary import SymbolicApproximation
from sktaskneuron.nn.diverse import DiverseNetwork
from sktaskneuron.nn.dropout import GeneratorDropout
from sktaskneuron.nn.network import TaskNetwork, n_parameters
from sktaskneuron.nn.parameterization import parameter_groups
from sktaskneuron.nn.primitives import TORCH_NAMESPACE
from sktaskneuron.nn.sub_networks import SubNetworks
from sktaskneuron.nn.table_input import (
    LevelEmbedding,
    PeriodicTerms,
    PiecewiseLinearTerms,
    TableInput,
)
from sktaskneuron.nn.tables import Grid, TableFunction
from sktaskneuron.nn.task_neuron import TaskNeuron
from sktaskneuron.nn.typed import TypedActivation

__all__ = [
    "ACTIVATIONS",
    "TORCH_NAMESPACE",
    "Activation",
    "ActivationSet",
    "DiverseNetwork",
    "GeneratorDropout",
    "Grid",
    "LevelEmbedding",
    "PeriodicTerms",
    "PiecewiseLinearTerms",
    "SubNetworks",
    "SymbolicApproximation",
    "TableFunction",
    "TableInput",
    "TaskNetwork",
    "TaskNeuron",
    "TrainableActivation",
    "TypedActivation",
    "find_activation",
    "get_activation",
    "n_parameters",
    "parameter_groups",
]
