"""Symbolic regression: functions for all columns alike, and equations of named columns."""
