"""Convex blends of any estimators, by their predictions on rows that they have not seen."""
