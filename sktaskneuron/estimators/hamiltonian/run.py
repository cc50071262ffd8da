"""One fit of a network for a Hamiltonian, and what it leaves behind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from sklearn.preprocessing import StandardScaler

from sktaskneuron._typing import Matrix, Vector
from sktaskneuron.estimators._common.checks import count_weight
from sktaskneuron.estimators._common.report import FitReport
from sktaskneuron.estimators.diversity.run import (
    DiversityOutcome,
    DiversitySettings,
    find_activations,
)
from sktaskneuron.models.fitted import FittedModel, on_device
from sktaskneuron.models.inputs import Inputs
from sktaskneuron.models.networks import PackedModel
from sktaskneuron.models.target import ValueTarget
from sktaskneuron.models.task import Task

if TYPE_CHECKING:
    from sktaskneuron.nn import DiverseNetwork


@dataclass(frozen=True, eq=False)
class HamiltonianModel:
    """A network for a Hamiltonian in scaled coordinates and momenta.

    Parameters
    ----------
    model : FittedModel
        Of the scaled field; a PackedModel but for the time of training.
    columns : dict of str to object
        Number and names of the columns, as estimators show them.
    scaler : StandardScaler
        Brings q and p to standard scales.
    energy_unit : float
        Of the network's energy.
    """

    model: FittedModel
    columns: Mapping[str, object]
    scaler: StandardScaler
    energy_unit: float

    @property
    def rate_units(self) -> Vector:
        """Units of the networks' field, (n_columns,).

        dq/dt = (1 / scale of p) dH/dp', with p' the scaled momentum, and likewise for dp/dt.
        """
        return self.energy_unit / opposite_scales(self.scaler)

    @property
    def packed(self) -> PackedModel:
        """The networks as a value."""
        assert isinstance(self.model, PackedModel)
        return self.model

    def rates(self, states: Matrix, device: str) -> Matrix:
        """Return the derivatives of states by time, (n_rows, n_columns)."""
        raw = on_device(self.model, device).predict_raw(inputs_of(states, self.scaler))
        return raw * self.rate_units

    def exact_network(self) -> DiverseNetwork:
        """Return the networks for small differences of large numbers: float64, on the CPU."""
        return replace(self.packed, device="cpu", dtype="float64").typed_network()

    def energies(self, states: Matrix) -> Vector:
        """Return the Hamiltonian of states, up to a constant: (n_rows,)."""
        import torch

        inputs = torch.from_numpy(self.scaler.transform(states))
        with torch.inference_mode():
            value = self.exact_network().energy(inputs).mean(dim=0).numpy()
        return np.asarray(value * self.energy_unit)

    def exact_field(self) -> Callable[[Matrix], Matrix]:
        """Return the derivatives as a function of states."""
        import torch

        network, units, scaler = self.exact_network(), self.rate_units, self.scaler

        def field(x: Matrix) -> Matrix:
            inputs = torch.from_numpy((x - scaler.mean_) / scaler.scale_)
            with torch.inference_mode():
                return np.asarray(network(inputs).mean(dim=0).numpy() * units)

        return field

    def network_inputs(self, X: Matrix) -> Matrix:
        """Return what the networks see of checked states, (n_rows, n_columns)."""
        return np.asarray(self.scaler.transform(X))

    def network_targets(self, name: str, y: Matrix) -> Matrix:
        """Return rates as the networks are trained on them."""
        return np.asarray(y, dtype=np.float64) / self.rate_units

    def attributes(self) -> dict[str, object]:
        """Return the public attributes."""
        n_outputs = len(self.scaler.scale_)
        return {**self.columns, "scaler_": self.scaler, "n_outputs_": n_outputs}


@dataclass(frozen=True, eq=False)
class FittedHamiltonian(HamiltonianModel):
    """What a fit leaves behind.

    Parameters
    ----------
    model, columns, scaler, energy_unit
        As of a HamiltonianModel.
    energy_shift : float
        Mean energy of the training states.
    outcome : DiversityOutcome
    left_out : tuple of str
        For want of time.
    """

    energy_shift: float
    outcome: DiversityOutcome
    left_out: tuple[str, ...] = ()

    def attributes(self) -> dict[str, object]:
        """Return the public attributes."""
        outcome = self.outcome.attributes()
        return super().attributes() | outcome | {"left_out_": self.left_out}


def opposite_scales(scaler: StandardScaler) -> Vector:
    """Return for every coordinate the scale of its momentum, and the other way round."""
    return np.roll(scaler.scale_, len(scaler.scale_) // 2)


def inputs_of(states: Matrix, scaler: StandardScaler) -> Inputs:
    """Return states as networks read them."""
    return Inputs(states, states[:, :0], {"robust": scaler}, states.shape[1])


def fit_hamiltonian(
    settings: DiversitySettings,
    columns: Mapping[str, object],
    states: Matrix,
    rates: Matrix,
    weight: Vector,
    report: FitReport,
) -> FittedHamiltonian:
    """Train networks whose symplectic gradient are the rates.

    Parameters
    ----------
    settings : DiversitySettings
    columns : dict of str to object
    states, rates : ndarray of shape (n_rows, n_columns)
    weight : ndarray of shape (n_rows,)
    report : FitReport
    """
    kept = weight > 0
    states, rates, weight = states[kept], rates[kept], count_weight(weight[kept])
    scaler = StandardScaler().fit(states, sample_weight=weight)
    scaled = rates * opposite_scales(scaler)
    unit = float(np.sqrt(weight @ (scaled**2).mean(axis=1) / weight.sum()))
    energy_unit = unit if unit > 0 else 1.0
    n_outputs = states.shape[1]
    target = ValueTarget(np.zeros(n_outputs), np.ones(n_outputs), single=False)
    task = Task(inputs_of(states, scaler), scaled / energy_unit, weight, target)

    def so_far(model: FittedModel) -> HamiltonianModel:
        return HamiltonianModel(model, columns, scaler, energy_unit)

    outcome = find_activations(settings, task, report, report.epochs(so_far))
    found = so_far(outcome.chosen.model)
    shift = float(weight @ found.energies(states) / weight.sum())
    return FittedHamiltonian(found.model, columns, scaler, energy_unit, shift, outcome)
