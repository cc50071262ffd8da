"""Search by tensor decomposition (NeuronSeek, arXiv 2506.15715)."""

from sktaskneuron.search.td.search import TensorDecomposition

__all__ = ["TensorDecomposition"]
