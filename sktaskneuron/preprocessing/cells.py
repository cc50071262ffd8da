"""Single cells of a table or a target: whether one is empty or a number, else what it holds."""

import datetime

import numpy as np

from sktaskneuron._typing import AnyArray

# What a cell may hold in the place of a number, and what to do about it. A datetime is a date.
_KINDS: tuple[tuple[tuple[type, ...], str, str], ...] = (
    ((str, bytes), "text", "convert it to numbers, or name it in categorical_features"),
    (
        (complex, np.complexfloating),
        "complex numbers",
        "give their real and imaginary parts as columns of their own",
    ),
    (
        (datetime.date, np.datetime64),
        "dates",
        "convert them to numbers, as the days since some date, or year and month",
    ),
    (
        (datetime.timedelta, np.timedelta64),
        "durations",
        "convert them to numbers, as seconds",
    ),
    ((datetime.time,), "times of day", "convert them to numbers, as seconds since midnight"),
    (
        (list, tuple, dict, set, frozenset, np.ndarray, np.void),
        "several values in one cell",
        "a cell of this argument must be one string or number, so give each a column of its own",
    ),
)
# Characters of a cell shown in a message.
_SHOWN = 40


def as_array(values: object, what: str) -> AnyArray:
    """Return values as an array.

    Parameters
    ----------
    values : array-like
    what : str
        What they are, as "y".

    Returns
    -------
    array : ndarray

    Raises
    ------
    ValueError
        If rows differ in length.
    TypeError
        If they are a tensor that requires gradients, or lies on another device.
    """
    try:
        return np.asarray(values)
    except ValueError as error:
        raise ValueError(f"the rows of {what} must be of one length: {error}") from error
    except (RuntimeError, TypeError) as error:
        raise TypeError(f"{what} cannot be read as an array: {error}") from error


def without_objects(array: AnyArray) -> AnyArray:
    """Return an array of objects that are all booleans, or all plain numbers, as one of these.

    Parameters
    ----------
    array : ndarray

    Returns
    -------
    array : ndarray
        Of the same shape: of bool, int64 or float64; as it was where cells are anything else.

    Examples
    --------
    >>> import numpy as np
    >>> from sktaskneuron.preprocessing.cells import without_objects
    >>> without_objects(np.array([True, False], dtype=object)).dtype
    dtype('bool')
    """
    if array.dtype.kind != "O":
        return array
    kinds = set(map(type, array.ravel()))
    if kinds and kinds <= {bool, np.bool_}:
        return array.astype(bool)
    try:
        if kinds and all(issubclass(kind, int | np.integer) for kind in kinds):
            return array.astype(np.int64)
        if kinds and all(issubclass(k, int | float | np.integer | np.floating) for k in kinds):
            return array.astype(np.float64)
    except OverflowError:  # whole numbers beyond 64 bits stay what they are
        return array
    return array


def is_missing(value: object) -> bool:
    """Tell whether a cell is empty: None, NaN, NaT or pandas.NA.

    Parameters
    ----------
    value : object
        The cell.

    Returns
    -------
    missing : bool
        True for an empty cell.
    """
    try:
        return value is None or bool(value != value)
    except TypeError:  # pandas.NA: its comparison has no truth value
        return True
    except ValueError:  # an array inside a cell
        return False


def is_number(value: object) -> bool:
    """Tell whether a cell can be read as a float: a number, an empty cell, or text of a number.

    Parameters
    ----------
    value : object
        The cell.

    Returns
    -------
    number : bool
        False for a complex number, and for one that no float can hold.
    """
    if isinstance(value, str | bytes):
        return _is_float(value)
    return is_missing(value) or (_kind_of(value) is None and _is_float(value))


def no_number(what: str, value: object) -> TypeError | ValueError:
    """Return the error of a cell that is no number.

    Parameters
    ----------
    what : str
        Where it stands, as "column 'age'".
    value : object
        The cell, for which `is_number` is false.

    Returns
    -------
    error : TypeError or ValueError
        To be raised: a ValueError for what a cell of the right type cannot be.
    """
    kind = _kind_of(value)
    shown = shorten(value)
    if isinstance(value, int):
        return ValueError(f"{what} holds {shown}, which no float can hold: take another unit")
    if kind is None:
        name = type(value).__name__
        cure = "convert them to numbers, or to text, which is read as categories"
        return TypeError(
            f"{what} does not hold numbers but objects of class {name}, such as {shown}: {cure}"
        )
    _, holds, cure = kind
    text = f"{what} does not hold numbers but {holds}, such as {shown}: {cure}"
    if isinstance(value, complex | np.complexfloating):
        return ValueError(f"Complex data not supported: {text}")
    return ValueError(text) if isinstance(value, str | bytes) else TypeError(text)


def shorten(value: object) -> str:
    """Write a cell for a message, cut to the length of a few words."""
    text = repr(value) if isinstance(value, str | bytes) else " ".join(str(value).split())
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."


def _kind_of(value: object) -> tuple[tuple[type, ...], str, str] | None:
    return next((kind for kind in _KINDS if isinstance(value, kind[0])), None)


def _is_float(value: object) -> bool:
    try:
        float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return False
    return True
