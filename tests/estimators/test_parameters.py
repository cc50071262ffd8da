"""What estimators of one family share by name has one default and one text.

The texts are written out for every class, as `help` shows them; this test keeps them alike.
"""

import inspect
import re
from itertools import combinations

import numpydoc.docscrape
import pytest

from sktaskneuron import (
    ActivationSearchClassifier,
    ActivationSearchRegressor,
    HamiltonianMLPRegressor,
    LearnedDiversityMLPClassifier,
    LearnedDiversityMLPRegressor,
    NeuronSeekClassifier,
    NeuronSeekRegressor,
    NeuronSeekSignalClassifier,
    NeuronSeekSignalRegressor,
)

FAMILIES = [
    (NeuronSeekRegressor, NeuronSeekClassifier),
    (NeuronSeekSignalRegressor, NeuronSeekSignalClassifier),
    (LearnedDiversityMLPRegressor, LearnedDiversityMLPClassifier, HamiltonianMLPRegressor),
    (ActivationSearchRegressor, ActivationSearchClassifier),
]
PAIRS = [pair for family in FAMILIES for pair in combinations(family, 2)]

IMPORTANCES = {"feature_importances_": "in probability, and in the unit of the target"}
CLASSES = {
    **IMPORTANCES,
    "readable": "an equation of numbers needs the squares that classes have no choice of",
    "validation": "folds keep the shares of the classes",
    "fitted_formula_": "the equation is one of log odds",
    "expression_": "the equation is one of log odds",
    "selected_": "the simple models are those of classes, and there is one group more",
    "validation_scores_": "log-likelihood in the place of R2",
    "oof_score_": "accuracy in the place of R2",
}
HAMILTONIAN = {
    "validation": "a sentence more: of trajectories every orbit is a group",
    "base": "tanh is its free activation: the field is a derivative, so they are smooth",
    "activations": "learning takes minutes and is off by default; tables are read cubically",
    "outer_steps": "fewer: every step differentiates a field that is a derivative",
    "inner_steps": "fewer: every step differentiates a field that is a derivative",
    "compare": "sine with tanh in the place of sine with ReLU, which has a kink",
    "selected_": "sine with tanh in the place of sine with ReLU, which has a kink",
    "n_outputs_": "there is a rate for every column",
    "feature_importances_": "each rate has a unit of its own",
    "scaler_": "the scales of q and p enter the field",
    "oof_score_": "accuracy in the place of R2 beside the classifier",
}
#: What differs between two classes on purpose, and why.
EXCEPTIONS = {
    (NeuronSeekRegressor, NeuronSeekClassifier): CLASSES,
    (NeuronSeekSignalRegressor, NeuronSeekSignalClassifier): {
        "validation_scores_": CLASSES["validation_scores_"],
        "oof_score_": CLASSES["oof_score_"],
    },
    (LearnedDiversityMLPRegressor, LearnedDiversityMLPClassifier): {
        "oof_score_": CLASSES["oof_score_"],
        **IMPORTANCES,
    },
    (LearnedDiversityMLPRegressor, HamiltonianMLPRegressor): {
        name: reason for name, reason in HAMILTONIAN.items() if name != "oof_score_"
    },
    (LearnedDiversityMLPClassifier, HamiltonianMLPRegressor): {
        name: reason for name, reason in HAMILTONIAN.items() if name != "n_outputs_"
    },
    (ActivationSearchRegressor, ActivationSearchClassifier): {
        "oof_score_": CLASSES["oof_score_"],
        **IMPORTANCES,
    },
}


def described(kind):
    """Type and text of every parameter and attribute, and a parameter's default."""
    page = numpydoc.docscrape.ClassDoc(kind)
    defaults = inspect.signature(kind).parameters
    return {
        entry.name: (
            entry.type,
            " ".join(" ".join(entry.desc).split()),
            defaults[entry.name].default if entry.name in defaults else None,
        )
        for entry in (*page["Parameters"], *page["Attributes"])
    }


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: "-".join(k.__name__ for k in pair))
def test_what_is_shared_is_described_alike(pair):
    first, second = map(described, pair)
    assert set(inspect.signature(pair[0]).parameters) <= set(first)
    differing = {name for name in first.keys() & second.keys() if first[name] != second[name]}
    assert differing == set(EXCEPTIONS[pair])


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family[0].__name__)
def test_shared_parameters_are_in_one_order(family):
    orders = [list(inspect.signature(kind).parameters) for kind in family]
    for one, other in combinations(orders, 2):
        assert [n for n in one if n in other] == [n for n in other if n in one]


def test_exceptions_have_reasons():
    reasons = [reason for table in EXCEPTIONS.values() for reason in table.values()]
    assert all(len(re.findall(r"\w+", reason)) > 3 for reason in reasons)
