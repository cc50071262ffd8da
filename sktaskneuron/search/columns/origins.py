"""Origins and units of columns in which their equations are looked for.

A column of years, or of masses of stars in kilograms, has its zero or its unit far from its values:
no power of it about zero can be told from another. Its equation is looked for in the column about a
short number near its mean, in a power of ten as unit, and written in the column as it was given.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from sktaskneuron._typing import Matrix, Vector
from sktaskneuron.exceptions import FormulaError
from sktaskneuron.formula.text.canonical import make_product, make_sum, rebuilt
from sktaskneuron.formula.text.evaluation import variables
from sktaskneuron.formula.text.nodes import Node, Number, Sum, Variable
from sktaskneuron.search.columns.constants import EXACT, NamedRows, fitted_constants, refit
from sktaskneuron.search.frame.observations import Observations
from sktaskneuron.search.frame.standardise import CENTERED, FAR_ORIGIN, distinct_values

# Sizes of a column within which its unit serves.
_SMALL, _LARGE = 1e-3, 1e4
# Means of so many spreads take all digits that an equation about zero would need.
_TOO_FAR = 1e6
# An origin lies so near the mean, in spreads.
_NEAR_MEAN = 0.25
# Where the fit of an origin starts, in spreads.
_NEARBY = 1e-2
# Shares of its loss, and of the target's variance, that an equation may lose when it is written.
_LOST, _LOST_VARIANCE = 1e-3, 1e-8
# Observations per term of the polynomial that tells whether an equation misses something.
_ROWS_PER_TERM = 5


@dataclass(frozen=True, eq=False)
class Form:
    """Columns about other origins and in other units, ``(x - origin) / unit``.

    Parameters
    ----------
    origin, unit : ndarray of shape (n_features,)
        Zero and one where a column is searched as it is.
    names : tuple of str
        A column that is moved has a name of its own.
    meaning : mapping of str to Node
        What the names of moved columns stand for, in the given ones.
    """

    origin: Vector
    unit: Vector
    names: tuple[str, ...]
    meaning: Mapping[str, Node]

    @classmethod
    def of(cls, names: Sequence[str], origin: Vector, unit: Vector) -> Form:
        """Name the columns that are moved."""
        shown, meaning = list(names), {}
        for place, (name, o, u) in enumerate(
            zip(names, origin.tolist(), unit.tolist(), strict=True)
        ):
            if (o, u) == (0.0, 1.0):
                continue
            label = f"({name} - {o:.12g})/{u:g}"
            while label in names:
                label += "'"
            shown[place] = label
            moved = make_sum([Variable(name), Number(-o)])
            meaning[label] = make_product([Number(1.0 / u), moved])
        return cls(origin, unit, tuple(shown), meaning)

    def __call__(self, X: Matrix) -> Matrix:
        """Return columns (n_samples, n_features) in this form, same shape."""
        return np.asarray((X - self.origin) / self.unit)


@dataclass(frozen=True, eq=False)
class Forms:
    """In which forms columns are searched.

    Parameters
    ----------
    columns : ndarray of int of shape (n_features,)
        Their places in the table.
    first : Form
    second : Form or None
        None where it would be the same.
    both : bool
        Whether the second is searched whatever the first one gave.
    """

    columns: np.ndarray
    first: Form
    second: Form | None = None
    both: bool = False

    @classmethod
    def as_given(cls, names: Sequence[str], columns: np.ndarray) -> Forms:
        """Search columns as they are."""
        return cls(columns, Form.of(names, np.zeros(len(names)), np.ones(len(names))))

    @classmethod
    def of(cls, X: Matrix, names: Sequence[str], weight: Vector, columns: np.ndarray) -> Forms:
        """Look where the values of some columns of a table (n_samples, n_columns) lie."""
        X, names = X[:, columns], [names[place] for place in columns]
        share = weight / weight.sum()
        mean = share @ X
        spread = np.sqrt(share @ (X - mean) ** 2)
        several = distinct_values(X, 3) > 2
        size = np.hypot(mean, spread)
        strange = several & ((size > _LARGE) | (size < _SMALL))
        unit = np.where(strange, _powers_of_ten(size), 1.0)
        given = Form.of(names, np.zeros_like(mean), unit)
        error = spread / np.sqrt(float(weight.sum()))
        movable = several & (np.abs(mean) > CENTERED * error)
        if not movable.any():
            return cls(columns, given)
        origin = np.zeros_like(mean)
        for place in np.flatnonzero(movable):
            origin[place] = short_number(mean[place], _NEAR_MEAN * spread[place])
        unit = np.where(movable, _powers_of_ten(spread), unit)
        about_means = Form.of(names, origin, unit)
        farthest = float((np.abs(mean) / spread)[movable].max())
        if farthest > _TOO_FAR:
            return cls(columns, about_means)
        if farthest > FAR_ORIGIN:
            return cls(columns, about_means, given, both=True)
        return cls(columns, given, about_means)

    @property
    def meaning(self) -> dict[str, Node]:
        """What the names of all moved columns stand for, in the given ones."""
        forms = (self.first,) if self.second is None else (self.first, self.second)
        return {name: node for form in forms for name, node in form.meaning.items()}

    def extended(self, observations: Observations) -> Observations:
        """Return rows that have the moved columns beside the given ones."""
        if not self.meaning:
            return observations
        known = dict(zip(observations.names, observations.X.T, strict=True))
        part = observations.X[:, self.columns]
        for form in (self.first, self.second):
            if form is not None:
                known |= dict(zip(form.names, form(part).T, strict=True))
        X = np.stack(list(known.values()), axis=1)
        return replace(observations, X=X, names=tuple(known), references=None)

    def written(self, node: Node, rows: NamedRows) -> Node | None:
        """Write an equation in the given columns.

        None where their size leaves too few digits for it.
        """
        if not self.meaning:
            return node
        try:
            found = in_given_columns(node, self.meaning)
        except FormulaError:
            return None
        most = (1 + _LOST) * rows.loss(node) + _LOST_VARIANCE * rows.variance
        return found if rows.loss(found) <= most else None


def with_fitted_origins(node: Node, meaning: Mapping[str, Node], rows: NamedRows) -> Node | None:
    """Fit the origins of the moved columns of an equation; None where it has none.

    ``(x - 3.1)**2`` is in place of a square, a linear term and a constant.
    """
    moved = [name for name in variables(node) if isinstance(meaning.get(name), Sum)]
    if not moved:
        return None
    near = {name: make_sum([Variable(name), Number(_NEARBY)]) for name in moved}
    try:
        return refit(in_given_columns(node, near), rows)
    except FormulaError:
        return None


def in_given_columns(node: Node, meaning: Mapping[str, Node]) -> Node:
    """Put what moved columns stand for in their places; raises FormulaError on overflow."""
    return rebuilt(node, lambda name: meaning.get(name, Variable(name)))


def _powers_of_ten(size: Vector) -> Vector:
    return np.asarray(10.0 ** np.round(np.log10(np.where(size > 0, size, 1.0))))


def short_number(value: float, within: float) -> float:
    """Return the number of fewest digits that is so near a value.

    Examples
    --------
    >>> from sktaskneuron.search.columns.origins import short_number
    >>> short_number(2004.83, within=2.0)
    2005.0
    """
    for digits in range(1, 17):
        short = float(f"{value:.{digits}g}")
        if abs(short - value) <= within:
            return short
    return float(value)


def misses_a_polynomial(node: Node, form: Form, X: Matrix, rows: NamedRows) -> bool:
    """Tell whether a quadratic polynomial says more about the target than an equation does.

    It is the same whatever the origins, so that an equation that says less may want others.

    Parameters
    ----------
    node : Node
    form : Form
        Whose origins are near the means.
    X : ndarray of shape (n_samples, n_features)
        The columns of the form, as given.
    rows : NamedRows
    """
    z = form(X)
    n, d = rows.n_effective, z.shape[1]
    first, second = np.triu_indices(d)
    if _ROWS_PER_TERM * (1 + d + len(first)) > n:
        first = second = np.arange(d)
    design = np.column_stack([np.ones(len(z)), z, z[:, first] * z[:, second]])
    root = np.sqrt(rows.weight)
    size = np.maximum(np.linalg.norm(design * root[:, None], axis=0), 1e-300)
    scaled = design / size * root[:, None]
    coef = np.linalg.lstsq(scaled, (rows.y - rows.mean) * root, rcond=1e-12)[0]
    residual = (rows.y - rows.mean) * root - scaled @ coef
    floor = EXACT * rows.variance

    def length(loss: float, n_numbers: int) -> float:
        return n * np.log(max(loss, floor)) + n_numbers * np.log(max(n, 3.0))

    polynomial = length(float(residual @ residual) / n, design.shape[1])
    return polynomial < length(rows.loss(node), len(fitted_constants(node)))
