"""Search of activation functions: their grammar and features, and two strategies."""

from sktaskneuron.search.activation.admission import (
    BUDGET,
    admissible,
    cost,
    dedupe,
    oriented,
    output_key,
    refusal,
)
from sktaskneuron.search.activation.evaluations import Evaluate, Evaluations, StepHook
from sktaskneuron.search.activation.evolve import EvolveResult, Proposer, search_evolve
from sktaskneuron.search.activation.features import fisher_features, output_features
from sktaskneuron.search.activation.grammar import canonical_text, crossover, mutate, sample
from sktaskneuron.search.activation.surrogate import SurrogateResult, search_surrogate

__all__ = [
    "BUDGET",
    "Evaluate",
    "Evaluations",
    "EvolveResult",
    "Proposer",
    "StepHook",
    "SurrogateResult",
    "admissible",
    "canonical_text",
    "cost",
    "crossover",
    "dedupe",
    "fisher_features",
    "mutate",
    "oriented",
    "output_features",
    "output_key",
    "refusal",
    "sample",
    "search_evolve",
    "search_surrogate",
]
