"""Search of activation functions: their grammar and features, and two strategies."""
