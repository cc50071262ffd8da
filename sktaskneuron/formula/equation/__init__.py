"""Formulas of neurons and equations of columns, as values."""
