"""Additions to a fit: the right ones first, and what they are predicted to reach."""

from __future__ import annotations

import numpy as np
import pytest

from sktaskneuron.search.frame.fit import fit_linear, fit_structure
from sktaskneuron.search.frame.judges import InformationJudge
from sktaskneuron.search.frame.model import Atom, Structure
from sktaskneuron.search.td.forward import ForwardSearch
from sktaskneuron.search.td.screening import screened_size

from ..helpers import draw_table, gaussian, mask_of, problem_for


@pytest.mark.parametrize(
    ("law", "kind"),
    [
        (lambda z: z[0] ** 3, ({3}, set())),
        (lambda z: z.sum(axis=0), ({1}, set())),
        (lambda z: z[1] * z[4], (set(), {2})),
        (lambda z: z[1] * z[4] ** 2, (set(), {3})),
        (lambda z: (z[0] + z[1] - z[2]) * (z[3] - z[4] + 0.5 * z[5]), (set(), {2})),
    ],
)
def test_the_first_addition_is_the_right_one(law, kind):
    table = draw_table(0, 500, 6)
    family = gaussian(law(table.z.T) + 0.1 * np.random.default_rng(0).standard_normal(500))
    problem = problem_for(table, family)
    price, forward = problem.price, ForwardSearch(problem)
    proposals = forward(fit_linear(table, family, Structure(6)))
    best = min(
        (fit_structure(table, family, p.structure) for p in proposals[:3]),
        key=InformationJudge(price).score,
    )
    assert best.structure.orders == kind


def test_forward_predictions_of_single_columns_are_exact():
    table = draw_table(0, 300, 5)
    family = gaussian(table.z[:, 0] ** 2 + np.random.default_rng(0).standard_normal(300))
    problem = problem_for(table, family)
    price, forward = problem.price, ForwardSearch(problem)
    start = fit_linear(table, family, Structure(5, {1: mask_of([3], 5)}))
    exact = [p for p in forward(start) if p.kind in ("column", "columns", "block", "monomial")]
    assert {p.kind for p in exact} >= {"column", "monomial"}
    for proposal in exact:
        refit = fit_linear(table, family, proposal.structure)
        assert proposal.predicted == pytest.approx(refit.deviance + price(proposal.structure))


def test_max_rank_holds():
    table = draw_table(0, 300, 5)
    family = gaussian(np.random.default_rng(0).standard_normal(300))
    forward = ForwardSearch(problem_for(table, family, max_rank=1))
    start = fit_linear(table, family, Structure(5, atoms=(Atom.monomial((0, 1), 5),)))
    assert all(p.structure.ranks().get(2) == 1 for p in forward(start))


@pytest.mark.parametrize(("order", "size"), [(2, 547), (3, 66), (4, 23), (5, 12)])
def test_screened_size(order, size):
    assert screened_size(order) == size
