"""Pictures of learned_diversity.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from sktaskneuron.inspection import ActivationDisplay, HessianSpectrum, TypesDisplay

from .training import Learned

matplotlib.use("agg")
import matplotlib.pyplot as plt

Array = np.ndarray

COLOURS = {
    "ReLU": "#8d99ae",
    "tanh": "#52796f",
    "sine": "#e09f3e",
    "GELU": "#9a8c98",
    "sine + ReLU": "#bc6c25",
    "U1": "#7b2cbf",
    "U2:1": "#8fb8d0",
    "U2:2": "#4f93b8",
    "U2": "#1d4e75",
    "U3": "#c1121f",
    "U2 from tanh": "#2a9d8f",
    "U2 from zero": "#c1121f",
}


def save(figure: Any, path: Path) -> None:
    figure.savefig(path, dpi=150)
    plt.close(figure)


def boxes(ax: Any, scores: Mapping[str, Array], label: str, *, log: bool = False) -> None:
    """Boxes over seeds; the first set is the mix, the next two are its types."""
    TypesDisplay(scores, n_types=2, score_name=label).plot(ax)
    if log:
        ax.set_xscale("log")
        low, high = ax.get_xlim()
        decades = np.log10(high / low)
        # one or two decades would have but one or two labelled ticks
        steps = (1, 2, 5) if decades > 1 else (1, 2, 3, 5, 7)
        ax.xaxis.set_major_locator(LogLocator(subs=(1,) if decades > 2 else steps))
        ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        ax.xaxis.set_minor_formatter(NullFormatter())
        ax.tick_params(axis="x", labelsize="small")


def functions_and_boxes(
    learned: Learned, scores: Mapping[str, Array], label: str, path: Path, *, log: bool = False
) -> None:
    """As Figs. 3 and 5: the functions over the outer steps, and the boxes of all sets."""
    figure = plt.figure(figsize=(11.0, 4.0), layout="constrained")
    left, right = figure.add_gridspec(1, 2, width_ratios=(1.5, 1.0))
    ActivationDisplay(learned.functions, learned.past(), learned.steps).plot(
        figure.add_subplot(left)
    )
    boxes(figure.add_subplot(right), scores, label, log=log)
    save(figure, path)


def box_panels(panels: Sequence[tuple[str, Mapping[str, Array], bool]], path: Path) -> None:
    """Boxes side by side; each panel has a label, its scores, and whether its axis is logarithmic.

    Scores that are not finite stand at the largest one that is.
    """
    n = len(panels[0][1])
    figure, axes = plt.subplots(
        1, len(panels), figsize=(5.4 * len(panels), 0.36 * n + 1.0), layout="constrained"
    )
    for ax, (label, scores, log) in zip(np.atleast_1d(axes), panels, strict=True):
        most = max(v[np.isfinite(v)].max(initial=0.0) for v in scores.values())
        finite = {name: np.where(np.isfinite(v), v, most) for name, v in scores.items()}
        boxes(ax, finite, label, log=log)
    for ax in np.atleast_1d(axes)[1:]:
        ax.set_yticklabels([])
    save(figure, path)


def over_size(
    panels: Mapping[str, tuple[Sequence[int], Mapping[str, Sequence[Array]]]], path: Path
) -> None:
    """As Fig. 4: mean accuracy and its standard deviation over sizes of networks, by their name."""
    figure, axes = plt.subplots(1, len(panels), figsize=(9.6, 3.8), layout="constrained")
    for ax, (label, (sizes, accuracy)) in zip(axes, panels.items(), strict=True):
        for name, per_size in accuracy.items():
            means = np.array([100 * values.mean() for values in per_size])
            sds = np.array([100 * values.std(ddof=1) for values in per_size])
            colour = COLOURS[name]
            ax.fill_between(sizes, means - sds, means + sds, color=colour, alpha=0.15, linewidth=0)
            ax.plot(sizes, means, "o-", color=colour, markersize=4)
        _label_ends(ax, sizes[-1], {n: 100 * v[-1].mean() for n, v in accuracy.items()})
        ax.set_xscale("log")
        ax.set_xticks(sizes, [str(size) for size in sizes])
        ax.minorticks_off()
        ax.set(xlabel=label, ylabel="test accuracy, %")
        ax.spines[["top", "right"]].set_visible(False)
    save(figure, path)


def _label_ends(ax: Any, x: float, ends: Mapping[str, float]) -> None:
    """Write names behind the last points, from the top, none over another."""
    low, high = ax.get_ylim()
    apart, place = 0.055 * (high - low), np.inf
    for name, y in sorted(ends.items(), key=lambda item: -item[1]):
        place = min(y, place - apart)
        ax.annotate(
            name,
            (x, place),
            xytext=(8, 0),
            textcoords="offset points",
            va="center",
            fontsize="small",
            color=COLOURS[name],
        )


def participation_plane(found: Mapping[str, tuple[Array, Array]], path: Path) -> None:
    """As Fig. 8: accuracy over normalised participation ratio; crosses span standard deviations."""
    figure, ax = plt.subplots(figsize=(6.4, 4.4), layout="constrained")
    for name, (ratios, accuracy) in found.items():
        colour = COLOURS[name]
        ax.scatter(ratios, 100 * accuracy, s=10, color=colour, alpha=0.45, linewidths=0)
        ax.errorbar(
            ratios.mean(),
            100 * accuracy.mean(),
            xerr=ratios.std(ddof=1),
            yerr=100 * accuracy.std(ddof=1),
            fmt="o",
            markersize=6,
            color=colour,
            linewidth=1.2,
            label=name,
        )
    ax.set(xlabel="normalised participation ratio", ylabel="test accuracy, %")
    ax.legend(frameon=False, fontsize="small", loc="center left", bbox_to_anchor=(1.0, 0.5))
    ax.spines[["top", "right"]].set_visible(False)
    save(figure, path)


def hessians(
    trace: Mapping[str, Array], spectra: Mapping[str, HessianSpectrum], eps: float, path: Path
) -> None:
    """Traces, and how the absolute eigenvalues are distributed."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(10.5, 3.8), layout="constrained")
    boxes(left, trace, "trace of the Hessian", log=True)
    for name, spectrum in spectra.items():
        size = np.abs(spectrum.nodes).ravel()
        order = np.argsort(size)
        share = np.cumsum(spectrum.weights.ravel()[order]) / spectrum.weights.sum()
        right.step(size[order], share, where="post", color=COLOURS[name], label=name, linewidth=1.3)
    right.axvline(eps, color="0.6", linewidth=0.9, linestyle=(0, (4, 3)), zorder=0)
    right.annotate(
        f"ε = {eps:g}",
        (eps, 1.0),
        xytext=(-3, 0),
        textcoords="offset points",
        xycoords=("data", "axes fraction"),
        ha="right",
        va="top",
        fontsize="small",
        color="0.4",
    )
    right.set_xscale("log")
    right.set_xlim(left=eps / 50)
    right.set(xlabel="size of the eigenvalue", ylabel="share of the eigenvalues below")
    right.legend(frameon=False, fontsize="small", loc="lower right")
    right.spines[["top", "right"]].set_visible(False)
    save(figure, path)


def bars(seconds: Mapping[str, Array], path: Path) -> None:
    """Medians, with the single runs as dots."""
    figure, ax = plt.subplots(figsize=(6.4, 0.5 * len(seconds) + 0.9), layout="constrained")
    for place, values in enumerate(seconds.values()):
        colour = "#1d4e75" if place == 0 else "#9aa5b1"
        ax.barh(place, np.median(values), height=0.6, color=colour, alpha=0.8)
        ax.plot(values, np.full(len(values), place), "o", color="0.15", markersize=3, alpha=0.6)
        ax.annotate(
            f"{np.median(values):.2f} s",
            (values.max(), place),
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
            fontsize="small",
        )
    ax.set_yticks(range(len(seconds)), list(seconds))
    ax.invert_yaxis()
    ax.margins(x=0.12)
    ax.tick_params(axis="y", length=0)
    ax.set_xlabel("CPU seconds of one outer step")
    ax.spines[["top", "right", "left"]].set_visible(False)
    save(figure, path)
