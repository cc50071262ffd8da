"""Data drawn from a known neuron formula."""

from collections.abc import Iterator
from numbers import Integral, Real
from typing import Any

import numpy as np
from scipy import stats
from sklearn.utils import check_random_state, check_scalar

from sktaskneuron._typing import Matrix, RandomState, Vector
from sktaskneuron.formula import FittedFormula, NeuronFormula, PureTerm

# Contribution of each term to the signal, as a standard deviation: none drowns another.
_CONTRIBUTION = (0.8, 1.6)
# Degrees of freedom of distribution="student": heavy tails, yet a finite fourth moment.
_STUDENT_DF = 5


def make_neuron_formula(
    formula: NeuronFormula | str,
    n_samples: int = 500,
    n_features: int = 10,
    *,
    noise: float = 0.1,
    n_informative: int | None = None,
    sparse: bool = True,
    distribution: str = "normal",
    correlation: float = 0.0,
    return_truth: bool = False,
    random_state: RandomState = None,
) -> tuple[Any, ...]:
    r"""Draw a regression problem whose law is a given neuron formula.

    .. math:: y = f(x) + \varepsilon, \qquad
              f(x) = \sum_t \sum_i W_{t,i}\, g_t(x_i) + \sum_k \sum_r V_{k,r}\, A_{k,r}(x)

    with the terms of `sktaskneuron.formula.FittedFormula`. Each pure term, and each atom, is
    scaled so that its contribution has a standard deviation drawn from 0.8 to 1.6, with a random
    sign: a high power does not drown a low one.

    Parameters
    ----------
    formula : NeuronFormula or str
        The law, such as ``"x + x**2 + <x,x>:2"``. The empty formula gives pure noise.
    n_samples : int, default=500
        Number of rows.
    n_features : int, default=10
        Number of columns.
    noise : float, default=0.1
        Standard deviation of the normal noise, in units of that of the signal (of 1 where the
        signal is constant).
    n_informative : int or None, default=None
        Features in each pure term and in each factor of an atom (disjoint within one atom). None
        stands for 1. Terms use different features as long as there are enough.
    sparse : bool, default=True
        If False, all features enter every term with normal weights, and `n_informative` is None.
    distribution : {"normal", "uniform", "student", "positive"}, default="normal"
        Marginal law of the features: standard normal; uniform with unit variance; Student's t with
        5 degrees of freedom and unit variance; or uniform between 0.1 and 3, for terms such as
        ``log(x)`` that need positive arguments.
    correlation : float, default=0.0
        Correlation, in [0, 1), between any two of the normal variables that the features are
        made from.
    return_truth : bool, default=False
        Return the law too.
    random_state : int, RandomState instance or None, default=None
        Seed of all draws.

    Returns
    -------
    X : ndarray of shape (n_samples, n_features)
        Features.
    y : ndarray of shape (n_samples,)
        Target.
    truth : FittedFormula
        The law with its numbers; ``truth.evaluate(X)`` is y without noise. Only if
        ``return_truth=True``.

    Raises
    ------
    ValueError
        If the formula does not parse, a term is not finite on the features drawn, an atom needs
        more features than there are, or a parameter is out of range.
    TypeError
        If a parameter is of the wrong type.

    See Also
    --------
    make_strogatz : Draw orbits of a system of two equations from Strogatz' textbook.

    Examples
    --------
    >>> from sktaskneuron.datasets import make_neuron_formula
    >>> X, y, truth = make_neuron_formula(
    ...     "x**2 + <x,x>", n_samples=100, noise=0.0, return_truth=True, random_state=0
    ... )
    >>> bool((truth.evaluate(X)[:, 0] == y).all())
    True
    """
    law = NeuronFormula.parse(formula) if isinstance(formula, str) else formula
    _check_parameters(law, n_samples, n_features, noise, n_informative, sparse, correlation)
    rng = check_random_state(random_state)
    X = _draw_features(rng, n_samples, n_features, distribution, correlation)
    width = n_features if not sparse else (n_informative or 1)
    truth = _draw_law(rng, law, X, width, sparse)
    y = truth.evaluate(X)[:, 0]
    spread = y.std()
    y = y + noise * (spread if spread > 0 else 1.0) * rng.standard_normal(n_samples)
    return (X, y, truth) if return_truth else (X, y)


def _check_parameters(
    law: object,
    n_samples: int,
    n_features: int,
    noise: float,
    n_informative: int | None,
    sparse: bool,
    correlation: float,
) -> None:
    if not isinstance(law, NeuronFormula):
        raise TypeError(f"formula must be a NeuronFormula or its text, got {law!r}")
    check_scalar(n_samples, "n_samples", Integral, min_val=1)
    check_scalar(n_features, "n_features", Integral, min_val=1)
    if not check_scalar(noise, "noise", Real, min_val=0) < np.inf:
        raise ValueError(f"noise must be a finite number, got {noise!r}")
    check_scalar(correlation, "correlation", Real, min_val=0, max_val=1, include_boundaries="left")
    if n_informative is not None:
        check_scalar(n_informative, "n_informative", Integral, min_val=1)
        if not sparse:
            raise ValueError("n_informative has a meaning for sparse=True only")
    if sparse:
        needed = (n_informative or 1) * max(law.interactions, default=1)
    else:
        needed = 2 if law.interactions else 1
    if needed > n_features:
        raise ValueError(
            f"a term of {law} needs {needed} different features, but n_features={n_features}"
        )


def _draw_features(
    rng: np.random.RandomState, n_samples: int, n_features: int, distribution: str, rho: float
) -> Matrix:
    """Draw (n_samples, n_features): equally correlated normals, mapped to the marginal law."""
    common = rng.standard_normal((n_samples, 1))
    own = rng.standard_normal((n_samples, n_features))
    Z: Matrix = np.sqrt(rho) * common + np.sqrt(1 - rho) * own
    if distribution == "normal":
        return Z
    share = stats.norm.cdf(Z)
    if distribution == "uniform":
        return np.sqrt(12) * (share - 0.5)
    if distribution == "student":
        spread = np.sqrt(_STUDENT_DF / (_STUDENT_DF - 2))
        # from the nearer tail: a share rounded to 1 would map to infinity
        tail = stats.t.isf(stats.norm.sf(np.abs(Z)), _STUDENT_DF)
        return np.sign(Z) * tail / spread
    if distribution == "positive":
        return 0.1 + 2.9 * share
    raise ValueError(
        f"distribution must be 'normal', 'uniform', 'student' or 'positive', got {distribution!r}"
    )


def _draw_law(
    rng: np.random.RandomState, law: NeuronFormula, X: Matrix, width: int, sparse: bool
) -> FittedFormula:
    """Draw directions, then scale every term by its spread on X."""
    n_features = X.shape[1]
    deck = _deal(rng, n_features)

    def factors(count: int) -> Matrix:
        """Weight vectors (count, n_features) of one term: disjoint if sparse."""
        if not sparse:
            return rng.standard_normal((count, n_features)) / np.sqrt(n_features)
        u = np.zeros((count, n_features))
        places = np.repeat(np.arange(count), width), _next_distinct(deck, count * width)
        # one feature alone has weight 1: its term's own number carries the size
        u[places] = 1.0 if width == 1 else rng.standard_normal(count * width)
        return u

    pure = [factors(1).T for _ in law.pure]
    atoms = {
        order: np.stack([factors(order) for _ in range(rank)], axis=-1)
        for order, rank in law.interactions.items()
    }
    ones = {order: np.ones((rank, 1)) for order, rank in law.interactions.items()}
    names = [f"x{j}" for j in range(n_features)]
    unit = FittedFormula(law, np.zeros(1), pure, atoms, ones, feature_names=names)

    with np.errstate(all="ignore"):
        values = unit.transform(X) * unit.term_weights[:, 0]
    pure_signal = np.zeros((len(pure), len(X)))
    sizes = {order: np.ones_like(loading) for order, loading in ones.items()}
    for term, signal in zip(unit.terms, values.T, strict=True):
        if isinstance(term, PureTerm):
            pure_signal[term.index] += signal
        else:
            sizes[term.order][term.index] = _draw_size(rng, signal, f"of order {term.order}")
    weights = [
        vector * _draw_size(rng, signal, text)
        for vector, signal, text in zip(pure, pure_signal, law.pure, strict=True)
    ]
    return FittedFormula(law, np.zeros(1), weights, atoms, sizes, feature_names=names)


def _draw_size(rng: np.random.RandomState, signal: Vector, name: str) -> float:
    """Draw the number in front of a term, so that its spread lies in the wanted range."""
    with np.errstate(all="ignore"):
        spread = signal.std()
    if not np.isfinite(spread):
        raise ValueError(
            f"the term {name} is not finite on these features; try distribution='positive', "
            "or 'uniform'"
        )
    size = float(rng.uniform(*_CONTRIBUTION) * rng.choice([-1.0, 1.0]))
    return size / spread if spread > 0 else size


def _deal(rng: np.random.RandomState, n_features: int) -> Iterator[int]:
    """Deal features in random order, shuffling anew when all are used."""
    while True:
        yield from rng.permutation(n_features).tolist()


def _next_distinct(deck: Iterator[int], count: int) -> list[int]:
    """Take the next ``count`` different features of the deck."""
    taken: list[int] = []
    for feature in deck:
        if feature not in taken:
            taken.append(feature)
        if len(taken) == count:
            break
    return taken
