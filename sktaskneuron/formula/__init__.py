"""What a neuron formula is: its value type, its text, and the exports of a fitted one.

The lowest room of the package: numpy only; sympy and scipy load when something asks for them.
"""

from __future__ import annotations

from sktaskneuron.formula.equation.constants import Constant
from sktaskneuron.formula.equation.expression import ElementwiseExpression
from sktaskneuron.formula.equation.fitted import FittedFormula
from sktaskneuron.formula.equation.fitted_expression import FittedExpression
from sktaskneuron.formula.equation.neuron_formula import NeuronFormula
from sktaskneuron.formula.equation.pareto import ParetoFront, ParetoPoint
from sktaskneuron.formula.equation.terms import AtomTerm, PureTerm
from sktaskneuron.formula.export.exports import Exports, NumpyFunction
from sktaskneuron.formula.text.primitives import (
    NUMPY_NAMESPACE,
    PRIMITIVES,
    Domain,
    Primitive,
    get_primitive,
)

__all__ = [
    "NUMPY_NAMESPACE",
    "PRIMITIVES",
    "AtomTerm",
    "Constant",
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
