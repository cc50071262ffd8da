"""The raw table as inputs of a graph, and the encoder and the scalers as its nodes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.utils.validation import check_is_fitted

from sktaskneuron._typing import AnyArray, TableLike
from sktaskneuron.deploy.onnx.graph import Graph, Value, join
from sktaskneuron.deploy.onnx.times import time_numbers, unit_of_input
from sktaskneuron.deploy.points import Points
from sktaskneuron.models.inputs import Scaler, View
from sktaskneuron.models.predictor import Reader
from sktaskneuron.preprocessing import (
    NormalScoreScaler,
    SignalEncoder,
    SmoothClipScaler,
    TableEncoder,
)
from sktaskneuron.preprocessing.categories import (
    Level,
    all_levels,
    count_columns,
    plain_level,
    write_levels,
)
from sktaskneuron.preprocessing.columns import Table, read_table, shown_names
from sktaskneuron.preprocessing.ranks import TWO_VALUED_BOUND

#: Name of the one input, where columns do not have inputs of their own.
TENSOR = "X"
# Beyond, scaled values are cut before they are bent, so that their squares stay finite.
_FAR = 1e150


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows in the forms that models read.

    Parameters
    ----------
    raw : Value of float64 of shape (batch, n_columns)
        Encoded columns.
    codes : Value of int64 of shape (batch, n_large), or None
        Places of the levels of columns with many of them.
    scaled : dict of str to Value
        The columns as networks see them, by view.
    """

    raw: Value
    codes: Value | None
    scaled: dict[View, Value]


# -- columns ---------------------------------------------------------------------------------------


def names_of(shown: Mapping[str, Any]) -> list[str]:
    """Return the names of the raw columns, as estimators show them; else x0, x1, ..."""
    names = shown.get("feature_names_in_")
    if names is None:
        return [f"x{j}" for j in range(shown["n_features_in_"])]
    return shown_names(names)


def column_names(encoder: TableEncoder) -> list[str]:
    """Return the names of the raw columns that an encoder reads."""
    return names_of(vars(encoder))


def text_columns(encoder: TableEncoder) -> dict[int, list[Level]]:
    """Return the categorical columns that are fed as texts, with the levels that fit saw.

    The others are fed as numbers: all their levels are numbers.
    """
    return {
        column: levels
        for column, levels in _levels(encoder).items()
        if not all(isinstance(level, int | float) for level in levels if level is not None)
        or levels == [None]
    }


def about_columns(encoder: TableEncoder | SignalEncoder) -> dict[str, Any]:
    """Return what a graph says of its columns: their names, and the units of those of times."""
    if isinstance(encoder, SignalEncoder):
        return {"signal_shape": list(encoder.shape_)}
    names = column_names(encoder)
    times = {names[place]: unit_of_input(column) for place, column in encoder.times_.items()}
    return {"feature_names": names} | ({"times": times} if times else {})


def _levels(encoder: TableEncoder) -> dict[int, list[Level]]:
    return {column: all_levels(kept, pooled) for column, kept, pooled in encoder.categories()}


def onnx_inputs(
    model: BaseEstimator, X: TableLike, *, one_tensor: bool = False
) -> dict[str, AnyArray]:
    """Return a table as the inputs of a model's ONNX graph, as `onnxruntime` takes them.

    Parameters
    ----------
    model : estimator
        Fitted; the one that wrote the graph.
    X : table or array-like of shape (n_samples, n_features)
        Columns as in fit.
    one_tensor : bool, default=False
        As it was in `to_onnx`.

    Returns
    -------
    inputs : dict of str to ndarray
        Numbers in float64 with NaN for gaps, or texts with "" for gaps, (n_samples, 1) each; of one
        tensor (n_samples, n_features). Times are seconds: dates since 1970-01-01, in UTC if they
        have a time zone. Signals and images are "X", with the axes of X.

    See Also
    --------
    sktaskneuron.NeuronSeekRegressor.to_onnx : Write the graph.

    Examples
    --------
    >>> import numpy as np
    >>> from sktaskneuron import NeuronFormulaSearch
    >>> from sktaskneuron.deploy import onnx_inputs
    >>> X = np.random.default_rng(0).normal(size=(100, 2))
    >>> search = NeuronFormulaSearch(n_resamples=0).fit(X, X[:, 0] * X[:, 1])
    >>> {name: column.shape for name, column in onnx_inputs(search, X).items()}
    {'x0': (100, 1), 'x1': (100, 1)}
    """
    check_is_fitted(model)
    encoder = getattr(model, "encoder_", None)
    if isinstance(encoder, SignalEncoder):
        signals = np.asarray(X)
        return {TENSOR: encoder.transform(signals).reshape(signals.shape)}
    table = read_table(X, model)
    if one_tensor:
        return {TENSOR: _fed_numbers(table, range(table.shape[1]), encoder)}
    categorical = [] if encoder is None else np.flatnonzero(encoder.categorical_).tolist()
    texts = {} if encoder is None else text_columns(encoder)
    inputs: dict[str, AnyArray] = {}
    for column, name in enumerate(names_of(vars(model))):
        if column not in categorical:
            inputs[name] = _fed_numbers(table, [column], encoder)
            continue
        cells = [plain_level(value) for value in table.values(column)]
        if column in texts:
            fed = np.array(["" if level is None else str(level) for level in cells], dtype=object)
        else:
            fed = np.array([_as_number(level) for level in cells])
        inputs[name] = fed[:, None]
    return inputs


def _fed_numbers(table: Table, places: Sequence[int], encoder: TableEncoder | None) -> AnyArray:
    """Return columns as they are fed, (n_rows, n_places): numbers, and times in seconds."""
    times = {} if encoder is None else encoder.times_
    if not any(place in times for place in places):
        return table.numbers(places)
    return np.column_stack(
        [
            table.times(place, times[place].kind).seconds
            if place in times
            else table.numbers([place])
            for place in places
        ]
    )


def _as_number(level: Level) -> float:
    """Return a level of a column whose levels are numbers; no level is infinite, so a text is."""
    if level is None:
        return np.nan
    return np.inf if isinstance(level, str) else float(level)


# -- the encoder -----------------------------------------------------------------------------------


def read_rows(graph: Graph, reader: Reader, views: Collection[View], one_tensor: bool) -> Rows:
    """Add the inputs, the encoder, the bounds and the scalers.

    Parameters
    ----------
    graph : Graph
    reader : Reader
    views : collection of str
        The scales that are read.
    one_tensor : bool

    Raises
    ------
    ValueError
        If ``one_tensor`` and a column holds texts; or if levels of a column look the same as texts.
    """
    encoder = reader.encoder
    if isinstance(encoder, SignalEncoder):
        matrix, codes = _signals(graph, encoder), None
    else:
        matrix, codes = _encoded(graph, encoder, one_tensor)
    lower, upper = reader.bounds
    raw = matrix.op("Max", lower).op("Min", upper)
    scaled = {view: scale(raw, scaler) for view, scaler in reader.scalers.items() if view in views}
    return Rows(raw, codes if reader.reads_levels else None, scaled)


def _signals(graph: Graph, encoder: SignalEncoder) -> Value:
    """Add the one input of signals, and return its rows (batch, n_points)."""
    shape = encoder.shape_[1:] if encoder.n_axes_ == 2 else encoder.shape_
    return graph.input(TENSOR, np.float64, (None, *shape)).reshape(0, int(np.prod(shape)))


def _encoded(graph: Graph, encoder: TableEncoder, one_tensor: bool) -> tuple[Value, Value | None]:
    """Return the matrix (batch, n_outputs) and the codes (batch, n_large) of the encoder."""
    names = column_names(encoder)
    columns = inputs_of(graph, names, text_columns(encoder), one_tensor)
    numeric = np.flatnonzero(~encoder.categorical_).tolist()
    parts, codes = [], []
    if numeric:
        block = _numbers(columns, numeric, encoder)
        gaps = block.is_nan()
        parts.append(gaps.choose(encoder.median_, block))
        marked = np.flatnonzero(encoder.missing_)
        if marked.size:
            parts.append(gaps.take(marked, 1).cast(np.float64))
    for column, kept, pooled in encoder.categories():
        levels = all_levels(kept, pooled)
        code = _code(columns([column]), levels, names[column])
        # one row per code, the last one for levels that fit has not seen
        table = np.zeros((len(levels) + 1, count_columns(kept, pooled)))
        write_levels(table[:-1], np.arange(len(levels)), kept, pooled)
        parts.append(graph.constant(table).take(code.without_axis(1), 0))
        if pooled:
            codes.append(code)
    return join(parts, 1), join(codes, 1) if codes else None


def _numbers(
    columns: Callable[[Sequence[int]], Value], numeric: Sequence[int], encoder: TableEncoder
) -> Value:
    """Return the columns of numbers and times, (batch, n_numbers)."""
    if not encoder.times_:
        return columns(numeric)
    parts = []
    for place in numeric:
        cells, time = columns([place]), encoder.times_.get(place)
        parts += [cells] if time is None else time_numbers(cells, time)
    return join(parts, 1)


def inputs_of(
    graph: Graph, names: Sequence[str], texts: Collection[int], one_tensor: bool
) -> Callable[[Sequence[int]], Value]:
    """Add the inputs; return what gives the raw columns at places, (batch, n_places).

    Parameters
    ----------
    graph : Graph
    names : sequence of str
        Of all columns.
    texts : collection of int
        Places of those that hold texts.
    one_tensor : bool

    Raises
    ------
    ValueError
        If ``one_tensor`` and a column holds texts; or if a name cannot be that of an input.
    """
    if not one_tensor:
        columns = [
            graph.input(name, np.object_ if place in texts else np.float64, (None, 1))
            for place, name in enumerate(names)
        ]
        return lambda places: join([columns[place] for place in places], 1)
    if texts:
        raise ValueError(
            f"one_tensor=True takes numbers only, but column {names[min(texts)]!r} holds texts: "
            "use one_tensor=False, which gives every column an input of its own"
        )
    whole = graph.input(TENSOR, np.float64, (None, len(names)))
    every = list(range(len(names)))
    return lambda places: whole if list(places) == every else whole.take(places, 1)


def _code(cells: Value, levels: list[Level], name: str) -> Value:
    """Return the places of cells' levels, (batch, 1); the number of levels for unknown ones."""
    if cells.dtype == np.object_:
        texts = ["" if level is None else str(level) for level in levels]
        named = texts[:-1] if levels[-1] is None else texts
        if "" in named or len(set(texts)) < len(texts):
            raise ValueError(
                f"column {name!r} has a level that is an empty text, or levels that are equal as "
                "texts, as 1 and '1': the graph takes an empty text for a gap and every level as "
                "its text, so rename them before fit"
            )
        return cells.graph.node(
            "LabelEncoder",
            cells,
            dtype=np.int64,
            domain="ai.onnx.ml",
            keys_strings=texts,
            values_int64s=range(len(levels)),
            default_int64=len(levels),
        )
    numbers = np.array([np.nan if level is None else level for level in levels], dtype=np.float64)
    found = cells.equals(numbers)
    if None in levels:
        found = found.op("Or", cells.graph.constant(np.isnan(numbers)).op("And", cells.is_nan()))
    shift = np.arange(len(levels)) - len(levels)
    place = found.cast(np.float64) @ shift[:, None] + float(len(levels))
    return place.cast(np.int64)


# -- scalers ---------------------------------------------------------------------------------------


def scale(raw: Value, scaler: Scaler) -> Value:
    """Add a scaler.

    Raises
    ------
    TypeError
        If there is no form of it.
    """
    match scaler:
        case SmoothClipScaler():
            return _smooth_clip(raw, scaler)
        case NormalScoreScaler():
            return _normal_scores(raw, scaler)
        case StandardScaler():
            return (raw - scaler.mean_) / scaler.scale_
        case Pipeline():
            for _, step in scaler.steps:
                raw = scale(raw, step)
            return raw
        case FunctionTransformer() if scaler.func is np.clip:
            return raw.clip(scaler.kw_args["a_min"], scaler.kw_args["a_max"])
    raise TypeError(f"a scaler of the type {type(scaler).__name__} has no form in ONNX")


def _smooth_clip(raw: Value, scaler: SmoothClipScaler) -> Value:
    z = ((raw - scaler.center_) / scaler.scale_).clip(-_FAR, _FAR)
    scaled = z * (scaler.bound / (z * z + scaler.bound**2).op("Sqrt"))
    if scaler.two_valued_.any():
        most = max(scaler.bound, 2.0)
        scaled = raw.graph.constant(scaler.two_valued_).choose(z.clip(-most, most), scaled)
    return _zero(scaled, scaler.constant_)


def _normal_scores(raw: Value, scaler: NormalScoreScaler) -> Value:
    """Return scores by linear interpolation; each column has points of its own."""
    few = scaler.constant_ | scaler.two_valued_
    z = (raw - scaler.center_) / scaler.scale_
    scores = z.clip(-TWO_VALUED_BOUND, TWO_VALUED_BOUND)
    columns = np.flatnonzero(~few)
    if columns.size:
        points = Points.of(
            *([table[j] for j in columns] for table in (scaler.values_, scaler.scores_))
        )
        found = _interpolated(raw.take(columns, 1), points)
        # back to their places, where the others' columns are not read
        place = np.zeros(len(few), dtype=np.int64)
        place[columns] = np.arange(columns.size)
        scores = raw.graph.constant(few).choose(scores, found.take(place, 1))
    return _zero(scores, scaler.constant_)


def _interpolated(x: Value, points: Points) -> Value:
    """Return interpolated values, (batch, n_columns).

    The piece of a value is found by halving, in all columns at once.
    """
    n_columns, n_knots = points.knots.shape
    knots, heights, slopes = (
        x.graph.constant(table.ravel()) for table in (points.knots, points.heights, points.slopes)
    )
    x = x * points.unit
    place = x.graph.constant(np.arange(n_columns)[None] * n_knots)
    step = n_knots // 2
    while step:
        further = place + step
        place = knots.take(further, 0).up_to(x).choose(further, place)
        step //= 2
    value = slopes.take(place, 0) * (x - knots.take(place, 0)) + heights.take(place, 0)
    return value.op("Max", points.low).op("Min", points.high)


def _zero(scaled: Value, columns: AnyArray) -> Value:
    """Return the values with columns of zeros."""
    if not columns.any():
        return scaled
    return scaled.graph.constant(columns).choose(0.0, scaled)
