"""What scikit-learn checks of the parameters that several families share."""

from __future__ import annotations

from numbers import Integral, Real

from sklearn.utils._param_validation import HasMethods, Interval, StrOptions

from sktaskneuron._typing import Constraints

#: Of all estimators whose fit may be long.
TIME_LIMIT: Constraints = {"time_limit": [None, Interval(Real, 0, None, closed="neither")]}
#: Of all estimators that run work side by side: at least one job, or so many processors less.
N_JOBS: Constraints = {
    "n_jobs": [
        None,
        Interval(Integral, 1, None, closed="left"),
        Interval(Integral, None, -1, closed="right"),
    ]
}
#: Of `validation`: how many rows are held out.
HELD_OUT = [
    None,
    StrOptions({"auto"}),
    Interval(Integral, 2, None, closed="left"),
    Interval(Real, 0, 1, closed="neither"),
]
#: Of all estimators that train networks.
NETWORKS: Constraints = {
    **TIME_LIMIT,
    "hidden_layer_sizes": ["array-like", Interval(Integral, 1, None, closed="left")],
    "learning_rate": [StrOptions({"auto"}), Interval(Real, 0, None, closed="neither")],
    "weight_decay": [Interval(Real, 0, None, closed="left")],
    "max_epochs": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
    "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
    "n_members": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
    "validation": [*HELD_OUT, HasMethods(["split", "get_n_splits"]), list],
    "n_iter_no_change": [None, Interval(Integral, 1, None, closed="left")],
    "device": [str],
    "dtype": [StrOptions({"float32", "float64"})],
    "random_state": ["random_state"],
    "verbose": ["verbose"],
}
#: Of all classifiers.
CLASSES: Constraints = {"class_weight": [None, dict, StrOptions({"balanced"})]}
