"""What all pictures share: matplotlib, axes, colours, texts."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from types import ModuleType
from typing import TYPE_CHECKING

from sktaskneuron.exceptions import MissingDependencyError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import Collection
    from matplotlib.colorbar import Colorbar
    from matplotlib.figure import Figure, SubFigure
    from matplotlib.gridspec import GridSpecBase
    from matplotlib.transforms import Transform

BLUE, GREY, RED = "#2a6f97", "#9aa5b1", "#c1121f"
PALE = "#d5dbe1"

# Ratio of the largest to the least number from which a scale is logarithmic.
_WIDE = 5.0


def import_pyplot() -> ModuleType:
    """Return matplotlib.pyplot; raises MissingDependencyError."""
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise MissingDependencyError(
            "pictures need matplotlib; install sktaskneuron[plot]"
        ) from error
    return plt


def new_axes(width: float, height: float) -> Axes:
    """Return axes alone in a new figure of so many inches."""
    return import_pyplot().subplots(figsize=(width, height), layout="constrained")[1]


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


def tight_shape(n_panels: int) -> tuple[int, int]:
    """Return rows and columns of a grid with few empty places."""
    n_columns = {1: 1, 2: 2, 4: 2}.get(n_panels, 3)
    return -(-n_panels // n_columns), n_columns


def plain(text: str) -> str:
    """Write a name so that matplotlib does not take dollars in it for mathematics."""
    return text.replace("$", r"\$")


def abbreviated(text: str, width: int, *, at_space: bool = True) -> str:
    """Cut a text, preferably at a space, and say so by an ellipsis."""
    if len(text) <= width:
        return text
    start = textwrap.shorten(text, width, placeholder=" …") if at_space else ""
    return start if len(start) > width // 2 else text[: width - 1] + "…"


def percent(share: float) -> str:
    """Write a share in percent: whole ones, with a digit more where these would say little."""
    size = abs(share)
    if 0 < size < 0.0005:
        return "< 0.1 %"
    digits = 0 if 0.0995 <= size < 0.985 or size == 0 or abs(size - 1) < 0.0005 else 1
    return f"{100 * share:.{digits}f} %".replace("-", "−")


def no_frame(ax: Axes) -> None:
    """Take away the upper and the right edge."""
    ax.spines[["top", "right"]].set_visible(False)


def zero_lines(ax: Axes) -> None:
    """Draw the cross of the zeros, behind everything."""
    ax.axhline(0, color="0.85", linewidth=0.8, zorder=0)
    ax.axvline(0, color="0.85", linewidth=0.8, zorder=0)


def write_note(ax: Axes, x: float, y: float, text: str, transform: Transform) -> None:
    """Say, in grey and centred, why something is not drawn."""
    ax.text(
        x, y, text, transform=transform, ha="center", va="center", fontsize="small", color="0.5"
    )


def small_colorbar(
    mappable: Collection,
    ax: Axes | Sequence[Axes],
    *,
    pad: float = 0.02,
    label: str = "",
    extend: str | None = None,
) -> Colorbar:
    """Return a thin colour bar without a frame, beside one or several axes of a figure."""
    bar = mappable.figure.colorbar(mappable, ax=ax, pad=pad, aspect=25, label=label, extend=extend)
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize="small", length=2, which="both")
    return bar


def needs_log_scale(low: float, high: float) -> bool:
    """Tell whether positive numbers spread so far that equal steps would hide the small ones."""
    return low > 0 and high > _WIDE * low
