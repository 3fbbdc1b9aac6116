"""Money for one error removed: a ratio of means with Fieller's interval, and "no measurable effect" where there is none.

Quality is the error on gold or of an audit, item by item before and after, never the agreement of items that were labelled
again. With a the mean cost and b the mean fall of the error over n items, the interval of a / b holds every ratio r for which

    (a - r b)^2 <= t^2 (s_aa - 2 r s_ab + r^2 s_bb) / n

(Fieller 1954, Some problems in interval estimation, JRSS B 16, 175-185). It is a finite interval only where b is apart from 0 at
the same level; where it is not, no amount of money was seen to remove an error, and the answer is just that. Where each item
either changed or did not, so that few changes make the normal approximation a poor one, the exact sign test has to agree.
"""

from __future__ import annotations

import numpy as np
from scipy.special import bdtr, stdtrit

from analytics.errors import BadOption
from analytics.frames import FloatArray
from analytics.intervals import check_interval_options
from analytics.learning_curve import MOST_TIMES, LearningCurve
from analytics.results import Estimate

NO_EFFECT = "no measurable effect"
GREW = "the error grew"
FEWEST_ITEMS = 20
"""Items without which no ratio is given."""


def money_per_error(
    cost: FloatArray, before: FloatArray, after: FloatArray, *, currency: str, confidence: float = 0.95
) -> Estimate:
    """What the removal of one error cost.

    Args:
        cost: (I,) spent on each item between before and after, in main units.
        before: (I,) each item's error before: 0 or 1, or a mean over repeats.
        after: (I,) the same after.
        currency: the unit of the estimate.
        confidence: of the interval.

    Returns:
        Money for one error; undefined with NO_EFFECT where the change in error includes 0, with GREW where it is surely above.

    Raises:
        BadOption: arrays of different lengths, costs that are negative, errors outside [0, 1].

    >>> rng = np.random.default_rng(0)
    >>> wrong = (rng.random(400) < 0.2).astype(float)
    >>> found = money_per_error(np.ones(400), wrong, np.zeros(400), currency="EUR")
    >>> round(found.value, 2), bool(found.low < found.value < found.high)
    (4.94, True)
    """
    check_interval_options(0, confidence)
    _check(cost, before, after)
    n, fall = len(cost), before - after
    if n < FEWEST_ITEMS:
        return Estimate.none(f"fewer than {FEWEST_ITEMS} items have gold or an audit", n, unit=currency)
    t = float(stdtrit(n - 1, (1 + confidence) / 2))
    a, b = float(cost.mean()), float(fall.mean())
    s_aa, s_bb = float(cost.var(ddof=1)) / n, float(fall.var(ddof=1)) / n
    s_ab = float(np.cov(cost, fall)[0, 1]) / n
    apart = b * b - t * t * s_bb
    if apart <= 0 or not _signs_agree(fall, confidence):
        return Estimate.none(NO_EFFECT, n, unit=currency)
    if b < 0:
        return Estimate.none(GREW, n, unit=currency)
    middle, root = a * b - t * t * s_ab, (a * b - t * t * s_ab) ** 2 - apart * (a * a - t * t * s_aa)
    half = np.sqrt(max(root, 0.0))
    return Estimate(a / b, (middle - half) / apart, (middle + half) / apart, n, unit=currency)


def labels_per_point(curve: LearningCurve, *, point: float = 0.01, have: int | None = None) -> Estimate:
    """How many more labels bring a model's error down by `point`, by its learning curve.

    Args:
        curve: measured with accuracy.
        point: of error, above 0; 0.01 is one point of a hundred.
        have: labels that there are, where the curve was measured on a part of them; by default the curve's own.

    Returns:
        Labels beyond those there are; undefined where the curve's law is, where it never gets there, or only beyond what a curve
        is followed to. The interval is of the curve's own bootstrap: without one where more than 5 % of its replicates do not
        get there.
    """
    if not 0 < point < 1:
        raise BadOption("point", point, "a share above 0 and under 1")
    n = curve.n_labelled if have is None else have
    if n < curve.n_labelled:
        raise BadOption("have", n, f"at least the {curve.n_labelled} labels that the curve was measured on")
    if curve.law is None or curve.undefined is not None:
        return Estimate.none(curve.undefined or "there is no curve", n, unit="labels")
    if curve.measure != "accuracy":
        raise BadOption("curve", curve.measure, "measured with accuracy")
    needed = _labels_needed(np.array([curve.law]), n, point)[0]
    if not needed <= MOST_TIMES * curve.n_labelled:
        return Estimate.none(
            f"{point:.0%} less error is not in sight with {MOST_TIMES:.0f} times the labels", n, unit="labels"
        )
    every = (
        np.sort(_labels_needed(curve.replicates, n, point)) if len(curve.replicates) else np.array([np.inf])
    )
    places = [(1 - curve.confidence) / 2, (1 + curve.confidence) / 2]
    low, high = (float(every[min(int(place * len(every)), len(every) - 1)]) for place in places)
    if not np.isfinite(high):
        return Estimate(needed - n, None, None, n, unit="labels")
    return Estimate(needed - n, low - n, high - n, n, unit="labels")


def priced(labels: Estimate, per_label: float, *, currency: str) -> Estimate:
    """What so many labels cost at `per_label` main units each; undefined as they are."""
    if not 0 < per_label < np.inf:
        raise BadOption("per_label", per_label, "money above 0")
    if labels.value is None:
        return Estimate.none(labels.undefined or "cannot tell", labels.n, unit=currency)
    low, high = (None if end is None else end * per_label for end in (labels.low, labels.high))
    return Estimate(labels.value * per_label, low, high, labels.n, unit=currency)


def _labels_needed(laws: FloatArray, n: int, point: float) -> FloatArray:
    """(B,) labels with which a + b n^-c is `point` less than with n; infinite where it never is."""
    b, c = laws[:, 1], laws[:, 2]
    wanted = b * float(n) ** -c - point
    reached = np.full(len(laws), np.inf)
    there = (wanted > 0) & (b > 0)
    with np.errstate(over="ignore"):
        reached[there] = (b[there] / wanted[there]) ** (1 / c[there])
    return reached


def _signs_agree(fall: FloatArray, confidence: float) -> bool:
    """Whether the exact sign test of the items that changed says the same; asked only where each changed wholly or not at all."""
    if not np.isin(fall, (-1.0, 0.0, 1.0)).all():
        return True
    better, worse = int((fall > 0).sum()), int((fall < 0).sum())
    if better + worse == 0:
        return False
    return bool(2 * bdtr(min(better, worse), better + worse, 0.5) <= 1 - confidence)


def _check(cost: FloatArray, before: FloatArray, after: FloatArray) -> None:
    if not len(cost) == len(before) == len(after):
        raise BadOption(
            "cost", len(cost), f"as long as the errors, which have {len(before)} and {len(after)} items"
        )
    if (cost < 0).any() or not np.isfinite(cost).all():
        raise BadOption("cost", "a negative amount", "0 or more for each item")
    for name, error in (("before", before), ("after", after)):
        if len(error) and not (error.min() >= 0 and error.max() <= 1):
            raise BadOption(name, float(error.max()), "an error from 0 to 1 for each item")
