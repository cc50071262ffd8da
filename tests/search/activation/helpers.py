"""What the tests of this folder share."""

from sktaskneuron.search.activation.grammar import canonical_text

#: Well-known activation functions in the grammar, by name.
CLASSICS = {
    name: canonical_text(name)
    for name in (
        "relu",
        "elu",
        "selu",
        "silu",
        "gelu",
        "tanh",
        "softplus",
        "sigmoid",
        "square",
        "sin",
        "hard_swish",
        "mish",
    )
}
