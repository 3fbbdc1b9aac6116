"""The items behind the figures of a project, once they are asked for; which of them stands in the address."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import polars as pl
import streamlit as st

from dashboard import address, least_agreed_view, session
from dashboard.components import go_to, item_table, plain
from dashboard.workflows import items_behind

BEHIND = "behind"


def draw() -> None:
    """The choice of items, and those that are chosen."""
    offered = {key: one for key, one in _LISTS.items() if key != "gold" or session.person().may("view.gold")}
    with st.container(width=420):
        key = address.choice(
            BEHIND,
            "Items behind these figures",
            ["", *offered],
            words=lambda one: offered[one][0] if one else "None shown",
        )
    if key:
        offered[key][1]()


def label_items(label: str) -> None:
    """The items that somebody called `label`."""
    found = items_behind.label_items(
        session.store(),
        project_id=session.project_id(),
        by=session.person(),
        label=label,
        as_of=session.as_of(),
    )
    if found.is_empty():
        st.caption(plain(f"Nobody called an item {label}."))
        return
    contested = found.filter(pl.col("votes_label") < pl.col("votes")).height
    st.markdown(
        f"**{_items(found.height)} called {plain(label)} by somebody; on {contested:,} of them others said something else.**"
    )
    item_table(found, f"items-called-{label}.csv", key="label_items")
    if st.button(
        "Those whose label it is today", key="label_today", icon=":material/view_list:", type="tertiary"
    ):
        go_to("items", label=label)


def _by_agreement() -> None:
    least_agreed_view.draw(None, "items-by-agreement.csv", key="agreement_items")


def _repeated() -> None:
    found = items_behind.repeated_items(
        session.store(), project_id=session.project_id(), by=session.person(), as_of=session.as_of()
    )
    if found.is_empty():
        st.caption(
            "Nobody labelled an item twice. To measure agreement with oneself, hand some items out again."
        )
        return
    same = int(found["same"].sum())
    st.markdown(
        f"**One label each time on {same:,} of {found.height:,}** items that one person labelled twice or more; "
        "the others come first."
    )
    item_table(found, "items-labelled-twice.csv", key="repeated_items")


def _gold() -> None:
    found = items_behind.gold_differing(
        session.store(), project_id=session.project_id(), by=session.person(), as_of=session.as_of()
    )
    if found is None or found.is_empty():
        st.caption("On no gold item does the consensus differ from gold.")
        return
    is_or_are = "gold item has" if found.height == 1 else "gold items have"
    st.markdown(
        f"**{found.height:,} {is_or_are} another consensus than gold**; first where it is surest: there the people, or gold, "
        "are wrong together. Do not show this list to annotators."
    )
    item_table(found, "gold-items-that-differ.csv", key="gold_items")


def _items(n: int) -> str:
    return "1 item was" if n == 1 else f"{n:,} items were"


_LISTS: Mapping[str, tuple[str, Callable[[], None]]] = {
    "agreement": ("Labelled by several, least agreed first", _by_agreement),
    "repeats": ("Labelled twice by one person", _repeated),
    "gold": ("Gold items with another consensus", _gold),
}
