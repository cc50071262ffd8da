"""What a GPU gives, and whether it gives the same answers.

    python benchmarks/gpu.py                              # on a GPU: some ten minutes
    python benchmarks/gpu.py --parts same,packed          # some of the parts
    python benchmarks/gpu.py --device cpu --rows 2000     # every part of it without a GPU, small

same: models of the CPU and of the device, fitted to the same rows with the same seed: test R2, and
how far their predictions are apart. A model of the CPU is also moved to the device.
fit: whole fits at defaults and their predictions, and with them RealMLP and TabM where pytabkit is
installed.
packed: four members in one batched module, against four trained one after the other.
precision: training with products in float32, in TF32 and in bfloat16.

Seconds are those of the clock; memory is the most that torch had on the device at one time.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from importlib.util import find_spec
from typing import Any

import numpy as np
import pandas as pd
import torch
from common.report import markdown, say
from large import make_table
from sklearn.metrics import r2_score
from tables.peers import Setting, realmlp, tabm

from sktaskneuron import NeuronSeekRegressor
from sktaskneuron.nn import TaskNetwork
from sktaskneuron.training import TensorTable, fit_members

_COLUMNS, _TEST_ROWS, _MEMBERS = 50, 100_000, 4


class Device:
    """A device, and what work costs there."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.is_cuda = torch.device(name).type == "cuda"

    def cost(self, work: Callable[[], Any]) -> tuple[Any, float, str]:
        """Return what the work returns, its seconds, and its peak of memory in GB."""
        if self.is_cuda:
            torch.cuda.reset_peak_memory_stats()
            torch.cuda.synchronize()
        start = time.perf_counter()
        value = work()
        if self.is_cuda:
            torch.cuda.synchronize()
        seconds = time.perf_counter() - start
        peak = f"{torch.cuda.max_memory_allocated() / 1e9:.2f}" if self.is_cuda else "-"
        return value, seconds, peak

    def __str__(self) -> str:
        return torch.cuda.get_device_name() if self.is_cuda else self.name


def same(device: Device, rows: int) -> str:
    X, y = make_table(rows, 10, 0)
    test, truth = make_table(20_000, 10, 1)
    models = {
        name: NeuronSeekRegressor(device=name, random_state=0).fit(X, y)
        for name in dict.fromkeys(("cpu", device.name))
    }
    found = {f"of {name}": model.predict(test) for name, model in models.items()}
    found[f"of cpu, on {device.name}"] = models["cpu"].set_params(device=device.name).predict(test)
    reference = found["of cpu"]
    lines = []
    for name, values in found.items():
        apart = np.abs(values - reference).max() / truth.std()
        lines.append([name, f"{r2_score(truth, values):.5f}", f"{apart:.1e}"])
    return markdown(["model", "R2", "most apart from cpu / sd of target"], lines)


def fit(device: Device, sizes: list[int], seconds: float) -> str:
    models: dict[str, Callable[[], Any]] = {
        "neuronseek": lambda: NeuronSeekRegressor(
            device=device.name, time_limit=seconds, random_state=0
        )
    }
    if find_spec("pytabkit") is not None:
        setting = Setting(False, 0, torch.get_num_threads(), device.name)
        models |= {"realmlp": partial(realmlp, setting), "tabm": partial(tabm, setting)}
    heads = ["rows", "model", "fit, s", "R2", "rows predicted a second", "peak, GB"]
    lines = []
    for rows in sizes:
        X, test = make_table(rows, _COLUMNS, 0), make_table(_TEST_ROWS, _COLUMNS, 1)
        frame, new = (pd.DataFrame(table).rename(columns=str) for table in (X[0], test[0]))
        for name, make in models.items():
            model, spent, peak = device.cost(partial(make().fit, frame, X[1]))
            values, needed, _ = device.cost(partial(model.predict, new))
            score = f"{r2_score(test[1], values):.4f}"
            lines.append(
                [f"{rows:,}", name, f"{spent:.1f}", score, f"{len(new) / needed:,.0f}", peak]
            )
            say(" | ".join(lines[-1]))
    return markdown(heads, lines)


def packed(device: Device, rows: int) -> str:
    lines = []
    for name, packs in (
        (f"{_MEMBERS} members in one module", [_MEMBERS]),
        (f"{_MEMBERS} networks, one after the other", [1] * _MEMBERS),
    ):
        work = partial(_train, device, rows, packs)
        work()  # kernels are loaded once
        _, seconds, peak = device.cost(work)
        lines.append([name, f"{seconds:.2f}", peak])
    return markdown(["training", "s", "peak, GB"], lines)


def precision(device: Device, rows: int) -> str:
    kind = torch.device(device.name).type
    ways: dict[str, tuple[str, Callable[[], AbstractContextManager[Any]]]] = {
        "float32": ("highest", nullcontext),
        "TF32": ("high", nullcontext),
        "bfloat16": ("highest", partial(torch.autocast, kind, torch.bfloat16)),
    }
    lines = []
    before = torch.get_float32_matmul_precision()
    for name, (products, context) in ways.items():
        torch.set_float32_matmul_precision(products)
        with context():
            _train(device, rows, [_MEMBERS])
            loss, seconds, peak = device.cost(partial(_train, device, rows, [_MEMBERS]))
        lines.append([name, f"{seconds:.2f}", f"{loss:.5f}", peak])
    torch.set_float32_matmul_precision(before)
    return markdown(["products in", "s", "held-out loss", "peak, GB"], lines)


def _train(device: Device, rows: int, packs: list[int]) -> float:
    """Train packs of members on the device for ten passes; their mean held-out loss."""
    X, y = make_table(rows, _COLUMNS, 0)
    place = torch.device(device.name)
    table = TensorTable.from_arrays(X, (y - y.mean()) / y.std(), device=place)
    parts = np.array_split(np.random.default_rng(0).permutation(rows), _MEMBERS)
    losses, first = [], 0
    for n_members in packs:
        held = parts[first : first + n_members]
        module = TaskNetwork(
            _COLUMNS,
            1,
            hidden_layer_sizes=(128, 128),
            formula="x + <x,x>:16",
            n_members=n_members,
            device=place,
            generator=torch.Generator().manual_seed(first),
        )
        result = fit_members(
            module,
            table,
            [np.setdiff1d(np.arange(rows), part) for part in held],
            held,
            n_epochs=10,
            batch_size=1024 if device.is_cuda else 256,
            seed=first,
        )
        losses.append(min(result.history["valid_loss"]))
        first += n_members
    return float(np.mean(losses))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--parts", default="same,packed,precision,fit")
    parser.add_argument(
        "--rows", type=int, default=100_000, help="to train on; of same 20,000 at most"
    )
    parser.add_argument("--sizes", type=lambda s: [int(n) for n in s.split(",")], default=None)
    parser.add_argument("--time-limit", type=float, default=120.0, help="of one of our fits")
    args = parser.parse_args()
    device = Device(args.device)
    sizes = args.sizes or ([100_000, 1_000_000] if device.is_cuda else [args.rows])
    parts: dict[str, Callable[[], str]] = {
        "same": lambda: same(device, min(args.rows, 20_000)),
        "packed": lambda: packed(device, args.rows),
        "precision": lambda: precision(device, args.rows),
        "fit": lambda: fit(device, sizes, args.time_limit),
    }
    print(f"torch {torch.__version__}, {device}\n", flush=True)
    for name in args.parts.split(","):
        print(f"{name}\n\n{parts[name]()}\n", flush=True)


if __name__ == "__main__":
    main()
