"""From a table to a float matrix: missing values, categories, dates, robust scaling.

The classes are the estimators' own first steps. They return plain arrays whatever
``sklearn.set_config(transform_output=...)`` says, so that the estimators can build on them.
"""

from sktaskneuron.preprocessing.bins import quantile_edges, threshold_edges
from sktaskneuron.preprocessing.ranks import NormalScoreScaler
from sktaskneuron.preprocessing.scaling import SmoothClipScaler
from sktaskneuron.preprocessing.signals import SignalEncoder
from sktaskneuron.preprocessing.table import TableEncoder

__all__ = [
    "NormalScoreScaler",
    "SignalEncoder",
    "SmoothClipScaler",
    "TableEncoder",
    "quantile_edges",
    "threshold_edges",
]
