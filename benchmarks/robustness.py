"""Does every estimator answer rightly, or in one clear sentence, on hostile tables?

    python benchmarks/robustness.py --cases 2000 --seed 0
    python benchmarks/robustness.py --seed 0 --case 17              # one case, as a fault names it
    python benchmarks/robustness.py --seed 0 --case 17 40           # or several
    python benchmarks/robustness.py --kinds far_cell,weights --estimators seek

Each case draws a clean table that can be learned, lets one hostile kind or two change it, and takes
one estimator through fit, predict, transform, its exports and a pickle. It is right if it

- refuses in a clear error (ValueError, TypeError or one of ours, that names the estimator, the
  column or the parameter), where the kind may be refused;
- or predicts clean new rows, and is there not worse by more than a tenth of the target's variance
  than the same estimator on the table cleaned by hand, or than ridge or logistic regression on it;
- and its exports agree with it, a pickled copy predicts the same, no RuntimeWarning and no warning
  twice came out, what it was given is unchanged, and it took less than 60 CPU seconds.

A case follows from its number and the seed alone. Choices of kinds and estimators skip cases.
The exit status is 1 if there is a fault.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence

from common.report import markdown, say
from joblib import Parallel, delayed
from robust.case import Case, plan
from robust.kinds import KINDS
from robust.trial import Outcome, run

RERUN = "python benchmarks/robustness.py"


def chosen(arguments: argparse.Namespace) -> list[Case]:
    """Return the cases that are asked for, those that share clean fits beside one another."""
    numbers = arguments.case or range(arguments.cases)
    cases = [plan(arguments.seed, number) for number in numbers]
    cases = [c for c in cases if arguments.case or wanted(c, arguments)]
    return sorted(cases, key=lambda c: (c.model.task, c.base, c.model.name, c.number))


def wanted(case: Case, arguments: argparse.Namespace) -> bool:
    return holds(case.kind, arguments.kinds) and holds(case.model.name, arguments.estimators)


def holds(text: str, parts: str) -> bool:
    return any(part.strip() in text for part in parts.split(","))


def outcomes(cases: Sequence[Case], jobs: int) -> Iterator[Outcome]:
    parallel = Parallel(n_jobs=jobs, return_as="generator", batch_size=8 if jobs > 1 else 1)
    yield from parallel(delayed(run)(case) for case in cases)


def table(found: Sequence[Outcome]) -> str:
    """One line for every kind, counting a pair in both of its kinds."""
    lines = []
    for name in KINDS:
        of_kind = [o for o in found if name in o.kind.split(" + ")]
        if of_kind:
            faults = sum(bool(o.faults) for o in of_kind)
            refused = sum(o.refused and not o.faults for o in of_kind)
            lines.append([name, str(len(of_kind)), str(refused), str(faults)])
    all_of = [
        len(found),
        sum(o.refused and not o.faults for o in found),
        sum(bool(o.faults) for o in found),
    ]
    return markdown(["kind", "cases", "refused", "faults"], [*lines, ["all", *map(str, all_of)]])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=200)
    parser.add_argument("--case", type=int, nargs="+", help="single cases by their numbers")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--kinds", default="", help="cases of kinds whose name contains one of these"
    )
    parser.add_argument("--estimators", default="", help="the same of estimators")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument(
        "--list", action="store_true", help="list the kinds and what is right of each"
    )
    arguments = parser.parse_args()
    if arguments.list:
        print(markdown(["kind", "what is right"], [[k.name, k.text] for k in KINDS.values()]))
        return 0
    found: list[Outcome] = []
    for outcome in outcomes(chosen(arguments), arguments.jobs):
        found.append(outcome)
        if outcome.faults or arguments.case:
            print(
                f"{outcome.kind} | {outcome.model} | {'refused, ' * outcome.refused}"
                f"{outcome.seconds:.1f} CPU s"
            )
            for fault in outcome.faults:
                print(f"    {fault}")
            print(
                f"    {RERUN} --seed {arguments.seed} --case {outcome.number}",
                flush=True,
            )
        if len(found) % 100 == 0:
            say(f"{len(found)} cases, {sum(bool(o.faults) for o in found)} with faults")
    print(table(found))
    slowest = max(found, key=lambda o: o.seconds, default=None)
    if slowest is not None:
        print(
            f"{sum(o.seconds for o in found):.0f} CPU s in estimators; case {slowest.number} took "
            f"{slowest.seconds:.0f}"
        )
    return int(any(outcome.faults for outcome in found))


if __name__ == "__main__":
    sys.exit(main())
