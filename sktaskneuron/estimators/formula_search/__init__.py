"""The search of a formula, as a transformer."""
