"""Search of activation functions."""

from sktaskneuron.search.activation.own_networks import search_activation
from sktaskneuron.search.activation.surrogate import SurrogateResult

__all__ = ["SurrogateResult", "search_activation"]
