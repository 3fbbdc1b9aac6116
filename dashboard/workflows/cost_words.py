"""Costs and plans in words."""

from __future__ import annotations

from fractions import Fraction

import polars as pl

from analytics.pay import MICROS
from analytics.results import Estimate
from analytics.vote_value import Plan

SMALL = 0.1
"""Under it an amount has two more digits: a cent would be a tenth of it."""


def money(amount: Fraction | float, currency: str, digits: int = 2) -> str:
    """An amount for people, with more digits where it is small.

    >>> money(Fraction(5, 4), "EUR"), money(Fraction(1, 300), "EUR"), money(1234567, "JPY", 0)
    ('1.25 EUR', '0.0033 EUR', '1,234,567 JPY')
    """
    value = float(amount)
    return f"{value:,.{_digits(value, digits)}f} {currency}"


def with_ends(found: Estimate, said: str = "") -> str:
    """Money with its interval where it has one, all three with the digits of the amount; `said` stands behind the interval.

    >>> with_ends(Estimate(0.0612, 0.059, 0.1, 40, unit="EUR")), with_ends(Estimate(2.0, None, None, 40, unit="EUR"), "by gold")
    ('0.0612 EUR (0.0590 to 0.1000)', '2.00 EUR (by gold)')
    >>> with_ends(Estimate(7.5, 4, 9, 40, unit="EUR"), "from 40 items")
    '7.50 EUR (4.00 to 9.00, from 40 items)'
    """
    if found.value is None:
        return found.undefined or "not known"
    ends = "" if found.low is None or found.high is None else range_text(found.value, found.low, found.high)
    inside = ", ".join(part for part in (ends, said) if part)
    return f"{money(found.value, found.unit)}{f' ({inside})' if inside else ''}"


def range_text(value: float, low: float, high: float) -> str:
    """The ends of an interval of money, with the digits that its value has.

    >>> range_text(0.05, 0.04, 0.11)
    '0.0400 to 0.1100'
    """
    digits = _digits(value, 2)
    return f"{low:,.{digits}f} to {high:,.{digits}f}"


def _digits(value: float, digits: int) -> int:
    return digits + 2 if value and abs(value) < SMALL and digits else digits


def action_counts(items: pl.DataFrame) -> str:
    """What the rows of a plan buy, in words: "41 extra votes on 20 items"."""
    counted = (
        items.group_by("action")
        .agg(pl.col("n").sum(), items=pl.len())
        .sort("n", "action", descending=[True, False])
    )
    said = []
    for action, n, n_items in counted.select("action", "n", "items").iter_rows():
        first, _, rest = action.partition(" of ")
        name = action if n == 1 else f"{first}s{' of ' if rest else ''}{rest}"
        said.append(f"{n:,} {name} on {n_items:,} {'item' if n_items == 1 else 'items'}")
    return " and ".join(said)


def next_words(following: Plan, currency: str, *, most: int) -> str:
    """What the next `most` main units are best spent on."""
    if following.items.is_empty():
        return f"no purchase for {most} {currency} is expected to make any label better"
    errors = float(following.items["gain"].sum())
    per = following.cost / MICROS / errors
    return (
        f"the next {most} {currency} are best spent on {action_counts(following.items)}: "
        f"{errors:.1f} wrong labels fewer are expected, {per:,.2f} {currency} each"
    )


def plan_words(made: Plan, accuracy: float | None, currency: str) -> str:
    """What a plan buys, for how much, and what it is expected to do."""
    if made.undefined is not None:
        return f"An accuracy of {accuracy or 0:.1%} {made.undefined}"
    if made.items.is_empty():
        return f"Nothing needs to be bought: the labels are expected to be correct in {made.accuracy_now:.1%} as they are"
    return (
        f"{action_counts(made.items)} for {made.cost / MICROS:,.2f} {currency} are expected to bring the labels "
        f"from {made.accuracy_now:.1%} to {made.accuracy_then:.1%} correct"
    )
