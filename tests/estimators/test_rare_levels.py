"""Levels and gaps of a few rows: no product may rest on them, whatever column they go with."""

import numpy as np
import pytest
from sklearn.metrics import r2_score

from sktaskneuron import NeuronFormulaSearch, NeuronSeekClassifier, NeuronSeekRegressor

pd = pytest.importorskip("pandas")

#: What a table has a few of, and the formula that is right.
KINDS = {
    "nothing": {},
    "one gap in a category": {"gaps": 1},
    "three gaps in a category": {"gaps": 3},
    "a level of one row": {"rare": 1},
    "a level of five rows": {"rare": 5},
    "several rare levels": {"rare": 4, "more": True},
    "a gap in a category of its own": {"gaps": 1, "goes_with": None},
    "a law with the category": {"gaps": 3, "law": "x"},
    "three gaps in a number": {"gaps_in_p": 3},
    "two marks of the same rows": {"gaps_in_p": 3, "gaps": 3},
}


def draw(n_rows, seed, gaps=0, rare=0, gaps_in_p=0, more=False, goes_with="p", law="x + x**2"):
    """A category that goes with a column; the target knows it in a law of "x" alone."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(rng.normal(size=(n_rows, 3)), columns=list("pqr"))
    p, q = frame["p"].to_numpy(copy=True), frame["q"].to_numpy()
    base = rng.normal(size=n_rows) if goes_with is None else frame[goes_with]
    k = np.where(base + rng.normal(size=n_rows) > 0, "m", "f").astype(object)
    y = p + 2 * q + (k == "m") if law == "x" else p**2 + 2 * q
    rows = rng.permutation(n_rows)
    k[rows[:gaps]] = None
    k[rows[10 : 10 + rare]] = np.array(["x", "y", "z", "w"])[np.arange(rare) % 4] if more else "x"
    frame["k"] = k
    frame.loc[rows[:gaps_in_p], "p"] = np.nan
    return frame, y + 0.1 * rng.normal(size=n_rows)


def few_more(kind, n_rows=3000):
    """The same kind of table, with as large a share of what is rare."""
    counts = {key: 6 * kind[key] for key in ("gaps", "rare", "gaps_in_p") if key in kind}
    if kind.get("more"):
        counts["rare"] = 4
    return draw(n_rows, 1000, **{**kind, **counts})


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", [0, 2, 5])
def test_search(kind, seed):
    kind = KINDS[kind]
    search = NeuronFormulaSearch(n_resamples=0).fit(*draw(500, seed, **kind))
    assert str(search.formula_) == kind.get("law", "x + x**2")
    frame, y = few_more(kind)
    values = search.fitted_formula_.evaluate(search.encoder_.transform(frame))[:, 0]
    assert r2_score(y, values) > 0.99
    assert np.isfinite(search.transform(frame)).all()


@pytest.mark.parametrize("kind", ["one gap in a category", "several rare levels"])
def test_equation_of_columns(kind):
    kind = KINDS[kind]
    search = NeuronFormulaSearch("sr", scope="columns", max_complexity=12, max_steps=2)
    search.fit(*draw(400, 1, **kind))
    frame, y = few_more(kind)
    values = search.fitted_formula_.evaluate(search.encoder_.transform(frame))[:, 0]
    assert r2_score(y, values) > 0.99


def test_symbolic_regression_with_interactions():
    kind = KINDS["one gap in a category"]
    search = NeuronFormulaSearch("sr", interactions=True, n_resamples=0)
    search.fit(*draw(500, 0, **kind))
    frame, y = few_more(kind)
    values = search.fitted_formula_.evaluate(search.encoder_.transform(frame))[:, 0]
    assert r2_score(y, values) > 0.99


@pytest.mark.parametrize("kind", ["one gap in a category", "a level of one row"])
def test_regressor(kind):
    kind = KINDS[kind]
    model = NeuronSeekRegressor(max_epochs=10, random_state=0).fit(*draw(500, 0, **kind))
    frame, y = few_more(kind)
    assert r2_score(y, model.predict(frame)) > 0.98


@pytest.mark.parametrize("compare_simple", [True, False])
def test_classifier(compare_simple):
    kind = KINDS["one gap in a category"]
    frame, y = draw(500, 0, **kind)
    model = NeuronSeekClassifier(max_epochs=10, compare_simple=compare_simple, random_state=0)
    model.fit(frame, y > 1)
    frame, y = few_more(kind)
    assert model.score(frame, y > 1) > 0.9


def test_the_usual_level_is_the_reference():
    """Of products alone, and nothing is lost: each other level is told from it."""
    rng = np.random.default_rng(0)
    level = rng.choice(["a", "b", "c"], p=[0.2, 0.5, 0.3], size=600)
    frame = pd.DataFrame({"level": level, "x": rng.normal(size=600)})
    effect = pd.Series(level).map({"a": 3.0, "b": 1.0, "c": -2.0}).to_numpy()
    y = effect + frame["x"] * (level == "c") + 0.05 * rng.normal(size=600)
    search = NeuronFormulaSearch(n_resamples=0).fit(frame, y)
    products = [set(name.split("*")) for name in search.get_feature_names_out() if "*" in name]
    assert products == [{"x", "level=c"}]
    table = pd.DataFrame({"level": ["a", "b", "c"], "x": [0.0, 0.0, 2.0]})
    values = search.fitted_formula_.evaluate(search.encoder_.transform(table))[:, 0]
    np.testing.assert_allclose(values, [3.0, 1.0, 0.0], atol=0.1)
