"""Drift in words: the first line, what it rests on, the names of the causes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from analytics.label_mix import Distance
from dashboard.workflows.drift_windows import Windows

State = Literal["fit", "watch", "undefined"]
LEVEL = 0.01
"""A change is said to be seen where as large a distance comes about by chance less often than this."""
UNSURE = 0.05
"""Between this chance and the level at which a change is said to be seen, neither is said."""
FACTOR_WORDS = {
    "items": "which items came", "annotators": "who labelled", "guideline": "the guideline", "label_set": "the label set",
    "behaviour": "how people label",
}  # fmt: skip


def sentence(
    row: dict[str, Any],
    distances: Sequence[Distance],
    found: Windows,
    parts: list[dict[str, Any]],
    alone: Mapping[str, str],
) -> tuple[State, str]:
    """The first line: what changed, by how much, why."""
    total = distances[0]
    if total.p_value is None or total.p_value >= LEVEL:
        sure = total.p_value is not None and total.p_value >= UNSURE
        begins = "No drift is seen" if sure else "It cannot be told whether there is drift"
        amount, chance = _points(total.estimate.value), _points(total.expected)
        told = (
            f"a choice's share moved by {amount} points in the mean, where chance alone makes {chance}"
            if total.key == "choice_change"
            else f"{amount} of 100 labels are others, where chance alone makes {chance}"
        )
        return "fit" if sure else "undefined", f"{begins} in {found.window} against {found.reference}: {told}"
    way = "more" if row["change"] > 0 else "less"
    said = (
        f"{row['label']} is given {way} often: {row['after']:.1%} ({found.window}), {row['before']:.1%} in {found.reference} "
        f"({row['change'] * 100:+z.1f} points, {row['low'] * 100:+z.1f} to {row['high'] * 100:+z.1f})"
    )
    if cause := causes(parts):
        said += f"; of it {cause}"
    elif parts:
        said += "; no cause stands out"
    else:
        said += "; its cause cannot be told"
    switched = [FACTOR_WORDS[name] for name in ("guideline", "label_set") if name in alone]
    if switched:
        said += f" ({' and '.join(switched)} {'is' if len(switched) == 1 else 'are'} not separable from time)"
    return "watch", said


def causes(parts: Sequence[Mapping[str, Any]]) -> str:
    """The parts of a change whose interval leaves out none, the largest first; "" where there is none.

    >>> causes([{"part": "who labelled", "value": 0.08, "low": 0.03, "high": 0.12}, {"part": "the guideline", "value": 0.2, "low": None}])
    '+8.0 from who labelled'
    """
    clear = [p for p in parts if p["low"] is not None and (p["low"] > 0 or p["high"] < 0)]
    clear.sort(key=lambda p: -abs(p["value"]))
    return ", ".join(f"{p['value'] * 100:+z.1f} from {p['part']}" for p in clear)


def _points(value: float | None) -> str:
    return "?" if value is None else f"{value * 100:.1f}"


def part_words(factors: tuple[str, ...]) -> str:
    """What a part is of."""
    return " and ".join(FACTOR_WORDS[name] for name in factors)


def times_words(found: Windows) -> str:
    """How many annotations have no time; nothing where all have one."""
    return f"{found.untimed:,} annotations have no time and are left out." if found.untimed else ""


CHART_WORDS = {"cusum": "CUSUM", "page-hinkley": "Page–Hinkley"}


def course(facts: Mapping[str, Any]) -> str:
    """What the sequential tests and change points say: which one is in charge, what the others describe, which seasons are out."""
    if facts.get("unwatched"):
        return f"No sequential test: {facts['unwatched']}."
    chart = CHART_WORDS[facts.get("chart", "cusum")]
    told = [f"{chart} is in charge of alarms and {_said(facts, 'raised none')}."]
    other = facts.get("other")
    level = [f"the level changes on {p['at']} ({p['low']} to {p['high']})" for p in facts.get("points", [])]
    aside = [f"{CHART_WORDS[other['chart']]} {_said(other, 'sees no shift')}"] if other else []
    aside.append("; ".join(level) if level else "no change point is found")
    told.append(f"As description, which raises no alert: {'; '.join(aside)}.")
    season = facts.get("season", "days of the week" if facts.get("seasonal") else "")
    told.append(
        f"{season.capitalize()} are taken out."
        if season
        else "No season is taken out: the reference does not have each day of the week three times."
    )
    return " ".join(told)


def _said(facts: Mapping[str, Any], nothing: str) -> str:
    if not facts.get("alarm_at"):
        return nothing
    return f"alarmed on {facts['alarm_at']}, and the shift seems to run since {facts['began_at']}"


def detail(facts: Mapping[str, Any]) -> str:
    """The quieter sentences below the first line."""
    told = [f"{facts['n_after']:,} annotations against {facts['n_before']:,}."]
    worth = facts["effective_annotators"]
    told.append(
        f"By their shares of the work the annotators are worth {worth[1]:.1f} equal ones now, {worth[0]:.1f} before."
    )
    if facts["undefined"]:
        told.append(f"The change is not split: {facts['undefined']}.")
    elif facts["resampled"] == "items":
        told.append("Fewer than 10 annotators in a window: the intervals are about these people.")
    if facts["n_used"]:
        told.append(f"The change is split on {facts['n_used']:,} of them, drawn by items.")
    if facts["attribute"]:
        told.append(f"Items are of a kind by {facts['attribute']}.")
    if facts["label_set"]:
        told.append(facts["label_set"])
    if facts["untimed"]:
        told.append(f"{facts['untimed']:,} annotations have no time and are left out.")
    return " ".join(told)
