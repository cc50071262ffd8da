"""
A data scientist's table: from dates and categories to a service
=================================================================

Two years of hourly rentals, with the weather in words, a thermometer that was off now and then, and
time stamps. One model from the raw table to a file that a service can run.
"""

# %%
# The table as it comes out of a database: nothing is encoded, scaled or filled in.

import sys
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from sktaskneuron import NeuronSeekRegressor
from sktaskneuron.inspection import FeatureImportanceDisplay, IntervalDisplay

rng = np.random.default_rng(0)
start = pd.date_range("2024-01-01", "2025-12-31 23:00", freq="h")
start = start[np.sort(rng.choice(len(start), 2500, replace=False))]
hour, day = start.hour.to_numpy(), start.day_of_year.to_numpy()
warm = 12 - 10 * np.cos(2 * np.pi * day / 365) + 4 * np.sin(2 * np.pi * (hour - 9) / 24)
warm = warm + 3 * rng.normal(size=len(start))
sky = rng.choice(["clear", "cloudy", "rain"], len(start), p=[0.5, 0.35, 0.15])
busy = np.exp(-(((hour - 8) / 2.0) ** 2)) + np.exp(-(((hour - 17.5) / 2.5) ** 2))
mean = 300 * (0.2 + busy) * np.exp(-(((warm - 24) / 14) ** 2)) * np.where(sky == "rain", 0.35, 1)
rentals = rng.poisson(mean)
table = pd.DataFrame({"start": start, "sky": sky, "temperature": warm.round(1)})
table.loc[rng.random(len(table)) < 0.05, "temperature"] = np.nan
print(table.head())

# %%
# The last quarter is to be foretold, so the rows are split in time.

past, future = table.iloc[:1900], table.iloc[1900:]
model = NeuronSeekRegressor(max_epochs=30, random_state=0).fit(past, rentals[:1900])
print(f"R2 = {model.score(future, rentals[1900:]):.3f} on what came later")
print({name: round(weight, 2) for name, weight in model.weights_.items() if weight > 0.005})

# %%
# How sure is it, and which columns move it? The intervals come from rows that were held out in fit.

low, high = model.predict_interval(future, coverage=0.9).T
inside = np.mean((low <= rentals[1900:]) & (rentals[1900:] <= high))
print(f"{inside:.3f} of the later hours lie in the intervals of 90 %")

figure, (left, right) = plt.subplots(
    1, 2, figsize=(10, 3.6), width_ratios=(1.5, 1), layout="constrained"
)
IntervalDisplay.from_estimator(model, future, rentals[1900:], ax=left)
FeatureImportanceDisplay.from_estimator(model, future, ax=right)

if len(sys.argv) > 1:  # python examples/plot_table_to_onnx.py folder
    figure.savefig(Path(sys.argv[1]) / "table_to_onnx.png", dpi=90)
else:
    plt.show()

# %%
# One file holds everything from the raw columns to the number. It needs neither Python nor this
# package; :doc:`/user_guide/deploy` has a service of twenty lines around it.

import onnxruntime  # noqa: E402

from sktaskneuron.deploy import onnx_inputs  # noqa: E402

with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "rentals.onnx"
    model.to_onnx(path)
    session = onnxruntime.InferenceSession(path)
    (answer,) = session.run(None, onnx_inputs(model, future))[:1]
    off = np.abs(answer.ravel() - model.predict(future)).max()
    print(f"{path.stat().st_size // 1000} kB, largest difference {off:.0e} rentals")
