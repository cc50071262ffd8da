"""An equation as a sum of parts, each of which reads its own set of columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from sktaskneuron._typing import FloatArray
from sktaskneuron.formula import AtomTerm, FittedFormula, PureTerm
from sktaskneuron.formula.text.evaluation import variables
from sktaskneuron.inspection.equations.equation import Equation
from sktaskneuron.preprocessing import TableEncoder

# An atom of order two over more columns stays whole: its pairs would be too many to look at.
_MOST_SPLIT = 16


@dataclass(frozen=True)
class Part:
    """All additive terms that read the same columns.

    columns : places of these columns, upwards; terms : places of the terms in the equation's;
    pair_weight : of the product z_i z_j of its two columns, out of atoms that read more;
    feature : the categorical feature whose levels the columns are, if they are; others : the levels
    of that feature that have no column among these.
    """

    columns: tuple[int, ...]
    terms: tuple[int, ...] = ()
    pair_weight: float = 0.0
    feature: str | None = None
    others: tuple[str, ...] = ()

    def names(self, names: Sequence[str]) -> tuple[str, ...]:
        """Name the part by its columns, or by the feature."""
        if self.feature is not None:
            return (self.feature,)
        return tuple(names[place] for place in self.columns)


def find_parts(equation: Equation, output: int) -> list[Part]:
    r"""Add up the terms by the set of columns that they read.

    An atom of order two is a sum over pairs of columns,
    :math:`\sum_{i<j} (u_i v_j + u_j v_i)\, z_i z_j`, and is split into these.
    """
    weights = equation.term_weights[:, output]
    terms: dict[tuple[int, ...], list[int]] = {}
    pairs: dict[tuple[int, ...], float] = {}
    for place in np.flatnonzero(weights).tolist():
        columns = _columns_of(equation, place)
        pair_weights = _pair_weights(equation, place, columns)
        if pair_weights is None:
            terms.setdefault(columns, []).append(place)
            continue
        for pair, value in pair_weights.items():
            pairs[pair] = pairs.get(pair, 0.0) + float(weights[place]) * value
    return [
        Part(columns, tuple(terms.get(columns, ())), pairs.get(columns, 0.0))
        for columns in dict.fromkeys([*terms, *pairs])
    ]


def _columns_of(equation: Equation, place: int) -> tuple[int, ...]:
    term = equation.terms[place]
    if isinstance(term, PureTerm):
        return (term.feature,)
    if isinstance(term, AtomTerm):
        assert isinstance(equation, FittedFormula)
        read = equation.factors[term.order][:, :, term.index].any(axis=0)
        return tuple(np.flatnonzero(read).tolist())
    return tuple(sorted(equation.feature_names.index(name) for name in variables(term)))


def _pair_weights(
    equation: Equation, place: int, columns: tuple[int, ...]
) -> dict[tuple[int, ...], float] | None:
    """Weights of z_i z_j in an atom of order two, by pair; None for terms that are not split."""
    term = equation.terms[place]
    if not isinstance(term, AtomTerm) or term.order != 2 or not 2 < len(columns) <= _MOST_SPLIT:
        return None
    assert isinstance(equation, FittedFormula)
    u, v = equation.factors[2][:, :, term.index]
    found = {(i, j): float(u[i] * v[j] + u[j] * v[i]) for i, j in combinations(columns, 2)}
    return {pair: value for pair, value in found.items() if value != 0.0}


def merge_levels(parts: Sequence[Part], encoder: TableEncoder | None) -> list[Part]:
    """Join the parts of one column each whose columns are levels of the same feature.

    Parameters
    ----------
    parts : sequence of Part
    encoder : TableEncoder or None
    """
    if encoder is None:
        return list(parts)
    own = encoder.get_feature_names_out()
    merged: dict[int | tuple[int, ...], Part] = {}
    for part in parts:
        source = int(encoder.source_[part.columns[0]])
        if len(part.columns) > 1 or not encoder.categorical_[source]:
            merged[part.columns] = part
            continue
        other = merged.get(source, Part(()))
        columns = other.columns + part.columns
        feature, levels = _levels_of(encoder, source)
        merged[source] = Part(
            columns,
            other.terms + part.terms,
            feature=feature,
            others=tuple(level for level in levels if level not in own[list(columns)]),
        )
    return list(merged.values())


def _levels_of(encoder: TableEncoder, source: int) -> tuple[str, list[str]]:
    """Name of a categorical column of the raw table, and how columns of its levels are called."""
    raw = getattr(encoder, "feature_names_in_", None)
    feature = f"x{source}" if raw is None else str(raw[source])
    place = int(encoder.categorical_[:source].sum())
    levels = [*encoder.levels_[place], *(["other"] if encoder.pooled_levels_[place] else [])]
    return feature, [
        f"{feature} is missing" if level is None else f"{feature}={level}" for level in levels
    ]


def part_values(
    equation: Equation, parts: Sequence[Part], output: int, rows: FloatArray
) -> FloatArray:
    """Compute what each part adds to the output.

    Parameters
    ----------
    equation : FittedFormula or FittedExpression
    parts : sequence of Part
    output : int
    rows : ndarray of shape (n_samples, n_features)
        Columns of the equation.

    Returns
    -------
    values : ndarray of shape (n_samples, n_parts)
    """
    weights = equation.term_weights[:, output]
    terms = equation.transform(rows)
    values = np.empty((len(rows), len(parts)))
    for place, part in enumerate(parts):
        chosen = list(part.terms)
        values[:, place] = terms[:, chosen] @ weights[chosen]
        if part.pair_weight:
            assert isinstance(equation, FittedFormula)
            pair = list(part.columns)
            clipped = np.clip(rows[:, pair], equation.lower[pair], equation.upper[pair])
            z = (clipped - equation.center[pair]) / equation.scale[pair]
            values[:, place] += part.pair_weight * z.prod(axis=1)
    return values
