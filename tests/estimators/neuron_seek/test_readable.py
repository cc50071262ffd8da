"""`readable=True`: the best equation of few nodes predicts, and says what it costs."""

import numpy as np
import pytest
from scipy.special import expit

from sktaskneuron import NeuronSeekClassifier, NeuronSeekRegressor
from sktaskneuron.estimators.neuron_seek.readable import DEFAULT_COMPLEXITY, Distillation
from sktaskneuron.formula.text.nodes import complexity

SMALL = {
    "hidden_layer_sizes": (16,),
    "max_epochs": 10,
    "n_members": 2,
    "validation": 2,
    "device": "cpu",
    "random_state": 0,
}


def draw(n=250, noise=0.1, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.uniform(0.5, 3.0, size=(n, 3))
    y = 2 * X[:, 0] * X[:, 1] / X[:, 2]
    return X, y + noise * y.std() * rng.standard_normal(n)


@pytest.fixture(scope="module")
def model():
    return NeuronSeekRegressor("x", readable=True, **SMALL).fit(*draw())


def test_the_equation_predicts(model):
    X, _ = draw(seed=1)
    values = model.readable_formula_.evaluate(X)[:, 0]
    np.testing.assert_allclose(model.predict(X), values, rtol=1e-6)
    truth = 2 * X[:, 0] * X[:, 1] / X[:, 2]
    assert np.corrcoef(values, truth)[0, 1] > 0.999


def test_it_is_short(model):
    nodes = model.readable_formula_.trees()
    assert sum(map(complexity, nodes)) <= DEFAULT_COMPLEXITY
    shorter = NeuronSeekRegressor("x", readable=5, **SMALL).fit(*draw())
    assert sum(map(complexity, shorter.readable_formula_.trees())) <= 5


def test_the_cost_is_told(model):
    report = model.readable_report_
    assert set(report) == {"equation", "model", "found on"}
    assert report["found on"] in {"target", "model", "formula"}
    assert report["equation"] == pytest.approx(model.oof_score_, abs=0.05)
    # on new rows it is what was said, within the noise of few rows
    assert model.score(*draw(seed=2)) == pytest.approx(report["equation"], abs=0.05)


def test_every_form_agrees_with_predict(model):
    X, _ = draw(seed=3)
    namespace = {}
    exec(model.to_python(), namespace)  # noqa: S102
    np.testing.assert_allclose(namespace["predict"](X), model.predict(X), rtol=1e-6)
    np.testing.assert_allclose(model.to_numpy()(X), model.predict(X), rtol=1e-6)
    assert model.to_excel().startswith("=")
    assert "double predict(" in model.to_c()
    assert '"x0"' in model.to_sql()


def test_the_same_seed_gives_the_same_equation(model):
    again = NeuronSeekRegressor("x", readable=True, **SMALL).fit(*draw())
    assert again.readable_formula_ == model.readable_formula_
    assert again.readable_report_ == model.readable_report_


def test_without_it():
    model = NeuronSeekRegressor("x", **SMALL).fit(*draw(noise=0.01))
    assert model.readable_formula_ is None
    assert model.readable_report_ == {}
    if model.selected_ in {"task", "blend"}:
        with pytest.raises(AttributeError, match="fit with readable=True"):
            model.to_sql()


@pytest.mark.parametrize(("slope", "selected"), [(3.0, "linear"), (0.0, "constant")])
def test_simple_models_have_an_equation(slope, selected):
    rng = np.random.default_rng(0)
    X = 100 + 5 * rng.normal(size=(200, 2))
    y = slope * X[:, 0] + rng.normal(size=200)
    model = NeuronSeekRegressor("x", **SMALL).fit(X, y)
    assert model.selected_ == selected
    np.testing.assert_allclose(model.to_numpy()(X), model.predict(X), rtol=1e-9)


def test_classes():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 3))
    y = np.where(expit(4 * X[:, 0] * X[:, 1]) > rng.random(400), "yes", "no")
    model = NeuronSeekClassifier("x", readable=True, **SMALL).fit(X, y)
    odds = model.readable_formula_.evaluate(X)[:, 0]
    np.testing.assert_allclose(model.predict_proba(X)[:, 1], expit(odds), rtol=1e-6)
    assert model.score(X, y) > 0.7
    assert model.readable_formula_.link == "logit"


def test_of_many_classes_those_that_terms_can_pay_for_are_searched(monkeypatch):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(160, 2)), np.repeat(np.arange(40), 4)
    y[:60] = (X[:60, 0] > 0).astype(int)
    searched, search = [], Distillation._search

    def record(self, X, target, *arguments):
        searched.append(target.shape[1])
        return search(self, X, target, *arguments)

    monkeypatch.setattr(Distillation, "_search", record)
    model = NeuronSeekClassifier("x", readable=20, **SMALL).fit(X, y)
    assert min(searched) < 10
    equation = model.readable_formula_
    assert equation.n_outputs == len(model.classes_)
    assert np.isfinite(model.predict_proba(X)).all()


def test_levels_are_not_mixed(monkeypatch):
    """Points between rows keep the levels of one of them: a mixed level is none."""
    pd = pytest.importorskip("pandas")
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"a": rng.normal(size=200), "kind": rng.choice(["u", "v"], size=200)})
    y = X["a"] + 2.0 * (X["kind"] == "v") + 0.1 * rng.normal(size=200)
    seen = []

    run = Distillation.run

    def watched(self, model, *rest):
        class Teacher:
            def predict_raw(self, inputs):
                seen.append(inputs.raw.copy())
                return model.predict_raw(inputs)

        return run(self, Teacher(), *rest)

    monkeypatch.setattr(Distillation, "run", watched)
    NeuronSeekRegressor("x", readable=10, **SMALL).fit(X, y)
    assert len(seen) > 2
    assert all(set(np.unique(raw[:, -1])) <= {0.0, 1.0} for raw in seen)
    assert len({round(v, 9) for raw in seen for v in raw[:, 0]}) > 200
