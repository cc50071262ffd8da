"""`NeuronFormula`: the shape of one neuron's aggregation, free of dimension and weights."""

from __future__ import annotations

import json
import operator
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from sktaskneuron._typing import PlainData
from sktaskneuron.exceptions import FormulaError
from sktaskneuron.formula.equation.expression import ElementwiseExpression
from sktaskneuron.formula.equation.json_text import check_format, load_json
from sktaskneuron.formula.text.canonical import sort_key, without_scale
from sktaskneuron.formula.text.nodes import Node, Sum, Variable
from sktaskneuron.formula.text.parser import (
    MAX_ORDER,
    MAX_RANK,
    MAX_TEXT_LENGTH,
    parse_formula_parts,
)

__all__ = ["NeuronFormula"]

# Format name and number of the plain data.
_FORMAT, _VERSION = "sktaskneuron.NeuronFormula", 1


@dataclass(frozen=True, init=False, repr=False)
class NeuronFormula:
    r"""Which terms one neuron adds up: pure terms and interactions, without weights.

    With input x of dimension d the neuron computes

    .. math::
        f(x) = b + \sum_t \sum_{i=1}^{d} w_{t,i}\, g_t(x_i)
             + \sum_k \sum_{r=1}^{R_k} v_{k,r} \prod_{m=1}^{k} \langle u_{k,m,r}, x \rangle

    where the formula says which elementwise functions :math:`g_t` there are, and which
    interaction orders k with which ranks :math:`R_k`.

    Formulas are values: frozen, hashable, picklable, equal when they mean the same. What the
    weights and the bias carry anyway is not part of one: leading factors (``2*x`` is ``x``),
    signs, and added constants.

    Parameters
    ----------
    pure : iterable of str or ElementwiseExpression
        The functions g, one text per pure term, in any order and spelling.
    interactions : mapping of int to int, optional
        Rank of every interaction order; orders from 2, ranks from 1.

    Attributes
    ----------
    expressions : tuple of ElementwiseExpression
        The pure terms in canonical order: powers upwards, then by complexity.
    ranks : tuple of (int, int)
        The interactions as (order, rank), orders upwards.

    Raises
    ------
    FormulaError
        If a text does not parse, or an order or rank is out of range.

    See Also
    --------
    sktaskneuron.formula.FittedFormula : A neuron formula with fitted numbers: an equation from raw
        columns to outputs.
    NeuronFormulaSearch : Find the functions and interactions of the columns that explain a target.

    References
    ----------
    "NeuronSeek: On Stability and Expressivity of Task-driven Neurons",
    arXiv:2506.15715, 2025: the two kinds of terms. F.-L. Fan et al., "No One-Size-Fits-All
    Neurons: Task-based Neurons for Artificial Neural Networks", arXiv:2405.02369, 2024: one
    formula for all features.

    Examples
    --------
    >>> from sktaskneuron.formula import NeuronFormula
    >>> formula = NeuronFormula(pure=["sin(x)", "x*x", "x"], interactions={2: 3})
    >>> str(formula)
    'x + x**2 + sin(x) + <x,x>:3'
    >>> formula == NeuronFormula.parse("<x,x>:3 + sin(x) + x + 5*x**2")
    True
    """

    expressions: tuple[ElementwiseExpression, ...]
    ranks: tuple[tuple[int, int], ...]

    def __init__(
        self,
        pure: Iterable[str | ElementwiseExpression] = (),
        interactions: Mapping[int, int] | None = None,
    ) -> None:
        if isinstance(pure, str):
            raise FormulaError(
                f"pure must be a sequence of texts, got one str; write pure=({pure!r},) for one "
                "term, or NeuronFormula.parse(text) for a whole formula"
            )
        nodes = []
        for term in pure:
            if isinstance(term, str):
                term = ElementwiseExpression.parse(term)
            elif not isinstance(term, ElementwiseExpression):
                raise FormulaError(
                    f"a pure term must be a str or ElementwiseExpression, got {term!r}"
                )
            if term.is_constant:
                raise FormulaError(
                    f"the pure term {term.text!r} is a constant; the neuron has a bias already"
                )
            nodes.append(term.node)
        pairs = []
        for order, rank in dict(interactions or {}).items():
            order, rank = _whole(order, "order"), _whole(rank, "rank")
            if order < 2:
                raise FormulaError(
                    f"an interaction of order {order}; orders start at 2, and order 1 is the "
                    "pure term x"
                )
            pairs.append((order, rank))
        self._set(nodes, pairs)

    def _set(self, nodes: Iterable[Node], pairs: Iterable[tuple[int, int]]) -> None:
        terms = {without_scale(node) for node in nodes}
        kept = sorted((node for node in terms if node is not None), key=sort_key)
        ranks: dict[int, int] = {}
        for order, rank in pairs:
            ranks[order] = ranks.get(order, 0) + rank
        for order, rank in ranks.items():
            if order > MAX_ORDER:
                raise FormulaError(
                    f"an interaction of order {order}; at most {MAX_ORDER} is allowed"
                )
            if not 1 <= rank <= MAX_RANK:
                raise FormulaError(
                    f"the interaction of order {order} has rank {rank}; ranks go from 1 to "
                    f"{MAX_RANK}"
                )
        object.__setattr__(self, "expressions", tuple(map(ElementwiseExpression, kept)))
        object.__setattr__(self, "ranks", tuple(sorted(ranks.items())))
        if len(str(self)) > MAX_TEXT_LENGTH:
            raise FormulaError(
                f"the formula's text has {len(str(self))} characters; at most {MAX_TEXT_LENGTH} "
                "are allowed"
            )

    @classmethod
    def parse(cls, text: str) -> NeuronFormula:
        """Read a formula from its text form.

        Parameters
        ----------
        text : str
            Terms joined by ``+``: functions of x, and interactions such as ``<x,x>:3`` (as
            many x as the order, the rank behind the colon; without a colon the rank is 1).
            ``<x>`` is the linear term ``x``. Interactions of the same order add their ranks.
            Signs, leading factors and constants are dropped, and so are those that tnlearn
            writes, ``2@x**3 - 1@x``. A sum in brackets is one term
            with one weight: ``(x + x**2)``. ``0`` is the empty formula.

        Returns
        -------
        formula : NeuronFormula

        Raises
        ------
        FormulaError
            If the text does not parse; the message shows the place with a caret.
        """
        nodes, pairs = parse_formula_parts(text)
        formula = cls.__new__(cls)
        linear: list[Node] = [Variable() for order, _ in pairs if order == 1]
        formula._set(nodes + linear, [pair for pair in pairs if pair[0] > 1])
        return formula

    @property
    def pure(self) -> tuple[str, ...]:
        """Texts of the pure terms, in canonical order."""
        return tuple(expression.text for expression in self.expressions)

    @property
    def interactions(self) -> Mapping[int, int]:
        """Rank of every interaction order, orders upwards; read-only."""
        return MappingProxyType(dict(self.ranks))

    @property
    def complexity(self) -> int:
        """Nodes of all pure terms, plus order times rank of all interactions."""
        return sum(expression.complexity for expression in self.expressions) + sum(
            order * rank for order, rank in self.ranks
        )

    def n_parameters(self, d_in: int, d_out: int = 1) -> int:
        """Count the parameters of a layer of neurons with this formula.

        Parameters
        ----------
        d_in, d_out : int
            Inputs and neurons of the layer.

        Returns
        -------
        n : int
            ``d_in * d_out`` weights per pure term; per interaction ``order * d_in * rank``
            factors, shared by the neurons, and ``rank * d_out`` loadings; ``d_out`` biases.
        """
        interactions = sum(order * d_in * rank + rank * d_out for order, rank in self.ranks)
        return len(self.expressions) * d_in * d_out + interactions + d_out

    def __bool__(self) -> bool:
        return bool(self.expressions or self.ranks)

    def __or__(self, other: object) -> NeuronFormula:
        """Unite two formulas: all pure terms of both, and the larger rank of every order."""
        if not isinstance(other, NeuronFormula):
            return NotImplemented
        mine, theirs = dict(self.ranks), dict(other.ranks)
        larger = {
            order: max(mine.get(order, 0), theirs.get(order, 0))
            for order in mine.keys() | theirs.keys()
        }
        return NeuronFormula(self.expressions + other.expressions, larger)

    def __str__(self) -> str:
        parts = [
            # Without the brackets, reading the text back would make two terms of one.
            f"({expression.text})" if isinstance(expression.node, Sum) else expression.text
            for expression in self.expressions
        ]
        parts += [f"<{','.join('x' * order)}>:{rank}" for order, rank in self.ranks]
        return " + ".join(parts) or "0"

    def __repr__(self) -> str:
        return f"NeuronFormula(pure={self.pure!r}, interactions={dict(self.ranks)!r})"

    def __reduce__(self) -> tuple[type[NeuronFormula], tuple[tuple[str, ...], dict[int, int]]]:
        return type(self), (self.pure, dict(self.ranks))

    def _repr_latex_(self) -> str:
        """Show the neuron's equation in a notebook."""
        import sympy

        parts = ["b"]
        for t, expression in enumerate(self.expressions, start=1):
            g = sympy.latex(expression.to_sympy(sympy.Symbol("x_i")))
            if expression.power is None:
                g = rf"\left({g}\right)" if isinstance(expression.node, Sum) else g
            parts.append(rf"\sum_{{i}} w_{{{t},i}} \, {g}")
        for order, rank in self.ranks:
            parts.append(
                rf"\sum_{{r=1}}^{{{rank}}} v_{{{order},r}} \prod_{{m=1}}^{{{order}}} "
                rf"\langle u_{{{order},m,r}}, x \rangle"
            )
        return rf"$\displaystyle f(x) = {' + '.join(parts)}$"

    def to_dict(self) -> PlainData:
        """Return plain data (str, int, list, dict) that `from_dict` reads."""
        return {
            "format": _FORMAT,
            "version": _VERSION,
            "pure": list(self.pure),
            "interactions": {str(order): rank for order, rank in self.ranks},
        }

    @classmethod
    def from_dict(cls, data: object) -> NeuronFormula:
        """Read what `to_dict` returned.

        Parameters
        ----------
        data : dict
            As `to_dict` wrote it.

        Returns
        -------
        formula : NeuronFormula

        Raises
        ------
        FormulaError
            If the data are not those of a formula, or of a newer format.
        """
        plain = check_format(data, _FORMAT, _VERSION)
        pure, interactions = plain.get("pure"), plain.get("interactions")
        if not isinstance(pure, list) or not isinstance(interactions, dict):
            raise FormulaError("a formula's data need a list 'pure' and a dict 'interactions'")
        if len(pure) > MAX_TEXT_LENGTH:  # before reading so many
            raise FormulaError(f"the formula has {len(pure)} pure terms, more than a text can hold")
        try:
            orders = {int(order): rank for order, rank in interactions.items()}
        except ValueError:
            raise FormulaError("the orders of 'interactions' must be whole numbers") from None
        return cls(pure, orders)

    def to_json(self) -> str:
        """Return the formula as JSON text, with a format number."""
        return json.dumps(self.to_dict())

    @classmethod
    def from_json(cls, text: str) -> NeuronFormula:
        """Read what `to_json` wrote.

        Parameters
        ----------
        text : str
            As `to_json` wrote it.

        Returns
        -------
        formula : NeuronFormula

        Raises
        ------
        FormulaError
            If the text is not JSON, or not that of a formula, or of a newer format.
        """
        return cls.from_dict(load_json(text))


def _whole(value: object, what: str) -> int:
    if isinstance(value, bool):
        raise FormulaError(f"an interaction's {what} must be a whole number, got {value!r}")
    try:
        return operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        raise FormulaError(
            f"an interaction's {what} must be a whole number, got {value!r}"
        ) from None
