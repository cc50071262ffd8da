"""
A benchmark author's script: is it better, and by how much?
============================================================

Three models on one table, the same folds for all, errors of the comparison. Everything is
scikit-learn's own: the estimator needs no treatment of its own.
"""

# %%
# Three folds of the towing tests of yachts. All models run at their defaults.

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import RepeatedKFold, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sktaskneuron import NeuronSeekRegressor
from sktaskneuron.datasets import load_yacht

X, y = load_yacht(return_X_y=True, as_frame=True)
models = {
    "ridge": make_pipeline(StandardScaler(), RidgeCV(np.logspace(-3, 3, 13))),
    "boosted trees": HistGradientBoostingRegressor(random_state=0),
    "NeuronSeek": NeuronSeekRegressor(random_state=0),
}
folds = RepeatedKFold(n_splits=3, n_repeats=1, random_state=0)
results = {
    name: cross_validate(model, X, y, cv=folds, scoring="neg_root_mean_squared_error")
    for name, model in models.items()
}

# %%
# The spread over folds is mostly that of the folds: some are harder for all. Paired differences
# tell more. Training sets of folds share rows, which the correction of Nadeau and Bengio (2003)
# takes into account.

errors = {name: -result["test_score"] for name, result in results.items()}
share = 1 / 2  # rows of a test set by those of a training set
for name, error in errors.items():
    seconds = results[name]["fit_time"].mean()
    line = f"{name:14s} RMSE {error.mean():.2f} ({error.std(ddof=1):.2f} over folds)"
    line += f", {seconds:.1f} s a fit"
    if name != "NeuronSeek":
        gain = error - errors["NeuronSeek"]
        off = gain.std(ddof=1) * np.sqrt(1 / len(gain) + share)
        line += f"; NeuronSeek is better by {gain.mean():.2f} ± {off:.2f}"
    print(line)

# %%
# A line is a fold.

figure, ax = plt.subplots(figsize=(6, 3.4), layout="constrained")
for fold in range(len(errors["ridge"])):
    ax.plot(list(errors), [error[fold] for error in errors.values()], "o-", color="0.6", lw=0.9)
ax.plot(list(errors), [error.mean() for error in errors.values()], "s", color="#c1121f")
ax.set(ylabel="root mean squared error", ylim=(0, None), title="Held-out error, fold by fold")
ax.spines[["top", "right"]].set_visible(False)

if len(sys.argv) > 1:  # python examples/plot_benchmark.py folder
    figure.savefig(Path(sys.argv[1]) / "benchmark.png", dpi=90)
else:
    plt.show()
