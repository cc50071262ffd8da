"""More rows for a fitted NeuronSeek estimator; from settings, a former fit and data to a value."""

from __future__ import annotations

import warnings
from dataclasses import replace

from sktaskneuron._seeds import next_seed
from sktaskneuron._typing import AnyArray
from sktaskneuron.estimators._common.checks import EncodedTable, near_range
from sktaskneuron.estimators._common.judges import task_of
from sktaskneuron.estimators._common.report import FitReport
from sktaskneuron.estimators.fitted import FittedPredictor
from sktaskneuron.estimators.neuron_seek.run import FittedNeuronSeek
from sktaskneuron.estimators.neuron_seek.settings import NeuronSeekSettings
from sktaskneuron.models.fitted import FittedModel
from sktaskneuron.models.further import trained_further


def learn_further(
    settings: NeuronSeekSettings,
    former: FittedNeuronSeek,
    table: EncodedTable,
    encoded: AnyArray,
    report: FitReport,
) -> FittedNeuronSeek:
    """Let the networks of an earlier fit learn from more rows too.

    Parameters
    ----------
    settings : NeuronSeekSettings
    former : FittedNeuronSeek
    table, encoded, report
        As in fit_neuron_seek, read by ``former``.

    Warns
    -----
    UserWarning
        If no networks predict: then nothing changes.
    """
    if not former.packs:
        warnings.warn(
            "partial_fit trains networks of the target, and what predicts here is "
            f"{former.selected!r} alone, which stays as it is; fit again on all rows, or call "
            f"partial_fit of an unfitted {settings.estimator_name}, which compares networks only",
            UserWarning,
            stacklevel=4,
        )
        return former
    reader = former.predictor.reader.near(near_range(table))
    predictor = replace(former.predictor, reader=reader)
    target, n_rows = predictor.target, len(table.matrix)
    task = task_of(predictor.reader, table, encoded, target)
    seed = next_seed(settings.random_state) % 2**31
    recipe = settings.recipe(n_rows, 1, seed, classification=task.classification, further=True)
    recipe = replace(recipe, n_epochs=settings.defaults.further_passes)

    def fitted_so_far(model: FittedModel) -> FittedPredictor:
        return FittedPredictor(replace(predictor, model=model))

    n_new = float(table.weight.sum())
    n_seen = former.n_seen + n_new
    tell = report.epochs(fitted_so_far)
    model = trained_further(predictor.model, task, recipe, n_new / n_seen, tell)
    return replace(former, predictor=replace(predictor, model=model), spread=None, n_seen=n_seen)
