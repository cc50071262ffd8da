"""Fitted networks of neurons of several types, as plain values."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from sktaskneuron.models.fitted import FloatArray, Inputs, State

if TYPE_CHECKING:
    from sktaskneuron.nn.typed.diverse import DiverseNetwork


@dataclass(frozen=True, eq=False)
class DiverseModel:
    """Packed networks, whose outputs are averaged.

    Parameters
    ----------
    spec : dict
        How to build the packed module.
    state : dict of str to ndarray
        Its weights and tables.
    n_members : int
    device, dtype : str
        Where and in which precision to predict.
    low, high : ndarray of shape (n_outputs,) or None
        Range of the training target, outside of which a regression does not go; None for classes
        and for fields.
    format : int
        Of this state.
    """

    spec: dict[str, Any]
    state: State
    n_members: int
    device: str
    dtype: str
    low: FloatArray | None = None
    high: FloatArray | None = None
    format: int = field(default=1)

    def on_device(self, device: str) -> DiverseModel:
        """Return the same model, to be evaluated elsewhere."""
        return replace(self, device=device)

    def network(self) -> DiverseNetwork:
        """Build the packed module."""
        from sktaskneuron.nn.typed.diverse import DiverseNetwork
        from sktaskneuron.training import arrays_to_module, resolve_device, resolve_dtype

        device = resolve_device(self.device)
        network = DiverseNetwork.from_spec(
            self.spec, device=device, dtype=resolve_dtype(self.dtype, device)
        )
        arrays_to_module(network, self.state)
        return network.eval()

    def predict_raw(self, inputs: Inputs) -> FloatArray:
        """Return raw outputs, (n_rows, n_outputs)."""
        from sktaskneuron.training import MeanOfMembers, predict_blocks

        bounds = None if self.low is None else (self.low, self.high)
        mean = MeanOfMembers(self.network(), self.n_members, bounds)
        scaler = inputs.scalers["robust"]
        return predict_blocks(mean, len(inputs), lambda part: scaler.transform(inputs.raw[part]))
