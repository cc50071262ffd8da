"""Search by tensor decomposition (NeuronSeek, arXiv 2506.15715)."""

from .search import TDOptions, TDResult, search_td

__all__ = ["TDOptions", "TDResult", "search_td"]
