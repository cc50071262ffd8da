"""How far predictions move with each column, and along which directions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sktaskneuron._typing import Matrix, TableLike, Vector
from sktaskneuron.estimators.fitted import TableEstimator, fitted_value
from sktaskneuron.estimators.hamiltonian.rows import read_states
from sktaskneuron.estimators.hamiltonian.run import HamiltonianModel
from sktaskneuron.inspection.checks import check_fitted
from sktaskneuron.inspection.columns.predicting import read_table
from sktaskneuron.models.importances import column_importances, movements


def feature_importances(model: object, X: TableLike | None = None) -> Vector:
    r"""Compute how much predictions change with each column.

    .. math::
        I_j = \sqrt{E\left[\tau_j(x_j)\, (\partial f / \partial x_j)^2\right]}, \qquad
        I_j = \sqrt{E\left[\mathrm{Var}_j\, f\right]}

    The first is for columns of numbers: the root mean square of the gradient, times one standard
    deviation of the column. The weight :math:`\tau_j`, its Stein kernel, has the mean
    :math:`\sigma_j^2` and is constant for a normal column; in others it is small where cells crowd
    and at the ends, so that a steep start of a long tail does not count along the tail [1]_, [2]_.
    The second is for columns with levels (categories, numbers of two values, whether a cell is
    missing): the standard deviation of the prediction over the column's levels while the others
    stay. A prediction that is linear in the column has the same by both. Squares of a column's
    parts add up.

    Parameters
    ----------
    model : estimator
        Fitted; any of the package. Of a `HamiltonianMLPRegressor` it is the rates that move.
    X : table or array-like of shape (n_samples, n_features), default=None
        Rows at which to look, at most 400 of them, drawn the same way each time. None: the training
        rows, of which `feature_importances_` was kept.

    Returns
    -------
    importances : ndarray of shape (n_features,)
        In the order of the columns, and in the unit of the target. Several targets are each counted
        in standard deviations, and averaged by their squares. For classes it is the probability
        that goes from one class to another.

    Raises
    ------
    NotFittedError
        If the model is not fitted.
    TypeError
        If it is no estimator of the package.
    ValueError
        If X has other columns than in fit, or no rows.

    See Also
    --------
    FeatureImportanceDisplay : Bars of importances, the longest at the top.
    active_subspace : Compute the directions along which predictions change.
    term_importance : Compute the share of the equation's variance that each additive term brings.

    References
    ----------
    .. [1] T. Cacoullos, "On upper and lower bounds for the variance of a function of a random
       variable", The Annals of Probability 10 (1982), 799-809.
    .. [2] S. Kucherenko and S. Song, "Derivative-based global sensitivity measures and their link
       with Sobol' sensitivity indices", Monte Carlo and Quasi-Monte Carlo Methods (2016), 455-469.

    Examples
    --------
    >>> import numpy as np
    >>> from sktaskneuron import NeuronFormulaSearch
    >>> from sktaskneuron.inspection import feature_importances
    >>> X = np.random.default_rng(0).normal(size=(400, 3))
    >>> search = NeuronFormulaSearch().fit(X, 2 * X[:, 0] + X[:, 1])
    >>> feature_importances(search, X).round(1).tolist()
    [2.0, 1.0, 0.0]
    """
    if X is None:
        check_fitted(model)
        kept = getattr(model, "feature_importances_", None)
        if kept is None:
            raise TypeError(
                f"{type(model).__name__} has no feature_importances_: give rows as X, and an "
                "estimator of this package that reads tables"
            )
        return np.array(kept)
    check_fitted(model)
    if isinstance(model, TableEstimator) and isinstance(fitted_value(model), HamiltonianModel):
        states = read_states(model, X)
        motion: HamiltonianModel = fitted_value(model)
        return motion.importances(states, np.ones(len(states)))
    predictor, inputs, device = read_table(model, X)
    return column_importances(predictor, inputs, np.ones(len(inputs)), device)


@dataclass(frozen=True, eq=False)
class ActiveSubspace:
    """The directions along which predictions change, the strongest first.

    Parameters
    ----------
    values : ndarray of shape (n_columns,)
        Mean squared change of the prediction along each, falling; in squared units of the target.
    vectors : ndarray of shape (n_columns, n_columns)
        The directions, one per column of the matrix, of length one, in columns of mean zero and
        variance one.
    feature_names : tuple of str
        Of the columns of numbers.

    See Also
    --------
    active_subspace : Compute the directions along which predictions change.

    Examples
    --------
    >>> import numpy as np
    >>> from sktaskneuron import NeuronFormulaSearch
    >>> from sktaskneuron.inspection import active_subspace
    >>> X = np.random.default_rng(0).normal(size=(300, 2))
    >>> search = NeuronFormulaSearch(n_resamples=0).fit(X, X[:, 0] + X[:, 1])
    >>> subspace = active_subspace(search, X)
    >>> (subspace.values / subspace.values.sum()).round(2).tolist()
    [1.0, 0.0]
    >>> subspace.feature_names
    ('x0', 'x1')
    """

    values: Vector
    vectors: Matrix
    feature_names: tuple[str, ...]


def active_subspace(model: object, X: TableLike) -> ActiveSubspace:
    r"""Compute the directions along which predictions change.

    .. math::
        C = E\left[\nabla f \, \nabla f^\top\right] = W \Lambda W^\top

    with the gradients by the standardised columns of numbers [1]_. If few of the eigenvalues are
    large, the prediction is nearly a function of as many linear combinations of the columns. The
    diagonal of C holds the squared `feature_importances` of columns that are normal.

    Parameters
    ----------
    model : estimator
        Fitted; any of the package but `HamiltonianMLPRegressor`.
    X : table or array-like of shape (n_samples, n_features)
        Rows at which gradients are taken, at most 400 of them, drawn the same way each time.

    Returns
    -------
    subspace : ActiveSubspace
        Eigenvalues and eigenvectors. Categories and missing marks, which cannot move by little, are
        left out. Outputs are taken together, as `feature_importances` does.

    Raises
    ------
    NotFittedError
        If the model is not fitted.
    TypeError
        If it is no estimator of the package that reads tables.
    ValueError
        If X has other columns than in fit, no rows, or no column of numbers.

    See Also
    --------
    ActiveSubspace : The directions along which predictions change, the strongest first.
    feature_importances : Compute how much predictions change with each column.

    References
    ----------
    .. [1] P. G. Constantine, E. Dow and Q. Wang, "Active subspace methods in theory and practice",
       SIAM Journal on Scientific Computing 36 (2014), A1500-A1524.

    Examples
    --------
    >>> import numpy as np
    >>> from sktaskneuron import NeuronFormulaSearch
    >>> from sktaskneuron.inspection import active_subspace
    >>> X = np.random.default_rng(0).normal(size=(400, 3))
    >>> search = NeuronFormulaSearch().fit(X, 4 * X[:, 0] + 3 * X[:, 1])
    >>> subspace = active_subspace(search, X)
    >>> np.abs(subspace.vectors[:, 0]).round(1).tolist()
    [0.8, 0.6, 0.0]
    """
    predictor, inputs, device = read_table(model, X)
    moved = movements(predictor, inputs, np.ones(len(inputs)), device)
    if not moved.columns.size:
        raise ValueError("X has no column of numbers: there is no direction to move along")
    values, vectors = np.linalg.eigh(moved.outer)
    names = predictor.reader.names
    return ActiveSubspace(
        np.maximum(values[::-1], 0.0),
        vectors[:, ::-1],
        tuple(names[column] for column in moved.columns),
    )
