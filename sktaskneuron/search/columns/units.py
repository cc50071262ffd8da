"""Texts of units, read as exponents of the base units; sizes, as of kilo, do not matter here."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import TypeAlias

#: What a user may write: a text, or the exponents of base units in an order of one's own.
UnitLike: TypeAlias = str | Sequence[float]
#: Exponents of base units, those that are not zero.
Unit: TypeAlias = dict[str, Fraction]

# Exponents of kg, m, s, A, K, mol, cd.
_BASES = ("kg", "m", "s", "A", "K", "mol", "cd")
_KNOWN: Mapping[str, tuple[int, ...]] = {
    "kg": (1,),
    "g": (1,),
    "t": (1,),
    "u": (1,),
    "m": (0, 1),
    "L": (0, 3),
    "l": (0, 3),
    "s": (0, 0, 1),
    "min": (0, 0, 1),
    "h": (0, 0, 1),
    "d": (0, 0, 1),
    "a": (0, 0, 1),
    "A": (0, 0, 0, 1),
    "K": (0, 0, 0, 0, 1),
    "mol": (0, 0, 0, 0, 0, 1),
    "cd": (0, 0, 0, 0, 0, 0, 1),
    "lm": (0, 0, 0, 0, 0, 0, 1),
    "lx": (0, -2, 0, 0, 0, 0, 1),
    "rad": (),
    "sr": (),
    "Hz": (0, 0, -1),
    "Bq": (0, 0, -1),
    "N": (1, 1, -2),
    "Pa": (1, -1, -2),
    "bar": (1, -1, -2),
    "J": (1, 2, -2),
    "eV": (1, 2, -2),
    "W": (1, 2, -3),
    "C": (0, 0, 1, 1),
    "V": (1, 2, -3, -1),
    "F": (-1, -2, 4, 2),
    "ohm": (1, 2, -3, -2),
    "Ω": (1, 2, -3, -2),
    "S": (-1, -2, 3, 2),
    "Wb": (1, 2, -2, -1),
    "T": (1, 0, -2, -1),
    "H": (1, 2, -2, -2),
    "Gy": (0, 2, -2),
}
_PREFIXES = ("da", *"QRYZEPTGMkhdcmµunpfazyrq")
_TOKEN = re.compile(
    r"\s*(?:(?P<name>[^\W\d_]+)|(?P<one>1(?![\d.]))|(?P<power>\*\*|\^)"
    r"|(?P<exponent>\(\s*[-+]?\d+(?:\s*/\s*\d+)?\s*\)|[-+]?\d+)|(?P<sign>[*/·()]))"
)


def read_unit(unit: UnitLike) -> Unit:
    """Read a unit.

    Parameters
    ----------
    unit : str or sequence of float
        Names of the SI and their products, as "kg*m**2/s^2", "J/K" or "1"; prefixes may stand
        before names. Or exponents of base units, in the same order for all columns.

    Returns
    -------
    exponents : dict of str to Fraction
        By base unit; empty where there is none.

    Raises
    ------
    ValueError
        If a text does not follow this, or a name is unknown.
    TypeError
        If it is neither a text nor a sequence of numbers.

    Examples
    --------
    >>> from sktaskneuron.search.columns.units import read_unit
    >>> read_unit("N*m/J")
    {}
    >>> read_unit("km/h") == read_unit("m/s")
    True
    """
    if isinstance(unit, str):
        return _Reader(unit).read()
    try:
        powers = [Fraction(float(power)).limit_denominator(12) for power in unit]
    except (TypeError, ValueError):
        raise TypeError(f"a unit must be a str or a sequence of numbers, got {unit!r}") from None
    return {f"base {place + 1}": power for place, power in enumerate(powers) if power}


def _of_name(name: str) -> Unit | None:
    for prefix in ("", *_PREFIXES):
        powers = _KNOWN.get(name.removeprefix(prefix)) if name.startswith(prefix) else None
        if powers is not None:
            pairs = zip(_BASES, powers, strict=False)
            return {base: Fraction(power) for base, power in pairs if power}
    return None


class _Reader:
    """Recursive descent over a unit's text: products of powers of names and brackets."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens: list[tuple[str, str]] = []
        place = 0
        while text[place:].strip():
            found = _TOKEN.match(text, place)
            if found is None:
                raise self.error(f"what stands at character {place + 1}")
            kind = str(found.lastgroup)
            self.tokens.append((kind, found.group(kind)))
            place = found.end()
        self.tokens.append(("end", ""))
        self.place = 0

    def error(self, what: str) -> ValueError:
        """Return the error that says what was not understood."""
        return ValueError(f"the unit {self.text!r} cannot be read: {what} is not understood")

    def next(self) -> tuple[str, str]:
        """Return the next token, and go on."""
        token = self.tokens[self.place]
        self.place += token[0] != "end"
        return token

    def read(self) -> Unit:
        """Return the exponents; an empty text has none."""
        unit = self.product() if self.tokens[0][0] != "end" else {}
        kind, text = self.next()
        if kind != "end":
            raise self.error(repr(text))
        return unit

    def product(self) -> Unit:
        """Read factors with * and / between them, or nothing, as in "N m"."""
        unit = self.factor()
        while True:
            kind, text = self.tokens[self.place]
            if kind == "end" or text == ")":
                return unit
            sign = 1
            if text in "*·/":
                self.next()
                sign = -1 if text == "/" else 1
            unit = _times(unit, self.factor(), Fraction(sign))

    def factor(self) -> Unit:
        """Read a name or a bracket, with its exponent."""
        kind, text = self.next()
        if kind == "name":
            unit = _of_name(text)
            if unit is None:
                raise self.error(f"the name {text!r}")
        elif kind == "one":
            unit = {}
        elif text == "(":
            unit = self.product()
            if self.next()[1] != ")":
                raise self.error("a bracket that does not close")
        else:
            raise self.error(repr(text) if text else "its end")
        if self.tokens[self.place][0] != "power":
            return unit
        self.next()
        kind, text = self.next()
        if kind not in ("exponent", "one"):
            raise self.error("an exponent that is no number")
        return _times({}, unit, Fraction(text.strip("() ").replace(" ", "")))


def _times(first: Unit, second: Unit, power: Fraction) -> Unit:
    """Multiply a unit by a power of another."""
    result = dict(first)
    for base, exponent in second.items():
        result[base] = result.get(base, Fraction(0)) + power * exponent
    return {base: exponent for base, exponent in result.items() if exponent}
