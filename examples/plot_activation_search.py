"""
The activation function that a law wants
========================================

A polynomial of two columns is known inside a square. Candidates are trained on the inner rows of
it and judged on the outer ones; the picture shows the error of networks with the chosen function
and with SiLU, on the way out of the square, and what the candidates reached.
"""

# %%
# Two searches on the same rows: one may choose among all candidates, the other has SiLU alone.
# ``split="tail"`` holds out the rows farthest from the middle.

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from sktaskneuron import ActivationSearchRegressor
from sktaskneuron.inspection import ActivationSearchDisplay


def law(X):
    return X[:, 0] ** 2 - X[:, 0] * X[:, 1] + 0.5 * X[:, 1] ** 3


rng = np.random.default_rng(1)
X = rng.uniform(-1, 1, size=(400, 2))
y = law(X) + 0.05 * rng.normal(size=400)
searched = ActivationSearchRegressor((32, 32), split="tail", random_state=1).fit(X, y)
fixed = ActivationSearchRegressor((32, 32), candidates=["silu"], split="tail", random_state=1).fit(
    X, y
)

# %%
# Errors on the edges of squares, from the middle to twice the training range
sizes = np.linspace(0.1, 2, 39)
side = np.linspace(-1, 1, 101)
edge = np.ones_like(side)
square = np.concatenate([np.column_stack(p) for p in ((side, edge), (edge, side))])
square = np.concatenate([square, -square])
errors = {}
for name, model in ((searched.best_activation_, searched), ("silu", fixed)):
    wrong = [model.predict(size * square) - law(size * square) for size in sizes]
    errors[name] = np.sqrt(np.mean(np.square(wrong), axis=1))
    inside, outside = errors[name][sizes <= 1].mean(), errors[name][sizes > 1].mean()
    print(f"{name}: mean error {inside:.3f} inside, {outside:.3f} outside")

# %%
# Left: both are good inside. Outside, the one with the chosen function stays near the law. Right:
# what every candidate reached on the outer rows.

figure, (left, right) = plt.subplots(
    1, 2, figsize=(12, 4.6), width_ratios=[1, 2.3], layout="constrained"
)
left.axvspan(0, 1, color="0.93", zorder=0)
left.text(0.5, 0.97, "training rows", transform=left.get_xaxis_transform(), ha="center", va="top")
for (name, error), color in zip(errors.items(), ("#c1121f", "black"), strict=True):
    left.plot(sizes, error, color=color, label=name)
left.set(yscale="log", xlim=(0, 2), xlabel="largest |column|", ylabel="error (root mean square)")
left.legend(frameon=False, loc="lower right")
left.spines[["top", "right"]].set_visible(False)
ActivationSearchDisplay.from_estimator(searched, ax=right)

if len(sys.argv) > 1:  # python examples/plot_activation_search.py folder
    figure.savefig(Path(sys.argv[1]) / "activation_search.png", dpi=80)
else:
    plt.show()
