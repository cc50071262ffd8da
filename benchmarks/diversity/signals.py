"""Studies of MNIST-1D: Figs. 3, 4 and 8, and the Hessian."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from common import report
from common.report import say
from common.rows import Store

from sktaskneuron.estimators.fitted import TableEstimator, put_on
from sktaskneuron.inspection import (
    HessianSpectrum,
    hessian_spectrum,
    hessian_trace,
    participation_ratio,
)
from sktaskneuron.models.networks import PackedModel
from sktaskneuron.training import module_to_arrays
from sktaskneuron.training.loop.losses import cross_entropy

from . import pictures
from .peers import add_mlp, mlp_note
from .problems import Problem
from .run import FITTED, LEARNED, MIX, USUAL, Run, rate_of, seconds_of
from .training import LEGEND, Library, compare, fit

Array = np.ndarray

SIZED = ["U2", "U2 from tanh", "U2 from zero", "U1", "sine + ReLU", "ReLU", "tanh"]
WIDTHS, DEPTHS, DEEP_WIDTH = (20, 50, 100, 200, 400), (1, 2, 3), 50


class Inspected(TableEstimator):
    """Packed networks as the functions of sktaskneuron.inspection see an estimator."""

    device = "cpu"
    categorical_features = None

    def fit(self, X: Array, y: Array) -> Inspected:
        raise NotImplementedError("these networks were trained outside of an estimator")


@dataclass(frozen=True, eq=False)
class Pack:
    """What an inspection asks of a fitted estimator."""

    problem: Problem
    activations: Any
    packed: PackedModel

    def network_inputs(self, X: Array, owner: Inspected) -> Array:
        return (X - self.problem.mean) / self.problem.scale

    def network_targets(self, name: str, y: Array) -> Array:
        return y

    def attributes(self) -> dict[str, Any]:
        width = self.problem.X_test.shape[1]
        return {"activations_": self.activations, "n_features_in_": width}


def inspected(problem: Problem, network: Any, activations: Any = None) -> Inspected:
    arrays = module_to_arrays(network)
    packed = PackedModel("typed", network.spec(), arrays, network.n_members, "cpu", "float64")
    return put_on(Inspected(), Pack(problem, activations, packed))


def classified(problem: Problem, network: Any) -> dict[str, Array]:
    logits = problem.outputs(network, problem.X_test)
    ratios = participation_ratio(inspected(problem, network), problem.X_test, normalize=True)
    right = logits.argmax(axis=-1) == problem.y_test
    return {"accuracy": right.mean(axis=1), "participation": ratios[:, 0]}


def signal_rows(run: Run, names: Sequence[str]) -> tuple[Library, Store]:
    """The rows of the study mnist1d, which others use too."""
    fields = [*FITTED, "accuracy", "participation", "note"]
    store = run.store(run.signals_name("mnist1d"), ["set"], fields)
    library = run.library(run.signals)
    compare(library, names, run.training(), run.seeds, store, classified)
    return library, store


def study_mnist1d(run: Run) -> None:
    names = [*LEARNED, *USUAL]
    library, store = signal_rows(run, names)
    grid = {
        "activation": ["relu", "tanh"],
        "learning_rate_init": [1e-3, 5e-3],
        "alpha": [1e-4, 1e-2, 1e-1],
    }
    add_mlp(run, library.problem, store, grid, run.training())
    names.append("MLPClassifier")
    accuracy = {name: store.values("accuracy", run.seeds, set=name) for name in names}
    lines = [
        [
            name,
            rate_of(store.of(run.seeds, set=name)),
            report.spread(values, unit=100),
            "" if name == MIX else report.paired(accuracy[MIX], values, unit=100),
            *seconds_of(store.of(run.seeds, set=name)),
        ]
        for name, values in accuracy.items()
    ]
    heads = [
        "set",
        "learning rate",
        "test accuracy, %",
        "mix − set, points",
        "CPU s per network",
        "CPU s of learning",
    ]
    study = run.signals_name("mnist1d")
    learned = library.learned(MIX)
    even = " and ".join(f"{share:.2f}" for share in learned.functions.parity())
    apart = learned.functions.distances()[0, 1]
    notes = (
        f"{len(run.seeds)} networks per set; ± is their standard deviation; t is that of pairs of "
        f"equal seeds. {LEGEND} Even share of the two types: {even}; their distance: {apart:.2f} "
        f"(at the start {learned.past()[0].distances()[0, 1]:.2f}). MLPClassifier: "
        f"{mlp_note(store, run.seeds, 'MLPClassifier')}, the best of 12 by validation."
    )
    run.finish(
        study,
        f"MNIST-1D ({'drawn anew' if run.data is None else 'published file'}), 100 neurons",
        report.markdown(heads, lines),
        notes,
    )
    percent = {name: 100 * values for name, values in accuracy.items()}
    picture = run.path(study, ".png")
    pictures.functions_and_boxes(learned, percent, "test accuracy, %", picture)


def study_participation(run: Run) -> None:
    names = [*LEARNED, *USUAL]
    _, store = signal_rows(run, names)
    found = {
        name: tuple(store.values(field, run.seeds, set=name) for field in FIELDS_OF_PLANE)
        for name in names
    }
    lines = [
        [name, report.spread(ratios, ".3f"), report.spread(accuracy, unit=100)]
        for name, (ratios, accuracy) in sorted(found.items(), key=lambda item: -item[1][0].mean())
    ]
    means = np.array([[r.mean(), a.mean()] for r, a in found.values()]).T
    study = run.signals_name("participation")
    run.finish(
        study,
        "MNIST-1D: participation ratio and accuracy",
        report.markdown(["set", "R / N", "test accuracy, %"], lines),
        f"Ratio of the activity of 100 neurons over the test rows. Correlation of the sets' means: "
        f"{np.corrcoef(means)[0, 1]:.2f}. {LEGEND}",
    )
    pictures.participation_plane(found, run.path(study, ".png"))


FIELDS_OF_PLANE = ("participation", "accuracy")


def study_size(run: Run) -> None:
    widths, depths = (WIDTHS[:2], DEPTHS[:2]) if run.quick else (WIDTHS, DEPTHS)
    wide = [(width, 1) for width in widths]
    deep = [(DEEP_WIDTH, depth) for depth in depths]
    shapes = [*wide, *deep[1:]]
    study = run.signals_name("size")
    store = run.store(study, ["width", "depth", "set"], [*FITTED, "accuracy", "participation"])
    library = run.library(run.signals)
    for width, depth in shapes:
        training = run.training(width=width, depth=depth)
        compare(library, SIZED, training, run.seeds, store, classified, width=width, depth=depth)

    def accuracies(name: str, shapes: list[tuple[int, int]]) -> list[Array]:
        return [
            store.values("accuracy", run.seeds, width=width, depth=depth, set=name)
            for width, depth in shapes
        ]

    lines = [
        [name, *(report.spread(values, unit=100) for values in accuracies(name, shapes))]
        for name in SIZED
    ]
    gains = [
        [
            f"{SIZED[0]} − {name}",
            *(
                report.paired(*pair, unit=100)
                for pair in zip(accuracies(SIZED[0], shapes), accuracies(name, shapes), strict=True)
            ),
        ]
        for name in SIZED[1:]
    ]
    heads = ["set", *(" x ".join([str(width)] * depth) for width, depth in shapes)]
    run.finish(
        study,
        "MNIST-1D: test accuracy, %, over the number of neurons and of layers",
        report.markdown(heads, [*lines, *gains]),
        "Types were learned with one layer of 100 neurons, and are used at all sizes.",
    )
    panels = {
        "neurons in one layer": (widths, {name: accuracies(name, wide) for name in SIZED}),
        f"layers of {DEEP_WIDTH} neurons": (
            depths,
            {name: accuracies(name, deep) for name in SIZED},
        ),
    }
    pictures.over_size(panels, run.path(study, ".png"))


def study_hessian(run: Run) -> None:
    names = ["U2", "U2:1", "U2:2", "U1", "sine", "ReLU", "tanh"]
    seeds = run.seeds[:6] if len(run.seeds) <= 12 else run.seeds[:12]
    n_probes, n_steps = (2, 20) if run.quick else (6, 160)
    # learning rates are those of mnist1d
    library, tuned = signal_rows(run, names)
    problem = library.problem
    study = run.signals_name("hessian")
    fields = ["rate", "trace", "trace_error", "near_zero", "resolution", "largest", "eps"]
    store = run.store(study, ["set"], [*fields, "loss", "accuracy"])
    rows = slice(0, 1000)
    X, y = problem.table.X[rows], problem.table.y[rows]
    for name in names:
        missing = store.missing(seeds, set=name)
        kept = run.path(f"{study}-{name.replace(':', '_')}", ".npz")
        if not missing and kept.exists():
            continue
        rate = float(tuned.of(run.seeds, set=name)[0]["rate"])
        network, _, _ = fit(
            problem,
            lambda name=name: library.functions(name),
            run.training(),
            seeds,
            [rate] * len(seeds),
            best_epoch=False,
        )
        view = inspected(problem, network, library.activations(name))
        known = {"X": X.double().numpy(), "y": y.numpy(), "random_state": 0}
        trace, error = hessian_trace(view, n_probes=5 * n_probes, **known)
        spectrum = hessian_spectrum(view, n_probes=n_probes, n_steps=n_steps, **known)
        np.savez(kept, nodes=spectrum.nodes, weights=spectrum.weights, n=spectrum.n_parameters)
        near_zero, _ = spectrum.near_zero_fraction(run.eps)
        with torch.inference_mode():
            losses = cross_entropy(network(X), y.expand(len(seeds), -1)).mean(dim=1).numpy()
        right = classified(problem, network)["accuracy"]
        for i, seed in enumerate(seeds):
            if seed in missing:
                store.add(
                    set=name,
                    seed=seed,
                    rate=rate,
                    trace=trace[i],
                    trace_error=error[i],
                    near_zero=near_zero[i],
                    resolution=spectrum.resolution()[i],
                    largest=spectrum.extremes()[i, 1],
                    eps=run.eps,
                    loss=losses[i],
                    accuracy=right[i],
                )
        say(f"hessian {name}: trace {trace.mean():.4g}, near zero {near_zero.mean():.3f}")
    spectra = {}
    for name in names:
        with np.load(run.path(f"{study}-{name.replace(':', '_')}", ".npz")) as file:
            spectra[name] = HessianSpectrum(file["nodes"], file["weights"], int(file["n"]))
    near = {name: spectra[name].near_zero_fraction(run.eps)[0] for name in names}
    lines = [
        [
            name,
            report.spread(store.values("trace", seeds, set=name), ".0f"),
            report.spread(near[name], ".3f"),
            f"{spectra[name].resolution().mean():.1e}"
            + ("" if run.eps >= 2 * spectra[name].resolution().mean() else " (too coarse)"),
            report.spread(store.values("largest", seeds, set=name)),
            report.spread(store.values("loss", seeds, set=name), ".3f"),
            report.spread(store.values("accuracy", seeds, set=name), unit=100),
        ]
        for name in names
    ]
    heads = [
        "set",
        "trace",
        f"share of eigenvalues below {run.eps:g}",
        "resolution",
        "largest",
        "training loss",
        "test accuracy, %",
    ]
    run.finish(
        study,
        "MNIST-1D: Hessian of the training loss",
        report.markdown(heads, lines),
        f"{len(seeds)} networks per set, after their last epoch, not their best; loss of 1000 "
        f"training rows; {5 * n_probes} probes for the trace, {n_probes} of {n_steps} Lanczos "
        f"steps for the spectrum. The share counts eigenvalues of a size below ε = {run.eps:g}, "
        "and means something if ε is twice the resolution or more. The trace depends on the scale "
        f"of the activations: compare it within a family. {LEGEND}",
    )
    traces = {name: store.values("trace", seeds, set=name) for name in names}
    pictures.hessians(traces, spectra, run.eps, run.path(study, ".png"))
