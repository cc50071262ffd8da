"""The default recipe of stage two, as functions of the number of rows.

The numbers are measured ones: ``benchmarks/recipes.py`` trains the alternatives, and
``docs/ablations.md`` holds what came out.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, replace

from sktaskneuron._typing import IntArray
from sktaskneuron.formula import NeuronFormula
from sktaskneuron.models.members import MemberGroup, has_room_for_terms
from sktaskneuron.models.validation import FOLD_ROWS

LINEAR = NeuronFormula(pure=("x",))
PRODUCTS = NeuronFormula.parse("x + <x,x>:16")

_TASK = MemberGroup("task", PRODUCTS, PRODUCTS, frequency_std=0.3)
_BINS = MemberGroup("bins", LINEAR, terms="piecewise_embedding", n_terms=4, n_bins=64)
_CLASS_BINS = replace(_BINS, n_bins=128, label_smoothing=0.0)
_RANKS = MemberGroup("ranks", LINEAR, frequency_std=0.3, view="ranks")
_PLAIN = MemberGroup("plain", LINEAR, frequency_std=0.1)


@dataclass(frozen=True)
class Defaults:
    """What "auto" means.

    Parameters
    ----------
    task : MemberGroup
        The task group where the formula is searched: what is found adds to its formula.
    use_search : bool
        Whether the task group's formula takes over the interactions that the search found.
    rivals, class_rivals : tuple of MemberGroup
        Groups beside the task group, of regression and of classes.
    without_bins : MemberGroup
        In place of groups with bins, on tables of fewer rows or without room for them.
    bins_from, class_bins_from : int
        Numbers of rows from which groups with bins are trained.
    learning_rate, class_learning_rate : float
        Of regression and of classes.
    label_smoothing : float
        Of classes, in groups that name none.
    n_epochs, least_steps, most_steps : int
        Passes over the rows, within these numbers of steps. Where the steps ask for more passes, an
        epoch has several: the held-out rows are looked at between epochs.
    epoch_steps : int
        Fewest steps of an epoch: a look at the held-out rows costs as much as a few of them.
    class_parts, class_parts_from : int
        Parts of a table of classes of so many rows, of which each member of a group leaves out
        another one, where there are folds.
    batch_sizes, members : tuple of (least number of rows, value)
        Ascending in the number of rows.
    rivals_below : int
        Number of rows from which the task group is alone.
    further_rate : float
        Learning rate of networks that go on learning, as a share of that of fit.
    further_passes : int
        Passes of `partial_fit` over its rows.
    simple_margin : float
        Standard errors of held-out loss by which a blend must beat a readable model.
    """

    task: MemberGroup = _TASK
    use_search: bool = True
    rivals: tuple[MemberGroup, ...] = (_BINS,)
    class_rivals: tuple[MemberGroup, ...] = (_CLASS_BINS, _PLAIN)
    without_bins: MemberGroup = _RANKS
    bins_from: int = 5_000
    class_bins_from: int = 1_000
    learning_rate: float = 0.1
    class_learning_rate: float = 0.04
    label_smoothing: float = 0.05
    n_epochs: int = 80
    least_steps: int = 400
    most_steps: int = 2_000
    epoch_steps: int = 12
    class_parts: int = 8
    class_parts_from: int = 1_000
    batch_sizes: tuple[tuple[int, int], ...] = ((0, 256), (100_000, 512), (400_000, 1024))
    members: tuple[tuple[int, int], ...] = ((0, 4), (100_000, 2))
    rivals_below: int = 400_000
    further_rate: float = 0.1
    further_passes: int = 30
    simple_margin: float = 1.0

    def uses_bins(self, classification: bool, n_rows: int, n_numeric: int) -> bool:
        """Return whether a table has the rows and the numeric columns for bins."""
        fewest = self.class_bins_from if classification else self.bins_from
        return n_rows >= fewest and has_room_for_terms(n_numeric)

    def uses_parts(self, n_of_class: IntArray) -> bool:
        """Return whether members leave out ``class_parts``, by the numbers of rows of the classes.

        Of fewer rows the held-out ones would not suffice to judge by.
        """
        enough = bool(n_of_class.min() >= self.class_parts)
        return enough and self.class_parts_from <= int(n_of_class.sum()) < FOLD_ROWS

    def rivals_of(self, classification: bool, *, bins: bool) -> list[MemberGroup]:
        """Return the groups beside the task group, with bins or what stands in their place."""
        rivals = self.class_rivals if classification else self.rivals
        return [self.without_bins if group.has_bins and not bins else group for group in rivals]

    def batch_size(self, n_rows: int) -> int:
        """Return the rows of a member in a step."""
        return _at(self.batch_sizes, n_rows)

    def members_per_group(self, n_rows: int) -> int:
        """Return the number of members of every group."""
        return _at(self.members, n_rows)

    def epochs(self, n_rows: int, batch_size: int) -> tuple[int, int]:
        """Return the epochs, and the passes over ``n_rows`` training rows in each."""
        steps = -(-n_rows // batch_size)
        most = -(-self.most_steps // steps)
        n_passes = min(max(self.n_epochs, -(-self.least_steps // steps)), most)
        passes = max(-(-n_passes // self.n_epochs), -(-self.epoch_steps // steps))
        return -(-n_passes // passes), passes


def _at(table: tuple[tuple[int, int], ...], n_rows: int) -> int:
    return table[bisect_right([rows for rows, _ in table], n_rows) - 1][1]
