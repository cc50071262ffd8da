"""Columns of times as nodes of a graph: what is fed are seconds."""

from __future__ import annotations

import numpy as np

from sktaskneuron.deploy.onnx.graph import Value
from sktaskneuron.preprocessing.time_columns import CYCLES, UNITS, WAVE_STEPS, Cycle, TimeColumn
from sktaskneuron.preprocessing.zones import Zone


def unit_of_input(column: TimeColumn) -> str:
    """Say what is fed for a column of times."""
    since = {"date": " since 1970-01-01", "time of day": " since midnight", "duration": ""}
    return f"seconds{since[column.kind]}{' UTC' if column.zone is not None else ''}"


def time_numbers(seconds: Value, column: TimeColumn) -> list[Value]:
    """Return the numbers that a column of times becomes, (batch, 1) each.

    Parameters
    ----------
    seconds : Value of float64 of shape (batch, 1)
        As `unit_of_input` says; NaN for a gap.
    column : TimeColumn
    """
    found = [(seconds - float(column.origin)) / float(UNITS[column.unit])]
    shown = seconds if column.zone is None else _local(seconds, column.zone)
    for name in column.cycles:
        angle = _angle(shown, CYCLES[name])
        waves = [angle.op("Sin"), angle.op("Cos")]
        found += [(wave * WAVE_STEPS).op("Round") / WAVE_STEPS for wave in waves]
    return found


def _local(seconds: Value, zone: Zone) -> Value:
    """Return the time on the clocks: every change of these adds its part from its moment on."""
    ahead = float(zone.offsets[0])
    if not len(zone.starts):
        return seconds + ahead
    changed = seconds.op("GreaterOrEqual", zone.starts.astype(float)[None], dtype=bool)
    steps = np.diff(zone.offsets).astype(float)[:, None]
    return seconds + (changed.cast(np.float64) @ steps + ahead)


def _angle(shown: Value, cycle: Cycle) -> Value:
    shown = shown + float(cycle.shift)
    if cycle.step is not None:
        shown = (shown / float(cycle.step)).op("Floor") * float(cycle.step)
    # whole seconds are exact; of turns since 1970 the last digits would be lost
    begun = (shown / float(cycle.period)).op("Floor") * float(cycle.period)
    return (shown - begun) * (2 * np.pi / cycle.period)
