"""
Intervals that are narrow where the model is right
==================================================

How loud is an airfoil? Intervals of 90 % for rows that the model has not seen, over the
predictions; the targets in and outside of them.
"""

# %%
# Nothing is trained for the intervals: the rows that fit holds out are enough.

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.model_selection import train_test_split

from sktaskneuron import NeuronSeekRegressor
from sktaskneuron.datasets import load_airfoil
from sktaskneuron.inspection import IntervalDisplay

X, y = load_airfoil(return_X_y=True, as_frame=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.4, random_state=0)
model = NeuronSeekRegressor(max_epochs=20, random_state=0).fit(X_train, y_train)
low, high = model.predict_interval(X_test, coverage=0.9).T
covered = np.mean((low <= y_test) & (y_test <= high))
print(f"{covered:.3f} of the targets covered, mean width {np.mean(high - low):.1f} dB")

# %%
# Left: the intervals, short where the model is sure. Right: whatever coverage is asked for is kept.

figure, (left, right) = plt.subplots(
    1, 2, figsize=(9.5, 3.6), width_ratios=(1.6, 1), layout="constrained"
)
display = IntervalDisplay.from_estimator(model, X_test, y_test, coverage=0.9, ax=left)
left.set(xlabel="predicted level, dB", ylabel="measured level, dB")
asked = np.linspace(0.05, 0.95, 19)
many = model.predict_interval(X_test, asked)
found = (
    (many[..., 0] <= y_test.to_numpy()[:, None]) & (y_test.to_numpy()[:, None] <= many[..., 1])
).mean(axis=0)
right.plot([0, 1], [0, 1], color="0.6", linewidth=0.9, linestyle=(0, (4, 3)))
right.plot(asked, found, ".-", color="#2a6f97")
right.set(xlabel="coverage asked for", ylabel="share of targets covered", aspect="equal")
right.spines[["top", "right"]].set_visible(False)

if len(sys.argv) > 1:  # python examples/plot_intervals.py folder
    figure.savefig(Path(sys.argv[1]) / "intervals.png", dpi=120)
else:
    plt.show()
