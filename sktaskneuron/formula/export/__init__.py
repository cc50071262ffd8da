"""Trees written in other languages."""
