"""`constants_`: the numbers of what a search answers with."""

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

from sktaskneuron import NeuronFormulaSearch, NeuronSeekRegressor

QUICK = {"max_order": 2, "max_interaction_order": 2, "n_resamples": 2}


def draw(seed=0, n=300):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 3))
    return X, 2 * X[:, 0] ** 2 + X[:, 1] * X[:, 2] + 0.3 * rng.normal(size=n)


def test_numbers_of_the_answer_and_of_other_points():
    search = NeuronFormulaSearch(**QUICK).fit(*draw())
    names = [constant.where for constant in search.constants_]
    assert names == ["_", "_*x0**2", "_*x1*x2"]
    for constant, truth in zip(search.constants_, [0, 2, 1], strict=True):
        assert constant.standard_error < 0.05
        assert abs(constant.value - truth) < 4 * constant.standard_error
    assert [c.where for c in search.choose(0).constants_] == ["_"]


def test_they_follow_refit_and_leave_with_more_rows():
    search = NeuronFormulaSearch(**QUICK).fit(*draw())
    more = search.refit(*draw(1, n=3000))
    for one, other in zip(search.constants_, more.constants_, strict=True):
        assert other.standard_error == pytest.approx(one.standard_error / 10**0.5, rel=0.3)
    more.partial_fit(*draw(2))
    assert not hasattr(more, "constants_")


def test_equations_of_columns():
    search = NeuronFormulaSearch("sr", scope="columns", max_steps=1).fit(*draw())
    assert [constant.where for constant in search.constants_] == ["_*x0**2"]


def test_where_there_are_none():
    X, y = draw()
    with pytest.raises(NotFittedError):
        _ = NeuronFormulaSearch().constants_
    three = NeuronFormulaSearch(**QUICK).fit(X, np.digitize(y, [0, 3]).astype(str))
    with pytest.raises(AttributeError, match="of no more than two classes"):
        _ = three.constants_
    model = NeuronSeekRegressor(hidden_layer_sizes=4, max_epochs=1, random_state=0).fit(X, y)
    assert not hasattr(model.search_, "constants_")


def test_summary():
    search = NeuronFormulaSearch(**QUICK).fit(*draw())
    lines = search.summary().splitlines()
    assert lines[0] == str(search.fitted_formula_)
    assert lines[2].startswith("where")
    assert sum(line.startswith("* ") for line in lines) == 1
    assert "*   0" in search.choose(0).summary()
    X, y = draw()
    labels = np.digitize(y, [0, 3]).astype(str)
    three = NeuronFormulaSearch(n_resamples=0, max_order=2).fit(X, labels)
    assert three.summary() == str(three.fitted_formula_)
