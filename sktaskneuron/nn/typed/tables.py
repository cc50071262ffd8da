"""Functions of one variable as tables on an even grid.

A table is evaluated by one index and one polynomial per value, whatever the function costs itself.
Linear tables are continuous; cubic ones (Hermite) have a continuous slope, which a network needs
that is differentiated by its inputs, as a Hamiltonian one is. Outside the grid both go on straight.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from sktaskneuron._typing import FloatArray, Vector


@dataclass(frozen=True)
class Grid:
    """``n`` knots, evenly spaced from ``low`` to ``high``.

    Parameters
    ----------
    low, high : float
        First and last knot.
    n : int
        At least 2.

    See Also
    --------
    ActivationSet : Activation functions of one or more types of neurons, as values on a grid.

    Examples
    --------
    >>> from sktaskneuron.nn import Grid
    >>> Grid(0.0, 1.0, n=5).knots()
    array([0.  , 0.25, 0.5 , 0.75, 1.  ])
    """

    low: float = -10.0
    high: float = 10.0
    n: int = 101

    def __post_init__(self) -> None:
        if not (np.isfinite([self.low, self.high]).all() and self.low < self.high and self.n >= 2):
            raise ValueError(
                f"a grid needs finite ends low < high and at least 2 knots, got {self!r}"
            )

    @property
    def step(self) -> float:
        """Distance of two knots."""
        return (self.high - self.low) / (self.n - 1)

    def knots(self) -> Vector:
        """Return the knots: (n,)."""
        return np.linspace(self.low, self.high, self.n)


def cells(z: Tensor, grid: Grid) -> tuple[Tensor, Tensor]:
    """Return the cell of every value and the place within it, in units of the step.

    Cells are numbered from 0, the one left of the grid, to ``grid.n``, the one right of it.

    Parameters
    ----------
    z : Tensor of any shape
    grid : Grid

    Returns
    -------
    cell : Tensor of int32
    place : Tensor
        From 0 to 1 within the grid. Differentiable; a NaN stays one.
    """
    u = (z - grid.low) * (1.0 / grid.step)
    left = torch.nan_to_num(u.detach()).floor().clamp(-1, grid.n - 1)
    return left.int() + 1, u - left


def linear_coefficients(values: FloatArray) -> FloatArray:
    """Return constant and slope of every cell of tables.

    Parameters
    ----------
    values : ndarray of shape (..., n)
        At the knots.

    Returns
    -------
    ndarray of shape (..., n + 1, 2)
        In powers of the place in the cell; the first and last cells are those outside.
    """
    rise = np.diff(values, axis=-1)
    start = np.concatenate([values[..., :1] - rise[..., :1], values], axis=-1)
    slope = np.concatenate([rise[..., :1], rise, rise[..., -1:]], axis=-1)
    return np.stack([start, slope], axis=-1)


def cubic_coefficients(values: FloatArray, slopes: FloatArray | None, step: float) -> FloatArray:
    """Return the four coefficients of every cell of cubic Hermite tables.

    Parameters
    ----------
    values : ndarray of shape (..., n)
        At the knots.
    slopes : ndarray of shape (..., n) or None
        Derivatives at the knots; None takes differences of second order.
    step : float
        Distance of two knots.

    Returns
    -------
    ndarray of shape (..., n + 1, 4)
    """
    rate = np.gradient(values, axis=-1, edge_order=1) if slopes is None else slopes * step
    left, right = values[..., :-1], values[..., 1:]
    rise, at_left, at_right = right - left, rate[..., :-1], rate[..., 1:]
    inner = np.stack(
        [left, at_left, 3 * rise - 2 * at_left - at_right, at_left + at_right - 2 * rise], axis=-1
    )
    zero = np.zeros_like(values[..., 0])
    first = np.stack([values[..., 0] - rate[..., 0], rate[..., 0], zero, zero], axis=-1)
    last = np.stack([values[..., -1], rate[..., -1], zero, zero], axis=-1)
    return np.concatenate([first[..., None, :], inner, last[..., None, :]], axis=-2)


class TableFunction(nn.Module):
    """A frozen function of one variable, read from a table.

    Parameters
    ----------
    grid : Grid
        Knots between which the polynomials lie.
    coefficients : array-like of shape (grid.n + 1, degree + 1), default=None
        As :func:`linear_coefficients` and :func:`cubic_coefficients` return them; None leaves them
        zero, to be loaded.
    degree : {1, 3}, default=3
        Of the polynomials, where no coefficients are given.

    See Also
    --------
    ActivationSet : Activation functions of one or more types of neurons, as values on a grid.

    Notes
    -----
    The numbers are kept in float64 until the module is cast to the dtype of its network; values
    have the dtype of the input in any case.

    Examples
    --------
    >>> import torch
    >>> from sktaskneuron.nn import ActivationSet
    >>> sines = ActivationSet.from_names(["sin"]).to_torch(1)
    >>> bool((sines(torch.tensor([[0.5]])) - torch.tensor(0.5).sin()).abs() < 1e-4)
    True
    """

    coefficients: Tensor

    def __init__(
        self, grid: Grid, coefficients: ArrayLike | None = None, *, degree: int = 3
    ) -> None:
        super().__init__()
        self.grid = grid
        if coefficients is None:
            coefficients = np.zeros((grid.n + 1, degree + 1))
        # a copy: the caller's array may be read-only, or change
        table = torch.from_numpy(np.array(coefficients, dtype=np.float64))
        if table.ndim != 2 or len(table) != grid.n + 1:
            raise ValueError(
                f"a table on {grid.n} knots has {grid.n + 1} cells, got {tuple(table.shape)}"
            )
        self.register_buffer("coefficients", table)

    def forward(self, z: Tensor) -> Tensor:
        """Return the values, of the shape of ``z``."""
        place, powers = self._read(z)
        value = powers[-1]
        for coefficient in reversed(powers[:-1]):
            value = coefficient + place * value
        return value

    def value_and_slope(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Return the values and the derivatives, both differentiable and of the shape of ``z``."""
        place, powers = self._read(z)
        value, slope = powers[-1], torch.zeros_like(powers[-1])
        for coefficient in reversed(powers[:-1]):
            slope = value + place * slope
            value = coefficient + place * value
        return value, slope * (1.0 / self.grid.step)

    def _read(self, z: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return the places in the cells, and the coefficients there, the constant ones first.

        Column by column: that is several times faster than rows of two or four numbers.
        """
        cell, place = cells(z, self.grid)
        columns = self.coefficients.to(place.dtype).T.contiguous()
        flat = cell.reshape(-1)
        return place, [column.index_select(0, flat).view(z.shape) for column in columns]

    def extra_repr(self) -> str:
        """Return grid and degree."""
        return f"{self.grid}, degree={self.coefficients.shape[1] - 1}"
