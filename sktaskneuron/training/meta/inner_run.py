"""A multilayer network with tabulated activations: its gradient and the products of its Hessian.

Both are written out for M networks at once, so that the gradient of a whole training run by the
activations costs a few matrix products per step and no graph is kept (Pearlmutter's R operator).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from sktaskneuron._clock import checkpoint
from sktaskneuron.nn.typed.layers import type_sizes
from sktaskneuron.nn.typed.tables import Grid


@dataclass(frozen=True, eq=False)
class Batch:
    """Rows of M networks.

    X : (M, batch, n_inputs); y : (M, batch, n_outputs), or (M, batch) of class numbers;
    weight : (M, batch), summing to one for every network;
    noise : one tensor (M, 1, n_neurons) per hidden layer, added behind the activation, or empty.
    """

    X: Tensor
    y: Tensor
    weight: Tensor
    noise: tuple[Tensor, ...] = ()


class InnerNetwork(Protocol):
    """What an inner run asks of a network, as :class:`TabulatedNetwork` describes it."""

    def gradient(
        self, parameters: Sequence[Tensor], tables: Tensor, batch: Batch
    ) -> tuple[Tensor, list[Tensor], Tensor | None]:
        """Return losses, and the gradient of their sum."""

    def adjoint(
        self,
        parameters: Sequence[Tensor],
        tables: Tensor,
        batch: Batch,
        direction: Sequence[Tensor],
        share: float,
    ) -> tuple[list[Tensor], Tensor]:
        """Return the Hessian times a direction, and what goes with it."""


@dataclass(frozen=True, eq=False)
class _Layer:
    """What one hidden layer leaves for the way back; ``row`` is flat."""

    input: Tensor
    row: Tensor
    place: Tensor
    slope: Tensor


def table_offsets(sizes: Sequence[int], n_types: int, n_sets: int, n_rows: int) -> list[Tensor]:
    """Return for every layer where each neuron's table starts among all, of ``n_rows`` each."""
    offsets = []
    for layer, n_neurons in enumerate(sizes):
        types = torch.repeat_interleave(
            torch.arange(n_types), torch.tensor(type_sizes(n_neurons, n_types))
        )
        table = types + (layer if n_sets > 1 else 0) * n_types
        offsets.append((table * n_rows).int())
    return offsets


class TabulatedNetwork:
    """Loss and derivatives of networks whose activations are linear tables on one grid.

    Parameters are ``[weight, bias]`` per layer, (M, n_in, n_out) and (M, 1, n_out). Tables have
    the shape (n_sets, n_types, grid.n): one set for all hidden layers, or one for each.

    Parameters
    ----------
    hidden_layer_sizes : sequence of int
    n_types, n_sets : int
    grid : Grid
    classification : bool
        Cross-entropy of logits; else the squared error, averaged over the outputs.
    """

    sizes: tuple[int, ...]
    grid: Grid
    classification: bool

    def __init__(
        self,
        hidden_layer_sizes: Sequence[int],
        n_types: int,
        n_sets: int,
        grid: Grid,
        classification: bool,
    ) -> None:
        self.sizes, self.grid, self.classification = tuple(hidden_layer_sizes), grid, classification
        self.offsets: list[Tensor] = table_offsets(self.sizes, n_types, n_sets, grid.n)

    def _hidden(
        self, z: Tensor, input: Tensor, layer: int, tables: Tensor
    ) -> tuple[Tensor, _Layer]:
        u = (z - self.grid.low) * (1.0 / self.grid.step)
        # the outer cells go on straight
        left = torch.nan_to_num(u).floor_().clamp_(0, self.grid.n - 2)
        row = (left.int() + self.offsets[layer].to(z.device)).flatten()
        place = u - left
        flat = tables.reshape(-1)
        # index_select is several times faster than brackets
        start = flat.index_select(0, row).view(z.shape)
        rise = flat.diff().index_select(0, row).view(z.shape)
        return torch.addcmul(start, rise, place), _Layer(
            input, row, place, rise * (1.0 / self.grid.step)
        )

    def _forward(
        self, parameters: Sequence[Tensor], tables: Tensor, batch: Batch
    ) -> tuple[Tensor, list[_Layer], Tensor]:
        value, layers = batch.X, []
        for k in range(len(self.sizes)):
            z = torch.baddbmm(parameters[2 * k + 1], value, parameters[2 * k])
            value, layer = self._hidden(z, value, k, tables)
            if batch.noise:
                value = value + batch.noise[k]
            layers.append(layer)
        return _across(parameters[-1], parameters[-2], value), layers, value

    # Outputs have their rows last, (M, n_outputs, batch): products and softmax over few outputs
    # side by side would take three times as long.

    def _output_loss(self, output: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return the loss of every network (M,) and what :meth:`_predicted` does."""
        if self.classification:
            logs = torch.log_softmax(output, dim=1)
            rows = -logs.gather(1, batch.y.unsqueeze(1)).squeeze(1)
            return (rows * batch.weight).sum(dim=-1), logs.exp()
        rows = (output - batch.y.mT).square().mean(dim=1)
        return (rows * batch.weight).sum(dim=-1), output

    def _predicted(self, output: Tensor) -> Tensor:
        """Return probabilities or values."""
        return torch.softmax(output, dim=1) if self.classification else output

    def _output_gradient(self, predicted: Tensor, batch: Batch) -> Tensor:
        """Return the loss's gradient by the outputs."""
        weight = batch.weight.unsqueeze(1)
        if self.classification:
            seen = batch.y.unsqueeze(1)
            return predicted.scatter_add(1, seen, torch.full_like(weight, -1.0)) * weight
        return (predicted - batch.y.mT) * weight * (2.0 / predicted.shape[1])

    def _output_curvature(self, predicted: Tensor, tangent: Tensor, batch: Batch) -> Tensor:
        """Return the loss's Hessian by the outputs, times a direction."""
        weight = batch.weight.unsqueeze(1)
        if self.classification:
            along = predicted * tangent
            return (along - predicted * along.sum(dim=1, keepdim=True)) * weight
        return tangent * weight * (2.0 / predicted.shape[1])

    def loss(self, parameters: Sequence[Tensor], tables: Tensor, batch: Batch) -> Tensor:
        """Return the loss of every network: (M,)."""
        output, _, _ = self._forward(parameters, tables, batch)
        return self._output_loss(output, batch)[0]

    def outside(self, parameters: Sequence[Tensor], tables: Tensor, batch: Batch) -> float:
        """Return the share of pre-activations outside the grid."""
        _, layers, _ = self._forward(parameters, tables, batch)
        far = [((la.place < 0) | (la.place > 1)).double().mean() for la in layers]
        return float(torch.stack(far).mean())

    def gradient(
        self,
        parameters: Sequence[Tensor],
        tables: Tensor,
        batch: Batch,
        *,
        by_tables: bool = False,
    ) -> tuple[Tensor, list[Tensor], Tensor | None]:
        """Return the losses, and the gradient of their sum by parameters and, if asked for, tables.

        Parameters
        ----------
        parameters : sequence of Tensor
        tables : Tensor of shape (n_sets, n_types, grid.n)
        batch : Batch
        by_tables : bool, default=False

        Returns
        -------
        loss : Tensor of shape (M,)
        by_parameters : list of Tensor
        by_tables : Tensor of the shape of ``tables``, or None
        """
        output, layers, top = self._forward(parameters, tables, batch)
        loss, predicted = self._output_loss(output, batch)
        back = self._output_gradient(predicted, batch)
        gradients = [(back @ top).mT, back.sum(dim=2).unsqueeze(1)]
        back = back.mT
        by_table = torch.zeros(tables.numel(), dtype=tables.dtype, device=tables.device)
        for k in range(len(self.sizes) - 1, -1, -1):
            layer = layers[k]
            back = back @ parameters[2 * k + 2].mT
            if by_tables:
                _scatter(by_table, layer.row, back, back * layer.place)
            back = back * layer.slope
            gradients[:0] = [layer.input.mT @ back, back.sum(dim=1, keepdim=True)]
        return loss, gradients, by_table.view_as(tables) if by_tables else None

    def adjoint(
        self,
        parameters: Sequence[Tensor],
        tables: Tensor,
        batch: Batch,
        direction: Sequence[Tensor],
        share: float,
    ) -> tuple[list[Tensor], Tensor]:
        """Return the gradient of ``sum of <gradient, direction> + share * loss``.

        Parameters
        ----------
        parameters, direction : sequence of Tensor
        tables : Tensor
        batch : Batch
        share : float

        Returns
        -------
        by_parameters : list of Tensor
            The Hessian times ``direction``, plus ``share`` times the gradient.
        by_tables : Tensor
        """
        # forward, with tangents along the direction
        value: Tensor = batch.X
        tangent: Tensor | None = None
        layers: list[_Layer] = []
        tangents: list[tuple[Tensor | None, Tensor]] = []
        for k in range(len(self.sizes)):
            weight, bias = parameters[2 * k], parameters[2 * k + 1]
            z = torch.baddbmm(bias, value, weight)
            moved = torch.baddbmm(direction[2 * k + 1], value, direction[2 * k])
            if tangent is not None:
                moved = torch.baddbmm(moved, tangent, weight)
            value, layer = self._hidden(z, value, k, tables)
            if batch.noise:
                value = value + batch.noise[k]
            layers.append(layer)
            tangents.append((tangent, moved))
            tangent = layer.slope * moved
        assert tangent is not None  # there is a hidden layer
        predicted = self._predicted(_across(parameters[-1], parameters[-2], value))
        moved = _across(direction[-1], direction[-2], value)
        moved = torch.baddbmm(moved, parameters[-2].mT, tangent.mT)
        # back, with the tangents of what comes back: gradient times share, plus its tangent
        back = self._output_gradient(predicted, batch)
        back_moved = self._output_curvature(predicted, moved, batch) + share * back
        results = [
            torch.baddbmm(back_moved @ value, back, tangent).mT,
            back_moved.sum(dim=2).unsqueeze(1),
        ]
        back, back_moved = back.mT, back_moved.mT
        by_table = torch.zeros(tables.numel(), dtype=tables.dtype, device=tables.device)
        for k in range(len(self.sizes) - 1, -1, -1):
            layer, (tangent, moved) = layers[k], tangents[k]
            weight = parameters[2 * k + 2]
            back_moved = torch.baddbmm(back_moved @ weight.mT, back, direction[2 * k + 2].mT)
            back = back @ weight.mT
            right = torch.addcmul(back_moved * layer.place, back, moved, value=1.0 / self.grid.step)
            _scatter(by_table, layer.row, back_moved, right)
            back, back_moved = back * layer.slope, back_moved * layer.slope
            by_weight = layer.input.mT @ back_moved
            if tangent is not None:
                by_weight = torch.baddbmm(by_weight, tangent.mT, back)
            results[:0] = [by_weight, back_moved.sum(dim=1, keepdim=True)]
        return results, by_table.view_as(tables)


def _across(bias: Tensor, weight: Tensor, value: Tensor) -> Tensor:
    """Return the outputs of the last layer, rows last: (M, n_outputs, batch)."""
    return torch.baddbmm(bias.mT, weight.mT, value.mT)


def _scatter(target: Tensor, row: Tensor, total: Tensor, right: Tensor) -> None:
    """Add what each value leaves at the two knots of its cell."""
    target.index_add_(0, row, (total - right).flatten())
    target.index_add_(0, row + 1, right.flatten())


@dataclass(frozen=True)
class InnerOptimizer:
    """RMSProp of the inner runs, its second moments starting at one.

    learning_rate, decay, epsilon : float.
    """

    learning_rate: float = 0.01
    decay: float = 0.8
    epsilon: float = 1e-8


@dataclass(frozen=True, eq=False)
class InnerState:
    """Networks before a step of their training, or at its end.

    theta : parameters, and moment : their second moments, lists of Tensor;
    gradient : the one of the step, empty at the end.
    """

    theta: list[Tensor]
    moment: list[Tensor]
    gradient: list[Tensor]


def run_inner(
    network: InnerNetwork,
    start: Sequence[Tensor],
    tables: Tensor,
    batches: Sequence[Batch],
    optimizer: InnerOptimizer,
) -> tuple[list[InnerState], Tensor]:
    """Train from ``start``, one step per batch.

    Returns
    -------
    states : list of InnerState
        Before every step, and at the end: one more than batches.
    losses : Tensor of shape (n_batches, M)
    """
    theta = list(start)
    moment = [torch.ones_like(p) for p in theta]
    states: list[InnerState] = []
    losses = []
    for batch in batches:
        checkpoint()
        loss, gradient, _ = network.gradient(theta, tables, batch)
        losses.append(loss)
        states.append(InnerState(theta, moment, gradient))
        moment = [
            (v * optimizer.decay).addcmul_(g, g, value=1 - optimizer.decay)
            for v, g in zip(moment, gradient, strict=True)
        ]
        theta = [
            torch.addcdiv(p, g, v.sqrt().add_(optimizer.epsilon), value=-optimizer.learning_rate)
            for p, g, v in zip(theta, gradient, moment, strict=True)
        ]
    states.append(InnerState(theta, moment, []))
    return states, torch.stack(losses)


def adjoint_run(
    network: InnerNetwork,
    states: Sequence[InnerState],
    tables: Tensor,
    batches: Sequence[Batch],
    optimizer: InnerOptimizer,
    by_end: Sequence[Tensor],
    share: float,
) -> Tensor:
    """Return the gradient by the tables of a whole run, walking back over its stored states.

    Memory is that of the states: steps times parameters.

    Parameters
    ----------
    network : InnerNetwork
    states : sequence
        As :func:`run_inner` returned them.
    tables : Tensor
    batches : sequence of Batch
    optimizer : InnerOptimizer
    by_end : sequence of Tensor
        Gradient of the outer loss by the last parameters.
    share : float
        Factor of the sum of every step's losses in the outer loss.

    Returns
    -------
    Tensor of the shape of ``tables``
        What the outer loss gains by the tables through the run; its direct dependence at the end is
        the caller's to add.
    """
    rate, decay, epsilon = optimizer.learning_rate, optimizer.decay, optimizer.epsilon
    by_theta = list(by_end)
    by_moment = [torch.zeros_like(p) for p in by_theta]
    total = torch.zeros_like(tables)
    for before, after, batch in zip(
        reversed(states[:-1]), reversed(states[1:]), reversed(batches), strict=True
    ):
        checkpoint()
        direction, left = [], []
        for lam, lam_v, g, v in zip(
            by_theta, by_moment, before.gradient, after.moment, strict=True
        ):
            root = v.sqrt()
            scale = root + epsilon
            step = lam / scale
            on_moment = torch.addcdiv(lam_v, step * g, root * scale, value=rate / 2.0)
            direction.append(torch.addcmul(step * -rate, g, on_moment, value=2.0 * (1.0 - decay)))
            left.append(decay * on_moment)
        by_parameters, by_tables = network.adjoint(before.theta, tables, batch, direction, share)
        by_theta = [lam + h for lam, h in zip(by_theta, by_parameters, strict=True)]
        by_moment = left
        total += by_tables
    return total
