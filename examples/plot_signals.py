"""
Signals whose columns have an order
===================================

Which digit is a noisy, shifted, stretched stroke of 40 points? Convolutions of task neurons, the
filters that they multiply, and their errors beside those of models of tables.
"""

# %%
# A model of tables takes the points for columns that might stand in any order.

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

from sktaskneuron import NeuronSeekSignalClassifier
from sktaskneuron.datasets import make_mnist1d
from sktaskneuron.nn import TaskNeuronConv1d

X, y = make_mnist1d(1200, random_state=0)
X_train, X_test, y_train, y_test = X[:800], X[800:], y[:800], y[800:]
model = NeuronSeekSignalClassifier(max_epochs=30, random_state=0).fit(X_train[:, None], y_train)
others = {
    "linear": LogisticRegression(max_iter=1000),
    "gradient\nboosting": HistGradientBoostingClassifier(max_iter=20, random_state=0),
}
errors = {
    name: 100 * (1 - other.fit(X_train, y_train).score(X_test, y_test))
    for name, other in others.items()
}
errors["task\nneurons"] = 100 * (1 - model.score(X_test[:, None], y_test))
print(", ".join(f"{' '.join(name.split())} {error:.1f} %" for name, error in errors.items()))

# %%
# Every neuron of the first layer adds to a sum of its patch products of two learned filters each.
# Of the first network these are the three products that its neurons weigh most.

layers = [part for part in model.to_torch().modules() if isinstance(part, TaskNeuronConv1d)]
neuron = layers[0].neuron
filters = neuron.factors_of(2)[0].numpy()  # (2, patch, products)
weight = (neuron.product_scale[0, :, None] * neuron.loadings[0]).norm(dim=1).numpy()

figure, axes = plt.subplots(
    1, 3, figsize=(10, 3.4), width_ratios=(1.2, 1, 0.8), layout="constrained"
)
for place, digit in enumerate((0, 4, 7)):
    for row in np.flatnonzero(y_train == digit)[:3]:
        axes[0].plot(X_train[row] - 5 * place, color=f"C{place}", linewidth=1.0)
    axes[0].text(41, -5 * place, str(digit), color=f"C{place}")
axes[0].set(title="three signals of three digits", xlabel="point", yticks=[])
for place, product in enumerate(np.argsort(-weight)[:3]):
    for pair in filters[:, :, product]:
        axes[1].plot(pair / np.abs(filters).max() - 2 * place, ".-", color=f"C{place + 3}")
axes[1].set(title="filters of three products", xlabel="point of a patch", yticks=[])
axes[2].bar(list(errors), list(errors.values()), color=["0.7", "0.7", "#2a6f97"])
axes[2].set(title="errors on 400 signals", ylabel="%")
for ax in axes:
    ax.spines[["top", "right"]].set_visible(False)

if len(sys.argv) > 1:  # python examples/plot_signals.py folder
    figure.savefig(Path(sys.argv[1]) / "signals.png", dpi=110)
else:
    plt.show()
