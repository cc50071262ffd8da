"""
What one neuron can say
=======================

Two laws over two columns, a product and a bowl. Each is learned by one single neuron, without an
activation: an ordinary one, one with squares, and one with a product.
"""

# %%
# A layer of one neuron is the whole model. Its formula says which terms it adds up.

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from sktaskneuron.nn import TaskNeuron
from sktaskneuron.training import TensorTable, fit_network, predict_in_chunks

rng = np.random.default_rng(0)
X = rng.normal(size=(600, 2))
laws = {"product": lambda a, b: a * b, "bowl": lambda a, b: a**2 + b**2 - 2}
formulas = ("x", "x + x**2", "x + <x,x>")
side = np.linspace(-2, 2, 41)
square = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)


def learn(formula, y):
    """One neuron, trained on the rows; its values on the square and its R2 on the rows."""
    neuron = TaskNeuron(2, 1, formula, generator=0)
    options = {"max_epochs": 60, "batch_size": 64, "learning_rate": 0.1}
    fit_network(neuron, TensorTable.from_arrays(X, y), **options)
    error = predict_in_chunks(neuron, X).ravel() - y
    return predict_in_chunks(neuron, square).ravel(), 1 - np.mean(error**2) / y.var()


# %%
# A row for each law, beside what the three neurons make of it.

figure, axes = plt.subplots(2, 4, figsize=(9.5, 5), sharex=True, sharey=True, layout="constrained")
levels = np.linspace(-4, 4, 17)
for row, (name, law) in zip(axes, laws.items(), strict=True):
    pictures = [(f"the law: a {name}", law(*square.T))]
    for formula in formulas:
        values, r2 = learn(formula, law(*X.T))
        print(f"{name} by {formula}: R2 {r2:.2f}")
        pictures.append((f"{formula}\nR² {max(r2, 0):.2f}", values))
    for ax, (title, values) in zip(row, pictures, strict=True):
        ax.contourf(side, side, values.reshape(41, 41), levels, cmap="RdBu_r", extend="both")
        ax.set(aspect="equal", xticks=(-2, 0, 2), yticks=(-2, 0, 2))
        ax.set_title(title, fontsize=10)

if len(sys.argv) > 1:  # python examples/plot_task_neurons.py folder
    figure.savefig(Path(sys.argv[1]) / "task_neurons.png", dpi=80)
else:
    plt.show()
