from __future__ import annotations

import pickle
import subprocess
import sys

import numpy as np
import pytest
import sympy

from sktaskneuron.exceptions import FormulaError
from sktaskneuron.formula import PRIMITIVES, ElementwiseExpression, get_primitive


def grid(primitive):
    """Points across a primitive's domain, with closed ends and far ones."""
    domain = primitive.domain
    points = np.concatenate([np.linspace(-6, 6, 41), [-25.0, 25.0, 1e-3]])
    points = np.append(points, [end for end in (domain.low, domain.high) if np.isfinite(end)])
    return points[domain.contains(points)]


@pytest.mark.parametrize("name", PRIMITIVES)
def test_numpy_and_sympy_agree(name):
    primitive = PRIMITIVES[name]
    x = sympy.Symbol("x")
    exact = primitive.sympy(sympy, x)
    expected = [float(exact.subs(x, sympy.Rational(v)).evalf(30)) for v in grid(primitive)]
    np.testing.assert_allclose(primitive.numpy(grid(primitive)), expected, rtol=1e-12, atol=1e-300)


@pytest.mark.parametrize("name", PRIMITIVES)
def test_numpy_and_torch_agree(name):
    torch = pytest.importorskip("torch")
    primitive = PRIMITIVES[name]
    values = torch.tensor(grid(primitive), dtype=torch.float64)
    for path in reversed(primitive.torch_name.split()):
        function = torch
        for part in path.split("."):
            function = getattr(function, part)
        values = function(values)
    np.testing.assert_allclose(
        values.numpy(), primitive.numpy(grid(primitive)), rtol=1e-9, atol=1e-15
    )


@pytest.mark.parametrize("name", PRIMITIVES)
def test_finite_on_the_domain_and_parity(name):
    primitive = PRIMITIVES[name]
    x = grid(primitive)
    assert np.isfinite(primitive.numpy(x)).all()
    mirrored = x[primitive.domain.contains(-x)]
    if primitive.parity != 0:
        np.testing.assert_allclose(
            primitive.numpy(-mirrored), primitive.parity * primitive.numpy(mirrored), rtol=1e-12
        )
    elif name not in ("log", "sqrt"):
        assert not np.allclose(
            np.abs(primitive.numpy(-mirrored)), np.abs(primitive.numpy(mirrored))
        )


@pytest.mark.parametrize("name", PRIMITIVES)
def test_every_primitive_parses_and_pickles(name):
    expression = ElementwiseExpression.parse(f"{name}(x)")
    assert expression.text == f"{name}(x)"
    assert expression.primitives == {name}
    assert pickle.loads(pickle.dumps(PRIMITIVES[name])) is PRIMITIVES[name]


def test_registry_is_read_only():
    with pytest.raises(TypeError):
        PRIMITIVES["mine"] = PRIMITIVES["sin"]
    with pytest.raises(FormulaError, match="unknown function"):
        get_primitive("mine")


def test_domain():
    domain = PRIMITIVES["sqrt"].domain
    assert str(domain) == "[0, inf)"
    assert domain.contains([-1, 0, 1, np.nan]).tolist() == [False, True, True, False]


def test_import_is_light():
    code = (
        "import sys, sktaskneuron.formula\n"
        "print([m for m in ('torch', 'sympy', 'scipy', 'sklearn') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
