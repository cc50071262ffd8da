"""Error against processor seconds of whole fits, by what sets their length.

A row of the store is one fit: a table, the rows that it trained on, a setting and a seed. Rows that
are there are not made again, so that without ``--data`` the stored ones are printed.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from common.rows import Store

from sktaskneuron import NeuronSeekClassifier, NeuronSeekRegressor
from sktaskneuron.estimators.neuron_seek.defaults import Defaults
from tables.data import Table, load_table, make_folds

KEY, FIELDS = ("table", "n_train", "setting", "seed"), ("error", "fit_cpu_s")

_FORMER = Defaults().without_bins, Defaults().class_rivals[1]
#: Defaults by name. The first one that is stored is what the others are compared with.
SETTINGS: Mapping[str, Defaults] = {
    "ranks, most_steps=6000": replace(
        Defaults(), rivals=_FORMER[:1], class_rivals=_FORMER, most_steps=6_000
    ),
    "ranks": replace(Defaults(), rivals=_FORMER[:1], class_rivals=_FORMER),
    "most_steps=6000": replace(Defaults(), most_steps=6_000),
    "most_steps=1500": replace(Defaults(), most_steps=1_500),
    "most_steps=3000": replace(Defaults(), most_steps=3_000),
    "epoch_steps=1": replace(Defaults(), epoch_steps=1),
    "default": Defaults(),
    "most_steps=1000": replace(Defaults(), most_steps=1_000),
    "most_steps=500": replace(Defaults(), most_steps=500),
}


def measure(
    store: Store, data: str, tables: Sequence[str], settings: Sequence[str], max_rows: int | None
) -> None:
    """Fit what the store lacks, on the first of three folds."""
    for name in tables:
        table = load_table(data, name, max_rows, 0)
        train, test = make_folds(table, 3, 0)[0]
        for setting in settings:
            key = {"table": name, "n_train": len(train), "setting": setting}
            for seed in store.missing([0], **key):
                error, seconds = _fit(table, train, test, SETTINGS[setting], seed)
                store.add(**key, seed=seed, error=error, fit_cpu_s=seconds)
                print(f"{name:20s} {setting:16s} {error:.4f} {seconds:6.1f} s", flush=True)


def _fit(
    table: Table, train: np.ndarray, test: np.ndarray, defaults: Defaults, seed: int
) -> tuple[float, float]:
    """Return the error on the test rows, and the processor seconds of fit."""
    base = NeuronSeekClassifier if table.classes else NeuronSeekRegressor
    estimator = type("Measured", (base,), {"_defaults": defaults})(random_state=seed)
    start = time.process_time()
    estimator.fit(table.X.iloc[train], table.y[train])
    seconds = time.process_time() - start
    X, y = table.X.iloc[test], table.y[test]
    if not table.classes:
        error = np.sqrt(np.mean((estimator.predict(X) - y) ** 2)) / table.y.std()
        return float(error), seconds
    place = np.searchsorted(estimator.classes_, y)
    chosen = estimator.predict_proba(X)[np.arange(len(y)), place]
    return float(-np.log(np.clip(chosen, 1e-7, 1.0)).mean()), seconds


def report(store: Store) -> str:
    """Markdown: geometric means of error and seconds by those of the first setting stored."""
    found: dict[str, dict[tuple[str, str], tuple[float, float]]] = {}
    for row in store.rows.values():
        place = row["table"], row["n_train"]
        values = float(row["error"]), float(row["fit_cpu_s"])
        found.setdefault(row["setting"], {})[place] = values
    lines = ["| setting | fits | error | CPU | sum of CPU, s |", "|---|---|---|---|---|"]
    order = [setting for setting in SETTINGS if setting in found]
    reference = found[order[0]] if order else {}
    for setting in order:
        fits = found[setting]
        both = sorted(set(fits) & set(reference))
        if not both:
            continue
        ratios = np.array([np.divide(fits[place], reference[place]) for place in both])
        error, seconds = np.exp(np.log(ratios).mean(axis=0))
        total = sum(fits[place][1] for place in both)
        lines.append(f"| {setting} | {len(both)} | {error:.3f} | {seconds:.2f} | {total:.0f} |")
    return "\n".join(lines)
