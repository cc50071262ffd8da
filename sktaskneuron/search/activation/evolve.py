"""Evolution of activation functions: tournaments, mutation, crossover, and a proposer of one's own.

A proposer, an LLM say, returns texts (as in arXiv:2602.05688 and in-context symbolic regression).
They are parsed by our grammar and never executed.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import ArrayLike

from sktaskneuron._typing import FloatArray, IndexArray, Matrix
from sktaskneuron.exceptions import FormulaError
from sktaskneuron.formula import ElementwiseExpression
from sktaskneuron.search.activation.admission import BUDGET, cost, output_key, refusal
from sktaskneuron.search.activation.checkpoint import (
    SearchState,
    check_place,
    read_checkpoint,
    write_checkpoint,
)
from sktaskneuron.search.activation.evaluations import Evaluate, Evaluations, StepHook, numbers_of
from sktaskneuron.search.activation.grammar import canonical_text, crossover, mutate, sample

# Strings that were dropped, and characters of each, that a proposer is told of.
_TOLD, _SHOWN = 50, 200


class Archive(list[tuple[str, float]]):
    """What a proposer is given: pairs of text and loss, the best first.

    Parameters
    ----------
    ranked : sequence of (str, float)
    refused : mapping of str to str
        The last strings of the proposer that were dropped, and why: see :func:`refusal`, or
        ``"duplicate"``.

    Examples
    --------
    >>> from sktaskneuron.search.activation.evolve import Archive
    >>> archive = Archive([("x**2", 0.1), ("tanh(x)", 0.3)], {"1/x": "undefined"})
    >>> archive[0], archive.refused
    (('x**2', 0.1), {'1/x': 'undefined'})
    >>> archive.curves([-1.0, 2.0])["x**2"].tolist()
    [1.0, 4.0]
    """

    def __init__(self, ranked: Sequence[tuple[str, float]], refused: Mapping[str, str]) -> None:
        super().__init__(ranked)
        self.refused = dict(refused)

    def curves(self, points: ArrayLike) -> dict[str, FloatArray]:
        """Return the values of every function at points."""
        x = np.asarray(points, dtype=np.float64)
        return {text: ElementwiseExpression.parse(text).evaluate(x) for text, _ in self}


#: Maps the archive, a random generator and a number of functions wanted to texts.
Proposer = Callable[[Archive, np.random.Generator, int], Iterable[str]]

# Parents that compete for each child.
_TOURNAMENT = 3
# How children are made: by mutation, by crossover, or drawn anew.
_SHARES = (0.7, 0.2, 0.1)
# Of a generation, with a proposer; its strings that are looked at, per one that is wanted.
_PROPOSED = 0.5
_READ = 10
# Children made per one that is wanted before a generation is taken as it is.
_TRIES = 50


@dataclass(frozen=True, eq=False)
class EvolveResult(Evaluations):
    """What an evolution has seen.

    Parameters
    ----------
    texts : tuple of str
        Evaluated functions in order, canonical.
    losses : ndarray of shape (n_texts,)
    numbers : ndarray of shape (n_texts, n_numbers)
        What ``evaluate`` returned, losses first.
    generations : ndarray of int of shape (n_texts,)
        The one that each function is of, from 0.
    proposals : mapping of str to int
        What became of a proposer's strings: ``"taken"``, ``"duplicate"``, or why they were dropped,
        see :func:`refusal`.
    """

    numbers: Matrix
    generations: IndexArray
    proposals: Mapping[str, int]


def search_evolve(
    evaluate: Evaluate,
    *,
    initial: Sequence[str],
    population_size: int,
    n_generations: int,
    proposer: Proposer | None = None,
    rng: np.random.Generator,
    checkpoint: str | os.PathLike[str] | None = None,
    settings: Mapping[str, object] | None = None,
    on_resume: Callable[[list[str], Matrix], None] | None = None,
    on_step: StepHook | None = None,
    budget: float = BUDGET,
) -> EvolveResult:
    """Search activation functions by evolution.

    Parameters
    ----------
    evaluate : callable
        Maps a list of texts to validated losses; NaN and infinity say that training failed. Every
        function is asked for once, and none that networks cannot tell from an earlier one.
    initial : sequence of str
        Expressions of x or names of registered activations. The first generation has them all;
        random ones fill it up.
    population_size : int
        Functions evaluated per generation, and how many of the best may have children.
    n_generations : int
        Including the first.
    proposer : callable, default=None
        Called as ``proposer(archive, rng, n)`` for half of every later generation, with an
        :class:`Archive`. What it returns is parsed; what is not admissible is dropped and counted,
        and the archive of the next call says why. Its errors end the search.
    rng : numpy.random.Generator
        One number is drawn from it.
    checkpoint : str or path-like, default=None
        File that is replaced after every generation. If it is there, the search goes on from it,
        with the same result as without the break, if ``evaluate`` and ``proposer`` depend on what
        they are given only.
    settings : mapping of str to object, default=None
        What else the losses depend on, as plain data; a checkpoint of others is refused.
    on_resume : callable, default=None
        Called with the texts and numbers of the checkpoint, if the search goes on from one.
    on_step : callable, default=None
        Called after every generation; a true answer ends the search.
    budget : float, default=60
        Most floating-point operations of a function per element.

    Returns
    -------
    EvolveResult

    Raises
    ------
    FormulaError
        If an initial text is not admissible.
    ValueError
        If the checkpoint is of another search, or ``evaluate`` returns other numbers.
    OSError
        If the checkpoint cannot be written.
    """
    starts = [_admitted(text, budget) for text in initial]
    seed = int(rng.integers(2**63))
    own_settings = {
        **(settings or {}),
        "seed": seed,
        "initial": starts,
        "population_size": population_size,
        "budget": budget,
    }
    own = np.random.default_rng(seed)
    state = None
    if checkpoint is not None:
        check_place(checkpoint)
        state = read_checkpoint(checkpoint, own_settings)
    if state is None:
        state = SearchState(own_settings, _random_state(own))
    elif on_resume is not None:
        on_resume(list(state.texts), state.numbers.copy())
    own.bit_generator.state = state.random_state
    evolution = _Evolution(state, own, budget, population_size, proposer)
    while state.generation < n_generations:
        children = evolution.children() if state.generation else evolution.first(starts)
        if not children:
            break  # the budget leaves no other function
        numbers = numbers_of(evaluate, children)
        state.numbers = np.vstack([state.numbers, numbers]) if state.texts else numbers
        state.texts += children
        state.generations += [state.generation] * len(children)
        state.generation += 1
        state.random_state = _random_state(own)
        state.proposals = dict(evolution.proposals)
        if checkpoint is not None:
            write_checkpoint(checkpoint, state)
        if on_step is not None and on_step(
            state.generation - 1, list(state.texts), state.losses.copy()
        ):
            break
    return EvolveResult(
        tuple(state.texts),
        state.losses,
        state.numbers,
        np.array(state.generations, dtype=np.intp),
        dict(state.proposals),
    )


def _admitted(text: str, budget: float) -> str:
    canonical = canonical_text(text)
    reason = refusal(canonical, budget=budget)
    if reason is not None:
        raise FormulaError(f"the initial function {canonical!r} is {reason}; leave it out")
    return canonical


def _random_state(rng: np.random.Generator) -> dict[str, object]:
    return dict(rng.bit_generator.state)


@dataclass(eq=False)
class _Evolution:
    """The archive and what it brings forth."""

    state: SearchState
    rng: np.random.Generator
    budget: float
    size: int
    proposer: Proposer | None

    def __post_init__(self) -> None:
        self.keys = {output_key(text) for text in self.state.texts}
        self.proposals = Counter(self.state.proposals)

    def first(self, starts: Sequence[str]) -> list[str]:
        """Return the first generation."""
        found = [text for text in starts if self.verdict(text) is None]
        self.fill(found, self.drawn)
        return found

    def children(self) -> list[str]:
        """Return a generation of new functions."""
        archive = Evaluations(tuple(self.state.texts), self.state.losses).ranked
        found: list[str] = []
        if self.proposer is not None:
            self.propose(self.proposer, Archive(archive, self.state.refused), found)
        parents = sorted(
            ((loss, cost(text), text) for text, loss in archive[: self.size]),
            key=lambda parent: parent[:2],
        )
        self.fill(found, lambda: self.child(parents))
        return found

    def verdict(self, text: str) -> str | None:
        """Say why a function is dropped; one that is not is known from now on."""
        reason = refusal(text, budget=self.budget)
        if reason is not None:
            return reason
        key = output_key(text)
        if key in self.keys:
            return "duplicate"
        self.keys.add(key)
        return None

    def propose(self, proposer: Proposer, archive: Archive, found: list[str]) -> None:
        wanted = max(1, round(_PROPOSED * self.size))
        texts = proposer(archive, self.rng, wanted)
        if isinstance(texts, str):
            texts = [texts]
        for text in islice(texts, _READ * wanted):
            if len(found) == wanted:
                break
            try:
                canonical = canonical_text(text)
                reason = self.verdict(canonical)
            except FormulaError:
                reason = "unreadable"
            self.proposals[reason or "taken"] += 1
            if reason is None:
                found.append(canonical)
            elif isinstance(text, str):
                self.refuse(text[:_SHOWN], reason)

    def refuse(self, text: str, reason: str) -> None:
        """Remember why a string was dropped; of many the last."""
        refused = self.state.refused
        refused.pop(text, None)
        refused[text] = reason
        for oldest in list(refused)[:-_TOLD]:
            del refused[oldest]

    def fill(self, found: list[str], make: Callable[[], str | None]) -> None:
        for _ in range(_TRIES * self.size):
            if len(found) >= self.size:
                break
            text = make()
            if text is not None and self.verdict(text) is None:
                found.append(text)

    def child(self, parents: list[tuple[float, float, str]]) -> str | None:
        kind = int(self.rng.choice(len(_SHARES), p=_SHARES))
        if kind == 0:
            return mutate(self.winner(parents), self.rng, budget=self.budget)
        if kind == 1:
            pair = self.winner(parents), self.winner(parents)
            return crossover(*pair, self.rng, budget=self.budget)
        return self.drawn()

    def winner(self, parents: list[tuple[float, float, str]]) -> str:
        """Return the best of a few parents; of equal losses the cheaper function."""
        places = self.rng.integers(len(parents), size=_TOURNAMENT)
        return parents[int(places.min())][2]

    def drawn(self) -> str | None:
        return next(iter(sample(self.rng, 1, budget=self.budget)), None)
