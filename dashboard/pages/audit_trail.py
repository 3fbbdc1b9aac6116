"""Audit trail: is the record whole, and what happened, event by event."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta

import polars as pl
import streamlit as st

from dashboard import address, session
from dashboard.components import error_state, link_to, moment_text, plain, verdict
from dashboard.workflows import history
from dashboard.workflows.errors import BadRequest, WorkflowError
from dashboard.workflows.event_words import KINDS
from dashboard.workflows.opening import StoreError
from dashboard.workflows.verify import CAVEAT, Report, verify_open_store

PAGE_SIZE = 20
FILTERS = ("kind", "actor", "subject", "since", "until", "scope", "page")
SCOPES: Mapping[str, str] = {"": "This project", "all": "Every project"}
ITEM_KINDS = frozenset(
    {
        "flag_claimed", "claim_released", "flag_skipped", "draft_saved", "answered_blind", "answered", "question_asked",
        "answer_undone", "adjudicated",
    }
)  # fmt: skip
RELEASE_KINDS = frozenset({"release_proposed", "gate_waived", "release_signed", "release_exported"})


def render() -> None:
    """The state of the record first, then the journal."""
    _state()
    _journal()


def _state() -> None:
    """Whether the record was verified, what was found, and what that does not say."""
    store = session.store()
    key = f"audit_report_{store.store_id}"
    head, button = st.container(), st.container()
    if button.button(
        "Verify the record now",
        key="audit_verify",
        icon=":material/fact_check:",
        type="secondary" if key in st.session_state else "primary",
        help="Reads every line and every file of the record again and checks the chain of hashes.",
    ):
        try:
            with st.spinner("Reading the whole record …"):
                st.session_state[key] = verify_open_store(store, by=session.person())
            st.rerun()
        except (WorkflowError, StoreError) as error:
            error_state("It could not be verified", str(error))
    report: Report | None = st.session_state.get(key)
    with head:
        if report is None:
            verdict(
                "undefined",
                f"{store.head:,} events are on record; nobody verified them in this visit",
                chip="Not verified",
                detail="Every event is one line, chained to the line before by its hash. Verifying reads them all.",
            )
        else:
            _verified(report, store.head)


def _verified(report: Report, head: int) -> None:
    when = f"Verified {moment_text(report.verified_at)} UTC in {report.seconds:.1f} s."
    if report.found.first_broken is not None:
        verdict(
            "not fit",
            report.sentence(),
            chip="Broken",
            detail=f"{when} Keep the folder as it is, and hold this place against a backup of the journal.",
        )
        return
    since = head - report.found.events
    later = f" {since:,} {'event came' if since == 1 else 'events came'} since." if since > 0 else ""
    verdict("fit", report.sentence(), chip="Verified", detail=f"{when}{later} {CAVEAT}")


def _journal() -> None:
    scope = _filters()
    shown = history.events(
        session.store(),
        by=session.person(),
        project_id=scope,
        kinds=[kind] if (kind := st.query_params.get("kind", "")) in KINDS else (),
        actor=st.query_params.get("actor", ""),
        subject=st.query_params.get("subject", ""),
        since=_midnight("since"),
        until=_midnight("until", days=1),
        page=address.current_page(),
        page_size=PAGE_SIZE,
        as_of=session.as_of(),
    )
    _event()
    if shown.total == 0:
        with st.container(border=True, horizontal=True, vertical_alignment="center"):
            st.markdown(":material/search_off: No event matches these filters.")
            st.button("Clear the filters", on_click=address.clear, args=FILTERS)
        return
    events = "1 event" if shown.total == 1 else f"{shown.total:,} events"
    st.caption(f"{events}, newest first. Click a row to see its line in the journal.")
    _table(shown.rows)
    if shown.n_pages > 1:
        with st.container(horizontal=True, horizontal_alignment="center"):
            address.page(shown.n_pages)


def _filters() -> str:
    """The bar of filters; what it says is in the address. Returns the project whose events are shown, "" for all."""
    store, by, as_of = session.store(), session.person(), session.as_of()
    st.markdown("#### What happened", anchors=False)
    kind, actor, subject, since, until, scope = st.columns([2.2, 1.6, 2.4, 1.6, 1.6, 1.8])
    project_id = session.project_id()
    with scope:
        everywhere = (
            address.choice("scope", "Of", list(SCOPES), words=SCOPES.__getitem__) if project_id else "all"
        )
    if everywhere:
        project_id = ""
    known = history.facets(store, by=by, project_id=project_id, as_of=as_of)
    kinds = [name for name in known.kinds["name"] if name in KINDS]
    counts = dict(known.kinds.iter_rows())
    with kind:
        address.choice(
            "kind",
            "Kind",
            ["", *_with_chosen("kind", kinds)],
            words=lambda one: f"{KINDS[one].title} ({counts.get(one, 0):,})" if one else "Any",
        )
    with actor:
        people = _with_chosen("actor", list(known.actors["name"]))
        address.choice("actor", "By", ["", *people], words=lambda one: one or "Anybody")
    with subject:
        address.text("subject", "About", placeholder="An item, a release, a file", icon=":material/search:")
    with since:
        address.day("since", "From (UTC)")
    with until:
        address.day("until", "To (UTC)")
    return project_id


def _with_chosen(name: str, options: list[str]) -> list[str]:
    """The options with the one in the address, so that a link into an empty corner says so instead of showing all."""
    chosen = st.query_params.get(name, "")
    fits = chosen in KINDS if name == "kind" else bool(chosen)
    return [*options, chosen] if fits and chosen not in options else options


def _midnight(name: str, *, days: int = 0) -> datetime | None:
    day: date | None = st.session_state.get(f"address_{name}")
    return None if day is None else datetime.combine(day, time(), UTC) + timedelta(days=days)


def _table(rows: pl.DataFrame) -> None:
    nth = st.session_state.setdefault("audit_opened", 0)
    event = st.dataframe(
        rows.select(
            pl.col("seq").alias("Event"),
            pl.col("recorded_at").alias("When (UTC)"),
            pl.col("title").alias("Kind"),
            pl.col("words").alias("What happened"),
        ),
        key=f"audit_events_{nth}",
        hide_index=True,
        height="content",
        on_select="rerun",
        selection_mode="single-row",
        column_config={
            "Event": st.column_config.NumberColumn(width=60, format="localized"),
            "When (UTC)": st.column_config.DatetimeColumn(
                width=150, format="D MMM YYYY, HH:mm:ss", timezone="UTC"
            ),
            "Kind": st.column_config.TextColumn(width=130),
            "What happened": st.column_config.TextColumn(width=660),
        },
        alt="Events of the journal, newest first",
    )
    chosen = event["selection"]["rows"]
    if chosen:
        st.session_state["audit_opened"] = nth + 1
        st.query_params["event"] = str(rows["seq"][chosen[0]])
        st.rerun()


def _event() -> None:
    """The event that the address names: what it is, and its line as the journal holds it."""
    named = st.query_params.get("event")
    if named is None:
        return
    with st.container(key="audit-event", border=True, gap="small"):
        try:
            shown = _raw(named)
        except BadRequest as error:
            st.markdown(f":material/info: {plain(error)}")
            shown = None
        if shown is not None:
            st.markdown(
                f"**Event {shown.seq:,}: {plain(shown.words)}**  \n:small[:gray[{plain(shown.title)}. {plain(shown.meaning)}]]"
            )
            st.code(shown.line, language="json", wrap_lines=True, height=180)
            st.caption(
                "The line as the journal holds it, byte for byte; `prev_hash` is the hash of the event before."
            )
        with st.container(horizontal=True, vertical_alignment="center"):
            if shown is not None and shown.kind in ITEM_KINDS:
                link_to("items", label=f"Open {shown.subject}", item=shown.subject, project=shown.project_id)
            if shown is not None and shown.kind in RELEASE_KINDS:
                link_to("releases", label="Open the release", release=shown.subject, project=shown.project_id)
            st.button(
                "Close",
                key="audit_close",
                icon=":material/close:",
                shortcut="Escape",
                on_click=address.clear,
                args=("event",),
            )


def _raw(named: str) -> history.RawEvent:
    """The event with this number; raises BadRequest where there is none, or not yet at the moment shown."""
    as_of = session.as_of()
    if not named.isdigit():
        raise BadRequest(f"{named!r} is not the number of an event.")
    if as_of is not None and int(named) > as_of:
        raise BadRequest(f"Event {named} had not happened at the moment that you look at.")
    return history.raw_event(session.store(), by=session.person(), seq=int(named))
