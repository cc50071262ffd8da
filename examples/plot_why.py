"""
Why: importances of columns, and what they add to one prediction
================================================================

The strength of concrete from its mix and age, by a searched equation. Left: how far predictions
move with each column, in the unit of the target. Right: exact Shapley values of one mix.
"""

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from sktaskneuron import NeuronFormulaSearch
from sktaskneuron.datasets import load_concrete
from sktaskneuron.inspection import FeatureImportanceDisplay, shapley_values

X, y = load_concrete(return_X_y=True, as_frame=True)
search = NeuronFormulaSearch(n_resamples=0).fit(X, y)
print(search.formula_)

# %%
# The importances were computed in fit. The Shapley values are against the mean of 200 mixes.

background = X.sample(200, random_state=0)
row = int(np.argmax(y))
shapley = shapley_values(search, X.iloc[[row]], background)
added = shapley.values[0]
print(f"mean {shapley.base:.1f} + {added.sum():.1f} = {shapley.base + added.sum():.1f} MPa")

# %%
# Left: the importances. Right: the strongest mix, column by column, from the mean of the background
# to its own value.

figure, (bars, steps) = plt.subplots(1, 2, figsize=(9.5, 3.6), layout="constrained")
FeatureImportanceDisplay.from_estimator(search, ax=bars)
bars.set(title="How far the prediction moves", xlabel="MPa, for a step of one standard deviation")

order = np.argsort(-np.abs(added))
ends = shapley.base + np.cumsum(added[order])
starts = ends - added[order]
colours = np.where(added[order] > 0, "#2a6f97", "#c1121f")
drawn = steps.barh(np.arange(len(order)), added[order], left=starts, color=colours, height=0.7)
labels = [f"{shapley.feature_names[j]} = {X.iloc[row, j]:g}" for j in order]
steps.set_yticks(np.arange(len(order)), labels, fontsize="small")
steps.bar_label(drawn, [f"{value:+.1f}" for value in added[order]], padding=3, fontsize="small")
steps.axvline(shapley.base, color="0.6", linewidth=0.8, linestyle=":", zorder=0)
steps.invert_yaxis()
steps.margins(x=0.15)
steps.set(
    title=f"The strongest mix: from {shapley.base:.0f} to {ends[-1]:.0f} MPa",
    xlabel="strength in MPa",
)
steps.spines[["top", "right"]].set_visible(False)

if len(sys.argv) > 1:  # python examples/plot_why.py folder
    figure.savefig(Path(sys.argv[1]) / "why.png", dpi=90)
else:
    plt.show()
