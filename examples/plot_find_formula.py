"""
Find a planted formula
======================

Data drawn from a known formula, with as much noise as signal. The search names its terms; three
pictures say how far to believe it.
"""

# %%
# Draw data from a law of three terms: a linear part, a square and a product of two columns.

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from sktaskneuron import NeuronFormulaSearch
from sktaskneuron.datasets import make_neuron_formula

X, y, truth = make_neuron_formula(
    "x + x**2 + <x,x>",
    n_samples=200,
    n_features=8,
    noise=1.0,
    return_truth=True,
    random_state=3,
)
print("planted:", truth)

# %%
# Search. The evidence comes from ten folds: in how many of them the search, run on the rest of the
# rows, found a term again, and how much of the validated R2 a term is worth.

search = NeuronFormulaSearch(n_resamples=10).fit(X, y)
print("found:  ", search.fitted_formula_)
print("formula:", search.formula_)

# %%
# Left: the models met on the way, by their number of free weights. Middle: how often a term was
# found again. Right: what the fitted equation says, against the law without its noise.

BLUE, GREY = "#2a6f97", "#9aa5b1"

figure, (path, terms, fit) = plt.subplots(
    1, 3, figsize=(11, 3.6), layout="constrained", width_ratios=[1.15, 1, 1]
)
points = list(search.pareto_front_)
complexity = [point.complexity for point in points]
score = [point.score for point in points]
path.step(complexity, score, where="post", color=GREY, linewidth=1)
path.plot(complexity, score, "o", color=BLUE)
for point in points:
    path.text(point.complexity + 0.12, point.score - 0.045, str(point.formula), fontsize=8)
path.set(
    xlabel="free weights",
    ylabel="validated R²",
    title="Pareto front",
    xlim=(-0.2, max(complexity) + 1.9),
    ylim=(min(score) - 0.08, max(score) + 0.06),
)

frequency = dict(sorted(search.selection_frequency_.items(), key=lambda item: item[1]))
planted = {
    *truth.formula.pure,
    *("<" + ",".join("x" * k) + ">" for k in truth.formula.interactions),
}
colours = [BLUE if text in planted else GREY for text in frequency]
terms.barh(list(frequency), list(frequency.values()), color=colours)
for place, text in enumerate(frequency):
    if text in search.term_gain_:
        worth = f"worth {search.term_gain_[text]:.2f} of R²"
        terms.text(0.03, place, worth, va="center", color="white")
terms.set(xlim=(0, 1), xlabel="share of ten folds", title="Found again (blue: planted)")

signal, found = truth.evaluate(X)[:, 0], search.fitted_formula_.evaluate(X)[:, 0]
limits = [min(signal.min(), found.min()), max(signal.max(), found.max())]
fit.plot(limits, limits, color=GREY, linewidth=1)
fit.plot(signal, found, ".", color=BLUE, markersize=4)
r2 = 1 - np.mean((signal - found) ** 2) / signal.var()
fit.set(xlabel="law", ylabel="found equation", title=f"Against the law: R² = {r2:.2f}")

for axis in (path, terms, fit):
    axis.spines[["top", "right"]].set_visible(False)

if len(sys.argv) > 1:  # python examples/plot_find_formula.py folder
    figure.savefig(Path(sys.argv[1]) / "find_formula.png", dpi=90)
else:
    plt.show()
