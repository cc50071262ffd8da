"""
The functions that all columns share
====================================

Each of six columns bends the target: by a wave and by its size, with weights of its own. The search
finds the two functions; the weights are fitted. The pictures set the equation beside the law.
"""

# %%
# The law: sin(2.5 x) and abs(x) of every column, with noise.

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from sktaskneuron import NeuronFormulaSearch
from sktaskneuron.inspection import FormulaDisplay

rng = np.random.default_rng(0)
X = rng.normal(size=(400, 6))
waves, sizes = np.array([1, -2, 0.5, 1, 2, -1]), np.array([2, 1, -1, 0.5, 1, 1])
y = np.sin(2.5 * X) @ waves + np.abs(X) @ sizes + 0.5 * rng.normal(size=400)
search = NeuronFormulaSearch("sr").fit(X, y)
print("found:", search.formula_)

# %%
# One panel for each column, most important first.
# Blue: what a column adds to the output by the equation that was found. Dashed: by the law.

display = FormulaDisplay.from_estimator(search, X)
for ax in display.axes_.flat:
    place = int(ax.get_xlabel().removeprefix("x"))
    column = np.linspace(X[:, place].min(), X[:, place].max(), 201)
    rows, line = (
        waves[place] * np.sin(2.5 * x) + sizes[place] * np.abs(x) for x in (X[:, place], column)
    )
    ax.plot(column, line - rows.mean(), color="#c1121f", linewidth=1.4, linestyle=(0, (4, 3)))

if len(sys.argv) > 1:  # python examples/plot_neuron_functions.py folder
    display.figure_.savefig(Path(sys.argv[1]) / "neuron_functions.png", dpi=80)
else:
    plt.show()
