"""How a case looks: what waits, the item with the lead's answer, and what speaks for one label or another."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TypedDict

import polars as pl
import streamlit as st

from dashboard import active_time, presses, session
from dashboard import relabel_keys as keys
from dashboard.adjudicate_evidence import chip
from dashboard.components import item_content, label_chip, link_to, plain
from dashboard.relabel_evidence import MADE_BY
from dashboard.workflows import adjudicate
from dashboard.workflows.adjudicate import Case
from dashboard.workflows.label_sets import LabelSet
from dashboard.workflows.set_labels import toggled
from dashboard.workflows.wording import sureness

Row = Mapping[str, object]
PAGE_SIZE = 8
PREVIEW = 56
REASON_LABEL = "Why"
_CURSOR = "adjudicate_cursor"
LABELS_A_ROW = ((2, 4), (7, 3), (16, 2))
"""Up to how many letters the longest label may have for so many label buttons beside each other."""


class Cursor(TypedDict):
    """Where the cursor should go; another number in `ask` asks anew."""

    focus: str
    ask: int


def cursor() -> Cursor:
    """Where the cursor should be: in the reason once a label was chosen."""
    asked: int = st.session_state.get(_CURSOR, 0)
    return {"focus": REASON_LABEL if asked else "", "ask": asked}


def about(flag_id: str) -> str:
    """What the time of a case is measured under."""
    return f"adjudicate-{flag_id}"


def waiting_list(rows: pl.DataFrame, chosen: str) -> None:
    """What waits, most pressing first; one of them is open."""
    n_pages = -(-rows.height // PAGE_SIZE)
    place = rows["item_id"].to_list().index(chosen)
    page = place // PAGE_SIZE + 1
    shown = rows.slice((page - 1) * PAGE_SIZE, PAGE_SIZE)
    words = {row["item_id"]: _preview(row) for row in shown.iter_rows(named=True)}
    st.session_state["adjudicate_open"] = chosen
    with st.container(key="adjudicate-list", gap="small"):
        st.radio(
            "Waiting items",
            list(words),
            key="adjudicate_open",
            format_func=words.__getitem__,
            captions=[why_it_waits(row) for row in shown.iter_rows(named=True)],
            label_visibility="collapsed",
            on_change=_open,
        )
        if n_pages > 1:
            key = f"adjudicate_page_{page}"
            st.pagination(
                n_pages,
                default=page,
                key=key,
                max_visible_pages=3,
                on_change=_turn,
                args=(key, rows["item_id"]),
            )


def why_it_waits(row: Row) -> str:
    """Why an item waits and since when, in a few words.

    >>> from datetime import datetime
    >>> row = {"status": "second", "n_answers": 1, "n_skips": 2, "n_questions": 0}
    >>> why_it_waits({**row, "waiting_since": datetime(2026, 11, 3, 14, 5)})
    'A second person has to look · skipped 2 times · since 3 Nov'
    """
    parts = []
    if row["n_questions"]:
        parts.append(
            "A question to you" if row["n_questions"] == 1 else f"{row['n_questions']} questions to you"
        )
    if row["status"] == "adjudicate" and row["n_answers"]:
        parts.append("1 answer" if row["n_answers"] == 1 else f"{row['n_answers']} answers do not settle it")
    if row["status"] == "second":
        parts.append("A second person has to look")
    if row["n_skips"]:
        parts.append("skipped once" if row["n_skips"] == 1 else f"skipped {row['n_skips']} times")
    since = row["waiting_since"]
    if isinstance(since, datetime):
        parts.append(f"since {since.day} {since:%b}")
    words = " · ".join(parts)
    return words[:1].upper() + words[1:]


def case_card(found: Case, *, next_item: str | None) -> None:
    """The item, its label now, the labels to choose from, the reason and the decision."""
    with st.container(key="adjudicate-case", border=True, gap="small"):
        with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
            st.caption(f"Item {plain(found.item_id)}")
            link_to("items", label="Its whole story", item=found.item_id)
        item_content(found)
        if found.attributes:
            facts = " · ".join(f"{plain(name)}: {plain(value)}" for name, value in found.attributes.items())
            st.caption(facts)
        st.markdown(_label_now(found))
        _own_answer(found)
        _labels(found)
        _reason(found)
        _decide(found, next_item)


def _preview(row: Row) -> str:
    if not row["text"]:
        return plain(f"{row['item_id']}, now {row['label'] or 'without a label'}")
    text = str(row["text"])
    return plain(text if len(text) <= PREVIEW else f"{text[:PREVIEW].rsplit(' ', 1)[0]} …")


def _label_now(found: Case) -> str:
    shown = found.evidence
    if shown.label is None:
        return "Its label now: :gray[none yet]"
    sure = f"{sureness(shown.p_label)} sure, " if shown.p_label is not None else ""
    made = MADE_BY.get(shown.label_source or "", "")
    return f"Its label now: {chip(found, shown.label)} :small[:gray[{plain(sure + made)}]]"


def _own_answer(found: Case) -> None:
    """Whether the lead would judge an own answer, which the record keeps."""
    me = session.person().person_id
    answered = any(answer.person_id == me for answer in found.evidence.answers)
    if answered or me in found.evidence.votes["annotator_id"]:
        st.warning(
            "**You answered this item yourself.** Another lead judges it afresh. If you decide, the record says "
            "that it was about your own answer.",
            icon=":material/person_alert:",
        )


def _labels(found: Case) -> None:
    buttons = keys.buttons_of(found.label_set)
    width = keys.labels_a_row([label for _, label, _ in buttons], LABELS_A_ROW)
    for start in range(0, len(buttons), width):
        row = buttons[start : start + width]
        for column, (code, label, key) in zip(st.columns(width, gap="small"), row, strict=False):
            column.button(
                label_chip(code, label),
                key=f"adjudicate-label-{code}-{found.flag_id}",
                type="primary"
                if keys.is_chosen(found.label_set, _choice(found.flag_id), label)
                else "secondary",
                width="stretch",
                shortcut=key,
                on_click=_choose,
                args=(found.flag_id, found.label_set, label),
            )


def _reason(found: Case) -> None:
    """The reason; what was written stays while another case is looked at."""
    key = _reason_key(found.flag_id)
    if key not in st.session_state:
        st.session_state[key] = st.session_state.get(f"{key}-kept", "")
    st.text_area(
        REASON_LABEL,
        key=key,
        height=80,
        max_chars=4000,
        placeholder="What decides it? Annotators and auditors read this.",
        on_change=_keep_reason,
        args=(key,),
    )


def _decide(found: Case, next_item: str | None) -> None:
    choice = _choice(found.flag_id)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Decide" if choice is None else f"Decide: {plain(choice)}",
            key=f"adjudicate-decide-{found.flag_id}",
            type="primary",
            icon=":material/gavel:",
            shortcut=keys.SEND,
            on_click=_send,
            args=(found.flag_id, found.evidence.version, next_item),
        )
        ends = {
            None: "Choose a label and say why.",
            found.evidence.label: "The label stays, and stands by your word.",
        }
        st.caption(
            ends.get(choice, f"{plain(found.evidence.label or 'No label')} becomes {plain(choice or '')}.")
        )


def _send(flag_id: str, version: int, next_item: str | None) -> None:
    """Decide; then the next case opens."""
    label = _choice(flag_id)
    if label is None:
        presses.refuse("Choose a label first: press its key or its button.")
        return
    reason = str(st.session_state.get(_reason_key(flag_id), ""))
    done = presses.send(
        lambda request_id: adjudicate.decide(
            session.store(),
            project_id=session.project_id(),
            by=session.person(),
            flag_id=flag_id,
            label=label,
            reason=reason,
            expected_version=version,
            active_seconds=active_time.spent(about(flag_id)),
            request_id=request_id,
        ),
        "adjudicate",
        flag_id,
        label,
        reason,
        str(version),
    )
    if done is None:
        return
    active_time.forget(about(flag_id))
    presses.say_done(
        f"{done.item_id} {'is now' if done.changed else 'stays'} {done.label}, by your decision."
    )
    st.session_state[_CURSOR] = 0
    if next_item is None:
        st.query_params.pop("item", None)
    else:
        st.query_params["item"] = next_item


def _choose(flag_id: str, label_set: LabelSet, label: str) -> None:
    chosen = toggled(label_set, _choice(flag_id), label) if label_set.is_sets else label
    st.session_state[_choice_key(flag_id)] = chosen
    st.session_state[_CURSOR] = st.session_state.get(_CURSOR, 0) + 1


def _open() -> None:
    st.query_params["item"] = st.session_state["adjudicate_open"]
    st.session_state[_CURSOR] = 0


def _turn(key: str, items: pl.Series) -> None:
    """Another page of the list: its first item opens."""
    st.query_params["item"] = items[(st.session_state[key] - 1) * PAGE_SIZE]
    st.session_state[_CURSOR] = 0


def _keep_reason(key: str) -> None:
    st.session_state[f"{key}-kept"] = st.session_state[key]


def _choice(flag_id: str) -> str | None:
    found: str | None = st.session_state.get(_choice_key(flag_id))
    return found


def _choice_key(flag_id: str) -> str:
    return f"adjudicate-choice-{flag_id}"


def _reason_key(flag_id: str) -> str:
    return f"adjudicate-reason-{flag_id}"
