"""What a fitted formula and a fitted expression have in common: the forms they can be written in.

All forms come from the trees of the equation; sympy loads when something asks for it.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sktaskneuron._typing import ColumnsLike, FloatArray, Matrix, PlainData
from sktaskneuron.exceptions import FormulaError
from sktaskneuron.formula.export.c import to_c
from sktaskneuron.formula.export.excel import to_excel
from sktaskneuron.formula.export.notation import (
    check_digits,
    latex_lines,
    latex_name,
    one_or_all,
    rounded,
    text_lines,
)
from sktaskneuron.formula.export.python import to_python
from sktaskneuron.formula.export.sql import to_sql
from sktaskneuron.formula.export.tree_sympy import node_to_sympy
from sktaskneuron.formula.text.nodes import Node, render

if TYPE_CHECKING:
    import sympy

__all__ = ["Exports", "NumpyFunction"]


class Exports(ABC):
    """An equation of raw columns, in every form that it can be written in.

    Every form computes what `evaluate` computes: the linear predictor f(x), one value per output,
    whatever the link. Several outputs give a list of expressions, or one function of all.

    Attributes
    ----------
    feature_names : tuple of str
        Names of the columns, in the order of X.

    See Also
    --------
    FittedFormula : A neuron formula with fitted numbers: an equation from raw columns to outputs.
    FittedExpression : Equations of named columns: one tree per output, numbers and all.

    Examples
    --------
    >>> from sktaskneuron.formula import FittedExpression
    >>> dose = FittedExpression.parse("0.5*sqrt(weight) - (age - 40)**2/3", ["age", "weight"])
    >>> dose.to_text()
    '0.5*sqrt(weight) - 0.3333*(age - 40)**2'
    >>> dose.to_sql()
    '0.5E0*SQRT("weight") - 0.333333333333333E0*POWER("age" - 40.0E0, 2.0E0)'
    >>> dose.to_excel()
    '=0.5*SQRT(B2) - 0.333333333333333*(A2 - 40)^2'
    >>> print(dose.to_c().splitlines()[-2].strip())
    return 0.5*sqrt(x[1]) - 0.333333333333333*(v0*v0);
    """

    feature_names: tuple[str, ...]

    @abstractmethod
    def trees(self) -> tuple[Node, ...]:
        """Return one tree per output, whose variables are the raw columns."""

    @abstractmethod
    def to_dict(self) -> PlainData:
        """Return plain data."""

    @abstractmethod
    def evaluate(self, X: ColumnsLike) -> Matrix:
        """Compute f(x) for every row; values have shape (n_samples, n_outputs)."""

    def to_sympy(self) -> sympy.Expr | list[sympy.Expr]:
        """Return the equation as sympy expressions of the raw columns.

        Returns
        -------
        expression : sympy.Expr, or list of sympy.Expr if there are several outputs
            Symbols are plain ``sympy.Symbol(name)`` with the columns' names; numbers have full
            float64 precision.
        """
        return one_or_all(self._sympy(self.trees()))

    def _sympy(self, trees: Iterable[Node]) -> list[sympy.Expr]:
        import sympy

        symbols = {name: sympy.Symbol(name) for name in self.feature_names}
        return [node_to_sympy(tree, symbols, sympy) for tree in trees]

    def to_text(self, digits: int = 4) -> str:
        """Return the equation as readable text, with rounded numbers.

        Parameters
        ----------
        digits : int
            Significant digits.

        Returns
        -------
        text : str
            One line ``f[j] = ...`` per output if there are several. Names that are no free
            identifiers stand in backticks.

        Raises
        ------
        FormulaError
            If `digits` is below 1.
        """
        check_digits(digits)
        return text_lines([render(rounded(tree, digits)) for tree in self.trees()])

    def to_latex(self, digits: int = 4) -> str:
        r"""Return the equation as LaTeX, with rounded numbers.

        Parameters
        ----------
        digits : int
            Significant digits.

        Returns
        -------
        text : str
            For math mode, without dollars. Names longer than a letter are upright,
            ``\mathrm{body\_mass}``. Several outputs make an ``aligned`` block.

        Raises
        ------
        FormulaError
            If `digits` is below 1.
        """
        check_digits(digits)
        return self._latex(self._sympy(rounded(tree, digits, roots=True) for tree in self.trees()))

    def _latex(self, expressions: Iterable[sympy.Expr]) -> str:
        import sympy

        names = {sympy.Symbol(name): latex_name(name) for name in self.feature_names}
        return latex_lines([sympy.latex(item, symbol_names=names) for item in expressions])

    def _repr_latex_(self) -> str | None:
        """Show the equation in a notebook; one too long to read shows as text."""
        try:
            return rf"$\displaystyle {self.to_latex()}$"
        except FormulaError:
            return None

    def to_numpy(self) -> NumpyFunction:
        """Return a callable of the raw columns, shaped as predict returns values.

        Returns
        -------
        function : NumpyFunction
            ``function(X)`` has shape (n_samples,) for one output, else (n_samples, n_outputs).
            It can be pickled.
        """
        return NumpyFunction(self)

    def to_python(self, name: str = "predict") -> str:
        """Return the source of a module with one function, free of this package.

        Parameters
        ----------
        name : str
            Name of the function.

        Returns
        -------
        source : str
            ``FEATURE_NAMES`` and ``def name(X)``, from X of shape (n_samples, n_features) to values
            of shape (n_samples,), or (n_samples, n_outputs) for several outputs. Needs numpy, and
            scipy for erf and sigmoid.

        Raises
        ------
        FormulaError
            If the name is no free Python identifier.
        """
        return to_python(self.trees(), self.feature_names, name=name)

    def to_c(self, name: str = "predict") -> str:
        """Return a C99 function of one row, which needs ``math.h`` only.

        Parameters
        ----------
        name : str
            Name of the function.

        Returns
        -------
        source : str
            ``double name(const double *x)``, or ``void name(const double *x, double *out)`` for
            several outputs; the columns' names as ``name_feature_names``.

        Raises
        ------
        FormulaError
            If the name is no identifier that C leaves free.
        """
        return to_c(self.trees(), self.feature_names, name=name)

    def to_sql(
        self, columns: Mapping[str, str] | None = None, max_length: int = 100_000
    ) -> str | list[str]:
        """Return the equation as a scalar expression in standard SQL (SQL:2016).

        Parameters
        ----------
        columns : mapping of str to str, optional
            SQL text of columns, such as ``COALESCE("age", 48.5)``, by feature name; taken as it
            stands. The others are their names in double quotes.
        max_length : int
            Longest expression, in characters.

        Returns
        -------
        expression : str, or list of str if there are several outputs
            For columns of any type of number. ``EXP`` of some databases fails where it leaves the
            range of doubles.

        Raises
        ------
        FormulaError
            If a function has no form in standard SQL (erf), an expression is too long, or `columns`
            names other columns.
        """
        return one_or_all(to_sql(self.trees(), self.feature_names, columns, max_length=max_length))

    def to_excel(self, cells: Mapping[str, str] | None = None) -> str | list[str]:
        """Return the equation as an Excel formula.

        Parameters
        ----------
        cells : mapping of str to str, optional
            References by feature name, such as ``"Sheet1!$B$2"`` or ``"[@age]"``; taken as they
            stand. The others are ``A2``, ``B2``, ..., in the order of the columns.

        Returns
        -------
        formula : str, or list of str if there are several outputs
            With the equals sign, functions in English. Numbers have 15 digits: Excel reads no more.

        Raises
        ------
        FormulaError
            If a formula is longer than the 8192 characters that Excel takes, nests more than 64
            functions, or `cells` names other columns.
        """
        return one_or_all(to_excel(self.trees(), self.feature_names, cells))

    def to_json(self) -> str:
        """Return the equation as JSON text with a format number; numbers are exact."""
        return json.dumps(self.to_dict(), allow_nan=False)


@dataclass(frozen=True)
class NumpyFunction:
    """An equation as a plain callable.

    Parameters
    ----------
    fitted : FittedFormula or FittedExpression
        The equation to evaluate.

    See Also
    --------
    FittedFormula : A neuron formula with fitted numbers: an equation from raw columns to outputs.
    FittedExpression : Equations of named columns: one tree per output, numbers and all.

    Examples
    --------
    >>> from sktaskneuron.formula import FittedExpression
    >>> area = FittedExpression.parse("width*height", ["width", "height"]).to_numpy()
    >>> area([[2.0, 3.0]]).tolist()
    [6.0]
    """

    fitted: Exports

    def __call__(self, X: ColumnsLike) -> FloatArray:
        """Compute the outputs of every row.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), or a table or mapping of columns

        Returns
        -------
        values : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        """
        values = self.fitted.evaluate(X)
        return values[:, 0] if values.shape[1] == 1 else values
