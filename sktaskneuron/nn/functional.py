"""Products, the smooth bound and elementwise terms, as functions of tensors."""

from collections.abc import Sequence

import torch
from torch import Tensor

from sktaskneuron.formula import ElementwiseExpression
from sktaskneuron.nn.primitives import TORCH_NAMESPACE

# Output columns that matrix kernels take at once, or a multiple of it.
_COLUMN_BLOCK = 8


def matrix_product(input: Tensor, weight: Tensor) -> Tensor:
    """Return ``input @ weight``; in inference a row's result does not depend on its place.

    On some processors the kernels for other than whole blocks of output columns round the rows of a
    batch differently, every second one say. So in inference the weights are filled up with columns
    of zeros.

    Parameters
    ----------
    input : Tensor of shape (..., batch, n_in)
    weight : Tensor of shape (..., n_in, n_out)

    Returns
    -------
    Tensor of shape (..., batch, n_out)
    """
    n_out = weight.shape[-1]
    if n_out % _COLUMN_BLOCK == 0 or not torch.is_inference_mode_enabled():
        return input @ weight
    return (input @ whole_blocks(weight))[..., :n_out]


def whole_blocks(weight: Tensor) -> Tensor:
    """Fill up with columns of zeros to the whole blocks that round all rows alike."""
    return torch.nn.functional.pad(weight, (0, -weight.shape[-1] % _COLUMN_BLOCK))


def affine(constant: Tensor, input: Tensor, weight: Tensor) -> Tensor:
    """Return ``constant + input @ weight``, of one layer or of packed ones.

    Parameters
    ----------
    constant : Tensor of shape ([n_members,] n_out), or of the shape of the result
    input : Tensor of shape ([n_members,] batch, n_in)
    weight : Tensor of shape ([n_members,] n_in, n_out)
    """
    if input.ndim == 3 and constant.ndim == 2:
        constant = constant.unsqueeze(1)
    if torch.is_inference_mode_enabled():
        return matrix_product(input, weight) + constant
    if input.ndim == 2:
        return torch.addmm(constant, input, weight)
    if weight.shape[-1] == 1:
        # the batched kernels take as long for one column as for many
        return (input * weight.transpose(-1, -2)).sum(dim=-1, keepdim=True) + constant
    return torch.baddbmm(constant, input, weight)


def smooth_bound(x: Tensor, bound: float) -> Tensor:
    """Return x / sqrt(1 + (x / bound)**2), of the shape of ``x``: close to x, below the bound."""
    return x * torch.rsqrt(1.0 + torch.square(x * (1.0 / bound)))


def rank_one_products(
    inner: Tensor, interactions: Sequence[tuple[int, int]], dim: int = -1
) -> Tensor:
    """Multiply the inner products of each atom.

    Parameters
    ----------
    inner : Tensor, of length sum of order * rank along ``dim``
        Orders in turn; of each the first factors of all atoms, then the second ones.
    interactions : sequence of (order, rank) pairs
    dim : int, default=-1

    Returns
    -------
    Tensor, of length sum of ranks along ``dim``
    """
    sizes = [rank for order, rank in interactions for _ in range(order)]
    factors = iter(inner.split(sizes, dim=dim))
    products = []
    for order, _ in interactions:
        product = next(factors)
        for _ in range(1, order):
            product = product * next(factors)
        products.append(product)
    return products[0] if len(products) == 1 else torch.cat(products, dim=dim)


def evaluate_terms(expressions: Sequence[ElementwiseExpression], x: Tensor) -> list[Tensor]:
    """Evaluate elementwise terms, powers by multiplication.

    Parameters
    ----------
    expressions : sequence of ElementwiseExpression
    x : Tensor of any shape

    Returns
    -------
    list of Tensor of the shape of ``x``, one per expression

    Notes
    -----
    ``x**5`` is built as ``x**2 * x**3`` from powers that other terms share; torch's own ``pow``
    is ten times slower for exponents above three.
    """
    powers: dict[int, Tensor] = {1: x}

    def power(k: int) -> Tensor:
        if k not in powers:
            powers[k] = power(k // 2) * power(k - k // 2)
        return powers[k]

    values = []
    for expression in expressions:
        k = expression.power if expression.is_power else None
        if k is not None and k >= 1:
            values.append(power(k))
        else:
            values.append(expression.evaluate(x, TORCH_NAMESPACE))
    return values
