"""Search by vectorised symbolic regression: one formula for all columns.

The neuron is b + sum_t <w_t, g_t(x)>. Sets of functions g are found on the Gram matrix of their
blocks (`sets`, `evolve`); the selection of the tensor search then decides on columns, and on
interactions beside them, with the same likelihoods and prices.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from sktaskneuron._clock import seconds_left, within
from sktaskneuron._typing import Matrix, RowNumbers, Vector
from sktaskneuron.formula import NeuronFormula
from sktaskneuron.search.frame.answer import as_formula
from sktaskneuron.search.frame.family import Gaussian
from sktaskneuron.search.frame.fit import Fit, fit_structure
from sktaskneuron.search.frame.model import Structure
from sktaskneuron.search.frame.options import SearchOptions
from sktaskneuron.search.frame.problem import Problem, ScaledTask
from sktaskneuron.search.frame.selection import Additions, select
from sktaskneuron.search.frame.solved import Solution
from sktaskneuron.search.frame.standardise import Standardisation, standardisations
from sktaskneuron.search.frame.terms import FIRST_FUNCTION, TermLibrary
from sktaskneuron.search.sr.adequacy import leaves_functions
from sktaskneuron.search.sr.blocks import Blocks, Quadratic
from sktaskneuron.search.sr.evolve import N_TREES, evolved
from sktaskneuron.search.sr.library import SHAPES, Shape, Term, admitted, choice, powers
from sktaskneuron.search.sr.rounding import rounded
from sktaskneuron.search.sr.scales import common_scales
from sktaskneuron.search.sr.sets import SetSearch

# Rows and columns on which sets of functions are compared. All columns have the same functions, so
# the twelve that say most show which; more rows than these tell no more functions apart.
SET_ROWS, SET_COLUMNS = 4_000, 12
# Rounds of finding functions, selecting columns and interactions, and looking again at what those
# leave.
_ROUNDS = 3
# Most of the time left that the functions may take; the rest is for columns and interactions.
_FUNCTIONS = 0.6
# Fall of the score, relative to its size, that makes another round worth it.
_REL_TOL = 1e-6
# So many functions other than powers may stand for one that the library lacks.
_MANY_FUNCTIONS = 3


@dataclass(frozen=True, eq=False)
class FunctionSolution(Solution):
    """A solution that knows the terms behind its library, and the task that it was given."""

    terms_found: tuple[Term, ...]
    adequate: bool
    task: ScaledTask


@dataclass(frozen=True)
class SymbolicRegression:
    """Functions of all columns, with interactions beside them if asked for.

    Parameters
    ----------
    additions : type of Additions
        Who proposes columns, and interactions of them, beside the functions.
    first_scale : str, default="one unit for all, or each its own where they are unlike"
        What the first scale is, in words for the report.

    See Also
    --------
    sktaskneuron.search.td.TensorDecomposition : Powers and interactions, in one forward-backward
        selection (or by gates).
    sktaskneuron.search.frame.search_formula : Find the formula of a target in numeric columns.

    Examples
    --------
    >>> import numpy as np
    >>> from sktaskneuron.search.frame import Observations, SearchOptions, search_formula
    >>> from sktaskneuron.search.sr import SymbolicRegression
    >>> from sktaskneuron.search.td.forward import ForwardSearch
    >>> X = np.random.default_rng(0).standard_normal((200, 2))
    >>> y = np.abs(X).sum(axis=1, keepdims=True)
    >>> seen = Observations(X, y, np.ones(200), ("a", "b"), False)
    >>> options, rng = SearchOptions(n_resamples=0), np.random.default_rng(0)
    >>> str(search_formula(seen, SymbolicRegression(ForwardSearch), options, rng).fitted.formula)
    'abs(x)'
    """

    additions: type[Additions]
    first_scale: str = "one unit for all, or each its own where they are unlike"

    def scales(self, X: Matrix, weight: Vector, options: SearchOptions) -> list[Standardisation]:
        """Return common scales of the columns first, then the one to four of single columns."""
        return [*common_scales(X, weight), *standardisations(X, weight)]

    def is_enough(self, solution: Solution, scale: Standardisation, other: Standardisation) -> bool:
        """Leave out another unit about the same origin where no function is left to be found."""
        assert isinstance(solution, FunctionSolution)
        return solution.adequate and bool((scale.center == other.center).all())

    def solve(
        self, task: ScaledTask, on_step: Callable[[int, str, float], None], caps: list[str]
    ) -> FunctionSolution:
        """Find functions, then select columns and interactions; look again while that helps."""
        return _Search(task, on_step, caps, self.additions).solve()

    def terms_on(self, solution: Solution, rows: RowNumbers) -> list[str]:
        """Search once more on some rows.

        A function found again with a slightly different constant counts as the same.
        """
        assert isinstance(solution, FunctionSolution)
        again = self.solve(solution.task.subset(rows), lambda step, formula, score: None, [])
        names = {term.expression.text: term for term in solution.terms_found}
        out = []
        for text in again.terms:
            twin = next((t for t in again.terms_found if t.expression.text == text), None)
            same = [name for name, term in names.items() if twin and _alike(term, twin)]
            out.append(same[0] if same else text)
        return list(dict.fromkeys(out))

    def caps(self, n_columns: int, options: SearchOptions) -> list[str]:
        """Return what the search for interactions leaves out."""
        return self.additions.caps(n_columns, options.max_interaction_order)


def _alike(first: Term, second: Term) -> bool:
    return first.shape == second.shape and abs(np.log(abs(first.a / second.a))) < 0.2


def _has_distinct_rows(z: Matrix, n: int) -> bool:
    """Tell whether so many rows differ; mostly the values of the first column tell."""
    return len(np.unique(z[:, 0])) >= n or len(np.unique(z, axis=0)) >= n


@dataclass(eq=False)
class _Search:
    """One search on one scale."""

    task: ScaledTask
    on_step: Callable[[int, str, float], None]
    caps: list[str]
    additions: type[Additions]

    def __post_init__(self) -> None:
        allowed = self.task.options.functions
        library = [shape for shape in SHAPES if admitted(shape.expression.node, allowed)]
        self.shapes = (*powers(self.task.options.max_order), *library)
        self.step = 0
        self.adequate = True
        self.smaller: list[tuple[Term, ...]] = []
        self.choices = {shape: choice(shape, self.shapes) for shape in self.shapes}

    def solve(self) -> FunctionSolution:
        """Take turns: functions for what the rest leaves, then the rest beside the functions."""
        best: FunctionSolution | None = None
        for _ in range(_ROUNDS):
            if best is not None and seconds_left() <= 0:
                break
            terms = () if best is None else best.terms_found
            with within(_FUNCTIONS * seconds_left(), "functions"):
                terms = self._functions(best)
            if best is not None and set(terms) == set(best.terms_found):
                break
            solution = self._select(terms)
            if best is not None and solution.score > best.score - _REL_TOL * abs(best.score):
                break
            best = solution
            structure = best.selection.fit.structure
            n_rows, n_columns = self.task.z.shape
            everything_seen = len(self._last_columns) == n_columns and n_rows <= SET_ROWS
            if isinstance(self.task.family, Gaussian) and everything_seen and not structure.atoms:
                break
        assert best is not None
        return best

    # -- functions ---------------------------------------------------------------------------------

    def _functions(self, so_far: FunctionSolution | None) -> tuple[Term, ...]:
        """Return the set of terms, for what the other parts of the solution so far leave."""
        fit = None if so_far is None else so_far.selection.fit
        task = self.task
        eta = task.family.fit_linear(np.ones((len(task.z), 1))).eta if fit is None else fit.eta
        # of classes the working responses: what a Newton step on the likelihood would fit
        working = task.family.working(eta).with_shared_weight()
        target = eta + working.residual
        start: tuple[Term, ...] = ()
        if so_far is not None and fit is not None:
            start = so_far.terms_found
            target = target - self._beside(so_far, fit)
        rows = self._rows()
        weight = working.weight[rows, 0]
        problem = Quadratic(weight, target[rows], isinstance(task.family, Gaussian))
        columns = self._columns(problem, rows)
        part = np.ascontiguousarray(task.z[np.ix_(rows, columns)])
        candidates = [term for shape in self.shapes for term in shape.terms]
        candidates += self._proposed(part, problem)
        search = SetSearch(part, problem, candidates, self._cost(problem, len(columns)))
        if task.options.max_steps is not None:
            search.max_terms = min(search.max_terms, task.options.max_steps)
        with within(otherwise="functions"):
            return self._found(search, start)
        return min(search.by_size.values(), key=lambda answer: answer.score).terms

    def _tell(self, formula: str, score: float) -> None:
        self.on_step(self.step, formula, score)
        self.step += 1

    def _found(self, search: SetSearch, start: tuple[Term, ...]) -> tuple[Term, ...]:
        """Return the best set, of functions beyond the library too where that leaves some."""
        answer = search(start)
        formula = NeuronFormula(term.expression for term in answer.terms)
        self._tell(str(formula), answer.score)
        self.adequate = not answer.terms or not leaves_functions(
            search.z, search.problem, answer.terms
        )
        n_functions = sum(term.shape.power is None for term in answer.terms)
        if not self.adequate or n_functions >= _MANY_FUNCTIONS:
            allowed = self.task.options.functions
            answer = evolved(search, answer, self.shapes, self.task.seed, allowed)
        answer = rounded(search, answer)
        self.smaller = [
            rounded(search, other).terms
            for size, other in sorted(search.by_size.items())
            if 0 < size < len(answer.terms)
        ]
        return answer.terms

    def _proposed(self, z: Matrix, problem: Quadratic) -> list[Term]:
        """Return the functions that another engine proposes; of several outputs for the first."""
        if self.task.options.proposer is None:
            return []
        found = self.task.options.proposer(z, problem.target[:, 0], problem.weight, self.task.seed)
        known = {shape.text for shape in self.shapes}
        allowed = self.task.options.functions
        new = (g for g in found if g.text not in known and not g.is_power)
        return [Term(Shape(g.text)) for g in new if admitted(g.node, allowed)]

    def _beside(self, so_far: FunctionSolution, fit: Fit) -> Matrix:
        """Return the part of the prediction that is not a function of the columns looked at."""
        structure = fit.structure
        inside = set(self._last_columns.tolist())
        keep = np.array(
            [i not in inside for _, i in structure.pure_columns()] + [True] * len(structure.atoms)
        )
        if not keep.any():
            return np.zeros_like(fit.eta)
        design = structure.design(so_far.problem.table)[:, 1:]
        return np.asarray(design[:, keep] @ fit.coef[1:][keep])

    def _rows(self) -> RowNumbers:
        n = len(self.task.z)
        if n <= SET_ROWS:
            return np.arange(n)
        self.caps.append(f"functions compared on {SET_ROWS} rows, drawn at random")
        rng = np.random.default_rng([self.task.seed, 2])
        return np.sort(rng.choice(n, size=SET_ROWS, replace=False))

    def _columns(self, problem: Quadratic, rows: RowNumbers) -> RowNumbers:
        d, lines = self.task.z.shape[1], self.task.lines
        offered = np.arange(d) if lines is None or lines.all() else np.flatnonzero(~lines)
        if len(offered) <= SET_COLUMNS:
            self._last_columns = offered
            return self._last_columns
        self.caps.append(f"functions found on the {SET_COLUMNS} most promising of {d} columns")
        z = self.task.z[np.ix_(rows, offered)]
        space = Blocks(z, problem, ())
        best = np.zeros(len(offered))
        for text in ("x", "x**2", "x**3", "abs(x)", "sin(x)", "cos(x)", "sin(2*x)", "cos(2*x)"):
            values = space.centred(Shape(text).terms[0].values(z))
            norm = np.maximum(np.einsum("nd,nd->d", values, values), 1e-300)
            np.maximum(best, ((values.T @ space.target) ** 2).sum(axis=1) / norm, out=best)
        promising = np.argsort(-best, kind="stable")[:SET_COLUMNS]
        self._last_columns = np.sort(offered[promising])
        return self._last_columns

    def _cost(self, problem: Quadratic, width: int) -> Callable[[Term], float]:
        """Return the price of a block of the columns looked at."""
        log_n = float(np.log(max(float(self.task.family.n_effective), 3.0)))
        gamma = 0.0 if self.task.options.criterion == "bic" else 1.0
        per_block = self.task.family.n_free_outputs * width * log_n

        def cost(term: Term) -> float:
            constants = term.shape.n_constants * log_n
            return per_block + constants + 2 * gamma * self._choice(term.shape)

        return cost

    def _choice(self, shape: Shape) -> float:
        # a tree is one of all that evolution makes, whatever its size
        return self.choices.get(shape, math.log(len(self.shapes) + N_TREES))

    # -- columns and interactions ------------------------------------------------------------------

    def _library(self, terms: tuple[Term, ...]) -> tuple[TermLibrary, dict[int, Term]]:
        """Return the functions among ``terms`` with their prices, and the terms by their keys."""
        functions = [term for term in terms if term.shape.power is None]
        keys = dict(enumerate(functions, FIRST_FUNCTION))
        choices = {k: self._choice(shape) for shape in self.shapes if (k := shape.power)}
        choices |= {key: self._choice(term.shape) for key, term in keys.items()}
        expressions = {key: term.expression for key, term in keys.items()}
        constants = {key: term.shape.n_constants for key, term in keys.items()}
        return TermLibrary(expressions, constants, choices), keys

    def _structure(
        self, problem: Problem, terms: tuple[Term, ...], keys: dict[int, Term]
    ) -> Structure:
        """Return the structure of full blocks of the terms.

        Of the columns looked at only, or of none, where rows are fewer than twice the weights: they
        would not be determined. Copies of a row count once.
        """
        number = {term: key for key, term in keys.items()}
        keyed = [term.shape.power or number[term] for term in terms]
        seen = np.isin(np.arange(self.task.z.shape[1]), self._last_columns)
        for columns in (np.ones_like(seen), seen):
            masks = {key: problem.space.allowed[key] & columns for key in keyed}
            pure = {key: mask for key, mask in masks.items() if mask.any()}
            n_weights = sum(int(mask.sum()) for mask in pure.values())
            if _has_distinct_rows(self.task.z, 2 * n_weights):
                return Structure(len(seen), pure)
        return Structure(len(seen), {})

    def _select(self, terms: tuple[Term, ...]) -> FunctionSolution:
        """Select columns of the terms, and interactions if asked for."""
        options = self.task.options
        if options.max_steps is not None:
            options = replace(options, max_steps=max(0, options.max_steps - len(terms)))
        # functions of smaller sets are there for the record of models met on the way only
        known = tuple(dict.fromkeys([*terms, *(t for other in self.smaller for t in other)]))
        library, keys = self._library(known)
        problem = Problem.of(replace(self.task, options=options), library)
        offered = tuple(
            key for key in problem.space.pure_orders if key not in keys or keys[key] in terms
        )
        # an interaction is one of as many kinds of terms as there are functions on offer
        problem = replace(
            problem,
            space=replace(problem.space, pure_orders=offered),
            n_kinds=len(self.shapes) + len(problem.space.interaction_orders),
        )

        def report(step: int, fit: Fit, score: float) -> None:
            self._tell(str(as_formula(fit.structure, library)), score)

        start = self._structure(problem, terms, keys)
        selection = select(problem, self.additions, report, start if start.pure else None)
        if self.task.options.n_resamples:
            smaller = [self._structure(problem, other, keys) for other in self.smaller]
            with within(otherwise="formulas of the front"):
                met = [fit_structure(problem.table, self.task.family, s) for s in smaller if s.pure]
                null, *later = selection.visited
                selection = replace(selection, visited=(null, *met, *later))
        in_now = sorted(selection.fit.structure.pure)
        found = tuple(keys[key] if key in keys else Term(self.shapes[key - 1]) for key in in_now)
        return FunctionSolution(problem, selection, found, self.adequate, self.task)
