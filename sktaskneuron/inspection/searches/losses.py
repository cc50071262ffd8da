"""Picture of the best candidates of a search of activations: their losses, and their functions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from sktaskneuron._typing import Vector
from sktaskneuron.inspection.drawing import (
    GREY,
    PALE,
    needs_log_scale,
    no_frame,
    write_note,
    zero_lines,
)
from sktaskneuron.inspection.searches.candidate import Candidate

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import PathCollection
    from matplotlib.container import BarContainer
    from matplotlib.text import Text

# Characters of a name: beside the losses, below them, above a function.
_LABEL, _BELOW, _TITLE = 26, 22, 14
# Inputs at which functions are drawn, and the points of a curve.
_RANGE, _CURVE = 4.0, 401
# Free part of the axis on both sides of the losses.
_MARGIN = 0.06


def draw_losses(
    ax: Axes, candidates: Sequence[Candidate], fallback: Candidate
) -> tuple[PathCollection, BarContainer | None, list[Text]]:
    """Draw the losses of candidates as dots, the first on top, over their bands.

    A band is the loss of the fallback, plus and minus the standard error of the candidate's
    difference to it.

    Returns
    -------
    points : matplotlib PathCollection
    bands : matplotlib BarContainer, or None if the fallback failed
    labels : list of matplotlib Text
        The names.
    """
    rows = np.arange(len(candidates))
    losses = np.array([candidate.loss for candidate in candidates])
    widths = np.array([candidate.band for candidate in candidates])
    finite = np.isfinite(losses)
    centre = fallback.loss
    bands = None
    if np.isfinite(centre):
        band = np.where(finite, widths, 0.0)
        bands = ax.barh(
            rows, 2 * band, left=centre - band, height=1.0, color=PALE, linewidth=0, zorder=0
        )
        ax.axvline(centre, color="0.45", linewidth=0.9, linestyle=(0, (4, 3)), zorder=1)
    colours = [candidate.colour for candidate in candidates]
    sizes = [70 if candidate.is_chosen else 34 for candidate in candidates]
    points = ax.scatter(losses, rows, s=sizes, color=colours, linewidths=0, zorder=3)
    _set_limits(ax, losses[finite], centre, widths[finite])
    for row in rows[~finite].tolist():
        write_note(ax, 0.5, row, "no finite loss", ax.get_yaxis_transform())
    ax.set_yticks(rows, [_label(candidate) for candidate in candidates])
    ax.set_ylim(len(candidates) - 0.4, -0.6)
    ax.tick_params(axis="y", length=0)
    labels = list(ax.get_yticklabels())
    for label, candidate in zip(labels, candidates, strict=True):
        label.set_color(_text_colour(candidate))
        if candidate.is_chosen:
            label.set_fontweight("bold")
    name = fallback.short_name(_BELOW)
    ax.set_xlabel(f"held-out loss\n(shaded: within a standard error of {name})")
    no_frame(ax)
    ax.spines["left"].set_visible(False)
    return points, bands, labels


def draw_function(ax: Axes, candidate: Candidate) -> None:
    """Draw the function of a candidate, or of each of its types, on a scale of its own."""
    x = np.linspace(-_RANGE, _RANGE, _CURVE)
    with np.errstate(all="ignore"):
        curves = np.atleast_2d(np.asarray(candidate.function(x), dtype=np.float64))
    zero_lines(ax)
    for number, curve in enumerate(curves):
        style = "-" if number == 0 else (0, (3, 1.5))
        values = np.where(np.isfinite(curve), curve, np.nan)
        ax.plot(x, values, linestyle=style, color=candidate.colour)
    ax.set(xlim=(-_RANGE, _RANGE), xticks=[], yticks=[])
    ax.spines[:].set_visible(False)
    title = f"{candidate.rank}  {candidate.short_name(_TITLE)}"
    ax.set_title(title, fontsize="small", color=_text_colour(candidate), pad=3)


def _label(candidate: Candidate) -> str:
    role = f" ({candidate.role})" if candidate.role else ""
    return f"{candidate.rank}  {candidate.short_name(_LABEL)}{role}"


def _text_colour(candidate: Candidate) -> str:
    """Return the colour of a text beside a dot: grey ones must stay readable."""
    return "#6b7683" if candidate.colour == GREY else candidate.colour


def _set_limits(ax: Axes, losses: Vector, centre: float, widths: Vector) -> None:
    """Show all losses, and the edges of the usual bands."""
    if not len(losses):
        return
    low, high = float(losses.min()), float(losses.max())
    usual = widths[widths > 0]
    if len(usual) and np.isfinite(centre):
        width = 1.3 * float(np.median(usual))
        low, high = min(low, max(centre - width, low / 2)), max(high, centre + width)
    if needs_log_scale(low, high):
        ax.set_xscale("log")
        margin = (high / low) ** _MARGIN
        ax.set_xlim(low / margin, high * margin)
        return
    margin = _MARGIN * (high - low) or 0.05 * abs(high) or 1.0
    ax.set_xlim(low - margin, high + margin)
    ax.locator_params(axis="x", nbins=5)
