"""
Are probabilities what they say?
================================

Five hundred rows to learn from, a tenth of them with a wrong class. Of the rows to which a model
gives 80 %, are four in five of that class? Beside a network that was trained to the end.
"""

# %%
# Neither model is tuned.

import sys
import warnings
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.calibration import CalibrationDisplay
from sklearn.datasets import make_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

from sktaskneuron import NeuronSeekClassifier

X, y = make_classification(
    4_000, 10, n_informative=5, n_clusters_per_class=3, flip_y=0.2, random_state=0
)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.875, random_state=0)
warnings.simplefilter("ignore", ConvergenceWarning)
models = {
    "NeuronSeekClassifier": NeuronSeekClassifier(max_epochs=20, random_state=0),
    "scikit-learn's MLPClassifier": MLPClassifier(max_iter=300, random_state=0),
}

# %%
# Left: on the diagonal, probabilities are right. Right: how often each was said.

figure, (left, right) = plt.subplots(
    1, 2, figsize=(9.5, 3.8), width_ratios=(1, 1.2), layout="constrained"
)
bins = np.linspace(0, 1, 21)
for (name, model), color in zip(models.items(), ("#2a6f97", "#e07a5f"), strict=True):
    sure = model.fit(X_train, y_train).predict_proba(X_test)[:, 1]
    print(f"{name}: log loss {log_loss(y_test, sure):.3f}")
    CalibrationDisplay.from_predictions(
        y_test, sure, n_bins=10, strategy="quantile", name=name, color=color, ax=left
    )
    right.hist(sure, bins, histtype="step", color=color, linewidth=1.6)
left.set(xlabel="predicted probability", ylabel="share of the class", aspect="equal")
left.legend(loc="upper left", frameon=False, fontsize=8)
right.set(xlabel="predicted probability", ylabel="rows")
for ax in (left, right):
    ax.spines[["top", "right"]].set_visible(False)

if len(sys.argv) > 1:  # python examples/plot_calibration.py folder
    figure.savefig(Path(sys.argv[1]) / "calibration.png", dpi=120)
else:
    plt.show()
