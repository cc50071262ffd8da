"""Short inner constants where the data do not object: sin(2.7 x), not sin(2.69987 x)."""

from __future__ import annotations

from collections.abc import Iterator

from sktaskneuron.search.sr.library import Term
from sktaskneuron.search.sr.sets import Answer, SetSearch

# Rise of the deviance that a short constant may cost: two standard errors, one more for each digit
# that it saves.
_MOST_RISE = 4.0
_MOST_DIGITS = 4


def rounded(search: SetSearch, answer: Answer) -> Answer:
    """Return the answer with inner constants as short as the data allow.

    Parameters
    ----------
    search : SetSearch
    answer : Answer

    Returns
    -------
    Answer
    """
    terms = list(answer.terms)
    limit = answer.tuned.deviance
    for t, term in enumerate(terms):
        if not term.shape.n_constants:
            continue
        for short in _short(term):
            trial = [*terms[:t], short, *terms[t + 1 :]]
            if search.tuner.fixed(trial).deviance <= limit + _MOST_RISE:
                break
        terms[t] = short
        limit = search.tuner.fixed(terms).deviance
    return search.answer(search.tuner.fixed(terms))


def _short(term: Term) -> Iterator[Term]:
    for digits in range(1, _MOST_DIGITS + 1):
        yield term.at(float(f"{term.a:.{digits}g}"))
