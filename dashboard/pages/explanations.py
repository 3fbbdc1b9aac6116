"""Explanations: why is this label what it is? One item, on one page that can be printed."""

from __future__ import annotations

import streamlit as st

from dashboard import (
    address,
    components,
    explanation_record,
    explanation_view,
    item_view,
    reason_view,
    session,
)
from dashboard.workflows import items
from dashboard.workflows.explain import Explanation


def render() -> None:
    """Draw the explanation of the item that the address names, or ask for one."""
    item_id = str(st.query_params.get("item", "")).strip()
    if not item_id:
        _ask()
        return
    with st.spinner("Taking the model's answer apart…"):
        found = explanation_view.explained(
            session.store(),
            session.project_id(),
            session.person(),
            item_id,
            session.as_of(),
            st.query_params.get("choice") or None,
        )
    draw(found)


def draw(found: Explanation) -> None:
    """The whole explanation."""
    story = found.story
    explanation_record.print_head(found)
    item_view.verdict(story)
    reason_view.why_flagged(story.flags)
    if found.choices:
        _choose(found)
    left, right = st.columns([3, 2], gap="large")
    with left:
        components.item_content(story)
        explanation_view.model_card(
            found.model, text=story.text, label_set=story.label_set, image=story.image_bytes
        )
        explanation_view.runs_card(found)
        explanation_view.neighbours_card(found.neighbours, label_set=story.label_set)
    with right:
        explanation_record.choices_card(found)
        item_view.label_card(story)
        item_view.contributions_card(story, decisive=found.decisive)
        explanation_view.clause_card(found.clause)
        item_view.flags(story)
    st.markdown("### History", anchors=False)
    item_view.history_lines(story)
    explanation_record.record_card(found)
    with st.container(horizontal=True, key="explanation-ways"):
        components.link_to("items", label="Everything about this item", item=found.item_id)
        st.caption("Print this page with Ctrl+P; what is only for the screen is left out.")


def _choose(found: Explanation) -> None:
    """Which choice of the set the model and the neighbours are about; in the address, so that it can be sent."""
    names = [one.choice for one in found.choices]
    others = [name for name in found.story.label_set.choices if name not in names]
    with st.container(key="explanation-choice"):
        address.choice("choice", "Taken apart for", [*names, *others], default=names[0])


def _ask() -> None:
    components.headline("Why is a label what it is?", detail="Choose an item; the doubted ones come first.")
    first = items.find_items(
        session.store(),
        project_id=session.project_id(),
        by=session.person(),
        sort="flag",
        page_size=100,
        as_of=session.as_of(),
    )
    if first.total == 0:
        components.empty_state(
            "There are no items yet", "A lead imports them.", page="import_file", link="Import a file"
        )
        return
    ids = first.rows["item_id"].to_list()
    chosen = st.selectbox(
        "Item",
        ids,
        index=None,
        placeholder="An item's id",
        accept_new_options=True,
        key="explained_item",
    )
    if chosen:
        st.query_params["item"] = chosen
        st.rerun()
