"""The activations that a search begins with."""

#: Eight classics, and four that win where those do not.
CLASSIC = (
    "silu",
    "relu",
    "elu",
    "selu",
    "gelu",
    "tanh",
    "softplus",
    "sigmoid",
    "hard_swish",
    "smelu",
    "square",
    "sin",
)
