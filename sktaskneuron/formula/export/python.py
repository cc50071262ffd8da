"""Trees as Python source that needs numpy only."""

from __future__ import annotations

import keyword
from collections.abc import Sequence

from sktaskneuron.exceptions import FormulaError
from sktaskneuron.formula.export.printer import Level, StatementPrinter, Text
from sktaskneuron.formula.text.evaluation import variables
from sktaskneuron.formula.text.nodes import Node, Variable, number_text
from sktaskneuron.formula.text.primitives import Primitive

__all__ = ["to_python"]

# A function of such a name would hide what its own body reads.
_TAKEN = ("FEATURE_NAMES", "np", "special")


def to_python(trees: Sequence[Node], feature_names: Sequence[str], *, name: str = "predict") -> str:
    """Return the source of a module with one function that evaluates trees.

    The module imports numpy (and `scipy.special` for erf and sigmoid), nothing else. Column
    names appear as quoted text only, so that any name is safe. Parts that are used twice are
    local variables: the length grows with the number of distinct parts.

    Parameters
    ----------
    trees : sequence of Node
        One per output.
    feature_names : sequence of str
    name : str
        Name of the function, an identifier.

    Returns
    -------
    source : str
        ``FEATURE_NAMES`` and ``def name(X)``, from X of shape (n_samples, n_features) to values
        of shape (n_samples,), or (n_samples, n_outputs) for several outputs.

    Raises
    ------
    FormulaError
        If the name is no identifier.
    """
    if not isinstance(name, str) or not name.isidentifier() or keyword.iskeyword(name):
        raise FormulaError(f"name must be a Python identifier, got {name!r}")
    if name in _TAKEN:
        raise FormulaError(f"name must not be {name!r}, an identifier that the module uses itself")
    printer = _PythonPrinter(trees, feature_names)
    values = [printer.output(tree) for tree in trees]
    value = values[0] if len(values) == 1 else f"np.column_stack([{', '.join(values)}])"
    body = ["X = np.asarray(X, dtype=np.float64)", *printer.statements, f"return {value}"]
    imports = ["import numpy as np"]
    if any("special." in line for line in body):
        imports.append("from scipy import special")
    lines = [
        *imports,
        "",
        "FEATURE_NAMES = [",
        *(f"    {feature!r}," for feature in feature_names),
        "]",
        "",
        "",
        '@np.errstate(all="ignore")',
        f"def {name}(X):",
        '    """Evaluate the equation on columns in the order of FEATURE_NAMES."""',
        *(f"    {line}" for line in body),
    ]
    return "\n".join(lines) + "\n"


class _PythonPrinter(StatementPrinter):
    language = "Python"
    bounds = ("np.maximum({}, {})", "np.minimum({}, {})")

    def __init__(self, trees: Sequence[Node], feature_names: Sequence[str]) -> None:
        super().__init__(trees)
        self._place = {name: i for i, name in enumerate(feature_names)}

    def output(self, tree: Node) -> str:
        value = self.signed(self.write(tree))
        if not variables(tree):
            return f"np.full(X.shape[0], {value})"
        # a bare column would be a view of the caller's own array
        return f"{value}.copy()" if isinstance(tree, Variable) else value

    def form(self, primitive: Primitive) -> str:
        return primitive.source

    def variable(self, name: str) -> str:
        return f"X[:, {self._place[name]}]"

    def assignment(self, name: str, value: str) -> str:
        return f"{name} = {value}"

    def call(self, name: str, argument: Node) -> Text:
        form = self.form_of(name)
        if form.count("{x}") > 1:
            return Text(form.format(x=self.named(argument)))
        return super().call(name, argument)

    def power(self, base: Node, exponent: float) -> Text:
        text = self.write(base)
        if exponent == 0.5:
            return Text(f"np.sqrt({self.signed(text)})")
        return Text(f"{self.operand(text)}**{number_text(exponent)}", Level.POWER)
