"""Kinds of cells: gaps, far ones, sentinels, rare levels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..draft import MAY, MUST, Draft, Truth
from .edits import cells, filled, numbers_of, on_both, one_number, set_cells, some_rows, with_X
from .kind import CELLS, TABLES, Generator, kind

SENTINELS = (-9999.0, -999.0, 9999.0, 99999.0, -1e6, 1e20)
FAR = (1e4, -1e6, 1e9, -1e12, 1e20, 1e30)


@kind(CELLS, TABLES)
def rare_levels(draft: Draft, rng: Generator) -> Draft:
    """A category that a column correlates with has one to three levels of a row or two."""
    X = draft.given.X
    for level in ["x", "y", "z"][: rng.integers(1, 4)]:
        rows = some_rows(rng, len(X), 0, int(rng.integers(1, 3)))
        X = set_cells(X, "k", rows, level)
    return with_X(draft, X)


@kind(CELLS, TABLES)
def gaps_of_category(draft: Draft, rng: Generator) -> Draft:
    """A category lacks one to five cells."""
    rows = some_rows(rng, len(draft.given.X), 0, int(rng.integers(1, 6)))
    return with_X(draft, cells(draft, "k", rows, None))


@kind(CELLS)
def few_gaps(draft: Draft, rng: Generator) -> Draft:
    """A column of numbers lacks one to five cells."""
    rows = some_rows(rng, len(draft.given.X), 0, int(rng.integers(1, 6)))
    X = cells(draft, one_number(draft, rng), rows, np.nan)
    return refused_states(with_X(draft, X))


@kind(CELLS, TABLES)
def many_gaps(draft: Draft, rng: Generator) -> Draft:
    """A twentieth of all cells of numbers is missing, at random: filled by medians and marked."""
    X = draft.given.X
    for name in numbers_of(X):
        X = set_cells(X, name, np.flatnonzero(rng.random(len(X)) < 0.05), np.nan)
    return hand_filled(with_X(draft, X))


@kind(CELLS, TABLES)
def gap_block(draft: Draft, rng: Generator) -> Draft:
    """A tenth to a third of the rows lacks the same two columns."""
    names = rng.choice(numbers_of(draft.given.X), 2, replace=False)
    rows = some_rows(rng, len(draft.given.X), rng.uniform(0.1, 0.33))
    return hand_filled(with_X(draft, cells(draft, names, rows, np.nan)))


def hand_filled(draft: Draft) -> Draft:
    X = draft.given.X
    clean = replace(draft.clean, X=filled(X, X))
    return replace(draft, clean=clean, clean_new=filled(draft.new, X))


def refused_states(draft: Draft) -> Draft:
    """States of a system have no gaps: the Hamiltonian estimator may refuse them."""
    if draft.task != "states":
        return draft
    return replace(draft, refusal=MAY, words=("NaN", "missing"))


@kind(CELLS)
def far_cell(draft: Draft, rng: Generator) -> Draft:
    """One or two cells are off by ten thousand to 1e30."""
    rows = some_rows(rng, len(draft.given.X), 0, int(rng.integers(1, 3)))
    return with_X(draft, cells(draft, one_number(draft, rng), rows, rng.choice(FAR)))


@kind(CELLS)
def far_cells_of_columns(draft: Draft, rng: Generator) -> Draft:
    """Each of two columns has a cell that is far out."""
    X = draft.given.X
    for name in rng.choice(numbers_of(X), 2, replace=False):
        X = set_cells(X, name, [rng.integers(len(X))], rng.choice(FAR))
    return with_X(draft, X)


@kind(CELLS, TABLES)
def sentinel(draft: Draft, rng: Generator) -> Draft:
    """Two to ten per cent of a column are one value far out: told, and a line on it is enough."""
    rows = some_rows(rng, len(draft.given.X), rng.uniform(0.02, 0.1), at_least=6)
    name, value = one_number(draft, rng), float(rng.choice(SENTINELS))
    X = cells(draft, name, rows, value)
    return with_X(draft, X, told=(str(name), f"{value:.15g}"), linear_as_given=True)


@kind(CELLS)
def infinite(draft: Draft, rng: Generator) -> Draft:
    """A cell is infinite: refused, by name."""
    rows = some_rows(rng, len(draft.given.X), 0)
    X = cells(draft, one_number(draft, rng), rows, rng.choice([np.inf, -np.inf]))
    return with_X(draft, X, refusal=MUST, words=("infin",))


@kind(CELLS)
def offset(draft: Draft, rng: Generator) -> Draft:
    """A column, or all, are shifted by a thousand to 1e9."""
    shift = float(rng.choice([1e3, -1e6, 1e9]))
    names = numbers_of(draft.given.X)
    names = names if rng.random() < 0.5 else [rng.choice(names)]
    return on_both(draft, lambda t: t.assign(**{n: t[n] + shift for n in names}))


@kind(CELLS)
def scale(draft: Draft, rng: Generator) -> Draft:
    """Columns are in units of 1e-30 to 1e30, each in its own; derivatives of states follow."""
    units = {n: float(rng.choice([1e-30, 1e-12, 1e12, 1e30])) for n in numbers_of(draft.given.X)}
    draft = on_both(draft, lambda t: t.assign(**{n: t[n] * unit for n, unit in units.items()}))
    if draft.task != "states":
        return draft
    of_rates = np.array(list(units.values()))
    given = replace(draft.given, y=draft.given.y * of_rates)
    return replace(draft, given=given, truth=Truth(draft.truth.values * of_rates))


@kind(CELLS)
def edge_of_floats(draft: Draft, rng: Generator) -> Draft:
    """A column is in units of 1e-310 to 1e300: products leave the floats, so it may be refused."""
    unit, name = float(rng.choice([1e-310, 1e-200, 1e150, 1e300])), one_number(draft, rng)
    return on_both(
        draft,
        lambda t: t.assign(**{name: t[name] * unit}),
        refusal=MAY,
        words=(str(name),),
        mean_is_enough=True,
    )


@kind(CELLS, TABLES)
def heavy_tail(draft: Draft, rng: Generator) -> Draft:
    """A column of the law is given as its exponential, over many decades."""
    name = one_number(draft, rng)
    power = float(rng.choice([2.0, 5.0]))
    return on_both(
        draft,
        lambda t: t.assign(**{name: np.exp(power * t[name])}),
        linear_as_given=True,
        mean_is_enough=True,
    )
