"""Every recipe of the guide's page runs, where its package is installed."""

import re
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("pandas")
# what these packages warn of is theirs
pytestmark = pytest.mark.filterwarnings("default")

PAGE = (Path(__file__).parent.parent / "docs" / "user_guide" / "recipes.md").read_text("utf-8")
START, *SECTIONS = re.split(r"^## ", PAGE, flags=re.MULTILINE)
BLOCK = re.compile(r"^```py\n(.*?)^```$", re.MULTILINE | re.DOTALL)
RECIPES = {section.splitlines()[0]: BLOCK.findall(section) for section in SECTIONS}


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run a recipe in an empty folder; return its names."""
    monkeypatch.chdir(tmp_path)

    def run_recipe(title):
        names = {"__name__": "recipe"}
        for block in [*BLOCK.findall(START), *RECIPES[title]]:
            exec(compile(block, title, "exec"), names)  # noqa: S102
        return names

    return run_recipe


def test_recipes_are_found():
    tested = {"Optuna", "MLflow", "skops", "joblib", "MAPIE", "shap", "skore", "cleanlab"}
    assert {title for title, blocks in RECIPES.items() if blocks} == tested


def test_optuna(run):
    pytest.importorskip("optuna")
    names = run("Optuna")
    assert names["best"].oof_score_ == names["study"].best_value
    assert len(names["study"].trials) == 2


@pytest.mark.parametrize("title", ["MLflow", "skops", "joblib"])
def test_what_comes_back_predicts_the_same(run, title):
    pytest.importorskip(title.lower())
    names = run(title)
    X = names["X_test"]
    np.testing.assert_array_equal(names["again"].predict(X), names["model"].predict(X))


def test_mapie(run):
    pytest.importorskip("mapie")
    names = run("MAPIE")
    covered = (names["low"] <= names["y_test"]) & (names["y_test"] <= names["high"])
    assert 0.8 < covered.mean() < 1.0


def test_shap(run):
    pytest.importorskip("shap")
    names = run("shap")
    explained, model = names["explained"], names["model"]
    total = explained.values.sum(axis=1) + explained.base_values
    np.testing.assert_allclose(total, model.predict(names["X_test"][:2]), rtol=1e-3)


def test_skore(run):
    pytest.importorskip("skore")
    names = run("skore")
    model = names["report"].estimator_
    assert names["found"] == pytest.approx(model.score(names["X_test"], names["y_test"]))


def test_cleanlab(run):
    pytest.importorskip("cleanlab")
    names = run("cleanlab")
    assert 0 < len(names["issues"]) < len(names["y"]) / 3
