"""Picture of all candidates of a search of activations, alike ones near each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sktaskneuron._typing import Matrix, Vector
from sktaskneuron.inspection.drawing import (
    RED,
    needs_log_scale,
    no_frame,
    percent,
    small_colorbar,
)
from sktaskneuron.inspection.searches.candidate import Candidate

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import PathCollection
    from matplotlib.colorbar import Colorbar
    from matplotlib.text import Text

# Names in the map, their characters, and their least distance as parts of the axes.
_MOST_NAMES, _NAME, _APART = 8, 22, (0.28, 0.06)
# Share of the losses that the colours span: a few very bad ones would take all of them.
_COLOURED = 0.9


@dataclass(frozen=True, eq=False)
class CandidateMap:
    """Where candidates stand: those that are alike up to scale and shift near each other.

    Parameters
    ----------
    candidates : sequence of Candidate
        The best last: it is drawn above the others.
    where : ndarray of shape (n_candidates, 2)
        Principal components of the outputs.
    shares : tuple of float
        Those of the two in the variance of the outputs.
    """

    candidates: Sequence[Candidate]
    where: Matrix
    shares: tuple[float, float]

    @classmethod
    def of(cls, candidates: Sequence[Candidate]) -> CandidateMap:
        """Place the candidates of finite outputs and loss; their names are activations as text.

        Raises
        ------
        ValueError
            If there are less than three of them.
        """
        from sktaskneuron.search.activation.features import output_features

        finite = [candidate for candidate in candidates if np.isfinite(candidate.loss)]
        features = output_features([candidate.name for candidate in finite])
        known = np.flatnonzero(np.isfinite(features).all(axis=1))
        shown, features = [finite[place] for place in known], features[known]
        if len(shown) < 3:
            raise ValueError(
                f"a map needs three candidates of finite outputs and loss, got {len(shown)}"
            )
        left, sizes, _ = np.linalg.svd(features - features.mean(axis=0), full_matrices=False)
        where = left[:, :2] * sizes[:2]
        shares = sizes**2 / max(float(np.sum(sizes**2)), np.finfo(float).tiny)
        order = np.argsort([-candidate.loss for candidate in shown], kind="stable")
        best_last = [shown[place] for place in order]
        return cls(best_last, where[order], (float(shares[0]), float(shares[1])))

    def draw(self, ax: Axes) -> tuple[PathCollection, Colorbar, list[Text]]:
        """Draw the candidates as dots, with the names of the best.

        Returns
        -------
        points : matplotlib PathCollection
        colorbar : matplotlib Colorbar
            Of the losses.
        labels : list of matplotlib Annotation
            The names.
        """
        from matplotlib.colors import LogNorm, Normalize

        losses = np.array([candidate.loss for candidate in self.candidates])
        low, high = float(losses.min()), float(np.quantile(losses, _COLOURED))
        scale = LogNorm if needs_log_scale(low, high) else Normalize
        norm = scale(low, max(high, low + 1e-12))
        x, y = self.where.T
        points = ax.scatter(x, y, c=losses, cmap="viridis", norm=norm, s=34, linewidths=0, zorder=2)
        colorbar = small_colorbar(
            points,
            ax,
            label="held-out loss",
            extend="max" if losses.max() > high else "neither",
        )
        for edge, is_marked in (
            ("black", [candidate.is_fallback for candidate in self.candidates]),
            (RED, [candidate.is_chosen for candidate in self.candidates]),
        ):
            for x, y in self.where[is_marked]:
                ax.scatter(x, y, s=90, facecolor="none", edgecolor=edge, linewidth=1.5)
        ax.margins(0.12)
        for axis, name, share in zip("xy", ("first", "second"), self.shares, strict=True):
            label = f"{name} component of the outputs ({percent(share)} of variance)"
            ax.set(**{f"{axis}label": label, f"{axis}ticks": []})
        no_frame(ax)
        return points, colorbar, self._write_names(ax)

    def _write_names(self, ax: Axes) -> list[Text]:
        """Write the names of the best, as far as they do not touch."""
        from matplotlib.patheffects import withStroke

        n = len(self.candidates)
        best_first = range(n - 1, -1, -1)
        chosen = [place for place in best_first if self.candidates[place].is_chosen]
        fallback = [place for place in best_first if self.candidates[place].is_fallback]
        extent = np.ptp(self.where, axis=0)
        extent = np.where(extent > 0, extent, 1.0)
        at = self.where / extent
        middle = at[::-1, 0].mean()
        labels: list[Text] = []
        taken: list[Vector] = []
        for place in dict.fromkeys([*chosen, *fallback, *best_first[: 1 + n // 2]]):
            near = any((np.abs(at[place] - other) < _APART).all() for other in taken)
            if len(taken) == _MOST_NAMES or near:
                continue
            taken.append(at[place])
            # away from the edge
            side = 1 if at[place][0] < middle else -1
            candidate = self.candidates[place]
            labels.append(
                ax.annotate(
                    candidate.short_name(_NAME),
                    at[place] * extent,
                    (8 * side, 0),
                    textcoords="offset points",
                    ha="left" if side > 0 else "right",
                    va="center",
                    fontsize="small",
                    color=candidate.colour if candidate.role else "0.35",
                    path_effects=[withStroke(linewidth=2, foreground="white")],
                )
            )
        return labels
