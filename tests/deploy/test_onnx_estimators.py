"""One graph from the raw table to the answer, for every public estimator."""

import json
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from sktaskneuron import (
    ActivationSearchClassifier,
    ActivationSearchRegressor,
    HamiltonianMLPRegressor,
    LearnedDiversityMLPClassifier,
    LearnedDiversityMLPRegressor,
    NeuronFormulaSearch,
    NeuronSeekClassifier,
    NeuronSeekRegressor,
    NeuronSeekSignalClassifier,
    NeuronSeekSignalRegressor,
)
from sktaskneuron.deploy import onnx_inputs
from sktaskneuron.deploy.torch_module import predictor_module
from sktaskneuron.estimators.neuron_seek.defaults import Defaults
from sktaskneuron.exceptions import MissingDependencyError
from sktaskneuron.formula import FittedExpression, FittedFormula, NeuronFormula
from sktaskneuron.models.fitted import FormulaModel
from sktaskneuron.preprocessing import TableEncoder
from tests.common.instances import INSTANCES
from tests.estimators.data import QUICK, draw_classes, draw_people, draw_quadratic

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
pytest.importorskip("pandas")

import onnx
import pandas as pd

from sktaskneuron.deploy.onnx import file, predictor_program, write_model
from sktaskneuron.deploy.onnx.times import time_numbers
from tests.deploy.graphs import answers_of, differences, relative, run_on

EXACT, SINGLE = 1e-9, 1e-5
#: Small estimators of tables.
TABULAR = [
    name
    for name, model in INSTANCES.items()
    if hasattr(model, "to_onnx")
    and not isinstance(
        model,
        HamiltonianMLPRegressor | NeuronSeekSignalClassifier | NeuronSeekSignalRegressor,
    )
]
FORCED = {**QUICK, "compare_simple": False}


def people(n_rows=160, n_streets=50, seed=0):
    """A table with all kinds of columns, and a target of numbers."""
    columns, y = draw_people(n_rows, seed)
    rng = np.random.default_rng(seed)
    columns["street"] = rng.choice([f"street {i}" for i in range(n_streets)], size=n_rows)
    columns["visits"] = rng.integers(0, 5, size=n_rows)
    return pd.DataFrame(columns), y


def hostile(table):
    """The same table with levels and gaps that fit has not seen, and with far cells."""
    table = table.astype({"visits": float}).copy()
    for row, (column, cell) in enumerate(
        [
            ("city", "Zürich"),
            ("city", None),
            ("street", None),
            ("street", "street 99"),
            ("age", np.nan),
            ("age", 1e300),
            ("income", -1e300),
            ("income", 1e12),
            ("visits", -7.0),
            ("visits", np.nan),
        ]
    ):
        table.loc[row, column] = cell
    return table


def target_for(model, y):
    if hasattr(model, "classes_") or hasattr(model, "predict_proba"):
        return np.array(["low", "mid", "top"])[np.digitize(y, np.quantile(y, [0.3, 0.7]))]
    return np.abs(y) if "loss" in model.get_params() else y


def test_levels_of_quantiles():
    X, y = people()
    model = NeuronSeekRegressor(loss="quantile", quantile=[0.9, 0.1, 0.5], **FORCED).fit(X, y)
    assert differences(model, hostile(X))["predict"] < SINGLE
    low_first = np.sort(model.predict(X), axis=1)
    np.testing.assert_array_equal(model.predict(X), low_first[:, [2, 0, 1]])


@pytest.fixture(scope="module")
def fitted():
    X, y = people()
    model = NeuronSeekRegressor("x", **FORCED)
    return model.fit(X, y), X


@pytest.mark.filterwarnings("ignore:engine='gates' had")
@pytest.mark.parametrize("name", TABULAR)
def test_every_estimator_on_a_hostile_table(name):
    X, y = people(n_streets=4)
    model = clone(INSTANCES[name])
    if isinstance(model, NeuronFormulaSearch) and model.scope == "neuron":
        model.set_params(n_resamples=0, max_order=3)
    model.fit(X, target_for(model, y))
    single = model.get_params().get("dtype", "float64") == "float32"
    for rows in (X, hostile(X)):
        assert max(differences(model, rows).values()) <= (SINGLE if single else EXACT)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("options", [{}, {"formula": "x + sin(x) + <x,x>:2 + <x,x,x>:1"}], ids=str)
@pytest.mark.parametrize("kind", [NeuronSeekRegressor, NeuronSeekClassifier])
def test_networks_on_a_hostile_table(kind, options, dtype):
    X, y = people()
    categories = ["city", "street", "visits"]
    model = kind(dtype=dtype, categorical_features=categories, **FORCED, **options)
    model.fit(X, target_for(model, y))
    assert "task" in model.weights_
    assert max(differences(model, hostile(X)).values()) <= (SINGLE if dtype == "float32" else EXACT)


def test_a_blend_of_all_models():
    X, y = draw_quadratic(300)
    y = y + np.sin(3 * X[:, 3])
    model = NeuronSeekRegressor(**{**QUICK, "max_epochs": 30}).fit(X, y)
    assert len([name for name, weight in model.weights_.items() if weight > 0]) > 1
    assert differences(model, X * 3)["predict"] < SINGLE
    assert differences(model, X * 3, one_tensor=True)["predict"] < SINGLE


def test_networks_with_bins():
    class Binned(NeuronSeekRegressor):
        _defaults = Defaults(bins_from=0)

    X = np.random.default_rng(0).normal(size=(200, 3))
    X[:, 2] = np.round(X[:, 2])
    y = np.floor(2 * X[:, 0]) + np.sign(X[:, 2]) * X[:, 1]
    model = Binned("x", **{**QUICK, "max_epochs": 40}).fit(X, y)
    assert model.weights_["bins"] > 0
    assert differences(model, X * 3)["predict"] < SINGLE


def test_networks_on_what_an_equation_leaves():
    X = np.random.default_rng(0).normal(size=(300, 3))
    y = 3 * X[:, 0] * X[:, 1] + X[:, 1] ** 2 + np.sign(X[:, 2])
    settings = {**QUICK, "n_members": "auto", "max_epochs": 20}
    model = NeuronSeekRegressor(**settings).fit(X, y)
    assert model.weights_["formula + networks"] > 0
    assert differences(model, X[:50])["predict"] < SINGLE


def test_a_readable_equation(fitted):
    model, X = fitted
    predictor = model._fitted.predictor
    texts = "log(age - 30) + 2*exp(-(age/50)**2)/(1 + visits)"
    expression = FittedExpression.parse(texts, predictor.reader.names)
    readable = replace(predictor, model=FormulaModel(expression, predictor.target))
    proto = write_model(predictor_program(readable, one_tensor=False), "test", None)
    X = hostile(X)
    found = answers_of(proto, onnx_inputs(model, X))["predict"]
    assert relative(found, readable.predict(X, model, "cpu")) < EXACT
    assert np.ptp(found) > 0


def test_products_of_sums_far_outside():
    """Their powers are as large as they are, and are taken from them: nothing may be lost."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 4))
    model = NeuronSeekRegressor("x", **QUICK).fit(X, X[:, 0])
    predictor = model._fitted.predictor
    dense = FittedFormula(
        NeuronFormula.parse("<x,x,x>:2"),
        [0.0],
        factors={3: rng.normal(size=(3, 4, 2))},
        loadings={3: np.ones((2, 1))},
        feature_names=predictor.reader.names,
    )
    readable = replace(predictor, model=FormulaModel(dense, predictor.target))
    X[range(60), rng.integers(4, size=60)] *= 10.0 ** rng.integers(0, 300, size=60)
    proto = write_model(predictor_program(readable, one_tensor=True), "test", None)
    found = answers_of(proto, {"X": X})["predict"]
    own = readable.predict(X, model, "cpu")
    np.testing.assert_allclose(found, own, rtol=EXACT)
    columns = torch.from_numpy(model.encoder_.transform(X))
    np.testing.assert_allclose(predictor_module(readable)(columns).numpy(), own, rtol=EXACT)


@pytest.mark.parametrize(
    "kind", [LearnedDiversityMLPRegressor, ActivationSearchRegressor, NeuronSeekRegressor]
)
def test_several_targets(kind):
    X, y = draw_quadratic(160)
    options = {"activations": "tanh"} if kind is LearnedDiversityMLPRegressor else {}
    model = kind(hidden_layer_sizes=(6,), max_epochs=3, random_state=0, **options)
    model.fit(X, np.column_stack([y, -y, np.ones(len(y))]))
    assert differences(model, X)["predict"] < SINGLE


@pytest.mark.parametrize(
    "names", [(False, True), (3, 7, 11), (1.0, 2.0), ("no", "yes"), ("a", "b", "c", "d")], ids=str
)
@pytest.mark.parametrize("kind", [LearnedDiversityMLPClassifier, ActivationSearchClassifier])
def test_labels_of_all_types(kind, names):
    X, places = draw_classes(names=range(len(names)))
    options = {"activations": "tanh"} if kind is LearnedDiversityMLPClassifier else {}
    model = kind(hidden_layer_sizes=(6,), max_epochs=3, validation=2, random_state=0, **options)
    model.fit(X, np.asarray(names)[places])
    found = differences(model, X)
    assert found["predict"] == 0
    assert found["predict_proba"] < SINGLE


@pytest.mark.parametrize("activations", ["tanh", ["sin", "softplus"], None])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_field_of_a_hamiltonian(activations, dtype):
    X = np.random.default_rng(0).normal(size=(60, 4))
    rates = np.column_stack([X[:, 2:], -(X[:, :2] ** 3)])
    model = HamiltonianMLPRegressor(
        hidden_layer_sizes=(8, 8),
        activations=activations,
        outer_steps=2,
        inner_steps=3,
        max_epochs=3,
        dtype=dtype,
        random_state=0,
    )
    table = pd.DataFrame(X, columns=["q1", "q2", "p1", "p2"])
    model.fit(table, rates)
    for options in ({}, {"one_tensor": True}):
        found = differences(model, table, **options)["predict"]
        assert found < (SINGLE if dtype == "float32" else EXACT)


def test_an_empty_search_gives_zeros():
    rng = np.random.default_rng(0)
    model = NeuronFormulaSearch(n_resamples=0).fit(rng.normal(size=(60, 2)), rng.normal(size=60))
    assert not model.fitted_formula_.terms
    found = differences(model, rng.normal(size=(5, 2)))
    assert found == {"transform": 0.0, "predict": 0.0}


def test_terms_that_are_not_defined_have_their_means():
    rng = np.random.default_rng(0)
    X = rng.uniform(0.5, 4, size=(200, 2))
    model = NeuronFormulaSearch("sr", scope="columns").fit(X, np.log(X[:, 0]))
    X[:3, 0] = [-1.0, 0.0, -1e30]
    assert differences(model, X)["transform"] < EXACT


def test_the_inputs_are_the_columns(fitted):
    model, X = fitted
    proto = model.to_onnx()
    assert [value.name for value in proto.graph.input] == X.columns.tolist()
    texts = [
        value.name
        for value in proto.graph.input
        if value.type.tensor_type.elem_type == onnx.TensorProto.STRING
    ]
    assert texts == ["city", "street"]
    inputs = onnx_inputs(model, X)
    assert all(array.shape == (len(X), 1) for array in inputs.values())
    one = {name: array[:1] for name, array in inputs.items()}
    assert relative(answers_of(proto, one)["predict"], model.predict(X[:1])) < SINGLE
    none = {name: array[:0] for name, array in inputs.items()}
    assert answers_of(proto, none)["predict"].shape == (0,)


def test_what_the_model_says_of_itself(fitted):
    model, X = fitted
    proto = model.to_onnx()
    said = {entry.key: entry.value for entry in proto.metadata_props}
    assert said["estimator"] == "NeuronSeekRegressor"
    assert said["sktaskneuron"] == proto.producer_version
    assert json.loads(said["feature_names"]) == X.columns.tolist()
    assert {entry.domain: entry.version for entry in proto.opset_import} == file.OPSETS


def test_classes_stand_in_the_metadata():
    X, y = draw_classes()
    model = NeuronSeekClassifier("x", **FORCED).fit(X, y)
    said = {entry.key: entry.value for entry in model.to_onnx().metadata_props}
    assert json.loads(said["classes"]) == model.classes_.tolist()


def test_a_file_holds_the_same_model(fitted, tmp_path):
    model, _ = fitted
    path = tmp_path / "model.onnx"
    proto = model.to_onnx(path)
    assert onnx.load(path) == proto
    assert [entry.name for entry in tmp_path.iterdir()] == ["model.onnx"]


def test_large_models_keep_their_numbers_in_a_second_file(fitted, tmp_path, monkeypatch):
    import onnxruntime

    model, X = fitted
    monkeypatch.setattr(file, "_MOST_BYTES", 2_000)
    with pytest.raises(ValueError, match="give a path"):
        model.to_onnx()
    path = tmp_path / "model.onnx"
    model.to_onnx(path)
    assert (tmp_path / "model.onnx.data").stat().st_size > 2_000
    (found,) = onnxruntime.InferenceSession(path).run(None, onnx_inputs(model, X))
    assert relative(found, model.predict(X)) < SINGLE


def test_numbers_alone_are_one_tensor(fitted):
    model, _ = fitted
    with pytest.raises(ValueError, match="column 'city' holds texts"):
        model.to_onnx(one_tensor=True)
    X, y = draw_quadratic()
    model = NeuronSeekRegressor("x", **FORCED).fit(X, y)
    proto = model.to_onnx(one_tensor=True)
    assert relative(answers_of(proto, {"X": X})["predict"], model.predict(X)) < SINGLE


def test_levels_that_are_numbers_are_fed_as_numbers():
    X, y = draw_quadratic()
    X = np.column_stack([X, np.random.default_rng(0).choice([1.0, 2.5, np.nan], size=len(X))])
    model = NeuronSeekRegressor("x", categorical_features=[4], **FORCED).fit(X, y)
    X[:4, 4] = [np.nan, 9.0, 1.0, 2.5]
    for options in ({}, {"one_tensor": True}):
        assert differences(model, X, **options)["predict"] < SINGLE


@pytest.mark.parametrize("level", ["", "1"])
def test_levels_that_a_text_cannot_tell_are_refused(level):
    X, y = draw_quadratic()
    cells = np.array([1, "two", level], dtype=object)[np.arange(len(X)) % 3]
    model = NeuronSeekRegressor("x", **FORCED).fit(np.column_stack([X.astype(object), cells]), y)
    with pytest.raises(ValueError, match="column 'x4' has a level that is an empty text"):
        model.to_onnx()


def test_columns_named_like_outputs_are_refused():
    X, y = draw_quadratic()
    table = pd.DataFrame(X, columns=["a", "predict", "/1", "b c"])
    model = NeuronSeekRegressor("x", **FORCED).fit(table, y)
    with pytest.raises(ValueError, match="column is called 'predict'"):
        model.to_onnx()
    assert differences(model, table, one_tensor=True)["predict"] < SINGLE
    table.columns = ["a", "/0", "/1", "b c"]
    assert differences(clone(model).fit(table, y), table)["predict"] < SINGLE


def test_what_is_not_fitted_or_cannot_predict_is_refused():
    with pytest.raises(NotFittedError):
        NeuronSeekRegressor().to_onnx()
    X, y = draw_quadratic()
    search = ActivationSearchRegressor(
        hidden_layer_sizes=(6,), candidates=["tanh"], max_epochs=3, refit=False, random_state=0
    )
    with pytest.raises(AttributeError, match="refit=False"):
        search.fit(X, y).to_onnx()


def test_without_onnx_the_error_names_the_extra(fitted, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(MissingDependencyError, match=r"install sktaskneuron\[onnx\]"):
        fitted[0].to_onnx()


def test_cycles_to_the_last_bit():
    # libraries differ there, and a rank jumps beside a value that many rows share
    table = pd.DataFrame({"start": pd.date_range("2024-01-01", "2025-12-31", freq="h")})
    encoder = TableEncoder().fit(table)
    (column,) = encoder.times_.values()
    seconds = (table["start"] - pd.Timestamp(0)).dt.total_seconds().to_numpy()[:, None]
    numbers = encoder.transform(table)
    for place, name in enumerate(encoder.get_feature_names_out()):
        found = run_on(lambda x, place=place: time_numbers(x, column)[place], seconds)[:, 0]
        if "year" in name:  # of its 17,520 values one may lie between two steps
            np.testing.assert_allclose(found, numbers[:, place], rtol=0, atol=2.0**-33)
        else:
            np.testing.assert_array_equal(found, numbers[:, place])
