"""Classification of signals and images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from sktaskneuron._typing import Constraints, RandomState, ValidationLike
from sktaskneuron.estimators._common.constraints import CLASSES
from sktaskneuron.estimators._common.targets import Classifies
from sktaskneuron.estimators.signals.base import NeuronSeekSignals
from sktaskneuron.formula import NeuronFormula


class NeuronSeekSignalClassifier(Classifies, NeuronSeekSignals):
    """Classification of signals and images by networks of task-driven neurons.

    The neurons of the first layer see the patch around every place of a signal, and their formula
    aggregates it, by default as a sum and products of learned filters. Plain convolutions follow.
    Several networks are trained as one batch, each on other rows; their outputs are averaged, and
    blended with simple models by their losses on held-out rows.

    X has the shape (n_samples, channels, length), or (n_samples, channels, height, width) for
    images. A table (n_samples, length) holds signals of one channel. Images of one channel need
    their axis too: ``X[:, None]``.

    Parameters
    ----------
    formula : str or NeuronFormula, default="x + <x,x>:8"
        Aggregation of the first layer's neurons, which see patches of the signal; see
        :class:`sktaskneuron.nn.TaskNeuronConv1d`. ``"x"`` is a plain convolution.
    hidden_formula : str, NeuronFormula or None, default=None
        That of the further convolutions; None is the plain sum.
    hidden_channels : "auto", int or sequence of int, default="auto"
        Channels of every block of convolutions, which halves the signal at its end. "auto" is 16,
        32 and then 64, in as many blocks as leave ten points of the longest side, and no fewer than
        two.
    depth : int, default=2
        Convolutions of a block.
    kernel_size : "auto" or int, default="auto"
        Length or side of their patches. "auto" is 5 for signals, 3 for images.
    activation : str, ActivationSet, or list, default="silu"
        A text as of :func:`sktaskneuron.nn.get_activation`, a set of functions (`activations_` of
        another model), a list of these, the types of channels, or one set or list for each of the
        convolutions.
    dropout : float, default=0.1
        Dropout rate before the last layer.
    learning_rate : "auto" or float, default="auto"
        Of AdamW, for a weight with fan-in one. "auto" is 0.1.
    weight_decay : float, default=0.02
        Decoupled, for a weight with fan-in one.
    max_epochs : "auto" or int, default="auto"
        Looks at the held-out rows. "auto" makes 15 passes over the rows, or 600 steps on few rows,
        in 40 looks at most; the best one is kept.
    batch_size : "auto" or int, default="auto"
        Rows in a training step. "auto" is an eighth of the rows, from 8 to 64.
    n_members : "auto" or int, default="auto"
        Networks whose outputs are averaged; each holds out the next fold. "auto" is one per fold,
        and no fewer than 4 (2 from 100,000 rows on); with a `time_limit` in which each would get
        few steps, fewer.
    validation : "auto", int, float, splitter, list or None, default="auto"
        Held-out rows: k folds, or a share. "auto" is 4 folds; on 100,000 rows and more a share of
        0.15, at most 20,000 rows; none on less than 20 rows.
        None compares nothing and keeps the last epoch.
        A splitter of scikit-learn, or a list of pairs (training rows, held-out rows): these splits.
    n_iter_no_change : int or None, default=None
        Looks without a lower held-out loss after which training ends.
    compare_simple : bool, default=True
        Whether a constant and the linear model of all points are blended with the networks, or
        predict alone where the blend is no better.
    time_limit : float or None, default=None
        Seconds after which fit ends, of wall time and of the CPU time of the process. Learning
        rates fall as fast as their share of the time runs. What was found by then predicts, and
        `left_out_` says what is missing. Results depend on the machine's speed.
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
        1 prints a line per epoch.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted.
    formula_ : NeuronFormula
        The formula of the neurons.
    selected_ : str
        What predicts: "networks", "linear", "constant", or "blend".
    weights_ : dict of str to float
        Shares of the models in the prediction.
    validation_scores_ : dict of str to float
        Mean log-likelihood of every model and of the blend on held-out rows; empty without.
    oof_score_ : float
        Accuracy of the held-out predictions of what predicts; NaN without validation.
    history_ : dict of str to list
        Mean losses of the networks per epoch.
    n_iter_ : int
        Epochs that were trained.
    left_out_ : tuple of str
        What was left out, in words, because `time_limit` ran out; empty if nothing was.
    encoder_ : SignalEncoder
        Reads arrays as rows.
    scaler_ : StandardScaler
        Scales them, channel by channel.
    n_features_in_ : int
        Length of the second axis of X: channels, or the points of signals of one channel.
    feature_names_in_ : ndarray of str of shape (n_features,)
        Names of the points, where signals of one channel came as a table with names.

    See Also
    --------
    NeuronSeekSignalRegressor : The same for numbers.
    NeuronSeekClassifier : The same for tables, whose columns have no order.
    sktaskneuron.nn.SignalNetwork : The networks.

    Notes
    -----
    Signals have one length: cut or resample them before. Gaps are refused: fill them in.

    Examples
    --------
    >>> from sktaskneuron import NeuronSeekSignalClassifier
    >>> from sktaskneuron.datasets import make_mnist1d
    >>> X, y = make_mnist1d(300, random_state=0)
    >>> X = X[:, None]  # one channel
    >>> model = NeuronSeekSignalClassifier(max_epochs=10, random_state=0).fit(X[:250], y[:250])
    >>> model.predict_proba(X[250:]).shape
    (50, 10)
    >>> model.score(X[250:], y[250:]) > 0.5
    True
    """

    _parameter_constraints: ClassVar[Constraints] = {
        **NeuronSeekSignals._parameter_constraints,
        **CLASSES,
    }

    def __init__(
        self,
        formula: str | NeuronFormula = "x + <x,x>:8",
        *,
        hidden_formula: str | NeuronFormula | None = None,
        hidden_channels: str | int | Sequence[int] = "auto",
        depth: int = 2,
        kernel_size: str | int = "auto",
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
        time_limit: float | None = None,
        class_weight: Mapping[object, float] | str | None = None,
        device: str = "auto",
        dtype: str = "float32",
        random_state: RandomState = None,
        verbose: int = 0,
    ) -> None:
        super().__init__(
            formula,
            hidden_formula=hidden_formula,
            hidden_channels=hidden_channels,
            depth=depth,
            kernel_size=kernel_size,
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
            time_limit=time_limit,
            device=device,
            dtype=dtype,
            random_state=random_state,
            verbose=verbose,
        )
        self.class_weight = class_weight
