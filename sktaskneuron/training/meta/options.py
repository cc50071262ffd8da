"""How activation functions are learned."""

from __future__ import annotations

from dataclasses import dataclass, field

from sktaskneuron.nn.typed.sub_networks import SCALE, Base
from sktaskneuron.nn.typed.tables import Grid


@dataclass(frozen=True)
class MetaOptions:
    """How activation functions are learned.

    Parameters
    ----------
    n_types : int, default=2
        Functions to learn.
    base : str or sequence of str, default="sin"
        What the sub-networks are added to: an activation or "zero", for all types or for each.
    meta : {"unrolled", "first_order", "joint"}, default="unrolled"
        "unrolled" is the exact gradient through the inner run; "first_order" leaves out how the
        trained weights depend on the functions; "joint" trains weights and functions together.
    meta_loss : {"holdout", "train"}, default="holdout"
        Loss of other rows after the inner run, or the mean training loss along it.
    outer_steps, inner_steps : int, default=120, 100
        Steps of the functions, and of the weights between two of them.
    n_replicates : int, default=1
        Networks per inner run, over which the outer gradient is averaged.
    batch_size : int, default=200
        Rows of an inner step.
    outer_learning_rate : float, default=0.1
        Of Adam, gradients being cut to [-1, 1].
    inner_learning_rate : float, default=0.01
        Of the weights.
    n_hidden : int, default=50
        Neurons of a sub-network.
    share_across_layers : bool, default=True
        Whether all hidden layers have the same functions.
    noise : float, default=0.1
        Half-width of what is added to every hidden value, one draw per neuron and step: it smooths
        the outer loss.
    grid : Grid, default=Grid()
        Knots that the functions are stored on.
    scale : float, default=0.2
        Of the sub-networks.

    See Also
    --------
    learn_activations : Learn the activation functions of the neuron types of a multilayer network.

    Examples
    --------
    >>> from sktaskneuron.training import MetaOptions
    >>> MetaOptions(n_types=3).base
    'sin'
    """

    n_types: int = 2
    base: Base = "sin"
    meta: str = "unrolled"
    meta_loss: str = "holdout"
    outer_steps: int = 120
    inner_steps: int = 100
    n_replicates: int = 1
    batch_size: int = 200
    outer_learning_rate: float = 0.1
    inner_learning_rate: float = 0.01
    n_hidden: int = 50
    share_across_layers: bool = True
    noise: float = 0.1
    grid: Grid = field(default_factory=Grid)
    scale: float = SCALE
