"""Prediction in chunks of one fixed size."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import chain

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from sktaskneuron._typing import AnyArray, FloatArray, Matrix
from sktaskneuron.training.data import Bounds, as_tensor

# Rows at once: few on a CPU, so that one row is quick and all that is computed stays in the cache.
_CPU_CHUNK, _DEVICE_CHUNK = 64, 1024
# Chunks that are read together.
_READ_CHUNKS = 16


def predict_in_chunks(module: nn.Module, X: ArrayLike, chunk: int | None = None) -> Matrix:
    """Evaluate a module so that a row's result does not depend on the rows around it.

    Matrix kernels round differently for another number of rows, and vectorised functions round
    differently in the last few elements of a thread's share. So every chunk has the same number
    of rows, the last one filled up with zeros, and one thread computes one chunk; several threads
    take several chunks. The result is bit-equal for any split of the rows and any number of
    threads, at a bounded use of memory.

    Parameters
    ----------
    module : nn.Module
        Set to evaluation mode meanwhile; its device and dtype are used.
    X : array-like of shape (n_rows, n_features)
        Rows to predict.
    chunk : int, default=None
        Rows of a chunk; None: 64 on a CPU, 1024 on other devices.

    Returns
    -------
    ndarray of float64, shape (n_rows, n_outputs)
        Outputs of the rows.

    Raises
    ------
    ValueError
        If ``chunk`` is not positive.

    See Also
    --------
    predict_blocks : Do the same for rows that are prepared only when their turn comes.

    Examples
    --------
    >>> import numpy as np
    >>> from torch import nn
    >>> from sktaskneuron.training import predict_in_chunks
    >>> predict_in_chunks(nn.Linear(2, 1), np.zeros((3, 2))).shape
    (3, 1)
    """
    X = np.asarray(X)
    return predict_blocks(module, len(X), lambda part: X[part], chunk)


def predict_blocks(
    module: nn.Module,
    n_rows: int,
    block: Callable[[slice], AnyArray],
    chunk: int | None = None,
) -> Matrix:
    """Do the same for rows that are prepared only when their turn comes.

    Parameters
    ----------
    module : nn.Module
        As in :func:`predict_in_chunks`.
    n_rows : int
        Rows in all.
    block : callable
        ``block(rows)`` returns the inputs of a slice of rows, (n_rows, n_features). It may be
        called from several threads.
    chunk : int, default=None
        As in :func:`predict_in_chunks`.

    Returns
    -------
    ndarray of float64, shape (n_rows, n_outputs)
        Outputs of the rows.

    See Also
    --------
    predict_in_chunks : Evaluate a module so that a row's result does not depend on the rows around
        it.

    Examples
    --------
    >>> import numpy as np
    >>> from torch import nn
    >>> from sktaskneuron.training import predict_blocks
    >>> X = np.zeros((100, 2))
    >>> predict_blocks(nn.Linear(2, 1), 100, lambda rows: X[rows] + 1.0).shape
    (100, 1)
    """
    like = next(chain(module.parameters(), module.buffers()), torch.empty(0))
    if chunk is None:
        chunk = _CPU_CHUNK if like.device.type == "cpu" else _DEVICE_CHUNK
    if chunk < 1:
        raise ValueError(f"chunk must be a positive integer, got {chunk!r}")
    n_read = _READ_CHUNKS * chunk
    starts = range(0, max(n_rows, 1), n_read)  # no rows: one empty chunk tells the outputs' number

    def evaluate(start: int) -> Tensor:
        rows = block(slice(start, min(start + n_read, n_rows)))
        n_filled = max(-(-len(rows) // chunk), 1) * chunk
        filled = torch.zeros((n_filled, rows.shape[1]), dtype=like.dtype)
        if len(rows):
            filled[: len(rows)] = torch.from_numpy(np.array(rows, dtype=np.float64))
        with torch.inference_mode():
            output = torch.cat([module(part) for part in filled.to(like.device).split(chunk)])
        return output[: len(rows)].cpu().to(torch.float64)  # on the CPU: mps has no float64

    was_training = [child for child in module.modules() if child.training]
    if was_training:
        module.eval()
    try:
        if like.device.type == "cpu":
            outputs = _one_thread_each(evaluate, starts)
        else:
            outputs = [evaluate(start) for start in starts]
    finally:
        for child in was_training:
            child.training = True
    result: Matrix = torch.cat(outputs).numpy()
    return result


def input_gradients(module: nn.Module, X: Matrix) -> FloatArray:
    """Return the gradient of each output of each row by the row's inputs.

    Parameters
    ----------
    module : nn.Module
        In evaluation mode; maps (n_rows, n_features) to (n_rows, n_outputs), row by row.
    X : ndarray of shape (n_rows, n_features)
        Rows at which to differentiate.

    Returns
    -------
    ndarray of float64, shape (n_rows, n_outputs, n_features)
        Slopes of the outputs along the columns.

    See Also
    --------
    predict_in_chunks : Return the outputs themselves.

    Examples
    --------
    >>> import numpy as np
    >>> from torch import nn
    >>> from sktaskneuron.training import input_gradients
    >>> plain = nn.Linear(2, 1)
    >>> slopes = input_gradients(plain.eval(), np.zeros((3, 2)))
    >>> np.allclose(slopes, plain.weight.detach())
    True
    """
    module.requires_grad_(False)
    like = next(chain(module.parameters(), module.buffers()))
    rows = torch.from_numpy(X).to(like.device, like.dtype).requires_grad_()
    with torch.enable_grad():
        sums = module(rows).sum(dim=0)
        found = [torch.autograd.grad(total, rows, retain_graph=True)[0] for total in sums]
    return torch.stack(found, dim=1).cpu().to(torch.float64).numpy()


def _one_thread_each(evaluate: Callable[[int], Tensor], starts: range) -> list[Tensor]:
    """Map over ``starts``, each call on one thread; as many calls at once as torch has threads."""
    n_threads = torch.get_num_threads()
    if n_threads == 1:
        return [evaluate(start) for start in starts]
    try:
        if len(starts) == 1:
            torch.set_num_threads(1)
            return [evaluate(start) for start in starts]
        workers = min(n_threads, len(starts))
        # the number of threads is a property of the calling thread, so each worker sets its own
        executor = ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(1,))
        try:
            return list(executor.map(evaluate, starts))
        finally:
            # after an error or an interrupt nobody waits for chunks that have not begun
            executor.shutdown(cancel_futures=True)
    finally:
        torch.set_num_threads(n_threads)


class MeanOfMembers(nn.Module):
    """A packed module as one model: the mean of its members' outputs.

    Of classes the logits are averaged, not the probabilities: members that disagree then give a
    less confident answer, and one temperature fits the mean.

    Parameters
    ----------
    module : nn.Module
        Maps (n_members, batch, n_features) to (n_members, batch, n_outputs).
    n_members : int
        Number of its networks.
    bounds : tuple of two array-like of shape (n_outputs,), default=None
        Range to which every member's values are cut.

    See Also
    --------
    AllMembers : A packed module whose members all predict, without their mean.
    fit_members : Train a packed module in place and return the state of the jointly best epoch.

    Examples
    --------
    >>> import torch
    >>> from sktaskneuron.nn import TaskNetwork
    >>> packed = TaskNetwork(2, 1, "x", hidden_layer_sizes=(4,), n_members=3)
    >>> from sktaskneuron.training import MeanOfMembers
    >>> MeanOfMembers(packed, 3)(torch.zeros(5, 2)).shape
    torch.Size([5, 1])
    """

    module: nn.Module
    n_members: int

    def __init__(self, module: nn.Module, n_members: int, bounds: Bounds | None = None) -> None:
        super().__init__()
        self.module, self.n_members = module, n_members
        like = next(module.parameters())
        self.bounds: tuple[Tensor, Tensor] | None = None
        if bounds is not None:
            low, high = (as_tensor(bound, like.device, like.dtype) for bound in bounds)
            self.bounds = (low, high)

    def members(self, input: Tensor) -> Tensor:
        """Return all outputs: (batch, n_features) -> (n_members, batch, n_outputs)."""
        output: Tensor = self.module(input.expand(self.n_members, *input.shape))
        return output if self.bounds is None else output.clamp(*self.bounds)

    def forward(self, input: Tensor) -> Tensor:
        """Return the mean: (batch, n_features) -> (batch, n_outputs)."""
        return self.members(input).mean(dim=0)


class AllMembers(MeanOfMembers):
    """A packed module whose members all predict, without their mean.

    Parameters
    ----------
    module : nn.Module
        As of :class:`MeanOfMembers`.
    n_members : int
        Number of its networks.
    bounds : tuple of two array-like of shape (n_outputs,), default=None
        Range to which every member's values are cut.

    See Also
    --------
    MeanOfMembers : A packed module as one model: the mean of its members' outputs.

    Examples
    --------
    >>> import torch
    >>> from sktaskneuron.nn import TaskNetwork
    >>> packed = TaskNetwork(2, 1, "x", hidden_layer_sizes=(4,), n_members=3)
    >>> from sktaskneuron.training import AllMembers
    >>> AllMembers(packed, 3)(torch.zeros(5, 2)).shape
    torch.Size([5, 3])
    """

    def forward(self, input: Tensor) -> Tensor:
        """Return all outputs: (batch, n_features) -> (batch, n_members * n_outputs)."""
        return self.members(input).transpose(0, 1).flatten(1)
