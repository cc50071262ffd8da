"""Estimators of signals and images."""
