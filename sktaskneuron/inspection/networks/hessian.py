"""Curvature of the training loss by the weights: the Hessian's trace and spectrum."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from sktaskneuron._seeds import draw_seed
from sktaskneuron._typing import FloatArray, RandomState, TableLike, TargetLike, Vector
from sktaskneuron.inspection.networks.curvature import Curvature, lanczos, quadrature

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator
    from torch import Tensor

# Numbers that the Lanczos vectors of a batch of probes fill at most (256 MiB).
_MOST_NUMBERS = 2**25
# Probes in a batch at most.
_MOST_PROBES = 16
# Weight that rounding alone gives a node.
_NO_WEIGHT = 1e-20


def hessian_trace(
    estimator: BaseEstimator,
    X: TableLike,
    y: TargetLike,
    *,
    sample_weight: ArrayLike | None = None,
    n_probes: int = 30,
    random_state: RandomState = None,
) -> tuple[Vector, Vector]:
    r"""Estimate the trace of the Hessian of the training loss, of each network alone.

    Hutchinson's estimate, with probes v whose entries are +1 or -1:

    .. math::
        \operatorname{tr} H = \operatorname{E}\, v^\top H v
        \approx \frac1P \sum_{p=1}^P v_p^\top H v_p

    A flat minimum has a small trace. But the trace depends on how the network is written: the same
    function has another one with activations twice as steep and weights half as large. So compare
    it between networks of like activations [1]_.

    Parameters
    ----------
    estimator : estimator
        A fitted `LearnedDiversityMLPClassifier`, `LearnedDiversityMLPRegressor` or
        `HamiltonianMLPRegressor`.
    X : table or array-like of shape (n_samples, n_features)
        Rows as the estimator takes them.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        Their targets.
    sample_weight : array-like of shape (n_samples,), default=None
        A weight of k counts as k copies of the row.
    n_probes : int, default=30
        Number P of random vectors.
    random_state : int, RandomState instance or None, default=None
        Draws them.

    Returns
    -------
    mean : ndarray of shape (n_members,)
        Estimate for each of the networks that the estimator averages.
    standard_error : ndarray of shape (n_members,)
        Of the estimate, over the probes; NaN for a single one.

    Raises
    ------
    NotFittedError
        If the estimator is not fitted.
    TypeError
        If it has no networks of neurons of several types.
    ValueError
        If X, y and the weights do not fit, or `n_probes` is less than one.

    See Also
    --------
    hessian_spectrum : Density of the eigenvalues.

    Notes
    -----
    The loss is the cross-entropy, or the squared error of the standardised target averaged over the
    outputs; both are averaged over the rows. `class_weight` of the estimator is left out: give it
    as `sample_weight` to have it in. The parameters are weights and biases of all layers (less the
    last bias of a Hamiltonian network, on which its field does not depend).

    Learned activations are used as linear tables, which have no curvature between their knots:
    their Hessian would lack the term with the second derivative of the activation. So cubic tables
    of the same functions take their place here. ReLU has no such term either way.

    All is computed in float64, where the estimator predicts.

    References
    ----------
    .. [1] A. Choudhary, A. Radhakrishnan, J. F. Lindner, S. Sinha and W. L. Ditto, "Neuronal
       diversity can improve machine learning for physics and beyond", Scientific Reports 13, 13962
       (2023).
    .. [2] M. F. Hutchinson, "A stochastic estimator of the trace of the influence matrix for
       Laplacian smoothing splines", Communications in Statistics 18, 1059 (1989).

    Examples
    --------
    >>> from sklearn.datasets import make_moons
    >>> from sktaskneuron import LearnedDiversityMLPClassifier
    >>> from sktaskneuron.inspection import hessian_trace
    >>> X, y = make_moons(200, noise=0.2, random_state=0)
    >>> model = LearnedDiversityMLPClassifier(
    ...     (20,), activations=["sin", "tanh"], max_epochs=10, n_members=4, random_state=0
    ... ).fit(X, y)
    >>> mean, error = hessian_trace(model, X, y, random_state=0)
    >>> mean.shape, bool((mean > 2 * error).all())
    ((4,), True)
    """
    _check_count("n_probes", n_probes)
    curvature = Curvature(estimator, X, y, sample_weight)
    random = np.random.default_rng(draw_seed(random_state))
    found = []
    for count in _batches(n_probes, _MOST_PROBES):
        v = _signs(curvature, count, random)
        found.append((v * curvature.product(v)).sum(dim=-1).cpu().numpy())
    values = np.concatenate(found)
    return _mean_and_error(values)


@dataclass(frozen=True, eq=False)
class HessianSpectrum:
    """Eigenvalues of Hessians, estimated by stochastic Lanczos quadrature.

    Each probe describes the spectrum by a few nodes with weights that sum to one; their mean over
    probes stands for the density of all eigenvalues. It is made by `hessian_spectrum`.

    Parameters
    ----------
    nodes : ndarray of shape (n_members, n_probes, n_steps)
        Places in the spectrum, upwards.
    weights : ndarray of shape (n_members, n_probes, n_steps)
        Share of the eigenvalues that each stands for; they sum to one along the last axis.
    n_parameters : int
        Number of eigenvalues.

    See Also
    --------
    hessian_spectrum : Estimate the density of the eigenvalues of the training loss's Hessian, of
        each network.

    Examples
    --------
    >>> import numpy as np
    >>> from sktaskneuron.inspection import HessianSpectrum
    >>> nodes, weights = np.array([[[0.0, 2.0]]]), np.array([[[0.75, 0.25]]])
    >>> spectrum = HessianSpectrum(nodes, weights, n_parameters=100)
    >>> fraction, error = spectrum.near_zero_fraction(0.1)
    >>> fraction.tolist()
    [0.75]
    """

    nodes: FloatArray
    weights: FloatArray
    n_parameters: int

    def density(self, grid: ArrayLike, sigma: float) -> FloatArray:
        r"""Return the density of the eigenvalues, blurred by a normal density.

        .. math:: \rho(x) = \frac1P \sum_{p,k} w_{pk}\, \mathcal N(x;\, \lambda_{pk}, \sigma^2)

        Parameters
        ----------
        grid : array-like of shape (n_grid,)
            Where to evaluate it.
        sigma : float
            Width of the blur, in units of the eigenvalues.

        Returns
        -------
        density : ndarray of shape (n_members, n_grid)
            It integrates to one.

        Raises
        ------
        ValueError
            If `sigma` is not positive.
        """
        if not sigma > 0:
            raise ValueError(f"sigma must be positive, got {sigma!r}")
        points = np.asarray(grid, dtype=np.float64)
        values = np.empty((len(self.nodes), len(points)))
        for member, (nodes, weights) in enumerate(zip(self.nodes, self.weights, strict=True)):
            distance = (points[:, None] - nodes.reshape(1, -1)) / sigma
            values[member] = np.exp(-0.5 * distance**2) @ weights.ravel() / len(nodes)
        return values / (sigma * math.sqrt(2 * math.pi))

    def near_zero_fraction(self, eps: float) -> tuple[Vector, Vector]:
        """Return the share of the eigenvalues of an absolute value below `eps`.

        The weights of the nodes below are added up. Most eigenvalues lie near zero, where one node
        stands for many of them, so `eps` should be two times :meth:`resolution` or more: take as
        many steps as that needs. The standard error does not tell.

        Parameters
        ----------
        eps : float
            Positive, in units of the eigenvalues.

        Returns
        -------
        fraction : ndarray of shape (n_members,)
            Mean over the probes.
        standard_error : ndarray of shape (n_members,)
            Of that mean; NaN for a single probe.

        Raises
        ------
        ValueError
            If `eps` is not positive.
        """
        if not eps > 0:
            raise ValueError(f"eps must be positive, got {eps!r}")
        shares = np.where(np.abs(self.nodes) < eps, self.weights, 0.0).sum(axis=-1)
        return _mean_and_error(shares.T)

    def resolution(self) -> Vector:
        """Return the distance of the nodes near zero, below which nothing is known: (n_members,).

        It is half the distance of the two neighbours of the node nearest to zero, in the mean over
        the probes; it falls with the number of steps.
        NaN for less than three of them.
        """
        n_steps = self.nodes.shape[-1]
        if n_steps < 3:
            return np.full(len(self.nodes), np.nan)
        nearest = np.clip(np.abs(self.nodes).argmin(axis=-1), 1, n_steps - 2)[..., None]
        left = np.take_along_axis(self.nodes, nearest - 1, axis=-1)
        right = np.take_along_axis(self.nodes, nearest + 1, axis=-1)
        return np.asarray(0.5 * (right - left)[..., 0].mean(axis=1))

    def moment(self, order: int) -> Vector:
        """Return the mean of a power of the eigenvalues: (n_members,).

        Parameters
        ----------
        order : int
            The power; the first moment times `n_parameters` estimates the trace.

        Returns
        -------
        means : ndarray of shape (n_members,)
            Of each network.
        """
        powers = (self.weights * self.nodes**order).sum(axis=-1)
        return np.asarray(powers.mean(axis=1))

    def extremes(self) -> FloatArray:
        """Return the lowest and the highest node, near the eigenvalues' ends: (n_members, 2)."""
        # where the Krylov space was exhausted, what is left are zeros without weight
        real = self.weights > _NO_WEIGHT
        low = np.where(real, self.nodes, np.inf).min(axis=(1, 2))
        high = np.where(real, self.nodes, -np.inf).max(axis=(1, 2))
        return np.stack([low, high], axis=1)


def hessian_spectrum(
    estimator: BaseEstimator,
    X: TableLike,
    y: TargetLike,
    *,
    sample_weight: ArrayLike | None = None,
    n_probes: int = 10,
    n_steps: int = 80,
    random_state: RandomState = None,
) -> HessianSpectrum:
    r"""Estimate the density of the eigenvalues of the training loss's Hessian, of each network.

    Stochastic Lanczos quadrature: from a random unit vector v, n steps of Lanczos give a
    tridiagonal matrix T with eigenvalues :math:`\theta_k` and eigenvectors :math:`u_k`. Then

    .. math:: v^\top f(H)\, v \approx \sum_k (u_{k,1})^2 f(\theta_k)

    is exact for polynomials f up to the degree 2 n - 1, and its mean over random v is that of f
    over all eigenvalues [1]_. Vectors are orthogonalised against all before, twice. Loss,
    parameters and activations are those of `hessian_trace`; see its notes.

    Parameters
    ----------
    estimator : estimator
        A fitted `LearnedDiversityMLPClassifier`, `LearnedDiversityMLPRegressor` or
        `HamiltonianMLPRegressor`.
    X : table or array-like of shape (n_samples, n_features)
        Rows as the estimator takes them.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        Their targets.
    sample_weight : array-like of shape (n_samples,), default=None
        A weight of k counts as k copies of the row.
    n_probes : int, default=10
        Number of random vectors.
    n_steps : int, default=80
        Steps of Lanczos from each of them; no more than there are parameters.
    random_state : int, RandomState instance or None, default=None
        Draws the vectors.

    Returns
    -------
    spectrum : HessianSpectrum
        Of each of the networks that the estimator averages.

    Raises
    ------
    NotFittedError
        If the estimator is not fitted.
    TypeError
        If it has no networks of neurons of several types.
    ValueError
        If X, y and the weights do not fit, or `n_probes` or `n_steps` is less than one.

    See Also
    --------
    hessian_trace : Sum of the eigenvalues, with its error.

    References
    ----------
    .. [1] B. Ghorbani, S. Krishnan and Y. Xiao, "An investigation into neural net optimization via
       Hessian eigenvalue density", ICML 2019.

    Examples
    --------
    >>> from sklearn.datasets import make_moons
    >>> from sktaskneuron import LearnedDiversityMLPClassifier
    >>> from sktaskneuron.inspection import hessian_spectrum
    >>> X, y = make_moons(200, noise=0.2, random_state=0)
    >>> model = LearnedDiversityMLPClassifier(
    ...     (20,), activations=["sin", "tanh"], max_epochs=10, n_members=4, random_state=0
    ... ).fit(X, y)
    >>> spectrum = hessian_spectrum(model, X, y, n_probes=4, n_steps=30, random_state=0)
    >>> spectrum.nodes.shape, spectrum.n_parameters
    ((4, 4, 30), 102)
    >>> fraction, error = spectrum.near_zero_fraction(1e-2)
    >>> bool((fraction > 0.2).all() and (spectrum.resolution() < 5e-3).all())
    True
    """
    _check_count("n_probes", n_probes)
    _check_count("n_steps", n_steps)
    curvature = Curvature(estimator, X, y, sample_weight)
    steps = min(n_steps, curvature.n_parameters)
    random = np.random.default_rng(draw_seed(random_state))
    per_probe = steps * curvature.n_members * curvature.n_parameters
    found = []
    for count in _batches(n_probes, min(_MOST_PROBES, max(1, _MOST_NUMBERS // per_probe))):
        diagonal, beside = lanczos(curvature, _signs(curvature, count, random), steps)
        found.append(quadrature(diagonal, beside))
    nodes, weights = (np.concatenate(parts).swapaxes(0, 1) for parts in zip(*found, strict=True))
    return HessianSpectrum(nodes, weights, curvature.n_parameters)


def _signs(curvature: Curvature, count: int, random: np.random.Generator) -> Tensor:
    """Draw vectors of +1 and -1, others for every member."""
    import torch

    shape = (count, curvature.n_members, curvature.n_parameters)
    signs = 2.0 * random.integers(2, size=shape) - 1.0
    return torch.from_numpy(signs).to(curvature.rows.device)


def _batches(total: int, most: int) -> list[int]:
    """Cut a number of probes into batches."""
    return [min(most, total - start) for start in range(0, total, most)]


def _check_count(name: str, value: int) -> None:
    if value < 1:
        raise ValueError(f"{name} must be 1 or more, got {value!r}")


def _mean_and_error(values: FloatArray) -> tuple[Vector, Vector]:
    """Return the mean over the first axis, and its standard error."""
    n = len(values)
    if n == 1:
        return np.asarray(values[0]), np.full(values.shape[1:], np.nan)
    return np.asarray(values.mean(axis=0)), np.asarray(values.std(axis=0, ddof=1) / math.sqrt(n))
