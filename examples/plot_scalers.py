"""
Distances or order: the two scalers
===================================

Two columns of the concrete table, one without a long tail and one with. What becomes of a column
by ``SmoothClipScaler``, which keeps distances, and by ``NormalScoreScaler``, which keeps the order.
"""

# %%
# Both scalers learn from the column alone, not from the target.

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from sktaskneuron.datasets import load_concrete
from sktaskneuron.preprocessing import NormalScoreScaler, SmoothClipScaler

X, _ = load_concrete(return_X_y=True, as_frame=True)
columns = {"coarse_aggregate": "coarse aggregate, kg/m³", "age_days": "age, days"}
scalers = {"SmoothClipScaler": SmoothClipScaler(), "NormalScoreScaler": NormalScoreScaler()}

# %%
# Above: how many rows have which value. Below: the number that the networks get instead of it.

figure, axes = plt.subplots(
    2, 2, figsize=(9.5, 4.4), sharex="col", height_ratios=(1, 2.4), layout="constrained"
)
for (rows, curve), (column, label) in zip(axes.T, columns.items(), strict=True):
    values = X[[column]].to_numpy()
    rows.hist(values, 60, color="#d5dbe1")
    rows.set_ylabel("rows")
    grid = np.linspace(values.min(), values.max(), 500)[:, None]
    for (name, scaler), color in zip(scalers.items(), ("#2a6f97", "#e07a5f"), strict=True):
        curve.plot(grid, scaler.fit(values).transform(grid), color=color, label=name)
    curve.set(xlabel=label, ylabel="scaled", ylim=(-3.4, 3.4))
axes[1, 1].legend(frameon=False, loc="lower right")
for ax in axes.flat:
    ax.spines[["top", "right"]].set_visible(False)

if len(sys.argv) > 1:  # python examples/plot_scalers.py folder
    figure.savefig(Path(sys.argv[1]) / "scalers.png", dpi=90)
else:
    plt.show()
