"""One page on an equation: the law, its numbers, the front, evidence, residuals, its limits."""

from __future__ import annotations

import base64
import html
import io
import math
from collections.abc import Callable, Iterable, Sequence
from importlib.metadata import version
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from sktaskneuron._typing import TableLike
from sktaskneuron.estimators.formula_search.search import NeuronFormulaSearch
from sktaskneuron.exceptions import FormulaError
from sktaskneuron.formula import ParetoFront
from sktaskneuron.inspection.checks import check_fitted
from sktaskneuron.inspection.drawing import import_pyplot
from sktaskneuron.inspection.equations.equation import Equation, read_rows
from sktaskneuron.inspection.equations.equation_display import EquationDisplay
from sktaskneuron.inspection.equations.extrapolation import extrapolations
from sktaskneuron.inspection.equations.formula_display import FormulaDisplay
from sktaskneuron.inspection.equations.mathml import equation_mathml
from sktaskneuron.inspection.equations.pareto_display import ParetoFrontDisplay

if TYPE_CHECKING:
    from matplotlib.figure import Figure, SubFigure

# Dots per inch of the pictures.
_DPI = 110
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem;
  color: #1f2933; background: #fff }
h1 { font-size: 1.5rem } h2 { font-size: 1.1rem; margin-top: 2rem }
table { border-collapse: collapse } td, th { padding: .2rem .8rem .2rem 0; text-align: left;
  border-bottom: 1px solid #d5dbe1; font-variant-numeric: tabular-nums }
math { font-size: 1.25rem } .law { overflow-x: auto; padding: .5rem 0 }
code { font-size: .9rem } tr.chosen { font-weight: bold; color: #c1121f }
img { max-width: 100% } p.note { color: #52606d }
"""


def equation_report(
    search: NeuronFormulaSearch,
    X: TableLike,
    y: ArrayLike,
    path: str | PathLike[str] | None = None,
) -> str:
    """Write one page of HTML on the equation of a search.

    It holds the law, its numbers with errors and intervals, the front, the evidence of the search,
    what each part adds, the residuals, and where the equation goes beyond the rows. It stands
    alone: no scripts, no network, pictures inside.

    Parameters
    ----------
    search : NeuronFormulaSearch
        Fitted; of the point that it answers with.
    X : table or array-like of shape (n_samples, n_features)
        Rows to judge by, those of fit or new ones.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        Their target.
    path : str or path, default=None
        Where to write the page too.

    Returns
    -------
    page : str
        HTML.

    Raises
    ------
    NotFittedError
        If the search is not fitted.
    TypeError
        If it is none.
    ValueError
        If X or y cannot be used.
    MissingDependencyError
        If matplotlib is not installed.

    See Also
    --------
    EquationDisplay : Residuals of an equation: what is left of the target, along the prediction and
        columns.
    FormulaDisplay : What the columns of an equation add to its output, most important first.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("agg")
    >>> import numpy as np
    >>> from sktaskneuron import NeuronFormulaSearch
    >>> from sktaskneuron.inspection import equation_report
    >>> X = np.random.default_rng(0).normal(size=(100, 2))
    >>> y = X[:, 0] ** 2
    >>> page = equation_report(NeuronFormulaSearch(n_resamples=0).fit(X, y), X, y)
    >>> page.startswith("<!DOCTYPE html>"), "<math" in page
    (True, True)
    """
    import_pyplot()
    if not isinstance(search, NeuronFormulaSearch):
        raise TypeError(
            f"equation_report needs a fitted NeuronFormulaSearch, got {type(search).__name__}"
        )
    check_fitted(search)
    score = search.score(X, y)
    equation, rows, _ = read_rows(search, X, None)
    sections = [
        ("The law", _law(search, equation)),
        ("Its numbers", _numbers(search)),
        ("How well it fits", _fit(search, len(rows), score)),
        ("The front", _front(search)),
        ("Evidence of the search", _evidence(search)),
        ("What each part adds", _parts(search, X)),
    ]
    if equation.link == "identity":
        target = np.asarray(y, dtype=np.float64).reshape(len(rows), -1)
        sections.append(
            ("What is left", _picture(lambda: _residuals(search, X, target), "residuals"))
        )
        sections.append(("Beyond the rows", _beyond(equation, rows, target)))
    body = "".join(f"<h2>{title}</h2>{text}" for title, text in sections if text)
    page = (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Equation report</title>'
        f"<style>{_STYLE}</style></head><body><h1>Equation report</h1>{body}"
        f'<p class="note">sktaskneuron {html.escape(version("sktaskneuron"))}</p></body></html>'
    )
    if path is not None:
        Path(path).write_text(page, encoding="utf-8")
    return page


def _law(search: NeuronFormulaSearch, equation: Equation) -> str:
    classes = getattr(search, "classes_", None)
    what = ""
    if classes is not None:
        shown = ", ".join(html.escape(str(label)) for label in classes)
        what = f'<p class="note">Log odds of the classes {shown}.</p>'
    try:
        return f'<div class="law">{equation_mathml(equation)}</div>{what}'
    except FormulaError:  # too long to read
        return f"<p><code>{html.escape(repr(equation))}</code></p>{what}"


def _numbers(search: NeuronFormulaSearch) -> str:
    try:
        constants = search.constants_
    except AttributeError as error:
        return f'<p class="note">{html.escape(str(error))}</p>'
    several = len({constant.output for constant in constants}) > 1
    cells = [
        (
            f"f[{c.output}]: " * several + c.where,
            _short(c.value),
            _short(c.standard_error),
            f"{_short(c.lower)} to {_short(c.upper)}",
        )
        for c in constants
    ]
    return (
        _table(("where _ stands", "value", "standard error", "95 % interval"), cells)
        + '<p class="note">Errors take the structure for given.</p>'
    )


def _fit(search: NeuronFormulaSearch, n_rows: int, score: float) -> str:
    name = "share of right classes" if hasattr(search, "classes_") else "R²"
    cells = [
        (f"{name} on these {n_rows} rows", f"{score:.6g}"),
        ("criterion of the search (a constant's)", _criteria(search)),
        *(("what was cut", text) for text in search.caps_),
        *(("left out for want of time", text) for text in search.left_out_),
    ]
    return _table((), cells)


def _criteria(search: NeuronFormulaSearch) -> str:
    return f"{search.criterion_:.6g} ({search.null_criterion_:.6g})"


def _front(search: NeuronFormulaSearch) -> str:
    front: ParetoFront = getattr(search, "pareto_front_", ParetoFront())
    if not len(front):
        return ""
    cells = [
        (str(place), f"{point.complexity:g}", f"{point.score:.6g}", _criterion(point.criterion),
         str(point.fitted))
        for place, point in enumerate(front)
    ]  # fmt: skip
    picture = _picture(
        lambda: ParetoFrontDisplay.from_estimator(search).figure_, "complexity against score"
    )
    head = ("place", "complexity", "validated score", "criterion", "equation")
    return picture + _table(head, cells, marked=search.chosen_)


def _criterion(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"


def _evidence(search: NeuronFormulaSearch) -> str:
    frequency = getattr(search, "selection_frequency_", None)
    if frequency is None:
        return ""
    gain = search.term_gain_
    cells = [
        (term, f"{share:.0%}", f"{gain[term]:.3g}" if term in gain else "")
        for term, share in sorted(frequency.items(), key=lambda item: -item[1])
    ]
    return _table(("term", "found again in", "validated score lost without it"), cells)


def _parts(search: NeuronFormulaSearch, X: TableLike) -> str:
    try:
        return _picture(lambda: FormulaDisplay.from_estimator(search, X).figure_, "parts")
    except ValueError as error:
        return f'<p class="note">{html.escape(str(error))}</p>'


def _residuals(search: NeuronFormulaSearch, X: TableLike, target: np.ndarray) -> Figure | SubFigure:
    return EquationDisplay.residuals(search, X, target).figure_


def _beyond(equation: Equation, rows: np.ndarray, target: np.ndarray) -> str:
    found = extrapolations(equation, rows, target[:, 0])
    if not found:
        return ""
    cells = [
        (item.column, f"{_short(item.low)} to {_short(item.high)}", _leaves(item.below),
         _leaves(item.above))
        for item in found
    ]  # fmt: skip
    note = (
        '<p class="note">Within one range of the column beyond its ends, the other columns as they '
        "are. There are no rows to hold the equation there.</p>"
    )
    return _table(("column", "rows lie in", "below", "above"), cells) + note


def _leaves(ranges: float) -> str:
    if math.isinf(ranges):
        return "not defined everywhere"
    if ranges < 0.005:
        return "stays in the target's range"
    return f"leaves the target's range by {_short(ranges, 2)} times that range"


def _short(value: float, digits: int = 4) -> str:
    return f"{value:.{digits}g}"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], marked: int | None = None) -> str:
    """Write a table, one of its rows marked."""
    text = "".join(f"<th>{html.escape(cell)}</th>" for cell in head)
    lines = [f"<tr>{text}</tr>"] if head else []
    for place, row in enumerate(rows):
        cells = "".join(f"<td>{html.escape(cell)}</td>" for cell in row)
        lines.append(f'<tr class="chosen">{cells}</tr>' if place == marked else f"<tr>{cells}</tr>")
    return f"<table>{''.join(lines)}</table>"


def _picture(draw: Callable[[], Figure | SubFigure], shows: str) -> str:
    """Draw, and write the picture into the page; the figure is closed."""
    plt = import_pyplot()
    figure = draw()
    assert isinstance(figure, plt.Figure)  # each display was given no axes
    try:
        with io.BytesIO() as file:
            figure.savefig(file, format="png", dpi=_DPI)
            data = base64.b64encode(file.getvalue()).decode("ascii")
    finally:
        plt.close(figure)
    return f'<p><img alt="{shows}" src="data:image/png;base64,{data}"></p>'
