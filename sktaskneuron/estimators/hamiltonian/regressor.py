"""Regression of the motion of a Hamiltonian system."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import MultiOutputMixin, RegressorMixin, _fit_context
from sklearn.utils import Tags

from sktaskneuron._clock import time_limit
from sktaskneuron._typing import FloatArray, Matrix, RandomState, Vector
from sktaskneuron.dynamics import check_integration, integrate
from sktaskneuron.estimators._common.checks import check_target
from sktaskneuron.estimators._common.report import FitReport
from sktaskneuron.estimators._common.targets import Scored
from sktaskneuron.estimators._common.usual_state import usual_state
from sktaskneuron.estimators.diversity.base import LearnedDiversity
from sktaskneuron.estimators.fitted import fitted_value, put_on, told
from sktaskneuron.estimators.hamiltonian.rows import (
    Columns,
    as_rows,
    read_motion,
    read_states,
)
from sktaskneuron.estimators.hamiltonian.run import FittedHamiltonian, fit_hamiltonian
from sktaskneuron.preprocessing.naming import in_name_of


class HamiltonianMLPRegressor(Scored, RegressorMixin, MultiOutputMixin, LearnedDiversity):
    r"""Regression of a Hamiltonian system's motion by a network for its Hamiltonian.

    The columns of X are the coordinates and the momenta ``[q, p]``, those of y their derivatives by
    time. The network gives one number, H(q, p), and the prediction is its symplectic gradient

    .. math:: \dot q = \partial H / \partial p, \qquad \dot p = -\partial H / \partial q,

    so what it predicts conserves an energy whatever it has learned [1]_. The neurons may be of
    several types with learned activation functions, as in :class:`LearnedDiversityMLPRegressor`
    [2]_.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default=(100,)
        Neurons per hidden layer.
    n_types : int, default=2
        Number of functions that are learned; neuron j of N has type ``j * n_types // N``.
    base : str or sequence of str, default="tanh"
        What the learned functions are added to, and what they are compared with: a text as of
        :func:`sktaskneuron.nn.get_activation`, or "zero"; a sequence names one for each type.
    activations : str, ActivationSet, list or None, default="tanh"
        Activations to be used without learning functions: a text as of
        :func:`sktaskneuron.nn.get_activation`, a set (`activations_` of another model), a list of
        these, the types of neurons, as ``["sin", "tanh"]``, or one set or list per hidden layer.
        Parameters of a text with ``trainable=True``, as ``"snake(trainable=True)"``, are learned
        with the weights, by every network for itself. None learns the functions, which takes
        minutes. Tables are read with cubic interpolation: the field is a derivative, and of linear
        ones it would be a staircase.
    meta : {"unrolled", "first_order", "joint"}, default="unrolled"
        Gradient of the outer loop: "unrolled" is exact, through the whole inner training;
        "first_order" leaves out how the trained weights depend on the functions; "joint" trains
        weights and functions together, once.
    meta_loss : {"holdout", "train"}, default="holdout"
        What the outer loop lowers: the loss of rows that the inner training has not seen, drawn
        anew in every outer step, or the mean training loss along it.
    outer_steps : int, default=40
        Steps of the outer loop.
    inner_steps : int, default=60
        Training steps of each fresh network within.
    share_across_layers : bool, default=True
        Whether all hidden layers have the same functions.
    compare : bool, default=True
        Whether the learned mix, each of its functions alone, the base, and sine with tanh are
        compared on held-out rows. False takes the learned mix.
    learning_rate : "auto" or float, default="auto"
        Of Adam. "auto" tries 0.001, 0.003, 0.01 and 0.03 for every candidate on the first
        held-out rows.
    weight_decay : float, default=0.0
        Decoupled, relative to the learning rate.
    max_epochs : "auto" or int, default="auto"
        Passes over the rows. "auto" is as many as make 3,000 steps, from 10 to 100; every network
        keeps its best epoch on its held-out rows, and training ends where all of them overfit.
    batch_size : "auto" or int, default="auto"
        Rows in a training step. "auto" is a fortieth of the rows, from 32 to 256.
    n_members : "auto" or int, default="auto"
        Networks whose outputs are averaged; each holds out the next fold. "auto" is one per fold,
        and no fewer than two.
    validation : "auto", int, float, splitter, list or None, default="auto"
        Held-out rows: k folds, or a share. "auto" is 4 folds; on 100,000 rows and more a share of
        0.15, at most 20,000 rows; none on less than 20 rows, where nothing is learned but weights.
        None compares nothing and keeps the last epoch.
        A splitter of scikit-learn, or a list of pairs (training rows, held-out rows): these splits.
        Of trajectories every orbit is a group, so that `GroupKFold` holds out whole ones.
    n_iter_no_change : int or None, default=None
        Epochs without a lower held-out loss of any network after which training ends.
    time_limit : float or None, default=None
        Seconds after which fit ends, of wall time and of the CPU time of the process. Half of
        it is for the learning of functions; learning rates fall as fast as their share of the time
        runs. What was found by then predicts, and `left_out_` says what is missing. Results depend
        on the machine's speed.
    device : str, default="auto"
        Where networks are trained and evaluated: "cpu", "cuda", "cuda:1", "mps"; "auto" takes a
        GPU if there is one. May be set anew after fit, to predict elsewhere.
    dtype : {"float32", "float64"}, default="float32"
        Precision of the networks. Results are float64 in any case.
    random_state : int, RandomState instance or None, default=None
        Draws held-out rows, starting weights, batches and noise. The same number gives the same
        model, bit for bit, on the same device and number of threads. The global streams of numpy
        and torch are never drawn from.
    verbose : int, default=0
        1 prints a line per outer step and per epoch; at a terminal, where rich is installed, it
        draws scikit-learn's bars of progress instead. 2 prints lines in any case.

    Attributes
    ----------
    n_outputs_ : int
        Number of rates, that of the columns.
    selected_ : str
        What predicts: "learned" (the mix), "learned 1", … (one of its functions alone), the base,
        "sin + tanh", or "given".
    activations_ : str, ActivationSet or list
        The activations of what predicts, as the parameter `activations` takes them. Of parameters
        that the networks learned it holds the means; where layers differ by them, one list for
        each.
    learned_ : list of ActivationSet
        The learned functions, one set or one per hidden layer; empty if none were learned.
    activation_report_ : dict
        "selected"; "outside", the share of inputs outside the table at the end of learning; and
        "candidates", per candidate the held-out "loss", its "gain" over the best free candidate
        with the "standard_error" of that, and the "learning_rate". Learned functions are taken if
        their gain is larger than its error.
    activation_history_ : dict
        "outer_loss" per outer step, and "evolution", the functions' values over the outer steps,
        (n_snapshots, n_sets, n_types, n_knots). Empty if none were learned.
    oof_score_ : float
        R2 of the held-out predictions of what predicts; NaN without validation.
    history_ : dict of str to list
        Mean losses per epoch of the networks that predict.
    n_iter_ : int
        Epochs that were trained.
    feature_importances_ : ndarray of shape (n_features,)
        By how much the rates move with each column, each in standard deviations; see
        :func:`sktaskneuron.inspection.feature_importances`.
    left_out_ : tuple of str
        What was left out, in words, because `time_limit` ran out; empty if nothing was.
    scaler_ : StandardScaler
        Brings q and p to standard scales.
    n_features_in_ : int
        Number of input columns.
    feature_names_in_ : ndarray of str of shape (n_features,)
        Their names, where the table has names.

    See Also
    --------
    LearnedDiversityMLPRegressor : A network without a conserved energy.
    sktaskneuron.datasets.make_henon_heiles : Data of a Hamiltonian system.

    References
    ----------
    .. [1] S. Greydanus, M. Dzamba and J. Yosinski, "Hamiltonian neural networks", NeurIPS 2019.
    .. [2] A. Choudhary, A. Radhakrishnan, J. F. Lindner, S. Sinha and W. L. Ditto, "Neuronal
       diversity can improve machine learning for physics and beyond", Scientific Reports 13, 13962
       (2023).

    Examples
    --------
    >>> import numpy as np
    >>> from sktaskneuron import HamiltonianMLPRegressor
    >>> X = np.random.default_rng(0).uniform(-1, 1, size=(400, 2))  # an oscillator's q and p
    >>> y = np.stack([X[:, 1], -X[:, 0]], axis=1)
    >>> model = HamiltonianMLPRegressor(random_state=0).fit(X, y)
    >>> orbit = model.simulate([0.5, 0.0], t=np.linspace(0, 2 * np.pi, 50))
    >>> orbit.shape
    (50, 2)
    >>> bool(np.abs(orbit[-1] - orbit[0]).max() < 0.05)
    True
    """

    _hamiltonian: ClassVar[bool] = True
    _fitted: FittedHamiltonian  # type: ignore[assignment]

    def __init__(
        self,
        hidden_layer_sizes: int | Sequence[int] = (100,),
        *,
        n_types: int = 2,
        base: str | Sequence[str] = "tanh",
        activations: Any = "tanh",
        meta: str = "unrolled",
        meta_loss: str = "holdout",
        outer_steps: int = 40,
        inner_steps: int = 60,
        share_across_layers: bool = True,
        compare: bool = True,
        learning_rate: str | float = "auto",
        weight_decay: float = 0.0,
        max_epochs: str | int = "auto",
        batch_size: str | int = "auto",
        n_members: str | int = "auto",
        validation: str | int | float | None = "auto",
        n_iter_no_change: int | None = None,
        time_limit: float | None = None,
        device: str = "auto",
        dtype: str = "float32",
        random_state: RandomState = None,
        verbose: int = 0,
    ) -> None:
        super().__init__(
            hidden_layer_sizes,
            n_types=n_types,
            base=base,
            activations=activations,
            meta=meta,
            meta_loss=meta_loss,
            outer_steps=outer_steps,
            inner_steps=inner_steps,
            share_across_layers=share_across_layers,
            compare=compare,
            learning_rate=learning_rate,
            weight_decay=weight_decay,
            max_epochs=max_epochs,
            batch_size=batch_size,
            n_members=n_members,
            validation=validation,
            n_iter_no_change=n_iter_no_change,
            time_limit=time_limit,
            device=device,
            dtype=dtype,
            random_state=random_state,
            verbose=verbose,
        )

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        groups: ArrayLike | None = None,
        *,
        X_val: ArrayLike | None = None,
        y_val: ArrayLike | None = None,
        sample_weight_val: ArrayLike | None = None,
    ) -> Self:
        """Fit the Hamiltonian to states and their derivatives, or to trajectories.

        A fit that fails or is interrupted leaves the estimator as it was.

        Parameters
        ----------
        X : array-like of shape (n_samples, 2 * n) or (n_orbits, n_times, 2 * n)
            States [q, p]; with three axes trajectories.
        y : array-like of shape (n_samples, 2 * n) or (n_times,)
            Derivatives of the states by time. Of trajectories the times instead: the derivatives
            are then taken by differences of second order.
        sample_weight : array-like of shape (n_samples,), default=None
            A weight of k counts as k copies of the row; of trajectories one weight per orbit.
        groups : array-like of shape (n_samples,), default=None
            Groups of the rows, for a splitter of them as `validation`; of trajectories one group
            per orbit. Without any every orbit is a group.
        X_val, y_val : array-like, default=None
            States or trajectories to judge by, as X and y: then none of X is held out, nothing is
            fitted to these, and they alone choose epochs and activations, whatever `validation` is.
        sample_weight_val : array-like of shape (n_samples_val,), default=None
            Their weights.

        Returns
        -------
        self : HamiltonianMLPRegressor
            Fitted.

        Raises
        ------
        ValueError, TypeError
            If the number of columns is odd, y does not fit X, or a parameter cannot be used.
        """
        with usual_state(), time_limit(self.time_limit) as left_out:
            settings = self._settings()
            with in_name_of(self):
                rows = as_rows(X, y, sample_weight, groups)
            judges = X_val, y_val, sample_weight_val
            motion = read_motion(self, self._check_states, rows, judges, self.validation)
            report = FitReport(self, *rows[:3])
            fitted = fit_hamiltonian(settings, motion, report)
            report.end()
        return put_on(self, told(self, fitted, left_out))

    def _check_states(
        self, X: ArrayLike, y: ArrayLike, columns: Columns | None = None
    ) -> tuple[Matrix, Matrix, Columns]:
        """Return finite states and rates as they were given, and the names of the columns.

        columns : those of the states before, which these have to have.
        """
        reader, shown = copy(self), ("n_features_in_", "feature_names_in_")
        former = {name: value for name, value in vars(self).items() if name not in shown}
        reader.__dict__ = {**former, **(columns or {})}
        states = read_states(reader, X, reset=columns is None)
        columns = {name: value for name, value in vars(reader).items() if name in shown}
        rates = check_target(type(self).__name__, X, y, numeric=True, flat=False)
        return states, rates, columns

    def _read(self, X: ArrayLike) -> Matrix:
        return read_states(self, X)

    @usual_state()
    def predict(self, X: ArrayLike) -> Matrix:
        """Predict the derivatives of states by time.

        Parameters
        ----------
        X : array-like of shape (n_samples, 2 * n)
            States [q, p].

        Returns
        -------
        y : ndarray of float64 of shape (n_samples, 2 * n)
            In the order of the columns.
        """
        fitted: FittedHamiltonian = fitted_value(self)
        return fitted.rates(self._read(X), self.device)

    @usual_state()
    def energy(self, X: ArrayLike) -> Vector:
        """Return the Hamiltonian of states, zero in the mean of the training states.

        Parameters
        ----------
        X : array-like of shape (n_samples, 2 * n)
            States [q, p].

        Returns
        -------
        energy : ndarray of float64 of shape (n_samples,)
            In the unit of y times that of X.
        """
        fitted: FittedHamiltonian = fitted_value(self)
        return fitted.energies(self._read(X)) - fitted.energy_shift

    @usual_state()
    def simulate(
        self,
        x0: ArrayLike,
        t: ArrayLike,
        method: str = "leapfrog",
        *,
        max_step: float | None = None,
    ) -> FloatArray:
        """Follow the predicted motion from given states.

        Parameters
        ----------
        x0 : array-like of shape (2 * n,) or (n_orbits, 2 * n)
            States at the first of the times.
        t : array-like of shape (n_times,)
            Increasing times.
        method : {"leapfrog", "rk4"}, default="leapfrog"
            "leapfrog" is symplectic and of second order: the energy stays bounded for any time.
            "rk4" is of fourth order.
        max_step : float or None, default=None
            Longest step of the integration. None takes a tenth of the distances of the times.

        Returns
        -------
        states : ndarray of shape (n_times, 2 * n) or (n_orbits, n_times, 2 * n)
            The first are the given ones.

        Raises
        ------
        ValueError
            If the times do not increase, the method is not known, or a number is out of range.
        """
        fitted: FittedHamiltonian = fitted_value(self)
        times = check_integration(t, method, max_step)
        start = np.asanyarray(x0)
        states = self._read(np.atleast_2d(start))
        path = integrate(fitted.exact_field(), states, times, method, max_step)
        return path[0] if start.ndim == 1 else path

    @usual_state()
    def energy_drift(
        self,
        x0: ArrayLike,
        t: ArrayLike,
        method: str = "leapfrog",
        *,
        max_step: float | None = None,
        energy: Callable[[Matrix], Vector] | None = None,
    ) -> FloatArray:
        """Return by how much the energy strays from its start along simulated orbits.

        Parameters
        ----------
        x0 : array-like of shape (2 * n,) or (n_orbits, 2 * n)
            States at the first of the times.
        t : array-like of shape (n_times,)
            Increasing times.
        method : {"leapfrog", "rk4"}, default="leapfrog"
            See :meth:`simulate`.
        max_step : float or None, default=None
            See :meth:`simulate`.
        energy : callable or None, default=None
            The true energy of states (n, 2 * n), for the error of the orbits; None takes the
            model's own, for that of the integration.

        Returns
        -------
        drift : ndarray of shape (n_orbits,)
            Largest absolute difference over the times.

        Raises
        ------
        ValueError
            As :meth:`simulate`.
        """
        path = self.simulate(x0, t, method, max_step=max_step)
        path = path[None] if path.ndim == 2 else path
        function = self.energy if energy is None else energy
        value = np.asarray(function(path.reshape(-1, path.shape[-1]))).reshape(path.shape[:2])
        return np.asarray(np.abs(value - value[:, :1]).max(axis=1))

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = False
        tags.input_tags.categorical = False
        tags.input_tags.string = False
        tags.target_tags.single_output = False
        return tags
