"""Public docstrings are valid numpydoc and name every parameter and attribute."""

import inspect
import re

import numpydoc.docscrape
import numpydoc.validate
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

import sktaskneuron

from .data import QUICK, draw_classes, draw_people, draw_quadratic

ESTIMATORS = [
    getattr(sktaskneuron, name)
    for name in sktaskneuron.__all__
    if hasattr(getattr(sktaskneuron, name), "get_params")
]
METHODS = [
    "fit",
    "predict",
    "predict_proba",
    "transform",
    "get_feature_names_out",
    "energy",
    "simulate",
    "energy_drift",
]
#: Rules that we do not follow: methods need neither an extended summary (ES01) nor examples (EX01),
#: nothing needs a "See Also" (SA01), and returned values have names (RT02).
IGNORED = {"ES01", "EX01", "SA01", "RT02"}
#: Parts of a blend that take gaps.
HistGradientBoosting = {
    "Regressor": HistGradientBoostingRegressor,
    "Classifier": HistGradientBoostingClassifier,
}


def errors_of(path):
    result = numpydoc.validate.validate(path)
    return [error for error in result["errors"] if error[0] not in IGNORED]


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_class(kind):
    path = f"sktaskneuron.estimators.{kind.__name__}"
    assert errors_of(path) == []


@pytest.mark.parametrize(
    ("kind", "method"),
    [(kind, method) for kind in ESTIMATORS for method in METHODS if hasattr(kind, method)],
)
def test_method(kind, method):
    assert errors_of(f"sktaskneuron.estimators.{kind.__name__}.{method}") == []


def documented(kind, section):
    parsed = numpydoc.docscrape.ClassDoc(kind)[section]
    return [name.strip() for entry in parsed for name in entry.name.split(",")]


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_defaults_in_the_docstring(kind):
    parsed = {entry.name: entry.type for entry in numpydoc.docscrape.ClassDoc(kind)["Parameters"]}
    for name, parameter in inspect.signature(kind).parameters.items():
        if parameter.default is inspect.Parameter.empty:
            assert "default" not in parsed[name], name
            continue
        shown = re.search(r"default=(.*)$", parsed[name]).group(1)
        default = parameter.default
        if isinstance(default, str):
            default = f'"{default}"'
        assert shown == str(default), name


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_attributes_in_the_docstring(kind):
    pd = pytest.importorskip("pandas")
    columns, y = draw_people()
    X = pd.DataFrame({"age": columns["age"]})
    if "Signal" in kind.__name__:
        model = kind(hidden_channels=(4,), max_epochs=3, random_state=0)
    elif "Seek" in kind.__name__:
        model = kind(**QUICK)
    elif "Activation" in kind.__name__:
        model = kind(candidates=["silu", "relu"], **QUICK)
    elif "MLP" in kind.__name__:
        model = kind(activations=["sin", "tanh"], **QUICK)
    elif "Blend" in kind.__name__:
        trees = HistGradientBoosting[kind.__name__.removeprefix("Blend")]
        model = kind([("trees", trees(max_iter=5))])
    else:
        model = kind(n_resamples=2)
    if "Hamiltonian" in kind.__name__:
        X = X.assign(momentum=y).dropna()
        y = X.to_numpy()
    if "Regressor" not in kind.__name__:
        y = y > y.mean()
    model.fit(X, y)
    public = {name for name in vars(model) if name.endswith("_") and not name.startswith("_")}
    if not re.search("MLP|Activation|Blend|Signal", kind.__name__):
        public |= {"expression_"}
    if kind.__name__ == "NeuronFormulaSearch":
        public |= {"constants_"}
    assert public == set(documented(kind, "Attributes"))


def test_examples_use_public_names():
    for kind in ESTIMATORS:
        assert f"from sktaskneuron import {kind.__name__}" in kind.__doc__


def test_data_of_these_tests():
    """The shared tables are what their descriptions say."""
    X, y = draw_quadratic(50, noise=0.0)
    assert abs(y - 2 * X[:, 0] ** 2 - X[:, 1] * X[:, 2]).max() < 1e-12
    assert set(draw_classes(50)[1]) == {"inside", "outside"}
