"""Looking at an equation or at networks: what terms are worth, how neurons and minima are.

The pictures need matplotlib (``pip install "sktaskneuron[plot]"``), which loads when one is drawn.
"""

from sktaskneuron.inspection._activation_display import ActivationDisplay
from sktaskneuron.inspection._activity import participation_ratio
from sktaskneuron.inspection._formula_display import FormulaDisplay
from sktaskneuron.inspection._hessian import HessianSpectrum, hessian_spectrum, hessian_trace
from sktaskneuron.inspection._importance import term_importance
from sktaskneuron.inspection._pareto_display import ParetoFrontDisplay
from sktaskneuron.inspection._phase_space import PhaseSpaceDisplay
from sktaskneuron.inspection._search_display import ActivationSearchDisplay
from sktaskneuron.inspection._types_display import TypesDisplay, compare_types

__all__ = [
    "ActivationDisplay",
    "ActivationSearchDisplay",
    "FormulaDisplay",
    "HessianSpectrum",
    "ParetoFrontDisplay",
    "PhaseSpaceDisplay",
    "TypesDisplay",
    "compare_types",
    "hessian_spectrum",
    "hessian_trace",
    "participation_ratio",
    "term_importance",
]
