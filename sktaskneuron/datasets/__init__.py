"""Three small real tables, and data drawn from a known neuron formula.

The tables come from the UCI Machine Learning Repository under CC BY 4.0; the ``DESCR`` of each
names its authors, and so does the ``LICENSES`` folder of the project.
"""

from sktaskneuron.datasets.synthetic import make_neuron_formula
from sktaskneuron.datasets.tables import load_airfoil, load_concrete, load_yacht

__all__ = ["load_airfoil", "load_concrete", "load_yacht", "make_neuron_formula"]
