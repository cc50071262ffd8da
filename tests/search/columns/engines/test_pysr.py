"""PySR's tables become canonical trees; without PySR or Julia the error says what to install."""

import math
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from sktaskneuron.exceptions import EngineError, MissingDependencyError
from sktaskneuron.formula import ElementwiseExpression
from sktaskneuron.formula.text.nodes import text_of
from sktaskneuron.formula.text.parser import parse_node
from sktaskneuron.search.columns.engines.pysr import (
    equations_of_columns,
    functions_of_template,
    search_elementwise,
    search_pysr,
)
from sktaskneuron.search.columns.engines.registry import get_columns_engine

from ...engine_helpers import make_problem, write_package

DATA = Path(__file__).parent / "data"
NAMES = ("a", "b c", "d", "e")

needs_julia = pytest.mark.skipif(
    find_spec("pysr") is None or shutil.which("julia") is None, reason="needs pysr and Julia"
)


def table(name):
    return (DATA / name).read_text("utf-8")


def draw(n=120):
    X = np.random.default_rng(0).uniform(-2, 2, (n, 3))
    return X, X[:, 0] * X[:, 1] + np.sin(X[:, 2])


# -- recorded tables -------------------------------------------------------------------------------


def test_hall_of_fame():
    found = equations_of_columns(table("pysr_hall_of_fame.csv"), NAMES)
    expected = [
        "1.3962617340916342",
        "abs(a)",
        "a**2",
        "a**2 - 0.4321",
        "a**2 - cos(e)",
        "a**2 + cos(e) + 1e-6",
        "a**2 + 2.5382193746291305*cos(e)",
        "a**2 + 2.538200001273913*cos(e) - 0.49999999872345",
        "1.2339e-7*`b c` + a**2 + 2.538200000012*cos(e) - 0.5000000000031",
    ]
    assert found == [parse_node(text, NAMES) for text in expected]


def test_operators_of_older_tables_and_rows_left_out():
    found = equations_of_columns(table("pysr_hall_of_fame_float32.csv"), NAMES)
    base = math.log(2.2683423)
    expected = [
        "1.9762075",
        "a + 1.4724599",
        f"exp({float(f'{base:.15g}')!r}*cos(e))",
        "`b c`**1.5/a",
        "exp(-31.25*`b c`**3)",
        "a*exp(d*log(`b c`))",
        f"log(abs(d))**2 - {1 / math.log(10)!r}*log(`b c`)",
        f"sign(`b c`)*abs(`b c`)**{1 / 3!r} + sqrt(abs(d))/log(a + 1)",
    ]
    assert found == [parse_node(text, NAMES) for text in expected]  # without max and NaN


def test_template():
    functions = functions_of_template(table("pysr_template.csv"))
    texts = ["x", "x**2", "sin(1.9871*x)", "x**2 - 2.5*sin(2.0000001*x)", "sin(2.0000001*x)"]
    expected = [*map(ElementwiseExpression.parse, texts), ElementwiseExpression.parse("tanh(x)")]
    assert functions == expected


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("", "without the column Equation"),
        ("\n\n", "without the column Equation"),
        ("Complexity,Loss\n1,2\n", "without the column Equation"),
        ("Complexity,Loss,Equation\n", "it is empty"),
        ("Complexity,Loss,Equation\n1,0.1\n1,0.1,x0,x1\n", "it is empty"),
        ('Complexity,Loss,Equation\n1,0.1,"__import__(x0)"\n', "unknown name '__import__'"),
        ('Complexity,Loss,Equation\n1,0.1,"' + "x0 + " * 200_000 + 'x0"\n', "field larger than"),
        ('Complexity,Loss,Equation\n1,0.1,"' + "(" * 3_000 + '"\n', "nested too deeply"),
        ("Complexity,Loss,Equation\n" + "1,0.1,x0 ^ 1e9\n" * 100_000, "is too large"),
    ],
)
def test_tables_of_another_kind(text, match):
    with pytest.raises(EngineError, match=match):
        equations_of_columns(text, NAMES)


@pytest.mark.parametrize("text", ["f = #1", "g", "g = #2", "w = [1.0]", "g = x0"])
def test_templates_of_another_kind(text):
    with pytest.raises(EngineError, match="can be read"):
        functions_of_template(f'Complexity,Loss,Equation\n1,0.1,"{text}"\n')


# -- the child -------------------------------------------------------------------------------------

# Stands for pysr: checks what it is given as pysr would, and writes a table.
FAKE = """
import tempfile
from pathlib import Path

class TemplateExpressionSpec:
    def __init__(self, combine, expressions, variable_names, parameters=None):
        assert combine == "w[1] * g(x0) + w[2] * g(x1) + w[3] * g(x2) + b[1]"
        assert (expressions, variable_names) == (["g"], ["x0", "x1", "x2"])
        assert parameters == {"w": 3, "b": 1}

class PySRRegressor:
    def __init__(self, *, expression_spec=None, **arguments):
        self.template = expression_spec is not None
        assert arguments["parallelism"] == "serial" and arguments["deterministic"]
        assert arguments["random_state"] == 4 and arguments["niterations"] == 2
        assert arguments["maxsize"] == 20
        self.folder = Path(tempfile.mkdtemp(dir=arguments["tempdir"]))

    def fit(self, X, y, *, weights, variable_names):
        assert X.shape == (120, 3) and y.shape == (120,) and weights.shape == (120,)
        assert variable_names == ["x0", "x1", "x2"]
        text = "g = sin(#1); w = [1.0, 2.0, 3.0]; b = [0.0]" if self.template else "x0 + x2"
        self.get_equation_file().write_text(f'Complexity,Loss,Equation\\n2,0.1,"{text}"\\n')

    def get_equation_file(self):
        return self.folder / "hall_of_fame.csv"
"""


def test_settings_and_table_of_the_child(tmp_path, monkeypatch):
    write_package(tmp_path, "pysr", FAKE)
    monkeypatch.syspath_prepend(tmp_path)
    X, y = draw()
    problem = make_problem(X, y, weight=np.linspace(1, 2, 120), max_steps=2, seed=4)
    assert [text_of(node) for node in search_pysr(problem)] == ["c0 + c2"]
    assert search_elementwise(problem) == [ElementwiseExpression.parse("sin(x)")]


def test_missing_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "pysr", None)
    message = r"needs pysr; pip install sktaskneuron\[pysr\] \(Julia is fetched at first use\)"
    with pytest.raises(MissingDependencyError, match=message):
        get_columns_engine("pysr")


@pytest.mark.parametrize("search", [search_pysr, search_elementwise])
def test_missing_julia(tmp_path, monkeypatch, search):
    # as juliapkg fails where there is no network: at the import, with no ImportError
    write_package(tmp_path, "pysr", "import urllib.error\nraise urllib.error.URLError('no net')")
    monkeypatch.syspath_prepend(tmp_path)
    message = (
        r"^engine='pysr' needs pysr and Julia: pip install sktaskneuron\[pysr\]; Julia is fetched "
        r"at first use, .* \(URLError: <urlopen error no net>\)$"
    )
    with pytest.raises(MissingDependencyError, match=message):
        search(make_problem(*draw()))


@needs_julia
def test_truth_is_found_by_julia():
    X, y = draw()
    problem = make_problem(X, y, max_steps=5)
    nodes = search_pysr(problem)
    assert any(text_of(node).startswith(("c0*c1", "sin(c2)")) for node in nodes)
    assert search_pysr(problem) == nodes


@needs_julia
def test_function_is_found_by_julia():
    X, _ = draw()
    y = np.sin(X) @ [1.0, -2.0, 0.5]
    functions = search_elementwise(make_problem(X, y, max_steps=5))
    assert ElementwiseExpression.parse("sin(x)") in functions
