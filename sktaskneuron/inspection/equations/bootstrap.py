"""Errors of an equation's numbers by fitting them to rows drawn anew."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import least_squares
from sklearn.utils import check_random_state
from sklearn.utils.parallel import Parallel, delayed

from sktaskneuron._typing import Matrix, RandomState, RowNumbers, TableLike, Vector
from sktaskneuron.estimators.fitted import fitted_value
from sktaskneuron.estimators.formula_search.search import NeuronFormulaSearch
from sktaskneuron.formula import Constant, FittedExpression, FittedFormula
from sktaskneuron.formula.equation.numbers import free_numbers
from sktaskneuron.formula.equation.tangent import formula_coefficients, formula_numbers
from sktaskneuron.formula.text.evaluation import evaluate
from sktaskneuron.formula.text.nodes import Node
from sktaskneuron.inspection.checks import check_fitted
from sktaskneuron.inspection.equations.equation import Equation, read_rows
from sktaskneuron.models.constants import MOST_NUMBERS
from sktaskneuron.models.target import ClassTarget, indicators
from sktaskneuron.search.frame.observations import Observations
from sktaskneuron.search.frame.refit import refit_formula


def bootstrap_constants(
    search: NeuronFormulaSearch,
    X: TableLike,
    y: ArrayLike,
    *,
    n_resamples: int = 200,
    level: float = 0.95,
    random_state: RandomState = 0,
    n_jobs: int | None = None,
) -> tuple[Constant, ...]:
    """Compute the errors of an equation's numbers on resampled rows.

    Rows are drawn with replacement, as many as there are, and the numbers fitted to them; the
    structure stays. It asks nothing of the residuals, which may be larger in places, as those
    behind `constants_` may not.

    Parameters
    ----------
    search : NeuronFormulaSearch
        Fitted.
    X : table or array-like of shape (n_samples, n_features)
        Rows that the numbers were fitted to.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        Their target.
    n_resamples : int, default=200
        How often rows are drawn.
    level : float, default=0.95
        Of the intervals, which are percentiles.
    random_state : int, RandomState instance or None, default=0
        Draws the rows.
    n_jobs : int or None, default=None
        Fits at a time, by joblib; the numbers do not depend on it. None is 1 unless in a
        ``joblib.parallel_config``; -1 is all processors.

    Returns
    -------
    constants : tuple of Constant
        In the order of ``search.constants_``, with its values.

    Raises
    ------
    NotFittedError
        If the search is not fitted.
    TypeError
        If it is none.
    ValueError
        If X, y or a parameter cannot be used; for equations of columns of classes, and for more
        than two classes.

    See Also
    --------
    sktaskneuron.formula.Constant : A fitted number of an equation.

    Examples
    --------
    >>> import numpy as np
    >>> from sktaskneuron import NeuronFormulaSearch
    >>> from sktaskneuron.inspection import bootstrap_constants
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(100, 2))
    >>> y = 2 * X[:, 0] ** 2 + 0.1 * rng.normal(size=100)
    >>> search = NeuronFormulaSearch(n_resamples=0).fit(X, y)
    >>> constant, square = bootstrap_constants(search, X, y, n_resamples=50)
    >>> square.where, square.lower < 2 < square.upper
    ('_*x0**2', True)
    """
    if not isinstance(search, NeuronFormulaSearch):
        raise TypeError(
            f"bootstrap_constants needs a NeuronFormulaSearch, got {type(search).__name__}"
        )
    check_fitted(search)
    if n_resamples < 2:
        raise ValueError(f"n_resamples must be 2 or more, got {n_resamples!r}")
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, got {level!r}")
    equation, rows, _ = read_rows(search, X, None)
    target = _target(search, equation, y, len(rows))
    random = check_random_state(random_state)
    names, values = _numbers(equation)
    draws = (random.randint(len(rows), size=len(rows)) for _ in range(n_resamples))
    drawn = Parallel(n_jobs=n_jobs)(
        delayed(_refitted)(equation, names, rows, target, places) for places in draws
    )
    errors = np.nanstd(drawn, axis=0, ddof=1)
    low, high = np.nanquantile(drawn, [0.5 - level / 2, 0.5 + level / 2], axis=0)
    return tuple(
        Constant(where, float(v), float(e), float(a), float(b), output)
        for (where, output), v, e, a, b in zip(names, values, errors, low, high, strict=True)
    )


def _target(search: NeuronFormulaSearch, equation: Equation, y: ArrayLike, n_rows: int) -> Matrix:
    kind = fitted_value(search).target
    if isinstance(kind, ClassTarget):
        if isinstance(equation, FittedExpression) or equation.n_outputs > 1:
            raise ValueError(
                "numbers of classes are drawn for the formula of a neuron and two classes only"
            )
        found = indicators(kind.encoded(np.asarray(y)), kind.n_outputs)
    else:
        found = np.asarray(y, dtype=np.float64)
        found = found.reshape(len(found), -1)
    if found.shape != (n_rows, equation.n_outputs):
        raise ValueError(
            f"y has the shape {np.shape(y)}, but X has {n_rows} rows and the equation "
            f"{equation.n_outputs} output(s)"
        )
    return np.asarray(found)


def _numbers(equation: Equation) -> tuple[list[tuple[str, int]], Vector]:
    """Return where the numbers stand, with the output, and their values."""
    names: list[tuple[str, int]] = []
    values: list[float] = []
    for j in range(equation.n_outputs):
        if isinstance(equation, FittedFormula):
            texts, slopes = formula_coefficients(equation, j, MOST_NUMBERS)
            linear = 1 + int((equation.term_weights[:, j] != 0).sum())
            values += (slopes[:, :linear] @ formula_numbers(equation, j)[:linear]).tolist()
        else:
            found = free_numbers(equation.nodes[j])
            texts = [number.where for number in found]
            values += [number.value for number in found]
        names += [(text, j) for text in texts]
    return names, np.asarray(values)


def _refitted(
    equation: Equation,
    names: list[tuple[str, int]],
    rows: Matrix,
    target: Matrix,
    places: RowNumbers,
) -> Vector:
    """Return the numbers in their order, fitted to rows at places; NaN where one is gone."""
    rows, target = rows[places], target[places]
    if isinstance(equation, FittedFormula):
        seen = Observations(
            rows, target, np.ones(len(rows)), equation.feature_names, equation.link != "identity"
        )
        found = dict(zip(*_numbers(refit_formula(equation, seen)), strict=True))
        return np.asarray([found.get(name, np.nan) for name in names])
    inside = np.clip(rows, equation.lower, equation.upper)
    columns = dict(zip(equation.feature_names, inside.T, strict=True))
    fits = [_least_squares(node, columns, target[:, j]) for j, node in enumerate(equation.nodes)]
    return np.concatenate(fits)


def _least_squares(node: Node, columns: dict[str, Vector], y: Vector) -> Vector:
    """Fit all numbers of a tree, each in its place."""
    start = np.asarray([number.value for number in free_numbers(node)])
    if not start.size:
        return start

    def residual(values: Vector) -> Vector:
        tree = node
        for place, value in enumerate(values.tolist()):
            tree = free_numbers(tree)[place].at(value)
        with np.errstate(all="ignore"):
            error = y - np.broadcast_to(np.asarray(evaluate(tree, columns), float), y.shape)
        return np.where(np.isfinite(error), error, 0.0)

    scale = np.where(start != 0, np.abs(start), 1.0)
    return np.asarray(least_squares(residual, start, x_scale=scale).x)
