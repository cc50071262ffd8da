"""The torch module of every public estimator gives its answers, and torch.export takes it."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.base import clone

from sktaskneuron import HamiltonianMLPRegressor, NeuronFormulaSearch, NeuronSeekRegressor
from sktaskneuron.deploy.torch_module import predictor_module
from sktaskneuron.estimators.neuron_seek.defaults import Defaults
from sktaskneuron.formula import FittedExpression
from sktaskneuron.models.fitted import FormulaModel
from tests.common.instances import INSTANCES
from tests.estimators.data import QUICK, draw_people

pd = pytest.importorskip("pandas")

# One for each way through the module; the others differ in what they search.
NAMES = [
    "regressor-default",
    "classifier-default",
    "regressor-interaction",
    "typed-regressor",
    "learned-classifier",
    "search-classifier",
    "search-tail",
    "search-als",
]
# What reads the levels of a column with many of them.
LEVELS = ["regressor-default", "classifier-default"]


def encoded(model, X):
    columns = model.encoder_.transform(X), model.encoder_.level_codes(X)
    return torch.from_numpy(np.concatenate(columns, axis=1))


def people():
    columns, y = draw_people(160)
    columns["street"] = [f"street {i % 41}" for i in range(160)]
    return pd.DataFrame(columns), y


def hostile(X):
    X = X.copy()
    X.loc[:2, "age"] = [1e300, -1e300, np.nan]
    X.loc[3:5, "city"] = ["Zürich", None, "Bergen"]
    X.loc[3:5, "street"] = ["Main", None, "street 3"]
    return X


def answer(model, X):
    for name in ("transform", "predict_proba", "predict"):
        if hasattr(model, name):
            return getattr(model, name)(X)
    raise AssertionError


def assert_same(found, own, single):
    assert found.dtype == np.float64
    assert found.shape == own.shape
    low, high = np.quantile(own, [0.25, 0.75], axis=0)
    difference = np.abs(found - own) / (np.abs(own) + (high - low) + 1e-12)
    assert difference.max() < (1e-5 if single else 1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_every_estimator(name):
    X, y = people()
    model = clone(INSTANCES[name])
    if name not in LEVELS:
        X = X.drop(columns="street")
    if isinstance(model, NeuronFormulaSearch):
        X = X.loc[:, ["age", "income", "member"]]
        if model.scope == "neuron":
            model.set_params(n_resamples=0, max_order=3)
    if hasattr(model, "predict_proba"):
        y = np.digitize(y, np.quantile(y, [0.3, 0.7]))
    elif name.startswith("regressor"):
        y = np.column_stack([y, y**2])
    model.fit(X, y)
    module = model.to_torch()
    assert not module.training
    single = model.get_params().get("dtype", "float64") == "float32"
    for rows in (X, hostile(X)) if name in LEVELS else (X,):
        own = answer(model, rows)
        with torch.inference_mode():
            assert_same(module(encoded(model, rows)).numpy(), own, single)


def test_an_equation_of_columns():
    X, y = people()
    model = clone(INSTANCES["regressor-pure"]).fit(X[["age", "income"]], y)
    predictor = model._fitted.predictor
    texts = "log(age - 30) + 2*exp(-(age/50)**2)/(1 + abs(income)**0.5)"
    expression = FittedExpression.parse(texts, predictor.reader.names)
    readable = replace(predictor, model=FormulaModel(expression, predictor.target))
    found = predictor_module(readable)(encoded(model, X[["age", "income"]])).numpy()
    assert_same(found, readable.predict(X[["age", "income"]], model, "cpu"), single=False)


def exported(module, rows):
    """The module as torch.export writes it, for any number of rows."""
    batch = torch.export.Dim.DYNAMIC
    return torch.export.export(module, (rows,), dynamic_shapes=({0: batch},)).module()


class Binned(NeuronSeekRegressor):
    """Trains networks with bins on tables of any number of rows."""

    _defaults = Defaults(bins_from=0)


@pytest.mark.parametrize("kind", [NeuronSeekRegressor, Binned])
def test_a_blend_of_all_is_exported(kind):
    X, y = people()
    model = kind(**{**QUICK, "max_epochs": 10}, compare_simple=True).fit(X, y)
    rows = encoded(model, X)
    run = exported(model.to_torch(), rows[:7])
    with torch.no_grad():
        assert_same(run(rows).numpy(), model.predict(X), single=True)


@pytest.mark.parametrize("activations", ["tanh", ["sin", "x*tanh(x)"], None], ids=str)
def test_the_field_of_a_hamiltonian(activations):
    X = np.random.default_rng(0).normal(size=(60, 4))
    model = HamiltonianMLPRegressor(
        hidden_layer_sizes=(8, 8),
        activations=activations,
        outer_steps=2,
        inner_steps=2,
        max_epochs=3,
        random_state=0,
    ).fit(X, np.column_stack([X[:, 2:], -X[:, :2]]))
    module = model.to_torch()
    assert_same(module(torch.from_numpy(X)).detach().numpy(), model.predict(X), single=True)
