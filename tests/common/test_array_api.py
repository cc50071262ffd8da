"""The check that scikit-learn skips unless SCIPY_ARRAY_API is set before scipy is imported."""

import os
import subprocess
import sys

from .instances import INSTANCES, SKIPPED

CODE = """
import sys
import warnings

from sklearn.utils.estimator_checks import estimator_checks_generator
from tests.common.instances import INSTANCES

warnings.simplefilter("ignore")  # engine="gates" says that it had too few steps
for name, instance in INSTANCES.items():
    for estimator, check in estimator_checks_generator(instance, mark=None):
        function = check
        while hasattr(function, "func"):
            function = function.func
        if function.__name__ in sys.argv[1:]:
            check(estimator)
            print(name, function.__name__)
"""


def test_skipped_checks_pass_where_they_run():
    run = subprocess.run(
        [sys.executable, "-c", CODE, *SKIPPED],
        env={**os.environ, "SCIPY_ARRAY_API": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    done = run.stdout.splitlines()
    assert done == [f"{name} {check}" for name in INSTANCES for check in SKIPPED]
