"""Fitted estimators as ONNX models: one graph from the raw table to the answer."""

from sktaskneuron.deploy.onnx.exports import field_program, predictor_program, terms_program
from sktaskneuron.deploy.onnx.file import Program, write_model
from sktaskneuron.deploy.onnx.table import onnx_inputs

__all__ = [
    "Program",
    "field_program",
    "onnx_inputs",
    "predictor_program",
    "terms_program",
    "write_model",
]
