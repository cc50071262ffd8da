"""The errors of the package, all under one root and each also a built-in error; its warnings."""

from __future__ import annotations

__all__ = [
    "DataWarning",
    "EngineError",
    "FormulaError",
    "MissingDependencyError",
    "SkTaskNeuronError",
    "TimeLimitWarning",
]

# Characters of a formula shown on each side of the place of an error: a line of a terminal.
_EXCERPT = 30


class SkTaskNeuronError(Exception):
    """Root of every error that the package raises on purpose.

    Examples
    --------
    >>> from sktaskneuron.exceptions import SkTaskNeuronError
    >>> from sktaskneuron.formula import NeuronFormula
    >>> try:
    ...     NeuronFormula.parse("x + sine(x)")
    ... except SkTaskNeuronError as error:
    ...     print(type(error).__name__)
    FormulaError
    """


class DataWarning(UserWarning):
    """Data can be used but look like a mistake; the message names the column and the cure.

    Examples
    --------
    >>> import warnings
    >>> import numpy as np
    >>> from sktaskneuron import NeuronFormulaSearch
    >>> from sktaskneuron.exceptions import DataWarning
    >>> X = np.random.default_rng(0).normal(size=(200, 1))
    >>> y = 2 * X[:, 0]
    >>> X[3] = 1e12
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     search = NeuronFormulaSearch(n_resamples=0).fit(X, y)
    >>> caught[0].category is DataWarning
    True
    """


class MissingDependencyError(SkTaskNeuronError, ImportError):
    """An optional dependency is asked for but not installed; the message names the extra.

    Examples
    --------
    >>> from sktaskneuron.exceptions import MissingDependencyError
    >>> issubclass(MissingDependencyError, ImportError)
    True
    """


class EngineError(SkTaskNeuronError, RuntimeError):
    """A search engine of another package died, hung, or gave an answer that cannot be read.

    Examples
    --------
    >>> from sktaskneuron.exceptions import EngineError
    >>> issubclass(EngineError, RuntimeError)
    True
    """


class TimeLimitWarning(UserWarning):
    """A fit ran out of its ``time_limit``; the message says what it left out.

    Examples
    --------
    >>> import warnings
    >>> import numpy as np
    >>> from sktaskneuron import NeuronSeekRegressor
    >>> from sktaskneuron.exceptions import TimeLimitWarning
    >>> X = np.random.default_rng(0).normal(size=(100, 2))
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     model = NeuronSeekRegressor(time_limit=0.01, random_state=0).fit(X, X[:, 0])
    >>> TimeLimitWarning in [warning.category for warning in caught]
    True
    """


class FormulaError(SkTaskNeuronError, ValueError):
    """A formula text or a formula's values are not usable.

    Parameters
    ----------
    message : str
        What was wrong and what to do, in one sentence.
    text : str, optional
        The formula text that was read.
    position : int, optional
        Column in `text`, from 0, where reading failed. With `text`, the printed error shows
        the place with a caret under it.

    Examples
    --------
    >>> from sktaskneuron.exceptions import FormulaError
    >>> print(FormulaError("unknown name 'sine'", "x + sine(x)", 4))
    unknown name 'sine'
        x + sine(x)
            ^
    """

    def __init__(self, message: str, text: str | None = None, position: int | None = None) -> None:
        # All three go to Exception.args, so that the error survives pickling (joblib workers).
        super().__init__(message, text, position)
        self.message = message
        self.text = text
        self.position = position

    def __str__(self) -> str:
        if self.text is None or self.position is None:
            return self.message
        start = max(0, self.position - _EXCERPT)
        stop = min(len(self.text), self.position + _EXCERPT)
        before = "..." if start > 0 else ""
        after = "..." if stop < len(self.text) else ""
        # One character each, so that the caret stays under its column; other control and
        # combining characters would shift it as well.
        shown = "".join(c if c.isprintable() else " " for c in self.text[start:stop])
        caret = " " * (len(before) + self.position - start) + "^"
        return f"{self.message}\n    {before}{shown}{after}\n    {caret}"
