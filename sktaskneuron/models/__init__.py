"""Fitted models as values, and how they are judged. No estimator is known here."""
