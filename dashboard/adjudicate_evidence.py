"""What speaks for one label or another in a case: the votes, the answers, a model's suggestion, the flag's reasons."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import polars as pl
import streamlit as st

from dashboard import passport_view
from dashboard.components import label_chip, moment_text, plain
from dashboard.relabel_evidence import answer_text, reasons
from dashboard.workflows.adjudicate import Case
from dashboard.workflows.relabel_state import ANSWER

Row = Mapping[str, object]


def side(found: Case) -> None:
    """Who said what, what a model says, and why the item was doubted."""
    shown = found.evidence
    with st.container(key="adjudicate-side", border=True, gap="small"):
        st.markdown("**Who said what**")
        _votes(found)
        if shown.answers:
            st.markdown("**What happened since it was flagged**")
            for answer in shown.answers:
                st.markdown(answer_text(found.label_set, answer))
        if shown.suggestion is not None:
            score = f" · score {shown.suggestion.score:.2f}" if shown.suggestion.score is not None else ""
            made = f"{plain(score)} · {plain(shown.suggestion.model_run)}"
            st.markdown("**A model suggests**")
            st.markdown(
                f":material/auto_awesome: {chip(found, shown.suggestion.label)} :small[:gray[{made}]]"
            )
        st.markdown("**Why it was flagged**")
        reasons(shown.reasons, full=False)
        passport_view.passport(shown.passport, shown.reasons)


def chip(found: Case, label: str) -> str:
    """A label of the case's label set with its hue; one that is no longer in it as plain text."""
    known = label in found.label_set.labels
    return label_chip(found.label_set.code(label), label) if known else plain(label)


def _votes(found: Case) -> None:
    """Every label that was given, with those who gave it; the one with most independent votes first."""
    answered = [answer.person_id for answer in found.evidence.answers if answer.action == ANSWER]
    final = (pl.col("source") == "relabel") & ~pl.col("independent") & pl.col("annotator_id").is_in(answered)
    votes = found.evidence.votes.filter(~final)  # those are told below, as answers
    if votes.is_empty():
        st.markdown(":gray[Nobody annotated it.]")
        return
    counts = (
        votes.group_by("label")
        .agg(pl.col("independent").sum().alias("n"))
        .sort(["n", "label"], descending=[True, False])
    )
    for label, n in counts.iter_rows():
        lines = [f"{chip(found, label)} :small[:gray[{n:,} independent]]"]
        rows = votes.filter(pl.col("label") == label)
        lines += [_vote(row) for row in rows.iter_rows(named=True)]
        st.markdown("  \n".join(lines))


def _vote(row: Row) -> str:
    """One annotation: who made it, when, and why."""
    when = moment_text(row["at"]) if isinstance(row["at"], datetime) else "–"
    remarks = [when]
    if not row["independent"]:
        remarks.append("saw other answers")
    elif row["source"] == "relabel":
        remarks.append("blind")
    said = f" :small[“{plain(row['rationale'])}”]" if row["rationale"] else ""
    return f"&emsp;{plain(row['annotator_id'])} :small[:gray[{plain(', '.join(remarks))}]]{said}"
