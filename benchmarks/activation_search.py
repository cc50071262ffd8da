"""What a search of activation functions is worth, and what it costs.

    python benchmarks/activation_search.py --study all --data FOLDER --out DIR
    python benchmarks/activation_search.py --study shells --out DIR

    choice     tables, test rows as those of training: test loss of ActivationSearch* over that of
               the same estimator with relu alone, and with silu alone
    shells     functions of three inputs, test rows on a far shell around those of training:
               split="tail" beside silu alone
    tails      tables, test rows at their end: split="tail" beside silu alone, split="cv",
               NeuronSeekRegressor, ridge and boosted trees (needs --data)
    networks   held-out loss of convolutions and attention with each of 50 functions, and how well
               it is predicted before they are trained
    surrogate  evaluations until one of the best two of 120 functions is met
    speed      CPU time of a candidate's step beside networks trained one after the other, and the
               wall time of the default search

FOLDER is that of tabular.py; without it `choice` and `surrogate` go without diamonds and vehicle.
DIR gets a CSV file and a Markdown table per study; a second call goes on where the first one
stopped, so other --layers and --max-epochs, which shorten the estimators of choice, shells and
tails, need another DIR. Seconds are processor time on --threads threads. --quick runs everything
with few steps, to see that it works.
"""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from activations.own import study_networks
from activations.pool import study_speed, study_surrogate
from activations.studies import Run, study_choice, study_shells, study_tails
from common.studies import run_studies

STUDIES: dict[str, Callable[[Run], None]] = {
    "choice": study_choice,
    "shells": study_shells,
    "tails": study_tails,
    "networks": study_networks,
    "surrogate": study_surrogate,
    "speed": study_speed,
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--study", choices=[*STUDIES, "all"], default="all")
    parser.add_argument("--data", help="folder with MANIFEST.csv")
    parser.add_argument("--out", type=Path, default=Path("activation_search"))
    parser.add_argument("--splits", type=int, default=3, help="of choice")
    parser.add_argument("--functions", type=int, default=10, help="of shells, per family")
    parser.add_argument(
        "--seeds", type=int, default=3, help="of shells and tails, and rounds of speed"
    )
    parser.add_argument("--replays", type=int, default=20, help="of surrogate")
    parser.add_argument("--max-rows", type=int, default=3000, help="of tails")
    parser.add_argument("--sets", type=lambda text: text.split(","), help="tables, all by default")
    parser.add_argument("--layers", type=lambda text: tuple(map(int, text.split(","))))
    parser.add_argument("--max-epochs", type=int)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--quick", action="store_true")
    args = parser.parse_args()
    options: dict[str, Any] = {}
    if args.layers:
        options["hidden_layer_sizes"] = args.layers
    if args.max_epochs:
        options["max_epochs"] = args.max_epochs
    out = args.out
    if args.quick:
        out = args.out / "quick"
        options |= {"hidden_layer_sizes": (8,), "max_epochs": 1, "learning_rate": 3e-3}
        args.splits, args.functions, args.seeds, args.replays = 1, 2, 1, 2
        args.max_rows = 300
    out.mkdir(parents=True, exist_ok=True)
    run = Run(
        out,
        args.data,
        args.threads,
        args.splits,
        args.functions,
        args.seeds,
        args.replays,
        args.max_rows,
        args.sets,
        options,
        args.quick,
    )
    run_studies(STUDIES, args.study, run, args.threads)


if __name__ == "__main__":
    main()
