"""Every check of scikit-learn, for every public estimator. No failure and no skip is silent."""

import os
from unittest import SkipTest

import pytest
from sklearn.utils.estimator_checks import estimator_checks_generator, parametrize_with_checks

import sktaskneuron

from .instances import EXPECTED_FAILURES, INSTANCES, SKIPPED, PairedHamiltonian

#: Checked by a stand-in that takes the checks' tables.
PUBLIC = {PairedHamiltonian: sktaskneuron.HamiltonianMLPRegressor}
ESTIMATORS = list(INSTANCES.values())


def name_of(estimator):
    """Name in the table of the instance or of a clone of it."""
    for name, instance in INSTANCES.items():
        # estimators in estimators are equal where they are written alike
        alike = repr(instance.get_params()) == repr(estimator.get_params())
        if type(instance) is type(estimator) and alike:
            return name
    raise LookupError(estimator)


def expected_failures(estimator):
    return EXPECTED_FAILURES.get(name_of(estimator), {})


def check_name(check):
    while hasattr(check, "func"):
        check = check.func
    return check.__name__


@pytest.mark.filterwarnings("ignore:engine='gates' had")
@parametrize_with_checks(ESTIMATORS, expected_failed_checks=expected_failures, xfail_strict=True)
def test_check(estimator, check):
    try:
        check(estimator)
    except SkipTest as skip:
        if SKIPPED.get(check_name(check)) != str(skip):
            pytest.fail(f"an unknown skip: {check_name(check)}: {skip}")
        raise


def test_every_public_estimator_is_checked():
    public = {
        value
        for value in (getattr(sktaskneuron, name) for name in sktaskneuron.__all__)
        if hasattr(value, "get_params")
    }
    checked = {type(estimator) for estimator in ESTIMATORS}
    assert {PUBLIC.get(kind, kind) for kind in checked} == public


@pytest.mark.parametrize("name", INSTANCES)
def test_tables_name_existing_checks(name):
    checks = {
        check_name(check) for _, check in estimator_checks_generator(INSTANCES[name], mark=None)
    }
    assert len(checks) > 45
    assert set(SKIPPED) <= checks
    assert set(EXPECTED_FAILURES.get(name, {})) <= checks


@pytest.mark.skipif("SCIPY_ARRAY_API" in os.environ, reason="nothing is skipped then")
@pytest.mark.parametrize("name", INSTANCES)
def test_skipped_checks(name):
    """The list of skipped checks is right; it is complete because `test_check` fails on others."""
    skipped = {}
    for estimator, check in estimator_checks_generator(INSTANCES[name], mark=None):
        if check_name(check) in SKIPPED:
            with pytest.raises(SkipTest) as skip:
                check(estimator)
            skipped[check_name(check)] = str(skip.value)
    assert skipped == SKIPPED
