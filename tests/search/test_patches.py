"""The terms of a convolution are found from the patches of signals."""

import numpy as np
import pytest

from sktaskneuron.search.patches import search_patches


def draw(shape=(300, 1, 30), seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def mean(values):
    return values.reshape(len(values), -1).mean(axis=1)


LAWS = {
    "x": mean,
    "x + x**2": lambda x: mean(x**2),
    "x + <x,x>:8": lambda x: mean(x[..., 1:] * x[..., :-1]),
    "x + <x,x,x>:8": lambda x: mean(x[..., 2:] * x[..., 1:-1] * x[..., :-2]),
}


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("shape", [(300, 1, 30), (200, 2, 40), (200, 1, 9, 9)], ids=str)
def test_planted_terms_are_found(law, shape):
    X = draw(shape)
    y = LAWS[law](X)
    kernel_size = 3
    noisy = y + 0.2 * y.std() * draw(len(X), seed=1)
    assert str(search_patches(X, noisy, kernel_size).formula) == law


@pytest.mark.parametrize("seed", range(10))
def test_noise_gives_nothing(seed):
    found = search_patches(draw(seed=seed), draw(300, seed=seed + 100))
    assert str(found.formula) == "x"
    assert found.loss > 0.9


def test_classes_and_several_targets():
    X = draw()
    y = mean(X[..., 1:] * X[..., :-1])
    labels = np.where(y > np.median(y), "high", "low")
    both = np.column_stack([y, mean(X**2)])
    assert search_patches(X, labels).formula.interactions == {2: 8}
    found = search_patches(X, both, rank=3)
    assert str(found.formula) == "x + x**2 + <x,x>:3"
    assert set(found.gains) == {"x**2", "x**3", "<x,x>", "<x,x,x>"}


def test_products_of_two_channels():
    X = draw((300, 2, 30))
    found = search_patches(X, mean(X[:, 0] * X[:, 1]), 1, terms=["x**2", "<x,x>"])
    assert found.formula.interactions == {2: 8}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"X": draw((300, 30))}, "search_patches needs signals"),
        ({"y": draw(20)}, "search_patches needs signals"),
        ({"kernel_size": 31}, "kernel_size must fit"),
        ({"terms": ["x**4"]}, "terms must be of"),
        ({"kernel_size": 29}, "take a smaller kernel_size"),
    ],
    ids=["axes", "rows", "kernel", "terms", "moments"],
)
def test_bad_input_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        search_patches(**{"X": draw(), "y": draw(300), **options})
