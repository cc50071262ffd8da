"""Tables, batches, losses, schedules, states, devices."""

import numpy as np
import pytest
import torch

from sktaskneuron.training import (
    TensorBatches,
    TensorTable,
    arrays_to_module,
    module_to_arrays,
    random_scope,
    resolve_device,
    resolve_dtype,
)
from sktaskneuron.training.loop.losses import WeightedLoss, cross_entropy, squared_error
from sktaskneuron.training.loop.schedules import SCHEDULES

from .conftest import make_network


def test_table_copies_and_types_its_arrays():
    X = np.arange(6.0).reshape(3, 2)
    X.flags.writeable = False
    table = TensorTable.from_arrays(X, [1.0, 2.0, 3.0], [1, 2, 3])
    assert table.X.dtype == table.y.dtype == table.weight.dtype == torch.float32
    assert table.y.shape == (3, 1)
    assert TensorTable.from_arrays(X, np.array([0, 1, 1], dtype=np.int8)).y.dtype == torch.int64
    double = TensorTable.from_arrays(X, np.ones((3, 2)), dtype=torch.float64)
    double.X.zero_()
    assert X[2, 1] == 5
    row, (target, weight) = table[1]
    assert (row.tolist(), target.tolist(), weight.item()) == ([2, 3], [2], 2)


def test_rows_of_weight_zero_are_left_out():
    table = TensorTable.from_arrays([[1.0], [2.0], [3.0]], [1.0, 2.0, 3.0], [1.0, 0.0, 2.0])
    assert table.X.ravel().tolist() == [1, 3]
    assert table.weight.tolist() == [1, 2]


@pytest.mark.parametrize(
    ("X", "y", "weight", "message"),
    [
        ([1.0], [1.0], None, "two dimensions"),
        ([[1.0]], [1.0, 2.0], None, "X has 1 rows, y 2"),
        ([[1.0]], [1.0], [1.0, 2.0], "weight the shape"),
        ([[1.0]], [1.0], [-1.0], "not negative"),
        ([[1.0]], [1.0], [np.inf], "finite"),
        ([[1.0]], [1.0], [0.0], "no rows to train on"),
        (np.ones((0, 2)), np.ones(0), None, "no rows to train on"),
    ],
)
def test_bad_tables_are_refused(X, y, weight, message):
    with pytest.raises(ValueError, match=message):
        TensorTable.from_arrays(X, y, weight)


@pytest.mark.parametrize(("n_rows", "batch_size"), [(10, 3), (10, 5), (7, 100), (129, 128), (1, 1)])
def test_batches_hold_every_row_once_and_differ_by_one_row_at_most(n_rows, batch_size):
    rows = torch.arange(n_rows, dtype=torch.float32)
    table = TensorTable(rows[:, None], rows, rows + 1)
    batches = TensorBatches(
        table, batch_size, shuffle=True, generator=torch.Generator().manual_seed(0)
    )
    for _ in range(2):
        parts = list(batches)
        sizes = [len(X) for X, _ in parts]
        assert len(parts) == len(batches) == -(-n_rows // batch_size)
        assert max(sizes) <= batch_size
        assert max(sizes) - min(sizes) <= 1
        X = torch.cat([X for X, _ in parts]).ravel()
        assert torch.equal(X.sort().values, rows)
        assert torch.equal(torch.cat([y for _, (y, _) in parts]).ravel(), X)
        assert torch.equal(torch.cat([w for _, (_, w) in parts]), X + 1)


def test_batches_are_shuffled_anew_only_if_asked_for():
    rows = torch.arange(50.0)
    table = TensorTable(rows[:, None], rows)

    def orders(**options):
        batches = TensorBatches(table, 10, **options)
        return [torch.cat([X for X, _ in batches]).ravel().tolist() for _ in range(2)]

    assert orders() == [rows.tolist()] * 2
    first, second = orders(shuffle=True, generator=torch.Generator().manual_seed(0))
    assert first != second
    with pytest.raises(ValueError, match="needs a generator"):
        TensorBatches(table, 10, shuffle=True)
    with pytest.raises(ValueError, match="batch_size"):
        TensorBatches(table, 0)


def test_weighted_losses():
    output = torch.tensor([[1.0, 2.0], [3.0, 5.0]])
    target = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    loss = WeightedLoss(squared_error)
    assert loss(output, target).item() == pytest.approx((2.0 + 12.5) / 2)
    weight = torch.tensor([3.0, 1.0])
    assert loss(output, target, weight).item() == pytest.approx((3 * 2.0 + 12.5) / 4)
    expected = torch.nn.functional.cross_entropy(output, torch.tensor([0, 1]))
    assert WeightedLoss(cross_entropy)(output, torch.tensor([0, 1])) == pytest.approx(expected)
    with pytest.raises(ValueError, match="does not fit target"):
        loss(output, target[:, :1])


def test_schedules_at_known_times():
    def at(name, *times):
        return [SCHEDULES[name](t) for t in times]

    assert at("constant", 0, 0.5, 1) == [1, 1, 1]
    zeros = [0, 1 / 15, 3 / 15, 7 / 15, 1]
    assert at("coslog4", *zeros) == pytest.approx([0] * 5, abs=1e-12)
    assert at("coslog4", (2**3.5 - 1) / 15) == pytest.approx([1])
    assert at("cosine", 0, 0.05, 0.5, 1) == pytest.approx([0, 0.99384, 0.5, 0], abs=1e-5)
    assert at("flat_cos", 0, 0.49, 0.75, 1) == pytest.approx([1, 1, 0.5, 0], abs=1e-12)


def test_state_round_trip():
    network, other = make_network(), make_network(seed=1)
    state = module_to_arrays(network)
    assert all(isinstance(value, np.ndarray) for value in state.values())
    arrays_to_module(other, state)
    for name, value in network.state_dict().items():
        assert torch.equal(value, other.state_dict()[name])
    network.output.weight.data.zero_()
    assert state["output.weight"].any()
    double = make_network(seed=1, dtype=torch.float64)
    arrays_to_module(double, state)
    assert double.output.weight.dtype == torch.float64


def test_states_that_do_not_fit_are_refused():
    state = module_to_arrays(make_network())
    with pytest.raises(ValueError, match=r"missing=.*input.scale"):
        arrays_to_module(make_network(), {k: v for k, v in state.items() if k != "input.scale"})
    with pytest.raises(ValueError, match=r"output\.bias has the shape"):
        arrays_to_module(make_network(), {**state, "output.bias": np.ones(7)})


def test_devices_and_dtypes():
    assert resolve_device("cpu") == torch.device("cpu")
    assert resolve_device().type in ("cpu", "cuda", "mps")
    assert resolve_dtype("float64", torch.device("cpu")) == torch.float64
    with pytest.raises(ValueError, match="mps"):
        resolve_dtype("float64", torch.device("mps"))
    with pytest.raises(ValueError, match="dtype must be"):
        resolve_dtype("float16")
    with pytest.raises(ValueError, match="not a torch device"):
        resolve_device("gpu7")
    if not torch.cuda.is_available():
        with pytest.raises(ValueError, match="not available"):
            resolve_device("cuda")


def test_random_scope_seeds_inside_and_restores():
    def draw():
        with random_scope(3, torch.device("cpu")):
            return torch.rand(4).tolist()

    before = torch.random.get_rng_state()
    assert draw() == draw()
    with pytest.raises(ZeroDivisionError), random_scope(0, torch.device("cpu")):
        raise ZeroDivisionError(torch.rand(1))
    assert torch.equal(torch.random.get_rng_state(), before)
