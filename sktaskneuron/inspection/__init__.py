"""Looking at an equation or at networks: what terms are worth, how neurons and minima are.

The pictures need matplotlib (``pip install "sktaskneuron[plot]"``), which loads when one is drawn.
"""

from sktaskneuron.inspection.columns.importance_display import FeatureImportanceDisplay
from sktaskneuron.inspection.columns.importances import (
    ActiveSubspace,
    active_subspace,
    feature_importances,
)
from sktaskneuron.inspection.columns.shapley import ShapleyValues, shapley_values
from sktaskneuron.inspection.doubtful import DoubtfulRows, doubtful_rows
from sktaskneuron.inspection.equations.bootstrap import bootstrap_constants
from sktaskneuron.inspection.equations.equation_display import EquationDisplay
from sktaskneuron.inspection.equations.formula_display import FormulaDisplay
from sktaskneuron.inspection.equations.importance import term_importance
from sktaskneuron.inspection.equations.pareto_display import ParetoFrontDisplay
from sktaskneuron.inspection.equations.report import equation_report
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
    "ActiveSubspace",
    "DoubtfulRows",
    "EquationDisplay",
    "FeatureImportanceDisplay",
    "FormulaDisplay",
    "HessianSpectrum",
    "IntervalDisplay",
    "ParetoFrontDisplay",
    "PhaseSpaceDisplay",
    "ShapleyValues",
    "TypesDisplay",
    "active_subspace",
    "bootstrap_constants",
    "compare_types",
    "doubtful_rows",
    "equation_report",
    "feature_importances",
    "hessian_spectrum",
    "hessian_trace",
    "participation_ratio",
    "shapley_values",
    "term_importance",
]
