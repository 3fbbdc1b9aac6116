"""How the Relabel desk looks: the item and its keys on the left, what may be known of it on the right."""

from __future__ import annotations

import streamlit as st

from dashboard import relabel_desk as actions
from dashboard import relabel_keys as keys
from dashboard.components import item_content, label_chip, plain
from dashboard.relabel_desk import Desk
from dashboard.relabel_evidence import close_button, outcome_line
from dashboard.relabel_keys import buttons_of, is_chosen
from dashboard.workflows.relabel import REASON_CHIPS
from dashboard.workflows.relabel_queue import Progress, WorkItem
from dashboard.workflows.relabel_reveal import Reveal

LABELS_A_ROW = ((11, 4), (20, 3), (34, 2))
"""Up to how many letters the longest label may have for so many label buttons beside each other."""

SKIP_REASONS = (
    "I know the author or the case",
    "I cannot read or open it",
    "Not my field",
    "I need a break from this kind",
)
ASK_PLACEHOLDER = "What does the guideline not say? The lead reads this beside the item."


def headline(progress: Progress, told: str = "") -> None:
    """The page's answer in a line, how far one is, and what the last key press did."""
    left = progress.n_left
    things = "1 item needs" if left == 1 else f"{left:,} items need"
    with st.container(key="relabel-head", horizontal=True, vertical_alignment="bottom", gap="medium"):
        st.markdown(f"## {things} another look", anchors=False, width="content")
        waiting = [
            f"{progress.n_closed:,} of {progress.n_flags:,} settled",
            f"{progress.n_done_today:,} done by you today",
            *([f"{progress.n_second:,} wait for a second person"] if progress.n_second else []),
            *([f"{progress.n_adjudicate:,} with the lead"] if progress.n_adjudicate else []),
        ]
        st.markdown(f":gray[{' · '.join(waiting)}]", width="content")
        if told:
            st.markdown(f":green[:material/check:] {plain(told)}", width="content")
    if progress.n_flags:
        st.progress(progress.n_closed / progress.n_flags)


def item_card(now: Desk, item: WorkItem, shown: Reveal | None) -> None:
    """The item, large; its labels with their keys; what to do with it."""
    with st.container(key="relabel-card", border=True, gap="medium"):
        with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
            st.caption(f"Item {plain(item.item_id)}")
            if shown is None and item.suggestion is not None:
                st.badge("With a suggestion", icon=":material/auto_awesome:", color="orange")
            elif shown is None:
                st.badge("Your answer first", icon=":material/visibility_off:", color="blue")
            else:
                st.badge("Revealed", icon=":material/visibility:", color="violet")
        item_content(item)
        if item.attributes:
            facts = " · ".join(f"{plain(name)}: {plain(value)}" for name, value in item.attributes.items())
            st.caption(facts)
        if shown is None and item.suggestion is not None:
            st.markdown(
                f":material/auto_awesome: A model suggests **{plain(item.suggestion.label)}**. :gray[Say what you see.]"
            )
        if shown is not None:
            outcome_line(item, shown)
        _labels(now, item)
        if shown is not None:
            st.pills(
                "Why",
                REASON_CHIPS,
                selection_mode="multi",
                key=now.key("reasons"),
                on_change=actions.save_draft,
                args=(now, now.stage),
                label_visibility="collapsed",
            )
        _note(now, shown)
        _decide(now, item, shown)


def _labels(now: Desk, item: WorkItem) -> None:
    live = now.panel != actions.SKIP
    buttons = buttons_of(item.label_set)
    width = keys.labels_a_row([label for _, label, _ in buttons], LABELS_A_ROW)
    if item.label_set.is_sets:
        st.caption("Choose all that apply; the same key takes one back.")
    for start in range(0, len(buttons), width):
        row = buttons[start : start + width]
        for column, (code, label, key) in zip(st.columns(width, gap="small"), row, strict=False):
            with column:
                st.button(
                    label_chip(code, label),
                    key=now.key(f"label-{code}"),
                    type="primary" if is_chosen(item.label_set, now.choice, label) else "secondary",
                    width="stretch",
                    shortcut=key if live else None,
                    on_click=actions.choose,
                    args=(now, now.stage, item.label_set, label),
                )


def _note(now: Desk, shown: Reveal | None) -> None:
    """A field for the reason, once it was asked for; Ctrl+Enter sends from inside it."""
    if not now.note_open:
        return
    st.text_area(
        actions.NOTE_LABEL,
        key=now.key("note"),
        height=80,
        max_chars=4000,
        on_change=actions.save_draft,
        args=(now, now.stage),
        placeholder="What decided it?",
    )
    st.button(
        "Send with this note",
        key=now.key("submit-note"),
        type="tertiary",
        shortcut=keys.SEND,
        on_click=actions.submit,
        args=(now, now.stage, shown.version if shown else 0),
    )


def _decide(now: Desk, item: WorkItem, shown: Reveal | None) -> None:
    """Submit, keep, cannot tell; and the ways out."""
    version = shown.version if shown else 0
    with st.container(key="relabel-decide", horizontal=True, gap="small", vertical_alignment="center"):
        st.button(
            _submit_words(now, shown),
            key=now.key("submit"),
            type="primary",
            shortcut=keys.SUBMIT,
            on_click=actions.submit,
            args=(now, now.stage, version),
        )
        if shown is not None and shown.label is not None:
            st.button(
                f"Keep {plain(shown.label)}",
                key=now.key("keep"),
                shortcut=keys.KEEP,
                on_click=actions.keep,
                args=(now, now.stage, version),
            )
        st.button(
            "Cannot tell",
            key=now.key("cannot-tell"),
            shortcut=keys.CANNOT_TELL,
            on_click=actions.cannot_tell,
            args=(now, now.stage, version),
        )
        _toggle(now, actions.ASK, "Ask the lead", keys.ASK)
        _toggle(now, actions.SKIP, "Skip", keys.SKIP)
        if not now.note_open:
            st.button(
                "Note",
                key=now.key("open-note"),
                type="tertiary",
                shortcut=keys.NOTE,
                on_click=actions.open_note,
                args=(now,),
            )
    if now.refused:
        st.warning(plain(now.refused), icon=":material/info:")
    if now.panel == actions.ASK:
        _ask(now)
    elif now.panel == actions.SKIP:
        _skip(now)


def _submit_words(now: Desk, shown: Reveal | None) -> str:
    if now.choice is None:
        return "Submit"
    if shown is None:
        return f"Submit {plain(now.choice)}"
    return f"Confirm {plain(now.choice)}" if now.choice == shown.label else f"Change to {plain(now.choice)}"


def _toggle(now: Desk, panel: str, words: str, key: str) -> None:
    st.button(
        words,
        key=now.key(f"open-{panel}"),
        type="primary" if now.panel == panel else "secondary",
        shortcut=key,
        on_click=actions.toggle,
        args=(now, panel),
    )


def _ask(now: Desk) -> None:
    with st.container(key="relabel-ask", border=True):
        st.text_area(
            actions.QUESTION_LABEL,
            key=now.key("question"),
            height=80,
            max_chars=4000,
            placeholder=ASK_PLACEHOLDER,
        )
        with st.container(horizontal=True):
            st.button(
                "Send to the lead",
                key=now.key("send-question"),
                type="primary",
                shortcut=keys.SEND,
                on_click=actions.ask,
                args=(now, now.stage),
            )
            close_button(now)


def _skip(now: Desk) -> None:
    """Reasons on digits: S and a digit is all it takes."""
    with st.container(key="relabel-skip", border=True):
        st.markdown("**Why do you skip it?** Somebody else gets the item.")
        with st.container(horizontal=True):
            for place, reason in enumerate(SKIP_REASONS):
                st.button(
                    reason,
                    key=now.key(f"skip-{place}"),
                    shortcut=keys.LABEL_KEYS[place],
                    on_click=actions.skip,
                    args=(now, now.stage, reason),
                )
        with st.container(horizontal=True, vertical_alignment="bottom"):
            st.text_input(actions.REASON_LABEL, key=now.key("reason"), max_chars=500)
            st.button(
                "Skip for this reason",
                key=now.key("skip-written"),
                shortcut=keys.SEND,
                on_click=actions.skip,
                args=(now, now.stage, None),
            )
            close_button(now)


def footer(now: Desk) -> None:
    """What is always one key away."""
    with st.container(key="relabel-foot", horizontal=True, gap="small"):
        st.button(
            "Undo",
            key=f"undo-{now.undo_id}",
            type="tertiary",
            icon=":material/undo:",
            shortcut=keys.UNDO,
            on_click=actions.undo,
            args=(now, now.undo_id, None),
        )
        for panel, words, icon, key in (
            (actions.RECENT, "My last answers", "history", keys.RECENT),
            (actions.GUIDELINE, "Guideline", "menu_book", keys.GUIDELINE),
            (actions.HELP, "Keys", "keyboard", keys.HELP),
        ):
            st.button(
                words,
                key=f"open-{panel}",
                type="tertiary",
                icon=f":material/{icon}:",
                shortcut=key,
                on_click=actions.toggle,
                args=(now, panel),
            )
