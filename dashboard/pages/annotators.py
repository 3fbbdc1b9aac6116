"""Annotators: who needs help, and with what?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import polars as pl
import streamlit as st

from dashboard import (
    address,
    annotator_figures,
    annotator_view,
    charts,
    reviewer_figures,
    session,
    small_data_view,
)
from dashboard.components import (
    empty_state,
    error_state,
    look,
    moment_text,
    plain,
    plot,
    verdict,
    what_is_this,
)
from dashboard.workflows import annotator_attributes, annotators_everyday, annotators_view, monitor
from dashboard.workflows.opening import KeyMissing

DAYS = ("3", "7", "14", "30")
NAMED = 6
TABS = {"people": "Everybody", "reviewers": "Reviewers"}


def render() -> None:
    """Everybody, or the file of the annotator whom the address names."""
    annotator_id = st.query_params.get("annotator")
    if annotator_id:
        annotator_view.draw(annotator_id)
    else:
        _tabs()


def _tabs() -> None:
    """Everybody as annotators, or as reviewers; which of the two stands in the address."""
    named = st.query_params.get("tab", "people")
    people, reviewers = st.tabs(
        list(TABS.values()),
        default=TABS.get(named, TABS["people"]),
        key="annotators_tab",
        on_change=_remember_tab,
    )
    with people:
        if people.open:
            _list()
    with reviewers:
        if reviewers.open:
            reviewer_figures.draw()


def _remember_tab() -> None:
    address.clear("tab", *reviewer_figures.FILTERS)
    if st.session_state["annotators_tab"] == TABS["reviewers"]:
        st.query_params["tab"] = "reviewers"


def _list() -> None:
    seen = annotators_view.annotators_view(
        session.store(), project_id=session.project_id(), by=session.person(), as_of=session.as_of()
    )
    if seen is None:
        empty_state(
            "Nothing was scored yet",
            "How well annotators do is computed by a scoring run. The overview starts one.",
            page="overview",
            link="Go to the overview",
            icon="group",
        )
        return
    verdict(
        seen.state,
        seen.sentence,
        detail=f"{seen.detail} Click a row to open the person's file.".strip(),
        chip="Cannot tell" if seen.state == "undefined" else "",
    )
    small_data_view.draw("annotators")
    lately = _everyday()
    _everybody(seen, lately)
    if session.person().may("attributes.read"):
        _attributes()


def _everyday() -> annotators_everyday.Everyday:
    """What happened lately: since yesterday, who has stopped, who is unusually fast."""
    work, stopped, fast = st.columns(3)
    with stopped, st.container(border=True, height="stretch", gap="xsmall"):
        st.markdown("**Stopped while others worked**")
        days = address.choice(
            "days",
            "No annotation for",
            DAYS,
            words=lambda n: f"{n} days",
            default=str(annotators_everyday.DAYS),
        )
        found = annotators_everyday.everyday(
            session.store(),
            project_id=session.project_id(),
            by=session.person(),
            days=int(days),
            as_of=session.as_of(),
        )
        _names(found.stopped, "stopped", "Nobody.")
    with work, st.container(border=True, height="stretch", gap="xsmall"):
        st.markdown("**Since yesterday**")
        st.markdown(f"# {found.n_since:,}", anchors=False)
        people = "1 annotator" if found.people_since == 1 else f"{found.people_since:,} annotators"
        st.caption(f"annotations by {people}, since {moment_text(found.since)} UTC")
    with fast, st.container(border=True, height="stretch", gap="xsmall"):
        st.markdown(
            "**Unusually fast**",
            help="Compared with others who gave the same labels: a reason to look, no more.",
        )
        _fast()
    return found


def _fast() -> None:
    run = monitor.newest_run(session.store(), session.project_id(), as_of=session.as_of())
    if run is None:
        return
    pace = annotator_figures.paces(
        run.run_id, session.project_id(), session.person().person_id, session.as_of()
    )
    rows = pace.filter("is_fast").sort("ratio") if pace is not None else None
    timed = 0 if pace is None else pace.filter(pl.col("n_timed") > 0).height
    _names(
        tuple(rows["annotator_id"]) if rows is not None else (),
        "fast",
        "Nobody." if timed else "No times are known.",
    )
    if pace is not None and timed and pace["z"].null_count() == pace.height:
        st.caption(plain(f"Only annotations under a second count: {pace['undefined'].drop_nulls()[0]}."))


def _names(people: tuple[str, ...], key: str, nobody: str) -> None:
    """Annotators as buttons that open their files."""
    if not people:
        st.markdown(nobody)
    with st.container(horizontal=True, gap="xsmall"):
        for person in people[:NAMED]:
            st.button(plain(person), key=f"{key}_{person}", on_click=_open, args=(person,))
    if len(people) > NAMED:
        st.caption(f"and {len(people) - NAMED} more")


def _everybody(seen: annotators_view.AnnotatorsView, lately: annotators_everyday.Everyday) -> None:
    left, right = st.columns([1, 2], gap="large")
    with left:
        st.markdown("#### Agreement with the consensus of the others", anchors=False)
        figure = charts.bars(seen.bars, look=look(), unit="share", name="Agreement", zero=False)
        plot(
            figure,
            key="annotators_bars",
            alt="Each annotator's agreement with the consensus of the others, with its interval",
        )
    with right:
        with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
            st.markdown("#### Everybody", anchors=False)
            what_is_this("gold")
        _table(seen.table.join(lately.table.select("annotator_id", "n_since"), on="annotator_id", how="left"))


def _table(table: pl.DataFrame) -> None:
    share = st.column_config.ProgressColumn(format="%.0f %%", min_value=0, max_value=100)
    nth = st.session_state.setdefault("annotators_opened", 0)
    event = st.dataframe(
        table.select(
            "annotator_id",
            "n",
            "n_since",
            pl.col("agreement", "accuracy_on_gold") * 100,
            "n_gold",
            "median_seconds",
            "last_at",
        ),
        key=f"annotators_table_{nth}",
        hide_index=True,
        height=min(520, 40 + 35 * table.height),
        on_select="rerun",
        selection_mode=["single-row", "single-cell"],
        column_config={
            "annotator_id": "Annotator",
            "n": st.column_config.NumberColumn("Annotations", format="localized"),
            "n_since": st.column_config.NumberColumn("Since yesterday", format="localized"),
            "agreement": share | {"label": "With the others"},
            "accuracy_on_gold": share | {"label": "On gold"},
            "n_gold": st.column_config.NumberColumn("Gold items"),
            "median_seconds": st.column_config.NumberColumn("Median seconds", format="%.1f"),
            "last_at": st.column_config.DatetimeColumn("Last seen", format="D MMM, HH:mm"),
        },
        alt="Every annotator, one row each",
    )
    place = _chosen_row(event["selection"])
    if place is not None:
        st.session_state["annotators_opened"] = nth + 1
        _open(str(table["annotator_id"][place]))
        st.rerun()


def _open(annotator_id: str) -> None:
    st.query_params["annotator"] = annotator_id


def _chosen_row(selection: Mapping[str, list[object]]) -> int | None:
    rows, cells = selection["rows"], selection["cells"]
    if rows:
        return cast("int", rows[0])
    return cast("tuple[int, str]", cells[0])[0] if cells else None


def _attributes() -> None:
    with st.expander("Personal attributes (each reading is written to the audit trail)"):
        purpose = st.text_input("What do you need them for?", key="attributes_purpose")
        if st.button("Read them", disabled=not purpose.strip(), key="attributes_read"):
            try:
                rows = annotator_attributes.attributes(
                    session.store(),
                    project_id=session.project_id(),
                    by=session.person(),
                    purpose=purpose.strip(),
                )
            except KeyMissing as error:
                error_state("They cannot be read here", str(error))
                return
            st.dataframe(rows.pivot("attribute", index="annotator_id", values="value"), hide_index=True)
