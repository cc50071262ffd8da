"""Several axes in the place of one, or in a figure of their own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sktaskneuron.inspection.drawing import import_pyplot


def make_grid(
    ax: Any,
    shape: tuple[int, int],
    size: tuple[float, float],
    *,
    heights: Sequence[float] | None = None,
    widths: Sequence[float] | None = None,
) -> tuple[Any, Any]:
    """Return a figure and a grid of places in it.

    Parameters
    ----------
    ax : matplotlib Axes or None
        Axes in whose place the grid is put; None: a new figure.
    shape : tuple of int
        Rows and columns of the grid.
    size : tuple of float
        Width and height of a new figure, in inches.
    heights, widths : sequence of float, default=None
        Of the rows and of the columns, relative to each other.

    Returns
    -------
    figure : matplotlib Figure
    grid : matplotlib GridSpec or GridSpecFromSubplotSpec

    Raises
    ------
    ValueError
        If `ax` stands in no grid.
    MissingDependencyError
        If matplotlib is not installed.
    """
    plt = import_pyplot()
    ratios = {"height_ratios": heights, "width_ratios": widths}
    if ax is None:
        figure = plt.figure(figsize=size, layout="constrained")
        return figure, figure.add_gridspec(*shape, **ratios)
    place = ax.get_subplotspec()
    if place is None:
        raise ValueError("ax must stand in a grid, as those of plt.subplots do")
    ax.set_axis_off()
    return ax.figure, place.subgridspec(*shape, **ratios)
