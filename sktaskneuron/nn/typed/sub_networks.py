"""Sub-networks: small networks of one variable that are learned as activation functions.

Type t of T is ``base(x) + scale * (sum_h w2[t, h] tanh(w1[t, h] x + b1[t, h]) + b2[t])``
(Choudhary et al., Scientific Reports 2023).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from sktaskneuron._typing import FloatArray, Matrix, Spec, Vector
from sktaskneuron.nn.activations import get_activation
from sktaskneuron.nn.primitives import TensorFunction

SCALE = 0.2

_X = re.compile(r"\bx\b")

#: One text for all types, or one for each.
Base = str | Sequence[str]


def get_base(text: str) -> TensorFunction:
    """Return the base function of a text: "zero", or as of :func:`get_activation`.

    Raises
    ------
    ValueError
        If the text names no activation, or one with parameters to learn.
    """
    return torch.zeros_like if text == "zero" else get_activation(text)


def base_texts(base: Base, n_types: int) -> tuple[str, ...]:
    """Return the text of every type's base.

    Raises
    ------
    ValueError
        If there are not as many as types, or a text names no base.

    Examples
    --------
    >>> from sktaskneuron.nn.typed.sub_networks import base_texts
    >>> base_texts("sin", 2), base_texts(["sin", "x*tanh(x)"], 2)
    (('sin', 'sin'), ('sin', 'x*tanh(x)'))
    """
    texts = (base,) * n_types if isinstance(base, str) else tuple(base)
    if len(texts) != n_types:
        raise ValueError(f"base names {len(texts)} functions for {n_types} types of neurons")
    for text in texts:
        try:
            get_base(text)
        except ValueError as error:
            raise ValueError(f"base: {error}; or 'zero'") from None
    return texts


@dataclass(frozen=True, eq=False)
class SubNetworks:
    """The weights of T sub-networks with H neurons each.

    Parameters
    ----------
    w1, b1, w2 : ndarray of shape (T, H)
        First weights and constants, and last weights, of T sub-networks of H neurons.
    b2 : ndarray of shape (T,)
        Last constants.
    base : str or sequence of str
        As of :func:`get_base`: of all types, or of each.
    scale : float, default=0.2
        Of what is added to the base.

    See Also
    --------
    ActivationSet : Activation functions of one or more types of neurons, as values on a grid.

    Examples
    --------
    >>> import numpy as np
    >>> from sktaskneuron.nn import SubNetworks
    >>> one = SubNetworks(np.ones((1, 1)), np.zeros((1, 1)), np.ones((1, 1)), np.zeros(1))
    >>> one.text(0)
    'sin(x) +0.2*tanh(1*x +0) +0'
    """

    w1: Matrix
    b1: Matrix
    w2: Matrix
    b2: Vector
    base: Base = "sin"
    scale: float = SCALE

    def __post_init__(self) -> None:
        base_texts(self.base, len(self.w1))
        shape = np.shape(self.w1)
        fits = np.shape(self.b1) == np.shape(self.w2) == shape and np.shape(self.b2) == shape[:1]
        if len(shape) != 2 or not fits:
            raise ValueError("w1, b1 and w2 have the shape (T, H) and b2 has (T,)")

    def __call__(self, x: ArrayLike) -> FloatArray:
        """Return the values of all types: ``(T, *x.shape)``."""
        return self._evaluate(x)[0]

    def slope(self, x: ArrayLike) -> FloatArray:
        """Return the derivatives of all types: ``(T, *x.shape)``."""
        return self._evaluate(x)[1]

    def _evaluate(self, x: ArrayLike) -> tuple[FloatArray, FloatArray]:
        points = np.asarray(x, dtype=np.float64)
        texts = base_texts(self.base, len(self.w1))
        with torch.inference_mode(False), torch.enable_grad():
            # a copy of the points for every type: the gradient of a sum is then that of each
            tensor = torch.from_numpy(np.repeat(points[None], len(texts), axis=0)).requires_grad_()
            base = torch.stack([get_base(t)(own) for t, own in zip(texts, tensor, strict=True)])
            slope = torch.zeros_like(tensor)
            if base.requires_grad:
                slope = torch.autograd.grad(base.sum(), tensor)[0]
        hidden = np.tanh(points[..., None, None] * self.w1 + self.b1)
        value = (hidden * self.w2).sum(axis=-1) + self.b2
        rate = ((1 - hidden**2) * self.w1 * self.w2).sum(axis=-1)
        return (
            base.detach().numpy() + self.scale * np.moveaxis(value, -1, 0),
            slope.numpy() + self.scale * np.moveaxis(rate, -1, 0),
        )

    def text(self, index: int, digits: int = 4) -> str:
        """Return the closed form of a type.

        Parameters
        ----------
        index : int
            Number of the function, from 0.
        digits : int, default=4
            Significant digits.

        Returns
        -------
        text : str
            A function of x.
        """
        number = f".{digits}g"
        parts = [
            f"{self.scale * c:+{number}}*tanh({a:{number}}*x {b:+{number}})"
            for a, b, c in zip(self.w1[index], self.b1[index], self.w2[index], strict=True)
        ]
        base = base_texts(self.base, len(self.w1))[index]
        start = base if _X.search(base) else f"{base}(x)"  # an expression says x itself
        start = {"zero": "", "identity": "x"}.get(base, start)
        text = f"{start} {' '.join(parts)} {self.scale * self.b2[index]:+{number}}"
        return text.strip().removeprefix("+")

    def to_dict(self) -> Spec:
        """Return the weights as lists, the base and the scale."""
        arrays = {name: getattr(self, name).tolist() for name in ("w1", "b1", "w2", "b2")}
        base = self.base if isinstance(self.base, str) else list(self.base)
        return {**arrays, "base": base, "scale": self.scale}

    @classmethod
    def from_dict(cls, values: Spec) -> SubNetworks:
        """Build from what :meth:`to_dict` returned."""
        arrays = {
            name: np.asarray(values[name], dtype=np.float64) for name in ("w1", "b1", "w2", "b2")
        }
        base = values["base"]
        base = str(base) if isinstance(base, str) else [str(text) for text in base]
        return cls(**arrays, base=base, scale=float(values["scale"]))


def draw_sub_networks(
    n_types: int, n_hidden: int, generator: torch.Generator, dtype: torch.dtype
) -> list[Tensor]:
    """Draw starting weights, others for every type: [w1, b1, w2, b2].

    Parameters
    ----------
    n_types, n_hidden : int
    generator : torch.Generator
        Of the CPU.
    dtype : torch.dtype

    Returns
    -------
    list of Tensor of shapes (n_types, n_hidden), the same, the same, (n_types,)
    """
    limit = n_hidden**-0.5
    shapes = [(n_types, n_hidden)] * 3 + [(n_types,)]
    return [
        ((torch.rand(shape, generator=generator, dtype=torch.float64) * 2 - 1) * bound).to(dtype)
        for shape, bound in zip(shapes, (1.0, 1.0, limit, limit), strict=True)
    ]


def sub_network_values(
    weights: list[Tensor], x: Tensor, base: Base, scale: float = SCALE
) -> Tensor:
    """Return the values of all types at points, differentiable by the weights.

    Parameters
    ----------
    weights : list of Tensor
        As :func:`draw_sub_networks` returns them.
    x : Tensor of shape (n_points,)
    base : str or sequence of str
        Of all types, or of each in turn; for several sets of as many types those of one set.
    scale : float, default=0.2

    Returns
    -------
    Tensor of shape (n_types, n_points)
    """
    w1, b1, w2, b2 = weights
    hidden = torch.tanh(x[:, None] * w1[:, None, :] + b1[:, None, :])
    texts = [base] if isinstance(base, str) else list(base)
    start = torch.stack([get_base(text)(x) for text in texts]).repeat(len(w1) // len(texts), 1)
    return start + scale * ((hidden * w2[:, None, :]).sum(dim=-1) + b2[:, None])
