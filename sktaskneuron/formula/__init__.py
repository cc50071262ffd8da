"""What a neuron formula is: its value type, its text, and the exports of a fitted one.

The lowest room of the package: numpy only; sympy and scipy load when something asks for them.
"""

from __future__ import annotations

from .exports import Exports, NumpyFunction
from .expression import ElementwiseExpression
from .fitted import FittedFormula
from .fitted_expression import FittedExpression
from .neuron_formula import NeuronFormula
from .pareto import ParetoFront, ParetoPoint
from .primitives import NUMPY_NAMESPACE, PRIMITIVES, Domain, Primitive, get_primitive
from .terms import AtomTerm, PureTerm

__all__ = [
    "NUMPY_NAMESPACE",
    "PRIMITIVES",
    "AtomTerm",
    "Domain",
    "ElementwiseExpression",
    "Exports",
    "FittedExpression",
    "FittedFormula",
    "NeuronFormula",
    "NumpyFunction",
    "ParetoFront",
    "ParetoPoint",
    "Primitive",
    "PureTerm",
    "get_primitive",
]
