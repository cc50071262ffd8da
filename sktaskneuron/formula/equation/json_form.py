"""The JSON form of a fitted formula: numbers exactly, infinite bounds as null."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from sktaskneuron.exceptions import FormulaError
from sktaskneuron.formula.equation.fitted import FittedFormula
from sktaskneuron.formula.equation.neuron_formula import NeuronFormula, check_format

__all__ = ["JSON_VERSION", "from_dict", "to_dict"]

#: Format number that is written.
JSON_VERSION = 1
_JSON_FORMAT = "sktaskneuron.FittedFormula"


def to_dict(fitted: FittedFormula) -> dict[str, Any]:
    """Return a fitted formula as plain data.

    Parameters
    ----------
    fitted : FittedFormula

    Returns
    -------
    data : dict
        Of str, float, list, dict and None, with a format name and number.
    """

    def bounds(values: Any) -> list[float | None]:
        # JSON has no infinity.
        return [value if math.isfinite(value) else None for value in values.tolist()]

    return {
        "format": _JSON_FORMAT,
        "version": JSON_VERSION,
        "formula": fitted.formula.to_dict(),
        "intercept": fitted.intercept.tolist(),
        "pure_weights": [weights.tolist() for weights in fitted.pure_weights],
        "factors": {str(order): u.tolist() for order, u in fitted.factors.items()},
        "loadings": {str(order): v.tolist() for order, v in fitted.loadings.items()},
        "center": fitted.center.tolist(),
        "scale": fitted.scale.tolist(),
        "lower": bounds(fitted.lower),
        "upper": bounds(fitted.upper),
        "feature_names": list(fitted.feature_names),
        "link": fitted.link,
    }


def from_dict(data: Any) -> FittedFormula:
    """Build a fitted formula from plain data.

    Parameters
    ----------
    data : dict
        As `to_dict` returns it.

    Returns
    -------
    fitted : FittedFormula

    Raises
    ------
    FormulaError
        If something is missing or wrong, or the format is newer.
    """
    check_format(data, _JSON_FORMAT, JSON_VERSION)
    try:
        return FittedFormula(
            formula=NeuronFormula.from_dict(data["formula"]),
            intercept=data["intercept"],
            pure_weights=data["pure_weights"],
            factors={int(order): u for order, u in data["factors"].items()},
            loadings={int(order): v for order, v in data["loadings"].items()},
            center=data["center"],
            scale=data["scale"],
            lower=[-np.inf if value is None else value for value in data["lower"]],
            upper=[np.inf if value is None else value for value in data["upper"]],
            feature_names=data["feature_names"],
            link=data["link"],
        )
    except KeyError as error:
        raise FormulaError(f"the fitted formula's data lack {error.args[0]!r}") from None
    except FormulaError:
        raise
    except (TypeError, ValueError, AttributeError) as error:
        raise FormulaError(f"the fitted formula's data are malformed: {error}") from None
