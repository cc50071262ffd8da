"""What a search of a neuron's formula returns."""

from __future__ import annotations

from dataclasses import dataclass, field

from sktaskneuron.formula import FittedFormula, ParetoPoint


@dataclass(eq=False)
class SearchResult:
    """What a search has found, and how far to trust it.

    Parameters
    ----------
    fitted : FittedFormula
        The formula that was chosen, with its numbers.
    criterion, null_criterion : float
        Of that formula, and of a constant; smaller is better.
    selection_frequency : dict of str to float
        Share of the resamples that found a term again, by its text: ``"x**2"`` or ``"<x,x>"``.
    term_gain : dict of str to float
        What a term is worth, by its text.
    front : list of ParetoPoint
        Formulas that no simpler one beats, with their numbers.
    caps : tuple of str
        Which limits the search has met, in words.
    n_steps : int
        Steps that it made.
    scale_number : int
        Which scale of the columns it chose.

    See Also
    --------
    search_formula : Find the formula of a target in numeric columns.

    Examples
    --------
    >>> import numpy as np
    >>> from sktaskneuron.search.frame import Observations, SearchOptions, search_formula
    >>> from sktaskneuron.search.td import TensorDecomposition
    >>> X = np.random.default_rng(0).standard_normal((200, 2))
    >>> seen = Observations(X, X[:, :1] ** 2, np.ones(200), ("a", "b"), False)
    >>> options, rng = SearchOptions(n_resamples=0), np.random.default_rng(0)
    >>> result = search_formula(seen, TensorDecomposition(), options, rng)
    >>> str(result.fitted.formula), result.criterion < result.null_criterion
    ('x**2', True)
    """

    fitted: FittedFormula
    criterion: float
    null_criterion: float
    selection_frequency: dict[str, float] = field(default_factory=dict)
    term_gain: dict[str, float] = field(default_factory=dict)
    front: list[ParetoPoint] = field(default_factory=list)
    caps: tuple[str, ...] = ()
    n_steps: int = 0
    scale_number: int = 0
