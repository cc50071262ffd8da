"""Orbits of a system beside those that a model of its motion runs through."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from sktaskneuron._typing import AnyArray, FloatArray, Matrix, Vector
from sktaskneuron.dynamics import check_integration, integrate
from sktaskneuron.inspection.checks import check_fitted
from sktaskneuron.inspection.drawing import GREY, import_pyplot, make_grid, no_frame, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure
    from matplotlib.lines import Line2D
    from sklearn.base import BaseEstimator


class PhaseSpaceDisplay:
    """True orbits, those that a model simulates from the same starts, and their energies.

    The left axes show two coordinates of the states: true orbits in grey, simulated ones in colour,
    starts as dots. If there is an energy, the right axes show it over time, in the same colours. It
    is made by `from_estimator`.

    Parameters
    ----------
    trajectories : array-like of shape (n_orbits, n_times, n_state)
        True states.
    simulated : array-like of shape (n_orbits, n_times, n_state)
        Those of the model.
    t : array-like of shape (n_times,)
        Their times.
    true_energy, simulated_energy : array-like of shape (n_orbits, n_times) or None, default=None
        Energies of the states.

    Attributes
    ----------
    figure_ : matplotlib Figure
        Figure of the pictures.
    axes_ : ndarray of matplotlib Axes of shape (1 or 2,)
        Those of the orbits, and of the energies.
    bounding_ax_ : matplotlib Axes or None
        The given axes, in whose place the others were put.
    true_lines_, simulated_lines_ : list of matplotlib Line2D
        The orbits.
    true_energy_lines_, simulated_energy_lines_ : list of matplotlib Line2D
        Their energies; empty if there are none.

    Raises
    ------
    ValueError
        If shapes do not fit.

    See Also
    --------
    sktaskneuron.HamiltonianMLPRegressor : Regression of a Hamiltonian system's motion by a network
        for its Hamiltonian.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("agg")
    >>> import numpy as np
    >>> from sktaskneuron import HamiltonianMLPRegressor
    >>> from sktaskneuron.inspection import PhaseSpaceDisplay
    >>> t = np.linspace(0, 6, 61)
    >>> size = np.linspace(0.5, 1.5, 5)[:, None]
    >>> orbits = np.stack([size * np.cos(t), -size * np.sin(t)], axis=2)
    >>> model = HamiltonianMLPRegressor((20,), max_epochs=20, random_state=0).fit(orbits, t)
    >>> display = PhaseSpaceDisplay.from_estimator(model, orbits[::2], t)
    >>> display.simulated.shape, len(display.axes_)
    ((3, 61, 2), 2)
    """

    true_energy: FloatArray | None
    simulated_energy: FloatArray | None
    figure_: Figure | SubFigure
    true_lines_: list[Line2D]
    simulated_lines_: list[Line2D]
    axes_: AnyArray

    def __init__(
        self,
        trajectories: ArrayLike,
        simulated: ArrayLike,
        t: ArrayLike,
        true_energy: ArrayLike | None = None,
        simulated_energy: ArrayLike | None = None,
    ) -> None:
        self.t: FloatArray = np.asarray(t, dtype=np.float64)
        self.trajectories: FloatArray = np.asarray(trajectories, dtype=np.float64)
        self.simulated: FloatArray = np.asarray(simulated, dtype=np.float64)
        shape = self.trajectories.shape
        if len(shape) != 3 or self.simulated.shape != shape or self.t.shape != shape[1:2]:
            raise ValueError(
                "trajectories and simulated need the shape (n_orbits, n_times, n_state), and t "
                f"(n_times,); got {shape}, {self.simulated.shape} and {self.t.shape}"
            )
        self.true_energy, self.simulated_energy = (
            None if energy is None else np.asarray(energy, dtype=np.float64)
            for energy in (true_energy, simulated_energy)
        )
        for energy in (self.true_energy, self.simulated_energy):
            if energy is not None and energy.shape != shape[:2]:
                raise ValueError(f"energies need the shape {shape[:2]}, got {energy.shape}")

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        trajectories: ArrayLike,
        t: ArrayLike,
        *,
        method: str = "rk4",
        energy: Callable[[FloatArray], ArrayLike] | None = None,
        coordinates: tuple[int, int] = (0, 1),
        names: Sequence[str] | None = None,
        ax: Axes | None = None,
    ) -> PhaseSpaceDisplay:
        """Simulate from the starts of true orbits, and draw both.

        Parameters
        ----------
        estimator : estimator
            A fitted `HamiltonianMLPRegressor`, anything else with its ``simulate(x0, t, method)``,
            or any regressor that predicts the derivatives of states by time from the states.
        trajectories : array-like of shape (n_orbits, n_times, n_state) or (n_times, n_state)
            True states; the first of each orbit is where the model starts.
        t : array-like of shape (n_times,)
            Increasing times.
        method : {"rk4", "leapfrog"}, default="rk4"
            Integration of the model: of fourth order, or symplectic of second order.
        energy : callable, default=None
            Maps states (n_samples, n_state) to energies (n_samples,). None: the method ``energy``
            of the estimator, if it has one. Of a model's own energy, true orbits show its errors,
            and simulated ones those of the integration alone.
        coordinates : tuple of int, default=(0, 1)
            Places of the two coordinates that are drawn.
        names : sequence of str of length n_state, default=None
            Names of the coordinates; None takes `feature_names_in_` of the estimator, or
            x0, x1, ….
        ax : matplotlib Axes, default=None
            Axes in whose place those of the picture are put; None: a new figure.

        Returns
        -------
        display : PhaseSpaceDisplay
            Drawn.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        TypeError
            If it can neither simulate nor predict.
        ValueError
            If shapes do not fit, times do not increase, or a coordinate is not there.
        MissingDependencyError
            If matplotlib is not installed.
        """
        import_pyplot()
        check_fitted(estimator)
        states = np.asarray(trajectories, dtype=np.float64)
        states = states[None] if states.ndim == 2 else states
        times = np.asarray(t, dtype=np.float64)
        if states.ndim != 3 or times.shape != states.shape[1:2] or not (np.diff(times) > 0).all():
            raise ValueError(
                "trajectories need the shape (n_orbits, n_times, n_state) and t n_times increasing "
                f"times; got {np.shape(trajectories)} and {times.shape}"
            )
        n_state = states.shape[2]
        if len(coordinates) != 2 or not all(0 <= place < n_state for place in coordinates):
            raise ValueError(
                f"coordinates must be two places in 0..{n_state - 1}, got {coordinates!r}"
            )
        simulated = _simulate(estimator, states[:, 0], times, method)
        measure = energy if energy is not None else getattr(estimator, "energy", None)
        energies: list[FloatArray | None] = [None, None]
        if measure is not None:
            energies = [_energies(measure, orbits) for orbits in (states, simulated)]
        if names is None:
            names = getattr(estimator, "feature_names_in_", [f"x{j}" for j in range(n_state)])
        display = cls(states, simulated, times, *energies)
        return display.plot(ax, coordinates=coordinates, names=names)

    def plot(
        self,
        ax: Axes | None = None,
        *,
        coordinates: tuple[int, int] = (0, 1),
        names: Sequence[str] | None = None,
    ) -> PhaseSpaceDisplay:
        """Draw orbits and energies.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes in whose place those of the picture are put; None: a new figure.
        coordinates : tuple of int, default=(0, 1)
            Places of the two coordinates that are drawn.
        names : sequence of str of length n_state, default=None
            Names of the coordinates; None: x0, x1, ….

        Returns
        -------
        display : PhaseSpaceDisplay
            Itself.

        Raises
        ------
        ValueError
            If `ax` stands in no grid.
        MissingDependencyError
            If matplotlib is not installed.
        """
        plt = import_pyplot()
        first, second = coordinates
        both = self.true_energy is not None or self.simulated_energy is not None
        self.bounding_ax_ = ax
        self.figure_, grid = make_grid(ax, (1, 2 if both else 1), (7.8 if both else 4.2, 3.7))
        n_orbits = len(self.trajectories)
        colours = plt.get_cmap("viridis")(np.linspace(0.05, 0.85, n_orbits))
        orbit_ax = self.figure_.add_subplot(grid[0, 0])
        self.true_lines_ = [
            _draw_true(orbit_ax, orbit[:, first], orbit[:, second]) for orbit in self.trajectories
        ]
        self.simulated_lines_ = [
            orbit_ax.plot(orbit[:, first], orbit[:, second], color=colour, linewidth=1.1)[0]
            for orbit, colour in zip(self.simulated, colours, strict=True)
        ]
        starts = self.trajectories[:, 0]
        orbit_ax.scatter(starts[:, first], starts[:, second], s=22, color=colours, zorder=4)
        self._frame_orbits(orbit_ax, first, second)
        names = [f"x{j}" for j in range(starts.shape[1])] if names is None else names
        orbit_ax.set(xlabel=plain(str(names[first])), ylabel=plain(str(names[second])))
        axes = [orbit_ax]
        self.true_energy_lines_: list[Line2D] = []
        self.simulated_energy_lines_: list[Line2D] = []
        if both:
            axes.append(self.figure_.add_subplot(grid[0, 1]))
            if self.true_energy is not None:
                self.true_energy_lines_ = [
                    _draw_true(axes[1], self.t, values) for values in self.true_energy
                ]
            if self.simulated_energy is not None:
                self.simulated_energy_lines_ = [
                    axes[1].plot(self.t, values, color=colour, linewidth=1.1)[0]
                    for values, colour in zip(self.simulated_energy, colours, strict=True)
                ]
            axes[1].set(xlabel="time", ylabel="energy")
        handles = [self.true_lines_[0], self.simulated_lines_[0]]
        axes[-1].legend(
            handles,
            ["true", "simulated"],
            frameon=False,
            fontsize="small",
            ncols=2,
            loc="lower right",
            bbox_to_anchor=(1.0, 1.0),
            borderaxespad=0.2,
        )
        for axis in axes:
            axis.locator_params(nbins=6)
            axis.tick_params(labelsize="small")
            no_frame(axis)
        self.axes_ = np.array(axes, dtype=object)
        return self

    def _frame_orbits(self, ax: Axes, first: int, second: int) -> None:
        """Show the true orbits and as much again: a simulation may run away."""
        for axis, place in (("x", first), ("y", second)):
            true = self.trajectories[..., place]
            low, high = float(true.min()), float(true.max())
            extent = (high - low) or 1.0
            both = self.simulated[..., place]
            both = both[np.isfinite(both)]
            bottom = max(low - 0.5 * extent, min(low, both.min(initial=low))) - 0.05 * extent
            top = min(high + 0.5 * extent, max(high, both.max(initial=high))) + 0.05 * extent
            getattr(ax, f"set_{axis}lim")(bottom, top)


def _draw_true(ax: Axes, x: Vector, y: Vector) -> Line2D:
    """Draw the line of a true orbit, broad and pale under that of the model."""
    return ax.plot(x, y, color=GREY, linewidth=2.6, alpha=0.6, zorder=1)[0]


def _simulate(estimator: BaseEstimator, starts: Matrix, t: Vector, method: str) -> FloatArray:
    """Return the orbits of the model: (n_orbits, n_times, n_state)."""
    simulate = getattr(estimator, "simulate", None)
    if simulate is not None:
        return np.asarray(simulate(starts, t, method=method), dtype=np.float64)
    if not hasattr(estimator, "predict"):
        raise TypeError(
            f"{type(estimator).__name__} has neither simulate nor predict: give a regressor of the "
            "derivatives of states"
        )
    return integrate(estimator.predict, starts, check_integration(t, method, None), method)


def _energies(measure: Callable[[FloatArray], ArrayLike], orbits: FloatArray) -> FloatArray:
    """Return the energies of orbits, (n_orbits, n_times); NaN where a simulation ran away."""
    finite = np.isfinite(orbits).all(axis=2)
    found = np.full(finite.shape, np.nan)
    found[finite] = np.asarray(measure(orbits[finite]))
    return found
