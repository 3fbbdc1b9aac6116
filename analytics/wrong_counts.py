"""How many labels are wrong, and how many of them were flagged, from verdicts on samples of known probability.

Flagged and unflagged items are estimated apart. In each, the share of wrong labels among the unjudged items is the
weighted share among the judged ones, each counting 1 / (its probability of being chosen); its uncertainty is a
Jeffreys posterior Beta(s m + 1/2, (1 - s) m + 1/2) of that share s on m = (sum w)^2 / sum w^2 effective verdicts
(L. Kish 1965, Survey Sampling; L. D. Brown, T. T. Cai and A. DasGupta 2001, Interval estimation for a binomial
proportion, Statistical Science 16, 101-133). So a slice in which nothing was wrong does not claim that nothing is.
What was judged is known. Recall is the flagged share of all that is wrong: only the unflagged slice can tell it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analytics.frames import FloatArray
from analytics.results import Estimate

N_DRAWS = 4000
"""Draws of the two posteriors whose sum and ratio make the intervals."""


@dataclass(frozen=True, slots=True)
class WrongCounts:
    """Wrong labels among all items.

    Attributes:
        n_wrong: how many labels are wrong, in items; undefined where flagged or unflagged items have no verdict.
        n_wrong_flagged: how many of them are flagged.
        recall: the share of the wrong labels that are flagged; undefined too where none is known to be wrong.
    """

    n_wrong: Estimate
    n_wrong_flagged: Estimate
    recall: Estimate


def count_wrong(
    is_flagged: NDArray[np.bool_],
    judged_is_flagged: NDArray[np.bool_],
    judged_is_wrong: NDArray[np.bool_],
    p_sampled: FloatArray,
    *,
    confidence: float = 0.95,
    seed: int = 0,
) -> WrongCounts:
    """Estimate the wrong labels of all items, with equal-tailed intervals.

    Args:
        is_flagged: (I,) of all items.
        judged_is_flagged: (V,) of the judged ones.
        judged_is_wrong: (V,) their verdicts.
        p_sampled: (V,) the probability with which each was chosen, in (0, 1].
        confidence: of the intervals.
        seed: of the draws.
    """
    n = len(judged_is_wrong)
    rng = np.random.default_rng(seed)
    parts: list[tuple[float, FloatArray]] = []
    for flagged, words in ((True, "flagged"), (False, "unflagged")):
        own = judged_is_flagged == flagged
        part = _wrong_in(int((is_flagged == flagged).sum()), judged_is_wrong[own], p_sampled[own], rng)
        if part is None:
            reason = f"no {words} item was judged"
            none = Estimate.none(reason, n=n, unit="items", n_unit="verdicts")
            known = parts[0] if parts else None
            found = none if known is None else _estimate(*known, n=n, unit="items", confidence=confidence)
            return WrongCounts(none, found, Estimate.none(reason, n=n, n_unit="verdicts"))
        parts.append(part)
    (flagged_value, flagged_drawn), (other_value, other_drawn) = parts
    total, drawn = flagged_value + other_value, flagged_drawn + other_drawn
    if total > 0:
        share = np.divide(flagged_drawn, drawn, out=np.zeros(N_DRAWS), where=drawn > 0)
        recall = _estimate(flagged_value / total, share, n=n, unit="share", confidence=confidence)
    else:
        recall = Estimate.none("no judged label was wrong", n=n, n_unit="verdicts")
    return WrongCounts(
        _estimate(total, drawn, n=n, unit="items", confidence=confidence),
        _estimate(flagged_value, flagged_drawn, n=n, unit="items", confidence=confidence),
        recall,
    )


def _wrong_in(
    n_items: int, wrong: NDArray[np.bool_], p_sampled: FloatArray, rng: np.random.Generator
) -> tuple[float, FloatArray] | None:
    """The wrong labels of a part, and draws of them; None where there are items but no verdict."""
    if not n_items:
        return 0.0, np.zeros(N_DRAWS)
    if not len(wrong):
        return None
    weights = 1 / p_sampled
    share = float(weights @ wrong / weights.sum())
    effective = float(weights.sum() ** 2 / (weights**2).sum())
    unjudged = n_items - len(wrong)
    drawn = rng.beta(share * effective + 0.5, (1 - share) * effective + 0.5, size=N_DRAWS)
    return wrong.sum() + unjudged * share, wrong.sum() + unjudged * drawn


def _estimate(value: float, drawn: FloatArray, *, n: int, unit: str, confidence: float) -> Estimate:
    low, high = np.quantile(drawn, [(1 - confidence) / 2, (1 + confidence) / 2])
    # With nothing wrong in the sample the median of the posterior lies above the estimate.
    low, high = min(float(low), value), max(float(high), value)
    return Estimate(float(value), low, high, n, unit=unit, n_unit="verdicts")
