"""The kinds of small pictures that a formula is drawn by: numbers first, then how they are drawn.

Each has a title, and ``draw(ax)`` which returns what matplotlib made of it, the main thing first.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, TypeAlias

import numpy as np

from sktaskneuron._typing import FloatArray
from sktaskneuron.inspection.drawing import (
    BLUE,
    GREY,
    PALE,
    RED,
    abbreviated,
    no_frame,
    percent,
    plain,
    small_colorbar,
)

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.colorbar import Colorbar
    from matplotlib.container import BarContainer

    Drawn: TypeAlias = Artist | BarContainer | Colorbar

_NAME = 26  # characters of a column's name
# Height of the strip with the distribution of the rows, as part of the axes.
_STRIP = 0.14
_MOST_BARS = 12
_MOST_REST = 6


def _short(name: str, width: int = _NAME) -> str:
    return plain(abbreviated(name, width, at_space=False))


def _joined(names: Sequence[str]) -> str:
    """Name several columns within one short line."""
    if len(names) == 1:
        return _short(names[0], 18)
    others = _short(names[1], 11) if len(names) == 2 else f"{len(names) - 1} others"
    return f"{_short(names[0], 11)} × {others}"


def _bars(
    ax: Axes, labels: Sequence[str], values: Sequence[float], colours: Sequence[str] | str
) -> BarContainer:
    """Draw horizontal bars, the first on top."""
    bars = ax.barh(range(len(labels)), values, color=colours, height=0.7)
    ax.set_yticks(range(len(labels)), labels)
    ax.set_ylim(max(len(labels), 3) - 0.5, -0.5)  # one alone would fill the axes
    ax.tick_params(axis="y", length=0)
    ax.axvline(0.0, color=GREY, linewidth=0.8)
    ax.locator_params(axis="x", nbins=4)
    ax.margins(x=0.12)
    ax.spines[["top", "right", "left"]].set_visible(False)
    return bars


@dataclass(frozen=True, eq=False, repr=False)
class Panel(ABC):
    """A part of an equation, to be drawn in axes of its own.

    columns : names of the columns that it reads, or of the one feature; share : of the variance.
    """

    columns: tuple[str, ...]
    share: float
    # whether the vertical axis holds contributions
    upright: ClassVar[bool] = False

    @property
    def title(self) -> str:
        """Tell the share; the labels of the axes name the columns."""
        return f"{percent(self.share)} of variance"

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self.columns}: {self.title}>"

    @abstractmethod
    def draw(self, ax: Axes) -> list[Drawn]:
        """Draw into the axes and return the artists."""


@dataclass(frozen=True, eq=False, repr=False)
class Curve(Panel):
    """What one column adds, over a strip with the distribution of the rows.

    grid, values : (n_grid,); rows : (n_samples,) values of the column.
    """

    grid: FloatArray
    values: FloatArray
    rows: FloatArray
    upright: ClassVar[bool] = True

    def draw(self, ax: Axes) -> list[Drawn]:
        """Draw a line and the strip."""
        (line,) = ax.plot(self.grid, self.values, color=BLUE)
        strip = _strip(ax, self.rows, self.grid, self.values)
        ax.set_xlabel(_short(self.columns[0]))
        return [line, strip]


@dataclass(frozen=True, eq=False, repr=False)
class Lines(Panel):
    """What two columns add of which the second has two values only: a curve for each.

    grid : (n_grid,) of the first column; levels : (2,) of the second; values : (2, n_grid);
    rows : (n_samples,) values of the first column.
    """

    grid: FloatArray
    levels: FloatArray
    values: FloatArray
    rows: FloatArray
    upright: ClassVar[bool] = True

    def draw(self, ax: Axes) -> list[Drawn]:
        """Draw two lines, their legend and the strip."""
        lines = [
            ax.plot(self.grid, values, color=colour)[0]
            for values, colour in zip(self.values, (GREY, BLUE), strict=True)
        ]
        strip = _strip(ax, self.rows, self.grid, self.values)
        legend = ax.legend(
            lines,
            [f"{level:.4g}" for level in self.levels],
            title=_short(self.columns[1]),
            frameon=False,
            fontsize="small",
            title_fontsize="small",
        )
        ax.set_xlabel(_short(self.columns[0]))
        return [*lines, strip, legend]


@dataclass(frozen=True, eq=False, repr=False)
class Surface(Panel):
    """What two columns add together.

    grids : two of (n_grid,); values : (n_grid, n_grid), first column along the last axis;
    rows : (n_samples, 2) values of the columns.
    """

    grids: tuple[FloatArray, FloatArray]
    values: FloatArray
    rows: FloatArray
    # largest value that the colours tell; 0: that of this surface
    size: float = 0.0

    def draw(self, ax: Axes) -> list[Drawn]:
        """Draw filled contours, the rows as dots, and a colour bar."""
        from matplotlib.ticker import MaxNLocator

        size = self.size or float(np.abs(self.values).max()) or 1.0
        # as many levels on each side of zero, so that white means nothing
        levels = MaxNLocator(12, symmetric=True).tick_values(-size, size)
        contours = ax.contourf(*self.grids, self.values, levels=levels, cmap="RdBu_r")
        limits = ax.axis()
        (dots,) = ax.plot(*self.rows.T, ".", color="black", markersize=1.8, alpha=0.35)
        ax.axis(limits)  # rows beyond the grid must not leave a white margin
        bar = small_colorbar(contours, ax, pad=0.03)
        bar.locator = MaxNLocator(5)
        bar.update_ticks()
        bar.ax.yaxis.get_offset_text().set_fontsize("small")
        ax.set(xlabel=_short(self.columns[0], 22), ylabel=_short(self.columns[1], 22))
        return [contours, dots, bar]


@dataclass(frozen=True, eq=False, repr=False)
class Slice(Surface):
    """What three columns add together, where the third has one value.

    third : name of that column, the last of ``columns``; level : its value. The colours are those
    of all slices of the part.
    """

    third: str = ""
    level: float = 0.0

    @property
    def title(self) -> str:
        """Tell the share of the whole part, and where this is."""
        return f"{percent(self.share)}, at {_short(self.third, 14)} = {self.level:.3g}"


@dataclass(frozen=True, eq=False, repr=False)
class Levels(Panel):
    """What each level of a category, or of a column of two values, adds.

    levels : their texts; values : (n_levels,); frequency : (n_levels,) share of the rows.
    """

    levels: tuple[str, ...]
    values: FloatArray
    frequency: FloatArray

    @property
    def title(self) -> str:
        """Name the column, which no axis does, and the share."""
        return f"{_short(self.columns[0])}: {percent(self.share)}"

    def draw(self, ax: Axes) -> list[Drawn]:
        """Draw a bar for each level, those that add most."""
        most = np.argsort(-np.abs(self.values), kind="stable")[:_MOST_BARS]
        places = most[np.argsort(-self.values[most], kind="stable")]
        labels = [
            f"{_short(self.levels[place], 16)} ({percent(float(self.frequency[place]))})"
            for place in places
        ]
        bars = _bars(ax, labels, self.values[places].tolist(), BLUE)
        ax.set_xlabel("contribution")
        return [bars]


@dataclass(frozen=True, eq=False, repr=False)
class Rest(Panel):
    """What has no picture of its own: bars with the shares of the variance.

    names, shares : of the parts, by their columns, the largest first.
    """

    names: tuple[tuple[str, ...], ...]
    shares: tuple[float, ...]

    @property
    def title(self) -> str:
        """Say that these are the parts without a picture."""
        return f"not drawn: {percent(self.share)}"

    def draw(self, ax: Axes) -> list[Drawn]:
        """Draw a bar for each part; the last stands for all that are many."""
        from matplotlib.ticker import PercentFormatter

        labels, shares = [_joined(names) for names in self.names], list(self.shares)
        if len(labels) > _MOST_REST:
            last = _MOST_REST - 1
            labels[last:] = [f"{len(labels) - last} others"]
            shares[last:] = [sum(shares[last:])]
        colours = [RED if share < 0 else GREY for share in shares]
        bars = _bars(ax, labels, shares, colours)
        ax.locator_params(axis="x", nbins=3)
        ax.xaxis.set_major_formatter(PercentFormatter(1.0, symbol=" %"))
        ax.set_xlabel("share of variance")
        return [bars]


def _strip(ax: Axes, rows: FloatArray, grid: FloatArray, curves: FloatArray) -> BarContainer:
    """Draw a histogram at the bottom of the axes, in heights of the axes, below the curves."""
    inside = rows[(rows >= grid[0]) & (rows <= grid[-1])]
    counts, edges = np.histogram(inside, bins=min(40, max(10, len(rows) // 10)))
    heights = _STRIP * counts / max(1, counts.max())
    strip = ax.bar(
        edges[:-1],
        heights,
        np.diff(edges),
        align="edge",
        color=PALE,
        transform=ax.get_xaxis_transform(),
        zorder=0,
    )
    # the strip's height is left free below the curves
    low, high = float(curves.min()), float(curves.max())
    extent = (high - low) or max(abs(high), 1.0)
    bottom = low - extent * (_STRIP + 0.04) / (0.92 - _STRIP)
    ax.set_ylim(bottom, high + 0.08 * extent)
    # few ticks, and powers of ten where numbers are long
    ax.locator_params(nbins=5)
    ax.ticklabel_format(scilimits=(-3, 5))
    for axis in (ax.xaxis, ax.yaxis):
        axis.get_offset_text().set_fontsize("small")
    no_frame(ax)
    return strip
