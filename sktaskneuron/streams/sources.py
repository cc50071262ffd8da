"""Where rows come from, part after part: files, datasets, batches, partitions of a cluster.

Every source answers one question: what is left when a function reads each part and a second one
merges what it found. Here that is a loop; for a dask DataFrame it is a tree of tasks, which run
where the partitions are.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import narwhals.stable.v2 as nw
import numpy as np

if TYPE_CHECKING:
    from narwhals.stable.v2.typing import IntoDataFrame

    #: A part of the rows, as a table.
    Part = nw.DataFrame[IntoDataFrame]

T = TypeVar("T")

#: Reads one part; its number comes first.
Reads = Callable[[int, "Part"], T]
#: Merges what two neighbouring runs of parts gave.
Merges = Callable[[T, T], T]

# Endings of files that pyarrow reads, and its names of their formats.
_FORMATS = {".parquet": "parquet", ".feather": "feather", ".arrow": "ipc", ".csv": "csv"}


class Source(ABC):
    """Rows in parts, which can be read again and again."""

    @abstractmethod
    def reduce(self, read: Reads[T], merge: Merges[T]) -> T:
        """Read all parts, and merge what that gives.

        Raises
        ------
        ValueError
            If there are no rows.
        """


class _Batches(Source):
    """Parts that this process reads one after the other."""

    def __init__(self, batches: Callable[[], Iterable[Any]]) -> None:
        self.batches = batches

    def reduce(self, read: Reads[T], merge: Merges[T]) -> T:
        merged: list[T] = []
        for number, batch in enumerate(self.batches()):
            part = as_part(batch)
            if len(part):
                found = read(number, part)
                merged = [merge(merged[0], found)] if merged else [found]
        return _only(merged)


class _Partitions(Source):
    """Partitions of a dask DataFrame: its scheduler reads and merges them, on a cluster if any."""

    def __init__(self, frame: Any) -> None:
        self.partitions = frame.to_delayed()

    def reduce(self, read: Reads[T], merge: Merges[T]) -> T:
        from dask import compute, delayed

        def found(number: int, partition: Any) -> list[T]:
            part = as_part(partition)
            return [read(number, part)] if len(part) else []

        def merged(first: list[T], second: list[T]) -> list[T]:
            return [merge(first[0], second[0])] if first and second else first or second

        # a tree, so that what is merged leaves the workers' memory soon
        level = [
            delayed(found, pure=False)(number, partition)
            for number, partition in enumerate(self.partitions)
        ]
        while len(level) > 1:
            pairs = [
                delayed(merged, pure=False)(first, second)
                for first, second in zip(level[::2], level[1::2], strict=False)
            ]
            level = pairs + level[2 * len(pairs) :]
        return _only(compute(*level)[0] if level else [])


def _only(found: list[T]) -> T:
    if not found:
        raise ValueError("source has no rows")
    return found[0]


def as_part(batch: Any) -> Part:
    """Return a batch as a table.

    Raises
    ------
    TypeError
        If it is none of pandas, polars or pyarrow.
    """
    if type(batch).__name__ == "RecordBatch":  # pyarrow's batches are no tables yet
        import pyarrow as pa

        batch = pa.Table.from_batches([batch])
    part = nw.from_native(batch, eager_only=True, pass_through=True)
    if not isinstance(part, nw.DataFrame):
        raise TypeError(
            "source must give tables of pandas, polars or pyarrow, got a batch of type "
            f"{type(batch).__name__}"
        )
    return part


def open_source(source: Any, batch_size: int) -> Source:
    """Return the rows of what a user gives as a source.

    Parameters
    ----------
    source : path, pyarrow dataset, dask DataFrame, callable or iterable
        As in `fit_stream`.
    batch_size : int
        Rows of a batch, where files are read.

    Raises
    ------
    TypeError
        If it is none of these, or can be read only once.
    ValueError
        If there is no file at a path, or of no kind that is known.
    """
    if isinstance(source, str | PathLike):
        source = _dataset(Path(fspath(source)))
    if hasattr(source, "to_batches"):  # a dataset of pyarrow, a table of its too
        count = (
            {"max_chunksize": batch_size}
            if hasattr(source, "nbytes")
            else {"batch_size": batch_size}
        )
        return _Batches(lambda: source.to_batches(**count))
    if hasattr(source, "to_delayed") and hasattr(source, "divisions"):
        return _Partitions(source)
    if isinstance(source, Iterator):
        raise TypeError(
            f"source is read twice, and this {type(source).__name__} can be read only once: give a "
            "function that returns a new iterator of tables"
        )
    if callable(source):
        return _Batches(source)
    in_memory = isinstance(source, np.ndarray) or nw.dependencies.is_into_dataframe(source)
    if isinstance(source, Iterable) and not in_memory:
        return _Batches(lambda: source)
    raise TypeError(
        "source must be a path to files, a pyarrow dataset, a dask DataFrame, a function that "
        f"returns an iterator of tables, or a list of tables, got {type(source).__name__}; a table "
        "in memory goes into fit"
    )


def _dataset(path: Path) -> Any:
    """Open a file, or a folder of files of one kind, as a dataset of pyarrow."""
    if not path.exists():
        raise ValueError(f"source: there is no file or folder {str(path)!r}")
    files = [path] if path.is_file() else [p for p in sorted(path.rglob("*")) if p.is_file()]
    kinds = {p.suffix.lower() for p in files if not p.name.startswith((".", "_"))}
    if len(kinds) != 1 or not kinds <= _FORMATS.keys():
        raise ValueError(
            f"source: {str(path)!r} must hold files of one of the kinds {', '.join(_FORMATS)}, "
            f"found {', '.join(sorted(kinds)) or 'none'}"
        )
    try:
        from pyarrow.dataset import dataset
    except ImportError as error:
        raise ImportError("reading files needs pyarrow: pip install pyarrow") from error
    return dataset(path, format=_FORMATS[kinds.pop()], partitioning="hive")
