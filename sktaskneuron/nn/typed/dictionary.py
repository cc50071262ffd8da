"""Short formulas for a function known by its values, from a dictionary of usual functions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sktaskneuron._typing import Matrix, Vector

# Inner factors: whole and half numbers, and between them.
_RATES = sorted({*np.geomspace(0.1, 6.0, 40).round(2).tolist(), *np.arange(0.5, 6.5, 0.5).tolist()})


@dataclass(frozen=True)
class SymbolicApproximation:
    """A formula of x and the share of the variance that it explains.

    Parameters
    ----------
    text : str
        In the grammar of the formulas.
    r2 : float
        The share, 1 at best.

    See Also
    --------
    ActivationSet : Activation functions of one or more types of neurons, as values on a grid.

    Examples
    --------
    >>> import numpy as np
    >>> from sktaskneuron.nn import ActivationSet
    >>> tables = ActivationSet.from_functions({"wave": np.sin})
    >>> tables.symbolic()[0].text
    'sin(x)'
    """

    text: str
    r2: float


def _dictionary(x: Vector) -> tuple[list[str], Matrix]:
    """Return texts and values of the functions, none of them singular: (n_functions, n_points)."""
    atoms = {
        "x": x,
        "x**2": x**2,
        "x**3": x**3,
        "abs(x)": np.abs(x),
        "relu(x)": np.maximum(x, 0.0),
    }
    for rate in _RATES:
        inner = "x" if rate == 1 else f"{rate:g}*x"
        atoms[f"sin({inner})"] = np.sin(rate * x)
        atoms[f"cos({inner})"] = np.cos(rate * x)
        atoms[f"tanh({inner})"] = np.tanh(rate * x)
        atoms[f"exp(-{inner if rate == 1 else f'({inner})'}**2)"] = np.exp(-((rate * x) ** 2))
    return list(atoms), np.array(list(atoms.values()))


def approximate(
    x: Vector, value: Vector, *, max_terms: int = 4, min_r2: float = 0.99
) -> SymbolicApproximation | None:
    """Return the shortest sum of dictionary functions that is near enough, None if none is.

    Terms are taken one after the other, each the one that lowers the residual most with all weights
    fitted again (orthogonal least squares).

    Parameters
    ----------
    x, value : ndarray of shape (n_points,)
    max_terms : int, default=4
        Beside the constant.
    min_r2 : float, default=0.99

    Returns
    -------
    SymbolicApproximation or None
    """
    texts, atoms = _dictionary(x)
    total = float(((value - value.mean()) ** 2).sum())
    if total <= 1e-20 * max(float((value**2).sum()), 1e-300):
        return SymbolicApproximation(f"{value.mean():.4g}", 1.0)
    remaining = atoms - atoms.mean(axis=1, keepdims=True)
    size = np.linalg.norm(remaining, axis=1)
    residual = value - value.mean()
    chosen: list[int] = []
    for _ in range(max_terms):
        length = np.linalg.norm(remaining, axis=1)
        usable = length > 1e-6 * size
        gain = np.where(usable, (remaining @ residual) ** 2 / np.where(usable, length**2, 1.0), 0.0)
        best = int(np.argmax(gain))
        if gain[best] <= 0:
            break
        chosen.append(best)
        direction = remaining[best] / length[best]
        remaining = remaining - np.outer(remaining @ direction, direction)
        residual = residual - (residual @ direction) * direction
        r2 = 1.0 - float(residual @ residual) / total
        if r2 >= min_r2:
            design = np.stack([np.ones_like(x), *atoms[chosen]], axis=1)
            weights = np.linalg.lstsq(design, value, rcond=None)[0]
            parts = [
                f"{'-' if weight < 0 else '+'} {_factor(abs(weight))}{texts[place]}"
                for weight, place in zip(weights[1:], chosen, strict=True)
            ]
            if abs(weights[0]) > 1e-6 * np.abs(value).max():
                parts.append(f"{'-' if weights[0] < 0 else '+'} {abs(weights[0]):.4g}")
            text = " ".join(parts).removeprefix("+ ")
            return SymbolicApproximation("-" + text[2:] if text.startswith("- ") else text, r2)
    return None


def _factor(weight: float) -> str:
    text = f"{weight:.4g}"
    return "" if text == "1" else f"{text}*"
