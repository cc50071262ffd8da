"""Trees as a C function."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sktaskneuron.exceptions import FormulaError
from sktaskneuron.formula.export.printer import Level, StatementPrinter, Text
from sktaskneuron.formula.text.evaluation import variables
from sktaskneuron.formula.text.nodes import Node
from sktaskneuron.formula.text.primitives import Primitive

__all__ = ["to_c"]

# Powers up to this one are multiplied out: pow() takes ten times as long.
_MULTIPLIED = 4

_KEYWORDS = """
    auto break case char const continue default do double else enum extern float for goto if inline
    int long register restrict return short signed sizeof static struct switch typedef union
    unsigned void volatile while
    alignas alignof bool constexpr false nullptr static_assert thread_local true typeof
    typeof_unqual asm catch class delete export friend mutable namespace new operator private
    protected public template this throw try using virtual main
"""
# What math.h declares: a function of ours by such a name would not compile.
_MATH = """
    acos asin atan atan2 cos sin tan acosh asinh atanh cosh sinh tanh exp exp2 expm1 frexp ilogb
    ldexp log log10 log1p log2 logb modf scalbn scalbln cbrt fabs hypot pow sqrt erf erfc lgamma
    tgamma ceil floor nearbyint rint lrint llrint round lround llround trunc fmod remainder remquo
    copysign nan nextafter nexttoward fdim fmax fmin fma isfinite isinf isnan isnormal signbit
    fpclassify isgreater isgreaterequal isless islessequal islessgreater isunordered gamma j0 j1 jn
    y0 y1 yn drem finite significand scalb exp10 pow10 signgam
"""
_RESERVED = frozenset(_KEYWORDS.split()) | {
    name + suffix for name in _MATH.split() for suffix in ("", "f", "l")
}


def to_c(trees: Sequence[Node], feature_names: Sequence[str], *, name: str = "predict") -> str:
    """Return a C99 function that evaluates trees on one row; it needs ``math.h`` only.

    Parameters
    ----------
    trees : sequence of Node
        One per output.
    feature_names : sequence of str
    name : str
        Name of the function: a C identifier, no keyword, and none that C reserves.

    Returns
    -------
    source : str
        ``double name(const double *x)``, or ``void name(const double *x, double *out)`` for
        several outputs; the columns' names, in UTF-8, as ``name_feature_names``.

    Raises
    ------
    FormulaError
        If the name is no identifier that C leaves free.
    """
    if (
        not isinstance(name, str)
        or not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name, re.ASCII)
        or name in _RESERVED
    ):
        raise FormulaError(f"name must be an identifier that C leaves free, got {name!r}")
    printer = _CPrinter(trees, feature_names, name)
    values = [printer.signed(printer.write(tree)) for tree in trees]
    body = list(printer.statements)
    if not any(map(variables, trees)):
        body.append("(void)x;")  # or compilers warn of it
    if len(values) == 1:
        head = f"double {name}(const double *x)"
        body.append(f"return {values[0]};")
    else:
        head = f"void {name}(const double *x, double *out)"
        body += [f"out[{j}] = {value};" for j, value in enumerate(values)]
    names = [_quoted(feature) for feature in feature_names] or ["0"]
    lines = [
        "#include <math.h>",
        "",
        f"static const char *const {name}_feature_names[] = {{",
        *(f"    {feature}," for feature in names),
        "};",
        "",
        *printer.helpers,
        f"/* One row of columns in the order of {name}_feature_names. */",
        head,
        "{",
        f"    (void){name}_feature_names;",
        *(f"    {line}" for line in body),
        "}",
    ]
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    """Write a C string; octal escapes end after three digits, whatever follows."""
    parts = []
    for byte in text.encode("utf-8", "surrogatepass"):
        character = chr(byte)
        if character in '"\\?':  # ?? may begin a trigraph
            parts.append("\\" + character)
        elif 32 <= byte < 127:
            parts.append(character)
        else:
            parts.append(f"\\{byte:03o}")
    return '"' + "".join(parts) + '"'


class _CPrinter(StatementPrinter):
    language = "C"
    # unlike those of fmax and fmin, these values are NaN where the column's is
    bounds = ("({0} < {1} ? {1} : {0})", "({0} > {1} ? {1} : {0})")

    def __init__(self, trees: Sequence[Node], feature_names: Sequence[str], name: str) -> None:
        super().__init__(trees)
        self._place = {name: i for i, name in enumerate(feature_names)}
        self._prefix = name
        self._helpers: dict[str, str] = {}

    @property
    def helpers(self) -> list[str]:
        """Definitions of the functions that math.h lacks, each with a blank line behind it."""
        return [line for text in self._helpers.values() for line in (text, "")]

    def form(self, primitive: Primitive) -> str | None:
        return primitive.c

    def variable(self, name: str) -> str:
        return f"x[{self._place[name]}]"

    def assignment(self, name: str, value: str) -> str:
        return f"const double {name} = {value};"

    def call(self, name: str, argument: Node) -> Text:
        form = self.form_of(name)
        if form.count("{x}") == 1:
            return super().call(name, argument)
        helper = f"{self._prefix}_{name}"
        self._helpers[name] = (
            f"static double {helper}(double x)\n{{\n    return {form.format(x='x')};\n}}"
        )
        return Text(f"{helper}({self.signed(self.write(argument))})")

    def power(self, base: Node, exponent: float) -> Text:
        if isinstance(exponent, int) and exponent <= _MULTIPLIED:
            return Text("*".join([self.named(base)] * exponent), Level.PRODUCT)
        value = self.signed(self.write(base))
        if exponent == 0.5:
            return Text(f"sqrt({value})")
        return Text(f"pow({value}, {self.number(exponent)})")
