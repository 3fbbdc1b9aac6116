"""The least agreed items behind a figure, the first of them on the page and all of them as CSV."""

from __future__ import annotations

import polars as pl
import streamlit as st

from dashboard import session
from dashboard.components import item_table
from dashboard.workflows import agreement_view
from dashboard.workflows.agreement_view import Group, LeastAgreed

_READ, _MOST_READ = "agreement_items_read", 20


def draw(group: Group | None, name: str, *, key: str) -> None:
    """The least agreed items, of all or of a group: the first of them, all of them as CSV."""
    store, project_id, by, as_of = session.store(), session.project_id(), session.person(), session.as_of()
    found = _least_agreed(group)
    if found is None:
        st.caption("These windows were made by counting annotations: when they were made is not known.")
        return
    if not found.n_items:
        st.caption("No item here has two independent annotations.")
        return
    st.markdown(
        f"**All annotations agree on {found.n_whole:,} of {found.n_items:,} items** that have two or more "
        f"({found.n_whole / found.n_items:.0%})."
    )

    def whole() -> pl.DataFrame:
        if group is None:
            return agreement_view.items_by_agreement(store, project_id=project_id, by=by, as_of=as_of)
        every = agreement_view.group_items(store, project_id=project_id, by=by, group=group, as_of=as_of)
        return found.items if every is None else every

    item_table(found.items, name, key=key, n_items=found.n_items, whole=whole)


def _least_agreed(group: Group | None) -> LeastAgreed | None:
    """Read once for what the store holds: a click elsewhere on the page does not count the annotations again."""
    store, project_id, by, as_of = session.store(), session.project_id(), session.person(), session.as_of()
    asked = (project_id, by.person_id, store.head if as_of is None else as_of, group)
    kept = st.session_state.setdefault(_READ, {})
    if asked not in kept:
        while len(kept) >= _MOST_READ:
            kept.pop(next(iter(kept)))
        kept[asked] = agreement_view.least_agreed(
            store, project_id=project_id, by=by, group=group, as_of=as_of
        )
    read: LeastAgreed | None = kept[asked]
    return read
