"""
A law in two columns
====================

Symbolic regression of the resistance of sailing yachts. The search tries equations of the named
columns, from a constant to twelve nodes. The front shows what more nodes buy on rows held out from
the search; an equation of ten nodes holds nearly all of it.
"""

# %%
# A quarter of the tests is held out.

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.metrics import r2_score
from sklearn.model_selection import train_test_split

from sktaskneuron import NeuronFormulaSearch
from sktaskneuron.datasets import load_yacht
from sktaskneuron.inspection import ParetoFrontDisplay

X, y = load_yacht(return_X_y=True, as_frame=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
law = NeuronFormulaSearch("sr", scope="columns", max_complexity=12).fit(X_train, y_train)
predict = law.to_numpy()
score = r2_score(y_test, predict(X_test))
print(f"{law.fitted_formula_}, R2 = {score:.3f} on rows held out")

# %%
# Left: the front. Right: the law along the speed, for the slimmest and the fullest hull.

figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.6), layout="constrained")
ParetoFrontDisplay.from_estimator(law, ax=left)
right.plot(X_test["froude"], y_test, ".", color="0.4", label="measured, held out")
speed = np.linspace(X["froude"].min(), X["froude"].max(), 200)
for coef, color in ((X["prismatic_coef"].min(), "C0"), (X["prismatic_coef"].max(), "C3")):
    rows = X.iloc[[0] * len(speed)].assign(froude=speed, prismatic_coef=coef)
    right.plot(speed, predict(rows), color=color, label=f"law, prismatic_coef = {coef:g}")
right.set(yscale="log", xlabel="froude", ylabel="resistance", title=f"R² = {score:.3f}")
right.legend(frameon=False, fontsize=8)
right.spines[["top", "right"]].set_visible(False)

if len(sys.argv) > 1:  # python examples/plot_law.py folder
    figure.savefig(Path(sys.argv[1]) / "law.png", dpi=100)
else:
    plt.show()
