"""Several axes in the place of one, or in a figure of their own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sktaskneuron.inspection.drawing import import_pyplot

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure
    from matplotlib.gridspec import GridSpecBase


def make_grid(
    ax: Axes | None,
    shape: tuple[int, int],
    size: tuple[float, float],
    *,
    heights: Sequence[float] | None = None,
    widths: Sequence[float] | None = None,
) -> tuple[Figure | SubFigure, GridSpecBase]:
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
    if ax is None:
        figure = plt.figure(figsize=size, layout="constrained")
        return figure, figure.add_gridspec(*shape, width_ratios=widths, height_ratios=heights)
    place = ax.get_subplotspec()
    if place is None:
        raise ValueError("ax must stand in a grid, as those of plt.subplots do")
    ax.set_axis_off()
    return ax.figure, place.subgridspec(*shape, width_ratios=widths, height_ratios=heights)
