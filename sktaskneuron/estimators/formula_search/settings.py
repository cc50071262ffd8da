"""Parameters of one search as a frozen value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sklearn.base import BaseEstimator

from sktaskneuron._seeds import next_seed
from sktaskneuron.estimators._common.settings import Settings
from sktaskneuron.search.engines import resolve_engine


@dataclass(frozen=True, kw_only=True)
class SearchSettings(Settings):
    """Parameters of a search; see NeuronFormulaSearch.

    Parameters
    ----------
    engine : str
        Resolved.
    seed : int
        Drawn from ``random_state``.
    scale_number : int or None
        Of the one scale to search on; None compares all.
    swap : bool
        Whether other atoms are tried in the end.
    """

    method: str
    scope: str
    engine: str
    interactions: bool
    max_order: int
    max_interaction_order: int
    max_rank: int
    max_complexity: int
    criterion: Literal["ebic", "bic", "cv"]
    max_samples: int
    max_steps: int | None
    n_resamples: int
    seed: int
    scale_number: int | None = None
    swap: bool = True

    @classmethod
    def read(
        cls, search: BaseEstimator, *, scale_number: int | None = None, swap: bool = True
    ) -> SearchSettings:
        """Take the parameters of a NeuronFormulaSearch.

        Raises
        ------
        ValueError
            If method, scope and engine do not go together.
        """
        return cls.of(
            search,
            engine=resolve_engine(search.method, search.scope, search.engine),
            interactions=search.interactions == "auto" or bool(search.interactions),
            seed=next_seed(search.random_state),
            scale_number=scale_number,
            swap=swap,
        )
