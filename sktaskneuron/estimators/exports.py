"""The forms of an estimator's equation, offered by the estimator itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sktaskneuron.estimators.fitted import TableEstimator, fitted_value
from sktaskneuron.formula import FittedExpression, FittedFormula, NumpyFunction
from sktaskneuron.preprocessing import TableEncoder
from sktaskneuron.preprocessing.excel import excel_columns
from sktaskneuron.preprocessing.sql import sql_columns

if TYPE_CHECKING:
    import sympy


def equation_of(estimator: EquationExports) -> FittedFormula | FittedExpression:
    """Return the equation of the encoded columns.

    Raises
    ------
    NotFittedError
        If the estimator is not fitted.
    AttributeError
        If the fitted model has no readable equation.
    """
    equation: FittedFormula | FittedExpression = fitted_value(estimator).equation
    return equation


def _read_by(equation: FittedFormula | FittedExpression) -> list[str]:
    """Return the names of the encoded columns that an equation reads."""
    return [equation.feature_names[place] for place in equation.used_features]


class EquationExports(TableEstimator):
    """Mixin: write the readable equation of a fitted estimator in other languages.

    The equation is that of the *encoded* columns, which ``encoder_.transform`` makes of a table and
    ``encoder_.get_feature_names_out()`` names: numbers without gaps, missing marks, levels of
    categories. `to_sql` and `to_excel` start at the columns of the raw table. A class of two gives
    its log odds (the link is "logit": the probability is 1 / (1 + exp(-value))), several classes
    give one value each (the probabilities are their softmax).

    A class with this mixin has a fitted ``encoder_``, and its fitted value an ``equation``.
    """

    encoder_: TableEncoder

    def to_sympy(self, **options: Any) -> sympy.Expr | list[sympy.Expr]:
        """Return the equation as sympy expressions.

        Parameters
        ----------
        **options : dict
            As ``form`` and ``max_terms`` of `FittedFormula.to_sympy`; those that the equation's own
            `to_sympy` takes.

        Returns
        -------
        expression : sympy.Expr, or list of sympy.Expr if there are several outputs
            Of symbols named as the encoded columns. For classes it is the log odds.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        AttributeError
            If it has no readable equation.
        FormulaError
            If the equation is too long.
        """
        return equation_of(self).to_sympy(**options)

    def to_latex(self, **options: Any) -> str:
        """Return the equation as LaTeX, with rounded numbers.

        Parameters
        ----------
        **options : dict
            As ``digits``, the significant digits; those that the equation's own `to_latex` takes.

        Returns
        -------
        text : str
            For math mode, without dollars, with the names of the encoded columns. For classes it is
            the log odds.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        AttributeError
            If it has no readable equation.
        FormulaError
            If the equation is too long to read.
        """
        return equation_of(self).to_latex(**options)

    def to_numpy(self) -> NumpyFunction:
        """Return the equation as a callable of the encoded columns.

        Returns
        -------
        function : NumpyFunction
            ``function(encoder_.transform(X))`` has shape (n_samples,) for one output, else
            (n_samples, n_outputs). For classes it is the log odds.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        AttributeError
            If it has no readable equation.
        """
        return equation_of(self).to_numpy()

    def to_python(self, name: str = "predict") -> str:
        """Return the source of a Python module with one function, free of this package.

        Parameters
        ----------
        name : str, default="predict"
            Name of the function.

        Returns
        -------
        source : str
            ``FEATURE_NAMES``, the encoded columns, and ``def name(X)`` of a matrix of these. For
            classes it returns the log odds.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        AttributeError
            If it has no readable equation.
        FormulaError
            If the name is no free Python identifier.
        """
        return equation_of(self).to_python(name)

    def to_c(self, name: str = "predict") -> str:
        """Return a C99 function of one row of encoded columns.

        Parameters
        ----------
        name : str, default="predict"
            Name of the function.

        Returns
        -------
        source : str
            ``double name(const double *x)``, or ``void name(const double *x, double *out)`` for
            several outputs; the encoded columns' names as ``name_feature_names``. For classes it
            returns the log odds.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        AttributeError
            If it has no readable equation.
        FormulaError
            If the name is no identifier that C leaves free.
        """
        return equation_of(self).to_c(name)

    def to_sql(
        self,
        columns: Mapping[str, str] | None = None,
        max_length: int = 100_000,
        *,
        dialect: str = "standard",
    ) -> str | list[str]:
        """Return the equation as a scalar SQL expression of the *raw* table's columns.

        A NULL is read as in predict: numbers are filled by their median in fit, and categories are
        of none of the levels, or missing if fit has seen that. Columns of True and False are
        booleans; dates DATE or TIMESTAMP, with a time zone where fit had one, durations INTERVAL.

        Parameters
        ----------
        columns : mapping of str to str, default=None
            SQL text of raw columns by their names, such as ``t."age"``; taken as it stands. The
            others are their names in double quotes.
        max_length : int, default=100000
            Longest expression, in characters.
        dialect : {"standard", "sqlite"}, default="standard"
            SQL:2016, or that of SQLite, where dates and times of day are texts of ISO 8601 and
            durations seconds.

        Returns
        -------
        expression : str, or list of str if there are several outputs
            For classes it is the log odds.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        AttributeError
            If it has no readable equation.
        FormulaError
            If a function has no form in standard SQL, or an expression is too long.
        ValueError
            If a name, a level or a time zone of a column that is read cannot be written in SQL,
            `columns` names other columns, or the dialect is another one.
        """
        equation = equation_of(self)
        texts = sql_columns(self.encoder_, _read_by(equation), columns, dialect=dialect)
        return equation.to_sql(columns=texts, max_length=max_length)

    def to_excel(self, cells: Mapping[str, str] | None = None) -> str | list[str]:
        """Return the equation as an Excel formula of the *raw* table's columns.

        Blank cells are read as gaps are in predict; dates, durations and times of day are Excel's.

        Parameters
        ----------
        cells : mapping of str to str, default=None
            References by name of the raw column, such as ``"Sheet1!$B$2"`` or ``"[@age]"``. The
            others are ``A2``, ``B2``, ..., in the order of the table's columns.

        Returns
        -------
        formula : str, or list of str if there are several outputs
            With the equals sign, functions in English. For classes it is the log odds.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        AttributeError
            If it has no readable equation.
        FormulaError
            If a formula is longer than Excel takes, or reads dates with a time zone.
        ValueError
            If a level of a column that is read cannot be written in Excel, or `cells` names other
            columns.
        """
        equation = equation_of(self)
        return equation.to_excel(excel_columns(self.encoder_, _read_by(equation), cells))

    def to_json(self) -> str:
        """Return the equation as JSON text; numbers are exact.

        Returns
        -------
        text : str
            What `FittedFormula.from_json` or `FittedExpression.from_json` reads, with the encoded
            columns' names and the link.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        AttributeError
            If it has no readable equation.
        """
        return equation_of(self).to_json()
