"""Import: a file, what was understood of it, and the rows that could not be taken."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Protocol

import polars as pl
import streamlit as st

from dashboard import people_upload_view, session
from dashboard.components import empty_state, error_state, link_to, plain, verdict
from dashboard.workflows import ingest
from dashboard.workflows.errors import WorkflowError
from dashboard.workflows.label_sets import LEVELS, SET
from dashboard.workflows.opening import StoreError

FORMATS = {
    "auto": "Find out",
    "table": "Table (CSV, TSV, JSONL, Parquet)",
    "label-studio": "Label Studio JSON",
}
ROLE_TITLES = {
    "item": "Item", "annotator": "Annotator", "label": "Label", "at": "When it was labelled", "seconds": "Active seconds",
    "text": "Text", "image": "Image", "gold": "Gold label", "source_id": "The source's own id", "rationale": "Rationale",
    "suggestion": "Suggested label", "suggestion_shown": "Suggestion was shown (yes, no)",
}  # fmt: skip
MOST_NAMES = 12
NOT_THERE = "(not in this file)"
DONE, ROUND = "import_done", "import_round"


class Upload(Protocol):
    """What the page needs of an uploaded file."""

    name: str

    def getvalue(self) -> bytes:
        """The content."""


def render() -> None:
    """Draw the page."""
    done: ingest.ImportSummary | None = st.session_state.get(DONE)
    upload = st.file_uploader(
        "A file of annotations: CSV, TSV, JSONL, Parquet (also .gz), or Label Studio's JSON export",
        key=f"import_upload_{st.session_state.get(ROUND, 0)}",
    )
    if upload is None:
        _finished(done) if done else _nothing_yet()
        people_upload_view.draw()
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / (Path(upload.name).name or "upload")
        path.write_bytes(upload.getvalue())
        _one_file(path, upload)


def _nothing_yet() -> None:
    empty_state(
        "Choose a file to see what is in it",
        "One row an annotation: an item, an annotator and a label; times, seconds, text and gold labels where you have them. "
        "Nothing is imported before you say so.",
        icon="upload_file",
        code="touchstone import annotations.csv",
    )


def _one_file(path: Path, upload: Upload) -> None:
    left, right = st.columns(2)
    known = session.projects()
    project = left.text_input(
        "Project",
        value=next(iter(known)) if len(known) == 1 else Path(upload.name).name.split(".")[0],
        key=f"import_project_{upload.name}",
        help="A name that is not there yet makes a new project.",
    )
    left.caption(f"Adds to {plain(known[project])}" if project in known else "A new project")
    chosen = right.selectbox("Format", list(FORMATS), format_func=FORMATS.__getitem__, key="import_format")
    try:
        seen = ingest.preview_file(path, by=session.person(), format=chosen)
    except (StoreError, WorkflowError) as error:
        verdict("not fit", f"{upload.name} cannot be imported")
        error_state("Nothing was changed", str(error))
        return
    options = _options(seen)
    try:
        seen = ingest.preview_file(path, by=session.person(), format=chosen, options=options)
        report = None if seen.problem else _run(path, project, chosen, options, _request(dry_run=True))
    except (StoreError, WorkflowError) as error:
        verdict("not fit", f"{upload.name} cannot be imported like this")
        error_state("Nothing was changed", str(error))
        return
    _say(upload.name, seen, report)
    _read_as(seen, options)
    st.dataframe(seen.rows, hide_index=True, height=260)
    if report is not None and report.rejected.height:
        st.markdown(f"**{_rows(report.rejected.height)} cannot be taken**")
        st.dataframe(report.rejected, hide_index=True, height=min(240, 40 + 35 * report.rejected.height))
        st.checkbox("Import the good rows and leave these out", key="import_skip")
    if report is not None and not report.refused:
        words = f"Import {report.imported:,} annotations" if report.imported else "Nothing new in this file"
        if st.button(words, type="primary", disabled=not report.imported, key="import_go"):
            _import(path, project, chosen, options)


def _say(name: str, seen: ingest.Preview, report: ingest.ImportSummary | None) -> None:
    if seen.problem or report is None:
        verdict("watch", f"{name}: say which column is what", detail=seen.problem or "")
    elif report.refused:
        verdict(
            "watch",
            f"{_rows(report.rejected.height)} of {name} cannot be taken; by default nothing is imported",
        )
    else:
        already = f"; {report.duplicates:,} are already here" if report.duplicates else ""
        verdict(
            "fit",
            f"{report.imported:,} new annotations of {report.items:,} items by {report.annotators:,} annotators{already}",
            detail=f"Labels ({report.level}): {', '.join(report.labels[:12])}{' …' if len(report.labels) > 12 else ''}."
            + _suggested(report),
        )
    if seen.guessed:
        with st.expander(f"{len(seen.guessed)} things were guessed", expanded=seen.problem is not None):
            st.markdown("\n".join(f"- {plain(sentence)}" for sentence in seen.guessed))


def _rows(n: int) -> str:
    return "1 row" if n == 1 else f"{n:,} rows"


def _suggested(report: ingest.ImportSummary) -> str:
    """How many annotations had a suggestion shown, where the file says so."""
    if not report.suggestions_shown and not report.suggestions_hidden:
        return ""
    return (
        f" A suggestion was shown for {report.suggestions_shown:,} of them, which are not independent, and hidden for "
        f"{report.suggestions_hidden:,}."
    )


def _read_as(seen: ingest.Preview, options: ingest.ImportOptions) -> None:
    """Which column was taken as what, and which are left out."""
    taken = {role: column for role, column in (options.mapping or seen.mapping).items() if column}
    if not taken:
        return
    said = " · ".join(
        f"{plain(ROLE_TITLES.get(role, role))} :gray[←] **{plain(column)}**" for role, column in taken.items()
    )
    kept = {*taken.values(), *options.item_attributes, *options.annotator_attributes}
    left_out = [column for column in seen.columns if column not in kept]
    names = ", ".join(left_out[:MOST_NAMES]) + (" …" if len(left_out) > MOST_NAMES else "")
    rest = (
        f"  \n:small[:gray[Left out: {plain(names)}. “Which column is what” keeps them.]]" if left_out else ""
    )
    st.markdown(f"{said}{rest}")


def _options(seen: ingest.Preview) -> ingest.ImportOptions:
    """The mapping as the person set it, starting from the guess; tables only."""
    if seen.format == "label-studio" or not seen.columns:
        return ingest.ImportOptions()
    with st.expander("Which column is what", expanded=seen.problem is not None):
        mapping: dict[str, str] = {}
        columns = st.columns(4)
        choices = [NOT_THERE, *seen.columns]
        for place, role in enumerate(ingest.ROLES):
            guess = seen.mapping.get(role)
            picked = columns[place % 4].selectbox(
                ROLE_TITLES.get(role, role),
                choices,
                index=choices.index(guess) if guess in choices else 0,
                key=f"import_role_{role}",
            )
            mapping[role] = "" if picked == NOT_THERE else picked
        rest = [column for column in seen.columns if column not in mapping.values()]
        items = st.multiselect("Keep with the item", rest, key="import_item_attributes")
        people = st.multiselect(
            "Keep, encrypted, with the annotator",
            [column for column in rest if column not in items],
            key="import_annotator_attributes",
            help="Personal attributes go into the vault; only a compliance reviewer or an administrator can read them.",
        )
        level, parted = st.columns(2)
        level.selectbox(
            "Level of the labels",
            ["as it is", *LEVELS],
            key="import_level",
            help="set: an item may have several labels at once, or none.",
        )
        parted.text_input(
            "What parts the labels of a cell",
            key="import_separator",
            disabled=st.session_state.get("import_level") != SET,
            help="Only where labels are sets and cells are no JSON lists: a semicolon, say.",
        )
    is_set = st.session_state.get("import_level") == SET
    return ingest.ImportOptions(
        mapping=mapping,
        item_attributes=tuple(items),
        annotator_attributes=tuple(people),
        separator=str(st.session_state.get("import_separator") or "") if is_set else "",
    )


def _request(*, dry_run: bool) -> ingest.ImportRequest:
    level = st.session_state.get("import_level", "as it is")
    return ingest.ImportRequest(
        level=None if level == "as it is" else level,
        skip_bad_rows=bool(st.session_state.get("import_skip")),
        dry_run=dry_run,
    )


def _run(
    path: Path, project: str, format: str, options: ingest.ImportOptions, request: ingest.ImportRequest
) -> ingest.ImportSummary:
    return ingest.import_file(
        session.store(),
        path=path,
        project_id=project,
        by=session.person(),
        format=format,
        options=options,
        request=request,
    )


def _import(path: Path, project: str, format: str, options: ingest.ImportOptions) -> None:
    with st.spinner("Importing …"):
        try:
            summary = _run(path, project, format, options, _request(dry_run=False))
        except (StoreError, WorkflowError) as error:
            error_state("Nothing was imported", str(error))
            return
    st.session_state[DONE] = summary
    st.session_state[ROUND] = st.session_state.get(ROUND, 0) + 1  # an uploader with a new key is empty again
    session.choose(session.PROJECT, project)
    st.rerun()


def _finished(summary: ingest.ImportSummary) -> None:
    left_out = f"; {summary.rejected.height:,} rows were left out" if summary.rejected.height else ""
    verdict(
        "fit",
        f"{summary.imported:,} annotations of {summary.items:,} items came into {summary.project_id}{left_out}",
        detail="Score the project next: it computes the consensus labels and how far people agree.",
    )
    if summary.rejected.height:
        st.dataframe(pl.DataFrame(summary.rejected), hide_index=True, height=240)
    link_to("overview", label="Go to the overview and score")
