"""
A network that conserves an energy
==================================

Two networks learn the motion of a star in a galaxy from the same states and rates of the
Hénon-Heiles system; one of them conserves an energy. The pictures show an orbit that neither has
seen, what they predict from its start, and the true energy along the way.
"""

# %%
# Twenty orbits to learn from, and a longer one with another energy. Both networks have one size.

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from sktaskneuron import HamiltonianMLPRegressor, LearnedDiversityMLPRegressor
from sktaskneuron.datasets import forecast, make_henon_heiles

data = make_henon_heiles(n_orbits=20, n_points=50, random_state=0)
new = make_henon_heiles(n_orbits=1, n_points=600, t_max=60.0, energy=(0.12, 0.14), random_state=4)
truth, t = new.trajectories[0], new.t

hamiltonian = HamiltonianMLPRegressor((50,), random_state=0).fit(data.X, data.y)
plain = LearnedDiversityMLPRegressor((50,), activations="tanh", random_state=0).fit(data.X, data.y)
paths = {
    "true": truth,
    "Hamiltonian network": hamiltonian.simulate(truth[0], t, "rk4", max_step=t[1]),
    "plain network": np.vstack([truth[:1], forecast(plain, truth[0], len(t) - 1, dt=t[1])]),
}
colors = {"true": "0.6", "Hamiltonian network": "C0", "plain network": "C3"}
energy = data.energy(truth[:1])[0]
for name, path in paths.items():
    drift = np.abs(data.energy(path) - energy).max()
    print(f"{name}: energy {energy:.3f}, largest change {drift:.1e}")

# %%
# The plain network drifts to another energy and leaves the orbit; the Hamiltonian one stays on it.

figure, axes = plt.subplot_mosaic(
    [["Hamiltonian network", "plain network", "energy"]],
    figsize=(11, 3.6),
    width_ratios=[1, 1, 1.5],
    layout="constrained",
)
for name in ("Hamiltonian network", "plain network"):
    ax = axes[name]
    for key in ("true", name):
        ax.plot(*paths[key][:, :2].T, color=colors[key], linewidth=0.8)
    ax.set(title=name, xlabel="$q_1$", ylabel="$q_2$", aspect="equal")
for name, path in paths.items():
    axes["energy"].plot(t, data.energy(path), color=colors[name], label=name)
axes["energy"].set(xlabel="time", ylabel="energy along the orbit")
axes["energy"].legend(frameon=False)
for ax in axes.values():
    ax.spines[["top", "right"]].set_visible(False)

if len(sys.argv) > 1:  # python examples/plot_hamiltonian.py folder
    figure.savefig(Path(sys.argv[1]) / "hamiltonian.png", dpi=80)
else:
    plt.show()
