"""JSON that was cut short, changed or made by somebody else: one sentence, never another error."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sktaskneuron.exceptions import FormulaError
from sktaskneuron.formula import FittedExpression, FittedFormula, NeuronFormula
from sktaskneuron.nn import ActivationSet
from sktaskneuron.nn.typed.sub_networks import SubNetworks
from sktaskneuron.nn.typed.tables import Grid
from tests.formula.strategies import texts

FORMULA = NeuronFormula.parse("x + sin(x) + <x,x>:2 + <x,x,x>:1")
NUMBERS = np.random.default_rng(0).normal(size=(3, 2, 2))
VALUES = {
    "formula": FORMULA,
    "fitted formula": FittedFormula(
        FORMULA,
        [0.5],
        [NUMBERS[0, :, :1], NUMBERS[1, :, :1]],
        {2: NUMBERS[:2], 3: NUMBERS[:, :, :1]},
        {2: NUMBERS[2, :, :1], 3: [[2.0]]},
        center=[1, 2],
        scale=[1, 2e-300],
        lower=[-5, -np.inf],
        feature_names=["a", "é b"],
    ),
    "expression": FittedExpression.parse(["sin(a)*b**2 + 3.5", "a/b"], ["a", "b"]),
    "activations": ActivationSet(NUMBERS[:, :, 0].T @ NUMBERS[:, 0], Grid(-1.0, 1.0, 2)),
    "sub-networks": ActivationSet(
        NUMBERS[0], Grid(-1.0, 1.0, 2), sub_networks=SubNetworks(*NUMBERS, NUMBERS[0, 0])
    ),
}
ODD = [
    *(None, True, -1, 0, 10**400, 2**63, 1e308, 1e-320, float("inf"), 3.7, "", "x", "1e999"),
    *("sin(", "\ud800", "9" * 5_000, [], [None], [[1, [2]]], {}, {"a": 1}),
]


def places(value, at=()):
    """Every place in nested data."""
    yield at
    parts = value.items() if isinstance(value, dict) else ()
    parts = enumerate(value) if isinstance(value, list) else parts
    for key, part in parts:
        yield from places(part, (*at, key))


def changed(value, at, new):
    if not at:
        return new
    copy = value.copy()
    copy[at[0]] = changed(value[at[0]], at[1:], new)
    return copy


def read(name, text):
    """Read a text: it is a value that can be written, or one sentence of one class."""
    kind = type(VALUES[name])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            value = kind.from_json(text)
        except ValueError as error:
            assert type(error) is (ValueError if kind is ActivationSet else FormulaError)  # noqa: PT017
        else:
            assert kind.from_json(value.to_json()).to_json() == value.to_json()


@pytest.mark.parametrize("name", VALUES)
def test_text_itself(name):
    text = VALUES[name].to_json()
    assert type(VALUES[name]).from_json(text).to_json() == text


@pytest.mark.parametrize("name", VALUES)
def test_cut_short(name):
    text = VALUES[name].to_json()
    for stop in range(0, len(text), 3):
        with pytest.raises(ValueError, match=r"."):
            type(VALUES[name]).from_json(text[:stop])


@pytest.mark.parametrize("name", VALUES)
@texts(150)
@given(data=st.data())
def test_flipped_bytes(name, data):
    content = bytearray(VALUES[name].to_json().encode())
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place] = data.draw(st.integers(0, 255))
    read(name, content.decode(errors="surrogateescape"))


@pytest.mark.parametrize("name", VALUES)
def test_values_that_do_not_fit(name):
    plain = json.loads(VALUES[name].to_json())
    for at in places(plain):
        for new in ODD:
            read(name, json.dumps(changed(plain, at, new)))


@pytest.mark.parametrize("name", VALUES)
@pytest.mark.parametrize("start", ["[", '{"format":', '{"kind":[', "-"])
def test_deep(name, start):
    with pytest.raises(ValueError, match=r"."):
        type(VALUES[name]).from_json(start * 100_000)


@pytest.mark.parametrize("name", VALUES)
def test_another_version(name):
    plain = json.loads(VALUES[name].to_json())
    key = "version" if "version" in plain else "format"
    for number in (0, 99, -1, "1", None, True, 1.0):
        if key == "format" and number in (1, True):  # which are equal in Python
            continue
        with pytest.raises(ValueError, match="format"):
            type(VALUES[name]).from_json(json.dumps({**plain, key: number}))


@pytest.mark.parametrize("suffix", [".npz", ".json"])
def test_damaged_files_of_activations(tmp_path, suffix):
    path = tmp_path / f"activations{suffix}"
    VALUES["activations"].save(path)
    content, rng = path.read_bytes(), np.random.default_rng(0)
    damaged = [content[:stop] for stop in rng.integers(len(content), size=40)]
    for place in rng.integers(len(content), size=80).tolist():
        byte = bytes([content[place] ^ int(rng.integers(1, 256))])
        damaged.append(content[:place] + byte + content[place + 1 :])
    for data in damaged:
        path.write_bytes(data)
        try:
            ActivationSet.load(path)
        except ValueError:
            continue
