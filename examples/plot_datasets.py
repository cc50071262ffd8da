"""
The three tables that travel with the package
=============================================

Concrete, airfoils and yachts: the target of each over the column that says most about it. None of
the three is a straight line.
"""

# %%
# One loader each, in the form of scikit-learn's.

import sys
from pathlib import Path

import matplotlib.pyplot as plt

from sktaskneuron.datasets import load_airfoil, load_concrete, load_yacht

# loader, column, another column for the colour, and labels of the three
pictures = {
    "yacht": (load_yacht, "froude", "prismatic_coef"),
    "concrete": (load_concrete, "age_days", "cement"),
    "airfoil": (load_airfoil, "frequency", "displacement_thickness"),
}
labels = {
    "froude": "speed (Froude number)",
    "prismatic_coef": "prismatic coefficient",
    "age_days": "age, days",
    "cement": "cement, kg/m³",
    "frequency": "frequency, Hz",
    "displacement_thickness": "displacement thickness, m",
    "yacht": "resistance",
    "concrete": "compressive strength, MPa",
    "airfoil": "sound pressure, dB",
}

# %%
# The colour is a second column, along which the curve shifts.

figure, axes = plt.subplots(1, 3, figsize=(11, 4.4), layout="constrained")
for ax, (name, (load, column, second)) in zip(axes, pictures.items(), strict=True):
    X, y = load(return_X_y=True, as_frame=True)
    print(f"{name}: {X.shape[0]} rows, {X.shape[1]} columns")
    dots = ax.scatter(X[column], y, c=X[second], s=8, cmap="viridis", linewidths=0)
    figure.colorbar(dots, ax=ax, location="bottom", label=labels[second])
    ax.set(xlabel=labels[column], ylabel=labels[name], title=f"load_{name}: {len(X)} rows")
    ax.spines[["top", "right"]].set_visible(False)
for ax in axes[1:]:
    ax.set_xscale("log")

if len(sys.argv) > 1:  # python examples/plot_datasets.py folder
    figure.savefig(Path(sys.argv[1]) / "datasets.png", dpi=80)
else:
    plt.show()
