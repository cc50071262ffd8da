"""Sets of activation functions as values: found, read, drawn, stored and used again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from os import PathLike
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import nn

from sktaskneuron._typing import FloatArray, Matrix, Vector
from sktaskneuron.nn.activations import get_activation
from sktaskneuron.nn.typed.dictionary import SymbolicApproximation, approximate
from sktaskneuron.nn.typed.files import read_stored, read_text, set_text, write_stored
from sktaskneuron.nn.typed.layers import TypedActivation
from sktaskneuron.nn.typed.sub_networks import SubNetworks, base_texts
from sktaskneuron.nn.typed.tables import (
    Grid,
    TableFunction,
    cubic_coefficients,
    linear_coefficients,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Where functions are compared and taken apart.
_LOOK = np.linspace(-6.0, 6.0, 241)


@dataclass(frozen=True, eq=False)
class ActivationSet:
    """Activation functions of one or more types of neurons, as values on a grid.

    Estimators and torch modules take it as it is: neuron j of N has type ``j * T // N``.

    Parameters
    ----------
    values : ndarray of shape (n_types, grid.n)
        At the knots.
    grid : Grid, default=Grid()
        The knots.
    slopes : ndarray of shape (n_types, grid.n) or None, default=None
        Derivatives at the knots; None takes differences.
    names : sequence of str, default=None
        One per type; None is "type 1", "type 2" and so on.
    sub_networks : SubNetworks or None, default=None
        The exact form, where the functions were learned as sub-networks.

    Raises
    ------
    ValueError
        If shapes do not fit, or values are not finite.

    See Also
    --------
    TableFunction : A frozen function of one variable, read from a table.
    TypedActivation : Activation of a layer whose neurons are of several types, by place.

    Examples
    --------
    >>> from sktaskneuron.nn import ActivationSet
    >>> odd_and_even = ActivationSet.from_names(["tanh", "sin"])
    >>> odd_and_even.names
    ('tanh', 'sin')
    >>> odd_and_even([0.0, 1.0]).round(3).tolist()
    [[0.0, 0.762], [0.0, 0.841]]
    """

    values: Matrix = field(repr=False)
    grid: Grid = field(default_factory=Grid)
    slopes: Matrix | None = field(default=None, repr=False)
    names: tuple[str, ...] = ()
    sub_networks: SubNetworks | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        values = np.array(self.values, dtype=np.float64, ndmin=2)
        if values.ndim != 2 or values.shape[1] != self.grid.n or not len(values):
            raise ValueError(
                f"values need the shape (n_types, {self.grid.n}), got {np.shape(self.values)}"
            )
        if not np.isfinite(values).all():
            raise ValueError("the values of an activation function must be finite")
        names = tuple(map(str, self.names)) or tuple(f"type {i + 1}" for i in range(len(values)))
        if len(names) != len(values):
            raise ValueError(f"{len(values)} types have {len(names)} names")
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "names", names)
        if self.slopes is not None:
            slopes = np.array(self.slopes, dtype=np.float64, ndmin=2)
            if slopes.shape != values.shape or not np.isfinite(slopes).all():
                raise ValueError("slopes need the shape of values, and to be finite")
            object.__setattr__(self, "slopes", slopes)

    @classmethod
    def from_functions(
        cls, functions: Mapping[str, Callable[[Vector], ArrayLike]], grid: Grid | None = None
    ) -> ActivationSet:
        """Tabulate numpy functions of one variable.

        Parameters
        ----------
        functions : mapping of name to callable
            From arrays to arrays of the same shape, one per type.
        grid : Grid, default=None
            The knots; None is ``Grid()``.
        """
        grid = grid or Grid()
        knots = grid.knots()
        values = [
            np.broadcast_to(np.asarray(function(knots), dtype=np.float64), knots.shape)
            for function in functions.values()
        ]
        return cls(np.array(values), grid, names=tuple(functions))

    @classmethod
    def from_names(cls, names: Sequence[str], grid: Grid | None = None) -> ActivationSet:
        """Tabulate activations of :data:`sktaskneuron.nn.ACTIVATIONS`.

        Parameters
        ----------
        names : sequence of str
            Texts as of :func:`get_activation`, one per type.
        grid : Grid, default=None
            The knots; None is ``Grid()``.
        """
        grid = grid or Grid()
        values, slopes = [], []
        with torch.inference_mode(False), torch.enable_grad():
            x = torch.from_numpy(grid.knots()).requires_grad_()
            for name in names:
                value = get_activation(name)(x)
                values.append(value.detach().numpy())
                slopes.append(torch.autograd.grad(value.sum(), x)[0].numpy())
        return cls(np.array(values), grid, np.array(slopes), tuple(names))

    @classmethod
    def from_sub_networks(cls, networks: SubNetworks, grid: Grid | None = None) -> ActivationSet:
        """Tabulate sub-networks and keep their exact form.

        Parameters
        ----------
        networks : SubNetworks
            The learned functions.
        grid : Grid, default=None
            The knots; None is ``Grid()``.
        """
        grid = grid or Grid()
        knots = grid.knots()
        return cls(networks(knots), grid, networks.slope(knots), sub_networks=networks)

    def __len__(self) -> int:
        """Return the number of types."""
        return len(self.values)

    def __getitem__(self, index: int) -> ActivationSet:
        """Return the set of one type alone."""
        pick = [range(len(self))[index]]
        networks = self.sub_networks
        if networks is not None:
            networks = replace(
                networks,
                w1=networks.w1[pick],
                b1=networks.b1[pick],
                w2=networks.w2[pick],
                b2=networks.b2[pick],
                base=base_texts(networks.base, len(self))[pick[0]],
            )
        slopes = None if self.slopes is None else self.slopes[pick]
        return ActivationSet(self.values[pick], self.grid, slopes, (self.names[pick[0]],), networks)

    # -- evaluation -------------------------------------------------------------------------------

    def coefficients(self, interpolation: str = "cubic") -> FloatArray:
        """Return the tables' polynomials: (n_types, grid.n + 1, 2 or 4).

        Parameters
        ----------
        interpolation : {"cubic", "linear"}, default="cubic"
            Polynomials between the knots.

        Returns
        -------
        coefficients : ndarray of shape (n_types, grid.n + 1, 2 or 4)
            Of each piece, the constant first.
        """
        if interpolation == "linear":
            return linear_coefficients(self.values)
        if interpolation == "cubic":
            return cubic_coefficients(self.values, self.slopes, self.grid.step)
        raise ValueError(f"interpolation must be 'cubic' or 'linear', got {interpolation!r}")

    def __call__(self, x: ArrayLike, interpolation: str = "cubic") -> FloatArray:
        """Return the values of all types, read from the table.

        Parameters
        ----------
        x : array-like of any shape
        interpolation : {"cubic", "linear"}, default="cubic"
            Polynomials between the knots.

        Returns
        -------
        ndarray of shape ``(n_types, *x.shape)``
        """
        points = np.asarray(x, dtype=np.float64)
        place = (points - self.grid.low) / self.grid.step
        cell = np.clip(np.floor(np.nan_to_num(place)), -1, self.grid.n - 1).astype(np.intp)
        place = place - cell
        table = self.coefficients(interpolation)[:, cell + 1]
        value = table[..., -1]
        for degree in range(table.shape[-1] - 2, -1, -1):
            value = table[..., degree] + place * value
        return np.asarray(value)

    def exact(self, x: ArrayLike) -> FloatArray:
        """Return the values of the sub-networks themselves: ``(n_types, *x.shape)``.

        Raises
        ------
        AttributeError
            If the functions were not learned as sub-networks.
        """
        return self._networks()(x)

    def text(self, index: int, digits: int = 4) -> str:
        """Return the closed form of a type: its base and every neuron of its sub-network.

        Parameters
        ----------
        index : int
            Number of the type, from 0.
        digits : int, default=4
            Significant digits.

        Returns
        -------
        text : str
            A function of x.

        Raises
        ------
        AttributeError
            If the functions were not learned as sub-networks.
        """
        return self._networks().text(index, digits)

    def _networks(self) -> SubNetworks:
        if self.sub_networks is None:
            raise AttributeError("only learned functions have a closed form; these are tables")
        return self.sub_networks

    def functions(self, interpolation: str = "cubic") -> list[TableFunction]:
        """Return one torch module per type.

        Parameters
        ----------
        interpolation : {"cubic", "linear"}, default="cubic"
            Polynomials between the knots.

        Returns
        -------
        functions : list of TableFunction
            In the order of the types.
        """
        return [TableFunction(self.grid, table) for table in self.coefficients(interpolation)]

    def to_torch(self, n_neurons: int, interpolation: str = "cubic") -> nn.Module:
        """Return a torch module for a layer of ``n_neurons``, the last axis of its input.

        Parameters
        ----------
        n_neurons : int
            Neurons of the layer, shared out among the types.
        interpolation : {"cubic", "linear"}, default="cubic"
            Polynomials between the knots.

        Returns
        -------
        module : TypedActivation
            Neurons of one type stand side by side.
        """
        return TypedActivation(self.functions(interpolation), n_neurons)

    # -- what the functions are like ---------------------------------------------------------------

    def parity(self) -> Vector:
        """Return the share of every function's mean square that is even: (n_types,).

        1 for even functions, 0 for odd ones; on [-6, 6], after the mean is taken off.
        """
        value = self(_LOOK)
        value = value - value.mean(axis=1, keepdims=True)
        even = 0.5 * (value + value[:, ::-1])
        size = (value**2).sum(axis=1)
        return (even**2).sum(axis=1) / np.where(size > 0, size, 1.0)

    def distances(self) -> Matrix:
        """Return the root mean square distances between types on [-6, 6]: (n_types, n_types)."""
        value = self(_LOOK)
        return np.asarray(np.sqrt(((value[:, None] - value[None]) ** 2).mean(axis=-1)))

    def symbolic(
        self, *, max_terms: int = 4, min_r2: float = 0.99
    ) -> list[SymbolicApproximation | None]:
        """Return short formulas that come near the functions on [-6, 6], None where none does.

        Parameters
        ----------
        max_terms : int, default=4
            Beside the constant.
        min_r2 : float, default=0.99
            Share of the variance that a formula must explain.

        Returns
        -------
        formulas : list of SymbolicApproximation or None
            In the order of the types.
        """
        return [
            approximate(_LOOK, value, max_terms=max_terms, min_r2=min_r2) for value in self(_LOOK)
        ]

    def plot(self, *, ax: Axes | None = None, low: float = -6.0, high: float = 6.0) -> Axes:
        """Draw the functions.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes new axes.
        low, high : float
            Range of the inputs.

        Returns
        -------
        matplotlib Axes
            With one line per type.
        """
        import matplotlib.pyplot as plt

        if ax is None:
            _, ax = plt.subplots(layout="constrained")
        x = np.linspace(low, high, 401)
        for name, value in zip(self.names, self(x), strict=True):
            ax.plot(x, value, label=name)
        ax.axhline(0, color="0.85", linewidth=1, zorder=0)
        ax.axvline(0, color="0.85", linewidth=1, zorder=0)
        ax.set(xlabel="input of the neuron", ylabel="output")
        ax.legend(frameon=False)
        return ax

    def to_json(self) -> str:
        """Return the set as JSON text."""
        return set_text(self.values, self.grid, self.slopes, self.names, self.sub_networks)

    @classmethod
    def from_json(cls, text: str) -> ActivationSet:
        """Read what :meth:`to_json` wrote.

        Raises
        ------
        ValueError
            If the text is not such a set.
        """
        try:
            return cls(*read_text(text))
        except (ValueError, TypeError, KeyError, OverflowError, RecursionError) as error:
            raise ValueError(f"this is no JSON text of an ActivationSet: {error}") from error

    def save(self, path: str | PathLike[str]) -> None:
        """Write the set to a file: ``.npz`` for arrays, anything else for JSON.

        Parameters
        ----------
        path : path-like
            The file to write.
        """
        write_stored(path, self.to_json())

    @classmethod
    def load(cls, path: str | PathLike[str]) -> ActivationSet:
        """Read what :meth:`save` wrote. Nothing in the file is run.

        Parameters
        ----------
        path : path-like
            A file that `save` wrote.

        Raises
        ------
        ValueError
            If the file holds no such set, or is larger than one.
        """
        return cls.from_json(read_stored(path))
