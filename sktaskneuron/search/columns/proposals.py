"""Equations of columns from elsewhere: those that a user proposes, and forced columns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

import numpy as np

from sktaskneuron._clock import checkpoint
from sktaskneuron._typing import Matrix, Vector
from sktaskneuron.exceptions import FormulaError
from sktaskneuron.formula.text.canonical import make_sum
from sktaskneuron.formula.text.evaluation import variables
from sktaskneuron.formula.text.nodes import Node, Number, Variable
from sktaskneuron.formula.text.parser import parse_node
from sktaskneuron.search.columns.constants import NamedRows, refit
from sktaskneuron.search.columns.rules import Rules

#: ``proposer(X, y, names)``, arrays of shapes (n_samples, n_features) and (n_samples,) and the
#: names of the columns: texts of equations.
EquationProposer: TypeAlias = Callable[[Matrix, Vector, tuple[str, ...]], Iterable[str]]


def read_proposals(
    proposer: EquationProposer, rows: NamedRows, names: tuple[str, ...]
) -> tuple[list[Node], list[str]]:
    """Ask for equations, read their texts and fit their numbers.

    Parameters
    ----------
    proposer : callable
    rows : NamedRows
    names : tuple of str
        Of the columns that equations may read.

    Returns
    -------
    nodes : list of Node
    unread : list of str
        Why texts could not be read, in words.

    Raises
    ------
    TypeError
        If the answer is no collection of texts.
    """
    X = np.stack([rows.columns[name] for name in names], axis=1)
    answer = proposer(X, rows.y.copy(), names)
    if isinstance(answer, str) or not isinstance(answer, Iterable):
        raise TypeError(f"proposer must return texts of equations, got {answer!r}")
    nodes, unread = [], []
    for text in answer:
        if not isinstance(text, str):
            raise TypeError(f"proposer must return texts of equations, got {text!r} among them")
        checkpoint()
        try:
            nodes.append(refit(parse_node(text, names), rows))
        except FormulaError as error:
            unread.append(f"a proposed equation was left out: {error.message}: {text[:80]!r}")
    return nodes, unread


def forced_terms(rules: Rules, usable: Sequence[str]) -> list[tuple[Variable, ...]]:
    """Return the columns of each group that must stand in equations.

    Parameters
    ----------
    rules : Rules
    usable : sequence of str
        Columns that vary and repeat no other one.

    Raises
    ------
    ValueError
        If there is none of a group.
    """
    found = []
    for group in rules.forced:
        terms = tuple(Variable(name) for name in usable if name in group)
        if not terms:
            raise ValueError(
                f"the column {min(group)!r} is forced, but it is constant or a copy of another one"
            )
        found.append(terms)
    return found


def straight_lines(rules: Rules, rows: NamedRows) -> list[Node]:
    """Return a line for each column along which equations must rise or fall: none may else."""
    found = []
    for name in rules.monotone:
        checkpoint()
        found.append(refit(make_sum([Variable(name), Number(rows.mean)]), rows))
    return found


def with_forced(
    nodes: Sequence[Node], forced: Sequence[tuple[Variable, ...]], rows: NamedRows
) -> list[Node]:
    """Add linear terms of the forced columns to the equations that lack them.

    One equation of these terms alone is among them.
    """
    if not forced:
        return []
    found = []
    for node in (Number(rows.mean), *nodes):
        checkpoint()
        read = variables(node)
        missing = [group for group in forced if not read & {term.name for term in group}]
        if missing:
            terms = [term for group in missing for term in group]
            found.append(refit(make_sum([node, *terms]), rows))
    return found
