"""Each choice of a set by itself, and what ties an explanation to the record, on screen and on paper."""

from __future__ import annotations

import html

import streamlit as st

from dashboard.explanation_view import chip
from dashboard.marks import moment_text, plain
from dashboard.workflows.choice_evidence import ChoiceEvidence, ChoiceVote
from dashboard.workflows.explain import Explanation
from dashboard.workflows.wording import sureness


def choices_card(found: Explanation) -> None:
    """Where labels are sets: each choice by itself, with the votes that put it in and the model's probability."""
    if not found.choices:
        return
    label_set = found.story.label_set
    with st.container(border=True, gap="small"):
        st.markdown("**One choice at a time** :small[:gray[the most doubtful first]]")
        for one in found.choices:
            st.markdown(f"{chip(label_set, one.choice)} {choice_words(one)}")
            if one.votes:
                st.markdown("  \n".join(f"&emsp;:small[{_choice_vote(vote)}]" for vote in one.votes))


def choice_words(one: ChoiceEvidence) -> str:
    """What speaks for a choice, in a line."""
    state = "**in the set**" if one.is_in else "**not in the set**"
    told = [f"{one.n_in} of {one.n_votes} independent annotations put it in"]
    if one.p_votes is not None:
        told.append(f"the votes hold it {sureness(one.p_votes)} probable")
    if one.p_model is not None:
        told.append(f"the model {sureness(one.p_model)}")
    return f"{state} :small[:gray[{', '.join(told)}]]"


def _choice_vote(vote: ChoiceVote) -> str:
    word = "put it in" if vote.put_in else "left it out"
    if vote.moved is None or abs(vote.moved) < 0.0005:
        return f"{plain(vote.annotator_id)} {word}"
    way = "for" if vote.moved > 0 else "against"
    return f"{plain(vote.annotator_id)} {word} :gray[({way} what the label says, {abs(vote.moved) * 100:.1f} points)]"


def print_head(found: Explanation) -> None:
    """The head of the printed page: what it is, of which project, and as of when."""
    when = "" if found.head_at is None else f", {moment_text(found.head_at)} UTC"
    told = f"Touchstone: explanation of one label. Project {found.project_id}, as of event {found.head_seq:,}{when}."
    st.html(f'<p class="only-print">{html.escape(told)}</p>')


def record_card(found: Explanation) -> None:
    """What ties the page to the record: versions, moments, runs and hashes."""
    story, run = found.story, found.model.run
    label = story.label
    rows = [("Project", found.project_id), ("Item", found.item_id)]
    if label is not None:
        rows.append(
            ("Label", f"{label.label}, version {label.version}, {moment_text(label.recorded_at)} UTC")
        )
    rows.append(("Record", f"as of event {found.head_seq:,}, hash {found.head_hash}"))
    rows += [
        (
            f"Release {one.release_version}",
            f"{one.label}, version {one.label_version}, proposed {moment_text(one.proposed_at)} UTC, content hash {one.content_hash}",
        )
        for one in found.releases
    ]
    if not found.releases:
        rows.append(("Release", "none holds this item"))
    if run is not None:
        rows.append(
            (
                f"Model run {run.model_run}",
                (
                    f"event {run.seq:,}, {moment_text(run.trained_at)} UTC, learned from events up to {run.saw_seq:,}; "
                    f"probabilities {run.content_sha256}; weights {run.weights_sha256}"
                ),
            )
        )
    rows += [
        (f"Model run {one.model_run}", f"event {one.seq:,}, probabilities {one.content_sha256}")
        for one in found.runs
        if run is None or one.model_run != run.model_run
    ]
    lines = "".join(
        f"<tr><th scope='row'>{html.escape(name)}</th><td>{html.escape(value)}</td></tr>"
        for name, value in rows
    )
    st.markdown("### What ties this to the record", anchors=False)
    st.html(f'<table class="record">{lines}</table>')
