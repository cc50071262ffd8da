"""Networks whose neurons learn their activation functions."""
