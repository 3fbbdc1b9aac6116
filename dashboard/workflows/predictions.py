"""A model's out-of-sample probabilities: bringing a run in, all or nothing, as one event, and reading it back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import numpy as np
import polars as pl

from analytics.frames import FloatArray, IntArray
from dashboard.workflows.errors import BadRequest
from dashboard.workflows.label_sets import LabelSet, require_label_set
from dashboard.workflows.model_runs import require_model_run
from dashboard.workflows.opening import Store
from dashboard.workflows.prediction_check import NOT_CHECKED, check_sample
from dashboard.workflows.prediction_frames import (
    CodedRun,
    as_table,
    code_run,
    first_label_rows,
    identical_members,
    n_choices,
    probability_rows,
    sample_rows,
)
from dashboard.workflows.rules import Person, require
from data.database import Reader
from data.importers import ImportOptions, ParsedProbabilities, parse_probabilities_isolated
from data.journal import canonical_json
from data.records import Draft

LONGEST_NAME = 200


@dataclass(frozen=True, slots=True)
class PredictionsRequest:
    """What to do with a file of probabilities. `model_run` names the run; what the name stands for never changes."""

    model_run: str
    note: str = ""
    skip_bad_rows: bool = False
    dry_run: bool = False

    def checked(self) -> PredictionsRequest:
        """The request with its name trimmed; raises BadRequest where the name is none."""
        name = self.model_run.strip()
        if not name or len(name) > LONGEST_NAME or not name.isprintable():
            raise BadRequest(
                f"A model run needs a name of 1 to {LONGEST_NAME} printable characters (--run NAME)."
            )
        return replace(self, model_run=name)


@dataclass(frozen=True, slots=True)
class PredictionsSummary:
    """What an import of probabilities did, or would do.

    Attributes:
        imported: items whose probabilities came in; 0 where the run was there already (`known`).
        items: items of the project that the file has probabilities for.
        rejected: columns row, reason.
        unknown_items: ids that the project does not have, in the file's order.
        missing_items: how many items of the project have no probabilities in the file.
        refused: nothing was imported because of rejected rows or unknown items.
        known: the same content was there under this name.
        out_of_sample: passed, doubted or not_checked (`prediction_check`).
        warning: why it is doubted that the run is out of sample, or which members say the very same.
        members: what the members of the model are called; () where the file has no such column.
    """

    project_id: str
    model_run: str
    imported: int
    items: int
    rejected: pl.DataFrame
    unknown_items: tuple[str, ...]
    missing_items: int
    refused: bool
    known: bool
    dry_run: bool
    labels: tuple[str, ...]
    out_of_sample: str
    warning: str | None
    mapping: Mapping[str, str]
    guessed: tuple[str, ...]
    format: str
    members: tuple[str, ...] = ()


def map_options(pairs: Iterable[str]) -> ImportOptions:
    """The importer's options from the command line's words (`item=id`, `cat=c1`, or `item=id,cat=c1`).

    Raises:
        BadRequest: a word without "=", without a column, or a role given twice.
    """
    mapping: dict[str, str] = {}
    for piece in filter(None, (piece.strip() for pair in pairs for piece in pair.split(","))):
        role, separator, column = (part.strip() for part in piece.partition("="))
        if not separator or not column:
            raise BadRequest(f"--map {piece} names no column; write --map item=COLUMN or --map LABEL=COLUMN.")
        if role in mapping:
            raise BadRequest(f"--map names {role!r} twice: {mapping[role]!r} and {column!r}.")
        mapping[role] = column
    return ImportOptions(mapping=mapping)


def import_predictions(
    store: Store,
    *,
    path: Path,
    project_id: str,
    by: Person,
    request: PredictionsRequest,
    options: ImportOptions | None = None,
    progress: Callable[[float], None] | None = None,
    request_id: str | None = None,
) -> PredictionsSummary:
    """Parse a file of probabilities in a child process and import it; see `import_probabilities`.

    Raises:
        ImportRejected: the file could not be read at all, or a label has no column; nothing was changed.
    """
    require(by, "import")
    label_set = require_label_set(store, project_id)
    asked = replace(options or ImportOptions(), sets=label_set.is_sets)
    parsed = parse_probabilities_isolated(path, labels=label_set.choices, options=asked, progress=progress)
    return import_probabilities(
        store,
        parsed=parsed,
        label_set=label_set,
        project_id=project_id,
        by=by,
        request=request,
        request_id=request_id,
    )


def import_probabilities(
    store: Store,
    *,
    parsed: ParsedProbabilities,
    label_set: LabelSet,
    project_id: str,
    by: Person,
    request: PredictionsRequest,
    request_id: str | None = None,
) -> PredictionsSummary:
    """Import the probabilities that were read for `label_set`, as one event. The same content again changes nothing.

    Raises:
        BadRequest: no item is the project's, the run's name stands for something else, or the label set has changed.
        NotAllowed: the person may not import.
    """
    require(by, "import")
    asked = request.checked()
    saw = store.head
    items = store.read("import_known_items", project_id=project_id)
    n_members = max(len(parsed.members), 1)
    run, unknown = code_run(parsed.probabilities, items, label_set, n_members=n_members)
    summary = _summary(project_id, asked, parsed, label_set, run, unknown=unknown, n_items=items.height)
    if summary.refused:
        return summary
    if not summary.items:
        raise BadRequest(
            f"{parsed.name} has probabilities for no item of {project_id}. Nothing was imported."
        )
    summary = _doubted(store, summary, label_set, run, saw=saw)
    if asked.dry_run:
        return _was_known(summary) if _is_known(store, project_id, asked.model_run, run) else summary
    row = _run_row(parsed, label_set, run, summary, note=asked.note, saw=saw)

    def plan(reader: Reader) -> Draft | None:
        if require_label_set(reader, project_id).version != label_set.version:
            raise BadRequest(
                "The label set was changed while the file was read. Nothing was imported; import it again."
            )
        if _is_known(reader, project_id, asked.model_run, run):
            return None
        return _draft(reader, summary, parsed, label_set, run, row=row)

    words: dict[str, object] = {
        "verb": "predictions",
        "project": project_id,
        "run": asked.model_run,
        "sha256": parsed.sha256,
        "content": run.content_sha256,
    }
    event = store.submit(plan, by=by.person_id, request=words, request_id=request_id)
    return _was_known(summary) if event is None else summary


def probabilities(
    store: Store, *, project_id: str, model_run: str, as_of: int | None = None
) -> tuple[IntArray, FloatArray]:
    """What a run gave: (N,) item codes, sorted, and the (N, K) probabilities by label code, each row summing to 1; where labels
    are sets, by choice, each of its own. Of several members it is the mean.

    A label that came into the label set after the run has probability 0: the model did not know it.

    Raises:
        BadRequest: there is no such run.
    """
    named = require_model_run(store, project_id=project_id, model_run=model_run, as_of=as_of)
    given = cast("int", named["n_labels"])
    frame = store.read("model_probabilities", project_id=project_id, model_run=model_run, as_of=as_of)
    table = as_table(frame["probabilities"], given)
    label_set = require_label_set(store, project_id, as_of=as_of)
    if not label_set.is_sets:
        table = table / table.sum(axis=1, keepdims=True)
    later = n_choices(label_set) - given
    return frame["item_code"].to_numpy(), np.pad(table, ((0, 0), (0, later))) if later else table


def _summary(
    project_id: str,
    request: PredictionsRequest,
    parsed: ParsedProbabilities,
    label_set: LabelSet,
    run: CodedRun,
    *,
    unknown: pl.DataFrame,
    n_items: int,
) -> PredictionsSummary:
    clean = parsed.rejected.is_empty() and unknown.is_empty()
    refused = not (clean or request.skip_bad_rows)
    return PredictionsSummary(
        project_id=project_id,
        model_run=request.model_run,
        imported=0 if refused else len(run.item_codes),
        items=len(run.item_codes),
        rejected=parsed.rejected,
        unknown_items=tuple(unknown["item_id"]),
        missing_items=n_items - len(run.item_codes),
        refused=refused,
        known=False,
        dry_run=request.dry_run,
        labels=label_set.choices,
        out_of_sample=NOT_CHECKED,
        warning=None,
        mapping=parsed.mapping,
        guessed=parsed.guessed,
        format=parsed.format,
        members=parsed.members,
    )


def _doubted(
    store: Store, summary: PredictionsSummary, label_set: LabelSet, run: CodedRun, *, saw: int
) -> PredictionsSummary:
    """With what gives reason to doubt the run."""
    out_of_sample, warnings = NOT_CHECKED, []
    if not label_set.is_sets:
        found = check_sample(store, summary.project_id, run.item_codes, run.table, as_of=saw)
        out_of_sample, warnings = found.out_of_sample, [found.warning]
    if run.samples is not None:
        warnings.append(identical_members(run.samples, summary.members))
    return replace(summary, out_of_sample=out_of_sample, warning=" ".join(filter(None, warnings)) or None)


def _is_known(store: Store | Reader, project_id: str, model_run: str, run: CodedRun) -> bool:
    """Whether the store has this content under this name; raises BadRequest where the name stands for something else."""
    known = store.read("model_run_known", project_id=project_id, model_run=model_run).row(0, named=True)
    if known["content_sha256"] == run.content_sha256:
        return True
    if known["content_sha256"] is not None:
        raise BadRequest(
            f"The model run {model_run!r} is there with other probabilities. Nothing was changed; "
            "give this one a name of its own (--run)."
        )
    if known["has_labels"]:
        raise BadRequest(
            f"The name {model_run!r} belongs to predictions that came with an annotation file. Nothing was changed; "
            "give this run a name of its own (--run)."
        )
    return False


def _was_known(summary: PredictionsSummary) -> PredictionsSummary:
    return replace(summary, imported=0, known=True)


def _run_row(
    parsed: ParsedProbabilities,
    label_set: LabelSet,
    run: CodedRun,
    summary: PredictionsSummary,
    *,
    note: str,
    saw: int,
) -> dict[str, object]:
    """The row of the table `model_run`."""
    return {
        "model_run": summary.model_run, "n_items": summary.items, "n_labels": n_choices(label_set), "note": note,
        "content_sha256": run.content_sha256, "name": parsed.name, "format": parsed.format, "saw_seq": saw,
        "out_of_sample": summary.out_of_sample, "warning": summary.warning, "n_members": max(len(summary.members), 1),
        "provenance": canonical_json({"members": list(summary.members)}) if summary.members else None,
    }  # fmt: skip


def _draft(
    reader: Reader,
    summary: PredictionsSummary,
    parsed: ParsedProbabilities,
    label_set: LabelSet,
    run: CodedRun,
    *,
    row: Mapping[str, object],
) -> Draft:
    """The import's event."""
    tables = {"probability": probability_rows(run, summary.model_run)}
    if not label_set.is_sets:
        tables["prediction"] = first_label_rows(run, summary.model_run, label_set)
    if run.samples is not None:
        tables["model_sample"] = sample_rows(run.item_codes, run.samples, summary.model_run)
    payload: dict[str, object] = {
        "rows": {"model_run": [row]},
        "segments": {name: reader.segments.put(frame).as_payload() for name, frame in tables.items()},
        "source": {
            "name": parsed.name,
            "sha256": parsed.sha256,
            "format": parsed.format,
            "rows": parsed.n_rows,
        },
        "mapping": dict(parsed.mapping),
        "label_set_version": label_set.version,
        "row_policy": "all or nothing"
        if parsed.rejected.is_empty() and not summary.unknown_items
        else "skip bad rows",
        "counts": {
            "imported": summary.items,
            "rejected": parsed.rejected.height,
            "unknown_items": len(summary.unknown_items),
        },
    }
    return Draft("predictions_imported", summary.project_id, summary.model_run, payload)
