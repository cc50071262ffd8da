"""
What a loss makes a model predict
=================================

The same rows, other losses. Left, a tenth of the targets are wrong, and squared errors follow them.
Right, the noise grows with the column, and quantiles show by how much.
"""

# %%
# Two targets over one column; the law is the same, and known.

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from sktaskneuron import NeuronSeekRegressor

rng = np.random.default_rng(0)
x = np.sort(rng.uniform(0, 3, size=500))
X, law = x[:, None], np.sin(2 * x)
wrong = law + 0.2 * rng.normal(size=500) + rng.choice([0, 6], p=[0.9, 0.1], size=500)
uneven = law + 0.3 * x * rng.normal(size=500)


def predict(loss, y, **options):
    model = NeuronSeekRegressor(loss=loss, max_epochs=20, random_state=0, **options)
    return model.fit(X, y).predict(X)


# %%
# Left: one tenth of the targets are six too high. Right: the levels of one fit never cross.

BLUE, GREY, RED = "#2a6f97", "#9aa5b1", "#c1121f"
figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.8), layout="constrained")
left.plot(x, wrong, ".", color=GREY, markersize=3)
left.plot(x, law, color="black", linewidth=1, linestyle=(0, (4, 3)), label="the law")
for loss, color in (("squared_error", RED), ("absolute_error", BLUE)):
    found = predict(loss, wrong)
    print(f"{loss}: {np.sqrt(np.mean((found - law) ** 2)):.2f} from the law")
    left.plot(x, found, color=color, label=loss)
left.legend(frameon=False, loc="center")

low, middle, high = predict("quantile", uneven, quantile=[0.1, 0.5, 0.9]).T
print(f"{np.mean((low <= uneven) & (uneven <= high)):.2f} of the rows between .1 and .9")
right.plot(x, uneven, ".", color=GREY, markersize=3)
right.fill_between(x, low, high, color=BLUE, alpha=0.2, linewidth=0, label="from .1 to .9")
right.plot(x, middle, color=BLUE, label="the median")
right.legend(frameon=False, loc="lower left")
for ax in (left, right):
    ax.set(xlabel="column", ylabel="target")
    ax.spines[["top", "right"]].set_visible(False)

if len(sys.argv) > 1:  # python examples/plot_losses.py folder
    figure.savefig(Path(sys.argv[1]) / "losses.png", dpi=80)
else:
    plt.show()
