"""
An equation for a real table
============================

How much a yacht hull resists the water: 308 towing tests, six columns. The search returns an
equation that can be read and drawn; a held-out part says how good it is beside other models.
"""

# %%
# A search for powers up to four and products of two. One quarter of the rows is held out.

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import RidgeCV
from sklearn.metrics import r2_score
from sklearn.model_selection import train_test_split

from sktaskneuron import NeuronFormulaSearch
from sktaskneuron.datasets import load_yacht

yacht = load_yacht(as_frame=True)
X_train, X_test, y_train, y_test = train_test_split(yacht.data, yacht.target, random_state=0)
search = NeuronFormulaSearch(max_order=4, max_interaction_order=2).fit(X_train, y_train)
equation = search.fitted_formula_
print("formula: ", search.formula_)
print("equation:", equation)
for text, gain in search.term_gain_.items():
    share = search.selection_frequency_[text]
    print(f"  {text:6s} worth {gain:.3f} of R2, found in {share:.0%} of the folds")

# %%
# Two models to compare with.

predictions = {
    "equation": equation.evaluate(X_test)[:, 0],
    "ridge": RidgeCV().fit(X_train, y_train).predict(X_test),
    "boosted trees": HistGradientBoostingRegressor(random_state=0)
    .fit(X_train, y_train)
    .predict(X_test),
}
for name, prediction in predictions.items():
    print(f"{name:14s} R2 {r2_score(y_test, prediction):.4f}")

# %%
# Left: predictions on the held-out rows. Right: the equation along the Froude number (the speed),
# all other columns at their medians.

BLUE, GREY, RED = "#2a6f97", "#9aa5b1", "#c1121f"

figure, (fit, curve) = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
limits = [-12, 56]
fit.plot(limits, limits, color=GREY, linewidth=1)
for name, colour, marker in (("ridge", GREY, "x"), ("equation", BLUE, "o")):
    score = r2_score(y_test, predictions[name])
    label = f"{name}, R² = {score:.3f}"
    fit.plot(y_test, predictions[name], marker, color=colour, markersize=4, label=label)
fit.legend(frameon=False)
fit.set(
    xlabel="measured resistance",
    ylabel="predicted resistance",
    title="Held-out rows",
    xlim=limits,
)

speeds = np.linspace(0.125, 0.45, 200)
middle = np.tile(yacht.data.median().to_numpy(), (len(speeds), 1))
middle[:, yacht.feature_names.index("froude")] = speeds
curve.plot(yacht.data["froude"], yacht.target, ".", color=GREY, markersize=4, label="measured")
curve.plot(speeds, equation.evaluate(middle)[:, 0], color=RED, label="equation, median hull")
curve.legend(frameon=False)
curve.set(xlabel="Froude number", ylabel="resistance", title=f"{search.formula_}")

for axis in (fit, curve):
    axis.spines[["top", "right"]].set_visible(False)

if len(sys.argv) > 1:  # python examples/plot_yacht.py folder
    figure.savefig(Path(sys.argv[1]) / "yacht.png", dpi=90)
else:
    plt.show()
