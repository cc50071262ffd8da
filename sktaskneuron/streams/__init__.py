"""Fits to rows that do not fit into memory: folders of files, batches, partitions of a cluster."""

from sktaskneuron.streams.fit import fit_stream

__all__ = ["fit_stream"]
