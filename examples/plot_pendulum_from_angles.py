"""
A pendulum from noisy angles alone
==================================

A camera sees the angle of a pendulum, with noise, and nothing of its momentum. Smoothing splines
give rates and accelerations. From these an equation search writes down the law of the motion, and a
network learns an energy that is conserved; both then foresee a swing that they have not seen.
"""

# %%
# Twelve swings, whose angles are 0.05 rad (three degrees) off. Splines go over them twice: rates
# are derivatives of the angles, accelerations derivatives of the rates.

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy.integrate import solve_ivp

from sktaskneuron import HamiltonianMLPRegressor, NeuronFormulaSearch
from sktaskneuron.datasets import make_derivative_pairs, make_pendulum

swings = make_pendulum(12, 200, omega=1.5, amplitude=(0.3, 2.6), random_state=0)
noise = np.random.default_rng(0).normal(0, 0.05, size=(12, 200, 1))
seen = swings.trajectories[..., :1] + noise

angles, rates = make_derivative_pairs(seen, swings.t, smooth=True)
states = np.hstack([angles, rates]).reshape(12, -1, 2)
left_out = (200 - states.shape[1]) // 2  # splines are worst at their ends
t = swings.t[left_out:-left_out]
X, y = make_derivative_pairs(states, t, smooth=True)

# %%
# The law of the acceleration. The true one is -2.25 sin(angle), without the rate.

table = pd.DataFrame(X, columns=["angle", "rate"])
law = NeuronFormulaSearch("sr", scope="columns", max_complexity=8, random_state=0)
law.fit(table, y[:, 1])
print(f"acceleration = {law.fitted_formula_}")

# %%
# The energy: angle and rate are position and momentum of a pendulum of mass and length one.

energy = HamiltonianMLPRegressor((50,), random_state=0).fit(X, y)

# %%
# Left: what was seen of one swing, and the splines. Middle: accelerations of all states. Right: a
# swing that none of them has seen, from its first state on.

acceleration = law.to_numpy()
new = make_pendulum(1, 300, omega=1.5, amplitude=(1.9, 2.1), random_state=5)
truth = new.trajectories[0]


def motion(_, state):
    row = pd.DataFrame([state], columns=["angle", "rate"])
    return [state[1], float(acceleration(row)[0])]


by_law = solve_ivp(motion, (0, new.t[-1]), truth[0], t_eval=new.t, rtol=1e-6).y[0]
by_energy = energy.simulate(truth[0], new.t, "leapfrog", max_step=0.05)[:, 0]

figure, (left, middle, right) = plt.subplots(
    1, 3, figsize=(11.5, 3.6), width_ratios=[1, 1, 1.4], layout="constrained"
)
shown = slice(left_out, left_out + 90)
left.plot(t[:90], states[0, :90, 1], color="C2", label="rate")
left.plot(t[:90], states[0, :90, 0], color="C0", label="angle")
left.plot(swings.t[shown], seen[0, shown, 0], "k.", markersize=2, label="angle seen")
left.set(xlabel="time", title="One swing", ylim=(-3.4, 4.8))
left.legend(frameon=False, fontsize=8, ncols=3, loc="upper center", columnspacing=1)

grid = np.linspace(-2.7, 2.7, 200)
rows = pd.DataFrame({"angle": grid, "rate": np.zeros(200)})
middle.plot(X[:, 0], y[:, 1], ".", color="0.75", markersize=2, label="by splines")
middle.plot(grid, acceleration(rows), color="C3", label=f"law: {law.fitted_formula_}")
middle.plot(grid, -2.25 * np.sin(grid), "k:", label="true: -2.25*sin(angle)")
middle.set(xlabel="angle", ylabel="acceleration", title="The law", ylim=(-4, 6.5))
middle.legend(frameon=False, fontsize=8, loc="upper right")

right.plot(new.t, truth[:, 0], color="0.7", linewidth=4, label="true")
right.plot(new.t, by_law, color="C3", label="law")
right.plot(new.t, by_energy, "--", color="C0", label="network with an energy")
right.set(xlabel="time", ylabel="angle", title="A new swing, foreseen", ylim=(-2.4, 3.2))
right.legend(frameon=False, fontsize=8, ncols=3, loc="upper center")
for ax in (left, middle, right):
    ax.spines[["top", "right"]].set_visible(False)

if len(sys.argv) > 1:  # python examples/plot_pendulum_from_angles.py folder
    figure.savefig(Path(sys.argv[1]) / "pendulum_from_angles.png", dpi=100)
else:
    plt.show()
