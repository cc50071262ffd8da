"""What all of the inspection asks of what it is given."""

from __future__ import annotations

from sklearn.utils.validation import check_is_fitted


def check_fitted(source: object) -> None:
    """Raise NotFittedError for an estimator before its fit; anything else needs none."""
    if hasattr(source, "fit"):
        check_is_fitted(source)
