"""The engine ``"pysr"``: genetic programming by PySR (extra ``pysr``), in a child process.

Cranmer, *Interpretable machine learning for science with PySR and SymbolicRegression.jl*,
arXiv:2305.01582. The search runs in Julia, which PySR fetches when it is first imported.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from sktaskneuron._typing import FloatArray, Matrix, Vector
from sktaskneuron.exceptions import EngineError, FormulaError, MissingDependencyError
from sktaskneuron.formula.equation.expression import ElementwiseExpression
from sktaskneuron.formula.equation.trees import additive_terms
from sktaskneuron.formula.text.canonical import without_scale
from sktaskneuron.formula.text.nodes import Node, Variable
from sktaskneuron.search.columns.engines.child import call_in_child, seconds_for_child
from sktaskneuron.search.columns.engines.protocol import ColumnsProblem
from sktaskneuron.search.columns.engines.rows import MAX_ROWS, drawn_rows
from sktaskneuron.search.columns.engines.text import parse_engine_text, read_front
from sktaskneuron.search.columns.rules import Rules, running_rules

_ENGINE = "pysr"
# PySR's iterations by default, and the least size of an equation that it takes.
_ITERATIONS, _LEAST_SIZE = 40, 7
# Nodes of one function of all columns.
_COMPLEXITY = 20
# Seconds before the child is given up: a first use that fetches and compiles Julia, and an
# iteration, which takes seconds.
_START_SECONDS, _ITERATION_SECONDS = 3_600.0, 600.0
_BINARY = ("+", "-", "*", "/")
_UNARY = ("sin", "cos", "exp", "log", "sqrt", "square", "cube", "tanh", "abs")


def search_pysr(problem: ColumnsProblem) -> list[Node]:
    """Find equations by PySR: its whole hall of fame.

    The same seed finds the same equations: the search is serial and deterministic.

    Parameters
    ----------
    problem : ColumnsProblem
        ``max_steps`` counts PySR's iterations; None is 40. ``max_complexity`` is PySR's
        ``maxsize``, 7 at least.

    Returns
    -------
    nodes : list of Node
        Canonical trees of the columns' names.

    Raises
    ------
    EngineError
        If the child process dies or answers what cannot be read.
    MissingDependencyError
        If PySR is not installed, or cannot fetch Julia.
    """
    return equations_of_columns(_table(problem, template=False), problem.names)


def search_elementwise(problem: ColumnsProblem) -> list[ElementwiseExpression]:
    r"""Find functions g of :math:`y = b + \sum_i w_i\, g(x_i)` by PySR's template expressions.

    Parameters
    ----------
    problem : ColumnsProblem
        As for `search_pysr`. g is the same for all columns, so that these should be on the scale
        on which it is to be read; their names play no part.

    Returns
    -------
    functions : list of ElementwiseExpression
        Without their scale and their constant, which :math:`w` and :math:`b` carry: every g of
        the hall of fame, and the additive parts of each.

    Raises
    ------
    EngineError
        If the child process dies or answers what cannot be read.
    MissingDependencyError
        If PySR is not installed, or cannot fetch Julia.
    """
    return functions_of_template(_table(problem, template=True))


def propose_functions(
    z: Matrix, target: Vector, weight: Vector, seed: int
) -> list[ElementwiseExpression]:
    """Return functions of all columns by `search_elementwise`, for the search of a neuron.

    Parameters
    ----------
    z : ndarray of shape (n_samples, n_features)
        On the scale on which the functions are read.
    target, weight : ndarray of shape (n_samples,)
    seed : int

    Returns
    -------
    functions : list of ElementwiseExpression
    """
    names = tuple(f"x{i}" for i in range(z.shape[1]))
    problem = ColumnsProblem(z, names, target, weight, _COMPLEXITY, None, seed, lambda text: None)
    return search_elementwise(problem)


def _table(problem: ColumnsProblem, *, template: bool) -> str:
    """Run PySR and return its hall of fame as the text of its file."""
    # few rows go as they are, with their weights
    few = len(problem.y) <= MAX_ROWS
    rows = np.arange(len(problem.y)) if few else drawn_rows(problem.weight, problem.seed)
    arrays = {"X": problem.X[rows], "y": problem.y[rows]}
    if few and np.ptp(problem.weight) > 0:
        arrays["weight"] = problem.weight
    iterations = max(problem.max_steps or _ITERATIONS, 1)
    answer = call_in_child(
        f"{__name__}:hall_of_fame",
        arrays,
        {
            "template": template,
            "niterations": iterations,
            "maxsize": max(problem.max_complexity, _LEAST_SIZE),
            "random_state": problem.seed,
            "timeout_in_seconds": seconds_for_child(),
            **ruled_options(running_rules(), problem.names),
        },
        engine=_ENGINE,
        limit=_START_SECONDS + _ITERATION_SECONDS * iterations,
        on_step=problem.on_step,
    )
    if not isinstance(answer, str):
        raise EngineError(f"engine={_ENGINE!r} answered no table of equations")
    return answer


def ruled_options(rules: Rules, names: Sequence[str]) -> dict[str, object]:
    """Return the arguments of PySR that follow from rules of equations."""
    x = Variable("x")
    trees = {name: parse_engine_text(f"{name}(x)", {"x": x}) for name in _UNARY}
    unary = [name for name, tree in trees.items() if rules.admit_part(tree)]
    found: dict[str, object] = {"unary_operators": unary}
    operators = {name: rules.sizes[name] for name in unary if name in rules.sizes}
    if operators:
        found["complexity_of_operators"] = operators
    if any(name in rules.sizes for name in names):
        found["complexity_of_variables"] = [rules.sizes.get(name, 1) for name in names]
    nested = {
        outer: {inner: 0 for inner in sorted(refused) if inner in unary}
        for outer, refused in rules.nesting.items()
        if outer in unary
    }
    if any(nested.values()):
        found["nested_constraints"] = {outer: inner for outer, inner in nested.items() if inner}
    return found


# -- what PySR writes ------------------------------------------------------------------------------


def equations_of_columns(table: str, names: tuple[str, ...]) -> list[Node]:
    """Read a hall of fame of equations of columns.

    Parameters
    ----------
    table : str
        The text of PySR's ``hall_of_fame.csv``, with the columns Complexity, Loss and Equation.
    names : tuple of str
        What ``x0``, ``x1``, ... stand for.

    Returns
    -------
    nodes : list of Node
        Canonical trees; equations that cannot be read are left out.

    Raises
    ------
    EngineError
        If nothing of it can be read.
    """
    variables: dict[str, Node] = {f"x{i}": Variable(name) for i, name in enumerate(names)}
    return read_front(_equations(table), lambda text: [parse_engine_text(text, variables)], _ENGINE)


def functions_of_template(table: str) -> list[ElementwiseExpression]:
    """Read a hall of fame of template expressions, ``g = cos(#1); w = [1.0, 2.0]; b = [0.5]``.

    Parameters
    ----------
    table : str
        The text of PySR's ``hall_of_fame.csv``.

    Returns
    -------
    functions : list of ElementwiseExpression
        Every g without its scale and its constant, and the additive parts of each; none that is
        constant.

    Raises
    ------
    EngineError
        If nothing of it can be read.
    """

    def read(text: str) -> list[Node]:
        whole = parse_engine_text(_part(text, "g"), {"#1": Variable()})
        parts = [whole, *additive_terms(whole)[0]]
        cores = [core for core in map(without_scale, parts) if core is not None]
        return [ElementwiseExpression(core).node for core in cores] or [whole]

    nodes = read_front(_equations(table), read, _ENGINE)
    functions = map(ElementwiseExpression, nodes)
    return [function for function in functions if not function.is_constant]


def _part(text: str, key: str) -> str:
    """Return what one name of a template expression stands for.

    The parts stand in one line or, as PySR prints them, in a line each with a frame before it.
    """
    for part in re.split(r"[;\n]", text):
        name, found, value = part.partition("=")
        if found and name.strip(" \t\r╭├╰") == key:
            return value
    raise FormulaError(f"a template expression without {key}")


def _equations(table: str) -> list[str]:
    """Return the column Equation of a table."""
    try:
        rows = list(csv.reader(io.StringIO(table)))
    except csv.Error as error:
        raise EngineError(f"engine={_ENGINE!r} wrote a table that is no CSV: {error}") from error
    header = [title.strip().lower() for title in rows[0]] if rows else []
    if "equation" not in header:
        raise EngineError(f"engine={_ENGINE!r} wrote a table without the column Equation")
    place = header.index("equation")
    return [row[place] for row in rows[1:] if len(row) == len(header)]


# -- in the child ----------------------------------------------------------------------------------


def hall_of_fame(arrays: Mapping[str, FloatArray], options: Mapping[str, object]) -> str:
    """Search in the child process.

    Parameters
    ----------
    arrays : mapping
        ``X`` of shape (n_samples, n_features), ``y`` of shape (n_samples,) and maybe ``weight`` of
        shape (n_samples,).
    options : mapping
        ``template``, and arguments of PySR's regressor.

    Returns
    -------
    table : str
        The text of the hall of fame's file.

    Raises
    ------
    MissingDependencyError
        If PySR cannot be imported.
    """
    try:
        from pysr import PySRRegressor, TemplateExpressionSpec
    except Exception as error:  # without Julia and a network it is a URLError of juliapkg
        raise MissingDependencyError(
            f"engine={_ENGINE!r} needs pysr and Julia: pip install sktaskneuron[pysr]; Julia is "
            f"fetched at first use, for which the import of pysr needs the network "
            f"({type(error).__name__}: {error})"
        ) from error
    arguments = dict(options)
    names = [f"x{i}" for i in range(arrays["X"].shape[1])]
    if arguments.pop("template"):
        # The text is Julia's to run: it is made of counted names only, never of the caller's.
        terms = [f"w[{i + 1}] * g({name})" for i, name in enumerate(names)]
        arguments["expression_spec"] = TemplateExpressionSpec(
            combine=" + ".join([*terms, "b[1]"]),
            expressions=["g"],
            variable_names=names,
            parameters={"w": len(names), "b": 1},
        )
    model = PySRRegressor(
        binary_operators=list(_BINARY),
        parallelism="serial",
        deterministic=True,
        precision=64,
        progress=False,
        verbosity=0,
        input_stream="devnull",
        temp_equation_file=True,
        tempdir=str(Path.cwd()),  # the child's own folder, which goes with it
        **arguments,
    )
    model.fit(arrays["X"], arrays["y"], weights=arrays.get("weight"), variable_names=names)
    return Path(model.get_equation_file()).read_text("utf-8")
