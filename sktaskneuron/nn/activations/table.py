"""The catalogue as a table of the documentation."""

from __future__ import annotations

from sktaskneuron.nn.activations.activation import Activation
from sktaskneuron.nn.activations.registry import REGISTRY


def catalogue_table() -> str:
    """Return the registered activations as a Markdown table, one row each."""
    head = (
        "| name | formula | parameters | kind | mean | std | gain | cost | reference |\n"
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |"
    )
    return "\n".join([head, *map(_row, REGISTRY.values())])


def _row(activation: Activation) -> str:
    names = f"`{activation.name}`"
    if activation.aliases:
        names += " (" + ", ".join(f"`{alias}`" for alias in activation.aliases) + ")"
    parameters = ", ".join(
        f"`{name}={value:g}`{' T' if name in activation.trainable else ''}"
        for name, value in activation.parameters.items()
    )
    kinds = ("smooth", "odd", "bounded", "train_eval")
    kind = ", ".join(kind for kind in kinds if getattr(activation, kind))
    formula = f"`{activation.formula}`"
    if activation.note:
        formula += f"; {activation.note}".replace("|", "\\|")
    # adding 0 takes the sign off a zero
    moments = [f"{round(value, 3) + 0:.3f}" for value in activation.moments]
    cells = [names, formula, parameters, kind, *moments, f"{activation.cost:g}"]
    return "| " + " | ".join([*cells, activation.reference]) + " |"
