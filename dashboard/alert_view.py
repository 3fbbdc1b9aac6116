"""Alerts on a page: those that are open, taking and closing one, the limits."""

from __future__ import annotations

from typing import Any

import polars as pl
import streamlit as st

from dashboard import presses, session
from dashboard.components import link_to, plain, press_outcome
from dashboard.workflows import alerts

SHOWN = 3
"""Alerts on a page that is about more than alerts."""


def alert_section() -> None:
    """The open alerts with their owners; the closed ones and the limits folded away."""
    store, project, person = session.store(), session.project_id(), session.person()
    table = alerts.alerts(store, project_id=project, by=person, as_of=session.as_of())
    waiting = table.filter(pl.col("status") != alerts.CLOSED)
    if waiting.is_empty():
        st.caption("No alert is open.")
    for row in waiting.iter_rows(named=True):
        alert_card(row)
    closed = table.filter(pl.col("status") == alerts.CLOSED)
    with st.expander(f"Limits, and {closed.height} closed alerts"):
        _limits()
        if closed.height:
            st.dataframe(
                closed.select("opened_at", "sentence", "owner", "changed_by", "reason"),
                hide_index=True,
                key="closed_alerts",
            )


def open_alerts() -> None:
    """The alerts that wait, for a page that is about more: at most SHOWN of them, the oldest first; nothing where none is open."""
    store, project, person = session.store(), session.project_id(), session.person()
    if not person.may("view.figures"):
        return
    press_outcome()
    waiting = alerts.waiting(store, project_id=project, by=person, as_of=session.as_of())
    if waiting.is_empty():
        return
    is_or_are = "alert is" if waiting.height == 1 else "alerts are"
    st.markdown(f"#### {waiting.height:,} {is_or_are} open", anchors=False)
    for row in waiting.head(SHOWN).iter_rows(named=True):
        alert_card(row)
    more = waiting.height - SHOWN
    link_to("drift", label="See what changed, and why" if more <= 0 else f"See {more:,} more, and why")


def alert_card(row: dict[str, Any]) -> None:
    """One alert: what it says, since when, whose it is; for a person who may, taking it and closing it with a reason."""
    store, project, person = session.store(), session.project_id(), session.person()
    title = next(watched.title for watched in alerts.WATCHED if watched.key == row["key"])
    with st.container(border=True, key=f"alert-{row['alert_id']}"):
        owner = f"owned by **{plain(row['owner'])}**" if row["owner"] else "**nobody owns it**"
        st.markdown(f":material/notifications_active: **{plain(title)}**: {plain(row['sentence'])}.")
        told = "delivered" if row["delivered"] else "not delivered" if row["attempts"] else "no webhook tried"
        st.caption(
            f"Opened {row['opened_at']:%d %b %Y}{_age(row)}, {owner};"
            f" {row['value']:.3g}, limit {row['limit_value']:.3g}, n {row['n']:,}; {told}."
        )
        if session.as_of() is not None or not person.may("alert.handle"):
            return
        alert_id = row["alert_id"]
        if row["owner"] != person.person_id and st.button("I take it", key=f"own_{alert_id}"):
            presses.send(
                lambda request: alerts.own(
                    store, project_id=project, by=person, alert_id=alert_id, request_id=request
                ),
                "own",
                alert_id,
            )
            st.rerun()
        if row["status"] == alerts.OWNED:
            with st.form(f"close_{alert_id}", border=False):
                reason = st.text_input("What was it, and what was done?", key=f"reason_{alert_id}")
                if st.form_submit_button("Close the alert"):
                    presses.send(
                        lambda request: alerts.close(
                            store, project_id=project, by=person, alert_id=alert_id, reason=reason, request_id=request
                        ),
                        "close", alert_id, reason,
                    )  # fmt: skip
                    st.rerun()


def _age(row: dict[str, Any]) -> str:
    """How long it has been open; nothing when an earlier moment is shown."""
    if session.as_of() is not None:
        return ""
    days = alerts.days_open(row["opened_at"], session.store().clock())
    return " (today)" if days == 0 else " (1 day ago)" if days == 1 else f" ({days:,} days ago)"


def _limits() -> None:
    store, project, person = session.store(), session.project_id(), session.person()
    held = {limit.key: limit for limit in alerts.limits(store, project, as_of=session.as_of())}
    for watched in alerts.WATCHED:
        limit = held[watched.key]
        rule = {"low": "alert over", "high": "alert under", "value": "on; its limit is its own"}[watched.side]
        value = (
            "off" if limit.value is None else rule if watched.side == "value" else f"{rule} {limit.value:g}"
        )
        st.markdown(f"**{plain(watched.title)}**: {value}, from n = {limit.least_n:,} on")
        st.caption(plain(watched.why))
    if session.as_of() is not None or not person.may("setting.change"):
        return
    titles = {watched.key: watched.title for watched in alerts.WATCHED}
    with st.form("alert_limit", border=True):
        key = st.selectbox("Limit of", list(titles), format_func=lambda name: titles[name])
        wanted = st.number_input("At", min_value=-1.0, max_value=1.0, value=0.1, step=0.01)
        off = st.checkbox("Switch this alert off")
        reason = st.text_input("Why")
        if st.form_submit_button("Set the limit"):
            new = None if off else float(wanted)
            presses.send(
                lambda request: alerts.set_limit(
                    store, project_id=project, by=person, key=key, limit=new, reason=reason, request_id=request
                ),
                "limit", key, str(new), reason,
            )  # fmt: skip
            st.rerun()
