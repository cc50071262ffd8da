"""The studies of activation_search.py: choice between activations, extrapolation, surrogate."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from common import report
from common.report import say, yes
from common.rows import Store
from scipy.stats import spearmanr
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split

from sktaskneuron import ActivationSearchClassifier, ActivationSearchRegressor, NeuronSeekRegressor

from .problems import (
    FAMILIES,
    N_CUBE,
    NEAR,
    SEED,
    TAILS,
    Shells,
    draw_shells,
    load_set,
    load_tail,
    scaled_as,
    sets_of,
)

Array = np.ndarray
CPU = torch.device("cpu")


@dataclass(frozen=True, eq=False)
class Run:
    """What to run, and where results go."""

    out: Path
    data: str | None
    threads: int
    splits: int
    functions: int
    seeds: int
    replays: int
    max_rows: int
    sets: Sequence[str] | None
    options: dict[str, Any]
    quick: bool

    def store(self, study: str, key: Sequence[str], fields: Sequence[str]) -> Store:
        return Store(self.out / f"{study}.csv", [*key, "seed"], fields)

    def finish(self, study: str, title: str, *parts: str) -> None:
        report.finish(self.out / f"{study}.md", title, *parts)

    def wanted(self, names: Sequence[str]) -> list[str]:
        return [name for name in names if self.sets is None or name in self.sets]

    @property
    def setting(self) -> str:
        """What the estimators were told, for a caption."""
        told = [f"{key}={value!r}" for key, value in self.options.items()]
        return ", ".join(told) if told else "the estimators' defaults"


def searcher(run: Run, candidates: Any, seed: int, *, classes: bool = False, **options: Any) -> Any:
    """An estimator that searches, or that is trained with one function alone."""
    fallback = candidates[0] if isinstance(candidates, list) else "silu"
    kind = ActivationSearchClassifier if classes else ActivationSearchRegressor
    options = {**run.options, **options}
    return kind(candidates=candidates, fallback=fallback, random_state=seed, **options)


def timed(call: Callable[..., Any], *args: Any) -> float:
    """CPU seconds of a call."""
    start = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        call(*args)
    return time.process_time() - start


def geometric(values: Any) -> float:
    return float(np.exp(np.mean(np.log(values))))


def counted(names: Sequence[str]) -> str:
    """Names with how often each occurs, the most frequent first."""
    unique, counts = np.unique(names, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    return ", ".join(f"{unique[i]} {counts[i]}" for i in order[:4])


# -- choice ----------------------------------------------------------------------------------------

RULES: dict[str, Any] = {
    "catalogue": "catalogue",
    "classic": "classic",
    "silu": ["silu"],
    "relu": ["relu"],
}
CHOICE_BAR, CHOICE_WORST = 0.88, 1.02


def study_choice(run: Run) -> None:
    """Rows as those of training: what the search gains over one function for all tables."""
    names = run.wanted(sets_of(run.data))
    store = run.store("choice", ["set", "rule"], ["loss", "chosen", "like", "cpu_s"])
    splits = list(range(run.splits))
    for split in splits:
        for name in names:
            for rule, candidates in RULES.items():
                if not store.missing([split], set=name, rule=rule):
                    continue
                table = load_set(name, run.data)
                train, test = train_test_split(
                    np.arange(len(table.y)),
                    test_size=0.25,
                    random_state=split,
                    stratify=table.y if table.classes else None,
                )
                X, y = table.X.iloc[train], table.y[train]
                model = searcher(run, candidates, split, classes=table.classes)
                seconds = timed(model.fit, X, y)
                if table.classes:
                    share = model.predict_proba(table.X.iloc[test])
                    loss = log_loss(table.y[test], share, labels=model.classes_)
                else:
                    loss = np.mean((model.predict(table.X.iloc[test]) - table.y[test]) ** 2)
                store.add(
                    set=name,
                    rule=rule,
                    seed=split,
                    loss=float(loss),
                    chosen=model.best_activation_,
                    like=int(model.results_["like_fallback"].sum()),
                    cpu_s=seconds,
                )
                say(f"choice {name} {split} {rule}: {loss:.4g}, {model.best_activation_}")

    def ratios(name: str, rule: str, beside: str) -> Array:
        shared = [
            s
            for s in splits
            if not store.missing([s], set=name, rule=beside)
            and not store.missing([s], set=name, rule=rule)
        ]
        own, other = (store.values("loss", shared, set=name, rule=r) for r in (rule, beside))
        return own / other

    lines, pooled = [], {}
    for name in names:
        cells = [name, f"{store.values('loss', splits, set=name, rule='relu').mean():.4f}"]
        for rule, beside in PAIRS:
            found = ratios(name, rule, beside)
            pooled.setdefault((rule, beside), []).append(found)
            cells.append(f"{geometric(found):.3f}")
        chosen = [row["chosen"] for row in store.of(splits, set=name, rule="catalogue")]
        cells.append(counted(chosen))
        seconds = [store.values("cpu_s", splits, set=name, rule=r).mean() for r in RULES]
        lines.append([*cells, " / ".join(f"{s:.0f}" for s in seconds)])
    total = ["geometric mean", ""]
    total += [f"**{geometric(np.concatenate(pooled[pair])):.3f}**" for pair in PAIRS]
    won = np.concatenate(pooled[PAIRS[0]])
    lines.append([*total, f"below relu on {np.sum(won < 1)} of {len(won)}", ""])
    heads = ["set", "loss of relu", *(f"{a}/{b}" for a, b in PAIRS), "chosen from the catalogue"]
    mean, worst = geometric(won), max(geometric(r) for r in pooled[PAIRS[0]])
    run.finish(
        "choice",
        "Choice on rows as those of training",
        f"Test loss over that of the same estimator with one function: squared error of the "
        f"standardised target, log loss; {run.splits} splits 75/25, {run.setting}. CPU s of "
        f"{' / '.join(RULES)}.",
        report.markdown([*heads, "CPU s"], lines),
        f"Bar: catalogue/relu at most {CHOICE_BAR}, met: {yes(mean <= CHOICE_BAR)} ({mean:.3f}); "
        f"on no set above {CHOICE_WORST}, met: {yes(worst <= CHOICE_WORST)} ({worst:.3f}).",
    )


PAIRS = [
    ("catalogue", "relu"),
    ("classic", "relu"),
    ("silu", "relu"),
    ("catalogue", "silu"),
    ("classic", "silu"),
]


# -- shells ----------------------------------------------------------------------------------------

SHELL_BARS = {"polynomial": 0.6, "harmonic": 0.4, "rational": 1.03}
SHELL_RULES: dict[str, Any] = {"catalogue": "catalogue", "classic": "classic", "silu": ["silu"]}
# Functions of which all candidates are looked at on both shells: (hidden sizes, rate, epochs).
_LOOKED_AT, _LOOK = 2, ((32, 32), 5e-3, 40)


def study_shells(run: Run) -> None:
    """Rows around those of training: the search judged by its outer fifth."""
    store = run.store(
        "shells", ["family", "number", "rule"], ["mse", "chosen", "near_found", "cpu_s"]
    )
    seeds, numbers = list(range(run.seeds)), list(range(run.functions))
    for seed in seeds:
        for number in numbers:
            for family in FAMILIES:
                for rule, candidates in SHELL_RULES.items():
                    key = {"family": family, "number": number, "rule": rule}
                    if not store.missing([seed], **key):
                        continue
                    shells = draw_shells(family, number, seed)
                    model = searcher(run, candidates, seed, split="tail")
                    seconds = timed(model.fit, shells.X, shells.y)
                    mse = float(np.mean((model.predict(shells.X_far) - shells.y_far) ** 2))
                    store.add(
                        **key,
                        seed=seed,
                        mse=mse,
                        chosen=model.best_activation_,
                        near_found=near_found(model, shells),
                        cpu_s=seconds,
                    )
                    what = f"{family} {number} {seed} {rule}"
                    say(f"shells {what}: {mse:.4g} {model.best_activation_}")
    looks = look_at_shells(run)
    lines, verdicts = [], []
    for family, bar in SHELL_BARS.items():
        mse = {
            rule: np.concatenate(
                [store.values("mse", seeds, family=family, number=n, rule=rule) for n in numbers]
            )
            for rule in SHELL_RULES
        }
        rows = {
            rule: [r for n in numbers for r in store.of(seeds, family=family, number=n, rule=rule)]
            for rule in SHELL_RULES
        }
        ratio = {rule: mse[rule] / mse["silu"] for rule in ("catalogue", "classic")}
        found = geometric(ratio["catalogue"])
        verdicts.append(f"{family} at most {bar}, met: {yes(found <= bar)} ({found:.3f})")
        lines.append(
            [
                family,
                f"{np.median(mse['silu']):.3g}",
                *(f"{geometric(r):.3f} ({np.median(r):.2f})" for r in ratio.values()),
                f"{np.mean(ratio['catalogue'] > 1.02):.2f} / {ratio['catalogue'].max():.2f}",
                counted([row["chosen"] for row in rows["catalogue"]]),
                *looks[family],
                " / ".join(
                    f"{np.mean([float(r['cpu_s']) for r in rows[rule]]):.0f}"
                    for rule in SHELL_RULES
                ),
            ]
        )
    near = [float(row["near_found"]) for row in store.rows.values()]
    run.finish(
        "shells",
        "Extrapolation to a shell around the training rows",
        f"Squared error on the far shell over that of the same estimator with silu alone, "
        f"geometric means (medians); {run.functions} functions a family, {run.seeds} seeds, "
        f"{run.setting}. "
        f"{N_CUBE} rows in the cube [-1, 1]^3 and a fifth of all beyond its corners (radius "
        f"{NEAR[0]:.2f} to {NEAR[1]}); split='tail' holds out {np.mean(near):.2f} of these. Rank "
        f"correlation and the loss ratios of what the near shell would choose, and of the best on "
        f"the far one, are of networks trained in the cube only ({_LOOKED_AT} functions).",
        report.markdown(
            [
                "family",
                "silu's error",
                "catalogue/silu",
                "classic/silu",
                "share above 1.02 / worst",
                "chosen",
                "Spearman near-far",
                "cube only: chosen near / best far",
                "CPU s",
            ],
            lines,
        ),
        "Bars: " + "; ".join(verdicts) + ".",
    )


def near_found(model: Any, shells: Shells) -> float:
    """Share of the near shell that split="tail" holds out."""
    from sktaskneuron.estimators.activation_search.tails import tail_split

    held = tail_split(scaled_as(model, shells.X), ["a", "b", "c"], "radius", 0.2)[1]
    return float(np.mean(held >= N_CUBE))


def look_at_shells(run: Run) -> dict[str, tuple[str, str]]:
    """Both shells' losses of all candidates, trained in the cube and kept by the near shell."""
    store = run.store("shells_near_far", ["family", "number"], ["rank", "chosen", "best"])
    numbers = list(range(min(_LOOKED_AT, run.functions)))
    for family in FAMILIES:
        for number in numbers:
            if store.missing([SEED], family=family, number=number):
                near, far, silu = near_and_far(draw_shells(family, number, SEED), run.quick)
                fine = np.isfinite(near) & np.isfinite(far)
                store.add(
                    family=family,
                    number=number,
                    seed=SEED,
                    rank=float(spearmanr(near[fine], far[fine])[0]),
                    chosen=float(far[np.nanargmin(near)] / silu),
                    best=float(np.nanmin(far) / silu),
                )
    found = {}
    for family in FAMILIES:
        rows = [row for n in numbers for row in store.of([SEED], family=family, number=n)]
        rank = np.mean([float(row["rank"]) for row in rows])
        both = [geometric([float(row[key]) for row in rows]) for key in ("chosen", "best")]
        found[family] = f"{rank:.2f}", f"{both[0]:.2f} / {both[1]:.2f}"
    return found


def near_and_far(shells: Shells, quick: bool) -> tuple[Array, Array, float]:
    """Losses of every function of the catalogue on both shells, and silu's on the far one."""
    from sktaskneuron.nn import ACTIVATIONS
    from sktaskneuron.nn.typed.diverse import DiverseNetwork
    from sktaskneuron.training import TensorTable, fit_replicates

    sizes, rate, n_epochs = _LOOK
    names, n = list(ACTIVATIONS), 3
    spread = shells.X[:N_CUBE].std(axis=0)
    X, X_far = (torch.from_numpy(part / spread).float() for part in (shells.X, shells.X_far))
    table = TensorTable.around(X.numpy(), shells.y[:, None], None, device=CPU, dtype=torch.float32)
    network = DiverseNetwork(3, 1, sizes, [(n, [[name]] * len(sizes)) for name in names])
    cube, near = np.arange(N_CUBE), np.arange(N_CUBE, len(shells.X))
    fit_replicates(
        network,
        table,
        [cube] * n * len(names),
        [near] * n * len(names),
        n_epochs=2 if quick else n_epochs,
        batch_size=32,
        learning_rate=rate,
        schedule="flat_cos",
    )

    def losses(inputs: Any, target: Array) -> Array:
        with torch.inference_mode():
            output = network(inputs)[..., 0].numpy().reshape(len(names), n, -1).mean(axis=1)
        return np.mean((output - target) ** 2, axis=1)

    far = losses(X_far, shells.y_far)
    return losses(X[near], shells.y[near]), far, float(far[names.index("silu")])


# -- tails -----------------------------------------------------------------------------------------


Build = Callable[[Run, str, int], Any]


def _ours(candidates: Any, split: str) -> Build:
    def build(run: Run, name: str, seed: int) -> Any:
        by = {"split": "tail", "tail_by": TAILS[name]} if split == "tail" else {}
        return searcher(run, candidates, seed, **by)

    return build


def _peer(name: str) -> Build:
    def build(run: Run, _: str, seed: int) -> Any:
        from tables.peers import MODELS, Setting

        return MODELS[name](Setting(classes=False, seed=seed, threads=run.threads))

    return build


TAIL_MODELS: dict[str, Build] = {
    "ours, tail": _ours("classic", "tail"),
    "silu, tail": _ours(["silu"], "tail"),
    "ours, cv": _ours("classic", "cv"),
    "silu, cv": _ours(["silu"], "cv"),
    "NeuronSeek": lambda run, name, seed: NeuronSeekRegressor(random_state=seed),
    "ridge": _peer("ridge"),
    "HistGradientBoosting": _peer("hgb"),
}


def study_tails(run: Run) -> None:
    """The end of real tables, predicted from the rest."""
    if run.data is None:
        print("tails needs --data", flush=True)
        return
    names, seeds, models = run.wanted(list(TAILS)), list(range(run.seeds)), list(TAIL_MODELS)
    store = run.store("tails", ["table", "model"], ["nrmse", "chosen", "cpu_s"])
    for seed in seeds:
        for name in names:
            for model_name, build in TAIL_MODELS.items():
                if not store.missing([seed], table=name, model=model_name):
                    continue
                table, train, test = load_tail(run.data, name, run.max_rows)
                X = table.X.iloc[train].reset_index(drop=True)
                model = build(run, name, seed)
                seconds = timed(model.fit, X, table.y[train])
                miss = model.predict(table.X.iloc[test].reset_index(drop=True)) - table.y[test]
                nrmse = float(np.sqrt(np.mean(miss**2)) / table.y[test].std())
                chosen = getattr(model, "best_activation_", "")
                found = {"nrmse": nrmse, "chosen": chosen, "cpu_s": seconds}
                store.add(table=name, model=model_name, seed=seed, **found)
                say(f"tails {name} {seed} {model_name}: {nrmse:.4f} {chosen}, {seconds:.0f} s")
    score = np.array(
        [[store.values("nrmse", seeds, table=n, model=m).mean() for m in models] for n in names]
    )
    rank = (score[:, None, :] < score[:, :, None]).sum(axis=2) + 1.0
    lines = []
    for name, row in zip(names, score, strict=True):
        best = row.min()
        cells = [f"**{v:.3f}**" if v == best else f"{v:.3f}" for v in row]
        chosen = [
            counted([r["chosen"] for r in store.of(seeds, table=name, model=m)])
            for m in ("ours, tail", "ours, cv")
        ]
        lines.append([name, TAILS[name], *cells, " / ".join(chosen)])
    lines.append(["median", "", *(f"{v:.3f}" for v in np.median(score, axis=0)), ""])
    lines.append(["median rank", "", *(f"{v:.1f}" for v in np.median(rank, axis=0)), ""])
    seconds = [
        np.median([store.values("cpu_s", seeds, table=n, model=m).mean() for n in names])
        for m in models
    ]
    lines.append(["median CPU s", "", *(f"{v:.1f}" for v in seconds), ""])
    ours, silu = score[:, models.index("ours, tail")], score[:, models.index("silu, tail")]
    ranks = np.median(rank, axis=0)
    best = ranks[models.index("ours, tail")] <= ranks.min()
    run.finish(
        "tails",
        "The end of real tables",
        f"Root mean squared error over the standard deviation of the test rows' target. Test rows "
        f"are the fifth of largest radius, or of largest values of a column; at most "
        f"{run.max_rows} rows, means of {run.seeds} seeds; ours choose of the classic ones, "
        f"{run.setting}.",
        report.markdown(["table", "end", *models, "chosen: tail / cv"], lines),
        f"Ours over silu alone, both split='tail': {geometric(ours / silu):.3f}, at most "
        f"{(ours / silu).max():.3f}. Aim: best median rank, met: {yes(bool(best))}.",
    )
