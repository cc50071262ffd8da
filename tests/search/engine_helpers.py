"""What the tests of engines of other packages share."""

import numpy as np

from sktaskneuron.search.columns.engines.protocol import ColumnsProblem


def make_problem(X, y, *, weight=None, names=None, max_steps=None, seed=0, on_step=None):
    names = tuple(f"c{i}" for i in range(X.shape[1])) if names is None else names
    weight = np.ones(len(y)) if weight is None else weight
    return ColumnsProblem(
        X,
        names,
        y,
        weight,
        20,
        max_steps,
        seed,
        (lambda text: None) if on_step is None else on_step,
    )


def write_package(folder, name, text):
    """Write a package of one file, which a child finds as its parent does."""
    (folder / name).mkdir()
    (folder / name / "__init__.py").write_text(text)
