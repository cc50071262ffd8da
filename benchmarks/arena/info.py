"""What TabArena's registry asks of a model: class, random configurations, metadata."""

from __future__ import annotations

from tabarena.models._method_metadata import MethodMetadata
from tabarena.models._model_info import ModelInfo
from tabarena.utils.config_utils import CustomAGConfigGenerator

from arena.configurations import random_configurations
from arena.model import NeuronSeekModel

#: The default and 200 random configurations.
gen_neuronseek = CustomAGConfigGenerator(
    model_cls=NeuronSeekModel,
    search_space_func=random_configurations,
    manual_configs=[{}],
)

neuronseek_method_metadata = MethodMetadata.config(
    method="NeuronSeek",
    ag_key=NeuronSeekModel.ag_key,
    model_key=NeuronSeekModel.ag_key,
    config_default="NeuronSeek_c1_BAG_L1",
    compute="cpu",
    can_hpo=True,
    is_bag=True,
    date_introduced="2025-06",
    reference_url="https://arxiv.org/abs/2506.15715",
    display_name="NeuronSeek",
    verified=False,
)

neuronseek_info = ModelInfo(
    model_cls=NeuronSeekModel,
    search_space=gen_neuronseek,
    method_metadata=neuronseek_method_metadata,
    pip_extra=("sktaskneuron",),
)
