"""Importances by gradients beside those by permutations; planted directions; planted slips.

    python benchmarks/importances.py --seeds 3

Three tables. Importances: Spearman's correlation of `feature_importances_` with scikit-learn's
`permutation_importance` on the 1,000 or 442 training rows at its defaults (five repeats), the
correlation of two runs of the latter, and how many times longer one of these takes than
`feature_importances` on the same rows, in time of the CPU. Directions: the largest angle between
two planted directions in ten columns and the first two of `active_subspace`. Slips: of 1,000 rows
20 are spoilt, and the share of spoilt ones among the first 20 and 10 of `doubtful_rows`; numbers
of friedman1, labels of two classes of four clusters.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable

import numpy as np
from common.report import markdown
from scipy.linalg import subspace_angles
from scipy.stats import spearmanr
from sklearn.datasets import load_diabetes, make_classification, make_friedman1
from sklearn.inspection import permutation_importance

from sktaskneuron import NeuronSeekClassifier, NeuronSeekRegressor
from sktaskneuron.inspection import active_subspace, doubtful_rows, feature_importances

N, PLANTED = 1_000, 20


def seconds(compute: Callable[[], object]) -> float:
    """Least time of three calls."""
    times = []
    for _ in range(3):
        start = time.process_time()
        compute()
        times.append(time.process_time() - start)
    return min(times)


def importances(name: str, seed: int) -> list[str]:
    """One fit: correlations with permutation importances on the same rows, and times."""
    X, y = load_diabetes(return_X_y=True)
    if name == "friedman1":
        X, y = make_friedman1(N, noise=1.0, random_state=seed)
    model = NeuronSeekRegressor(random_state=seed).fit(X, y)
    start = time.process_time()
    permuted = permutation_importance(model, X, y, random_state=seed).importances_mean
    taken = time.process_time() - start
    again = permutation_importance(model, X, y, random_state=seed + 1_000).importances_mean
    return [
        name,
        str(seed),
        model.selected_,
        f"{spearmanr(model.feature_importances_, permuted)[0]:.3f}",
        f"{spearmanr(again, permuted)[0]:.3f}",
        f"{taken:.2f}",
        f"{taken / seconds(lambda: feature_importances(model, X)):.0f}",
    ]


def directions(seed: int) -> list[str]:
    """Angle of the planted and the found plane, and the share of movement outside of the latter."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(N, 10))
    planted = np.linalg.qr(rng.normal(size=(10, 2)))[0]
    s, t = (X @ planted).T
    y = np.tanh(2 * s) + 0.5 * t**2 + 0.05 * rng.normal(size=N)
    found = active_subspace(NeuronSeekRegressor(random_state=seed).fit(X, y), X)
    angle = np.degrees(subspace_angles(planted, found.vectors[:, :2]).max())
    return [str(seed), f"{angle:.1f}", f"{found.values[2:].sum() / found.values.sum():.4f}"]


def slips(kind: str, seed: int) -> list[str]:
    """Precision of the first 20 and 10 rows; of numbers that of the true law's residuals too."""
    rng = np.random.default_rng(seed)
    bad = rng.choice(N, PLANTED, replace=False)
    model: object = NeuronSeekRegressor(random_state=seed)
    if kind == "wrong label":
        model = NeuronSeekClassifier(random_state=seed)
        X, y = make_classification(N, 10, class_sep=2.0, flip_y=0, random_state=seed)
        y[bad] = 1 - y[bad]
    else:
        X, y = make_friedman1(N, noise=1.0, random_state=seed)
        y[bad] = 10 * y[bad] if kind == "times ten" else y[np.roll(bad, 1)]
    found = np.isin(doubtful_rows(model, X, y, n_rows=PLANTED).rows, bad)
    best = "–"
    if kind != "wrong label":
        law = make_friedman1(N, noise=0.0, random_state=seed)[1]
        best = f"{np.isin(np.argsort(-np.abs(y - law))[:PLANTED], bad).mean():.2f}"
    return [kind, str(seed), f"{found.mean():.2f}", f"{found[:10].mean():.2f}", best]


def main() -> None:
    """Print the three tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", choices=["importances", "directions", "slips"])
    arguments = parser.parse_args()
    seeds = range(arguments.seeds)
    warnings.simplefilter("ignore")
    if arguments.only in (None, "importances"):
        head = ["table", "seed", "predicts", "rho", "rho of permutations", "s of these", "times"]
        names = ["friedman1", "diabetes"]
        print(markdown(head, [importances(name, seed) for name in names for seed in seeds]))
    if arguments.only in (None, "directions"):
        head = ["seed", "angle in degrees", "movement outside"]
        print(markdown(head, [directions(seed) for seed in seeds]))
    if arguments.only in (None, "slips"):
        head = ["slip", "seed", "precision of 20", "of 10", "of 20 by the true law"]
        kinds = ["wrong label", "times ten", "swapped"]
        print(markdown(head, [slips(kind, seed) for kind in kinds for seed in seeds]))


if __name__ == "__main__":
    main()
