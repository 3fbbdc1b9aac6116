"""What stands beside the item: calm before the reveal, the evidence after it; guideline, keys and last answers."""

from __future__ import annotations

import json

import polars as pl
import streamlit as st

from dashboard import explanation_view, passport_view, session
from dashboard import relabel_desk as actions
from dashboard import relabel_keys as keys
from dashboard.components import label_chip, look, moment_text, plain
from dashboard.reason_view import strongest_first
from dashboard.relabel_desk import Desk
from dashboard.workflows import guideline, relabel_queue
from dashboard.workflows.label_sets import LabelSet
from dashboard.workflows.relabel_queue import WorkItem
from dashboard.workflows.relabel_reveal import FinalAnswer, FlagReason, Reveal
from dashboard.workflows.wording import sureness

MADE_BY = {
    "consensus": "by the scoring run",
    "relabel": "two people agreed",
    "adjudication": "settled by a lead",
}
DID = {"blind": "answered blind", "answer": "answered", "skip": "skipped", "question": "asked the lead"}


def outcome_line(item: WorkItem, shown: Reveal) -> None:
    """The reveal in one sentence."""
    mine = "You could not tell" if item.own_blind is None else f"You said **{plain(item.own_blind)}**"
    if shown.label is None:
        st.markdown(f"{mine}. The item has no label yet.")
    elif item.own_blind == shown.label:
        st.markdown(f":material/handshake: {mine}, and so says the current label. **K** confirms it.")
    else:
        st.markdown(
            f":material/compare_arrows: {mine}; the current label is **{plain(shown.label)}**. Look again."
        )


def side(now: Desk, item: WorkItem | None, shown: Reveal | None) -> None:
    """The right-hand side."""
    with st.container(key="relabel-side", border=True, gap="small"):
        if now.panel == actions.GUIDELINE:
            _guideline(now)
        elif now.panel == actions.HELP:
            _keys()
        elif now.panel == actions.RECENT:
            _recent(now)
        elif item is not None and shown is not None:
            _revealed(now, item.label_set, shown)
        else:
            _calm(suggested=item is not None and item.suggestion is not None)
        if now.panel in (actions.GUIDELINE, actions.HELP, actions.RECENT, actions.WHY):
            close_button(now)


def close_button(now: Desk) -> None:
    """What is open can be closed, by Esc too."""
    st.button(
        "Close",
        key=now.key("close"),
        type="tertiary",
        shortcut=keys.CLOSE,
        on_click=actions.close,
        args=(now,),
    )


def _calm(*, suggested: bool) -> None:
    st.markdown("**Your answer comes first**")
    if suggested:
        st.markdown(
            ":gray[For some items a model's suggestion is shown, for others it is hidden by chance, to see whether suggestions pull "
            "labels. With it shown your answer does not count as an independent one; say what you see.]"
        )
        return
    st.markdown(
        ":gray[What others said, the current label and why the item was flagged are shown after it. "
        "So your answer counts as an independent one.]"
    )
    st.markdown(":gray[You can change your mind after the reveal; both answers are kept.]")


def _revealed(now: Desk, label_set: LabelSet, shown: Reveal) -> None:
    st.markdown("**The current label**")
    if shown.label is None:
        st.markdown(":gray[None yet.]")
    else:
        sure = f"{sureness(shown.p_label)} sure now, " if shown.p_label is not None else ""
        st.markdown(
            f"{_chip(label_set, shown.label)} :small[:gray[{plain(sure)}{MADE_BY.get(shown.label_source or '', '')}]]"
        )
    st.markdown("**Independent answers** :small[:gray[yours is one of them]]")
    st.markdown(tally_text(label_set, shown.tally) or ":gray[Nothing yet.]")
    for answer in shown.answers:
        if answer.person_id != "you":
            st.markdown(answer_text(label_set, answer))
    if shown.suggestion is not None:
        score = f" · score {shown.suggestion.score:.2f}" if shown.suggestion.score is not None else ""
        st.markdown("**A model suggests**")
        chip = _chip(label_set, shown.suggestion.label)
        made = f"{plain(score)} · {plain(shown.suggestion.model_run)}"
        st.markdown(f":material/auto_awesome: {chip} :small[:gray[{made}]]")
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.markdown("**Why it was flagged**")
        st.button(
            "Evidence",
            key=now.key("why"),
            type="tertiary",
            shortcut=keys.WHY,
            on_click=actions.toggle,
            args=(now, actions.WHY),
        )
    # What a flag with a passport rests on is told there, with names for what it is.
    reasons(strongest_first(shown.reasons), full=now.panel == actions.WHY and shown.passport is None)
    if now.panel == actions.WHY:
        passport_view.passport(shown.passport, shown.reasons)
        votes(label_set, shown.votes)
        _why(now, label_set, shown)


def _why(now: Desk, label_set: LabelSet, shown: Reveal) -> None:
    """What a model and the guideline say of the label; worked out only where it is asked for."""
    if not st.toggle("Why this label: what a model and the guideline say", key=now.key("model")):
        return
    with st.spinner("Taking the model's answer apart…"):
        found = explanation_view.revealed(session.store(), now.project_id, session.person(), shown.flag_id)
    explanation_view.revealed_card(found, text=found.text, label_set=label_set)


def reasons(found: tuple[FlagReason, ...], *, full: bool) -> None:
    """Why the item was flagged, a sentence each; `full` adds what each rests on."""
    for reason in found:
        st.markdown(f"{plain(reason.title)}. :gray[{plain(reason.sentence)}]")
        if full:
            facts = [f"score {reason.score:.2f} (limit {reason.threshold:.2f})"]
            facts += [
                f"{name.replace('_', ' ')} {_fact(value)}"
                for name, value in json.loads(reason.evidence).items()
            ]
            st.caption(plain(" · ".join(facts)))


def votes(label_set: LabelSet, frame: pl.DataFrame) -> None:
    """Every annotation of the item, the newest last."""
    lines = [
        f"- {_chip(label_set, row['label'])} :small[:gray[{plain(row['annotator_id'])}, {moment_text(row['at'])}"
        f"{'' if row['independent'] else ', after the reveal'}]]"
        + (f"  \n:gray[“{plain(row['rationale'])}”]" if row["rationale"] else "")
        for row in frame.iter_rows(named=True)
    ]
    st.markdown("\n".join(lines))


def tally_text(label_set: LabelSet, tally: pl.DataFrame) -> str:
    """The independent answers by label, a dot each."""
    colours = dict(zip(label_set.labels, label_set.codes, strict=True))
    lines = []
    for label, n_votes in tally.select("label", "n_votes").iter_rows():
        dots = "●" * min(n_votes, 12)
        hue = look().label(colours.get(label, 0))
        lines.append(f':color[{dots}]{{foreground="{hue}"}} {plain(label)} :small[:gray[{n_votes:,}]]')
    return "  \n".join(lines)


def answer_text(label_set: LabelSet, answer: FinalAnswer) -> str:
    """What somebody answered after the reveal, asked or why they skipped."""
    who = plain(answer.person_id)
    if answer.action == "question":
        return f":material/help: {who} asks: “{plain(answer.note)}”"
    if answer.action == "skip":
        return f":material/redo: {who} skipped it: “{plain(answer.note)}”"
    said = "cannot tell" if answer.label is None else _chip(label_set, answer.label)
    blind = (
        f" :small[:gray[blind: {plain(answer.blind_label)}]]"
        if answer.blind_label not in (None, answer.label)
        else ""
    )
    note = f"  \n:gray[“{plain(answer.note)}”]" if answer.note else ""
    return f":material/person: {who}: {said}{blind}{note}"


def _chip(label_set: LabelSet, label: str) -> str:
    known = label in label_set.labels
    return label_chip(label_set.code(label), label) if known else plain(label)


def _fact(value: object) -> str:
    return f"{value:.2f}" if isinstance(value, float) else str(value)


def _guideline(now: Desk) -> None:
    found = guideline.current(session.store(), project_id=now.project_id)
    if found is None:
        st.markdown("**No guideline yet**")
        st.markdown(":gray[The lead has not published one. Ask the lead with U where it matters.]")
        return
    st.caption(f"Guideline, version {found.version}")
    with st.container(height=520, border=False):
        st.markdown(found.markdown)


def _keys() -> None:
    st.markdown("**Keys**")
    st.markdown("\n".join(f"- **{key}** :gray[{words}]" for key, words in keys.LEGEND))


def _recent(now: Desk) -> None:
    frame = relabel_queue.recent(session.store(), project_id=now.project_id, by=session.person())
    st.markdown("**Your last answers**")
    if frame.is_empty():
        st.markdown(":gray[Nothing yet.]")
    for row in frame.iter_rows(named=True):
        with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
            said = row["label"] or (
                "cannot tell" if row["action"] in ("blind", "answer") else row["note"] or ""
            )
            st.markdown(
                f"{plain(row['item_id'])} :small[:gray[{DID[row['action']]}]]  \n**{plain(said)}** "
                f":small[:gray[{moment_text(row['touched_at'])}]]"
            )
            st.button(
                "Undo",
                key=f"undo-{row['seq']}",
                type="tertiary",
                on_click=actions.undo,
                args=(now, now.undo_id, row["seq"]),
            )
