"""Looking at an equation: what its terms are worth, and pictures of it.

The pictures need matplotlib (``pip install "sktaskneuron[plot]"``), which loads when one is drawn.
"""

from sktaskneuron.inspection._formula_display import FormulaDisplay
from sktaskneuron.inspection._importance import term_importance
from sktaskneuron.inspection._pareto_display import ParetoFrontDisplay

__all__ = ["FormulaDisplay", "ParetoFrontDisplay", "term_importance"]
