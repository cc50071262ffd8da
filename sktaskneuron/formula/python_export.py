"""A fitted formula as Python source that needs numpy only."""

from __future__ import annotations

import keyword
import math

import numpy as np
from numpy.typing import NDArray

from ..exceptions import FormulaError
from .fitted import FittedFormula
from .terms import AtomTerm, PureTerm

__all__ = ["to_python"]


def to_python(fitted: FittedFormula, *, name: str = "predict") -> str:
    """Return the source of a module with one function that evaluates a fitted formula.

    The module imports numpy (and `scipy.special` for erf and sigmoid), nothing else. Column
    names appear as quoted text only, so that any name is safe. The length grows with the number
    of non-zero weights, not with the number of monomials.

    Parameters
    ----------
    fitted : FittedFormula
    name : str
        Name of the function, an identifier.

    Returns
    -------
    source : str
        ``FEATURE_NAMES`` and ``def name(X)``, from X of shape (n_samples, n_features) to values
        of shape (n_samples,), or (n_samples, n_outputs) for several outputs.

    Raises
    ------
    FormulaError
        If the name is no identifier.
    """
    if not name.isidentifier() or keyword.iskeyword(name):
        raise FormulaError(f"name must be a Python identifier, got {name!r}")
    body = [f"    {line}" for line in _body(fitted)]
    imports = ["import numpy as np"]
    if any("special." in line for line in body):
        imports.append("from scipy import special")
    names = [f"    {feature!r}," for feature in fitted.feature_names]
    lines = [
        *imports,
        "",
        "FEATURE_NAMES = [",
        *names,
        "]",
        "",
        "",
        f"def {name}(X):",
        '    """Evaluate the equation on columns in the order of FEATURE_NAMES."""',
        *body,
    ]
    return "\n".join(lines) + "\n"


def _number(value: float) -> str:
    return repr(float(value))


def _signed_sum(parts: list[str]) -> str:
    text = parts[0]
    for part in parts[1:]:
        text += f" - {part[1:]}" if part.startswith("-") else f" + {part}"
    return text


def _scaled(coefficient: float, text: str) -> str:
    if coefficient == 1:
        return text
    return f"-{text}" if coefficient == -1 else f"{_number(coefficient)} * {text}"


def _body(fitted: FittedFormula) -> list[str]:
    lines = ["X = np.asarray(X, dtype=float)"]
    lines += [_column(fitted, int(i)) for i in fitted.used_features]
    if fitted.n_outputs == 1:
        lines.append(f"f = np.full(X.shape[0], {_number(fitted.intercept[0])})")
    else:
        lines.append(f"f = np.tile({_vector(fitted.intercept)}, (X.shape[0], 1))")
    for term in fitted.terms:
        match term:
            case PureTerm(t, feature):
                value = fitted.formula.expressions[t].to_source(f"z{feature}")
                lines.append(_addition(fitted.pure_weights[t][feature], f"({value})"))
            case AtomTerm(order, r):
                lines.append(f"a = {_atom(fitted.factors[order][:, :, r])}")
                lines.append(_addition(fitted.loadings[order][r], "a"))
    return [*lines, "return f"]


def _column(fitted: FittedFormula, i: int) -> str:
    value = f"X[:, {i}]"
    lower, upper = float(fitted.lower[i]), float(fitted.upper[i])
    if math.isfinite(lower):
        value = f"np.maximum({value}, {_number(lower)})"
    if math.isfinite(upper):
        value = f"np.minimum({value}, {_number(upper)})"
    if fitted.center[i] != 0:
        value = f"({_signed_sum([value, _number(-fitted.center[i])])})"
    if fitted.scale[i] != 1:
        value = f"{value} / {_number(fitted.scale[i])}"
    return f"z{i} = {value}"


def _vector(values: NDArray[np.float64]) -> str:
    return f"[{', '.join(map(_number, values))}]"


def _addition(weights: NDArray[np.float64], value: str) -> str:
    if weights.size == 1:
        return f"f += {_scaled(float(weights[0]), value)}"
    return f"f += np.outer({value}, {_vector(weights)})"


def _atom(factors: NDArray[np.float64]) -> str:
    """Write a product of sums, minus the pure powers that the interaction leaves out."""
    order = factors.shape[0]
    sums = []
    for u in factors:
        sums.append(_signed_sum([_scaled(float(u[i]), f"z{i}") for i in np.flatnonzero(u)]))
    product = " * ".join(f"({text})" for text in sums)
    diagonal = factors.prod(axis=0)
    powers = [_scaled(-float(diagonal[i]), f"z{i}**{order}") for i in np.flatnonzero(diagonal)]
    return _signed_sum([product, *powers])
