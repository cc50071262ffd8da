"""
Groups of networks and their blend
==================================

The strength of concrete from its mix and age. Two groups of four networks are trained, each network
holding out other rows; those rows choose the epoch and the weights of the models.
"""

# %%
# What the groups went through is read by a callback of skorch, at the end of every training. A
# third of the table and narrow layers keep this quick.

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import FixedLocator, NullLocator
from skorch.callbacks import Callback

from sktaskneuron import NeuronSeekRegressor
from sktaskneuron.datasets import load_concrete


class Curves(Callback):
    """Held-out loss and learning rate per epoch, of one training after the other."""

    def __init__(self):
        self.losses, self.rates = [], []

    def on_train_begin(self, net, **kwargs):
        self.n_epochs = net.max_epochs
        self.rates.append([])

    def on_epoch_end(self, net, **kwargs):
        self.rates[-1].append(net.optimizer_.param_groups[0]["lr"])

    def on_train_end(self, net, **kwargs):
        self.losses.append(net.history[:, "valid_loss"])


X, y = load_concrete(return_X_y=True)
rows = np.random.default_rng(0).permutation(len(y))[:300]
curves = Curves()
model = NeuronSeekRegressor(
    hidden_layer_sizes=(64, 64), skorch_callbacks=[curves], random_state=0
).fit(X[rows], y[rows])
print("predicts:", model.selected_)
for name, score in model.validation_scores_.items():
    weight = model.weights_.get(name, 1.0)
    print(f"  {name:8s} held-out R2 {score:6.3f}, weight {weight:.2f}")

# %%
# Left: the learning rate falls to zero four times. There (dotted) the held-out loss is compared
# with that of the zero before; were it no lower, training would end. The epoch of the lowest loss
# is kept. Right: the weights of the models in the prediction.

COLOURS = {"task": "#0072b2", "ranks": "#d55e00"}
GREY, LIGHT = "#7f8c99", "#cfd6dd"

figure, axes = plt.subplot_mosaic(
    [["course", "shares"], ["rate", "shares"]],
    figsize=(9, 4.2),
    layout="constrained",
    width_ratios=[1.4, 1],
    height_ratios=[4, 1],
)
course, rate, shares = axes["course"], axes["rate"], axes["shares"]
groups = [name for name in model.weights_ if name in COLOURS]
for name, losses in zip(groups, curves.losses, strict=True):
    kept = int(np.argmin(losses))
    label = f"{name}: epoch {kept + 1} kept"
    course.plot(np.arange(1, len(losses) + 1), losses, color=COLOURS[name], linewidth=1.3)
    course.plot(
        kept + 1, losses[kept], "o", color=COLOURS[name], mec="white", ms=10, zorder=3, label=label
    )
course.legend(frameon=False)
lowest = min(map(min, curves.losses))
course.set(
    ylabel="held-out loss, 1 - R²",
    title="Training of the two groups",
    yscale="log",
    ylim=(0.93 * lowest, 4 * lowest),
)
course.yaxis.set_major_locator(FixedLocator([0.1, 0.15, 0.2, 0.3, 0.4, 0.5]))
course.yaxis.set_major_formatter("{x:g}")
course.yaxis.set_minor_locator(NullLocator())
course.tick_params(labelbottom=False)

rates = np.array(max(curves.rates, key=len))
rate.fill_between(np.arange(1, len(rates) + 1), rates, color=LIGHT, linewidth=0)
rate.set(xlabel="epoch", ylabel="learning\nrate", yticks=[], ylim=(0, 1.1 * rates.max()))
for axis in (course, rate):
    axis.set_xlim(0, 1.02 * curves.n_epochs)
    for end in (1 / 15, 3 / 15, 7 / 15):  # of the first three of four cycles
        axis.axvline(end * curves.n_epochs, color=GREY, linewidth=0.8, linestyle=":", zorder=0)

names = list(model.weights_)
weights = [model.weights_[name] for name in names]
bars = shares.barh(names, weights, color=[COLOURS.get(name, GREY) for name in names])
scores = [f"{w:.2f}   (R² {model.validation_scores_[n]:.3f})" for n, w in model.weights_.items()]
shares.bar_label(bars, scores, padding=4)
shares.invert_yaxis()
shares.set(
    xlim=(0, 1),
    xlabel="weight in the prediction",
    title=f"Blend: R² = {model.validation_scores_['blend']:.3f} on held-out rows",
)

for axis in (course, rate, shares):
    axis.spines[["top", "right"]].set_visible(False)

if len(sys.argv) > 1:  # python examples/plot_blend.py folder
    figure.savefig(Path(sys.argv[1]) / "blend.png", dpi=90)
else:
    plt.show()
