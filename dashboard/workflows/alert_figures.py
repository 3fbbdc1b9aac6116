"""The figures that can raise an alert: those of the catalogue, of drift, of bias and of cost, and in which direction each does."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from dashboard.workflows import score_groups
from dashboard.workflows.catalog import GROUP_METRICS, METRICS, GroupMetric, Metric
from dashboard.workflows.errors import BadRequest

Side = Literal["low", "high", "value"]

MIX, CHOICES = "drift_total_variation", "drift_choice_change"
"""How far the label mix moved: of labels that are categories, and of labels that are sets, choice by choice."""
SEQUENTIAL, BIAS_GAP = "drift_sequential", "bias_gap"
FALL = "drift_of_annotator"
ANNOTATOR, CROWD = "annotator", "annotators"
"""Kinds of groups: one annotator, and all of them at once (of which there is one, without an id)."""
BIAS = "bias"
"""The kind of group of a gap's alert; its id is the attribute."""

COSTS = (
    "cost_per_right_label",
    "cost_per_accepted_label",
    "cost_rework_share",
    "cost_idle_share",
    "cost_queue_days",
)
LEAST_N, LEAST_GOLD = 100, 50
"""With fewer, the near end of an interval is beyond a limit that holds more often than it says (docs/alerts.md)."""

NO_INTERVAL = "median_seconds"
"""Its ends are percentiles of the annotations, not of how well the median is known."""


@dataclass(frozen=True, slots=True)
class Watched:
    """A figure that can raise an alert.

    Attributes:
        key: as its measurement has it.
        title: in words.
        side: which end of its interval has to be beyond the limit, so that chance alone raises none: "low" over it, "high" under it;
            "value": the figure has a limit of its own, and is watched or not.
        default: the limit where nobody set one; None: it raises no alert until somebody does.
        least_n: the fewest that the figure may rest on.
        lowest, highest: between which a limit makes sense.
        page: where the figure is explained.
        why: what a limit of it means.
        group_kinds: of which groups a limit can be; ("",) where it is of the project.
        unit: share, coefficient, difference, days; "" where each measurement says its own (a currency).
    """

    key: str
    title: str
    side: Side
    default: float | None
    least_n: int
    lowest: float
    highest: float
    page: str
    why: str
    group_kinds: tuple[str, ...] = ("",)
    unit: str = "share"

    @property
    def rests_on(self) -> tuple[str, ...]:
        """What facts the figure is made of: columns of the query alert_data."""
        if self.page == "cost":
            return ("labels", "pay")
        return ("labels", "models") if self.page in ("drift", "bias") else ("labels",)


DRIFT: tuple[Watched, ...] = (
    Watched(MIX, "Labels that changed (total variation)", "low", 0.05, 400, 0, 1, "drift",
            "a change of 5 labels in 100 is worth a look; the lower end of the interval has to be over it"),
    Watched(CHOICES, "Choices that changed (mean change of a choice's share)", "low", 0.02, 400, 0, 1, "drift",
            "labels are sets: a choice's share moved by 2 points in the mean; the lower end of the interval has to be over it",
            unit="difference"),
    Watched("drift_agreement", "Change of Krippendorff's alpha", "high", -0.05, 100, -2, 2, "drift",
            "the upper end of the change's interval has to be under it", unit="coefficient"),
    Watched("drift_content", "New items told from old (area under the curve)", "low", 0.65, 200, 0.5, 1, "drift",
            "0.5 is what alike items give; the lower end has to be over it", unit="coefficient"),
    Watched("drift_confidence", "Change of the model's sureness", "high", -0.05, 200, -1, 1, "drift",
            "the upper end of the change's interval has to be under it", unit="difference"),
    Watched(SEQUENTIAL, "Sequential test of a label's rate", "value", 1.0, 100, 1, 1, "drift",
            "its own limit keeps false alarms to about one in a year of days", unit=""),
)  # fmt: skip
"""Figures of drift; they are watched from the start, MIX or CHOICES by what the project's labels are."""

_OTHERS: tuple[Watched, ...] = (
    Watched(FALL, "Change of an annotator's agreement with the others", "high", None, 50, -1, 0, "drift",
            "window minus reference, on the same items as the others; both their own and beside the others' has to be under it",
            (ANNOTATOR, CROWD), "difference"),
    Watched(BIAS_GAP, "A gap between groups that stays", "low", None, LEAST_N, 0, 1, "bias",
            "the size of the gap, as the near end of an interval that counts how many gaps were tested; one alert an attribute",
            unit="difference"),
    Watched(COSTS[0], "Cost of a correct label", "low", None, LEAST_GOLD, 0, math.inf, "cost",
            "in the currency of most of the work; the lower end of the interval that gold gives", unit=""),
    Watched(COSTS[1], "Cost of a label that stands", "low", None, LEAST_N, 0, math.inf, "cost",
            "in the currency of most of the work; of all labels that stand, so without an interval", unit=""),
    Watched(COSTS[2], "Share of the pay for work done again", "low", None, LEAST_N, 0, 1, "cost",
            "of all pay that is known, so without an interval"),
    Watched(COSTS[3], "Share of the pay for idle time", "low", None, LEAST_N, 0, 1, "cost",
            "of all pay that is known, so without an interval"),
    Watched(COSTS[4], "Days until no flag waits", "low", None, 4, 0, math.inf, "cost",
            "n is weeks; the lower end of the forecast's interval", unit="days"),
)  # fmt: skip


def _of_metric(metric: Metric | GroupMetric, group_kinds: tuple[str, ...], page: str) -> Watched:
    side: Side = "high" if metric.better == "higher" else "low"
    end = (
        "upper end of its interval has to be under it"
        if side == "high"
        else "lower end of its interval has to be over it"
    )
    lowest, highest = _RANGES[metric.unit]
    least = LEAST_GOLD if "gold" in metric.key else LEAST_N
    return Watched(
        metric.key,
        metric.title,
        side,
        None,
        least,
        lowest,
        highest,
        page,
        f"the {end}",
        group_kinds,
        metric.unit,
    )


_RANGES: Mapping[str, tuple[float, float]] = {"share": (0, 1), "coefficient": (-1, 1)}
_PAGES = {"label": "agreement", "pair": "agreement", "annotator": "annotators"}
_OF_GROUPS = (score_groups.ATTRIBUTE, score_groups.BATCH)
_SPLIT = {score_groups.ALPHA_OF: "krippendorff_alpha", score_groups.PERCENT_OF: "percent_agreement"}


def _kinds_of(group_kind: str) -> tuple[str, ...]:
    return (ANNOTATOR, CROWD) if group_kind == ANNOTATOR else (group_kind,)


def _split(key: str, of: str) -> Watched:
    metric = next(row for row in METRICS if row.key == of)
    return replace(_of_metric(metric, _OF_GROUPS, "agreement"), key=key, title=f"{metric.title} of a group")


WATCHED: tuple[Watched, ...] = (
    *DRIFT,
    *(_of_metric(metric, ("",), "agreement") for metric in METRICS),
    *(_of_metric(metric, _kinds_of(metric.group_kind), _PAGES[metric.group_kind]) for metric in GROUP_METRICS if metric.key != NO_INTERVAL),
    *(_split(key, of) for key, of in _SPLIT.items()),
    *_OTHERS,
)  # fmt: skip
_BY_KEY: Mapping[str, Watched] = {row.key: row for row in WATCHED}


def watched(key: str) -> Watched:
    """The figure of that key; raises BadRequest naming those that there are."""
    if key == NO_INTERVAL:
        raise BadRequest(
            f"{key} raises no alert: its ends say how seconds spread, not how surely the median is known."
        )
    if key not in _BY_KEY:
        raise BadRequest(f"{key!r} raises no alert. Figures that do: {', '.join(_BY_KEY)}.")
    return _BY_KEY[key]


def title(key: str, group_kind: str = "", group_id: str = "") -> str:
    """A figure with its group, in words; figures of an older version by their key.

    >>> title("accuracy_on_gold", "annotator", "ana")
    'Accuracy on gold (ana)'
    >>> title("krippendorff_alpha_of", "attribute", '["channel", "mail"]')
    "Krippendorff's alpha of a group (channel mail)"
    """
    found = _BY_KEY[key].title if key in _BY_KEY else key
    return f"{found} ({group_words(group_kind, group_id)})" if group_kind else found


def group_words(group_kind: str, group_id: str) -> str:
    """What a group is called.

    >>> group_words("pair", '["ana", "bo"]'), group_words("batch", '[7, "week-2.csv"]'), group_words("label", "cat")
    ('ana and bo', 'week-2.csv', 'cat')
    """
    if group_kind == CROWD:
        return "any annotator"
    if group_kind == "pair":
        return " and ".join(json.loads(group_id))
    if group_kind == score_groups.BATCH:
        return str(json.loads(group_id)[1])
    if group_kind == score_groups.ATTRIBUTE:
        return " ".join(str(part) for part in json.loads(group_id))
    return group_id


def told(value: float, unit: str, *, sign: bool = False) -> str:
    """A value of a figure, or a limit of one, as people read it.

    >>> told(0.5, "share"), told(0.05, "difference"), told(-0.05, "coefficient"), told(1.25, "EUR"), told(3, "days")
    ('50.0%', '5.0 points', '-0.050', '1.25 EUR', '3.0 days')
    """
    plus = "+" if sign else ""
    if unit == "share":
        return f"{value:{plus}.1%}"
    if unit == "difference":
        return f"{value * 100:{plus}.1f} points"
    if unit in ("coefficient", ""):
        return f"{value:{plus}.3f}"
    return f"{value:{plus},.1f} days" if unit == "days" else f"{value:,.2f} {unit}"


def page_of(key: str) -> str:
    """The page where a figure is explained; Drift for one that this version does not know."""
    return _BY_KEY[key].page if key in _BY_KEY else "drift"
