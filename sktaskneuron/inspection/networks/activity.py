"""In how many directions the hidden neurons vary: the participation ratio of their activity."""

from __future__ import annotations

import numpy as np
from sklearn.base import BaseEstimator

from sktaskneuron._typing import Matrix, TableLike
from sktaskneuron.inspection.networks.networks import inputs_of, network_of, row_blocks, widest


def participation_ratio(
    estimator: BaseEstimator, X: TableLike, *, normalize: bool = False
) -> Matrix:
    r"""Compute the effective dimension of the activity of hidden layers.

    With C for the covariance of the N neurons of a layer over the rows of X, and
    :math:`\lambda_i` for its eigenvalues,

    .. math::
        R = \frac{(\operatorname{tr} C)^2}{\operatorname{tr} C^2}
          = \frac{(\sum_i \lambda_i)^2}{\sum_i \lambda_i^2}, \qquad 1 \le R \le N.

    It is 1 if all neurons rise and fall together, and N if they vary independently and equally
    [1]_. It changes with the scale of single neurons, not with that of all.

    Parameters
    ----------
    estimator : estimator
        A fitted `LearnedDiversityMLPClassifier`, `LearnedDiversityMLPRegressor` or
        `HamiltonianMLPRegressor`, or scikit-learn's `MLPClassifier` or `MLPRegressor`.
    X : table or array-like of shape (n_samples, n_features)
        Rows as the estimator takes them.
    normalize : bool, default=False
        Whether R / N is returned, in (0, 1].

    Returns
    -------
    ratio : ndarray of shape (n_members, n_hidden_layers)
        One row per network that the estimator averages; scikit-learn's have one. NaN for a layer
        of which no neuron varies.

    Raises
    ------
    NotFittedError
        If the estimator is not fitted.
    TypeError
        If it has no such networks.
    ValueError
        If X has less than two rows, or the estimator no hidden layer.

    See Also
    --------
    hessian_trace : Estimate the trace of the Hessian of the training loss, of each network alone.
    ActivationDisplay : The activation functions of a network, one panel per type of neuron.

    References
    ----------
    .. [1] A. Choudhary, A. Radhakrishnan, J. F. Lindner, S. Sinha and W. L. Ditto, "Neuronal
       diversity can improve machine learning for physics and beyond", Scientific Reports 13, 13962
       (2023), Fig. 8.

    Examples
    --------
    >>> from sklearn.datasets import make_moons
    >>> from sklearn.neural_network import MLPClassifier
    >>> from sktaskneuron.inspection import participation_ratio
    >>> X, y = make_moons(200, noise=0.1, random_state=0)
    >>> model = MLPClassifier((20, 10), solver="lbfgs", random_state=0).fit(X, y)
    >>> ratio = participation_ratio(model, X)
    >>> ratio.shape
    (1, 2)
    >>> bool((ratio >= 1).all() and (ratio <= [20, 10]).all())
    True
    """
    import torch

    network = network_of(estimator)
    rows = torch.from_numpy(inputs_of(estimator, X))
    n = len(rows)
    if n < 2:
        raise ValueError(f"activity varies over rows: X needs at least 2 of them, got {n}")
    if not network.hidden_layer_sizes:
        raise ValueError(f"{type(estimator).__name__} has no hidden layer, whose activity varies")
    blocks = [rows[block] for block in row_blocks(n, widest(network))]
    device, sizes = network.weights[0].device, network.hidden_layer_sizes
    with torch.inference_mode():
        # the mean first: squares of the raw activity would cancel where a neuron hardly varies
        means = [
            torch.zeros((network.n_members, 1, size), device=device, dtype=torch.float64)
            for size in sizes
        ]
        for block in blocks:
            for mean, activity in zip(means, network.hidden(block.to(device)), strict=True):
                mean += activity.sum(dim=1, keepdim=True) / n
        products = [torch.zeros_like(mean.transpose(1, 2) @ mean) for mean in means]
        for block in blocks:
            for product, mean, activity in zip(
                products, means, network.hidden(block.to(device)), strict=True
            ):
                centred = activity - mean
                product += centred.transpose(1, 2) @ centred / n
        ratios = []
        for product in products:
            trace = product.diagonal(dim1=1, dim2=2).sum(dim=1)
            ratios.append((trace**2 / product.square().sum(dim=(1, 2))).cpu().numpy())
    found = np.stack(ratios, axis=1)
    return found / np.asarray(sizes) if normalize else found
