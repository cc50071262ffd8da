"""Training of torch modules on tables that lie on the device."""

from sktaskneuron.training.data import TensorBatches, TensorTable
from sktaskneuron.training.device import random_scope, resolve_device, resolve_dtype
from sktaskneuron.training.fit import DivergedError, TrainingResult, fit_network
from sktaskneuron.training.net import TaskDrivenNet
from sktaskneuron.training.predict import predict_in_chunks
from sktaskneuron.training.state import arrays_to_module, module_to_arrays

__all__ = [
    "DivergedError",
    "TaskDrivenNet",
    "TensorBatches",
    "TensorTable",
    "TrainingResult",
    "arrays_to_module",
    "fit_network",
    "module_to_arrays",
    "predict_in_chunks",
    "random_scope",
    "resolve_device",
    "resolve_dtype",
]
