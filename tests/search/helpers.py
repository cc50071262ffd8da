"""Small tables, structures and searches for the tests of this folder."""

from __future__ import annotations

from contextlib import contextmanager

import numpy as np

from sktaskneuron.search.engines import search_method
from sktaskneuron.search.frame.criteria import Price
from sktaskneuron.search.frame.family import Gaussian
from sktaskneuron.search.frame.fit import Fit
from sktaskneuron.search.frame.model import Atom, Structure, Table
from sktaskneuron.search.frame.observations import Observations
from sktaskneuron.search.frame.options import SearchOptions
from sktaskneuron.search.frame.problem import Problem
from sktaskneuron.search.frame.progress import SILENCE, Progress
from sktaskneuron.search.frame.proposals import Space
from sktaskneuron.search.frame.result import SearchResult
from sktaskneuron.search.frame.search import search_formula

MAX_ORDER = 5


def draw_table(seed: int, n: int, d: int) -> Table:
    return Table.from_array(np.random.default_rng(seed).standard_normal((n, d)), MAX_ORDER)


def draw_atom(rng: np.random.Generator, order: int, d: int, width: int | None = None) -> Atom:
    """An atom of ``width`` columns per factor (all of them by default)."""
    support = np.zeros((order, d), dtype=bool)
    for row in support:
        row[rng.choice(d, size=d if width is None else width, replace=False)] = True
    return Atom.from_factors(rng.standard_normal((order, d)), support)


def mask_of(columns: list[int], d: int) -> np.ndarray:
    mask = np.zeros(d, dtype=bool)
    mask[columns] = True
    return mask


def gaussian(target: np.ndarray, weight: np.ndarray | None = None) -> Gaussian:
    target = target.reshape(len(target), -1)
    return Gaussian(target, np.ones(len(target)) if weight is None else weight)


def price_for(table: Table, gamma: float = 1.0, n_outputs: int = 1) -> Price:
    return Price(
        log_n=float(np.log(table.n_samples)),
        gamma=gamma,
        n_orders=MAX_ORDER + 2,
        n_outputs=n_outputs,
        n_allowed=dict.fromkeys(range(1, MAX_ORDER + 1), table.n_features),
    )


def space_for(table: Table, max_rank: int = 4) -> Space:
    allowed = {k: np.ones(table.n_features, dtype=bool) for k in range(1, MAX_ORDER + 1)}
    n_features = len(next(iter(allowed.values())))
    support = np.ones((n_features, n_features), dtype=bool)
    return Space(tuple(allowed), (2, 3), max_rank, allowed, support)


def values(structure: Structure, coef: np.ndarray, table: Table) -> np.ndarray:
    return structure.design(table) @ coef


def as_fit(structure: Structure, coef: np.ndarray, table: Table) -> Fit:
    """A structure with given numbers, as if they had been fitted."""
    return Fit(structure, coef, values(structure, coef, table), 0.0)


def problem_for(
    table: Table, family: Gaussian, max_rank: int = 4, max_steps: int | None = None
) -> Problem:
    options = SearchOptions(max_rank=max_rank, max_steps=max_steps)
    return Problem(table, family, space_for(table, max_rank), options, seed=0)


def find(
    X: np.ndarray,
    y: np.ndarray,
    weight: np.ndarray | None = None,
    *,
    method: str = "td",
    classification: bool = False,
    seed: int = 0,
    progress: Progress = SILENCE,
    **options: object,
) -> SearchResult:
    """Search in a plain table; y holds values, or 0/1 indicators (n_samples, n_outputs)."""
    observations = Observations(
        X,
        np.asarray(y, dtype=float).reshape(len(X), -1),
        np.ones(len(X)) if weight is None else weight,
        [f"x{i}" for i in range(X.shape[1])],
        classification,
    )
    settings = SearchOptions(**{"n_resamples": 0, **options})
    rng = np.random.default_rng(seed)
    return search_formula(observations, search_method(method), settings, rng, progress)


def formula_of(*args: object, **kwargs: object) -> str:
    return str(find(*args, **kwargs).fitted.formula)


def columns(seed: int, n: int = 400, d: int = 5) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, d))


def noise(seed: int, size, scale: float = 0.1) -> np.ndarray:
    return scale * np.random.default_rng([seed, 1]).standard_normal(size)


class Told:
    """Writes down what a search tells: parts, steps, and with a stroke the ends of parts."""

    def __init__(self):
        self.texts = []

    def step(self, text):
        self.texts.append(text)

    @contextmanager
    def part(self, name, n_steps=None):
        self.texts.append(name)
        yield self
        self.texts.append(f"/{name}")
