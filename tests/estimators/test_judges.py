"""The user says which rows judge: rows given apart, a splitter, or a list of splits."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.model_selection import (
    GroupKFold,
    KFold,
    ShuffleSplit,
    StratifiedGroupKFold,
    TimeSeriesSplit,
)

from sktaskneuron import (
    ActivationSearchRegressor,
    LearnedDiversityMLPRegressor,
    NeuronSeekClassifier,
    NeuronSeekRegressor,
)
from sktaskneuron.exceptions import DataWarning

QUICK = {"hidden_layer_sizes": (16,), "max_epochs": 4, "random_state": 0}
REGRESSORS = [
    NeuronSeekRegressor(**QUICK),
    LearnedDiversityMLPRegressor(**QUICK, outer_steps=2, inner_steps=2),
    ActivationSearchRegressor(**QUICK, candidates=["relu", "sin"]),
]


def draw(n_rows, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_rows, 3))
    return X, np.sin(X[:, 0]) + X[:, 1] ** 2 + 0.1 * rng.normal(size=n_rows)


@pytest.fixture(params=REGRESSORS, ids=lambda model: type(model).__name__)
def regressor(request):
    return clone(request.param)


class TestRowsApart:
    def test_they_judge_alone(self, regressor):
        X, y = draw(120)
        X_val, y_val = draw(60, seed=1)
        model = regressor.fit(X, y, X_val=X_val, y_val=y_val)
        assert model.oof_score_ == pytest.approx(model.score(X_val, y_val), abs=1e-3)

    def test_nothing_is_fitted_to_them(self):
        """Of rows that all models fit equally well, whatever they are, only scores depend."""
        X, y = draw(120)
        X_val, y_val = draw(60, seed=1)
        models = [
            NeuronSeekRegressor(**QUICK).fit(X, y, X_val=X_val, y_val=values)
            for values in (y_val, y_val + 1e4)  # far away from what any model says
        ]
        assert models[0].oof_score_ != models[1].oof_score_
        for model in models:
            linear = model.predict(X) if model.selected_ == "linear" else None
            assert linear is None or linear.max() < 100
            assert model.predict(X).max() < 100
        seen = [m.encoder_.get_feature_names_out().tolist() for m in models]
        assert seen[0] == seen[1]

    def test_levels_of_theirs_are_not_learned(self):
        X, y = draw(100)
        frame = pd.DataFrame(X, columns=list("abc")).assign(k=np.where(X[:, 0] > 0, "p", "q"))
        other = frame.assign(k="new")
        model = NeuronSeekRegressor(**QUICK).fit(frame, y, X_val=other, y_val=y)
        assert model.encoder_.levels_ == [["p", "q"]]

    def test_weights(self):
        """A weight of zero hides a row; one of two is a row given twice."""
        X, y = draw(100)
        X_val, y_val = draw(40, seed=1)
        weight = np.r_[np.full(15, 2.0), np.ones(15), np.zeros(10)]
        y_val[30:] = 1e6
        model = NeuronSeekRegressor(**QUICK)
        weighted = clone(model).fit(X, y, X_val=X_val, y_val=y_val, sample_weight_val=weight)
        rows = np.r_[np.arange(15), np.arange(30)]
        copied = clone(model).fit(X, y, X_val=X_val[rows], y_val=y_val[rows])
        assert weighted.oof_score_ == pytest.approx(copied.oof_score_, abs=1e-4)

    def test_classes(self):
        X, y = draw(200)
        X_val, y_val = draw(80, seed=1)
        labels, labels_val = np.digitize(y, [0, 1]), np.digitize(y_val, [0, 1])
        model = NeuronSeekClassifier(**QUICK, class_weight="balanced")
        model.fit(X, labels, X_val=X_val, y_val=labels_val)
        assert model.score(X_val, labels_val) > 0.5
        # none of the rows that judge need be of every class
        some = labels_val < 2
        model.fit(X, labels, X_val=X_val[some], y_val=labels_val[some])
        with pytest.raises(ValueError, match="y_val holds the class 7, which y does not"):
            model.fit(X, labels, X_val=X_val, y_val=np.full(80, 7))

    def test_intervals_are_learned_from_them(self):
        X, y = draw(150)
        X_val, y_val = draw(100, seed=1)
        model = NeuronSeekRegressor(**QUICK).fit(X, y, X_val=X_val, y_val=y_val)
        low, high = model.predict_interval(X_val, 0.8).T
        assert ((low <= y_val) & (y_val <= high)).mean() == pytest.approx(0.8, abs=0.08)

    @pytest.mark.parametrize(
        ("given", "text"),
        [
            ({"X_val": [[0.0, 0.0, 0.0]]}, "needs X_val and y_val together"),
            ({"y_val": [0.0]}, "needs X_val and y_val together"),
            ({"sample_weight_val": [1.0]}, "needs X_val and y_val together"),
            ({"X_val": [[0.0, 0.0]], "y_val": [0.0]}, "X_val has 2 columns, but X has 3"),
            ({"X_val": [[0.0] * 3], "y_val": [[0.0, 1.0]]}, "y_val has the shape"),
            ({"X_val": [[0.0] * 3], "y_val": [0.0, 1.0]}, "inconsistent numbers of samples"),
            (
                {"X_val": [[0.0] * 3], "y_val": [0.0], "sample_weight_val": [-1.0]},
                "sample_weight_val",
            ),
            (
                {"X_val": [[0.0] * 3], "y_val": [0.0], "sample_weight_val": [0.0]},
                "sample_weight_val",
            ),
        ],
    )
    def test_errors(self, given, text):
        X, y = draw(40)
        with pytest.raises(ValueError, match=text):
            NeuronSeekRegressor(**QUICK).fit(X, y, **given)


class TestSplitters:
    def test_folds_of_a_splitter_are_those_of_a_number_alike(self, regressor):
        X, y = draw(120)
        model = regressor.set_params(validation=KFold(3, shuffle=True, random_state=0)).fit(X, y)
        assert np.isfinite(model.oof_score_)

    def test_a_list_of_splits_is_the_splitter(self):
        X, y = draw(120)
        splitter = ShuffleSplit(3, random_state=0)
        listed = list(splitter.split(X))
        one, other = (
            NeuronSeekRegressor(**QUICK, validation=validation).fit(X, y)
            for validation in (splitter, listed)
        )
        np.testing.assert_array_equal(one.predict(X), other.predict(X))
        assert len(one.predict_interval(X)) == 120

    def test_groups_are_kept_together(self):
        """With copies of every row, only folds by groups tell that the noise cannot be learned."""
        rng = np.random.default_rng(0)
        X = np.repeat(rng.normal(size=(60, 3)), 4, axis=0)
        y = np.repeat(rng.normal(size=60), 4)
        groups = np.repeat(np.arange(60), 4)
        model = NeuronSeekRegressor(hidden_layer_sizes=(64,), max_epochs=60, random_state=0)
        together = clone(model).set_params(validation=GroupKFold(4)).fit(X, y, groups=groups)
        by_rows = KFold(4, shuffle=True, random_state=0)
        apart = clone(model).set_params(validation=by_rows).fit(X, y)
        with pytest.warns(DataWarning, match="180 of 240 rows are copies"):
            seen = clone(model).set_params(validation=4).fit(X, y)
        assert together.oof_score_ < 0.1
        assert apart.oof_score_ > 0.5
        assert seen.oof_score_ < 0.1

    def test_groups_of_classes(self):
        X, y = draw(160)
        labels = y > y.mean()
        groups = np.arange(160) // 4
        model = NeuronSeekClassifier(**QUICK, validation=StratifiedGroupKFold(3))
        assert model.fit(X, labels, groups=groups).oof_score_ > 0.5

    def test_rows_of_weight_zero_are_in_no_split(self):
        X, y = draw(120)
        y = np.where(np.arange(120) % 5 == 0, 1e5, y)
        weight = (np.arange(120) % 5 > 0).astype(float)
        model = NeuronSeekRegressor(**QUICK, validation=TimeSeriesSplit(3))
        model.fit(X, y, sample_weight=weight)
        kept = weight > 0
        assert model.score(X[kept], y[kept]) > 0.5

    def test_a_split_without_rows(self):
        X, y = draw(30)
        model = NeuronSeekRegressor(**QUICK, validation=[(np.arange(30), np.arange(0))])
        with pytest.raises(ValueError, match=r"(?s)NeuronSeekRegressor: .*leaves no rows"):
            model.fit(X, y)

    @pytest.mark.parametrize("validation", ["three", 1, 1.0, -3, object()])
    def test_what_is_no_validation(self, validation):
        X, y = draw(30)
        with pytest.raises(ValueError, match="'validation' parameter"):
            NeuronSeekRegressor(**QUICK, validation=validation).fit(X, y)


class TestNoRowHeldOut:
    @pytest.mark.parametrize("model", REGRESSORS[:2], ids=lambda model: type(model).__name__)
    def test_fit_says_so(self, model, capsys):
        X, y = draw(60)
        silent = clone(model).set_params(validation=None, verbose=1).fit(X, y)
        assert "no row is held out" in capsys.readouterr().out
        assert np.isnan(silent.oof_score_)
        clone(model).set_params(validation=None, verbose=1).fit(X, y, X_val=X, y_val=y)
        assert "no row is held out" not in capsys.readouterr().out
