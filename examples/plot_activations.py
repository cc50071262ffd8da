"""
What the activation functions look like
=======================================

All functions of the catalogue, drawn as a network meets them: values and slopes at the inputs of a
neuron, which mostly lie between -3 and 3.
"""

# %%
# A name is enough: ``find_activation`` gives the function and what is known of it.

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from sktaskneuron.nn import ACTIVATIONS, find_activation

activations = [find_activation(name) for name in ACTIVATIONS]
print(len(activations), "functions;", sum(a.bounded for a in activations), "of them bounded")

# %%
# Blue: the function. Grey: its slope, what a neuron learns by. Names of bounded functions are red.

BLUE, GREY, RED = "#2a6f97", "#9aa5b1", "#c1121f"
n_columns = 9
n_rows = -(-len(activations) // n_columns)
figure, axes = plt.subplots(
    n_rows, n_columns, figsize=(11, 1.35 * n_rows), sharex=True, sharey=True, layout="constrained"
)
x = np.linspace(-4, 4, 401)
for ax, activation in zip(axes.flat, activations, strict=False):
    values = activation.numpy(x)
    ax.axhline(0, color="0.85", linewidth=0.8)
    ax.axvline(0, color="0.85", linewidth=0.8)
    ax.plot(x, np.gradient(values, x), color=GREY, linewidth=1)
    ax.plot(x, values, color=BLUE, linewidth=1.6)
    ax.set_title(activation.name, fontsize=9, color=RED if activation.bounded else "black", pad=2)
    ax.set(xlim=(-4, 4), ylim=(-2, 4), xticks=[], yticks=[])
for ax in axes.flat:
    ax.spines[:].set_visible(False)
for ax in axes.flat[len(activations) :]:
    ax.set_visible(False)

if len(sys.argv) > 1:  # python examples/plot_activations.py folder
    figure.savefig(Path(sys.argv[1]) / "activations.png", dpi=70)
else:
    plt.show()
