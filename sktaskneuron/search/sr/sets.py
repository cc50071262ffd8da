"""Which set of terms: exact over powers, by beam and exchange over all functions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np

from sktaskneuron._clock import checkpoint
from sktaskneuron._typing import IndexArray, Matrix, Vector
from sktaskneuron.search.sr.blocks import Blocks, Quadratic, Set
from sktaskneuron.search.sr.library import Term
from sktaskneuron.search.sr.tune import Tuned, Tuner

# Sets carried on side by side, and the neighbours of each that are looked at.
_BEAM, _ADDED, _SWAPPED, _PAIRS = 6, 5, 3, 5
# Most terms of a set: what is still read as a formula.
_MAX_TERMS = 8
# Sets whose constants are tuned per round, those tuned to the end, and rounds of exchange.
_TRIED, _LEADERS, _ROUNDS = 6, 3, 10
# Inner constants of a shape that take part in the search for pairs.
_PER_SHAPE = 2
_TRIAL_STEPS = 3
# Powers up to which all subsets are looked at: 512 small factorisations.
_MAX_POWERS = 9
_REL_TOL = 1e-9
# Sets whose criteria differ by less are equally good, at odds of three to one: the simpler one is
# taken.
_TIE = 2.2

#: ``cost(term)``: price of a block.
Cost = Callable[[Term], float]


@dataclass(frozen=True, eq=False)
class Answer:
    """A set of terms with its criterion."""

    terms: tuple[Term, ...]
    score: float
    tuned: Tuned


def kinds(terms: Iterable[Term]) -> tuple[str, ...]:
    """Return the shapes of a set, sorted: sets of the same kinds differ in constants only."""
    return tuple(sorted(term.shape.text for term in terms))


def _size(answer: Answer) -> int:
    """Return the size of a set's text, so to speak: nodes of the shapes, and their constants."""
    shapes = [term.shape for term in answer.terms]
    return sum(s.expression.complexity + 2 * s.n_constants for s in shapes if s.power is None)


@dataclass(eq=False)
class SetSearch:
    """Finds the set of terms with the least criterion.

    Parameters
    ----------
    z : ndarray of shape (n_samples, n_columns)
        Scaled columns.
    problem : Quadratic
    candidates : sequence of Term
    cost : callable
        Price of a term's block.
    max_terms : int
        Most terms.
    """

    z: Matrix
    problem: Quadratic
    candidates: Sequence[Term]
    cost: Cost
    max_terms: int = _MAX_TERMS
    blocks: Blocks = field(init=False)
    tuner: Tuner = field(init=False)
    by_size: dict[int, Answer] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.blocks = Blocks(self.z, self.problem, self.candidates)
        self.tuner = Tuner(self.z, self.problem)
        # with as many numbers as rows everything fits
        n_outputs = self.problem.target.shape[1]
        most = (float(self.problem.weight.sum()) / 2 - n_outputs) / (n_outputs * self.z.shape[1])
        self.max_terms = max(0, min(self.max_terms, int(most)))

    def __call__(self, start: Sequence[Term] = ()) -> Answer:
        """Return the best set; ``start`` is one to begin with, beside others."""
        null = self.answer(self.tuner(()))
        if self.max_terms == 0:
            return null
        answers = [null]
        if start:
            answers.append(self.answer(self.tuner(start)))
        trials = [self.terms_of(blocks) for _, blocks in self.beam()]
        answers += self.tuned(trials)
        answers.sort(key=lambda answer: answer.score)
        best = self.exchanged(answers[0])
        for other in answers[1:2]:
            second = self.exchanged(other)
            if second.score < best.score:
                best = second
        return best

    # -- scores ------------------------------------------------------------------------------------

    def price(self, terms: Iterable[Term]) -> float:
        """Return the price of a set."""
        return sum(self.cost(term) for term in terms)

    def answer(self, tuned: Tuned) -> Answer:
        """Return tuned terms with their criterion; keep the best set of each size."""
        answer = Answer(tuned.terms, tuned.deviance + self.price(tuned.terms), tuned)
        size = len(answer.terms)
        if size not in self.by_size or answer.score < self.by_size[size].score:
            self.by_size[size] = answer
        return answer

    def terms_of(self, blocks: Set) -> tuple[Term, ...]:
        """Return the candidates of some numbers."""
        return tuple(self.blocks.terms[c] for c in blocks)

    def score(self, blocks: Set) -> float:
        """Return the criterion of a set of candidates as they are."""
        deviance = float(self.problem.deviance(self.blocks.rss(blocks)))
        return deviance + self.price(self.terms_of(blocks))

    def _costs(self) -> Vector:
        return np.array([self.cost(term) for term in self.blocks.terms])

    # -- sets of candidates ------------------------------------------------------------------------

    def power_sets(self, beside: Set = ()) -> list[tuple[float, Set]]:
        """Return all subsets of the powers, each with the terms ``beside``, the best first."""
        powers = [c for c, term in enumerate(self.candidates) if term.shape.power is not None]
        powers = powers[:_MAX_POWERS]
        room = self.max_terms - len(beside)
        sets = [
            (*beside, *chosen)
            for size in range(min(len(powers), room) + 1)
            for chosen in combinations(powers, size)
        ]
        return sorted((self.score(blocks), blocks) for blocks in sets)

    def beam(self) -> list[tuple[float, Set]]:
        """Return good sets of candidates of different kinds, the best first."""
        everyone = np.arange(len(self.blocks.terms))
        states = [(self.score(()), ()), *self.power_sets()[:2]]
        if self.max_terms >= 2:
            couples, deviance = self.blocks.rest(()).pairs(everyone)
            costs = self._costs()
            value = deviance + costs[couples].sum(axis=1)
            states += self._distinct(couples, value, (), 4 * _PAIRS)
        states = self._leaders(states)
        seen: set[Set] = set()
        while True:
            fresh = [blocks for _, blocks in states if blocks not in seen]
            if not fresh:
                return states
            grown = list(states)
            for blocks in fresh:
                checkpoint()
                seen.add(blocks)
                grown += self._neighbours(blocks)
            states = self._leaders(grown)

    def _leaders(self, states: list[tuple[float, Set]]) -> list[tuple[float, Set]]:
        best: dict[tuple[str, ...], tuple[float, Set]] = {}
        for value, blocks in sorted((value, tuple(sorted(blocks))) for value, blocks in states):
            best.setdefault(kinds(self.terms_of(blocks)), (value, blocks))
        return list(best.values())[:_BEAM]

    def _neighbours(self, blocks: Set) -> list[tuple[float, Set]]:
        costs = self._costs()
        out = []
        if len(blocks) < self.max_terms:
            value = self.blocks.rest(blocks).single() + costs + costs[list(blocks)].sum()
            out += self._distinct(np.arange(len(value))[:, None], value, blocks, _ADDED)
        for c in blocks:
            rest = tuple(other for other in blocks if other != c)
            out.append((self.score(rest), rest))
            value = self.blocks.rest(rest).single() + costs + costs[list(rest)].sum()
            out += self._distinct(np.arange(len(value))[:, None], value, rest, _SWAPPED)
        return out

    def _distinct(
        self, new: IndexArray, value: Vector, rest: Set, most: int
    ) -> list[tuple[float, Set]]:
        """Return ``rest`` with the best additions ``new`` (n, n_new), of different kinds each."""
        out: dict[tuple[str, ...], tuple[float, Set]] = {}
        for place in np.argsort(value, kind="stable")[: 40 * most]:
            added = tuple(int(c) for c in new[place])
            if set(added) & set(rest):
                continue
            out.setdefault(kinds(self.terms_of(added)), (float(value[place]), (*rest, *added)))
            if len(out) == most:
                break
        return list(out.values())

    # -- tuned sets --------------------------------------------------------------------------------

    def tuned(self, trials: Sequence[tuple[Term, ...]]) -> list[Answer]:
        """Return the best of some sets with tuned constants: few steps for all, more for some."""
        first = [self.answer(self.tuner(terms, _TRIAL_STEPS)) for terms in trials]
        first.sort(key=lambda answer: answer.score)
        return [self.answer(self.tuner(answer.terms)) for answer in first[:_LEADERS]]

    def exchanged(self, answer: Answer) -> Answer:
        """Exchange, add and take out terms while that pays, constants tuned on the way."""
        for _ in range(_ROUNDS):
            trials = self._exchanges(answer)
            if not trials:
                break
            others = self.tuned(trials)
            best = min(others, key=lambda other: other.score)
            if best.score >= answer.score - _REL_TOL * (1.0 + abs(answer.score)):
                return min(
                    (other for other in [answer, *others] if other.score < answer.score + _TIE),
                    key=lambda other: (_size(other), other.score),
                )
            answer = best
        return answer

    def _exchanges(self, answer: Answer) -> list[tuple[Term, ...]]:
        """Return neighbours of a tuned set that look best, of different kinds each.

        What stays may move its constants a little while the rest is exchanged: their tangents are
        taken out too.
        """
        n_candidates = len(self.blocks.terms)
        inside = self.blocks.add(answer.terms)
        costs = self._costs()
        everyone = np.arange(n_candidates)
        found: list[tuple[float, tuple[Term, ...]]] = []
        sizes = range(min(2, len(inside)) + 1)
        for leaving in (out for size in sizes for out in combinations(inside, size)):
            stay = tuple(c for c in inside if c not in leaving)
            kept = self.terms_of(stay)
            rest = self.blocks.rest(stay, self.tuner.fixed(kept).tangents)
            base = costs[list(stay)].sum()
            if leaving:
                found.append((float(self.problem.deviance(rest.rss)) + base, kept))
            if len(stay) < self.max_terms:
                value = rest.single()[:n_candidates] + costs[:n_candidates] + base
                found += self._with(kept, everyone[:, None], value)
            if leaving and len(stay) + 2 <= self.max_terms:
                couples, deviance = rest.pairs(self._promising(value))
                found += self._with(kept, couples, deviance + costs[couples].sum(axis=1) + base)
        others = tuple(c for c in inside if self.blocks.terms[c].shape.power is None)
        found += [(value, self.terms_of(b)) for value, b in self.power_sets(others)[:3]]
        self.blocks.truncate(n_candidates)
        # A smaller set looks worse than it is until its constants are tuned, so every size has its
        # share of the trials.
        left = {
            size: 2 * _TRIED if size <= len(answer.terms) else _TRIED
            for size in range(self.max_terms + 1)
        }
        best: dict[tuple[str, ...], tuple[Term, ...]] = {}
        for _, terms in sorted(found, key=lambda pair: pair[0]):
            kind, room = kinds(terms), left.get(len(terms), 0)  # powers may be one too many
            if kind in best or not room or frozenset(terms) == frozenset(answer.terms):
                continue
            best[kind] = terms
            left[len(terms)] -= 1
        return list(best.values())

    def _promising(self, value: Vector) -> IndexArray:
        """Return the candidates of each shape that are best alone: partners of a pair."""
        counts: dict[str, int] = {}
        chosen = []
        for c in np.argsort(value, kind="stable"):
            text = self.blocks.terms[c].shape.text
            counts[text] = counts.get(text, 0) + 1
            if counts[text] <= _PER_SHAPE:
                chosen.append(c)
        return np.sort(np.asarray(chosen, dtype=np.intp))

    def _with(
        self, kept: tuple[Term, ...], new: IndexArray, value: Vector
    ) -> list[tuple[float, tuple[Term, ...]]]:
        pairs = self._distinct(new, value, (), _TRIED)
        return [(score, (*kept, *self.terms_of(added))) for score, added in pairs]
