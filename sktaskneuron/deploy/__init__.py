"""Fitted estimators for other programs: ONNX models and torch modules."""

from sktaskneuron.deploy.onnx.table import onnx_inputs

__all__ = ["onnx_inputs"]
