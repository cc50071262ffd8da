"""Regression by networks of task-driven neurons."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Real
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike
from sklearn.metrics import d2_pinball_score
from sklearn.utils import Tags
from sklearn.utils._param_validation import Interval, StrOptions

from sktaskneuron._typing import (
    CategoricalFeatures,
    Constraints,
    FloatArray,
    Matrix,
    RandomState,
    TableLike,
    TargetLike,
    ValidationLike,
)
from sktaskneuron.estimators._common.checks import EncodedTable, score_weight
from sktaskneuron.estimators._common.further import RegressesFurther
from sktaskneuron.estimators._common.usual_state import usual_state
from sktaskneuron.estimators.fitted import fitted_value
from sktaskneuron.estimators.formula_search.search import NeuronFormulaSearch
from sktaskneuron.estimators.neuron_seek.base import NeuronSeek
from sktaskneuron.estimators.neuron_seek.run import FittedNeuronSeek
from sktaskneuron.estimators.neuron_seek.settings import NeuronSeekSettings
from sktaskneuron.formula import NeuronFormula
from sktaskneuron.models.fitted import on_device
from sktaskneuron.models.losses import Deviance, Huber, Loss, Quantiles, SquaredError
from sktaskneuron.models.spread import Spread, checked_coverages
from sktaskneuron.models.target import ValueTarget

if TYPE_CHECKING:
    from skorch.callbacks import Callback

# Powers of the variance's growth with the mean; that of Tweedie's distribution is a parameter.
_LOGARITHMIC = {"poisson": 1.0, "gamma": 2.0, "tweedie": None}
_LOSSES = ("squared_error", "absolute_error", "huber", "quantile", *_LOGARITHMIC)


class NeuronSeekRegressor(RegressesFurther, NeuronSeek):
    """Regression by networks of task-driven neurons, whose formula is found in the data.

    A search finds which powers and products of the columns the target asks for [1]_. Groups of
    small networks are built from it. The neurons of the group "task" multiply projections of the
    columns (:class:`sktaskneuron.nn.TaskNeuron`) and learn a function of each column. The group
    "ranks" sees the ranks of the values; from 5,000 rows on "bins" takes its place, which learns
    broken lines of single columns and so finds thresholds. Each network leaves some rows out of its
    training, others than its neighbours do. How well the groups, the mean, ridge regression and the
    searched equation predict those rows decides how much each of them counts. Where a readable
    model alone is as good, within the error of that comparison, it predicts.

    Tables of numbers, categories and missing values go in as they are; the target is standardised
    inside. Several targets share one formula and one network.

    Parameters
    ----------
    formula : str or NeuronFormula, default="td"
        "td" searches powers and products by tensor decomposition, "sr" functions of single columns
        by symbolic regression. Otherwise the formula itself, as ``"x + x**2 + <x,x>:4"``; a part
        ``x`` is always added.
    loss : str, default="squared_error"
        One of "squared_error", "absolute_error", "huber", "quantile", "poisson", "gamma" and
        "tweedie": what networks, linear model, epochs and weights of the blend are fitted and
        judged by. Squares ask for the mean, absolute errors for the median, Huber's loss for a mean
        that gross errors do not move, and the pinball loss for quantiles; the last three are half
        the deviance of a distribution, with a logarithmic link, of a target without negative
        values. The searched equation, which is fitted by squares, takes part in the comparison with
        "squared_error" alone; otherwise it gives the networks its products. See the user guide.
    quantile : float or list of float, default=0.5
        With ``loss="quantile"`` the level or levels, each above 0 and below 1. Of a list, for one
        target, predictions are (n_samples, n_levels) and never cross.
    power : float, default=1.5
        With ``loss="tweedie"`` the power of the mean, from 1 (Poisson) to 2 (gamma), that the
        variance grows with.
    search : NeuronFormulaSearch or None, default=None
        Settings of the search. None: the defaults, without the evidence from resamples. Its
        `categorical_features` and `target_type` are not read, the table and the target are this
        estimator's. With ``scope="columns"`` its equation is a model of its own, "equation", and
        the formula of the neurons is searched or given as `formula` says.
    hidden_layer_sizes : int or sequence of int, default=(128, 128)
        Neurons per hidden layer; the first layer holds the task-driven ones.
    activation : str, ActivationSet or list, default="silu"
        A text as of :func:`sktaskneuron.nn.get_activation`: a name, as ``"snake(a=2)"``, or an
        expression, as ``"x*tanh(softplus(x))"``; a set of functions (`activations_` of a model with
        learned ones), which stay as they are; a list of texts and sets, the types of the neurons
        of every hidden layer, as ``["sin", "relu"]``; or one set or list per hidden layer. Neuron
        j of N has type ``j * n_types // N``. Parameters of a text with ``trainable=True``, as
        ``"prelu(trainable=True)"``, are learned with the weights, by every network for itself.
    dropout : float, default=0.1
        Share of the hidden values left out in a training step, from 0 to below 1.
    learning_rate : "auto" or float, default="auto"
        Rate of a weight with fan-in one. "auto" is 0.1, for classes 0.04.
    weight_decay : float, default=0.02
        Decoupled weight decay of a weight with fan-in one.
    max_epochs : "auto" or int, default="auto"
        Passes over the rows; the learning rate falls to zero over them, in four cycles. "auto" is
        80, within 400 and 2,000 steps, and training ends where a whole cycle lowered the held-out
        loss by less than a hundredth. Where 400 steps take more than 80 passes, an epoch has
        several.
    batch_size : "auto" or int, default="auto"
        Most rows of a member in a training step. "auto" is 256; 512 from 100,000 training rows,
        1,024 from 400,000.
    n_members : "auto" or int, default="auto"
        Networks in all. Every group needs one for each fold: with fewer in all than twice the
        folds there is the task group alone, and with fewer than the folds so many folds are held
        out. "auto" is one per fold in each group, and no fewer than 4 (2 from 100,000 rows on);
        from 400,000 rows on there is the task group alone.
    validation : "auto", int, float, splitter, list or None, default="auto"
        Held-out rows, which choose the epoch and the weights of the models. An int k: k
        folds, each held out once, by one member of a group after the other. A float: that share of
        the rows, the same for all members. "auto": 4 folds; on 100,000 rows and more a share of
        0.15, at most 20,000 rows; none on less than 20 rows. None: the task-driven networks are
        trained on all rows to the last epoch, and nothing is compared.
        A splitter of scikit-learn, or a list of pairs (training rows, held-out rows): these splits.
    n_iter_no_change : int or None, default=None
        Epochs without a lower held-out loss after which the training of a group ends.
    compare_simple : bool, default=True
        Whether simpler models and the other groups of networks may take part. False trains the
        task-driven networks alone.
    companions : list or None, default=None
        Estimators of scikit-learn that take part in the blend: estimators, pairs (name, estimator),
        or "boosted_trees", scikit-learn's histogram-based gradient boosting with `loss`. They are
        trained on the same folds as the networks and weighed by the same held-out rows. They read
        the encoded columns, ``encoder_.transform(X)``, and the target as it is given;
        "boosted_trees" reads one column of codes for each category, and gaps as gaps.
    term_evidence : bool, default=False
        Whether to train the task-driven networks once more without each kind of term, for
        `formula_gain_`.
    readable : bool or int, default=False
        Whether the best equation of few nodes shall predict in place of the networks, with
        ``loss="squared_error"``; a number is
        the most nodes, True stands for 30. It is looked for on the target and on the networks' own
        predictions, also between the rows, and `readable_report_` says what it costs.
    warm_start : bool, default=False
        Whether a further fit goes on from the earlier one, on rows that it has not seen: encoding,
        scales, classes and formula stay, the networks that predicted are trained further at a lower
        learning rate, and compared anew on rows held out of the new ones, with the equation as it
        was. See also `partial_fit`, which holds nothing out.
    time_limit : float or None, default=None
        Seconds after which fit ends, of wall time and of the CPU time of the process. At most
        a third is for the search and, with ``readable``, a third for that equation; the learning
        rate of the networks falls as fast as their share of the time runs. What was found by then
        predicts, and `left_out_` says what is missing. Results depend on the machine's speed.
    categorical_features : "from_dtype", None or array-like, default="from_dtype"
        See :class:`sktaskneuron.preprocessing.TableEncoder`.
    device : str, default="auto"
        Where networks are trained and evaluated: "cpu", "cuda", "cuda:1", "mps"; "auto" takes a
        GPU if there is one. May be set anew after fit, to predict elsewhere.
    dtype : {"float32", "float64"}, default="float32"
        Precision of the networks. Predictions are float64 in any case.
    skorch_callbacks : sequence or None, default=None
        Callbacks of skorch, or pairs (name, callback), passed on to every network's training. The
        callbacks of scikit-learn are set by `set_callbacks`: tasks are "fit", in it "search" and
        one task per group of networks, in it the epochs. A callback's wish to stop ends the group
        in training.
    n_jobs : int or None, default=None
        Groups of networks, companions and searches on folds at a time, by joblib. None is 1 unless
        in a ``joblib.parallel_config``; -1 is all processors. Each then computes with one thread of
        torch, or ``inner_max_num_threads`` of that, and gives the same numbers as ``n_jobs=1`` with
        so many. With callbacks of either kind it is 1, and a warning says so.
    random_state : int, RandomState instance or None, default=None
        Draws held-out rows, starting weights, batches and dropout. The same number gives the same
        model, bit for bit, on the same device and number of threads. None takes a new seed from
        the operating system; the global streams of numpy and torch are never drawn from.
    verbose : int, default=0
        1 prints a line per step of the search and per epoch; at a terminal, where rich is
        installed, it draws scikit-learn's bars of progress instead. 2 prints lines in any case.

    Attributes
    ----------
    formula_ : NeuronFormula
        The neuron's formula: that found, or that given. Empty if a search found nothing.
    fitted_formula_ : FittedFormula or None
        The searched formula with its numbers, on raw columns; None if no search was made.
    expression_ : sympy.Expr or list of sympy.Expr
        The same equation as sympy, a list for several targets. It is what `predict` computes if
        `selected_` is "formula". Not there if no search was made or the equation is too long.
    search_ : NeuronFormulaSearch or None
        The fitted search, with its evidence; one of ``scope="columns"`` holds the equation of
        columns as its `fitted_formula_`.
    selected_ : str
        What predicts: "constant" (the mean), "linear" (ridge regression), "formula" (the searched
        equation), "equation" (that of columns, where one was asked for), one group of networks
        ("task", "ranks", "bins"), "formula + networks" or "equation + networks" (networks on what
        an equation leaves, added to it), or "blend".
    weights_ : dict of str to float
        Share of every model in the prediction.
    validation_scores_ : dict of str to float
        R2 on the held-out rows, of every model and of the blend; empty without validation. Of
        another loss than squares D2, the share of the loss of the best constant that is gone.
    not_compared_ : dict of str to str
        Why a searched equation, "formula" or "equation", is not in `validation_scores_`: that it
        is linear or has no terms, that it could not help the other models, or what else there is.
    oof_score_ : float
        R2 (D2) of the held-out predictions of what predicts; NaN without validation. The weights
        were chosen on the same rows, so it is a little too good.
    formula_gain_ : dict of str to float
        What the score of the blend loses without a model; with `term_evidence` also what that of
        the task group loses without "products", "pure terms" and "learned terms".
    readable_formula_ : FittedExpression, FittedFormula or None
        The equation that predicts, with ``readable``; None without.
    readable_report_ : dict
        With ``readable``: the scores of the "equation" and of the "model" that it stands for on the
        same held-out rows (as in `validation_scores_`), and what it was "found on": "target",
        "model" or, for the searched one, "formula". Empty without.
    history_ : dict of str to list
        Losses per epoch of the group with the largest weight.
    n_iter_ : int
        Epochs of that group.
    left_out_ : tuple of str
        What was left out, in words, because `time_limit` ran out; empty if nothing was.
    n_outputs_ : int
        Number of targets.
    encoder_ : TableEncoder
        Turns the table into numbers.
    scaler_ : SmoothClipScaler
        Scales them for the task group.
    rank_scaler_ : NormalScoreScaler
        Scales them for the group that sees ranks; not there where that group was not trained.
    feature_importances_ : ndarray of shape (n_features,)
        By how much the prediction moves with each column, in the unit of the target; see
        :func:`sktaskneuron.inspection.feature_importances`.
    n_features_in_ : int
        Number of input columns.
    feature_names_in_ : ndarray of str of shape (n_features,)
        Their names, where the table has names.

    See Also
    --------
    NeuronSeekClassifier : The same for classes.
    NeuronFormulaSearch : The search alone, as a transformer.

    References
    ----------
    .. [1] "NeuronSeek: on stability and expressivity of task-driven neurons",
       arXiv 2506.15715.

    Examples
    --------
    >>> import numpy as np
    >>> from sktaskneuron import NeuronSeekRegressor
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(300, 4))
    >>> y = 2 * X[:, 0] ** 2 + X[:, 1] * X[:, 2] + 0.1 * rng.normal(size=300)
    >>> model = NeuronSeekRegressor(max_epochs=5, random_state=0).fit(X, y)
    >>> print(model.formula_)
    x**2 + <x,x>:1
    >>> model.selected_
    'formula'
    >>> model.score(X, y) > 0.99
    True
    """

    _parameter_constraints: ClassVar[Constraints] = {
        **NeuronSeek._parameter_constraints,
        "loss": [StrOptions(set(_LOSSES))],
        "quantile": [Interval(Real, 0, 1, closed="neither"), "array-like"],
        "power": [Interval(Real, 1, 2, closed="both")],
    }

    def __init__(
        self,
        formula: str | NeuronFormula = "td",
        *,
        loss: str = "squared_error",
        quantile: float | Sequence[float] = 0.5,
        power: float = 1.5,
        search: NeuronFormulaSearch | None = None,
        hidden_layer_sizes: int | Sequence[int] = (128, 128),
        activation: Any = "silu",
        dropout: float = 0.1,
        learning_rate: str | float = "auto",
        weight_decay: float = 0.02,
        max_epochs: str | int = "auto",
        batch_size: str | int = "auto",
        n_members: str | int = "auto",
        validation: ValidationLike = "auto",
        n_iter_no_change: int | None = None,
        compare_simple: bool = True,
        companions: Sequence[Any] | None = None,
        term_evidence: bool = False,
        readable: bool | int = False,
        warm_start: bool = False,
        time_limit: float | None = None,
        categorical_features: CategoricalFeatures = "from_dtype",
        device: str = "auto",
        dtype: str = "float32",
        skorch_callbacks: Sequence[Callback | tuple[str, Callback]] | None = None,
        n_jobs: int | None = None,
        random_state: RandomState = None,
        verbose: int = 0,
    ) -> None:
        super().__init__(
            formula,
            search=search,
            hidden_layer_sizes=hidden_layer_sizes,
            activation=activation,
            dropout=dropout,
            learning_rate=learning_rate,
            weight_decay=weight_decay,
            max_epochs=max_epochs,
            batch_size=batch_size,
            n_members=n_members,
            validation=validation,
            n_iter_no_change=n_iter_no_change,
            compare_simple=compare_simple,
            companions=companions,
            term_evidence=term_evidence,
            readable=readable,
            warm_start=warm_start,
            time_limit=time_limit,
            categorical_features=categorical_features,
            device=device,
            dtype=dtype,
            skorch_callbacks=skorch_callbacks,
            n_jobs=n_jobs,
            random_state=random_state,
            verbose=verbose,
        )
        self.loss = loss
        self.quantile = quantile
        self.power = power

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.positive_only = self.loss in _LOGARITHMIC
        # scikit-learn's checks of several targets draw negative ones
        tags.target_tags.multi_output = self.loss not in _LOGARITHMIC
        return tags

    def _settings(self) -> NeuronSeekSettings:
        """Refuse early what would fail after a long search; return the parameters."""
        levels = np.atleast_1d(np.asarray(self.quantile))
        numbers = levels.dtype.kind == "f" and levels.ndim == 1 and levels.size > 0
        if not (numbers and ((levels > 0) & (levels < 1)).all()):
            raise ValueError(
                f"quantile must be a number or a list of numbers above 0 and below 1, got "
                f"{self.quantile!r}"
            )
        if self.readable and self.loss != "squared_error":
            raise ValueError(
                f"readable={self.readable!r} looks for an equation by squares; use "
                f"loss='squared_error', or readable=False with loss={self.loss!r}"
            )
        if np.ndim(self.quantile) and self.loss == "quantile":
            self._check_levels_of_companions()
        return super()._settings()

    def _check_levels_of_companions(self) -> None:
        for name, companion in self._companions():
            if not isinstance(companion, str):
                raise ValueError(
                    f"the companion {name!r} predicts one number for a target, and "
                    f"quantile={self.quantile!r} asks for several; give one level, or "
                    "'boosted_trees', which is fitted to each"
                )

    def score(self, X: TableLike, y: TargetLike, sample_weight: ArrayLike | None = None) -> float:
        """Return R2 whatever the loss; for a list of levels as `quantile` their mean D2.

        Parameters
        ----------
        X : table or array-like of shape (n_samples, n_features)
            Columns as in fit.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            True values.
        sample_weight : array-like of shape (n_samples,), default=None
            How rows compare.

        Returns
        -------
        score : float
            1 at best.

        Raises
        ------
        ValueError, TypeError
            If X, y or the weights cannot be used.
        """
        fitted: FittedNeuronSeek = fitted_value(self)
        target = fitted.predictor.target
        assert isinstance(target, ValueTarget)
        loss = target.loss
        if not (isinstance(loss, Quantiles) and loss.listed):
            return super().score(X, y, sample_weight)
        weight = score_weight(self, X, sample_weight)
        columns = zip(loss.levels, self.predict(X).T, strict=True)
        return float(
            np.mean([d2_pinball_score(y, q, sample_weight=weight, alpha=a) for a, q in columns])
        )

    def _loss(self, values: Matrix, table: EncodedTable) -> Loss:
        if self.loss == "squared_error":
            return SquaredError()
        if self.loss == "huber":
            return Huber.of(table.matrix, values, table.weight)
        if self.loss in _LOGARITHMIC:
            power = _LOGARITHMIC[self.loss]
            return Deviance(self.loss, float(self.power) if power is None else power)
        if self.loss == "absolute_error":
            return Quantiles(name=self.loss)
        levels = np.atleast_1d(np.asarray(self.quantile, dtype=np.float64))
        return Quantiles(tuple(levels.tolist()), listed=np.ndim(self.quantile) > 0)

    @usual_state()
    def predict_interval(self, X: TableLike, coverage: float | Sequence[float] = 0.9) -> FloatArray:
        r"""Predict ranges that hold the target in a given share of the rows.

        Parameters
        ----------
        X : table or array-like of shape (n_samples, n_features)
            Columns as in fit.
        coverage : float or sequence of float, default=0.9
            Share of new rows whose target is to lie in its interval.

        Returns
        -------
        interval : ndarray of shape (n_samples, 2)
            Lower and upper ends. For several coverages (n_samples, n_coverages, 2); for several
            targets with an axis of targets after that of the samples.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        ValueError
            If fit held no rows out, or too few for this coverage.

        Notes
        -----
        They need a loss of the mean or the median: "squared_error", "absolute_error" or "huber".
        The half width is :math:`q\,\sigma(x)\,c(x)`: the quantile q of the held-out errors by
        their expected size, that size :math:`\sigma(x)`, and a correction c(x) of at most one for
        the fact that one member at a time was held out and the mean of all predicts. Without c,
        and for the held-out model itself, the share is kept exactly for rows that are
        exchangeable with those of fit; of the mean with c it is measured, not proved (see the user
        guide).
        """
        value: FittedNeuronSeek = fitted_value(self)
        spread = value.spread
        target = value.predictor.target
        assert isinstance(target, ValueTarget)
        if not target.loss.central:
            raise ValueError(
                "intervals are made around the mean or the median, and this NeuronSeekRegressor "
                "predicts by another loss; fit with loss='quantile' and a list of levels, as "
                "quantile=[0.05, 0.95]"
            )
        if not isinstance(spread, Spread):
            raise ValueError(
                "intervals are learned from held-out rows, and this NeuronSeekRegressor was "
                "fitted without, or went on by partial_fit; fit with 20 rows or more and "
                "validation='auto'"
            )
        asked = checked_coverages(coverage, spread.most)
        predictor = on_device(value.predictor.model, self.device)
        ends = spread.intervals(predictor, value.predictor.reader.read(X, self), asked)
        both = np.stack([np.stack([target.decoded(raw) for raw in end], -1) for end in ends], -1)
        return both if np.ndim(coverage) else both[..., 0, :]
