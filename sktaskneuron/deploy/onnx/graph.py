"""A graph of ONNX nodes that is written like arithmetic on arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from sktaskneuron._typing import AnyArray

#: What a value is combined with: another one, or numbers.
Operand: TypeAlias = "Value | ArrayLike"


@dataclass(frozen=True)
class Node:
    """One operation: its name, the names of what it reads, of what it writes, its attributes."""

    op: str
    inputs: tuple[str, ...]
    output: str
    attributes: tuple[tuple[str, Any], ...] = ()
    domain: str = ""


@dataclass
class Graph:
    """Nodes in the order in which they run. The same operation on the same values is one node.

    Parameters
    ----------
    inputs : dict of str to (dtype, shape)
        What is fed; None in a shape is the number of rows.
    constants : dict of str to ndarray
    nodes : list of Node
    """

    inputs: dict[str, tuple[np.dtype[Any], tuple[int | None, ...]]] = field(default_factory=dict)
    constants: dict[str, AnyArray] = field(default_factory=dict)
    nodes: list[Node] = field(default_factory=list)
    _known: dict[object, Value] = field(default_factory=dict)

    def input(self, name: str, dtype: DTypeLike, shape: tuple[int | None, ...]) -> Value:
        """Add an input.

        Raises
        ------
        ValueError
            If the name is empty or taken.
        """
        if not name or name in self.inputs:
            raise ValueError(
                f"an input of an ONNX graph needs a name of its own, got the column {name!r}: "
                "rename the column before fit, or use one_tensor=True"
            )
        self.inputs[name] = np.dtype(dtype), shape
        return Value(self, name, np.dtype(dtype))

    def constant(self, array: ArrayLike, dtype: DTypeLike | None = None) -> Value:
        """Add an array."""
        values = np.asarray(array, dtype=dtype, order="C")
        content = tuple(values.tolist()) if values.dtype == np.object_ else values.tobytes()
        key = values.dtype.str, values.shape, content
        if key not in self._known:
            name = self._new_name()
            self.constants[name] = values
            self._known[key] = Value(self, name, values.dtype)
        return self._known[key]

    def node(
        self,
        op: str,
        *inputs: Value | None,
        dtype: DTypeLike | None = None,
        domain: str = "",
        **attributes: Any,
    ) -> Value:
        """Add an operation.

        Parameters
        ----------
        op : str
        *inputs : Value or None
            None leaves an optional input out.
        dtype : dtype, default=None
            Of what it returns; None is that of the first input.
        domain : str, default=""
            Of the operation.
        **attributes : int, float, str or sequence of these
        """
        names = tuple("" if value is None else value.name for value in inputs)
        first = next(value for value in inputs if value is not None)
        listed = tuple(
            (name, tuple(value) if isinstance(value, list | tuple) else value)
            for name, value in sorted(attributes.items())
        )
        key = op, names, listed, domain
        if key not in self._known:
            name = self._new_name()
            self.nodes.append(Node(op, names, name, listed, domain))
            self._known[key] = Value(self, name, first.dtype if dtype is None else np.dtype(dtype))
        return self._known[key]

    def _new_name(self) -> str:
        # columns may have any name, so this one looks for a free one
        name = f"/{len(self.nodes) + len(self.constants)}"
        while name in self.inputs:
            name = f"/{name}"
        return name


@dataclass(frozen=True, eq=False)
class Value:
    """What a node writes: an array that is not there yet.

    Parameters
    ----------
    graph : Graph
    name : str
    dtype : dtype
    """

    graph: Graph
    name: str
    dtype: np.dtype[Any]

    def of(self, operand: Operand, dtype: DTypeLike | None = None) -> Value:
        """Return an operand as a value, numbers in this value's type."""
        if isinstance(operand, Value):
            return operand
        return self.graph.constant(operand, self.dtype if dtype is None else dtype)

    def op(self, op: str, *others: Operand, **attributes: Any) -> Value:
        """Return an operation of this value and others."""
        return self.graph.node(op, self, *(self.of(other) for other in others), **attributes)

    # -- arithmetic --------------------------------------------------------------------------------

    def __add__(self, other: Operand) -> Value:
        return self.op("Add", other)

    def __radd__(self, other: Operand) -> Value:
        return self.of(other).op("Add", self)

    def __sub__(self, other: Operand) -> Value:
        return self.op("Sub", other)

    def __rsub__(self, other: Operand) -> Value:
        return self.of(other).op("Sub", self)

    def __mul__(self, other: Operand) -> Value:
        return self.op("Mul", other)

    def __rmul__(self, other: Operand) -> Value:
        return self.of(other).op("Mul", self)

    def __truediv__(self, other: Operand) -> Value:
        return self.op("Div", other)

    def __rtruediv__(self, other: Operand) -> Value:
        return self.of(other).op("Div", self)

    def __pow__(self, exponent: float) -> Value:
        return self.op("Pow", exponent)

    def __neg__(self) -> Value:
        return self.op("Neg")

    def __matmul__(self, other: Operand) -> Value:
        return self.op("MatMul", other)

    def clip(self, lower: float, upper: float) -> Value:
        """Return the values between two numbers; NaN stays."""
        ends = [self.of(end) if np.isfinite(end) else None for end in (lower, upper)]
        return self.graph.node("Clip", self, *ends)

    # -- comparisons -------------------------------------------------------------------------------

    def below(self, other: Operand) -> Value:
        """Return where the values are less than another's."""
        return self.op("Less", other, dtype=bool)

    def up_to(self, other: Operand) -> Value:
        """Return where the values are at most another's."""
        return self.op("LessOrEqual", other, dtype=bool)

    def equals(self, other: Operand) -> Value:
        """Return where the values are another's."""
        return self.op("Equal", other, dtype=bool)

    def is_nan(self) -> Value:
        """Return where the values are NaN."""
        return self.op("IsNaN", dtype=bool)

    def choose(self, yes: Operand, no: Operand) -> Value:
        """Return one or the other, by these truth values."""
        like = next(value for value in (yes, no) if isinstance(value, Value))
        return self.graph.node("Where", self, like.of(yes), like.of(no), dtype=like.dtype)

    # -- shapes ------------------------------------------------------------------------------------

    def cast(self, dtype: DTypeLike) -> Value:
        """Return the values in another type."""
        wanted = np.dtype(dtype)
        if wanted == self.dtype:
            return self
        return self.graph.node("Cast", self, dtype=wanted, to=wanted.name)

    def ints(self, numbers: Sequence[int] | AnyArray) -> Value:
        """Return whole numbers as a value."""
        return self.graph.constant(numbers, np.int64)

    def part(self, axis: int, start: int, stop: int) -> Value:
        """Return neighbours along an axis."""
        return self.op(
            "Slice", *(self.ints([number]) for number in (start, stop)), self.ints([axis])
        )

    def take(self, places: Operand, axis: int) -> Value:
        """Return the entries at places (whole numbers) along an axis."""
        return self.op("Gather", self.of(places, np.int64), axis=axis)

    def reshape(self, *shape: int) -> Value:
        """Return another shape; 0 keeps an axis, -1 takes what is left."""
        return self.op("Reshape", self.ints(shape))

    def transpose(self, *axes: int) -> Value:
        """Return the axes in another order."""
        return self.op("Transpose", perm=axes)

    def with_axis(self, axis: int) -> Value:
        """Return the values with a new axis of length one."""
        return self.op("Unsqueeze", self.ints([axis]))

    def without_axis(self, axis: int) -> Value:
        """Return the values without an axis of length one."""
        return self.op("Squeeze", self.ints([axis]))

    def expand(self, *shape: int) -> Value:
        """Return copies along axes of length one, and new ones in front."""
        return self.op("Expand", self.ints(shape))

    def sum(self, axis: int, keep: bool = False) -> Value:
        """Return the sum along an axis."""
        return self.op("ReduceSum", self.ints([axis]), keepdims=int(keep))

    def largest(self, axis: int) -> Value:
        """Return the maximum along an axis, which is kept."""
        return self.op("ReduceMax", self.ints([axis]), keepdims=1)

    def mean(self, axis: int) -> Value:
        """Return the mean along an axis."""
        return self.op("ReduceMean", self.ints([axis]), keepdims=0)


def join(parts: Sequence[Value], axis: int) -> Value:
    """Return values side by side along an axis."""
    if len(parts) == 1:
        return parts[0]
    return parts[0].graph.node("Concat", *parts, axis=axis)
