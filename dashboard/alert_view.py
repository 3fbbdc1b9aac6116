"""Alerts on a page: those that are open, taking and closing one with a reason, those that are closed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import polars as pl
import streamlit as st

from dashboard import presses, session
from dashboard.components import link_to, plain, press_outcome
from dashboard.workflows import alert_figures, alert_webhook, alerts, drift
from dashboard.workflows.alert_codes import CODES
from dashboard.workflows.alert_opening import CLOSED, OWNED

SHOWN = 3
"""Alerts on a page that is about more than alerts."""
NAMED = 5
"""Annotators of an alert that are linked; where there are more, the page of all of them is."""
MOVED = (alert_figures.MIX, alert_figures.CHOICES, alert_figures.SEQUENTIAL)
"""Alerts on a label's rate, which annotators and items moved."""


def alert_section(run_id: str = "") -> None:
    """The open alerts with their owners, SHOWN of them and the others folded away, as the closed ones are; where the limits are.

    `run_id`: of the measurement of drift that the page shows, which needs no link to itself.
    """
    store, project, person = session.store(), session.project_id(), session.person()
    table = alerts.alerts(store, project_id=project, by=person, as_of=session.as_of())
    waiting = alerts.still_open(table)
    if waiting.is_empty():
        st.caption("No alert is open.")
    for row in waiting.head(SHOWN).iter_rows(named=True):
        alert_card(row, run_id)
    more = waiting.height - SHOWN
    if more > 0:
        with st.expander("1 more alert is open" if more == 1 else f"{more:,} more alerts are open"):
            for row in waiting.tail(more).iter_rows(named=True):
                alert_card(row, run_id)
    closed = table.filter(pl.col("status") == CLOSED)
    if closed.height:
        with st.expander("1 closed alert" if closed.height == 1 else f"{closed.height:,} closed alerts"):
            closed_table(closed)
    link_to("settings", label="Limits of alerts, their owners and the webhook", tab="alerts")


def closed_table(closed: pl.DataFrame) -> None:
    """The alerts that were closed, the newest first."""
    st.dataframe(
        closed.select(
            pl.col("opened_at").dt.strftime("%d %b %Y").alias("Opened"),
            pl.col("sentence").alias("What"),
            pl.col("code").replace_strict(dict(CODES), default="").alias("Closed as"),
            pl.col("reason").alias("In words"),
            pl.col("owner").alias("Owner"),
            pl.col("changed_by").alias("Closed by"),
        ),
        hide_index=True,
        key="closed_alerts",
        alt="The closed alerts, with why each was closed",
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
    if more > 0:
        link_to("drift", label=f"See {more:,} more")


def alert_card(row: dict[str, Any], run_id: str = "") -> None:
    """One alert: what it says, since when, whose it is, and where its figure is explained; for a person who may, taking and closing it.

    `run_id`: as in `alert_section`.
    """
    may_handle = session.as_of() is None and session.person().may("alert.handle")
    kind = (
        "" if row["group_kind"] == alert_figures.CROWD else row["group_kind"]
    )  # who it is stands in the sentence
    title = alert_figures.title(row["key"], kind, row["group_id"])
    with st.container(border=True, key=f"alert-{row['alert_id']}"):
        said, there = st.columns([6, 1], vertical_alignment="center")
        with said:
            sentence = row["sentence"]
            more = sentence.removeprefix(title) if sentence.startswith(title) else f": {sentence}"
            st.markdown(f":material/notifications_active: **{plain(title)}**{plain(more)}.")
            st.caption(f"{'; '.join(filter(None, (_since(row), _figure(row), _sent(row))))}.")
            _behind(row)
        with there:
            if row["run_id"] != run_id:
                _link(row)
            if may_handle:
                _take(row)
        if may_handle and row["status"] == OWNED:
            _closing(row)


def _since(row: dict[str, Any]) -> str:
    owner = f"owned by **{plain(row['owner'])}**" if row["owner"] else "**nobody owns it**"
    return f"Opened {row['opened_at']:%d %b %Y}{_age(row)}, {owner}"


def _figure(row: dict[str, Any]) -> str:
    value, limit = (plain(alert_figures.told(row[name], row["unit"])) for name in ("value", "limit_value"))
    return f"{value}, limit {limit}, n {row['n']:,}"


def _sent(row: dict[str, Any]) -> str:
    """What became of it at the webhook; nothing where there is none to send it to."""
    if row["delivered"]:
        return f"sent to {plain(row['host'])}"
    if row["attempts"]:
        tries = "1 attempt" if row["attempts"] == 1 else f"{row['attempts']} attempts"
        return f"not delivered after {tries} ({plain(row['answer'])})"
    return "not sent yet" if alert_webhook.configured() is not None else ""


def _link(row: dict[str, Any]) -> None:
    """To the page that explains the figure, with its run or its person in the address."""
    page = alert_figures.page_of(row["key"])
    run = row["run_id"] if page == "drift" else None
    link_to(
        page, run=run, annotator=row["group_id"] if row["group_kind"] == alert_figures.ANNOTATOR else None
    )


def _behind(row: dict[str, Any]) -> None:
    """Who and what is behind it, each a click away: the annotators that it names, or those and the items that moved a label's rate most."""
    people: Sequence[str] = json.loads(row["annotators"] or "[]")
    items: Sequence[str] = ()
    if row["key"] in MOVED:
        people, items = drift.movers(
            session.store(), project_id=session.project_id(), by=session.person(), run_id=row["run_id"]
        )
    if not people and not items:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption("Moved most by" if row["key"] in MOVED else "It names", width="content")
        for person in people[:NAMED]:
            link_to("annotators", label=person, annotator=person)
        if len(people) > NAMED:
            link_to("annotators", label=f"{len(people) - NAMED:,} more")
        for item in items:
            link_to("items", label=item, item=item)


def _take(row: dict[str, Any]) -> None:
    store, project, person = session.store(), session.project_id(), session.person()
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


def _closing(row: dict[str, Any]) -> None:
    store, project, person = session.store(), session.project_id(), session.person()
    alert_id = row["alert_id"]
    # when the form was drawn, not when it was pressed
    seen: int | None = st.session_state.get(f"alert_seen_{alert_id}")
    st.session_state[f"alert_seen_{alert_id}"] = store.head
    with st.form(f"close_{alert_id}", border=False):
        left, right = st.columns([1, 2])
        code = left.selectbox(
            "It was", list(CODES), index=None, format_func=CODES.__getitem__, key=f"code_{alert_id}", placeholder="Choose"
        )  # fmt: skip
        reason = right.text_input("What was it, and what was done?", key=f"reason_{alert_id}")
        if st.form_submit_button("Close the alert"):
            if code is None:
                presses.refuse("Choose what it was; it is counted how often an alert was a false one.")
            else:
                presses.send(
                    lambda request: alerts.close(
                        store, project_id=project, by=person, alert_id=alert_id, code=code, reason=reason, saw=seen, request_id=request,
                    ),
                    "close", alert_id, code, reason,
                )  # fmt: skip
            st.rerun()


def _age(row: dict[str, Any]) -> str:
    """How long it has been open; nothing when an earlier moment is shown."""
    if session.as_of() is not None:
        return ""
    days = alerts.days_open(row["opened_at"], session.store().clock())
    return " (today)" if days == 0 else " (1 day ago)" if days == 1 else f" ({days:,} days ago)"
