"""Table of numbers, times, categories and missing values to float matrix."""

from collections.abc import Iterator, Sequence
from numbers import Integral

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import (
    _check_feature_names_in,
    _num_samples,
    check_is_fitted,
    validate_data,
)

from sktaskneuron._typing import AnyArray, Mask, Matrix, RowNumbers, TableLike, Vector
from sktaskneuron.preprocessing.categories import (
    Level,
    all_levels,
    count_columns,
    find_codes,
    find_levels,
    level_names,
    write_levels,
)
from sktaskneuron.preprocessing.chosen import categorical_mask
from sktaskneuron.preprocessing.columns import Table, read_table, shown_names
from sktaskneuron.preprocessing.doubtful import check_no_prose, doubt_of_text, warn_of_texts
from sktaskneuron.preprocessing.naming import in_name_of
from sktaskneuron.preprocessing.numbers import (
    are_first,
    find_times,
    number_names,
    number_sources,
    read_numbers,
)
from sktaskneuron.preprocessing.time_columns import TimeColumn
from sktaskneuron.preprocessing.weighted import (
    check_positive_weight,
    weighted_quantiles,
)


class TableEncoder(TransformerMixin, BaseEstimator, auto_wrap_output_keys=None):  # type: ignore[call-arg]
    """Turn a table into a matrix of floats without missing values.

    - Numbers (bool too) keep their raw units. A missing one becomes the column's median; a column
      with missing values in fit gets a 0/1 column "name is missing".
    - Dates become the time since a round moment, "name [days since 2011-01-01]", with sine and
      cosine of the cycles that they go through, "name [sine of the week]". Durations and times of
      day are numbers too. Gaps are treated as those of numbers.
    - Categories become 0/1 columns "name=level", sorted; two levels share one column (that of the
      second level). Missing is a level of its own. Levels never seen in fit give zeros.

    Output columns stand in the order: numbers, missing marks, categories, each in table order.

    Parameters
    ----------
    categorical_features : "from_dtype", None or array-like, default="from_dtype"
        "from_dtype": columns of category, enum or text type, and object columns that hold text.
        None: no column. Otherwise names, places, or a mask of the categorical columns.
    max_categories : int, default=32
        Most 0/1 columns of one feature, the missing level aside. Where there are more levels, the
        rarer ones, and all of fewer than ten rows (or a sum of weights below ten), share the column
        "name=other"; `level_codes` tells them apart. One of a single row then counts as one that
        fit has not seen: it has no column and no code.

    Attributes
    ----------
    categorical_ : ndarray of bool of shape (n_features,)
        Which columns were read as categories.
    boolean_ : ndarray of bool of shape (n_features,)
        Which columns held True and False, and nothing else but gaps.
    times_ : dict of int to TimeColumn
        Unit, origin, cycles and time zone of the columns that hold dates, durations or times of
        day, by their places.
    median_ : ndarray of shape (n_numeric,)
        Fill value of each output column of numbers; 0 where every value was missing.
    missing_ : ndarray of bool of shape (n_numeric,)
        Which of these have a column that marks the missing values of fit; of those of one date the
        first.
    levels_ : list of list
        Levels of each categorical column, sorted; None, the missing level, comes last.
    pooled_levels_ : list of list
        The rarer levels that share the column "name=other".
    large_ : ndarray of int of shape (n_large,)
        Input columns that have pooled levels.
    n_levels_ : list of int
        Number of levels of each of these, kept, pooled and missing.
    source_ : ndarray of int of shape (n_outputs,)
        Input column of each output column.
    constant_ : ndarray of bool of shape (n_outputs,)
        Output columns with one value in fit. They are kept, so that shapes do not depend on luck.
    indicator_ : ndarray of bool of shape (n_outputs,)
        Output columns that are 0/1 by construction: missing marks and levels.
    n_features_in_ : int
        Number of input columns.
    feature_names_in_ : ndarray of str of shape (n_features,)
        Their names, where the table has names.

    See Also
    --------
    SmoothClipScaler : Centre by the median, scale by the interquartile range, bound smoothly.
    NormalScoreScaler : Map each column to the normal scores of its weighted distribution.

    Examples
    --------
    >>> import numpy as np
    >>> from sktaskneuron.preprocessing import TableEncoder
    >>> X = np.array([[1.0, "red"], [None, "blue"], [3.0, "red"]], dtype=object)
    >>> encoder = TableEncoder().fit(X)
    >>> encoder.get_feature_names_out().tolist()
    ['x0', 'x0 is missing', 'x1=red']
    >>> encoder.transform(X).tolist()
    [[1.0, 0.0, 1.0], [1.0, 1.0, 0.0], [3.0, 0.0, 1.0]]
    """

    categorical_: Mask
    boolean_: Mask
    times_: dict[int, TimeColumn]
    missing_: Mask
    median_: Vector
    levels_: list[list[Level]]
    pooled_levels_: list[list[Level]]
    large_: RowNumbers
    n_levels_: list[int]
    source_: RowNumbers
    indicator_: Mask
    constant_: Mask

    def __init__(
        self,
        categorical_features: str | Sequence[str] | Sequence[int] | None = "from_dtype",
        max_categories: int = 32,
    ) -> None:
        self.categorical_features = categorical_features
        self.max_categories = max_categories

    def fit(
        self, X: TableLike, y: object = None, sample_weight: ArrayLike | None = None
    ) -> "TableEncoder":
        """Learn medians and levels.

        Parameters
        ----------
        X : pandas, polars or numpy table of shape (n_samples, n_features)
            The table. It is never written into.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), default=None
            A weight of k equals k copies of the row, exactly; 0 hides the row.

        Returns
        -------
        self : TableEncoder
            Fitted.

        Raises
        ------
        ValueError, TypeError
            If X holds infinity, or text in a numeric column; if it is sparse, complex or empty; if
            a parameter or the weights are bad.
        """
        self._learn(X, sample_weight, self)
        return self

    def fit_transform(
        self, X: TableLike, y: object = None, sample_weight: ArrayLike | None = None
    ) -> Matrix:
        """Learn medians and levels, and encode the same table.

        Parameters
        ----------
        X : pandas, polars or numpy table of shape (n_samples, n_features)
            The table. It is never written into.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), default=None
            A weight of k equals k copies of the row, exactly; 0 hides the row from what is learned.

        Returns
        -------
        Z : ndarray of shape (n_samples, n_outputs)
            What `transform` returns.

        Raises
        ------
        ValueError, TypeError
            As `fit` does.
        """
        return self.fit_transform_with_codes(X, sample_weight)[0]

    def fit_transform_with_codes(
        self,
        X: TableLike,
        sample_weight: ArrayLike | None = None,
        owner: BaseEstimator | None = None,
    ) -> tuple[Matrix, Matrix]:
        """Learn medians and levels, and encode the same table, codes of many levels too.

        Parameters
        ----------
        X : pandas, polars or numpy table of shape (n_samples, n_features)
            The table. It is never written into.
        sample_weight : array-like of shape (n_samples,), default=None
            A weight of k equals k copies of the row, exactly; 0 hides the row from what is learned.
        owner : estimator, default=None
            The one in fit that asks, named in messages; nothing is written on it. None: this one.

        Returns
        -------
        Z : ndarray of shape (n_samples, n_outputs)
            What `transform` returns.
        codes : ndarray of shape (n_samples, n_large)
            What `level_codes` returns.

        Raises
        ------
        ValueError, TypeError
            As `fit` does.
        """
        asked = self if owner is None else owner
        with in_name_of(asked):
            Z, codes = self._learn(X, sample_weight, asked)
            if len(Z) < _num_samples(X):  # rows of weight zero have not been encoded
                return self._encode(read_table(X, asked))
        return Z, codes

    def _learn(
        self, X: TableLike, sample_weight: ArrayLike | None, owner: BaseEstimator
    ) -> tuple[Matrix, Matrix]:
        """Set all attributes; return the matrix and the codes of the rows that count."""
        if not (isinstance(self.max_categories, Integral) and self.max_categories >= 2):
            raise ValueError(
                f"max_categories must be an int of 2 or more, got {self.max_categories!r}"
            )
        table = read_table(X, owner)
        validate_data(self, X, skip_check_array=True)
        weight, rows = check_positive_weight(sample_weight, table)
        self.categorical_ = categorical_mask(self.categorical_features, table)
        from_type = isinstance(self.categorical_features, str)
        if not isinstance(rows, slice):
            table = table.take(rows)

        self.boolean_ = np.array([table.is_boolean(j) for j in range(table.shape[1])])
        numeric = self._numeric()
        self.times_ = find_times(table, numeric, weight)
        block = read_numbers(table, numeric, self.times_)
        numbers = np.array(number_sources(numeric, self.times_), dtype=np.intp)
        self.missing_ = np.isnan(block).any(axis=0) & are_first(numeric, self.times_)
        median = weighted_quantiles(block, (0.5,), weight)[0]
        self.median_ = np.where(np.isnan(median), 0.0, median)

        self.levels_, self.pooled_levels_ = [], []
        self.n_levels_ = []
        large, doubts = [], []
        source = [*numbers, *numbers[self.missing_]]
        for column in np.flatnonzero(self.categorical_).tolist():
            cells, name = table.values(column), table.names[column]
            kept, pooled, single = find_levels(cells, weight, self.max_categories, name)
            if from_type and not table.is_declared(column):
                seen = [*kept, *pooled, *single]
                if owner is not self:
                    check_no_prose(cells, seen, name, owner)
                doubts.append(doubt_of_text(cells, seen, name))
            self.levels_.append(kept)
            self.pooled_levels_.append(pooled)
            source += [column] * count_columns(kept, pooled)
            if pooled:
                large.append(column)
                self.n_levels_.append(len(kept) + len(pooled))
        self.large_ = np.asarray(large, dtype=np.intp)
        self.source_ = np.asarray(source, dtype=np.intp)
        self.indicator_ = np.arange(len(source)) >= len(numbers)

        encoded, codes = self._encode(table, block)
        self.constant_ = encoded.min(axis=0) == encoded.max(axis=0)
        if owner is not self:  # an encoder alone may well be asked to read what is doubtful
            warn_of_texts([doubt for doubt in doubts if doubt], owner)
        return encoded, codes

    def transform(self, X: TableLike) -> Matrix:
        """Encode a table.

        Parameters
        ----------
        X : pandas, polars or numpy table of shape (n_samples, n_features)
            The table, with the columns of fit.

        Returns
        -------
        Z : ndarray of shape (n_samples, n_outputs)
            A new array of finite floats.

        Raises
        ------
        ValueError, TypeError
            If the columns are not those of fit, or hold what fit would refuse.
        """
        return self.transform_with_codes(X)[0]

    def transform_with_codes(
        self, X: TableLike, owner: BaseEstimator | None = None
    ) -> tuple[Matrix, Matrix]:
        """Encode a table, codes of many levels too; each column is read once.

        Parameters
        ----------
        X : pandas, polars or numpy table of shape (n_samples, n_features)
            The table, with the columns of fit.
        owner : estimator, default=None
            The fitted one that asks: it checks number and names of the columns, and is named in
            messages. None: this one.

        Returns
        -------
        Z : ndarray of shape (n_samples, n_outputs)
            What `transform` returns.
        codes : ndarray of shape (n_samples, n_large)
            What `level_codes` returns.

        Raises
        ------
        ValueError, TypeError
            If the columns are not those of fit, or hold what fit would refuse.
        """
        asked = self if owner is None else owner
        with in_name_of(asked):
            return self._encode(self._read(X, asked))

    def level_codes(self, X: TableLike) -> Matrix:
        """Tell apart all levels of the columns that have pooled levels.

        Parameters
        ----------
        X : pandas, polars or numpy table of shape (n_samples, n_features)
            The table, with the columns of fit.

        Returns
        -------
        codes : ndarray of shape (n_samples, n_large)
            Of each column in ``large_``, the place of the level among all that fit saw: numbers by
            size, then text, then the missing level. A level not seen in fit is -1.

        Raises
        ------
        ValueError, TypeError
            If the columns are not those of fit, or a cell of these is no level.

        Examples
        --------
        >>> import numpy as np
        >>> from sktaskneuron.preprocessing import TableEncoder
        >>> X = np.array([["Oslo"], ["Rome"], ["Bern"], ["Rome"]] * 6)
        >>> encoder = TableEncoder(max_categories=2).fit(X)
        >>> encoder.levels_, encoder.pooled_levels_, encoder.n_levels_
        ([['Rome']], [['Bern', 'Oslo']], [3])
        >>> encoder.level_codes(np.array([["Rome"], ["Bern"], ["Nice"]])).tolist()
        [[2.0], [0.0], [-1.0]]
        """
        table = self._read(X, self)
        codes = np.empty((len(table), len(self.large_)))
        large = 0
        for column, kept, pooled in self.categories():
            if pooled:
                levels = all_levels(kept, pooled)
                codes[:, large] = find_codes(table.values(column), levels, table.names[column])
                large += 1
        return codes

    def categories(self) -> Iterator[tuple[int, list[Level], list[Level]]]:
        """Return place, kept and pooled levels of each categorical column.

        Returns
        -------
        categories : iterator of (int, list, list)
            One triple per column.
        """
        columns = np.flatnonzero(self.categorical_).tolist()
        return zip(columns, self.levels_, self.pooled_levels_, strict=True)

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> AnyArray:
        """Name the output columns.

        Parameters
        ----------
        input_features : array-like of str of shape (n_features,), default=None
            Names of the input columns where the table had none.

        Returns
        -------
        names : ndarray of str of shape (n_outputs,)
            Names without repetition.
        """
        check_is_fitted(self)
        names = np.asarray(shown_names(_check_feature_names_in(self, input_features)), dtype=object)
        numeric = self._numeric()
        texts = number_names(numeric, self.times_, names.tolist())
        marked = np.flatnonzero(self.missing_)
        texts += [f"{names[self.source_[number]]} is missing" for number in marked]
        for column, kept, pooled in self.categories():
            texts += level_names(names[column], kept, pooled)
        taken: set[str] = set()
        for i, text in enumerate(texts):
            # a number may be called "colour=red" beside a category "colour"
            while text in taken:
                text += "'"
            taken.add(text)
            texts[i] = text
        return np.asarray(texts, dtype=object)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        tags.input_tags.string = self.categorical_features is not None
        return tags

    def _numeric(self) -> list[int]:
        """Return the places of the columns that become numbers."""
        numeric: list[int] = np.flatnonzero(~self.categorical_).tolist()
        return numeric

    def _read(self, X: TableLike, owner: BaseEstimator) -> Table:
        """Open a table that must have the columns of fit."""
        check_is_fitted(self)
        table = read_table(X, owner)
        validate_data(owner, X, reset=False, skip_check_array=True)
        return table

    def _encode(self, table: Table, block: Matrix | None = None) -> tuple[Matrix, Matrix]:
        """Fill the matrix (n_rows, n_outputs) and the codes (n_rows, n_large).

        The numeric block is read if it is not given; the category columns are read.
        """
        if block is None:
            block = read_numbers(table, self._numeric(), self.times_)
        out = np.zeros((len(table), len(self.source_)))
        codes = np.empty((len(table), len(self.large_)))
        n_numeric, n_marks = block.shape[1], int(self.missing_.sum())
        out[:, :n_numeric] = block
        gaps = np.isnan(block)
        for place in np.flatnonzero(gaps.any(axis=0)).tolist():
            out[gaps[:, place], place] = self.median_[place]
        out[:, n_numeric : n_numeric + n_marks] = gaps[:, self.missing_]
        start, large = n_numeric + n_marks, 0
        for column, kept, pooled in self.categories():
            found = find_codes(table.values(column), all_levels(kept, pooled), table.names[column])
            stop = start + count_columns(kept, pooled)
            write_levels(out[:, start:stop], found, kept, pooled)
            start = stop
            if pooled:
                codes[:, large] = found
                large += 1
        return out, codes
