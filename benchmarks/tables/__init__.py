"""The tables, models and scores of tabular.py."""
