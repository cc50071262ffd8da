"""Looking at an equation or at networks: what terms are worth, how neurons and minima are.

The pictures need matplotlib (``pip install "sktaskneuron[plot]"``), which loads when one is drawn.
"""

from sktaskneuron.inspection.equations.formula_display import FormulaDisplay
from sktaskneuron.inspection.equations.importance import term_importance
from sktaskneuron.inspection.equations.pareto_display import ParetoFrontDisplay
from sktaskneuron.inspection.intervals import IntervalDisplay
from sktaskneuron.inspection.motions import PhaseSpaceDisplay
from sktaskneuron.inspection.networks.activation_display import ActivationDisplay
from sktaskneuron.inspection.networks.activity import participation_ratio
from sktaskneuron.inspection.networks.hessian import (
    HessianSpectrum,
    hessian_spectrum,
    hessian_trace,
)
from sktaskneuron.inspection.networks.types_display import TypesDisplay, compare_types
from sktaskneuron.inspection.searches.display import ActivationSearchDisplay

__all__ = [
    "ActivationDisplay",
    "ActivationSearchDisplay",
    "FormulaDisplay",
    "HessianSpectrum",
    "IntervalDisplay",
    "ParetoFrontDisplay",
    "PhaseSpaceDisplay",
    "TypesDisplay",
    "compare_types",
    "hessian_spectrum",
    "hessian_trace",
    "participation_ratio",
    "term_importance",
]
