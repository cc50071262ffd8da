"""What a module is built from: a formula, a generator, terms that can be trained."""

from collections.abc import Sequence
from typing import TypedDict

import torch
from torch import Tensor

from sktaskneuron.exceptions import FormulaError
from sktaskneuron.formula import ElementwiseExpression, NeuronFormula
from sktaskneuron.nn.functional import evaluate_terms


class FactoryOptions(TypedDict):
    """Where tensors are made, as the keywords of torch's functions."""

    device: torch.device | str | None
    dtype: torch.dtype


def factory_options(device: torch.device | str | None, dtype: torch.dtype | None) -> FactoryOptions:
    """Return the keywords of torch's functions; no dtype is torch's default one."""
    return {"device": device, "dtype": dtype or torch.get_default_dtype()}


def as_formula(formula: NeuronFormula | str) -> NeuronFormula:
    """Return ``formula``, parsed if it is text."""
    return NeuronFormula.parse(formula) if isinstance(formula, str) else formula


def as_generator(generator: torch.Generator | int | None) -> torch.Generator:
    """Return a CPU generator: the given one, or a new one seeded with the int (None: with 0).

    Parameters are drawn on the CPU in float64 and then cast, so that a seed means the same
    network on every device and in every precision.
    """
    if isinstance(generator, torch.Generator):
        return generator
    return torch.Generator().manual_seed(0 if generator is None else int(generator))


def leading_shape(n_members: int | None) -> tuple[int, ...]:
    """Return the leading axes of packed parameters: none, or one of length ``n_members``."""
    if n_members is None:
        return ()
    if n_members < 1:
        raise ValueError(f"n_members must be None or positive, got {n_members!r}")
    return (int(n_members),)


def randn(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """Draw standard normal numbers in float64 on the CPU."""
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def check_slopes(
    expressions: Sequence[ElementwiseExpression], bound: float, dtype: torch.dtype
) -> None:
    """Refuse terms that would put a NaN or an infinity into values or gradients.

    Parameters
    ----------
    expressions : sequence of ElementwiseExpression
    bound : float
        The terms are tried on [-bound, bound].
    dtype : torch.dtype
        The precision in which they will be computed.

    Raises
    ------
    FormulaError
        If a value or a slope is not finite.
    """
    with torch.inference_mode(False), torch.enable_grad():
        _check_slopes(expressions, bound, dtype)


def is_trainable(expression: ElementwiseExpression, bound: float = 4.0) -> bool:
    """Tell whether a network can be trained through a term, in single precision.

    Parameters
    ----------
    expression : ElementwiseExpression
    bound : float, default=4.0
        Of the term's argument; the default is that of a task neuron.
    """
    if not expression.in_domain([-bound, 0.0, bound]).all():
        return False
    try:
        check_slopes([expression], bound, torch.float32)
    except FormulaError:
        return False
    return True


def _check_slopes(
    expressions: Sequence[ElementwiseExpression], bound: float, dtype: torch.dtype
) -> None:
    x = torch.linspace(-bound, bound, 201, dtype=dtype)
    x[100] = 0.0  # where roots and |x| have their kinks
    for expression in expressions:
        point = x.clone().requires_grad_()
        (value,) = evaluate_terms((expression,), point)
        # 0 * x: functions like sign(x) are cut off from the graph by some torch versions
        (slope,) = torch.autograd.grad((value + 0.0 * point).sum(), point)
        if not bool(torch.isfinite(value).all() and torch.isfinite(slope).all()):
            raise FormulaError(
                f"the pure term {expression.text!r} has an infinite value or slope on "
                f"[{-bound:g}, {bound:g}] in {dtype}, so a network with it cannot be trained; "
                "smooth it, e.g. sqrt(1 + x**2) for abs(x)"
            )
