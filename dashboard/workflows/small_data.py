"""What little data can tell and what it cannot, in plain words: for a lead with three people and fifty items.

How many items it takes is reckoned from one rule: an interval's width falls with the root of n, so half as wide takes four
times as many items, and an end that lies h from the value reaches a limit that lies d from it at n (h / d)^2 items, if the
value stays. That is a plan, not a promise: the value will move within its interval.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from dashboard.workflows import monitor
from dashboard.workflows.opening import Store
from dashboard.workflows.rules import Person, require
from dashboard.workflows.settings import ALPHA, limits

FEW_ITEMS = 200
"""Under so many items with two labels the advice is given: from there on alpha's interval covers as it says."""

SKEWED = 0.8
"""From this share of the labels on, one label decides what chance alone would agree on."""

MOST_ITEMS = 2_000
"""Where it would take more items than this, more items are not the advice."""


_NOTHING_SHARED = (
    "No item was labelled by two people, so nothing can be said about agreement. Let two people label the same items: "
    "fifty of them give a first figure, give or take 0.2."
)


@dataclass(frozen=True, slots=True)
class SmallData:
    """Sentences for the pages, most important first. `agreement`: of the project; `annotators`: of ranking people."""

    n_items: int
    n_people: int
    agreement: tuple[str, ...]
    annotators: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Seen:
    """A figure with its interval (both ends or none), or why there is none."""

    value: float | None
    low: float | None
    high: float | None
    n: int
    undefined: str | None = None


def small_data(store: Store, *, project_id: str, by: Person, as_of: int | None = None) -> SmallData | None:
    """Advice for a project with little data; None where there is more, or nothing was scored yet."""
    require(by, "view.figures")
    run = monitor.newest_run(store, project_id, as_of=as_of)
    if run is None:
        return None
    overall = _seen(monitor.figures(store, project_id, run), "key")
    alpha, percent = overall[ALPHA], overall["percent_agreement"]
    if percent.n >= FEW_ITEMS:
        return None
    rows = monitor.figures(store, project_id, run, group_kind="annotator")
    people = _seen(rows.filter(pl.col("key") == "agreement_with_others"), "group_id")
    mix = store.read("overview_label_mix", project_id=project_id, as_of=as_of)
    counts = mix["n"].to_list()
    top = max(counts) / sum(counts) if counts else 0.0
    limit = next(one.value for one in limits(store, project_id, as_of=as_of) if one.key == ALPHA)
    return SmallData(
        n_items=percent.n,
        n_people=len(people),
        agreement=on_agreement(
            alpha,
            percent,
            limit=limit,
            by_chance=_by_chance(percent, overall["fleiss_kappa"]),
            top_share=top,
            ac1=overall["gwet_ac1"],
        ),
        annotators=on_annotators(people, n_items=percent.n),
    )


def items_to_halve(n_items: int) -> int:
    """How many more items make an interval half as wide: its width falls with the root of n.

    >>> items_to_halve(50)
    150
    """
    return 3 * n_items


def items_to_reach(n_items: int, half: float, distance: float) -> int | None:
    """How many items in all bring an end that lies `half` from the value to a limit that lies `distance` from it.

    Rounded up to tens, as the value will move too; None where that is beyond MOST_ITEMS.

    >>> items_to_reach(50, half=0.2, distance=0.13), items_to_reach(50, half=0.2, distance=0.001)
    (120, None)
    """
    if distance <= 0 or n_items * (half / distance) ** 2 > MOST_ITEMS:
        return None
    return 10 * math.ceil(round(n_items * (half / distance) ** 2 / 10, 6))


def on_agreement(
    alpha: Seen,
    percent: Seen,
    *,
    limit: float | None,
    by_chance: float | None,
    top_share: float,
    ac1: Seen,
) -> tuple[str, ...]:
    """What so few items can tell about agreement, how many more would tell it, and which figure to look at.

    Args:
        alpha: Krippendorff's, of the project.
        percent: percent agreement.
        limit: of alpha, for a release.
        by_chance: the percent agreement that chance alone would reach.
        top_share: of the most frequent label among today's labels.
        ac1: Gwet's.
    """
    if percent.value is None:
        return (_NOTHING_SHARED,)
    width = _width(alpha, limit) if alpha.value is not None else (_no_alpha(alpha, percent),)
    return (*width, _which_figure(percent, by_chance, ac1, top_share))


def on_annotators(people: Mapping[str, Seen], *, n_items: int) -> tuple[str, ...]:
    """Whether the people can be ranked by their agreement with the others, and how many items that would take.

    Args:
        people: each annotator's agreement with the others.
        n_items: that several people labelled, in the project.
    """
    known = sorted(
        ((who, one) for who, one in people.items() if one.value is not None and one.low is not None),
        key=lambda pair: (pair[1].value or 0.0, pair[0]),
    )
    if len(known) < 2:
        return ("Fewer than two people can be compared with others on the same items: nobody can be ranked.",)
    (last, low), (first, high) = known[0], known[-1]
    apart = (high.low or 0.0) > (low.high or 0.0)
    who = f"{first} agrees with the others on {_share(high)}, {last} on {_share(low)}"
    if apart and len(known) == 2:
        return (f"The two can be told apart: {who}.",)
    if apart:
        return (
            f"The first and the last can be told apart: {who}. Of any others only those whose intervals do not overlap.",
        )
    need = _items_to_part(n_items, low, high)
    takes = (
        f"If their shares stay so, it takes about {need:,} items like these in all to tell the two apart"
        if need is not None
        else "They are so close that more items are hardly worth it"
    )
    return (
        f"Nobody can be ranked: even the first and the last could be equally good. {who}.",
        f"{takes}; until then look at the items where somebody differs, not at the order of the people.",
    )


def _width(alpha: Seen, limit: float | None) -> tuple[str, ...]:
    """How far alpha could be off, whether that decides the limit, and what would."""
    value, low, high, n = alpha.value or 0.0, alpha.low, alpha.high, alpha.n
    if low is None or high is None:
        return (_all_agree(n),) if value == 1 else (f"With {n:,} items there is no interval for alpha.",)
    more = items_to_halve(n)
    halve = f"Half as wide an interval takes about {more:,} more items ({n + more:,} in all)."
    said = f"With {n:,} items alpha could be anything from {low:.2f} to {high:.2f}."
    if limit is None:
        return (f"{said} {halve}",)
    if low >= limit:
        return (
            f"{said} All of that keeps the limit of {limit:.3g}: for that question these items are enough. {halve}",
        )
    if high < limit:
        under = f"{said} All of that is under the limit of {limit:.3g}: more items of the same kind will hardly change it."
        return (f"{under} Look at the guideline and at the items where people differ first.",)
    end = value - low if value >= limit else high - value
    need = items_to_reach(n, end, abs(value - limit))
    settle = (
        f"If alpha stays at {value:.2f}, about {need - n:,} more items would settle it."
        if need is not None and need > n
        else "Alpha lies so close to the limit that more items will hardly settle it."
    )
    return (
        f"{said} The limit of {limit:.3g} lies in between: these items cannot tell whether agreement is enough. {settle}",
        halve,
    )


def _no_alpha(alpha: Seen, percent: Seen) -> str:
    """Why alpha is undefined, and what full agreement of so few items leaves open."""
    reason = f"Alpha is undefined: {alpha.undefined}."
    return f"{reason} {_all_agree(percent.n)}" if percent.value == 1 else reason


def _all_agree(n: int) -> str:
    """What n items without a difference leave open: the exact upper end, 1 - 0.05^(1/n) (Hanley & Lippman-Hand 1983)."""
    return (
        f"Everybody agreed on all {n:,} items, but people could still differ on up to {_percent(1 - 0.05 ** (1 / n))} of such items "
        "(95 % sure)."
    )


def _which_figure(percent: Seen, by_chance: float | None, ac1: Seen, top_share: float) -> str:
    """The figure to look at first."""
    if top_share >= SKEWED and ac1.value is not None:
        return (
            f"One label makes up {_percent(top_share)} of all, so alpha and the kappas hang on the few items of the others: "
            f"look at Gwet's AC1 ({ac1.value:.2f}) beside them, and read the items of the rare labels one by one."
        )
    chance = "" if by_chance is None else f", where chance alone would give about {_percent(by_chance)}"
    return (
        f"Look at percent agreement first: {_share(percent)}{chance}. Then read the items on which people differ, one by one: "
        "of so few that tells more than any other figure."
    )


def _by_chance(percent: Seen, fleiss: Seen) -> float | None:
    """The agreement by chance P_e in Fleiss' (1971) kappa = (P - P_e) / (1 - P_e)."""
    if percent.value is None or fleiss.value is None or fleiss.value >= 1:
        return None
    return min(1.0, max(0.0, (percent.value - fleiss.value) / (1 - fleiss.value)))


def _items_to_part(n_items: int, low: Seen, high: Seen) -> int | None:
    """Items of the project at which the intervals of two people no longer overlap, if their shares stay."""
    if low.value is None or high.value is None or low.high is None or high.low is None:
        return None
    ends = (high.value - high.low) + (low.high - low.value)
    return items_to_reach(n_items, ends, high.value - low.value)


def _share(one: Seen) -> str:
    if one.low is None or one.high is None:
        return _percent(one.value or 0.0)
    return f"{_percent(one.value or 0.0)} ({one.low * 100:.0f} to {_percent(one.high)})"


def _percent(share: float) -> str:
    return f"{share * 100:.0f} %"


def _seen(rows: pl.DataFrame, name: str) -> dict[str, Seen]:
    columns = ("value", "low", "high", "n", "undefined")
    return {row[name]: Seen(*(row[column] for column in columns)) for row in rows.iter_rows(named=True)}
