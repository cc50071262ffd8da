"""What the rows of the tabular benchmark say, as Markdown and as a diagram."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from common.report import markdown
from scipy.stats import friedmanchisquare, rankdata, studentized_range, wilcoxon

LOSSES = {"regression": "nrmse", "classification": "log_loss"}
LABELS = {
    "nrmse": "nRMSE",
    "r2": "R²",
    "log_loss": "log loss",
    "accuracy": "accuracy",
    "loss": "nRMSE or log loss",
    "class_error": "class error",
}
# models in the diagram
NAMES = {
    "neuronseek": "NeuronSeek",
    "catboost": "CatBoost",
    "chimeraboost": "ChimeraBoost",
    "ebm": "EBM",
    "gam": "spline GAM",
    "hgb": "HistGradientBoosting",
    "kan": "KAN",
    "lgbm": "LightGBM",
    "mlp": "MLP",
    "mlp_es": "MLP, early stopping",
    "perpetual": "Perpetual",
    "realmlp": "RealMLP-TD",
    "realmlp_ce": "RealMLP-TD for log loss",
    "ridge": "ridge, logistic",
    "ridge2": "ridge with products",
    "tabm": "TabM",
    "autogluon": "AutoGluon, light",
    "tnlearn": "tnlearn",
    "xgb": "XGBoost",
    "xrfm": "xRFM",
}
BETTER = {"nrmse": "less", "r2": "more", "log_loss": "less", "accuracy": "more"}
TIE = 0.01  # ratios this close to 1 are ties
WEAK = 0.03  # by how much a table must be lost to be listed
FLOOR = 1e-3  # least error of a ratio: a class error may be 0
LEVEL = 0.05

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Results:
    """The last row of every fold; the losses of models by table and fold.

    ``losses[measure]`` has a row per (table, fold) and a column per model, NaN where there is no
    result; the measures are "loss", "nrmse", "log_loss", "class_error" and "fit_cpu_s".
    """

    frame: pd.DataFrame
    losses: dict[str, pd.DataFrame]

    @property
    def models(self) -> list[str]:
        return list(dict.fromkeys(self.frame["model"]))

    @property
    def tables(self) -> list[str]:
        return list(dict.fromkeys(self.frame["table"]))

    def finished(self, models: list[str]) -> list[str]:
        """Those models that have every fold of every table."""
        loss = self.losses["loss"]
        return [model for model in models if loss[model].notna().all()]

    def by_table(self, measure: str, models: list[str]) -> pd.DataFrame:
        """Mean over the folds that all these models have: a row per table, a column per model."""
        common = self.losses[measure][models].dropna()
        return common.groupby(level="table", sort=False).mean()


def read_results(rows: Rows) -> Results:
    frame = pd.DataFrame(rows)
    frame = frame.drop_duplicates(["table", "model", "fold", "seed"], keep="last")
    numbers = ["nrmse", "r2", "log_loss", "accuracy", "fit_cpu_s", "fit_wall_s", "peak_mb"]
    frame[numbers] = frame[numbers].apply(pd.to_numeric)
    frame["loss"] = np.where(frame["task"] == "regression", frame["nrmse"], frame["log_loss"])
    frame["class_error"] = 1.0 - frame["accuracy"]
    frame["block"] = frame["fold"].astype(str) + "/" + frame["seed"].astype(str)
    order = list(dict.fromkeys(zip(frame["table"], frame["block"], strict=True)))
    losses = {
        measure: frame.pivot(index=["table", "block"], columns="model", values=measure).loc[order]
        for measure in ("loss", "nrmse", "log_loss", "class_error", "fit_cpu_s")
    }
    return Results(frame, losses)


def summary(rows: Rows, reference: str) -> str:
    """Scores by table, ranks, and the reference model beside each of the others."""
    if not rows:
        return "No rows."
    results = read_results(rows)
    parts = [scores(results, measure) for measure in LABELS if measure in BETTER]
    parts += [seconds(results), ranks(results)]
    if reference in results.models:
        parts += [comparisons(results, reference), weak_tables(results, reference)]
    parts.append(unfinished(results))
    return "\n\n".join(part for part in parts if part)


def spread(values: pd.Series) -> str:
    return f"{values.mean():.3f} ± {values.std(ddof=0):.3f}"


# -- by table --------------------------------------------------------------------------------------


def scores(results: Results, measure: str) -> str:
    """Mean ± standard deviation over folds; the best mean in bold."""
    frame = results.frame.dropna(subset=[measure])
    if frame.empty:
        return ""
    models, folds = results.models, frame.groupby("table")["block"].nunique()
    body, some_missing = [], False
    for table, of_table in frame.groupby("table", sort=False):
        values = {model: part[measure] for model, part in of_table.groupby("model")}
        whole = {m: v.mean() for m, v in values.items() if len(v) == folds[table]}
        pick = min if BETTER[measure] == "less" else max
        best = pick(whole.values()) if whole else None
        cells = []
        for model in models:
            if model not in values:
                cells.append("–")
            elif model not in whole:
                some_missing = True
                cells.append(f"{values[model].mean():.3f} ({len(values[model])})")
            else:
                cell = spread(values[model])
                cells.append(f"**{cell}**" if whole[model] == best else cell)
        body.append([str(table), *cells])
    title = f"### {LABELS[measure]} ({BETTER[measure]} is better; mean ± sd over folds)\n\n"
    foot = "\n\nIn brackets: how many folds, where not all were finished." if some_missing else ""
    return title + markdown(["table", *models], body) + foot


def seconds(results: Results) -> str:
    """Median processor seconds of a fit."""
    median = results.frame.pivot_table(
        index="table", columns="model", values="fit_cpu_s", aggfunc="median", sort=False
    )
    body = [
        [str(table), *(f"{s:.1f}" if np.isfinite(s) else "–" for s in median.loc[table])]
        for table in median.index
    ]
    title = "### Processor seconds of a fit (median over folds)\n\n"
    return title + markdown(["table", *median.columns], body)


# -- over tables -----------------------------------------------------------------------------------


def contest(results: Results, measure: str) -> dict[str, tuple[float, int]]:
    """Mean rank of each model and over how many tables.

    The models that finished everything are ranked among themselves; any other one joins them by
    itself, on the folds that it finished.
    """
    models = [model for model in results.models if model != "dummy"]
    finished = results.finished(models)
    answer = {}
    for model in models:
        players = finished if model in finished else [*finished, model]
        table = results.by_table(measure, players)
        if len(table):
            ranks = rankdata(table.to_numpy(), axis=1)[:, players.index(model)]
            answer[model] = (float(ranks.mean()), len(table))
    return answer


def ranks(results: Results) -> str:
    measures = [m for m in ("loss", "nrmse", "log_loss", "class_error") if measurable(results, m)]
    places = {measure: contest(results, measure) for measure in measures}
    order = sorted(places["loss"], key=lambda model: places["loss"][model])
    total = results.frame.groupby("model")["fit_cpu_s"].sum()
    memory = results.frame.groupby("model")["peak_mb"].max()
    body = []
    for model in order:
        cells = [f"{places[m][model][0]:.2f}" if model in places[m] else "–" for m in measures]
        tables = f"{places['loss'][model][1]} of {len(results.tables)}"
        body.append([model, *cells, tables, f"{total[model]:.0f}", f"{memory[model]:.0f}"])
    header = [
        "model",
        *(f"rank, {LABELS[m]}" for m in measures),
        "tables",
        "processor seconds",
        "peak MB",
    ]
    finished = [m for m in order if m in results.finished(results.models)]
    return (
        "### Mean rank over tables (1 is best)\n\n"
        + markdown(header, body)
        + f"\n\nRanked among themselves: {', '.join(finished)}. Any other model was ranked among "
        "these, on the folds that it finished."
    )


def measurable(results: Results, measure: str) -> bool:
    return bool(results.losses[measure].notna().any(axis=None))


def ratios(results: Results, measure: str, reference: str, model: str) -> np.ndarray:
    """Loss of the reference over that of a model, per table, on the folds that both finished."""
    both = results.by_table(measure, [reference, model]).clip(lower=FLOOR)
    return (both[reference] / both[model]).to_numpy()


def geometric_mean(values: np.ndarray) -> str:
    return f"{np.exp(np.log(values).mean()):.3f}" if len(values) else "–"


def p_value(p: float) -> str:
    return f"{p:.3f}" if p >= 1e-3 else "<0.001"


def comparisons(results: Results, reference: str) -> str:
    body = []
    for model in results.models:
        if model in (reference, "dummy"):
            continue
        loss = ratios(results, "loss", reference, model)
        if not len(loss):
            continue
        wins, losses = int((loss < 1 - TIE).sum()), int((loss > 1 + TIE).sum())
        p = wilcoxon(np.log(loss)).pvalue if np.any(loss != 1) else 1.0
        cpu = results.losses["fit_cpu_s"][[reference, model]].dropna().sum()
        body.append(
            [
                model,
                *(
                    geometric_mean(ratios(results, measure, reference, model))
                    for measure in ("nrmse", "log_loss", "class_error")
                ),
                f"{wins} / {len(loss) - wins - losses} / {losses}",
                p_value(p),
                f"{cpu[reference] / cpu[model]:.3g}",
                str(len(loss)),
            ]
        )
    header = [
        f"{reference} over",
        *(f"{LABELS[m]}" for m in ("nrmse", "log_loss", "class_error")),
        "wins / ties / losses",
        "p",
        "processor seconds",
        "tables",
    ]
    return (
        f"### {reference} beside each model\n\n"
        + markdown(header, body)
        + f"\n\nRatios of losses are geometric means over tables, below 1 where {reference} is "
        f"better, of the folds that both finished (losses of at least {FLOOR:g}). Wins, ties "
        f"(within {TIE:.0%}) and losses, and the p value of Wilcoxon's signed-rank test, are of "
        "nRMSE and log loss together, one value a table."
    )


def weak_tables(results: Results, reference: str) -> str:
    """Tables on which the better of ridge and hgb is clearly better than the reference."""
    simple = [model for model in ("ridge", "hgb") if model in results.models]
    if not simple or reference in simple:
        return ""
    lines = []
    for measure in ("nrmse", "log_loss", "class_error"):
        table = results.by_table(measure, [reference, *simple])
        best = table[simple].min(axis=1)
        excess = table[reference].clip(lower=FLOOR) / best.clip(lower=FLOOR) - 1.0
        lost = excess[excess > WEAK].sort_values(ascending=False)
        found = [
            f"{name} ({table.loc[name, reference]:.3f}, {table.loc[name, simple].idxmin()} "
            f"{best[name]:.3f})"
            for name in lost.index
        ]
        if len(table):
            lines.append(f"- {LABELS[measure]}: {', '.join(found) or 'none'}")
    title = f"### Tables where {reference} is more than {WEAK:.0%} worse than the better of "
    return title + " and ".join(simple) + "\n\n" + "\n".join(lines)


def unfinished(results: Results) -> str:
    failed = results.frame[results.frame["status"] != "ok"]
    if failed.empty:
        return ""
    body = [
        [str(model), str(status), str(len(part)), ", ".join(dict.fromkeys(part["table"]))]
        for (model, status), part in failed.groupby(["model", "status"], sort=False)
    ]
    return "### Folds without a result\n\n" + markdown(["model", "why", "folds", "tables"], body)


# -- diagram ---------------------------------------------------------------------------------------


def critical_difference(n_models: int, n_tables: int) -> float:
    """Nemenyi's: mean ranks further apart than this differ at the 5 % level (Demšar 2006)."""
    q = studentized_range.ppf(1 - LEVEL, n_models, np.inf) / np.sqrt(2)
    return float(q * np.sqrt(n_models * (n_models + 1) / (6 * n_tables)))


def draw_critical_differences(rows: Rows, path: Path) -> None:
    """Mean ranks of the models that finished all tables; bars join those that do not differ."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    results = read_results(rows)
    finished = results.finished([model for model in results.models if model != "dummy"])
    table = results.by_table("loss", finished)
    if len(finished) < 3 or len(table) < 2:
        raise SystemExit("The diagram needs three models that finished the same two tables.")
    mean = pd.Series(rankdata(table.to_numpy(), axis=1).mean(axis=0), index=finished).sort_values()
    p = friedmanchisquare(*table.to_numpy().T).pvalue
    width = critical_difference(len(mean), len(table))
    half = -(-len(mean) // 2)
    groups = cliques(mean.to_numpy(), width)
    names_top = 0.45 + 0.22 * len(groups)
    bottom = names_top + 0.42 * (half - 1)

    figure, axes = plt.subplots(figsize=(8, 0.55 * (bottom + 2.0)))
    low, high = 1, len(mean)
    margin, gap = 0.32 * (high - low), 0.015 * (high - low)
    axes.set_xlim(low - margin, high + margin)
    axes.set_ylim(bottom + 0.35, -1.55)
    axes.axis("off")
    axes.hlines(0, low, high, color="black", linewidth=1.2)
    for rank in range(low, high + 1):
        axes.vlines(rank, -0.12, 0, color="black", linewidth=1.0)
        axes.text(rank, -0.22, str(rank), ha="center", va="bottom", fontsize=9)
    axes.hlines(-0.95, low, low + width, color="black", linewidth=1.6)
    axes.vlines([low, low + width], -1.03, -0.87, color="black", linewidth=1.2)
    axes.text(
        low + width + 2 * gap,
        -0.95,
        f"critical difference {width:.2f} ({len(table)} tables, Friedman p {p_value(p)})",
        va="center",
        fontsize=9,
    )
    for level, (start, stop) in enumerate(groups):
        y = 0.3 + 0.22 * level
        axes.hlines(
            y, mean.iloc[start] - gap / 2, mean.iloc[stop] + gap / 2, color="#c44e52", linewidth=4
        )
    for place, (name, rank) in enumerate(mean.items()):
        left = place < half
        y = names_top + 0.42 * (place if left else len(mean) - 1 - place)
        edge = low - 0.25 * margin if left else high + 0.25 * margin
        axes.plot([rank, rank, edge], [0, y, y], color="0.35", linewidth=0.9, zorder=0)
        shown = NAMES.get(str(name), name)
        label = f"{shown}  {rank:.2f}" if left else f"{rank:.2f}  {shown}"
        axes.text(
            edge + (-gap if left else gap),
            y,
            label,
            ha="right" if left else "left",
            va="center",
            fontsize=10,
            weight="bold" if name == "neuronseek" else "normal",
        )
    figure.savefig(path, dpi=150, bbox_inches="tight", facecolor="white")
    plt.close(figure)


def cliques(ranks: np.ndarray, width: float) -> list[tuple[int, int]]:
    """First and last place of each longest run of models within one critical difference."""
    runs: list[tuple[int, int]] = []
    for start in range(len(ranks)):
        stop = int(np.searchsorted(ranks, ranks[start] + width, side="right")) - 1
        if stop > start and (not runs or stop > runs[-1][1]):
            runs.append((start, stop))
    return runs
