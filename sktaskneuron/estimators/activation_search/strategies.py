"""Which activations a search evaluates: those drawn, asked for by a surrogate, or evolved."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike

import numpy as np

from sktaskneuron._typing import AnyArray, Matrix
from sktaskneuron.estimators.activation_search.candidates import CLASSIC
from sktaskneuron.exceptions import FormulaError

# Candidates of a round of the surrogate, its pool from the grammar, and those of a generation.
_ROUND, _POOL, _GENERATION = 4, 200, 12

#: Activations as texts to rows of numbers, (n_texts, n_numbers), the held-out losses first.
Evaluate = Callable[[Sequence[str]], Matrix]


@dataclass(frozen=True, eq=False)
class Features:
    """What the surrogate is told of networks, to know activations before they are trained.

    Parameters
    ----------
    inputs : ndarray of shape (n_rows, n_columns)
        Scaled.
    target : ndarray
        Standardised values (n_rows, n_outputs), or class codes (n_rows,).
    hidden_layer_sizes : tuple of int
    n_outputs : int
    classification : bool
    """

    inputs: Matrix
    target: AnyArray
    hidden_layer_sizes: tuple[int, ...]
    n_outputs: int
    classification: bool


@dataclass(frozen=True, eq=False)
class Strategy:
    """How to search.

    Parameters
    ----------
    kind : {"portfolio", "surrogate", "evolve"}
    listed : sequence of str
        Names and expressions to begin with, the fallback among them.
    grammar : bool
        Whether more are drawn from the grammar.
    fallback : str
    n_evaluations : int
    proposer, checkpoint :
        Of evolution.
    depends : mapping of str to object
        What the losses depend on; a checkpoint of others is refused.
    seed : int
    """

    kind: str
    listed: Sequence[str]
    grammar: bool
    fallback: str
    n_evaluations: int
    proposer: Callable[..., list[str]] | None
    checkpoint: str | PathLike[str] | None
    depends: Mapping[str, object]
    seed: int

    def run(
        self,
        evaluate: Evaluate,
        features: Features,
        remember: Callable[[Sequence[str], Matrix], None],
    ) -> None:
        """Evaluate activations, one batch after the other; ``remember`` those of a checkpoint."""
        rng = np.random.default_rng(self.seed)
        if self.kind == "evolve":
            self._evolve(evaluate, rng, remember)
        elif self.kind == "surrogate":
            self._ask(evaluate, features, rng)
        else:
            evaluate(self._pool(rng, self.n_evaluations)[: self.n_evaluations])

    def _pool(self, rng: np.random.Generator, n_drawn: int) -> list[str]:
        """Return the candidates, and with a grammar those drawn from it that are none of them."""
        from sktaskneuron.search.activation.admission import output_key
        from sktaskneuron.search.activation.grammar import sample

        pool = list(self.listed)
        if self.grammar:
            known = {output_key(text) for text in _expressions(pool)}
            drawn = sample(rng, n_drawn)
            pool += [text for text in drawn if output_key(text) not in known]
        return pool

    def _ask(self, evaluate: Evaluate, features: Features, rng: np.random.Generator) -> None:
        from sktaskneuron.search.activation.features import fisher_features, output_features
        from sktaskneuron.search.activation.surrogate import search_surrogate

        pool, total = self._pool(rng, _POOL), self.n_evaluations
        known = [
            output_features(pool),
            fisher_features(
                pool,
                features.inputs,
                features.target,
                features.hidden_layer_sizes,
                features.n_outputs,
                classification=features.classification,
                seed=self.seed,
            ),
        ]
        first = [name for name in pool if name in CLASSIC or name == self.fallback]
        others = [name for name in pool if name not in first]
        extra = min(_ROUND, len(others), max(0, total - len(first)))
        first += [str(text) for text in rng.permutation(np.asarray(others, dtype=object))[:extra]]
        search_surrogate(
            pool,
            known,
            lambda texts: evaluate(texts)[:, 0],
            n_evaluations=min(total, len(pool)),
            initial=first[:total],
            batch_size=_ROUND,
            rng=rng,
        )

    def _evolve(
        self,
        evaluate: Evaluate,
        rng: np.random.Generator,
        remember: Callable[[Sequence[str], Matrix], None],
    ) -> None:
        from sktaskneuron.search.activation.evolve import search_evolve

        size = min(_GENERATION, self.n_evaluations)
        if self.proposer is not None:
            # it is asked from the second generation on
            size = min(size, max(1, self.n_evaluations // 2))
            if self.n_evaluations < 2:
                warnings.warn(
                    f"n_evaluations={self.n_evaluations} ends the search before the proposer is "
                    "asked; use 2 or more",
                    UserWarning,
                    stacklevel=2,
                )
        search_evolve(
            evaluate,
            initial=list(dict.fromkeys(_expressions(self.listed)))[:size],
            population_size=size,
            n_generations=max(1, round(self.n_evaluations / size)),
            proposer=self.proposer,
            rng=rng,
            checkpoint=self.checkpoint,
            settings={**self.depends, "list of candidates": list(self.listed)},
            on_resume=remember,
        )


def _expressions(names: Sequence[str]) -> list[str]:
    """Return the expressions of those that have one."""
    from sktaskneuron.search.activation.grammar import canonical_text

    found = []
    for name in names:
        try:
            found.append(canonical_text(name))
        except FormulaError:
            continue  # a function by cases
    return found
