"""What every search of a neuron's formula shares: terms, their fit, their price, the choice."""

from sktaskneuron.search.frame.observations import Observations
from sktaskneuron.search.frame.options import Criterion, Engine, SearchOptions
from sktaskneuron.search.frame.result import SearchResult
from sktaskneuron.search.frame.search import search_formula

__all__ = ["Criterion", "Engine", "Observations", "SearchOptions", "SearchResult", "search_formula"]
