"""
A scientist's table: from noisy data with units to a report
===========================================================

A pendulum swings on three worlds. Its length, the pull of gravity and the angle at which it is let
go are known; the period was timed with an error of one per cent. Which law
is behind it? The exact one is an elliptic integral, so the question is which short law comes close.
"""

# %%
# Two hundred measurements. With the units, lengths and times can only enter as ``sqrt(l/g)``: that
# is taken out before the search, and one column of numbers without a unit is left, the angle.

import sys
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy.special import ellipk

from sktaskneuron import NeuronFormulaSearch
from sktaskneuron.inspection import EquationDisplay, ParetoFrontDisplay, equation_report

rng = np.random.default_rng(0)
X = pd.DataFrame(
    {
        "l": rng.uniform(0.3, 4, 200),
        "g": rng.choice([9.81, 3.71, 1.62], 200),  # Earth, Mars, Moon
        "angle": rng.uniform(0.1, 1.5, 200),
    }
)
period = 4 * np.sqrt(X["l"] / X["g"]) * ellipk(np.sin(X["angle"] / 2) ** 2)
y = period * (1 + 0.01 * rng.normal(size=200))

search = NeuronFormulaSearch(
    "sr",
    scope="columns",
    units={"l": "m", "g": "m/s**2", "angle": "rad"},
    target_unit="s",
    random_state=0,
)
search.fit(X, y)
print(search.summary())

# %%
# At small angles this is 6.28 times ``sqrt(l/g)``: two pi, as it must be. The series of textbooks
# begins with 1 + angle²/16, this one with 1 + angle²/15: the number takes up what the next terms
# add. Another law of this length, with a cosine, is as good; ``search.choose`` puts it in place.
# Left: the front, on which no point is marked: such a law scores a little better on the rows that
# were held out. Right: what the law leaves: noise that grows with the period, as it was made.

figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.6), layout="constrained")
ParetoFrontDisplay.from_estimator(search, ax=left)
EquationDisplay.residuals(search, X, y, max_panels=1, ax=right)

if len(sys.argv) > 1:  # python examples/plot_law_with_units.py folder
    figure.savefig(Path(sys.argv[1]) / "law_with_units.png", dpi=90)
else:
    plt.show()

# %%
# For a paper, a colleague, and the notebook of the laboratory: LaTeX, C, and a page that holds the
# law with its errors, the front, the residuals and where it would have to extrapolate.

print(search.to_latex())
print(search.to_c())
with tempfile.TemporaryDirectory() as folder:
    page = Path(folder) / "pendulum.html"
    equation_report(search, X, y, page)
    print(f"{page.name}: {page.stat().st_size // 1000} kB")
