"""The studies of activation_search.py on its parts: the surrogate, and the cost of a candidate."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from common import report
from common.report import say, yes
from sklearn.datasets import load_diabetes
from threadpoolctl import threadpool_limits

from sktaskneuron import ActivationSearchRegressor
from sktaskneuron.estimators.activation_search.candidates import CLASSIC
from sktaskneuron.exceptions import FormulaError
from sktaskneuron.nn import ACTIVATIONS, get_activation
from sktaskneuron.nn.typed.diverse import DiverseNetwork
from sktaskneuron.search.activation.admission import output_key
from sktaskneuron.search.activation.features import fisher_features, output_features
from sktaskneuron.search.activation.grammar import canonical_text, sample
from sktaskneuron.search.activation.surrogate import search_surrogate
from sktaskneuron.training import TensorTable, fit_replicates

from .problems import SEED, load_set, scaled_as, sets_of
from .studies import Run, geometric, searcher, timed

Array = np.ndarray
CPU = torch.device("cpu")

# -- surrogate -------------------------------------------------------------------------------------

N_POOL, N_BEST = 120, 2
SURROGATE_BAR = 16.0
# How the table is made: small networks, one rate, about 600 steps.
TABLE = {"hidden_layer_sizes": (32, 32), "learning_rate": 5e-3}
_STEPS = 600


def draw_pool() -> list[str]:
    """The catalogue, filled up with functions of the grammar that are not in it."""
    names = list(ACTIVATIONS)
    known = set()
    for name in names:
        try:
            known.add(output_key(canonical_text(name)))
        except FormulaError:  # a function by cases
            continue
    drawn = sample(np.random.default_rng(SEED), 2 * N_POOL)
    return [*names, *(t for t in drawn if output_key(t) not in known)][:N_POOL]


def study_surrogate(run: Run) -> None:
    """Evaluations until one of the best two of a pool is met, replayed on validated losses."""
    pool = draw_pool()
    store = run.store("surrogate_table", ["set", "activation"], ["loss"])
    names = run.wanted(sets_of(run.data))
    counts: dict[str, list[Array]] = {}
    lines, details = [], []
    for name in names:
        table = load_set(name, run.data)
        options = {**TABLE, "max_epochs": epochs_of(len(table.y))}
        if run.quick:
            options["max_epochs"] = 1
        model = searcher(
            run, pool, SEED, classes=table.classes, **options, refit=False, validation=4
        )
        if store.missing([SEED], set=name, activation=pool[-1]):
            seconds = timed(model.fit, table.X, table.y)
            for text, loss in zip(
                model.results_["activation"], model.results_["mean_loss"], strict=True
            ):
                store.add(set=name, activation=text, seed=SEED, loss=float(loss))
            say(f"surrogate {name}: {seconds:.0f} CPU s")
        losses = np.array([store.values("loss", [SEED], set=name, activation=t)[0] for t in pool])
        features = features_of(run, table, pool)
        found = replays(run, pool, features, losses)
        for rule, hits in found.items():
            counts.setdefault(rule, []).append(hits)
        best = [pool[i] for i in np.argsort(losses)[:N_BEST]]
        details.append(f"{name}: {', '.join(best)}")
        lines.append([name, *(f"{hits.mean():.1f}" for hits in found.values())])
    means = {rule: float(np.mean([h.mean() for h in hits])) for rule, hits in counts.items()}
    medians = {rule: float(np.median(np.concatenate(hits))) for rule, hits in counts.items()}
    lines.append(["**mean**", *(f"**{value:.1f}**" for value in means.values())])
    lines.append(["median", *(f"{value:.0f}" for value in medians.values())])
    ours = means[BEST_RULE]
    run.finish(
        "surrogate",
        "Evaluations until one of the best two is met",
        f"Pool of {N_POOL}: the catalogue and a sample of the grammar. Held-out losses of 4 folds "
        f"({TABLE}, about {_STEPS} steps), {run.replays} replays. The best two: "
        f"{'; '.join(details)}.",
        report.markdown(["set", *means], lines),
        f"Bar: at most {SURROGATE_BAR:.0f}, met: {yes(ours <= SURROGATE_BAR)} ({ours:.1f}, "
        f"{BEST_RULE}); random draws need {means['random']:.1f}.",
    )


def epochs_of(n_rows: int) -> int:
    train = n_rows * 3 // 4
    batch = min(max(train // 40, 32), 256)
    return max(1, round(_STEPS / -(-train // batch)))


def features_of(run: Run, table: Any, pool: Sequence[str]) -> list[Array]:
    """What the estimator's surrogate knows of the pool."""
    probe = searcher(run, ["silu"], SEED, classes=table.classes, max_epochs=1, refit=False)
    probe.fit(table.X, table.y)
    return [
        output_features(pool),
        fisher_features(
            pool,
            scaled_as(probe, table.X),
            table.y,
            TABLE["hidden_layer_sizes"],
            len(np.unique(table.y)) if table.classes else 1,
            classification=table.classes,
            seed=SEED,
        ),
    ]


BEST_RULE = "surrogate after the classic ones"


def replays(
    run: Run, pool: Sequence[str], features: list[Array], losses: Array
) -> dict[str, Array]:
    """Evaluations until a best one is met, per rule and replay."""
    place = {text: i for i, text in enumerate(pool)}
    best = {pool[i] for i in np.argsort(losses)[:N_BEST]}
    found: dict[str, list[int]] = {}
    for seed in range(run.replays):
        rng = np.random.default_rng(seed)
        classics = [str(t) for t in rng.permutation([t for t in CLASSIC if t in place])]
        others = [str(t) for t in rng.permutation([t for t in pool if t not in CLASSIC])]
        rules: dict[str, tuple[Any, int]] = {
            "random": (list(rng.permutation(list(pool))), 1),
            "classic ones, then random": ([*classics, *others], 1),
            "surrogate after 8 random": (8, 1),
            BEST_RULE: (classics, 1),
            "as the estimator: classic, 4 random, rounds of 4": ([*classics, *others[:4]], 4),
        }
        for rule, (initial, size) in rules.items():
            order: list[str] = []

            def evaluate(texts: Sequence[str], order: list[str] = order) -> Array:
                order.extend(texts)
                return losses[[place[t] for t in texts]]

            search_surrogate(
                pool,
                features,
                evaluate,
                n_evaluations=len(pool),
                initial=initial,
                batch_size=size,
                rng=rng,
                on_step=lambda _, texts, __: bool(best & set(texts)),
            )
            hits = [i for i, text in enumerate(order, 1) if text in best]
            # functions without finite features are never proposed
            found.setdefault(rule, []).append(min(hits, default=len(pool)))
    return {rule: np.array(values) for rule, values in found.items()}


# -- speed -----------------------------------------------------------------------------------------

N_ROWS, N_COLUMNS, BATCH = 960, 18, 64
#: Candidates and networks of each: of the catalogue, with its functions of many operations, and
#: the classic ones.
POOLS = {"catalogue": (list(ACTIVATIONS)[:40], 3), "classic": (list(CLASSIC), 10)}
SPEED_BAR, DEFAULT_BAR, DEFAULT_THREADS = 8.0, 30.0, (1, 2)
SIZES = ((32, 32), (64, 64))


def study_speed(run: Run) -> None:
    """CPU seconds of a model's step, all candidates at once beside one after the other."""
    store = run.store("speed", ["candidates", "sizes"], ["batched", "alone", "torch"])
    rng = np.random.default_rng(SEED)
    X = rng.standard_normal((N_ROWS, N_COLUMNS)).astype(np.float32)
    y = np.sin(X[:, :3].sum(axis=1, keepdims=True)).astype(np.float64)
    table = TensorTable.around(X, y, None, device=CPU, dtype=torch.float32)
    rounds = list(range(1 if run.quick else run.seeds))
    ways = ("batched", "alone", "torch")
    lines, ratios = [], []
    for pool, (names, n_replicates) in POOLS.items():
        names = names[:4] if run.quick else names
        for sizes in SIZES:
            key = {"candidates": pool, "sizes": "-".join(map(str, sizes))}
            for number in rounds:
                if store.missing([number], **key):
                    found = {
                        "batched": batched(table, names, sizes, n_replicates),
                        "alone": alone(table, names, sizes),
                        "torch": plain(table, names, sizes),
                    }
                    store.add(**key, seed=number, **found)
                    say(f"speed {key}: {found}")
            values = {way: store.values(way, rounds, **key) for way in ways}
            quotients = [values[way] / values["batched"] for way in ways[1:]]
            ratios.append(geometric(quotients[1]))
            lines.append(
                [
                    f"{pool}: {len(names)} x {n_replicates}",
                    key["sizes"],
                    *(report.spread(values[way], ".3f", 1e3) for way in ways),
                    *(f"{geometric(q):.1f} ({q.min():.1f} to {q.max():.1f})" for q in quotients),
                ]
            )
    searches = [default_search(run, threads) for threads in DEFAULT_THREADS]
    torch.set_num_threads(run.threads)
    run.finish(
        "speed",
        "Cost of a candidate",
        f"CPU ms of one network's step, threads: {run.threads}. All networks as one batch, one "
        f"network of each candidate alone by the same function, and alone in plain torch with "
        f"Adam; {N_COLUMNS} columns, batches of {BATCH}, {len(rounds)} rounds in turn.",
        report.markdown(
            [
                "candidates",
                "hidden",
                "batched",
                "alone",
                "plain torch",
                "alone/batched",
                "torch/batched",
            ],
            lines,
        ),
        f"Bar: {SPEED_BAR:.0f} times, met: {yes(min(ratios) >= SPEED_BAR)} "
        f"(plain torch: {', '.join(f'{r:.1f}' for r in ratios)}).",
        "ActivationSearchRegressor() on diabetes: "
        + "; ".join(
            f"{wall:.1f} s on {threads} threads, {seconds:.1f} CPU s, chose {chosen}"
            for threads, (wall, seconds, chosen) in zip(DEFAULT_THREADS, searches, strict=True)
        )
        + f". Bar: {DEFAULT_BAR:.0f} s on {DEFAULT_THREADS[-1]}, met: "
        f"{yes(searches[-1][0] < DEFAULT_BAR)}.",
    )


def _rows(count: int) -> dict[str, Any]:
    cut = N_ROWS * 3 // 4
    return {
        "train_rows": [np.arange(cut)] * count,
        "held_rows": [np.arange(cut, N_ROWS)] * count,
        "batch_size": BATCH,
        "learning_rate": 3e-3,
        "schedule": "flat_cos",
    }


_BATCHES = -(-(N_ROWS * 3 // 4) // BATCH)


def batched(
    table: Any, names: Sequence[str], sizes: Sequence[int], n_replicates: int, n_epochs: int = 6
) -> float:
    """CPU seconds of a model's step: all networks are one batch."""
    groups = [(n_replicates, [[name]] * len(sizes)) for name in names]
    count = n_replicates * len(names)

    def train() -> None:
        network = DiverseNetwork(N_COLUMNS, 1, sizes, groups)
        fit_replicates(network, table, n_epochs=n_epochs, **_rows(count))

    return per_step(train, n_epochs * count)


def alone(table: Any, names: Sequence[str], sizes: Sequence[int], n_epochs: int = 6) -> float:
    """The same, each candidate's network by itself."""

    def train() -> None:
        for name in names:
            network = DiverseNetwork(N_COLUMNS, 1, sizes, [(1, [[name]] * len(sizes))])
            fit_replicates(network, table, n_epochs=n_epochs, **_rows(1))

    return per_step(train, n_epochs * len(names))


class _Pointwise(torch.nn.Module):
    def __init__(self, name: str) -> None:
        super().__init__()
        self.function = get_activation(name)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.function(x)


def plain(table: Any, names: Sequence[str], sizes: Sequence[int], n_epochs: int = 6) -> float:
    """The same in a loop of torch, with its layers, its Adam and a held-out loss per epoch."""
    cut = N_ROWS * 3 // 4
    X, y = table.X, table.y

    def train() -> None:
        for name in names:
            layers: list[torch.nn.Module] = []
            n_in = N_COLUMNS
            for width in sizes:
                layers += [torch.nn.Linear(n_in, width), _Pointwise(name)]
                n_in = width
            network = torch.nn.Sequential(*layers, torch.nn.Linear(n_in, 1))
            adam = torch.optim.Adam(network.parameters(), lr=3e-3)
            for _ in range(n_epochs):
                for rows in torch.randperm(cut).split(BATCH):
                    adam.zero_grad()
                    torch.nn.functional.mse_loss(network(X[rows]), y[rows]).backward()
                    adam.step()
                with torch.inference_mode():
                    torch.nn.functional.mse_loss(network(X[cut:]), y[cut:])

    return per_step(train, n_epochs * len(names))


def per_step(train: Callable[[], None], epochs: int) -> float:
    start = time.process_time()
    train()
    return (time.process_time() - start) / (epochs * _BATCHES)


def default_search(run: Run, threads: int) -> tuple[float, float, str]:
    """Wall and CPU seconds of the default search on diabetes, and what it chose."""
    X, y = load_diabetes(return_X_y=True, as_frame=True)
    options = {"max_epochs": 2} if run.quick else {}
    model = ActivationSearchRegressor(random_state=SEED, **options)
    with threadpool_limits(threads):
        torch.set_num_threads(threads)
        start = time.perf_counter()
        seconds = timed(model.fit, X, y)
        return time.perf_counter() - start, seconds, str(model.best_activation_)
