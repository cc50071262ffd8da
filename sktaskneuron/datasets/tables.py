"""The shipped tables, in the form of scikit-learn's own loaders."""

import csv
import gzip
from importlib.resources import files
from typing import Any

import numpy as np
from sklearn.utils import Bunch

from sktaskneuron.exceptions import MissingDependencyError

_DATA = files("sktaskneuron.datasets") / "data"


def load_airfoil(*, return_X_y: bool = False, as_frame: bool = False) -> Any:
    """Load the airfoil self-noise table: 1503 rows, 5 features, sound pressure level in dB.

    Brooks, Pope and Marcolini (1989), UCI Machine Learning Repository, CC BY 4.0,
    https://doi.org/10.24432/C5VW2C.

    Parameters
    ----------
    return_X_y : bool, default=False
        Return ``(data, target)`` alone.
    as_frame : bool, default=False
        Return pandas objects.

    Returns
    -------
    bunch : `sklearn.utils.Bunch`
        ``data`` of shape (1503, 5), ``target`` of shape (1503,), ``frame`` (pandas, or None),
        ``feature_names``, ``target_names`` and ``DESCR``; or ``(data, target)``.

    Raises
    ------
    MissingDependencyError
        If ``as_frame=True`` and pandas is not installed.

    See Also
    --------
    load_concrete : Load the concrete table: 1030 rows, 8 features, compressive strength in MPa.
    load_yacht : Load the yacht hydrodynamics table: 308 rows, 6 features, residuary resistance.

    Examples
    --------
    >>> from sktaskneuron.datasets import load_airfoil
    >>> load_airfoil().feature_names[:2]
    ['frequency', 'angle_of_attack']
    """
    return _load("airfoil", return_X_y, as_frame)


def load_concrete(*, return_X_y: bool = False, as_frame: bool = False) -> Any:
    """Load the concrete table: 1030 rows, 8 features, compressive strength in MPa.

    Yeh (1998), UCI Machine Learning Repository, CC BY 4.0, https://doi.org/10.24432/C5PK67.

    Parameters
    ----------
    return_X_y : bool, default=False
        Return ``(data, target)`` alone.
    as_frame : bool, default=False
        Return pandas objects.

    Returns
    -------
    bunch : `sklearn.utils.Bunch`
        ``data`` of shape (1030, 8), ``target`` of shape (1030,), ``frame`` (pandas, or None),
        ``feature_names``, ``target_names`` and ``DESCR``; or ``(data, target)``.

    Raises
    ------
    MissingDependencyError
        If ``as_frame=True`` and pandas is not installed.

    See Also
    --------
    load_airfoil : Load the airfoil self-noise table: 1503 rows, 5 features, sound pressure level in
        dB.
    load_yacht : Load the yacht hydrodynamics table: 308 rows, 6 features, residuary resistance.

    Examples
    --------
    >>> from sktaskneuron.datasets import load_concrete
    >>> X, y = load_concrete(return_X_y=True)
    >>> X.shape, y.shape
    ((1030, 8), (1030,))
    """
    return _load("concrete", return_X_y, as_frame)


def load_yacht(*, return_X_y: bool = False, as_frame: bool = False) -> Any:
    """Load the yacht hydrodynamics table: 308 rows, 6 features, residuary resistance.

    Gerritsma, Onnink and Versluis (1981), UCI Machine Learning Repository, CC BY 4.0,
    https://doi.org/10.24432/C5XG7R.

    Parameters
    ----------
    return_X_y : bool, default=False
        Return ``(data, target)`` alone.
    as_frame : bool, default=False
        Return pandas objects.

    Returns
    -------
    bunch : `sklearn.utils.Bunch`
        ``data`` of shape (308, 6), ``target`` of shape (308,), ``frame`` (pandas, or None),
        ``feature_names``, ``target_names`` and ``DESCR``; or ``(data, target)``.

    Raises
    ------
    MissingDependencyError
        If ``as_frame=True`` and pandas is not installed.

    See Also
    --------
    load_airfoil : Load the airfoil self-noise table: 1503 rows, 5 features, sound pressure level in
        dB.
    load_concrete : Load the concrete table: 1030 rows, 8 features, compressive strength in MPa.

    Examples
    --------
    >>> from sktaskneuron.datasets import load_yacht
    >>> load_yacht().target_names
    ['residuary_resistance']
    """
    return _load("yacht", return_X_y, as_frame)


def _load(name: str, return_X_y: bool, as_frame: bool) -> Any:
    """Read one table, whose last column is the target."""
    text = gzip.decompress((_DATA / f"{name}.csv.gz").read_bytes()).decode()
    names, *rows = csv.reader(text.splitlines())
    table = np.asarray(rows, dtype=np.float64)
    frame, data, target = None, table[:, :-1].copy(), table[:, -1].copy()
    if as_frame:
        try:
            import pandas as pd
        except ImportError as error:
            raise MissingDependencyError(
                f"load_{name}(as_frame=True) needs pandas; install it, or leave as_frame away"
            ) from error
        frame = pd.DataFrame(table, columns=names)
        data, target = frame[names[:-1]], frame[names[-1]]
    if return_X_y:
        return data, target
    return Bunch(
        data=data,
        target=target,
        frame=frame,
        feature_names=names[:-1],
        target_names=names[-1:],
        DESCR=(_DATA / f"{name}.md").read_text(encoding="utf-8"),
    )
