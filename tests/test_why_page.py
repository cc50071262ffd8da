"""The code of the page on importances, Shapley values and doubtful rows runs, as one script."""

import re
import runpy
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("matplotlib")

PAGE = Path(__file__).parent.parent / "docs" / "user_guide" / "why.md"


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    script = tmp_path_factory.mktemp("page") / "page.py"
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    script.write_text("\n".join(blocks), encoding="utf-8")
    return runpy.run_path(str(script))


def test_curves_of_categories(page):
    site = page["curves"].pd_results[1]
    assert list(site["grid_values"][0]) == ["A", "B", "C"]
    low, high, other = site["average"][0]
    assert high - low == pytest.approx(4.0, abs=0.3)
    assert other == pytest.approx(low, abs=0.2)


def test_the_recipe_for_shap_gives_what_ours_gives(page):
    pytest.importorskip("shap")
    explained = page["explain"]()
    np.testing.assert_allclose(explained.values, page["shapley"].values, atol=1e-9)
    np.testing.assert_allclose(explained.base_values, page["shapley"].base)
