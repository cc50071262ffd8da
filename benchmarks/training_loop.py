"""Cost of our training loop beside a plain loop over sliced tensors.

Both train the same network on the same table with fused AdamW. The plain loop has no schedule, no
best epoch, no callbacks. Each round times both, one after the other, in CPU time; the table shows
the ratio of the pairs, because single times on a shared machine mean little.

    python benchmarks/training_loop.py --rounds 7 --epochs 10
"""

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch

from sktaskneuron.nn import TaskNetwork, parameter_groups
from sktaskneuron.training import TensorTable, fit_network
from sktaskneuron.training.loop.losses import squared_error

NETWORKS: dict[str, dict[str, object]] = {
    "plain MLP 64-64": {"formula": "x", "skip": "none", "input_scale": False},
    "x + x**2 + <x,x>:16, skip": {"formula": "x + x**2 + <x,x>:16"},
    "the same, dropout 0.1": {"formula": "x + x**2 + <x,x>:16", "dropout": 0.1},
}


def make_table(n_rows: int, n_features: int, seed: int) -> TensorTable:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_rows, n_features))
    y = X[:, 0] + X[:, 1] ** 2 - X[:, 2] * X[:, 3] + 0.1 * rng.normal(size=n_rows)
    return TensorTable.from_arrays(X, y)


def plain_loop(module: torch.nn.Module, table: TensorTable, epochs: int, batch_size: int) -> None:
    optimizer = torch.optim.AdamW(
        parameter_groups(module, 0.02, 0.02), betas=(0.9, 0.95), fused=True
    )
    generator = torch.Generator().manual_seed(0)
    for _ in range(epochs):
        order = torch.randperm(len(table), generator=generator)
        X, y = table.X[order], table.y[order]
        for start in range(0, len(table), batch_size):
            rows = slice(start, start + batch_size)
            optimizer.zero_grad(set_to_none=True)
            squared_error(module(X[rows]), y[rows]).mean().backward()
            optimizer.step()


def cpu_seconds(function: Callable[[], object]) -> float:
    start = time.process_time()
    function()
    return time.process_time() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--rows", type=int, default=5000)
    parser.add_argument("--features", type=int, default=10)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    table = make_table(args.rows, args.features, args.seed)
    print("| network | plain loop, ms per step | ours, ms per step | ratio, median | ratios |")
    print("| --- | --- | --- | --- | --- |")
    for name, options in NETWORKS.items():

        def build(options: dict[str, object] = options) -> TaskNetwork:
            return TaskNetwork(args.features, 1, hidden_layer_sizes=(64, 64), **options)

        def plain(epochs: int = args.epochs) -> None:
            plain_loop(build(), table, epochs, args.batch_size)

        def ours(epochs: int = args.epochs) -> None:
            fit_network(build(), table, max_epochs=epochs, batch_size=args.batch_size)

        plain(1)
        ours(1)
        pairs = [(cpu_seconds(plain), cpu_seconds(ours)) for _ in range(args.rounds)]
        ratios = sorted(ours / plain for plain, ours in pairs)
        steps = args.epochs * -(-args.rows // args.batch_size)
        plain_ms, ours_ms = (1e3 * min(times) / steps for times in zip(*pairs, strict=True))
        print(
            f"| {name} | {plain_ms:.2f} | {ours_ms:.2f} | {statistics.median(ratios):.2f} "
            f"| {ratios[0]:.2f} to {ratios[-1]:.2f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
