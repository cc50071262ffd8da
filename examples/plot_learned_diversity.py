"""
Activation functions learned from the data
==========================================

A layer of 100 neurons classifies short signals (MNIST-1D). Its neurons are of two types; the
picture shows the function that each type has learned, over those that it was on the way, and below
the inputs at which the trained neurons use it.
"""

# %%
# The types learn on a part of the rows. On others the learned functions have to beat fixed ones.

import sys
from pathlib import Path

import matplotlib.pyplot as plt

from sktaskneuron import LearnedDiversityMLPClassifier
from sktaskneuron.datasets import make_mnist1d
from sktaskneuron.inspection import ActivationDisplay

X, y = make_mnist1d(5000, random_state=0)
X_train, X_test, y_train, y_test = X[:4000], X[4000:], y[:4000], y[4000:]
model = LearnedDiversityMLPClassifier(outer_steps=80, validation=0.15, random_state=0)
model.fit(X_train, y_train)
for name, entry in model.activation_report_["candidates"].items():
    print(f"{name:12} held-out loss {entry['loss']:.3f}")
print(f"predicts: {model.selected_}; test accuracy {model.score(X_test, y_test):.3f}")
relu = LearnedDiversityMLPClassifier(activations="relu", validation=0.15, random_state=0)
print(f"relu: test accuracy {relu.fit(X_train, y_train).score(X_test, y_test):.3f}")

# %%
# Above: the functions as they were learned, step by step. Below: where the neurons use them.

display = ActivationDisplay.from_estimator(model, X_train)
if len(sys.argv) > 1:  # python examples/plot_learned_diversity.py folder
    display.figure_.savefig(Path(sys.argv[1]) / "learned_diversity.png", dpi=80)
else:
    plt.show()
