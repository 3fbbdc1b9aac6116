"""Costs and plans in words."""

from __future__ import annotations

from fractions import Fraction

import polars as pl

from analytics.pay import MICROS
from analytics.vote_value import Plan


def money(amount: Fraction | float, currency: str, digits: int = 2) -> str:
    """An amount for people, with more digits where it is small.

    >>> money(Fraction(5, 4), "EUR"), money(Fraction(1, 300), "EUR"), money(1234567, "JPY", 0)
    ('1.25 EUR', '0.0033 EUR', '1,234,567 JPY')
    """
    value = float(amount)
    if value and abs(value) < 0.1 and digits:
        digits += 2
    return f"{value:,.{digits}f} {currency}"


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
