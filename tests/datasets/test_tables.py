"""The shipped tables hold the published values, in scikit-learn's loader form."""

import hashlib
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from sktaskneuron.datasets import load_airfoil, load_concrete, load_yacht

TABLES = {
    # loader: rows, features, mean of the target, digest of all float64 values in row order
    load_airfoil: (
        1503,
        5,
        124.83594278,
        "11fab2c660f61031935f9995d27929df39a175d3551271b397c8aa254b19b6b6",
    ),
    load_concrete: (
        1030,
        8,
        35.81796117,
        "d0e2d2f0f50277624d7d00b98c4e8b66465e8d5f2f51738500552b8b10a4689b",
    ),
    load_yacht: (
        308,
        6,
        10.49535714,
        "ec08588637fd93582116a1ead33f0c1e787dae755168073608e030e5282a3f4e",
    ),
}


@pytest.mark.parametrize("load", TABLES)
def test_values(load):
    n_rows, n_features, mean, digest = TABLES[load]
    bunch = load()
    assert bunch.data.shape == (n_rows, n_features)
    assert bunch.target.mean() == pytest.approx(mean)
    values = np.column_stack([bunch.data, bunch.target]).astype("<f8")
    assert hashlib.sha256(values.tobytes()).hexdigest() == digest


@pytest.mark.parametrize("load", TABLES)
def test_bunch(load):
    bunch = load()
    assert bunch.frame is None
    assert len(bunch.feature_names) == bunch.data.shape[1]
    assert len(bunch.target_names) == 1
    for name in [*bunch.feature_names, *bunch.target_names]:
        assert name in bunch.DESCR
    assert "CC BY 4.0" in bunch.DESCR
    assert "https://doi.org/10.24432/" in bunch.DESCR


@pytest.mark.parametrize("load", TABLES)
def test_forms_agree(load):
    bunch = load(as_frame=True)
    X, y = load(return_X_y=True)
    np.testing.assert_array_equal(bunch.data.to_numpy(), X)
    np.testing.assert_array_equal(bunch.target.to_numpy(), y)
    pd.testing.assert_frame_equal(bunch.frame, bunch.data.join(bunch.target))
    assert list(bunch.data.columns) == bunch.feature_names
    assert bunch.target.name == bunch.target_names[0]
    frame, series = load(return_X_y=True, as_frame=True)
    pd.testing.assert_frame_equal(frame, bunch.data)
    pd.testing.assert_series_equal(series, bunch.target)


def test_without_pandas():
    code = (
        "import sys; sys.modules['pandas'] = None\n"
        "from sktaskneuron.datasets import load_yacht\n"
        "load_yacht()\n"
        "try:\n    load_yacht(as_frame=True)\n"
        "except ImportError as error:\n    print(error)\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "load_yacht(as_frame=True) needs pandas" in run.stdout
