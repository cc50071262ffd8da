"""Classification by networks whose neurons learn their own activation functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from sktaskneuron._typing import CategoricalFeatures, Constraints, RandomState, ValidationLike
from sktaskneuron.estimators._common.constraints import CLASSES
from sktaskneuron.estimators._common.targets import Classifies
from sktaskneuron.estimators.diversity.base import LearnedDiversity


class LearnedDiversityMLPClassifier(Classifies, LearnedDiversity):
    """Classification by a multilayer network whose neurons learn their own activation functions.

    The neurons of a layer are of `n_types` types. What each type computes from its sum of inputs is
    learned, too: small sub-networks are moved down the gradient of the loss that fresh networks
    reach when they are trained with them [1]_. The functions are then kept as tables, and new
    networks are trained with them. On many tables that gains nothing over sine or sine with ReLU,
    so these are trained beside, from the same starts, and the learned functions predict only where
    they are better by more than the error of the comparison.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default=(100,)
        Neurons per hidden layer.
    n_types : int, default=2
        Number of functions that are learned; neuron j of N has type ``j * n_types // N``.
    base : str or sequence of str, default="sin"
        What the learned functions are added to, and what they are compared with: a text as of
        :func:`sktaskneuron.nn.get_activation`, or "zero"; a sequence names one for each type.
    activations : str, ActivationSet, list or None, default=None
        Activations to be used without learning functions: a text as of
        :func:`sktaskneuron.nn.get_activation`, a set (`activations_` of another model), a list of
        these, the types of neurons, as ``["sin", "relu"]``, or one set or list per hidden layer.
        Parameters of a text with ``trainable=True``, as ``"prelu(trainable=True)"``, are learned
        with the weights, by every network for itself. None learns the functions.
    meta : {"unrolled", "first_order", "joint"}, default="unrolled"
        Gradient of the outer loop: "unrolled" is exact, through the whole inner training;
        "first_order" leaves out how the trained weights depend on the functions; "joint" trains
        weights and functions together, once.
    meta_loss : {"holdout", "train"}, default="holdout"
        What the outer loop lowers: the loss of rows that the inner training has not seen, drawn
        anew in every outer step, or the mean training loss along it.
    outer_steps : int, default=120
        Steps of the outer loop.
    inner_steps : int, default=100
        Training steps of each fresh network within.
    share_across_layers : bool, default=True
        Whether all hidden layers have the same functions.
    compare : bool, default=True
        Whether the learned mix, each of its functions alone, the base, and sine with ReLU are
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
    n_iter_no_change : int or None, default=None
        Epochs without a lower held-out loss of any network after which training ends.
    time_limit : float or None, default=None
        Seconds after which fit ends, of wall time and of the CPU time of the process. Half of
        it is for the learning of functions; learning rates fall as fast as their share of the time
        runs. What was found by then predicts, and `left_out_` says what is missing. Results depend
        on the machine's speed.
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
        Draws held-out rows, starting weights, batches and noise. The same number gives the same
        model, bit for bit, on the same device and number of threads. The global streams of numpy
        and torch are never drawn from.
    verbose : int, default=0
        1 prints a line per outer step and per epoch; at a terminal, where rich is installed, it
        draws scikit-learn's bars of progress instead. 2 prints lines in any case.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted.
    selected_ : str
        What predicts: "learned" (the mix), "learned 1", … (one of its functions alone), the base,
        "sin + relu", or "given".
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
        Accuracy of the held-out predictions of what predicts; NaN without validation.
    history_ : dict of str to list
        Mean losses per epoch of the networks that predict.
    n_iter_ : int
        Epochs that were trained.
    left_out_ : tuple of str
        What was left out, in words, because `time_limit` ran out; empty if nothing was.
    encoder_ : TableEncoder
        Turns the table into numbers.
    scaler_ : SmoothClipScaler
        Scales them.
    feature_importances_ : ndarray of shape (n_features,)
        By how much the prediction moves with each column, in probability; see
        :func:`sktaskneuron.inspection.feature_importances`.
    n_features_in_ : int
        Number of input columns.
    feature_names_in_ : ndarray of str of shape (n_features,)
        Their names, where the table has names.

    See Also
    --------
    LearnedDiversityMLPRegressor : The same for numbers.
    sktaskneuron.nn.ActivationSet : The learned functions as values.

    References
    ----------
    .. [1] A. Choudhary, A. Radhakrishnan, J. F. Lindner, S. Sinha and W. L. Ditto, "Neuronal
       diversity can improve machine learning for physics and beyond", Scientific Reports 13, 13962
       (2023).

    Examples
    --------
    >>> from sklearn.datasets import make_moons
    >>> from sktaskneuron import LearnedDiversityMLPClassifier
    >>> X, y = make_moons(300, noise=0.2, random_state=0)
    >>> model = LearnedDiversityMLPClassifier(
    ...     outer_steps=10, inner_steps=20, max_epochs=20, random_state=0
    ... ).fit(X, y)
    >>> model.score(X, y) > 0.9
    True
    >>> sorted(model.activation_report_["candidates"])
    ['learned', 'learned 1', 'learned 2', 'sin', 'sin + relu']
    """

    _parameter_constraints: ClassVar[Constraints] = {
        **LearnedDiversity._parameter_constraints,
        **CLASSES,
    }

    def __init__(
        self,
        hidden_layer_sizes: int | Sequence[int] = (100,),
        *,
        n_types: int = 2,
        base: str | Sequence[str] = "sin",
        activations: Any = None,
        meta: str = "unrolled",
        meta_loss: str = "holdout",
        outer_steps: int = 120,
        inner_steps: int = 100,
        share_across_layers: bool = True,
        compare: bool = True,
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
            categorical_features=categorical_features,
            device=device,
            dtype=dtype,
            random_state=random_state,
            verbose=verbose,
        )
        self.class_weight = class_weight
