"""A figure as a card: value, interval, n, limit and course, or a dash with the reason why there is none."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard.chart_parts import PLAIN_UNITS
from dashboard.drawings import interval_strip, sparkline
from dashboard.marks import look, number_text, plain, state_chip
from dashboard.palette import State


def figure_card(
    title: str,
    value: float | None,
    low: float | None = None,
    high: float | None = None,
    n: int = 0,
    *,
    unit: str = "share",
    n_unit: str = "items",
    limit: float | None = None,
    limit_is: str = "at least",
    trend: Sequence[float | None] = (),
    state: State | None = None,
    undefined: str | None = None,
    help: str | None = None,  # noqa: A002 - Streamlit's own word
) -> None:
    """Draw one figure.

    Args:
        title: what it is, in the glossary's words.
        value: the figure in `unit`; None where it is undefined, and then `undefined` says why.
        low: lower end of its 95 % interval.
        high: upper end of its 95 % interval.
        n: how many `n_unit` it rests on.
        unit: "share" (shown in per cent), "coefficient", or a unit of its own, said behind the value.
        n_unit: what n counts.
        limit: the limit it should keep, if there is one.
        limit_is: "at least" or "at most".
        trend: earlier values, oldest first, the newest last; None is a gap.
        state: fit, watch, not fit; undefined by itself where there is no value; None draws no chip.
        undefined: the reason why there is no value.
        help: what the figure means and what good is.
    """
    shown: State | None = "undefined" if value is None else state
    with st.container(border=True, height="stretch", gap="xsmall"):
        with st.container(
            horizontal=True, horizontal_alignment="distribute", vertical_alignment="center", wrap=False
        ):
            st.markdown(f"**{plain(title)}**", help=help)
            if shown is not None:
                state_chip(shown)
        suffix = f" :small[{plain(unit)}]" if value is not None and unit not in PLAIN_UNITS else ""
        st.markdown(f"# {plain(number_text(value, unit))}{suffix}", anchors=False)
        if value is None:
            st.caption(plain(_sentence(undefined or "There is no figure yet.")))
            return
        limit_text = f" · {limit_is} {number_text(limit, unit)}" if limit is not None else ""
        st.caption(plain(f"{_interval(low, high, unit)}{n:,} {n_unit}{limit_text}"))
        drawn = shown or "undefined"
        if len([one for one in trend if one is not None]) > 1:
            st.image(
                sparkline(trend, limit, state=drawn, look=look()), width="stretch", alt=f"{title} over time"
            )
        elif low is not None or limit is not None:
            strip = interval_strip(value, low, high, limit, state=drawn, look=look(), unit=unit)
            st.image(strip, width="stretch", alt=f"{title} with its interval and limit")


def _interval(low: float | None, high: float | None, unit: str) -> str:
    if low is None or high is None:
        return ""
    return f"{number_text(low, unit).removesuffix(' %')} to {number_text(high, unit)} · "


def _sentence(text: str) -> str:
    """With a capital and a full stop."""
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")
