"""Running of graphs in the tests of `deploy`."""

import numpy as np
import onnxruntime

from sktaskneuron.deploy.onnx import Program, onnx_inputs, write_model
from sktaskneuron.deploy.onnx.graph import Graph


def answers_of(proto, inputs):
    """Return what a model answers, by the names of its outputs."""
    session = onnxruntime.InferenceSession(
        proto.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, inputs), strict=True))


def run_on(function, array, n_axes=None):
    """Return a function of values applied to an array, by onnxruntime.

    The result has as many axes as the array, or ``n_axes``.
    """
    graph = Graph()
    value = function(graph.input("x", array.dtype, (None, *array.shape[1:])))
    program = Program(graph, {"y": (value, (None,) * (n_axes or array.ndim))}, {})
    return answers_of(write_model(program, "test", None), {"x": array})["y"]


def differences(model, X, **options):
    """Return the largest difference of every answer, relative to the answer and its spread.

    Of labels it is the share of the rows that differ.
    """
    found = answers_of(model.to_onnx(**options), onnx_inputs(model, X, **options))
    result = {}
    for method, values in found.items():
        own = getattr(model, method)(X)
        assert own.shape == values.shape
        if hasattr(model, "classes_") and method == "predict":
            result[method] = np.mean(own != values)
            assert own.dtype.kind == values.dtype.kind or values.dtype == object
        else:
            result[method] = relative(values, own)
    return result


def relative(values, own):
    """Return the largest difference, relative to the value and to the spread of the middle half.

    values, own : (n_rows,) or (n_rows, n_outputs)
    """
    low, high = np.quantile(own, [0.25, 0.75], axis=0)
    return float(np.max(np.abs(values - own) / (np.abs(own) + (high - low) + 1e-12)))
