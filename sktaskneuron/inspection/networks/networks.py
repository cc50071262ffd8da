"""The networks of whatever is inspected, in float64, and what they see of a table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.utils import gen_batches
from sklearn.utils.validation import validate_data

from sktaskneuron._typing import Matrix, TableLike
from sktaskneuron.estimators.fitted import TableEstimator, fitted_value
from sktaskneuron.inspection.checks import check_fitted
from sktaskneuron.models.networks import PackedModel

if TYPE_CHECKING:
    from sktaskneuron.nn import DiverseNetwork

# Names of scikit-learn's activations that differ from ours.
_SKLEARN_NAMES = {"logistic": "sigmoid"}
# Numbers in one tensor at most, by which rows are taken in blocks.
_MOST_NUMBERS = 8_000_000


def network_of(estimator: BaseEstimator) -> DiverseNetwork:
    """Return the packed networks of a fitted estimator, in float64.

    Parameters
    ----------
    estimator : estimator
        With learned diversity, or scikit-learn's MLPClassifier or MLPRegressor: a pack of one.

    Raises
    ------
    NotFittedError
        If the estimator is not fitted.
    TypeError
        If it has no such networks.
    """
    check_fitted(estimator)
    if isinstance(estimator, MLPClassifier | MLPRegressor):
        return _from_sklearn(estimator)
    return model_of(estimator).typed_network()


def smooth_network_of(estimator: BaseEstimator) -> DiverseNetwork:
    """Return the packed networks with cubic tables in the place of linear ones, in float64.

    Raises
    ------
    NotFittedError
        If the estimator is not fitted.
    TypeError
        If it has no networks of neurons of several types.
    """
    import torch

    from sktaskneuron.nn import DiverseNetwork
    from sktaskneuron.nn.typed.reading import layer_functions

    check_fitted(estimator)
    network = model_of(estimator).typed_network()
    spec = network.spec()
    ((count, layers),) = spec["groups"]
    if not any(not isinstance(kind, str) and kind[3] == 1 for kinds in layers for kind in kinds):
        return network
    cubic = layer_functions(estimator.activations_, len(layers), "cubic", name="activations")
    # texts stay as they were given: their learned parameters are among those that are copied
    functions = [
        [kind if isinstance(kind, str) else table for kind, table in zip(*pair, strict=True)]
        for pair in zip(layers, cubic, strict=True)
    ]
    smooth = DiverseNetwork(**{**spec, "groups": [(count, functions)]}, dtype=torch.float64)
    smooth.to(network.weights[0].device)
    with torch.no_grad():
        for new, trained in zip(smooth.parameters(), network.parameters(), strict=True):
            new.copy_(trained)
    return smooth.eval()


def model_of(estimator: BaseEstimator) -> PackedModel:
    """Return the networks of an estimator as a value, to be built in float64.

    They are placed where the estimator predicts; MPS, which lacks float64, gives way to the CPU.
    """
    fitted = fitted_value(estimator) if isinstance(estimator, TableEstimator) else None
    model = getattr(fitted, "packed", None)
    if not isinstance(model, PackedModel):
        raise TypeError(
            f"{type(estimator).__name__} holds no networks of neurons of several types: give a "
            "fitted LearnedDiversityMLPClassifier, LearnedDiversityMLPRegressor or "
            "HamiltonianMLPRegressor"
        )
    from sktaskneuron.training import resolve_device

    device = resolve_device(estimator.device)
    return replace(model, device="cpu" if device.type == "mps" else str(device), dtype="float64")


def _from_sklearn(estimator: BaseEstimator) -> DiverseNetwork:
    """Pack scikit-learn's network up to its last layer's sums."""
    import torch

    from sktaskneuron.nn import DiverseNetwork

    name = _SKLEARN_NAMES.get(estimator.activation, estimator.activation)
    sizes = [weights.shape[1] for weights in estimator.coefs_]
    network = DiverseNetwork(
        len(estimator.coefs_[0]),
        sizes[-1],
        sizes[:-1],
        [(1, [[name]] * (len(sizes) - 1))],
        dtype=torch.float64,
    )
    with torch.no_grad():
        own = [*network.weights, *network.biases]
        given = [*estimator.coefs_, *estimator.intercepts_]
        for parameter, values in zip(own, given, strict=True):
            parameter[0].copy_(torch.from_numpy(np.array(values, dtype=np.float64)))
    return network.eval()


def inputs_of(estimator: BaseEstimator, X: TableLike) -> Matrix:
    """Return what the networks see of a table, (n_samples, n_columns)."""
    if isinstance(estimator, MLPClassifier | MLPRegressor):
        return np.asarray(validate_data(estimator, X, reset=False, dtype=np.float64))
    return np.asarray(fitted_value(estimator).network_inputs(X, estimator), dtype=np.float64)


def row_blocks(n_rows: int, numbers_per_row: int) -> Iterator[slice]:
    """Cut rows into blocks, each of which fills a tensor of bounded size."""
    return gen_batches(n_rows, max(1, _MOST_NUMBERS // max(1, numbers_per_row)))


def widest(network: DiverseNetwork) -> int:
    """Return the neurons of the widest layer in all members of the pack together."""
    layers = (network.in_features, *network.hidden_layer_sizes, network.out_features)
    return network.n_members * max(layers)
