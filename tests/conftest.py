import os

# before torch loads: pytest-xdist's workers share the cores
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
from hypothesis import settings

# derandomize: a change is judged on the same examples every time
settings.register_profile("house", deadline=None, max_examples=60, derandomize=True)
# other texts every night, for the readers of texts and JSON: see CONTRIBUTING.md
settings.register_profile("night", deadline=None, max_examples=100_000, derandomize=False)
settings.load_profile("house")


@pytest.fixture(params=["pandas", "polars"])
def dataframe(request):
    """Constructor of a table from a dict of columns; each test runs with both libraries."""
    return pytest.importorskip(request.param).DataFrame
