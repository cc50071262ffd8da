"""Units of the variables of AI Feynman's formulas, and the unit of what a formula gives."""

from collections.abc import Iterable, Mapping
from fractions import Fraction

import numpy as np

from sktaskneuron.formula.text.evaluation import evaluate
from sktaskneuron.formula.text.nodes import Node
from sktaskneuron.search.columns.units import read_unit

# A name means the same in all of the formulas.
_NAMES = {
    "1": "theta theta1 theta2 delta alpha beta gamma chi n mu sigma Z_1 Z_2",
    "m": "x1 x2 x3 y1 y2 y3 z1 z2 x y z r d lambd",
    "m**2": "A",
    "m**3": "V V1 V2",
    "1/m**3": "n_0 n_rho",
    "kg": "m m1 m2 m_0",
    "kg/m**3": "rho",
    "s": "t",
    "1/s": "omega omega_0",
    "m/s": "v u w c",
    "m/s**2": "g",
    "m**3/kg/s**2": "G",
    "kg*m/s": "p",
    "kg*m**2/s": "L",
    "s/kg": "mob",
    "N": "Nn",
    "J": "E_n",
    "J*m": "k_G",
    "J*s": "h hbar",
    "J/K": "kb",
    "K": "T",
    "Pa": "pr",
    "W/m**2": "Int_0 I_0 I1 I2",
    "A": "I",
    "C": "q q1 q2",
    "C*m": "p_d",
    "C/m**2": "sigma_den",
    "C/m**3": "rho_c_0",
    "V": "Volt",
    "V/m": "Ef",
    "V*s/m": "A_vec",
    "F": "C",
    "F/m": "epsilon",
    "T": "B",
    "A*m**2": "mom",
}
UNITS = {name: unit for unit, names in _NAMES.items() for name in names.split()}
# How far values may be from those of the other scale.
_NEAR = 1e-6


def units_of(names: Iterable[str]) -> dict[str, str]:
    """Return the units of some variables."""
    return {name: UNITS[name] for name in names}


def unit_of_values(node: Node, columns: Mapping[str, np.ndarray]) -> str:
    """Return the unit of a law: how its values move when a base unit does.

    Raises
    ------
    ValueError
        If rows move differently: the units of the columns do not fit the law.
    """
    known = {name: read_unit(UNITS[name]) for name in columns}
    before = np.asarray(evaluate(node, columns))
    parts = []
    for base in sorted({base for unit in known.values() for base in unit}):
        moved = {
            name: values * 1.1 ** float(known[name].get(base, 0))
            for name, values in columns.items()
        }
        ratio = np.asarray(evaluate(node, moved)) / before
        power = np.log(np.median(ratio)) / np.log(1.1)
        near = Fraction(float(power)).limit_denominator(4)
        if not np.allclose(ratio, 1.1 ** float(near), rtol=_NEAR):
            raise ValueError(f"the units of {', '.join(columns)} do not fit the law in {base}")
        if near:
            parts.append(f"{base}**({near})")
    return "*".join(parts) or "1"
