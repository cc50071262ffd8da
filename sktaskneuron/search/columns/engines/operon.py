"""The engine ``"operon"``: genetic programming by pyoperon (extra ``sr``), in a child process.

Burlacu, Kronberger and Kommenda, *Operon C++: an efficient genetic programming framework for
symbolic regression*, GECCO 2020.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from sktaskneuron._typing import FloatArray, Matrix, Vector
from sktaskneuron.exceptions import EngineError, FormulaError, MissingDependencyError
from sktaskneuron.formula.text.canonical import make_product, make_sum
from sktaskneuron.formula.text.nodes import Node, Number, Sum, Variable
from sktaskneuron.search.columns.engines.child import call_in_child, seconds_for_child
from sktaskneuron.search.columns.engines.protocol import ColumnsProblem
from sktaskneuron.search.columns.engines.rows import drawn_rows
from sktaskneuron.search.columns.engines.text import parse_engine_text, read_front
from sktaskneuron.search.columns.rules import Rules, running_rules

if TYPE_CHECKING:
    import pyoperon

_ENGINE = "operon"
# Evaluations by default, and the least that let one generation pass.
_EVALUATIONS, _LEAST_EVALUATIONS = 150_000, 2_000
# Seconds before the child is given up: a start, and two orders of magnitude more than an evaluation
# takes on the most rows.
_START_SECONDS, _EVALUATION_SECONDS = 600.0, 0.05
# Steps of Levenberg and Marquardt per equation, and levels of a tree.
_LOCAL_STEPS, _DEPTH = 5, 10
# Generations that the evaluations should suffice for, and bounds of the individuals of one. With
# 60,000 evaluations on four formulas, 250 individuals left a median of 1e-3 of the variance and
# 1,000 left 8e-3; with 150,000, 500 and 1,000 left the same.
_GENERATIONS, _LEAST_POPULATION, _MOST_POPULATION = 200, 100, 1_000
# A column is shifted where its mean is larger than so many of its standard deviations.
_FAR = 1e3
_INFIX = {"Add": "+", "Sub": "-", "Mul": "*", "Div": "/"}
#: Functions of pyoperon, and how they are written.
FUNCTIONS = {
    "Cos": "cos",
    "Exp": "exp",
    "Log": "log",
    "Sin": "sin",
    "Sqrt": "sqrt",
    "Square": "square",
    "Tanh": "tanh",
}
_ALWAYS = ("constant", "variable", *map(str.lower, _INFIX))


def search_operon(problem: ColumnsProblem) -> list[Node]:
    """Find equations by pyoperon: its whole front of accuracy and length.

    The same seed finds the same equations: what ends the search is the number of evaluations.
    pyoperon knows no weights, so that weighted rows are drawn as often as their weights say. It
    adds a constant to every equation; each comes with and without.

    Parameters
    ----------
    problem : ColumnsProblem
        ``max_steps`` counts evaluations; None is 150,000. ``max_complexity`` bounds pyoperon's own
        count, in which a column has a coefficient for free.

    Returns
    -------
    nodes : list of Node
        Canonical trees of the columns' names.

    Raises
    ------
    EngineError
        If the child process dies or answers what cannot be read.
    MissingDependencyError
        If pyoperon is not installed.
    """
    rows = drawn_rows(problem.weight, problem.seed)
    X, y = problem.X[rows], problem.y[rows]
    center = float(y.mean())
    spread = float(_root_mean_square(y - center))
    if spread == 0 or X.shape[1] == 0:
        return [Number(float(problem.weight @ problem.y / problem.weight.sum()))]
    evaluations = max(problem.max_steps or _EVALUATIONS, _LEAST_EVALUATIONS)
    shift, scale = _scales(X)
    answer = call_in_child(
        f"{__name__}:fit_front",
        # pyoperon computes in float32
        {"X": (X - shift) / scale, "y": (y - center) / spread},
        {
            "max_length": max(problem.max_complexity, 3),
            "max_evaluations": evaluations,
            "population_size": min(
                max(evaluations // _GENERATIONS, _LEAST_POPULATION), _MOST_POPULATION
            ),
            "random_state": problem.seed,
            "max_time": seconds_for_child(),
            "allowed_symbols": ",".join((*_ALWAYS, *allowed_functions(running_rules()))),
        },
        engine=_ENGINE,
        limit=_START_SECONDS + _EVALUATION_SECONDS * evaluations,
        on_step=problem.on_step,
    )
    if not isinstance(answer, list) or not all(isinstance(text, str) for text in answer):
        raise EngineError(f"engine={_ENGINE!r} answered no list of equations")
    variables = {
        f"X{i + 1}": make_product(
            [Number(1 / scale[i]), make_sum([Variable(name), Number(-shift[i])])]
        )
        for i, name in enumerate(problem.names)
    }

    def read(text: str) -> list[Node]:
        found = parse_engine_text(text, variables)
        node = make_sum([make_product([Number(spread), found]), Number(center)])
        if isinstance(node, Sum) and node.constant != 0:
            return [node, make_sum(node.terms)]
        return [node]

    return read_front(answer, read, _ENGINE)


def allowed_functions(rules: Rules) -> list[str]:
    """Return pyoperon's names of the functions that rules admit; a square is a power."""
    x = Variable("x")
    trees = {name: parse_engine_text(f"{name}(x)", {"x": x}) for name in FUNCTIONS.values()}
    return [name for name, tree in trees.items() if rules.admit_part(tree)]


def _scales(X: Matrix) -> tuple[Vector, Vector]:
    """Return a shift and a scale of every column, (n_features,), that suit float32.

    A scale alone leaves products and powers of columns what they are, and one that is a power of
    two rounds nothing. Shifted are columns of nearly one value only, such as years, whose products
    and powers are straight lines anyway.
    """
    mean = X.mean(axis=0)
    shift = np.where(np.abs(mean) > _FAR * _root_mean_square(X - mean), mean, 0.0)
    size = _root_mean_square(X - shift)
    return shift, np.exp2(np.round(np.log2(np.where(size > 0, size, 1.0))))


def _root_mean_square(values: FloatArray) -> FloatArray:
    """Return the root mean square along the rows; squares of huge numbers do not overflow."""
    top = np.abs(values).max(axis=0)
    return np.asarray(top * np.sqrt(np.mean((values / np.where(top > 0, top, 1.0)) ** 2, axis=0)))


# -- in the child ----------------------------------------------------------------------------------


def fit_front(arrays: Mapping[str, FloatArray], options: Mapping[str, object]) -> list[str]:
    """Search in the child process.

    Parameters
    ----------
    arrays : mapping
        ``X`` of shape (n_samples, n_features) and ``y`` of shape (n_samples,).
    options : mapping
        Arguments of pyoperon's regressor.

    Returns
    -------
    equations : list of str
        Of the columns ``X1``, ``X2``, ...

    Raises
    ------
    MissingDependencyError
        If pyoperon cannot be imported.
    """
    try:
        from pyoperon.sklearn import SymbolicRegressor
    except ImportError as error:
        reason = "" if isinstance(error, ModuleNotFoundError) else f" (its import fails: {error})"
        raise MissingDependencyError(
            f"engine={_ENGINE!r} needs pyoperon; install sktaskneuron[sr]{reason}"
        ) from error
    model = SymbolicRegressor(
        objectives=["r2", "length"],
        optimizer_iterations=_LOCAL_STEPS,
        max_depth=_DEPTH,
        generations=options["max_evaluations"],  # the evaluations end the search
        n_threads=1,
        **options,
    )
    model.fit(arrays["X"], arrays["y"])
    # of the front, not of pyoperon's own choice from it: that (description length at noise 1)
    # throws good equations away
    texts = []
    for solution in model.pareto_front_:
        try:
            texts.append(_text(solution["tree"].Nodes, model.variables_))
        except FormulaError:
            continue
    return texts


def _text(nodes: Sequence[pyoperon.Node], names: Mapping[int, str]) -> str:
    """Write a tree, given in postfix order, with the first operand last.

    pyoperon's own formatter has fixed decimals, which lose small numbers, and prints min for max.
    """
    stack: list[str] = []
    for node in nodes:
        kind = node.Type.name
        if node.IsVariable:
            stack.append(f"({float(node.Value):.9g}*{names[node.HashValue]})")
        elif node.IsConstant:
            stack.append(f"({float(node.Value):.9g})")
        elif kind in _INFIX and node.Arity == 2:
            left, right = stack.pop(), stack.pop()
            stack.append(f"({left}{_INFIX[kind]}{right})")
        elif kind in FUNCTIONS and node.Arity == 1:
            stack.append(f"{FUNCTIONS[kind]}({stack.pop()})")
        else:
            raise FormulaError(f"{kind} of {node.Arity} arguments has no text")
    return stack.pop()
