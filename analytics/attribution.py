"""Which features made a linear model say what it says: exact, and how much of it a differently trained model repeats.

A softmax over z_k = b_k + sum over d of w_kd x_d is linear in its logits, so what feature d adds to the logit of label k
against a baseline x' is w_kd (x_d - x'_d), exactly: the parts sum to z_k(x) - z_k(x'). Integrated gradients (M. Sundararajan,
A. Taly and Q. Yan 2017, Axiomatic attribution for deep networks, ICML) and Shapley values of independent features (S. Lundberg
and S.-I. Lee 2017, NeurIPS) give the same numbers for such a model. For the difference of two labels' logits, which is
log(p_k / p_j), the weights are w_k - w_j.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from analytics.errors import BadOption
from analytics.frames import FloatArray, IntArray
from analytics.results import Estimate

CANNOT_SHOW = (
    "It shows what this model used, not why people chose the label.",
    "A model may use a mark that merely goes along with the label. That it used it does not make it a reason.",
    "Each part is measured against a baseline; another baseline gives other parts.",
    "Features are taken one by one: what words further apart say together, their order or a negation, is not shown.",
    "That a person's reasons look like the picture makes it plausible, not faithful (Jacovi & Goldberg 2020).",
)
"""What an attribution cannot show, a sentence each."""


@dataclass(frozen=True, slots=True)
class Attribution:
    """The parts of one score.

    Attributes:
        values: (D,) what each feature adds, in natural logarithms of odds.
        score: the logit of the label, or its difference to that of the other label, at x.
        baseline_score: the same at the baseline.
    """

    values: FloatArray
    score: float
    baseline_score: float

    @property
    def gap(self) -> float:
        """What the parts leave unexplained: the score minus that at the baseline minus their sum; 0 is complete."""
        return self.score - self.baseline_score - float(self.values.sum())

    @property
    def gap_share(self) -> float | None:
        """The gap's size as a share of the parts' summed sizes; None where every part is 0 and so is the gap."""
        size = float(np.abs(self.values).sum())
        if size > 0:
            return abs(self.gap) / size
        return None if self.gap == 0 else 1.0


@dataclass(frozen=True, slots=True)
class Stability:
    """How far members that were trained apart tell the same story.

    Attributes:
        rank_correlation: the mean Spearman correlation of two members' values, with a 95 % interval by the
            jackknife over members.
        sign_agreement: (D,) the share of the members whose value has the sign of the mean (NaN where it is 0).
        mean: (D,) the mean value over members.
    """

    rank_correlation: Estimate
    sign_agreement: FloatArray
    mean: FloatArray


def linear_attribution(
    x: FloatArray,
    *,
    weights: FloatArray,
    bias: FloatArray,
    label_code: int,
    against_code: int | None = None,
    baseline: FloatArray | None = None,
) -> Attribution:
    """What each feature adds to the logit of a label, or to its difference to another label's.

    Args:
        x: (D,) the item's features.
        weights: (K, D).
        bias: (K,).
        label_code: the label whose logit is explained, 0 to K - 1.
        against_code: the label it is compared with; None for the logit alone (which softmax fixes only up to a constant
            that is the same for all labels: prefer a comparison).
        baseline: (D,) what x is compared with; None for zeros, "nothing there".

    Raises:
        BadOption: arrays that do not fit each other or are not finite, or a code that is none.
    """
    _check_linear(x, weights, bias, baseline)
    for name, code in (("label_code", label_code), ("against_code", against_code)):
        if code is not None and not 0 <= code < len(bias):
            raise BadOption(name, code, f"a code from 0 to {len(bias) - 1}")
    if against_code == label_code:
        raise BadOption("against_code", against_code, "another label than label_code")
    row, constant = weights[label_code].astype(np.float64), float(bias[label_code])
    if against_code is not None:
        row, constant = row - weights[against_code], constant - float(bias[against_code])
    start = np.zeros_like(row) if baseline is None else baseline.astype(np.float64)
    return Attribution(row * (x - start), constant + float(row @ x), constant + float(row @ start))


def attribution_stability(values: FloatArray, *, level: float = 0.95) -> Stability:
    """How far M members agree about the same item.

    Features that no member uses (all values 0) are left out of the rank correlation, which they would inflate. With members
    left out one at a time the mean correlation has a jackknife standard error, and Student's t with M - 1 degrees of freedom.

    Args:
        values: (M, D) a member's values a row, all for the same score.
        level: of the interval.

    Raises:
        BadOption: values that are no finite (M, D) array, or a level outside (0, 1).
    """
    if values.ndim != 2 or not np.isfinite(values).all():
        raise BadOption("values", f"array of shape {values.shape}", "finite and of shape (M, D)")
    if not 0 < level < 1:
        raise BadOption("level", level, "between 0 and 1")
    mean = values.mean(axis=0) if len(values) else np.zeros(values.shape[1])
    signs = np.sign(mean)
    same = (np.sign(values) == signs).mean(axis=0) if len(values) else np.zeros(values.shape[1])
    return Stability(_rank_correlation(values, level), np.where(signs == 0, np.nan, same), mean)


def top_features(values: FloatArray, *, most: int = 10) -> tuple[IntArray, IntArray]:
    """Places of the features that speak for (value above 0) and against, the strongest first; of equals the first.

    Raises:
        BadOption: values that are no finite (D,) array, or fewer than one wanted.
    """
    if values.ndim != 1 or not np.isfinite(values).all():
        raise BadOption("values", f"array of shape {values.shape}", "finite and of shape (D,)")
    if most < 1:
        raise BadOption("most", most, "1 or more")
    order = np.argsort(-np.abs(values), kind="stable")
    return order[values[order] > 0][:most], order[values[order] < 0][:most]


def pixel_map(values: FloatArray, *, height: int, width: int) -> FloatArray:
    """An image's values as (height, width), scaled so that the strongest is 1 or -1; all 0 stays 0.

    Values of several channels, (channels * height * width,) with the channel first, are summed, so that a pixel has the
    sum of its parts.

    Raises:
        BadOption: values that do not fill whole channels, or are not finite.
    """
    size = height * width
    if height < 1 or width < 1 or values.ndim != 1 or not values.size or values.size % size:
        raise BadOption("values", f"array of shape {values.shape}", f"whole channels of {height} x {width}")
    if not np.isfinite(values).all():
        raise BadOption("values", "an entry", "a finite number")
    picture: FloatArray = values.astype(np.float64).reshape(-1, height, width).sum(axis=0)
    strongest = float(np.abs(picture).max())
    return np.asarray(picture / strongest if strongest > 0 else picture)


def _check_linear(x: FloatArray, weights: FloatArray, bias: FloatArray, baseline: FloatArray | None) -> None:
    if weights.ndim != 2 or bias.shape != weights.shape[:1]:
        raise BadOption("weights", f"shapes {weights.shape} and {bias.shape}", "(K, D) with a bias of (K,)")
    for name, row in (("x", x), ("baseline", baseline)):
        if row is not None and row.shape != weights.shape[1:]:
            raise BadOption(name, f"array of shape {row.shape}", f"of shape {weights.shape[1:]}")
    if not all(np.isfinite(found).all() for found in (x, weights, bias, baseline) if found is not None):
        raise BadOption("x, weights, bias, baseline", "an entry", "a finite number")


def _rank_correlation(values: FloatArray, level: float) -> Estimate:
    n_members = len(values)
    used = values[:, np.any(values != 0, axis=0)]
    reason = None
    if n_members < 2:
        reason = "it takes two members or more to compare"
    elif used.shape[1] < 3:
        reason = "fewer than 3 features have a part in it"
    elif (np.ptp(used, axis=1) == 0).any():
        reason = "a member gives every feature the same value"
    if reason is not None:
        return Estimate.none(reason, n_members, unit="coefficient", n_unit="members")
    from scipy.stats import rankdata  # a second to import, and pages import this module

    pairs = np.corrcoef(rankdata(used, axis=1))
    np.fill_diagonal(pairs, 0.0)
    value = float(np.clip(pairs.sum() / (n_members * (n_members - 1)), -1.0, 1.0))
    if n_members < 3:
        return Estimate(value, None, None, n_members, unit="coefficient", n_unit="members")
    without = (pairs.sum() - 2 * pairs.sum(axis=1)) / ((n_members - 1) * (n_members - 2))
    error = float(np.sqrt((n_members - 1) / n_members * np.sum((without - without.mean()) ** 2)))
    reach = float(stdtrit(n_members - 1, (1 + level) / 2)) * error
    low, high = max(value - reach, -1.0), min(value + reach, 1.0)
    return Estimate(value, low, high, n_members, unit="coefficient", n_unit="members")
