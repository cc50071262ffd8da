"""Training of torch modules on tables that lie on the device."""

from sktaskneuron._clock import Clock
from sktaskneuron.training.data import TensorBatches, TensorTable
from sktaskneuron.training.device import place_of, random_scope, resolve_device, resolve_dtype
from sktaskneuron.training.loop.fit import fit_network
from sktaskneuron.training.loop.members import fit_members
from sktaskneuron.training.loop.net import TaskDrivenNet
from sktaskneuron.training.loop.replicates import fit_replicates
from sktaskneuron.training.loop.results import MemberResult, ReplicateResult, TrainingResult
from sktaskneuron.training.loop.run import DivergedError
from sktaskneuron.training.meta.learning import MetaResult, learn_activations
from sktaskneuron.training.meta.options import MetaOptions
from sktaskneuron.training.predict import (
    AllMembers,
    MeanOfMembers,
    input_gradients,
    predict_blocks,
    predict_in_chunks,
)
from sktaskneuron.training.state import arrays_to_module, module_to_arrays

__all__ = [
    "AllMembers",
    "Clock",
    "DivergedError",
    "MeanOfMembers",
    "MemberResult",
    "MetaOptions",
    "MetaResult",
    "ReplicateResult",
    "TaskDrivenNet",
    "TensorBatches",
    "TensorTable",
    "TrainingResult",
    "arrays_to_module",
    "fit_members",
    "fit_network",
    "fit_replicates",
    "input_gradients",
    "learn_activations",
    "module_to_arrays",
    "place_of",
    "predict_blocks",
    "predict_in_chunks",
    "random_scope",
    "resolve_device",
    "resolve_dtype",
]
