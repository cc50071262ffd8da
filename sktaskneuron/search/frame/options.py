"""Settings of a search of a neuron's formula."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from sktaskneuron._typing import Matrix, Vector
from sktaskneuron.formula import ElementwiseExpression

#: What the search lowers: the deviance and a price of the terms, or the loss of held-out rows.
Criterion: TypeAlias = Literal["bic", "ebic", "cv"]
#: How products are fitted: by alternating least squares, or by gates that are trained.
Engine: TypeAlias = Literal["als", "gates"]
#: ``proposer(z, target, weight, seed)``, arrays of shapes (n_samples, n_features), (n_samples,) and
#: (n_samples,): functions beside those of the library of symbolic regression.
FunctionProposer: TypeAlias = Callable[[Matrix, Vector, Vector, int], list[ElementwiseExpression]]


@dataclass(frozen=True)
class SearchOptions:
    """Settings, as documented for :class:`sktaskneuron.NeuronFormulaSearch`.

    ``scale_number`` searches on one of the scales of the columns only; None tries all. Without
    ``swap`` atoms found one after another are not tried afresh together. Only the tensor search
    knows ``engine``, only symbolic regression ``proposer`` and ``functions``, the names of those
    that may stand in a term. ``columns`` are those that may enter, ``forced`` those that have a
    linear term whatever it is worth; None: all, and none.

    See Also
    --------
    search_formula : Find the formula of a target in numeric columns.

    Examples
    --------
    >>> from sktaskneuron.search.frame import SearchOptions
    >>> SearchOptions(max_order=3).criterion
    'ebic'
    """

    engine: Engine = "als"
    max_order: int = 5
    max_interaction_order: int = 3
    max_rank: int = 8
    criterion: Criterion = "ebic"
    max_samples: int = 10_000
    max_steps: int | None = None
    n_resamples: int = 5
    scale_number: int | None = None
    swap: bool = True
    proposer: FunctionProposer | None = None
    functions: frozenset[str] | None = None
    columns: frozenset[str] | None = None
    forced: frozenset[str] = frozenset()
