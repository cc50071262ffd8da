"""Fitted networks as plain values."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias
from weakref import WeakKeyDictionary

from sktaskneuron._typing import FloatArray, Matrix, State, Vector
from sktaskneuron.models.inputs import Inputs, View

if TYPE_CHECKING:
    from sktaskneuron.nn import DiverseNetwork, SignalNetwork, TaskNetwork
    from sktaskneuron.training import MeanOfMembers

#: Networks of task-driven neurons, of neurons of several types, or of convolutions.
Kind: TypeAlias = Literal["task", "typed", "signal"]

# Modules of the models that have predicted: to build one takes longer than to predict a row.
_BUILT: WeakKeyDictionary[PackedModel, MeanOfMembers] = WeakKeyDictionary()


@dataclass(frozen=True, eq=False)
class PackedModel:
    """Packed networks, whose outputs are averaged.

    Parameters
    ----------
    kind : {"task", "typed", "signal"}
        Networks of task-driven neurons, of neurons of several types, or of convolutions.
    spec : dict
        How to build the packed module.
    state : dict of str to ndarray
        Its weights and tables.
    n_members : int
    device, dtype : str
        Where and in which precision to predict.
    view : {"robust", "ranks"}
        Scale of the columns that it sees.
    bounds : pair of ndarray of shape (n_outputs,) or None
        Range of the training target, outside of which a regression does not go; None for classes
        and for fields.
    """

    kind: Kind
    spec: dict[str, Any]
    state: State
    n_members: int
    device: str
    dtype: str
    view: View = "robust"
    bounds: tuple[Vector, Vector] | None = None

    def on_device(self, device: str) -> PackedModel:
        """Return the same model, to be evaluated elsewhere."""
        return self if device == self.device else replace(self, device=device)

    def network(self) -> TaskNetwork | DiverseNetwork | SignalNetwork:
        """Build the packed module."""
        from sktaskneuron.nn import DiverseNetwork, SignalNetwork, TaskNetwork
        from sktaskneuron.training import arrays_to_module, resolve_device, resolve_dtype

        device = resolve_device(self.device)
        kinds: dict[Kind, type[TaskNetwork | DiverseNetwork | SignalNetwork]] = {
            "task": TaskNetwork,
            "typed": DiverseNetwork,
            "signal": SignalNetwork,
        }
        network = kinds[self.kind].from_spec(
            self.spec, device=device, dtype=resolve_dtype(self.dtype, device)
        )
        arrays_to_module(network, self.state)
        return network.eval()

    def _built(self) -> MeanOfMembers:
        """Return the one module of this model that only predicts."""
        from sktaskneuron.nn import TaskNetwork, folded
        from sktaskneuron.training import MeanOfMembers

        built = _BUILT.get(self)
        if built is None:
            network = self.network()
            quick = folded(network) if isinstance(network, TaskNetwork) else network
            built = MeanOfMembers(quick, self.n_members, self.bounds)
            built.eval()
            _BUILT[self] = built
        return built

    def typed_network(self) -> DiverseNetwork:
        """Build the packed module of networks of typed neurons."""
        from sktaskneuron.nn import DiverseNetwork

        network = self.network()
        assert isinstance(network, DiverseNetwork)
        return network

    def predict_raw(self, inputs: Inputs) -> Matrix:
        """Return raw outputs, (n_rows, n_outputs)."""
        from sktaskneuron.training import predict_blocks

        mean = self._built()
        return predict_blocks(mean, len(inputs), lambda part: inputs.block(self.view, part))

    def members_raw(self, inputs: Inputs) -> FloatArray:
        """Return raw outputs of every member, (n_members, n_rows, n_outputs)."""
        from sktaskneuron.training import AllMembers, predict_blocks

        each = AllMembers(self._built().module, self.n_members, self.bounds)
        flat = predict_blocks(each, len(inputs), lambda part: inputs.block(self.view, part))
        return flat.reshape(len(inputs), self.n_members, -1).transpose(1, 0, 2)

    def steps_raw(self, inputs: Inputs, low: Matrix, high: Matrix) -> FloatArray:
        """Return the gradient times the steps, (n_rows, n_outputs, n_columns)."""
        from sktaskneuron.training import input_gradients

        ends = [replace(inputs, raw=end).block(self.view, slice(None)) for end in (high, low)]
        gradients = input_gradients(self._built(), inputs.block(self.view, slice(None)))
        n_columns = inputs.raw.shape[1]
        return (gradients * (ends[0] - ends[1])[:, None])[:, :, :n_columns]
