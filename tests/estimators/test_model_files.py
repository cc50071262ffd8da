"""A fitted model, and every file of it, holds no rows of the table that it was fitted to.

What it may hold is said on the page "What a model file holds": levels of categories, and of a
column of numbers its two ends and a middle.
"""

import json
import pickle
import re
import warnings
from dataclasses import fields, is_dataclass
from zipfile import BadZipFile

import numpy as np
import pytest
import skops.io
from sklearn.base import clone

from sktaskneuron.exceptions import FormulaError

from .test_whole_fit import ESTIMATORS, outputs

#: Of a column: its smallest and its largest cell, and its median, which fills gaps.
PER_COLUMN = 3
NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")


def draw(name, n_rows):
    """Cells of ten digits, all different: a number that is found again is no accident."""
    rng = np.random.default_rng(n_rows)
    X = rng.normal(size=(n_rows, 4)).round(9) * [1, 10, 1, 100] + [0, 1e3, -7, 50]
    y = X[:, 0] * X[:, 2] + 0.1 * X[:, 1]
    if name == "hamiltonian":
        return X, np.roll(X, 2, axis=1)
    return X, np.where(y > np.median(y), "high", "low") if "classifier" in name else y


def numbers_in(value, seen=None):
    """Every float in a value, however deep."""
    seen = set() if seen is None else seen
    if id(value) in seen or isinstance(value, str | bytes):
        return
    seen.add(id(value))
    if isinstance(value, float | np.floating):
        yield float(value)
    elif isinstance(value, np.ndarray):
        if value.dtype.kind == "f":
            yield from value.ravel().astype(float).tolist()
        elif value.dtype.kind == "O":
            yield from numbers_in(value.ravel().tolist(), seen)
    elif isinstance(value, dict):
        for part in value.values():
            yield from numbers_in(part, seen)
    elif isinstance(value, list | tuple | set | frozenset):
        for part in value:
            yield from numbers_in(part, seen)
    elif is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            yield from numbers_in(getattr(value, field.name), seen)
    if hasattr(value, "__dict__") and not isinstance(value, type):
        yield from numbers_in(vars(value), seen)
    for slot in getattr(type(value), "__slots__", ()):
        yield from numbers_in(getattr(value, slot, None), seen)


def cells_among(numbers, X):
    held = set(numbers)
    return sum(cell in held for cell in X.ravel().tolist())


@pytest.fixture(scope="module", params=list(ESTIMATORS))
def fitted(request):
    found = []
    for n_rows in (150, 900):
        X, y = draw(request.param, n_rows)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found.append((clone(ESTIMATORS[request.param]).fit(X, y), X, y))
    return found


def test_the_walk_finds_what_is_hidden(fitted):
    """The test itself: a row anywhere in a model is found."""
    model, X, _ = fitted[0]
    hidden = pickle.loads(pickle.dumps(model))
    before = cells_among(numbers_in(hidden), X)
    object.__setattr__(hidden._fitted, "forgotten", {"rows": [X[3:8].tolist()]})
    assert cells_among(numbers_in(hidden), X) >= before + 20 - PER_COLUMN * X.shape[1]


def test_pickle(fitted):
    for model, X, y in fitted:
        held = set(numbers_in(pickle.loads(pickle.dumps(model))))
        assert cells_among(held, X) <= PER_COLUMN * X.shape[1]
        if y.dtype.kind == "f":
            # the ends of the target's range, in its own unit: networks do not leave it
            assert cells_among(held, y) <= 2 * y[0].size


def test_bytes_of_the_pickle(fitted):
    """Nor does a cell stand in the file in some form that the walk does not see."""
    for model, X, _ in fitted:
        data = pickle.dumps(model, protocol=5)
        cells = X.ravel().tolist()
        found = sum(np.float64(cell).tobytes() in data for cell in cells)
        assert found <= PER_COLUMN * X.shape[1]


def test_size_is_not_that_of_the_table(fitted):
    """Neither rows, nor anything that there is for every row: outputs, losses, weights."""
    small, large = (len(pickle.dumps(model)) for model, _, _ in fitted)
    assert large - small < 5_000 < (fitted[1][1].nbytes - fitted[0][1].nbytes) / 4


def test_json(fitted):
    for model, X, _ in fitted:
        if not hasattr(model, "to_json"):
            continue
        try:
            text = model.to_json()
        except (AttributeError, FormulaError):
            continue
        assert cells_among(map(float, NUMBER.findall(text)), X) <= PER_COLUMN * X.shape[1]
        json.loads(text)


@pytest.mark.parametrize(
    "state", [{}, {"_format": 0}, {"_format": "x"}, {"_format": [1]}, None, []]
)
def test_another_format(fitted, state):
    model = fitted[0][0]
    state = {**model.__getstate__(), **state} if state else state
    with pytest.raises(
        ValueError, match=rf"this {type(model).__name__} was saved in format .*: fit"
    ):
        type(model).__new__(type(model)).__setstate__(state)


def test_damage_to_skops_files_is_found(fitted):
    model, X, _ = fitted[0]
    data = skops.io.dumps(model)
    trusted = skops.io.get_untrusted_types(data=data)
    rng = np.random.default_rng(0)
    damaged = [data[: len(data) // 2], *(bytearray(data) for _ in range(10))]
    for content in damaged[1:]:
        content[int(rng.integers(len(content)))] ^= 255
    for content in damaged:
        try:
            copy = skops.io.loads(bytes(content), trusted=trusted)
        except BadZipFile:
            continue
        np.testing.assert_array_equal(outputs(copy, X)[0], outputs(model, X)[0])
