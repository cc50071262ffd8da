"""Hypothesis strategies: texts of functions, neuron formulas, fitted formulas."""

from __future__ import annotations

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st

from sktaskneuron.formula import PRIMITIVES, FittedFormula, NeuronFormula


def texts(n: int) -> settings:
    """Read n texts, or as many as the profile of the run asks for if these are more."""
    return settings(max_examples=max(n, settings().max_examples))


NUMBERS = st.one_of(
    st.integers(0, 9).map(str),
    st.floats(0.01, 50, allow_subnormal=False).map(repr),
    st.sampled_from(["0.5", ".25", "3.", "1e-3", "2.5e+2", "0.1", "0.3"]),
)
EXPONENTS = st.sampled_from(["2", "3", "-1", "-2", "0.5", "1.5", "(1/2)", "1", "0", "-0.5"])


def _grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    pair = st.tuples(inner, inner)
    return st.one_of(
        pair.map(lambda p: f"{p[0]} + {p[1]}"),
        pair.map(lambda p: f"{p[0]}-{p[1]}"),
        pair.map(lambda p: f"({p[0]})*({p[1]})"),
        pair.map(lambda p: f"({p[0]}) / ({p[1]})"),
        inner.map(lambda t: f"-({t})"),
        st.tuples(inner, EXPONENTS).map(lambda p: f"({p[0]})**{p[1]}"),
        st.tuples(st.sampled_from(sorted(PRIMITIVES)), inner).map(lambda p: f"{p[0]}({p[1]})"),
    )


#: Texts of elementwise functions; now and then one that is no finite function, such as log(0).
FUNCTION_TEXTS = st.recursive(st.one_of(st.just("x"), NUMBERS), _grown, max_leaves=8)

# Defined and moderate on the whole line, so that every export can be compared anywhere.
TAME = [
    "x",
    "x**2",
    "x**3",
    "x**5",
    "sin(x)",
    "cos(2.7*x)",
    "tanh(x)",
    "gaussian(x)",
    "sigmoid(x)",
    "relu(x)",
    "abs(x)",
    "erf(x)",
    "softplus(x)",
    "x*tanh(softplus(x))",
    "(x + x**2)",
    "1/(1 + x**2)",
    "softsign(3*x - 1)",
    "log(1 + x**2)",
    "sqrt(0.1 + x**2)",
]

TAME_FORMULAS = st.builds(
    NeuronFormula,
    st.lists(st.sampled_from(TAME), max_size=4),
    st.dictionaries(st.integers(2, 4), st.integers(1, 2), max_size=2),
)

NAMES = ("age", "body mass", "a_b", "lambda", "x-1", "größe", "\"'\n\\")


def draw_fitted(
    formula: NeuronFormula,
    seed: int,
    *,
    n_features: int = 3,
    n_outputs: int = 1,
    sparse: bool = False,
    far: float = 2.0,
    clip: bool = False,
) -> FittedFormula:
    """Draw numbers for a formula; `far` is the size of the centers, in scales."""
    rng = np.random.default_rng(seed)
    scale = 10.0 ** rng.uniform(-2, 2, n_features)
    center = far * scale * rng.normal(size=n_features)

    def numbers(*shape: int) -> np.ndarray:
        values = rng.normal(size=shape)
        return values * (rng.random(shape) < 0.5) if sparse else values

    return FittedFormula(
        formula,
        intercept=rng.normal(size=n_outputs),
        pure_weights=[numbers(n_features, n_outputs) for _ in formula.pure],
        factors={k: numbers(k, n_features, r) for k, r in formula.interactions.items()},
        loadings={k: numbers(r, n_outputs) for k, r in formula.interactions.items()},
        center=center,
        scale=scale,
        lower=center - 1.5 * scale if clip else None,
        upper=center + 2.0 * scale if clip else None,
        feature_names=NAMES[:n_features] if n_features <= len(NAMES) else None,
    )


FITTED = st.builds(
    draw_fitted,
    TAME_FORMULAS,
    st.integers(0, 10_000),
    n_features=st.integers(1, 4),
    n_outputs=st.integers(1, 2),
    sparse=st.booleans(),
    far=st.sampled_from([0.0, 2.0, 1e4]),
    clip=st.booleans(),
)


def draw_rows(fitted: FittedFormula, n: int = 30) -> np.ndarray:
    """Draw raw rows around the centers of a fitted formula."""
    z = np.random.default_rng(1).normal(size=(n, fitted.n_features))
    return fitted.center + fitted.scale * z


COLUMN_NAMES = ("sin", "b c", "a")


def draw_text(seed: int) -> str:
    """Draw the text of an expression of `COLUMN_NAMES`, of about ten operations.

    By a seed: Hypothesis would mostly draw constants and bare columns.
    """
    rng = np.random.default_rng(seed)
    primitives = sorted(PRIMITIVES)

    def grown(leaves: int) -> str:
        kind = rng.random()
        if leaves == 1 and kind < 0.6:
            number = str(rng.choice(["2", "0.5", "3.25", "1e-3", "0.3"]))
            return str(rng.choice(["a", "a", "`b c`", "`sin`", number]))
        if leaves == 1 or kind < 0.35:
            inner = grown(leaves)
            if rng.random() < 0.7:
                return f"{rng.choice(primitives)}({inner})"
            return f"({inner})**{rng.choice(['2', '3', '-1', '-2', '0.5', '1.5', '6', '-0.5'])}"
        left = int(rng.integers(1, leaves))
        sign = rng.choice(["+", "-", "*", "/"])
        return f"({grown(left)}) {sign} ({grown(leaves - left)})"

    return grown(6)
