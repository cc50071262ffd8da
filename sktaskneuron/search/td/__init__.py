"""Search by tensor decomposition (NeuronSeek, arXiv 2506.15715)."""

from .options import Criterion, Engine, TDOptions, TDResult
from .search import search_td

__all__ = ["Criterion", "Engine", "TDOptions", "TDResult", "search_td"]
