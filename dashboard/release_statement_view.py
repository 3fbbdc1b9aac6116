"""The bias statement that a release keeps, where it is signed: the answer, what is done about each gap, and its hash."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from dashboard import bias_statement_files, session
from dashboard.components import plain
from dashboard.workflows import release_statement
from dashboard.workflows.release_record import HASH_SHOWN, Release

MOST_SHOWN = 5


def draw(shown: Release) -> None:
    """Draw the statement of a release: what a signer answers for beside the labels."""
    document = release_statement.release_statement(
        session.store(), project_id=session.project_id(), by=session.person(), release=shown
    )
    st.markdown("#### Is somebody treated differently?", anchors=False)
    with st.container(border=True, gap="small", key="release-statement"):
        st.markdown(f"**{plain(document['answer']['sentence'])}.**")
        _findings(document["findings"])
        if document["actions"]:
            n = len(document["actions"])
            st.markdown(
                f":gray[:material/build:] {n} {'action was' if n == 1 else 'actions were'} decided on against bias"
            )
        if document["not_testable"] and document["run_id"] is not None:
            n = len(document["not_testable"])
            st.caption(
                f"{n:,} {'comparison' if n == 1 else 'comparisons'} could not be tested; the statement says why."
            )
        _signed(shown)
        bias_statement_files.offer(
            document,
            key="release_statement",
            named=("Read and print", "JSON, with Croissant-RAI fields"),
            version=shown.version,
            icons=True,
        )


def _findings(findings: list[Mapping[str, Any]]) -> None:
    gaps = [one for one in findings if one["verdict"] == "gap"]
    lines = []
    for one in gaps[:MOST_SHOWN]:
        done = one["action"]
        icon, said = (
            ("check", plain(done["sentence"])) if done else ("radio_button_unchecked", "Nothing was decided.")
        )
        lines.append(
            f":gray[:material/{icon}:] {plain(one['sentence'][:1].upper() + one['sentence'][1:])}.  \n:small[:gray[{said}]]"
        )
    if len(gaps) > MOST_SHOWN:
        lines.append(f":gray[and {len(gaps) - MOST_SHOWN:,} more gaps that stay]")
    unclear = len(findings) - len(gaps)
    if unclear:
        lines.append(f":gray[{unclear:,} {'gap' if unclear == 1 else 'gaps'} that cannot be told]")
    for line in lines:
        st.markdown(line)


def _signed(shown: Release) -> None:
    digest = shown.bias_statement_sha256
    if digest is None:
        st.caption(
            "This release is of a version that signed no statement; it is made of what was known then."
        )
        return
    st.caption(f"Signed with the labels: SHA-256 {digest[:HASH_SHOWN]}…")
