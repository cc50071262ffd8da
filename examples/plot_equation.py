"""
What an equation says
=====================

The strength of concrete from its mixture and age: 1030 tests, eight columns. Two pictures show the
equation that a search finds: what a simpler one would cost, and what each column adds.
"""

# %%
# A search for powers up to three and products of two columns.

import sys
from pathlib import Path

import matplotlib.pyplot as plt

from sktaskneuron import NeuronFormulaSearch
from sktaskneuron.datasets import load_concrete
from sktaskneuron.inspection import FormulaDisplay, ParetoFrontDisplay, term_importance

concrete = load_concrete(as_frame=True)
X, y = concrete.data, concrete.target
search = NeuronFormulaSearch(max_order=3, max_interaction_order=2).fit(X, y)
print("formula:", search.formula_)

# %%
# The share of the equation's variance that each term brings. Powers of one column work against each
# other: their shares are of both signs. The pictures add them up.

for name, share in term_importance(search, X).items():
    print(f"  {name:24s} {share:6.1%}")

# %%
# Above: complexity against validated score, the answer in red. Below: the parts of the equation,
# the most important first; what has no axes of its own stands in the last.

figure, (front, parts) = plt.subplots(
    2, 1, figsize=(8.5, 7.2), layout="constrained", height_ratios=[1, 2]
)
ParetoFrontDisplay.from_estimator(search, ax=front)
FormulaDisplay.from_estimator(search, X, ax=parts)

if len(sys.argv) > 1:  # python examples/plot_equation.py folder
    figure.savefig(Path(sys.argv[1]) / "equation.png", dpi=90)
else:
    plt.show()
