"""Errors of input in the name of the estimator that was asked."""

from collections.abc import Iterator
from contextlib import contextmanager

from sklearn.base import BaseEstimator


def name_of(owner: BaseEstimator | str) -> str:
    """Return the name of an estimator's class, or the name that is given."""
    return owner if isinstance(owner, str) else type(owner).__name__


@contextmanager
def in_name_of(owner: BaseEstimator | str) -> Iterator[None]:
    """Let errors of input say which estimator refuses it, where they do not yet.

    Parameters
    ----------
    owner : estimator or str
        The one that the caller knows, or its name.

    Raises
    ------
    ValueError, TypeError
        As they were raised within, after the name.
    """
    try:
        yield
    except (ValueError, TypeError) as error:
        name = name_of(owner)
        if name in str(error):
            raise
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"{name}: {error}") from error
