"""Bringing in what is known of annotators from the page: a table of its own, which goes into the vault."""

from __future__ import annotations

import tempfile
from pathlib import Path

import streamlit as st

from dashboard import session
from dashboard.components import error_state, plain
from dashboard.workflows import annotator_attributes
from dashboard.workflows.errors import WorkflowError
from dashboard.workflows.opening import StoreError


def draw() -> None:
    """The uploader, what the file holds, and one button; nothing while the store has no project."""
    known = session.projects()
    if not known:
        return
    with st.expander("What is known of annotators: a table with a row a person"):
        st.caption(
            "Age, site, training: whatever groups are to be compared by. It is encrypted for each person, read only by those who may, "
            "and each reading is on record. People who label nothing here are left out."
        )
        project_id = st.selectbox("Whose", list(known), format_func=known.__getitem__, key="people_project")
        upload = st.file_uploader("A table of annotators: CSV, TSV, JSONL, Parquet", key="people_upload")
        if upload is None:
            return
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / (Path(upload.name).name or "upload")
            path.write_bytes(upload.getvalue())
            _one_table(path, project_id)


def _one_table(path: Path, project_id: str) -> None:
    skip = st.checkbox("Leave bad rows out", key="people_skip")
    seen = _read(path, project_id, skip=skip, dry_run=True)
    if seen is None:
        return
    left = f" {len(seen.unknown):,} are no annotators here and are left out." if seen.unknown else ""
    st.markdown(f"**{plain(', '.join(seen.attributes))}** of {seen.people:,} annotators.{left}")
    if seen.rejected.height:
        st.dataframe(seen.rejected, hide_index=True, height=min(240, 38 + 35 * seen.rejected.height))
    if st.button(
        "Keep them in the vault", type="primary", disabled=seen.refused or not seen.people, key="people_go"
    ):
        done = _read(path, project_id, skip=skip, dry_run=False)
        if done is not None:
            st.success(f"Something new of {done.people:,} annotators is in the vault.")


def _read(
    path: Path, project_id: str, *, skip: bool, dry_run: bool
) -> annotator_attributes.AttributesSummary | None:
    try:
        return annotator_attributes.import_attributes(
            session.store(),
            path=path,
            project_id=project_id,
            by=session.person(),
            skip_bad_rows=skip,
            dry_run=dry_run,
        )
    except (StoreError, WorkflowError) as error:
        error_state("Nothing was kept", str(error))
        return None
