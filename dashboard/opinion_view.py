"""What the newest model run says of one item: a card."""

from __future__ import annotations

import streamlit as st

from dashboard import components, session
from dashboard.marks import moment_text, plain
from dashboard.workflows.item_opinion import ItemOpinion, item_opinion
from dashboard.workflows.uncertainty_view import QUADRANTS
from dashboard.workflows.wording import sureness


def card(item_id: str, label: str | None) -> None:
    """Draw the card; nothing where no run says anything of the item.

    Args:
        item_id: the item.
        label: the label that it has.
    """
    found = item_opinion(
        session.store(),
        project_id=session.project_id(),
        by=session.person(),
        item_id=item_id,
        as_of=session.as_of(),
    )
    if found is None:
        return
    with st.container(border=True, gap="small"):
        st.markdown("**What a model that did not see its label says**")
        st.markdown(plain(" ".join(sentences(found))))
        if found.choices:
            lines = [
                f"{plain(name)} {sureness(p)} :small[:gray[{'in the label' if given else 'not in the label'}]]"
                for name, given, p in found.choices
            ]
            st.markdown("  \n".join(lines))
        changed = f" It had {found.label} then." if label not in (None, found.label) else ""
        st.caption(
            plain(
                f"{found.model_run}, {found.n_members} member{'' if found.n_members == 1 else 's'}, "
                f"{moment_text(found.ran_at)} UTC, on {found.device}.{changed}"
            )
        )
        components.link_to(
            "uncertainty", label=f"{QUADRANTS[found.quadrant][0]}: others like it", quadrant=found.quadrant
        )


def sentences(found: ItemOpinion) -> list[str]:
    """What it says: of the label, of the other one, with the votes, of how unsure it is, and how probably the label is wrong."""
    other = f", {found.other_label} has {sureness(found.p_other)}" if found.other_label else ""
    said = [f"With it {found.label} has {sureness(found.p_label)}{other}."]
    if found.crowd_quality is not None:
        said.append(f"With the annotations taken in, {found.label} has {sureness(found.crowd_quality)}.")
    if found.p_wrong is not None and found.p_low is not None and found.p_high is not None:
        said.append(
            f"By what people decided on flags, the label is wrong with {sureness(found.p_wrong)} "
            f"({found.p_low * 100:.0f} to {found.p_high * 100:.0f} %)."
        )
    said.append(f"{QUADRANTS[found.quadrant][0]}.")
    return said
