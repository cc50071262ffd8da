"""Symbolic regression: one formula of functions for all columns alike."""

from sktaskneuron.search.sr.regression import SymbolicRegression

__all__ = ["SymbolicRegression"]
