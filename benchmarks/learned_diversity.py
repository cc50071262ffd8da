"""What learned neuron types are worth: Figs. 3 to 8 of Choudhary et al., Scientific Reports 2023.

    python benchmarks/learned_diversity.py --study mnist1d --out DIR
    python benchmarks/learned_diversity.py --study all --full --data mnist1d.npz --out DIR

Networks of one hidden layer, one per seed, with activations that need no learning (ReLU, tanh,
sine, GELU, half sine and half ReLU) and with learned ones: one type (U1), a mix of two (U2), its
types alone (U2:1, U2:2), a mix of three (U3). Each set has its own learning rate, tuned on
validation rows with seeds of their own; every network keeps its best epoch on these rows.
Activations are learned on the training rows only, once: other --meta-seed, other functions.

    mnist1d        Fig. 3: test accuracy; 3400 rows to train on, 600 to choose by, 1000 to test
    size           Fig. 4: the same over the number of neurons and layers, and three bases
    van_der_pol    Fig. 5: derivatives by the state, mu = 2.7, on unseen orbits
    henon_heiles   Fig. 6: plain and Hamiltonian networks, error of the field and energy drift
    pendulum       Fig. 7: the same
    participation  Fig. 8: accuracy and participation ratio of the networks of mnist1d
    hessian        text:   trace and near-zero eigenvalues of the Hessian of the training loss
    estimator      the estimator at its defaults on ten draws of MNIST-1D
    speed          seconds of an outer step beside unrolled graphs

DIR gets a CSV file (a row per set and seed), a Markdown table and a picture per study, and the
learned functions; a second call goes on where the first one stopped. Seconds are processor time on
--threads threads. --quick runs everything with two seeds and few steps, to see that it works.
"""

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path

from common.studies import run_studies
from diversity.estimator import study_estimator
from diversity.motions import study_motion, study_van_der_pol
from diversity.run import Run
from diversity.signals import study_hessian, study_mnist1d, study_participation, study_size
from diversity.speed import study_speed

STUDIES: dict[str, Callable[[Run], None]] = {
    "mnist1d": study_mnist1d,
    "size": study_size,
    "van_der_pol": study_van_der_pol,
    "henon_heiles": partial(study_motion, name="henon_heiles"),
    "pendulum": partial(study_motion, name="pendulum"),
    "participation": study_participation,
    "hessian": study_hessian,
    "estimator": study_estimator,
    "speed": study_speed,
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--study", choices=[*STUDIES, "all"], default="all")
    parser.add_argument("--seeds", type=int, default=12, help="networks per set")
    parser.add_argument("--full", action="store_true", help="50 networks per set, as in the paper")
    parser.add_argument("--quick", action="store_true", help="two networks and few steps")
    parser.add_argument(
        "--out", type=Path, default=Path("learned_diversity"), help="folder of results; resumable"
    )
    parser.add_argument(
        "--data", type=Path, default=None, help="the published mnist1d.npz: x, y, x_test, y_test"
    )
    parser.add_argument("--meta-seed", type=int, default=0, help="of learning activations")
    parser.add_argument("--eps", type=float, default=0.02, help="what counts as zero in a Hessian")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    count = 2 if args.quick else 50 if args.full else args.seeds
    if count < 2:
        parser.error("--seeds must be 2 or more: spreads and pairs need two networks")
    out = args.out / "quick" if args.quick else args.out
    out.mkdir(parents=True, exist_ok=True)
    run = Run(list(range(count)), out, args.data, args.meta_seed, args.eps, args.quick)
    run_studies(STUDIES, args.study, run, args.threads)


if __name__ == "__main__":
    main()
