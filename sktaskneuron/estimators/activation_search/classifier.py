"""Classification by networks whose activation function was chosen for the task."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any, ClassVar

from sktaskneuron._typing import CategoricalFeatures, Constraints, RandomState, ValidationLike
from sktaskneuron.estimators._common.constraints import CLASSES
from sktaskneuron.estimators._common.targets import Classifies
from sktaskneuron.estimators.activation_search.base import ActivationSearch

if TYPE_CHECKING:
    from sklearn.model_selection import BaseCrossValidator


class ActivationSearchClassifier(Classifies, ActivationSearch):
    """Choose the activation function that suits the data best, then predict with it.

    Candidates are trained side by side, as one batch of small networks from the same starts, and
    judged on the same held-out rows. On rows like those of training the choice is worth little; on
    rows outside of them, ``split="tail"``, it decides [1]_ [2]_ [3]_.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default=(64, 64)
        Neurons per hidden layer.
    candidates : {"classic", "catalogue", "grammar"} or list, default="classic"
        Activations to choose from. "classic" are twelve; "catalogue" all that are registered;
        "grammar" the classic ones and expressions of x drawn from a grammar, `n_evaluations` in
        all. A list may hold names, expressions of x as ``"x*tanh(softplus(x))"``,
        :class:`sktaskneuron.nn.ActivationSet`, and lists of these for layers of several types of
        neurons.
    strategy : {"portfolio", "surrogate", "evolve"}, default="portfolio"
        "portfolio" trains all candidates, as one batch. "surrogate" trains the classic ones first
        and then, of a pool, those that a Gaussian process on features of the untrained networks
        holds most promising. "evolve" mutates and crosses expressions. The latter two end after
        `n_evaluations`.
    fallback : str, default="silu"
        What is taken unless another is better by more than the standard error.
    split : {"cv", "tail"} or splitter, default="cv"
        Rows that candidates are judged on. "cv" is `validation`; "tail" are rows outside the bulk
        (see `tail_by`), for models that have to extrapolate. These rows then also decide whether
        columns are scaled linearly and predictions may leave the range of the target, or are
        bounded as usual. Or any splitter of scikit-learn.
    tail_by : {"radius", "component"}, str or int, default="radius"
        What puts a row into the tail: a large Mahalanobis distance from the mean, an extreme first
        principal component, or a large value of the column of that name or number, as a time.
    tail_size : float, default=0.2
        Share of the rows in the tail.
    n_evaluations : int, default=48
        Candidates that "surrogate", "evolve" and "grammar" train in all.
    proposer : callable or None, default=None
        With "evolve": ``proposer(archive, rng, n)`` returns expressions of x as text, given the
        list of (text, loss) so far. The texts are parsed, never executed; what is no admissible
        activation is left out, and ``archive.refused`` says why at the next call.
    checkpoint : path-like or None, default=None
        With "evolve": file that every generation is written to, and from which a search that was
        ended goes on to the model of the undisturbed one.
    n_best : "auto" or int, default="auto"
        Activations whose networks predict together, by their mean: the best so many. "auto" is 4
        where more than twelve candidates are judged by ``split="cv"``, because the best of many is
        a lucky one; otherwise 1, the chosen one.
    refit : bool, default=True
        Whether to train networks with the activation that was chosen, on all rows.
    learning_rate : "auto" or float, default="auto"
        Of Adam. "auto" tries 0.001, 0.003, 0.01 and 0.03 for every candidate.
    weight_decay : float, default=0.0
        Decoupled, relative to the learning rate.
    max_epochs : "auto" or int, default="auto"
        Passes over the rows. "auto" is as many as make 3,000 steps, from 10 to 100; every network
        keeps its best epoch on its held-out rows, and training ends where all of them overfit.
    batch_size : "auto" or int, default="auto"
        Rows in a training step. "auto" is a fortieth of the rows, from 32 to 256.
    n_members : "auto" or int, default="auto"
        Networks that predict, whose outputs are averaged; each holds out the next fold. "auto" is
        one per fold, and no fewer than two.
    validation : "auto", int, float, splitter, list or None, default="auto"
        Held-out rows: k folds, or a share. "auto" is 4 folds; on 100,000 rows and more a share of
        0.15, at most 20,000 rows; none on less than 20 rows, where the fallback is taken.
        A splitter of scikit-learn, or a list of pairs (training rows, held-out rows): these splits.
    n_iter_no_change : int or None, default=None
        Epochs without a lower held-out loss of any network after which training ends.
    time_limit : float or None, default=None
        Seconds after which fit ends, of wall time and of the CPU time of the process. Two
        thirds are for the search; learning rates fall as fast as their share of the time runs. What
        was found by then predicts, and `left_out_` says what is missing. Results depend on the
        machine's speed.
    categorical_features : "from_dtype", None or array-like, default="from_dtype"
        See :class:`sktaskneuron.preprocessing.TableEncoder`.
    class_weight : dict, "balanced" or None, default=None
        Weight of a row by its class, on top of `sample_weight`.
    device : str, default="auto"
        Where networks are trained and evaluated: "cpu", "cuda", "cuda:1", "mps"; "auto" takes a
        GPU if there is one. May be set anew after fit, to predict elsewhere.
    dtype : {"float32", "float64"}, default="float32"
        Precision of the networks. Results are float64 in any case.
    random_state : int, RandomState instance or None, default=None
        Draws held-out rows, starting weights, batches and candidates. The same number gives the
        same model, bit for bit, on the same device and number of threads. The global streams of
        numpy and torch are never drawn from.
    verbose : int, default=0
        1 prints a line per epoch, and the best candidates; at a terminal, where rich is installed,
        it draws scikit-learn's bars of progress instead. 2 prints lines in any case.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted.
    best_activation_ : str, ActivationSet or list
        The activation that was chosen, as it was given.
    predicting_ : list of str
        The activations of the networks that predict, the best first.
    best_index_ : int
        Its place in `results_`.
    best_score_ : float
        Minus its held-out loss: of standardised targets the squared error, of classes the log loss.
    results_ : dict of ndarray
        Per candidate, in the order of evaluation: "activation"; "mean_loss" of the networks' mean
        output on held-out rows, and "std_loss" over networks; "rank"; "gain" over the fallback,
        with its "standard_error" over rows; "like_fallback", whether the two cannot be told
        apart; "learning_rate". Empty where no rows were held out.
    oof_score_ : float
        Accuracy of the held-out predictions of what predicts; NaN without validation or refit.
    history_ : dict of str to list
        Mean losses per epoch of the networks that predict.
    n_iter_ : int
        Epochs that they were trained.
    left_out_ : tuple of str
        What was left out, in words, because `time_limit` ran out; empty if nothing was.
    encoder_ : TableEncoder
        Turns the table into numbers.
    scaler_ : SmoothClipScaler or Pipeline
        Scales them; the latter, linear up to six standard deviations from the mean, where
        ``split="tail"`` found that linear scales extrapolate better.
    feature_importances_ : ndarray of shape (n_features,)
        By how much the prediction moves with each column, in probability; see
        :func:`sktaskneuron.inspection.feature_importances`. Not there with
        ``refit=False``.
    n_features_in_ : int
        Number of input columns.
    feature_names_in_ : ndarray of str of shape (n_features,)
        Their names, where the table has names.

    See Also
    --------
    ActivationSearchRegressor : The same for numbers.
    LearnedDiversityMLPClassifier : Learns activations instead of choosing them.

    References
    ----------
    .. [1] P. Ramachandran, B. Zoph and Q. V. Le, "Searching for activation functions",
       arXiv 1710.05941.
    .. [2] G. Bingham and R. Miikkulainen, "Efficient activation function optimization through
       surrogate modeling", arXiv 2301.05785.
    .. [3] A. Vitvitskyi et al., "Mining generalizable activation functions", arXiv 2602.05688.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sktaskneuron import ActivationSearchClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> model = ActivationSearchClassifier(
    ...     (16,), candidates=["silu", "relu", "sin"], max_epochs=10, random_state=0
    ... ).fit(X, y)
    >>> model.results_["activation"]
    ['silu', 'relu', 'sin']
    >>> model.score(X, y) > 0.9
    True
    """

    _parameter_constraints: ClassVar[Constraints] = {
        **ActivationSearch._parameter_constraints,
        **CLASSES,
    }

    def __init__(
        self,
        hidden_layer_sizes: int | Sequence[int] = (64, 64),
        *,
        candidates: Any = "classic",
        strategy: str = "portfolio",
        fallback: str = "silu",
        split: str | BaseCrossValidator = "cv",
        tail_by: str | int = "radius",
        tail_size: float = 0.2,
        n_evaluations: int = 48,
        proposer: Callable[..., list[str]] | None = None,
        checkpoint: str | PathLike[str] | None = None,
        n_best: str | int = "auto",
        refit: bool = True,
        learning_rate: str | float = "auto",
        weight_decay: float = 0.0,
        max_epochs: str | int = "auto",
        batch_size: str | int = "auto",
        n_members: str | int = "auto",
        validation: ValidationLike = "auto",
        n_iter_no_change: int | None = None,
        time_limit: float | None = None,
        categorical_features: CategoricalFeatures = "from_dtype",
        class_weight: Mapping[object, float] | str | None = None,
        device: str = "auto",
        dtype: str = "float32",
        random_state: RandomState = None,
        verbose: int = 0,
    ) -> None:
        super().__init__(
            hidden_layer_sizes,
            candidates=candidates,
            strategy=strategy,
            fallback=fallback,
            split=split,
            tail_by=tail_by,
            tail_size=tail_size,
            n_evaluations=n_evaluations,
            proposer=proposer,
            checkpoint=checkpoint,
            n_best=n_best,
            refit=refit,
            learning_rate=learning_rate,
            weight_decay=weight_decay,
            max_epochs=max_epochs,
            batch_size=batch_size,
            n_members=n_members,
            validation=validation,
            n_iter_no_change=n_iter_no_change,
            time_limit=time_limit,
            categorical_features=categorical_features,
            device=device,
            dtype=dtype,
            random_state=random_state,
            verbose=verbose,
        )
        self.class_weight = class_weight
