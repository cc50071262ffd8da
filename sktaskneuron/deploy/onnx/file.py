"""A graph as an ONNX model: checked, with what it says of itself, and written to a file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from os import PathLike, fspath
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from sktaskneuron.deploy.onnx.graph import Graph, Value
from sktaskneuron.exceptions import MissingDependencyError

if TYPE_CHECKING:
    from onnx import ModelProto

#: Versions of the operations: of December 2022, which onnxruntime reads from 1.14 on.
OPSETS: Mapping[str, int] = {"": 18, "ai.onnx.ml": 3}
# The version of the file that came with these.
_IR_VERSION = 8
# A protobuf message ends at 2 GiB; of these a part is left for the nodes.
_MOST_BYTES = 2**31 - 2**24


def import_onnx() -> ModuleType:
    """Return onnx; raises MissingDependencyError."""
    try:
        import onnx
    except ImportError as error:
        raise MissingDependencyError("to_onnx needs onnx; install sktaskneuron[onnx]") from error
    return onnx


@dataclass(frozen=True, eq=False)
class Program:
    """A graph with what it answers and says of itself.

    Parameters
    ----------
    graph : Graph
    outputs : dict of str to (Value, shape)
        None in a shape is the number of rows.
    about : dict of str to plain data
        For the metadata, beside the package's version and the estimator: texts as they are, the
        rest as JSON.
    """

    graph: Graph
    outputs: Mapping[str, tuple[Value, tuple[int | None, ...]]]
    about: Mapping[str, Any]


def write_model(program: Program, estimator: str, path: str | PathLike[str] | None) -> ModelProto:
    """Return a program as a checked model, and write it to a file if there is a path.

    Parameters
    ----------
    program : Program
    estimator : str
        Its name.
    path : str, path or None
        Numbers of more than 2 GiB go to a file beside it, of the same name and ".data".

    Raises
    ------
    MissingDependencyError
        If onnx is not installed.
    ValueError
        If an output has the name of a column; if the model is larger than 2 GiB and there is no
        path.
    """
    onnx = import_onnx()
    release = version("sktaskneuron")
    helper, numpy_helper = onnx.helper, onnx.numpy_helper
    graph, outputs = program.graph, program.outputs
    taken = sorted(set(outputs) & set(graph.inputs))
    if taken:
        raise ValueError(
            f"a column is called {taken[0]!r}, as an output of the graph is: rename it before fit, "
            "or use one_tensor=True"
        )
    n_bytes = sum(numbers.nbytes for numbers in graph.constants.values())
    if n_bytes > _MOST_BYTES and path is None:
        raise ValueError(
            f"the model holds {n_bytes / 2**30:.1f} GiB, more than the 2 GiB of one message: give "
            "a path, and its numbers go to a file beside it"
        )
    nodes = [
        helper.make_node(node.op, node.inputs, [node.output], domain=node.domain, **_plain(node))
        for node in graph.nodes
    ]
    ends = [
        helper.make_node("Identity", [value.name], [name]) for name, (value, _) in outputs.items()
    ]
    fed = [
        helper.make_tensor_value_info(name, _type(onnx, dtype), _shape(shape))
        for name, (dtype, shape) in graph.inputs.items()
    ]
    answers = [
        helper.make_tensor_value_info(name, _type(onnx, value.dtype), _shape(shape))
        for name, (value, shape) in outputs.items()
    ]
    tensors = [numpy_helper.from_array(numbers, name) for name, numbers in graph.constants.items()]
    model = helper.make_model(
        helper.make_graph(nodes + ends, estimator, fed, answers, tensors),
        producer_name="sktaskneuron",
        producer_version=release,
        opset_imports=[helper.make_opsetid(*pair) for pair in OPSETS.items()],
        ir_version=_IR_VERSION,
    )
    texts = {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in program.about.items()
    }
    helper.set_model_props(model, {"sktaskneuron": release, "estimator": estimator, **texts})
    if n_bytes <= _MOST_BYTES:
        onnx.checker.check_model(model, full_check=True)
    if path is not None:
        large = n_bytes > _MOST_BYTES
        onnx.save_model(
            model, fspath(path), save_as_external_data=large, location=f"{Path(path).name}.data"
        )
        if large:
            onnx.checker.check_model(fspath(path))
    return model


def _plain(node: Any) -> dict[str, Any]:
    """Return a node's attributes as onnx takes them."""
    onnx = import_onnx()
    plain = {}
    for name, value in node.attributes:
        if node.op == "Cast":
            value = _type(onnx, np.dtype(value))
        plain[name] = list(value) if isinstance(value, tuple | range) else value
    return plain


def _type(onnx: ModuleType, dtype: np.dtype[Any]) -> int:
    """Return the number of a type; texts are objects here."""
    number: int = onnx.helper.np_dtype_to_tensor_dtype(dtype)
    return number


def _shape(shape: tuple[int | None, ...]) -> list[int | str]:
    return ["rows" if length is None else length for length in shape]
