"""Parameters of one search as a frozen value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from sklearn.base import BaseEstimator

from sktaskneuron._seeds import next_seed
from sktaskneuron.estimators._common.settings import Settings
from sktaskneuron.estimators.formula_search.steering import check_parameters
from sktaskneuron.search.columns.proposals import EquationProposer
from sktaskneuron.search.engines import resolve_engine

#: Default of ``max_order``, at which equations of columns have no limit of their powers.
DEFAULT_ORDER = 5


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
    functions: Sequence[str] | None
    columns: Mapping[str, str] | Sequence[str] | None
    complexity: Mapping[str, int] | None
    nesting: Mapping[str, Sequence[str]] | None
    selection: str | int
    proposer: EquationProposer | None
    monotone: Mapping[str, int] | None
    domain: Mapping[str, tuple[float, float]] | None

    @classmethod
    def read(
        cls, search: BaseEstimator, *, scale_number: int | None = None, swap: bool = True
    ) -> SearchSettings:
        """Take the parameters of a NeuronFormulaSearch.

        Raises
        ------
        ValueError
            If method, scope and engine do not go together, or do not read a parameter that is not
            at its default.
        """
        engine = resolve_engine(search.method, search.scope, search.engine)
        check_parameters(search, engine)
        return cls.of(
            search,
            engine=engine,
            interactions=search.interactions == "auto" or bool(search.interactions),
            seed=next_seed(search.random_state),
            scale_number=scale_number,
            swap=swap,
        )
