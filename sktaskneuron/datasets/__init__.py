"""Three small real tables, data drawn from known laws, and rows made from series.

The tables come from the UCI Machine Learning Repository under CC BY 4.0; the ``DESCR`` of each
names its authors, and so does the ``LICENSES`` folder of the project.
"""

from sktaskneuron.datasets.dynamics import make_henon_heiles, make_pendulum, make_van_der_pol
from sktaskneuron.datasets.forecasting import forecast, valid_prediction_time
from sktaskneuron.datasets.mnist1d import make_mnist1d
from sktaskneuron.datasets.series import make_derivative_pairs, make_lagged
from sktaskneuron.datasets.strogatz import make_strogatz
from sktaskneuron.datasets.synthetic import make_neuron_formula
from sktaskneuron.datasets.tables import load_airfoil, load_concrete, load_yacht

__all__ = [
    "forecast",
    "load_airfoil",
    "load_concrete",
    "load_yacht",
    "make_derivative_pairs",
    "make_henon_heiles",
    "make_lagged",
    "make_mnist1d",
    "make_neuron_formula",
    "make_pendulum",
    "make_strogatz",
    "make_van_der_pol",
    "valid_prediction_time",
]
