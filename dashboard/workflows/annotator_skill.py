"""The figures of one annotator, made of their own annotations and those of others on the same items.

A p-value is times the number of annotators: a lead who goes through all the files looks at that many.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import polars as pl

from analytics import annotator_behaviour, annotator_curves, annotators
from analytics.results import Estimate
from analytics.self_consistency import self_consistency
from dashboard.workflows.annotator_evidence import Votes

MIN_RANKED = 30
"""Nobody has a rank on fewer compared annotations."""

SESSION_WINDOWS, SMALLEST_SESSION_WINDOW = 8, 5
"""How many windows the longest session has, and the fewest annotations in one of them."""

State = Literal["fit", "watch", "not fit", "undefined"]
Behind = Literal["differs", "gold", "repeats", "run", "cell", "window", "fast", "all"]
Row = Mapping[str, Any]

SPAMMER_MEANING = "0: the label does not depend on the item, as when somebody does not look; 1: it always does (Raykar & Yu 2012)."


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of an annotator. `behind`: which items stand behind it (see `items_behind`); "" where none are shown."""

    key: str
    title: str
    estimate: Estimate
    state: State | None
    meaning: str
    behind: Behind | Literal[""] = ""


@dataclass(frozen=True, slots=True)
class Rank:
    """Where an annotator stands among those with at least `MIN_RANKED` compared items; `undefined` says why nowhere.

    `best` counts those whose interval lies wholly above, `worst` those it lies wholly above itself.
    """

    rank: int | None
    best: int | None
    worst: int | None
    of: int
    undefined: str | None


@dataclass(frozen=True, slots=True)
class Straight:
    """One label on and on. `p_value`: of the run, or the use of one label, being chance; times the annotators looked at."""

    n: int
    longest_run: int
    run_label: str
    modal_label: str
    modal_share: float
    expected_share: float
    p_value: float | None
    undefined: str | None


@dataclass(frozen=True, slots=True)
class Curve:
    """Agreement with the others in windows of `size` annotations.

    `windows`: window, at (which annotations, in words), value, low, high, n, undefined. `change`: of the agreement from one
    window to the next. `p_value`: two-sided, times the annotators looked at. `undefined`: why there is no trend.
    """

    size: int
    windows: pl.DataFrame
    change: float | None
    p_value: float | None
    undefined: str | None


def rank_among(everybody: pl.DataFrame, annotator_id: str) -> Rank:
    """The annotator's place in `annotator_evidence.peers`, as `annotator_behaviour.skill_ranking` has it."""
    ranked = everybody.filter(pl.col("n") >= MIN_RANKED)
    own = ranked.filter(pl.col("group_id") == annotator_id)
    if own.is_empty():
        return Rank(None, None, None, ranked.height, f"fewer than {MIN_RANKED} annotations to compare")
    value, low, high = own.select("value", "low", "high").row(0)
    return Rank(
        rank=1 + ranked.filter(pl.col("value") > value).height,
        best=1 + ranked.filter(pl.col("low") > high).height,
        worst=ranked.height - ranked.filter(pl.col("high") < low).height,
        of=ranked.height,
        undefined=None,
    )


def consistency(votes: Votes) -> Figure:
    """How often the annotator gives an item the label that they gave it before."""
    table = self_consistency(votes.own, n_labels=votes.label_set.n_labels).annotators
    meaning = "Items labelled more than once: how often two of their own labels are the same."
    estimate = estimate_of(own_row(table, votes), "consistency", "n", "repeated items")
    return Figure("consistency", "Same again", estimate, None, meaning, "repeats")


def spammer(votes: Votes) -> Figure:
    """Raykar and Yu's spammer score."""
    if votes.label_set.is_sets:
        none = Estimate.none(
            "labels are sets, and there are too many of them to know how each is mixed up", unit="coefficient"
        )
        return Figure("spammer", "Looks at items", none, None, SPAMMER_MEANING, "differs")
    table = annotator_behaviour.spammer_scores(votes.frame, n_labels=votes.label_set.n_labels)
    estimate = estimate_of(own_row(table, votes), "score", "n", "compared annotations", unit="coefficient")
    state: State | None = None if estimate.low is None else "fit" if estimate.low > 0 else "watch"
    return Figure("spammer", "Looks at items", estimate, state, SPAMMER_MEANING, "differs")


def speed(votes: Votes) -> Figure:
    """The median time; its ends are the 10th and the 90th percentile, not an interval."""
    row = own_row(annotators.speed(votes.own), votes)
    seconds = None if row is None else row["median_seconds"]
    meaning = "The median time for an annotation, from the times that are known; with the 10th and the 90th percentile."
    if row is None or seconds is None:
        estimate = Estimate.none("no annotation of this annotator has a time", unit="seconds")
    else:
        ends = (row["p10_seconds"], row["p90_seconds"])
        estimate = Estimate(seconds, *ends, row["n_timed"], unit="seconds", n_unit="timed annotations")
    return Figure("seconds", "Seconds an item", estimate, None, meaning, "fast")


def straight_lines(votes: Votes, n_people: int) -> tuple[Straight | None, int | None]:
    """The straight-liner figures, and the code of the label of the longest run."""
    row = own_row(
        annotator_behaviour.straight_liners(votes.frame, n_labels=votes.label_set.n_labels)
        if votes.own.height
        else pl.DataFrame(schema={"annotator_code": pl.Int64}),
        votes,
    )
    if row is None:
        return None, None
    either = None if row["p_run"] is None else min(1.0, 2 * min(row["p_run"], row["p_modal"]) * n_people)
    found = Straight(
        n=row["n"],
        longest_run=row["longest_run"],
        run_label=votes.label_set.label(row["run_label"]),
        modal_label=votes.label_set.label(row["modal_label"]),
        modal_share=row["modal_share"],
        expected_share=row["expected_share"],
        p_value=either,
        undefined=row["undefined"],
    )
    return found, int(row["run_label"])


def learning(votes: Votes, size: int, n_people: int) -> Curve:
    """Agreement with the others from the first annotation on, `size` annotations a window."""
    curves = annotator_curves.agreement_curves(votes.frame, n_labels=votes.label_set.n_labels, size=size)
    return _curve(curves, votes, size, n_people)


def fatigue(votes: Votes, n_people: int) -> Curve:
    """Agreement with the others by how far a session has gone; all sessions together."""
    longest = votes.own.group_by("session").len()["len"].max() if votes.own.height else 0
    size = max(SMALLEST_SESSION_WINDOW, int(str(longest)) // SESSION_WINDOWS)
    curves = annotator_curves.agreement_curves(
        votes.frame, n_labels=votes.label_set.n_labels, size=size, session="session"
    )
    if not votes.timed:
        reason = "it is not known when the annotations were made, so there are no sessions"
        return _curve(curves.clear(), votes, size, n_people, reason=reason)
    return _curve(curves, votes, size, n_people)


def _curve(curves: pl.DataFrame, votes: Votes, size: int, n_people: int, *, reason: str = "") -> Curve:
    own = curves.filter(pl.col("annotator_code") == votes.code)
    trend = own_row(annotator_curves.curve_trends(own), votes)
    first, last = pl.col("window") * size + 1, (pl.col("window") + 1) * size
    windows = own.select(
        "window", "low", "high", "undefined", at=pl.format("{} to {}", first, last), value="agreement", n="n_compared"
    )  # fmt: skip
    if trend is None:
        return Curve(size, windows, None, None, reason or "there are no annotations to compare")
    p_value = trend["p_value"]
    corrected = None if p_value is None else min(1.0, p_value * n_people)
    return Curve(size, windows, trend["slope"], corrected, trend["undefined"])


def confusion_cells(votes: Votes) -> pl.DataFrame:
    """What the annotator calls what the others call something: n, label_others, label_given."""
    counts = annotators.confusion_with_others(votes.frame, n_labels=votes.label_set.n_labels)
    named = counts.filter(pl.col("annotator_code") == votes.code)
    for column in ("label_others", "label_given"):
        texts = votes.label_set.frame().rename({"label_code": column, "label": f"{column}_text"})
        named = named.join(texts, on=column, maintain_order="left")
    return named.select("n", label_others="label_others_text", label_given="label_given_text")


def own_row(table: pl.DataFrame, votes: Votes) -> Row | None:
    """The annotator's row of a table of analytics; None where there is none."""
    rows = table.filter(pl.col("annotator_code") == votes.code)
    return rows.row(0, named=True) if rows.height else None


def estimate_of(row: Row | None, value: str, n: str, n_unit: str, *, unit: str = "share") -> Estimate:
    """A row of analytics as an estimate."""
    if row is None:
        return Estimate.none("the last scoring run saw no independent annotation", unit=unit, n_unit=n_unit)
    return Estimate(row[value], row["low"], row["high"], row[n], row["undefined"], unit=unit, n_unit=n_unit)
