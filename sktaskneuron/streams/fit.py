"""Fit a clone of an estimator to rows that are never all in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from numbers import Integral
from os import PathLike
from typing import TYPE_CHECKING, Any, TypeVar

from sklearn.base import clone

from sktaskneuron._seeds import draw_seed
from sktaskneuron._typing import RandomState
from sktaskneuron.estimators.fitted import TableEstimator, put_on
from sktaskneuron.estimators.formula_search.calls import fitted_by_sums, sums_of_rows
from sktaskneuron.estimators.formula_search.fitted import SearchSums
from sktaskneuron.estimators.formula_search.search import NeuronFormulaSearch
from sktaskneuron.streams.sample import Sample
from sktaskneuron.streams.sources import open_source

if TYPE_CHECKING:
    from sktaskneuron.streams.sources import Part

E = TypeVar("E", bound=TableEstimator)


def fit_stream(
    estimator: E,
    source: str | PathLike[str] | Callable[[], Iterable[Any]] | Iterable[Any],
    target: str | Sequence[str],
    *,
    features: Sequence[str] | None = None,
    sample_weight: str | None = None,
    sample_size: int = 100_000,
    batch_size: int = 65_536,
    random_state: RandomState = None,
) -> E:
    """Fit an estimator to files, batches or a dask DataFrame, in bounded memory.

    The rows are read twice. First a uniform sample of them is drawn, and a clone of the estimator
    is fitted to it. Then the weights of a `NeuronFormulaSearch` of numbers, and of the equations of
    its front, are fitted to all rows by sums of squares: they are those of one fit to all rows with
    the same terms. What is inside of terms (functions with their constants, directions of products)
    stays as the sample gave it. Other estimators, and equations of classes, are those of the
    sample.

    Parameters
    ----------
    estimator : estimator of this package
        Stays as it is.
    source : path, pyarrow dataset, dask DataFrame, callable or iterable
        A file or a folder of files (Parquet, Feather, Arrow, CSV; needs pyarrow); a dataset of
        pyarrow; a dask DataFrame, whose partitions are read where they are, on the workers of an
        existing cluster; a function that returns an iterator of tables (pandas, polars, pyarrow),
        anew at every call; or a list of tables.
    target : str or sequence of str
        Column of the target, or columns of several.
    features : sequence of str, default=None
        Columns to learn from; None takes all others.
    sample_weight : str, default=None
        Column of weights.
    sample_size : int, default=100_000
        Rows of the sample, which are held in memory.
    batch_size : int, default=65_536
        Rows that are held at once beside it, where files are read.
    random_state : int, RandomState instance or None, default=None
        Of the draw.

    Returns
    -------
    fitted : estimator
        A clone, fitted.

    Raises
    ------
    TypeError
        If the estimator is not of this package, or source is nothing that can be read twice.
    ValueError
        If a column is missing, there are no rows, or `fit` refuses the sample.

    See Also
    --------
    sktaskneuron.NeuronFormulaSearch.partial_fit : Rows that come in later.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from sktaskneuron import NeuronFormulaSearch
    >>> from sktaskneuron.streams import fit_stream
    >>> def days():
    ...     for seed in range(20):
    ...         rng = np.random.default_rng(seed)
    ...         day = pd.DataFrame(rng.normal(size=(500, 2)), columns=["a", "b"])
    ...         yield day.assign(y=3 * day["a"] * day["b"] + 0.1 * rng.normal(size=500))
    >>> law = fit_stream(
    ...     NeuronFormulaSearch(n_resamples=0), days, "y", sample_size=1000, random_state=0
    ... )
    >>> print(law.formula_)
    <x,x>:1
    """
    if not isinstance(estimator, TableEstimator):
        raise TypeError(
            "fit_stream fits estimators of sktaskneuron that read tables, got "
            f"{type(estimator).__name__}"
        )
    for name, size in (("sample_size", sample_size), ("batch_size", batch_size)):
        if not isinstance(size, Integral) or size < 1:
            raise ValueError(f"{name} must be a whole number from 1 on, got {size!r}")
    rows = open_source(source, batch_size)
    roles = _Roles(target, features, sample_weight)
    seed = draw_seed(random_state)
    sample: Sample = rows.reduce(
        lambda number, part: Sample.drawn(roles.needed(part), sample_size, number, seed),
        lambda first, second: first.merged(second, sample_size),
    )
    drawn = roles.split(sample.rows)
    fitted: E = clone(estimator).fit(*drawn)
    by_sums = isinstance(fitted, NeuronFormulaSearch) and not hasattr(fitted, "classes_")
    if not by_sums or sample.n_seen == len(sample.rows):
        return fitted

    def read(_: int, part: Part) -> SearchSums:
        return sums_of_rows(fitted, *roles.split(roles.needed(part)))

    sums = rows.reduce(read, lambda first, second: first.merged(second))
    return put_on(fitted, fitted_by_sums(fitted, sums, sample.n_seen, *drawn))


class _Roles:
    """Which columns of a part are what."""

    def __init__(
        self, target: str | Sequence[str], features: Sequence[str] | None, weight: str | None
    ) -> None:
        self.targets = [target] if isinstance(target, str) else list(target)
        self.single = isinstance(target, str)
        self.features = None if features is None else list(features)
        self.weight = weight
        taken = [*self.targets, *([] if weight is None else [weight])]
        twice = sorted(set(taken) & set(self.features or ()))
        if twice:
            raise ValueError(f"features holds {twice[0]!r}, which is target or sample_weight")
        self.taken = taken

    def needed(self, part: Part) -> Part:
        """Return the columns that are read.

        Raises
        ------
        ValueError
            If one is not there.
        """
        known = part.columns
        features = self.features or [name for name in known if name not in self.taken]
        missing = [name for name in [*self.taken, *features] if name not in known]
        if missing:
            raise ValueError(f"source has no column {missing[0]!r}; its columns are {known}")
        if not features:
            raise ValueError("source has no column beside those of target and sample_weight")
        return part.select([*features, *self.taken])

    def split(self, part: Part) -> tuple[Any, Any, Any]:
        """Return X, y and the weights or None, as fit takes them."""
        X = part.drop(self.taken).to_native()
        y = part[self.targets[0]] if self.single else part.select(self.targets)
        weight = None if self.weight is None else part[self.weight].to_numpy()
        return X, y.to_numpy(), weight
