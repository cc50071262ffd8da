"""What each part of NeuronSeek's default recipe adds, on the tables of a folder.

    python benchmarks/recipes.py --data FOLDER --store CACHE --out recipes.csv
    python benchmarks/recipes.py --data FOLDER --store CACHE --variants default,order_3 --half A
    python benchmarks/recipes.py --study cost [--data FOLDER --settings "default;most_steps=500"]

Without --variants it prints the ablation: what each part of the default adds.

Every candidate of a blend (a simple model, or one group of packed networks) is trained once per
table and fold, and its held-out and test outputs are kept in --store. A variant is a list of
candidates: blending them takes no training. So all variants see the same folds, starts and rows.

The halves of the suite are for discipline: a recipe is chosen on half A and confirmed on half B.
Errors are RMSE over the standard deviation of the table's target, log loss and class error; the
table shows the change of their geometric means against the first variant.

The study of cost fits whole estimators of other defaults, and prints error against processor
seconds from the rows that are stored, those of --data first added to them.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from common.rows import Store, append_row
from tables import cost
from tables.data import Table, load_table, make_folds, table_names

from sktaskneuron import NeuronSeekClassifier, NeuronSeekRegressor
from sktaskneuron.estimators.fitted import fitted_value
from sktaskneuron.estimators.neuron_seek.defaults import LINEAR, Defaults
from sktaskneuron.estimators.neuron_seek.run import Prepared, prepare
from sktaskneuron.models.candidate import Candidate
from sktaskneuron.models.choice import choose
from sktaskneuron.models.companions import BOOSTED_TREES, companion_candidate
from sktaskneuron.models.equations import Judge
from sktaskneuron.models.fitted import NoModel
from sktaskneuron.models.inputs import Inputs
from sktaskneuron.models.members import MemberGroup, group_candidate
from sktaskneuron.models.networks import PackedModel
from sktaskneuron.models.predictor import Predictor
from sktaskneuron.models.simple import constant_candidate, linear_candidate
from sktaskneuron.models.target import softmax
from sktaskneuron.models.task import Task
from sktaskneuron.models.validation import Validation

HALF_A = {
    *("airfoil", "california_housing", "diamonds", "pol", "yacht", "wine_quality_red"),
    *("churn", "higgs_small", "letter", "vehicle", "spambase"),
}

TASK, RANKS = Defaults().task, Defaults().without_bins
(BINS,), (CLASS_BINS, PLAIN) = Defaults().rivals, Defaults().class_rivals


@dataclass(frozen=True)
class Trained:
    """A group of networks to be trained: what it carries and how it is trained."""

    group: MemberGroup
    class_group: MemberGroup | None = None
    members: int = 4
    search: bool = False
    epoch_factor: int = 1
    smoothing: float | None = None


GROUPS: dict[str, Trained] = {
    "task": Trained(TASK, search=True),
    "task_unsearched": Trained(TASK),
    "task_calm": Trained(replace(TASK, frequency_std=0.1)),
    "task_spread": Trained(replace(TASK, frequency_std=(0.05, 0.5))),
    "task_long": Trained(TASK, epoch_factor=2),
    "task_no_products": Trained(replace(TASK, formula=LINEAR, hidden_formula=None)),
    "task_no_terms": Trained(replace(TASK, terms=None)),
    "task_powers": Trained(
        replace(TASK, formula=TASK.formula | LINEAR.parse("x**2 + x**3"), terms=None)
    ),
    "task_first_layer": Trained(replace(TASK, hidden_formula=None)),
    "task_order_3": Trained(replace(TASK, formula=TASK.formula | LINEAR.parse("<x,x,x>:8"))),
    "task_unsmoothed": Trained(TASK, smoothing=0.0),
    "ranks": Trained(RANKS),
    "plain": Trained(PLAIN),
    "bins": Trained(BINS, CLASS_BINS),
    "bins_few": Trained(replace(BINS, n_bins=16), replace(CLASS_BINS, n_bins=16)),
    "bins_dense": Trained(
        replace(BINS, terms="piecewise"), replace(CLASS_BINS, terms="piecewise", n_bins=64)
    ),
    "bins_smoothed": Trained(BINS, replace(CLASS_BINS, label_smoothing=None)),
    "one": Trained(TASK, members=1),
}

SIMPLE = "constant+linear+formula"
# A name with a question mark takes part for classes only. RIVAL is what the estimators train on a
# table of so many rows: bins or ranks.
RIVAL = "rival"
VARIANTS: dict[str, str] = {
    "default": f"{SIMPLE}+task+{RIVAL}+plain?",
    "no_products": f"{SIMPLE}+task_no_products+bins+plain?",
    "no_learned_terms": f"{SIMPLE}+task_no_terms+bins+plain?",
    "no_search": "constant+linear+task_unsearched+bins+plain?",
    "no_equation": "constant+linear+task+bins+plain?",
    "no_simple_models": "task+bins+plain?",
    "no_bins": f"{SIMPLE}+task+plain?",
    "task_only": "task",
    "one_member": "one",
    "two_groups": f"{SIMPLE}+task+bins",
    "three_groups": f"{SIMPLE}+task+bins+plain",
    "ranks_for_bins": f"{SIMPLE}+task+ranks+plain?",
    "plus_ranks": f"{SIMPLE}+task+bins+ranks+plain?",
    "bins_for_task": f"{SIMPLE}+ranks+bins+plain?",
    "few_bins": f"{SIMPLE}+task+bins_few+plain?",
    "dense_bins": f"{SIMPLE}+task+bins_dense+plain?",
    "smoothed_bins": f"{SIMPLE}+task+bins_smoothed+plain?",
    "powers_for_learned_terms": f"{SIMPLE}+task_powers+bins+plain?",
    "calm_task": f"{SIMPLE}+task_calm+bins+plain?",
    "half_calm": f"{SIMPLE}+task_unsearched/task_calm+bins+plain?",
    "spread_task": f"{SIMPLE}+task_spread+bins+plain?",
    "long_task": f"{SIMPLE}+task_long+bins+plain?",
    "half_products": f"{SIMPLE}+task_unsearched/task_no_products+bins+plain?",
    "first_layer_only": f"{SIMPLE}+task_first_layer+bins+plain?",
    "order_3": f"{SIMPLE}+task_order_3+bins+plain?",
    "no_smoothing": f"{SIMPLE}+task_unsmoothed+bins+plain?",
    "bins_always": f"{SIMPLE}+task+bins+plain?",
    "companion": f"{SIMPLE}+{BOOSTED_TREES}+task+{RIVAL}+plain?",
    "companion_alone": BOOSTED_TREES,
}
ABLATION = [
    *("default", "no_products", "no_learned_terms", "no_search", "no_equation"),
    *("no_simple_models", "no_bins", "task_only", "one_member", "two_groups"),
]


@dataclass(frozen=True)
class Stored:
    """A model whose outputs on the test rows are known."""

    test: np.ndarray

    def predict_raw(self, inputs: Any) -> np.ndarray:
        return self.test


class Fold:
    """One fold of a table, prepared as the estimator does; its candidates, trained when asked."""

    def __init__(self, table: Table, rows: tuple[np.ndarray, np.ndarray], store: Path, name: str):
        self.table, self.rows, self.store, self.name = table, rows, store, name
        train, _ = rows
        kind = _PreparedClassifier if table.classes else _PreparedRegressor
        estimator = kind(random_state=0).fit(table.X.iloc[train], table.y[train])
        self.estimator = estimator
        self.prepared: Prepared = fitted_value(estimator).prepared
        self.rivals = self.prepared.rivals

    @property
    def task(self) -> Task:
        return self.rivals.task

    @property
    def validation(self) -> Validation:
        return self.rivals.validation

    @cached_property
    def test_inputs(self) -> Inputs:
        return self.prepared.reader.read(self.table.X.iloc[self.rows[1]], self.estimator)

    def candidate(self, name: str) -> tuple[Candidate, np.ndarray, float] | None:
        """(candidate with held-out outputs, its members' test outputs, processor seconds)."""
        if name == RIVAL:
            rows, numeric = len(self.task.own_rows), self.task.inputs.n_numeric
            uses = Defaults().uses_bins(self.table.classes, rows, numeric)
            return self.candidate("bins" if uses else "ranks")
        path = self.store / f"{self.name}__{name}.npz"
        if path.exists():
            with np.load(path) as kept:
                if not kept["held"].size:
                    return None
                return (
                    Candidate(
                        name,
                        Stored(kept["test"].mean(axis=0)),
                        kept["held"],
                        n_epochs=1,
                        simple=name in SIMPLE.split("+"),
                    ),
                    kept["test"],
                    float(kept["cpu"]),
                )
        others = self._others() if name == "formula" else []
        start = time.process_time()
        if name == BOOSTED_TREES:
            found = self._companion(name)
        else:
            found = self._simple(name, others) if name in SIMPLE.split("+") else self._trained(name)
        cpu = time.process_time() - start
        held, test = (np.zeros(0), np.zeros(0)) if found is None else found
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(path, held=held, test=test, cpu=cpu)
        print(f"{self.name:24s} {name:24s} {cpu:6.1f} s", file=sys.stderr, flush=True)
        return self.candidate(name)

    def _simple(self, name: str, others: list[Candidate]) -> tuple[np.ndarray, np.ndarray] | None:
        task, validation = self.task, self.validation
        if name == "formula":
            equation = self.rivals.equation
            assert equation is not None
            if equation.no_model:
                return None
            judge = Judge(task, validation, others, self.rivals.settings.defaults.simple_margin)
            found = judge(name, equation.fitted, equation.on_rows, simple=equation.is_short)
            if found.candidate is None:
                return None
            model = found.candidate
        else:
            make: Callable[..., Candidate] = (
                constant_candidate if name == "constant" else linear_candidate
            )
            model = make(task, validation)
        return model.outputs, model.model.predict_raw(self.test_inputs)[None]

    def _companion(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        rivals = self.rivals
        made = companion_candidate(
            name, name, self.task, self.validation, rivals.ordinal, rivals.seed
        )
        return made.outputs, made.model.predict_raw(self.test_inputs)[None]

    def _others(self) -> list[Candidate]:
        return [self.candidate(name)[0] for name in ("linear", "task", RIVAL)]

    def _trained(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        trained = GROUPS[name]
        group = trained.class_group if self.table.classes else None
        group = group or trained.group
        if trained.search:
            formula = type(LINEAR)(interactions=self.prepared.formula.interactions)
            group = replace(group, formula=group.formula | formula)
        number = 1 if name.startswith(("bins", "ranks")) else 0
        recipe = self.rivals.recipe(trained.members, self.rivals.seed + number)
        recipe = replace(recipe, n_epochs=recipe.n_epochs * trained.epoch_factor)
        if trained.smoothing is not None:
            recipe = replace(recipe, label_smoothing=trained.smoothing)
        validation = self.validation
        if trained.members == 1:  # one network: its first split is all that is held out
            validation = Validation.of(self.task, validation.splits[:1])
        candidate = group_candidate(group, self.task, recipe, validation, lambda *_: False)
        return candidate.outputs, member_outputs(candidate.model, self.test_inputs)

    def blend(self, variant: str) -> tuple[np.ndarray, float]:
        """Raw test outputs of a variant, and the processor seconds of its candidates."""
        candidates, seconds = [], 0.0
        for name in variant.split("+"):
            if name.endswith("?") and not self.table.classes:
                continue
            name = name.removesuffix("?")
            if "/" in name:
                candidate, cpu = self._mixed(*name.split("/"))
            else:
                found = self.candidate(name)
                if found is None:
                    continue
                candidate, _, cpu = found
            candidates.append(candidate)
            seconds += cpu
        if len(candidates) == 1:
            # at the temperature of the held-out rows, as fit does
            validation = self.validation
            if len(candidates[0].outputs) < len(validation.rows):
                validation = Validation.of(self.task, validation.splits[:1])
        else:
            validation = self.validation
        choice = choose(self.task, validation, candidates, Defaults().simple_margin)
        return choice.model.predict_raw(None), seconds

    def _mixed(self, first: str, second: str) -> tuple[Candidate, float]:
        """Members 0 and 1 of one group, 2 and 3 of another, as one group."""
        (a, test_a, cpu_a), (b, test_b, cpu_b) = self.candidate(first), self.candidate(second)
        cut = sum(len(held) for _, held in self.validation.splits[:2])
        held = np.concatenate([a.outputs[:cut], b.outputs[cut:]])
        test = np.concatenate([test_a[:2], test_b[2:]]).mean(axis=0)
        return Candidate(f"{first}/{second}", Stored(test), held, n_epochs=1), (cpu_a + cpu_b) / 2

    def errors(self, variant: str) -> dict[str, float]:
        """Errors of a variant on the test rows."""
        raw, seconds = self.blend(variant)
        y = self.table.y[self.rows[1]]
        if self.table.classes:
            p = softmax(raw)
            chosen = np.clip(p[np.arange(len(y)), y], 1e-7, 1.0)
            return {
                "log_loss": float(-np.log(chosen).mean()),
                "class_error": float((p.argmax(axis=1) != y).mean()),
                "cpu_s": seconds,
            }
        value = self.task.kind.decoded(raw)
        rmse = np.sqrt(np.mean((value - y) ** 2))
        return {"nrmse": float(rmse / self.table.y.std()), "cpu_s": seconds}


@dataclass(frozen=True)
class _Ready:
    """What a fit leaves behind that ends after the search."""

    prepared: Prepared

    @property
    def predictor(self) -> Predictor:
        reader, target = self.prepared.reader, self.prepared.rivals.task.kind
        return Predictor(reader, target, NoModel("training is left to the candidates"))

    def attributes(self) -> dict[str, object]:
        return {}


def _ready(*arguments: Any) -> _Ready:
    return _Ready(prepare(*arguments))


# the scales of the columns that any variant asks for
_ALL_VIEWS = Defaults(rivals=(RANKS,), class_rivals=(RANKS,))


class _PreparedRegressor(NeuronSeekRegressor):
    _run = staticmethod(_ready)
    _defaults = _ALL_VIEWS


class _PreparedClassifier(NeuronSeekClassifier):
    _run = staticmethod(_ready)
    _defaults = _ALL_VIEWS


def member_outputs(model: PackedModel, inputs: Inputs) -> np.ndarray:
    """Outputs of every member by itself, (n_members, n_rows, n_outputs)."""
    from sktaskneuron.nn import TaskNetwork
    from sktaskneuron.training import arrays_to_module

    network = TaskNetwork.from_spec(model.spec, dtype=torch.float32)
    arrays_to_module(network, model.state)
    network.eval()
    with torch.inference_mode():
        rows = torch.from_numpy(inputs.block(model.view, slice(None))).to(torch.float32)
        output = network(rows.expand(model.n_members, *rows.shape)).double().numpy()
    return output if model.bounds is None else output.clip(*model.bounds)


def run(args: argparse.Namespace) -> dict[str, dict[str, dict[str, float]]]:
    """Errors by variant and table, means over folds."""
    results: dict[str, dict[str, dict[str, float]]] = {name: {} for name in args.variants}
    for name in tables_of(args):
        table = load_table(args.data or "bundled", name, args.max_rows or None, 0)
        folds = make_folds(table, 3, 0)
        rows = []
        for number in range(args.folds):
            fold = Fold(table, folds[number], args.store, f"{name}__{number}")
            rows.append({v: fold.errors(VARIANTS[v]) for v in args.variants})
            for variant, errors in rows[-1].items():
                row = {"table": name, "fold": number, "variant": variant, **errors}
                append_row(args.out, {k: row.get(k, "") for k in FIELDS}, FIELDS)
        for variant in args.variants:
            results[variant][name] = {
                key: float(np.mean([row[variant][key] for row in rows])) for key in rows[0][variant]
            }
    return results


FIELDS = ["table", "fold", "variant", "nrmse", "log_loss", "class_error", "cpu_s"]


def report(results: dict[str, dict[str, dict[str, float]]]) -> str:
    """Markdown: changes of geometric means against the first variant, for both halves."""
    first = next(iter(results))
    lines = [
        "| variant | nrmse A | nrmse B | log loss A | log loss B | class error A | class error B "
        "| processor s |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for variant, tables in results.items():
        cells = []
        for key in ("nrmse", "log_loss", "class_error"):
            for in_a in (True, False):
                chosen = [t for t in tables if key in tables[t] and (t in HALF_A) == in_a]
                # half a row's error keeps a table without errors in the mean
                ratios = [
                    np.log((tables[t][key] + 1e-3) / (results[first][t][key] + 1e-3))
                    for t in chosen
                ]
                cells.append(f"{100 * np.expm1(np.mean(ratios)):+.1f} %" if ratios else "–")
        seconds = np.mean([tables[t]["cpu_s"] for t in tables])
        lines.append(f"| {variant} | " + " | ".join(cells) + f" | {seconds:.1f} |")
    return "\n".join(lines)


def tables_of(args: argparse.Namespace) -> list[str]:
    """Names of the tables that are asked for."""
    names = args.tables or table_names(args.data or "bundled")
    return [name for name in names if not args.half or (name in HALF_A) == (args.half == "A")]


def study_cost(args: argparse.Namespace) -> None:
    """Print error against processor seconds, after the fits that --data asks for."""
    path = args.store or Path(__file__).parent / "results" / "cost.csv"
    store = Store(path, cost.KEY, cost.FIELDS)
    if args.data:
        max_rows = args.max_rows or None
        cost.measure(store, args.data, tables_of(args), args.settings, max_rows)
    print(cost.report(store))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--study", choices=("parts", "cost"), default="parts")
    parser.add_argument("--data", help="default: the bundled tables; of cost: the stored rows")
    parser.add_argument("--store", type=Path, help="folder for trained outputs, or file of costs")
    parser.add_argument("--settings", type=lambda s: s.split(";"), default=list(cost.SETTINGS))
    parser.add_argument("--tables", type=lambda s: s.split(","), default=None)
    parser.add_argument("--half", choices=("A", "B"), default=None)
    parser.add_argument("--variants", type=lambda s: s.split(","), default=ABLATION)
    parser.add_argument("--folds", type=int, default=1, help="of three, how many")
    parser.add_argument("--max-rows", type=int, default=3000, help="0: all")
    parser.add_argument("--out", type=Path, default=None)
    args = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    if args.study == "cost":
        study_cost(args)
        return
    if args.store is None:
        parser.error("the study of parts needs --store")
    print(report(run(args)))


if __name__ == "__main__":
    main()
