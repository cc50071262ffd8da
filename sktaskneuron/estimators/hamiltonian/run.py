"""One fit of a network for a Hamiltonian, and what it leaves behind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.preprocessing import StandardScaler

from sktaskneuron._typing import Matrix, TableLike, Vector
from sktaskneuron.estimators._common.limits import limited, tell_far_targets
from sktaskneuron.estimators._common.report import FitReport
from sktaskneuron.estimators.diversity.run import (
    DiversityOutcome,
    DiversitySettings,
    find_activations,
)
from sktaskneuron.estimators.hamiltonian.rows import Motion, read_states
from sktaskneuron.models.fitted import FittedModel, on_device
from sktaskneuron.models.importances import field_importances
from sktaskneuron.models.inputs import Inputs
from sktaskneuron.models.networks import PackedModel
from sktaskneuron.models.target import ValueTarget
from sktaskneuron.models.task import Task

if TYPE_CHECKING:
    from torch import nn

    from sktaskneuron.deploy.onnx import Program
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
    rate_spread : ndarray of shape (n_columns,)
        Standard deviations of the training rates; 1 where there is none.
    """

    model: FittedModel
    columns: Mapping[str, object]
    scaler: StandardScaler
    energy_unit: float
    rate_spread: Vector

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

    def importances(self, states: Matrix, weight: Vector) -> Vector:
        """Return by how much the rates move with each column, (n_columns,).

        Each rate is counted in standard deviations of its training values.
        """
        return field_importances(self.exact_field(), states, weight, self.rate_spread)

    def network_inputs(self, X: TableLike, owner: BaseEstimator) -> Matrix:
        """Return what the networks of ``owner`` see of states, (n_rows, n_columns)."""
        return np.asarray(self.scaler.transform(read_states(owner, X)))

    def network_targets(self, name: str, y: Matrix) -> Matrix:
        """Return rates as the networks are trained on them."""
        return np.asarray(y, dtype=np.float64) / self.rate_units

    def program(self, one_tensor: bool) -> Program:
        """Return the way of states to their rates as an ONNX graph."""
        from sktaskneuron.deploy.onnx import field_program

        return field_program(
            self.packed, self.scaler, self.rate_units, self.columns, one_tensor=one_tensor
        )

    def module(self) -> nn.Module:
        """Return the way of states to their rates as a torch module."""
        from sktaskneuron.deploy.torch_module import field_module

        return field_module(self.packed, self.scaler, self.rate_units)

    def attributes(self) -> dict[str, object]:
        """Return the public attributes."""
        n_outputs = len(self.scaler.scale_)
        return {**self.columns, "scaler_": self.scaler, "n_outputs_": n_outputs}


@dataclass(frozen=True, eq=False)
class FittedHamiltonian(HamiltonianModel):
    """What a fit leaves behind.

    Parameters
    ----------
    model, columns, scaler, energy_unit, rate_spread
        As of a HamiltonianModel.
    energy_shift : float
        Mean energy of the training states.
    outcome : DiversityOutcome
    column_importances : ndarray of shape (n_columns,)
        On the training states.
    left_out : tuple of str
        For want of time.
    """

    energy_shift: float
    outcome: DiversityOutcome
    column_importances: Vector
    left_out: tuple[str, ...] = ()

    def attributes(self) -> dict[str, object]:
        """Return the public attributes."""
        own = {"left_out_": self.left_out, "feature_importances_": self.column_importances}
        return super().attributes() | self.outcome.attributes() | own


def opposite_scales(scaler: StandardScaler) -> Vector:
    """Return for every coordinate the scale of its momentum, and the other way round."""
    return np.roll(scaler.scale_, len(scaler.scale_) // 2)


def inputs_of(states: Matrix, scaler: StandardScaler) -> Inputs:
    """Return states as networks read them."""
    return Inputs(states, states[:, :0], {"robust": scaler}, states.shape[1])


def fit_hamiltonian(
    settings: DiversitySettings, motion: Motion, report: FitReport
) -> FittedHamiltonian:
    """Train networks whose symplectic gradient are the rates.

    Parameters
    ----------
    settings : DiversitySettings
    motion : Motion
    report : FitReport
    """
    columns, rates, weight = motion.columns, motion.rates, motion.weight
    n_outputs = rates.shape[1]
    names = np.asarray(columns.get("feature_names_in_", [f"x{i}" for i in range(n_outputs)]))
    # in training alone: how a state moves that is right must not end at a limit
    states, _ = limited(motion.states, tuple(names.astype(str).tolist()), weight)
    tell_far_targets(rates, weight)
    scaler = StandardScaler().fit(states, sample_weight=weight)
    # the mean of equal numbers is one of them but for rounding, which has no scale of its own
    constant = states.min(axis=0) == states.max(axis=0)
    scaler.mean_ = np.where(constant, states[0], scaler.mean_)
    scaled = rates * opposite_scales(scaler)
    # the product of two units may be beyond what can be squared
    size = float(np.abs(scaled).max()) or 1.0
    unit = size * float(np.sqrt(weight @ ((scaled / size) ** 2).mean(axis=1) / weight.sum()))
    energy_unit = unit if unit > 0 else 1.0
    variance = weight @ (rates - weight @ rates / weight.sum()) ** 2 / weight.sum()
    rate_spread = np.sqrt(np.where(variance > 0, variance, 1.0))

    def so_far(model: FittedModel) -> HamiltonianModel:
        return HamiltonianModel(model, columns, scaler, energy_unit, rate_spread)

    task = _task(replace(motion, states=states), scaler, energy_unit)
    outcome = find_activations(settings, task, report, report.epochs(so_far))
    found = so_far(outcome.chosen.model)
    shift = float(weight @ found.energies(states) / weight.sum())
    importances = found.importances(states, weight)
    return FittedHamiltonian(
        found.model, columns, scaler, energy_unit, rate_spread, shift, outcome, importances
    )


def _task(motion: Motion, scaler: StandardScaler, energy_unit: float) -> Task:
    """Return the rows as networks are trained on them; those that only judge come last."""
    states, rates, weight, judges = motion.states, motion.rates, motion.weight, motion.judges
    n_own, splits = len(states), motion.splits
    if judges is not None:
        states = np.concatenate([states, judges.states])
        rates = np.concatenate([rates, judges.rates])
        weight = np.concatenate([weight, judges.weight])
        splits = [(np.arange(n_own), np.arange(n_own, len(states)))]
    target = ValueTarget(np.zeros(rates.shape[1]), np.ones(rates.shape[1]), single=False)
    scaled = rates * opposite_scales(scaler) / energy_unit
    return Task(inputs_of(states, scaler), scaled, weight, target, splits, n_own)
