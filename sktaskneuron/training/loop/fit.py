"""Train a module on a table: the plain function face of the training room."""

from dataclasses import replace

from skorch.helper import predefined_split
from torch import nn

from sktaskneuron.training.data import TensorBatches, TensorTable, n_batches
from sktaskneuron.training.loop.best import BestEpoch
from sktaskneuron.training.loop.callbacks import Schedules
from sktaskneuron.training.loop.losses import RowLoss, get_row_loss
from sktaskneuron.training.loop.results import EpochHook, TrainingResult
from sktaskneuron.training.loop.run import Callbacks, RunOptions, run_training

# validation needs no gradients: larger batches cost less
_VALID_BATCH = 8192


def fit_network(
    module: nn.Module,
    train: TensorTable,
    valid: TensorTable | None = None,
    *,
    loss: str | RowLoss = "squared_error",
    max_epochs: int = 100,
    min_steps: int = 0,
    batch_size: int = 256,
    learning_rate: float = 0.04,
    weight_decay: float = 0.02,
    schedule: str = "coslog4",
    weight_decay_schedule: str = "flat_cos",
    dropout_schedule: str = "flat_cos",
    betas: tuple[float, float] = (0.9, 0.95),
    max_gradient_norm: float | None = None,
    patience: int | None = None,
    restore_best: bool = True,
    shuffle: bool = True,
    seed: int = 0,
    on_epoch_end: EpochHook[float] | None = None,
    callbacks: Callbacks = (),
    verbose: int = 0,
) -> TrainingResult:
    """Train a module in place with AdamW and return the state of the best epoch.

    The module is moved to the table's device and dtype, trained, left with the best epoch's
    parameters and in evaluation mode. The same module, tables, options and seed give bit-equal
    results on the same device with the same number of threads. The caller's random streams, of
    torch and of numpy, are left as they were.

    Parameters
    ----------
    module : nn.Module
        Maps (batch, n_features) to (batch, n_outputs). Rates per parameter come from its method
        ``parameter_groups(learning_rate, weight_decay)`` if it has one, else from
        :func:`sktaskneuron.nn.parameter_groups`.
    train : TensorTable
        Rows to train on.
    valid : TensorTable, default=None
        Rows that choose the epoch. There is no hidden split: without them the last epoch is kept.
    loss : {"squared_error", "cross_entropy"} or callable, default="squared_error"
        A callable maps (output, target) to one loss per row, a Tensor of shape (batch,).
    max_epochs : int, default=100
        The schedules span this number of epochs.
    min_steps : int, default=0
        On small tables the number of epochs rises until so many steps are made.
    batch_size : int, default=256
        Upper bound of the rows in a batch; the rows are spread evenly.
    learning_rate : float, default=0.04
        Rate of a weight with fan-in one; a matrix learns at ``learning_rate / sqrt(fan_in)``.
    weight_decay : float, default=0.02
        Decoupled weight decay of a weight with fan-in one.
    schedule : {"coslog4", "cosine", "flat_cos", "constant"}, default="coslog4"
        Factor of the learning rate over the steps.
    weight_decay_schedule, dropout_schedule : str, default="flat_cos"
        Factors of the weight decay over the steps and of the dropout rates (of
        :class:`sktaskneuron.nn.GeneratorDropout`) over the epochs.
    betas : tuple of two floats, default=(0.9, 0.95)
        Decay rates of Adam's two moments.
    max_gradient_norm : float, default=None
        Gradients longer than this are shortened to it.
    patience : int, default=None
        Epochs without a lower validation loss after which training ends; None never stops early.
    restore_best : bool, default=True
        Whether to return to the epoch with the lowest validation loss; else the last one is kept.
    shuffle : bool, default=True
        Whether to permute the rows in every epoch.
    seed : int, default=0
        Seed of the order of rows and of dropout.
    on_epoch_end : callable, default=None
        ``on_epoch_end(epoch, logs, get_state) -> stop``; epochs count from 1, ``logs`` holds the
        epoch's losses, ``get_state()`` copies the present state, a true answer ends training.
    callbacks : sequence of skorch callbacks or (name, callback) pairs, default=()
        Passed through to skorch; they run after our own.
    verbose : int, default=0
        Verbosity of skorch, for callbacks that print.

    Returns
    -------
    TrainingResult
        Best state and what happened on the way.

    Raises
    ------
    ValueError
        If an option is not valid.
    DivergedError
        If the loss is not finite in the first epoch.

    Warns
    -----
    ConvergenceWarning
        If a later epoch's loss is not finite; the best epoch before it is kept.

    See Also
    --------
    fit_members : Train a packed module in place and return the state of the jointly best epoch.
    fit_replicates : Train the replicates of a packed module in place.
    TrainingResult : The result of training: arrays, numbers and texts.

    References
    ----------
    Holzmüller et al., "Better by default: strong pre-tuned MLPs and boosted trees on tabular data",
    2024 (schedules, parametrisation); Loshchilov and Hutter, "Decoupled weight decay", 2019.

    Examples
    --------
    >>> import numpy as np
    >>> from sktaskneuron.nn import TaskNetwork
    >>> from sktaskneuron.training import TensorTable, fit_network
    >>> X = np.linspace(-1, 1, 64).reshape(-1, 1)
    >>> table = TensorTable.from_arrays(X, X[:, 0] ** 2)
    >>> network = TaskNetwork(1, 1, "x + x**2", hidden_layer_sizes=(16,))
    >>> result = fit_network(network, table, max_epochs=200, learning_rate=0.2)
    >>> result.history["train_loss"][-1] < 0.01
    True
    """
    options = RunOptions(
        seed=seed,
        max_epochs=max_epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        weight_decay=weight_decay,
        betas=betas,
        max_gradient_norm=max_gradient_norm,
        patience=patience,
        verbose=verbose,
        on_epoch_end=on_epoch_end,
        callbacks=callbacks,
    )
    device = train.X.device
    module.to(device=device, dtype=train.X.dtype)
    steps_per_epoch = n_batches(len(train), batch_size)
    n_epochs = max(max_epochs, -(-min_steps // steps_per_epoch))
    schedules = Schedules(
        schedule, weight_decay_schedule, dropout_schedule, n_epochs, steps_per_epoch
    )
    best = BestEpoch(patience if valid is not None else None, restore_best)
    return run_training(
        module,
        train,
        get_row_loss(loss),
        best,
        [("task_schedules", schedules), ("task_best_epoch", best)],
        replace(options, max_epochs=n_epochs),
        device=device,
        iterator_train=TensorBatches,
        iterator_train__shuffle=shuffle,
        iterator_valid=TensorBatches,
        iterator_valid__batch_size=max(batch_size, _VALID_BATCH),
        train_split=None if valid is None else predefined_split(valid),
    )
