"""Learning goes on from more rows: by warm_start with held-out rows, by partial_fit without."""

import pickle
from copy import copy

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.metrics import log_loss

from sktaskneuron import NeuronFormulaSearch, NeuronSeekClassifier, NeuronSeekRegressor
from sktaskneuron.exceptions import TimeLimitWarning

SMALL = {"hidden_layer_sizes": (16,), "random_state": 0, "device": "cpu"}


def draw(n_rows, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.uniform(-2, 2, size=(n_rows, 3))
    return X, np.sin(3 * X[:, 0]) * X[:, 1] + 0.1 * rng.normal(size=n_rows)


@pytest.fixture(scope="module")
def begun():
    """A regressor on the first part, which no test changes."""
    X, y = draw(150)
    return NeuronSeekRegressor(max_epochs=40, **SMALL).partial_fit(X, y)


@pytest.fixture(scope="module")
def labelled():
    X, y = draw(160)
    model = NeuronSeekClassifier(max_epochs=10, **SMALL)
    return model.partial_fit(X, y > 0, classes=[False, True])


def error(model, seed=99):
    X, y = draw(2000, seed)
    return float(np.mean((model.predict(X) - y) ** 2))


class TestPartialFit:
    def test_more_rows_help(self, begun):
        """In one part, and in ten: no part is forgotten for the next."""
        X, y = draw(300, seed=1)
        whole, parts = copy(begun), copy(begun)
        whole.partial_fit(X, y)
        for start in range(0, 300, 30):
            parts.partial_fit(X[start : start + 30], y[start : start + 30])
        assert error(whole) < 0.95 * error(begun)
        assert error(parts) < 0.98 * error(begun)

    def test_a_part_counts_by_its_rows(self, begun):
        """A row among many hardly moves a model, whatever it says."""
        X, _ = draw(1, seed=1)
        moved = copy(begun).partial_fit(X, [3.0])
        at = draw(500, seed=2)[0]
        shift = np.abs(moved.predict(at) - begun.predict(at)).mean()
        assert 0 < shift < 0.02 * begun.predict(at).std()

    def test_classes(self, labelled):
        X, y = draw(400, seed=1)
        at, truth = draw(1000, seed=2)
        model = copy(labelled)
        for start in (0, 200):
            model.partial_fit(X[start : start + 200], y[start : start + 200] > 0)
        losses = [log_loss(truth > 0, m.predict_proba(at)) for m in (labelled, model)]
        assert losses[1] < losses[0]
        one = copy(labelled).partial_fit(X[y > 0][:20], np.ones(20, dtype=bool))
        assert one.classes_.tolist() == [False, True]

    def test_first_call_compares_networks_alone(self, begun):
        assert set(begun.weights_) == {"task", "ranks"}
        assert begun.fitted_formula_ is not None

    def test_what_stays(self, begun):
        X, y = draw(100, seed=1)
        model = copy(begun).partial_fit(X * 50, y)
        for name in ("formula_", "weights_", "validation_scores_", "oof_score_", "history_"):
            assert getattr(model, name) is getattr(begun, name)
        np.testing.assert_array_equal(model.scaler_.center_, begun.scaler_.center_)
        with pytest.raises(ValueError, match="partial_fit"):
            model.predict_interval(X)
        assert begun.predict_interval(X).shape == (100, 2)

    def test_values_beyond_the_first_ones(self, begun):
        """A network may go as far as the targets of later rows."""
        X, y = draw(3000, seed=1)
        model = copy(begun).partial_fit(X, y + 10)
        assert model.predict(X).max() > begun.predict(X).max() + 5

    def test_weights_and_categories(self):
        X, y = draw(120)
        frame = pd.DataFrame(X, columns=list("abc")).assign(k=np.where(X[:, 2] > 0, "p", "q"))
        begun = NeuronSeekRegressor(max_epochs=2, **SMALL).partial_fit(frame, y)
        new = frame[:40].assign(k="new")
        hidden = np.r_[np.ones(20), np.zeros(20)]
        target = np.r_[y[:20], np.full(20, 1e6)]
        weighted = copy(begun).partial_fit(new, target, sample_weight=hidden)
        left_out = copy(begun).partial_fit(new[:20], y[:20])
        np.testing.assert_array_equal(weighted.predict(frame), left_out.predict(frame))

    def test_pickles(self, begun):
        X, y = draw(50, seed=1)
        again = pickle.loads(pickle.dumps(begun))
        np.testing.assert_array_equal(
            again.partial_fit(X, y).predict(X), copy(begun).partial_fit(X, y).predict(X)
        )

    def test_time_limit(self, begun):
        model = copy(begun).set_params(time_limit=1e-3)
        with pytest.warns(TimeLimitWarning, match="further"):
            model.partial_fit(*draw(500, seed=1))
        assert model.left_out_


class TestRefusals:
    def test_no_networks(self):
        X, _ = draw(60)
        linear = NeuronSeekRegressor(max_epochs=1, **SMALL).fit(X, X[:, 0])
        before = linear.predict(X)
        with pytest.warns(UserWarning, match="'linear' alone"):
            linear.partial_fit(X, X[:, 0])
        assert (linear.predict(X) == before).all()

    def test_readable(self):
        with pytest.raises(ValueError, match=r"NeuronFormulaSearch\.partial_fit"):
            NeuronSeekRegressor(readable=True).partial_fit(*draw(60))

    @pytest.mark.parametrize(
        ("change", "y", "message"),
        [
            ({}, np.zeros((20, 2)), "1 target"),
            ({"loss": "absolute_error"}, np.zeros(20), "another loss"),
        ],
    )
    def test_other_targets(self, begun, change, y, message):
        model = copy(begun).set_params(**change)
        before = vars(model).copy()
        with pytest.raises(ValueError, match=message):
            model.partial_fit(draw(20)[0], y)
        assert vars(model) == before

    def test_other_classes(self, labelled):
        X, _ = draw(20)
        with pytest.raises(ValueError, match="class 7, which the first call does not"):
            copy(labelled).partial_fit(X, np.full(20, 7))
        with pytest.raises(ValueError, match="no others"):
            copy(labelled).partial_fit(X, np.ones(20, dtype=bool), classes=[0, 1, 2])
        with pytest.raises(ValueError, match="no row of 2"):
            NeuronSeekClassifier().partial_fit(X, np.arange(20) % 2, classes=[0, 1, 2])

    def test_balanced(self):
        with pytest.raises(ValueError, match="dict of the classes' weights"):
            NeuronSeekClassifier(class_weight="balanced").partial_fit(*draw(20))


class TestWarmStart:
    def test_it_goes_on_and_judges_by_the_new_rows(self):
        X, y = draw(150)
        new, target = draw(150, seed=1)
        model = NeuronSeekRegressor(max_epochs=30, warm_start=True, **SMALL)
        first = error(model.fit(X, y))
        formula, encoder = model.formula_, model.encoder_
        model.fit(new, target)
        anew = clone(model).fit(new, target)
        assert error(model) < min(first, error(anew))
        assert model.formula_ is formula
        assert model.encoder_ is encoder
        assert model.predict_interval(X).shape == (150, 2)
        assert model.fitted_formula_ is not None

    def test_an_equation_goes_on_predicting(self):
        X, _ = draw(120)
        law = X[:, 0] ** 2 * 3 + 1
        model = NeuronSeekRegressor(max_epochs=2, warm_start=True, **SMALL).fit(X, law)
        assert model.selected_ == "formula"
        new = draw(60, seed=1)[0]
        assert model.fit(new, new[:, 0] ** 2 * 3 + 1).selected_ == "formula"
        assert model.score(X, law) > 0.9999

    def test_classes_and_a_given_formula(self):
        X, y = draw(120)
        model = NeuronSeekClassifier("x + <x,x>:2", max_epochs=2, warm_start=True, **SMALL)
        model.fit(X, y > 0).fit(*[X[:60], y[:60] > 0])
        assert str(model.formula_) == "x + <x,x>:2"
        with pytest.raises(ValueError, match="no others"):
            model.fit(X, np.where(y > 0, "a", "b"))

    def test_equations_of_columns_are_refused(self):
        X, y = draw(60)
        model = NeuronSeekRegressor(max_epochs=1, warm_start=True, **SMALL).fit(X, y)
        model.set_params(search=NeuronFormulaSearch("sr", scope="columns"))
        with pytest.raises(ValueError, match="equation of columns"):
            model.fit(X, y)

    def test_networks_of_what_an_equation_leaves_stay(self):
        """They learned y minus an equation: y itself would spoil them."""
        rng = np.random.default_rng(0)
        X = rng.uniform(-2, 2, size=(300, 3))
        y = 10 * X[:, 0] * X[:, 1] + np.sin(6 * X[:, 2])
        model = NeuronSeekRegressor(max_epochs=5, **SMALL).fit(X, y)
        before = model.score(X, y)
        if not model._fitted.packs:
            with pytest.warns(UserWarning, match="networks of the target"):
                model.partial_fit(X, y)
        else:
            assert model.partial_fit(X[:20], y[:20]).score(X, y) > before - 0.01

    def test_other_shapes_are_refused(self):
        X, y = draw(80)
        model = NeuronSeekRegressor(compare_simple=False, max_epochs=1, warm_start=True, **SMALL)
        model.fit(X, y).set_params(hidden_layer_sizes=(8,))
        with pytest.raises(ValueError, match="warm_start=False"):
            model.fit(X, y)
