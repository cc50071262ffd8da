"""The choice between activations by their losses on the same held-out rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from sktaskneuron._evidence import paired_gain
from sktaskneuron._typing import AnyArray, Vector
from sktaskneuron.models.comparison import Evaluation

#: A column of the table of results.
Column: TypeAlias = AnyArray | list[str]


@dataclass(frozen=True, eq=False)
class Ranking:
    """Evaluated activations, compared with the fallback row by row.

    Parameters
    ----------
    evaluations : sequence of Evaluation
        In the order of evaluation.
    place : int
        Of the one that is taken: the best, if it is better than the fallback by more than the
        standard error of their difference, and else the fallback.
    results : dict
        Columns of the table that estimators show.
    share : ndarray of shape (n_held_out,)
        Weights of the rows, of sum 1.
    """

    evaluations: Sequence[Evaluation]
    place: int
    results: dict[str, Column]
    share: Vector

    @classmethod
    def of(cls, evaluations: Sequence[Evaluation], fallback: str, weight: Vector) -> Ranking:
        """Compare evaluations, of which one is the fallback's."""
        share = weight / weight.sum()
        rows = np.array([evaluation.rows for evaluation in evaluations])
        names = [evaluation.activations.name for evaluation in evaluations]
        reference = names.index(fallback)
        pairs = [paired_gain(rows[reference], own, share) for own in rows]
        gains, errors = np.array(pairs).T
        with np.errstate(invalid="ignore"):
            means = rows @ share
        finite = np.isfinite(means)
        known = np.where(finite, means, np.inf)
        best = int(np.argmin(known))
        order = np.argsort(known, kind="stable")
        rank = np.empty(len(order), dtype=np.intp)
        rank[order] = np.arange(1, len(order) + 1)
        results = {
            "activation": names,
            "mean_loss": means,
            "std_loss": np.array([_spread(e.member_losses) for e in evaluations]),
            "rank": rank,
            "gain": gains,
            "standard_error": errors,
            "like_fallback": np.abs(gains) <= errors,
            "learning_rate": np.array([e.learning_rate for e in evaluations]),
        }
        place = best if gains[best] > errors[best] else reference
        return cls(evaluations, place, results, share)

    @property
    def chosen(self) -> Evaluation:
        """The one that is taken."""
        return self.evaluations[self.place]

    def best(self, count: int) -> list[Evaluation]:
        """Return the one that is taken, or of several the best ones."""
        if count == 1:
            return [self.chosen]
        finite = np.isfinite(self.results["mean_loss"])
        order = [i for i in np.argsort(self.results["rank"]).tolist() if finite[i]]
        return [self.evaluations[i] for i in order[:count]]

    def beats(self, other: Ranking) -> bool:
        """Tell whether what is taken here loses less, by more than the standard error.

        Both are of the same rows.
        """
        gain, error = paired_gain(other.chosen.rows, self.chosen.rows, self.share)
        return gain > error

    def lines(self, fallback: str) -> list[str]:
        """Return a line for each of the best five."""
        table = self.results
        return [
            f"{table['activation'][i]}: held-out loss {table['mean_loss'][i]:.4g}, gain over "
            f"{fallback} {table['gain'][i]:.2g} +- {table['standard_error'][i]:.2g}"
            for i in np.argsort(table["rank"])[:5].tolist()
        ]


def _spread(losses: Vector) -> float:
    finite = losses[np.isfinite(losses)]
    return float(np.std(finite)) if len(finite) else float("nan")
