"""Label Studio's JSON export, for projects whose answer is one of several choices.

Its words end here: a task is an item, `completed_by` the annotator, a `choices` result the label, `lead_time`
the active seconds, an annotation with `ground_truth` gold. Format: https://labelstud.io/guide/export (JSON).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from data.errors import ImportRejected
from data.importers.label_studio_tasks import (
    Answer,
    Task,
    TaskFields,
    choose_control,
    choose_fields,
    collect_answers,
    read_task,
)
from data.importers.mapping import check_role
from data.importers.parsed import ITEMS, PREDICTIONS, REJECTED, ImportOptions, Parsed, Preview
from data.importers.rows import Raw, assemble, attributes_json, with_kind
from data.importers.source import Source, Text, open_text

_MAPPABLE = ("item", "annotator", "label", "at", "text", "image", "suggestion", "suggestion_shown")


@dataclass(frozen=True, slots=True)
class _Opened:
    """The export's tasks, which control is read, and which fields of a task's data."""

    tasks: list[Task]
    fields: TaskFields
    control: str
    notes: tuple[str, ...]


def read_label_studio(source: Source, scratch: Path, options: ImportOptions) -> Parsed:
    """Read an export. Row numbers are running numbers of the annotations in the file, skipped ones included.

    Raises:
        ImportRejected: other JSON, no annotations, spans for choices, or several controls with choices.
    """
    opened = _open(open_text(source, scratch, max_bytes=options.max_bytes), options)
    answers = [
        a
        for task in opened.tasks
        for a in collect_answers(task, opened.control, opened.fields, sets=options.sets)
    ]
    labels = [a for a in answers if a.kind == "label"]
    gold, torn = _gold(answers)
    raw = _raw(labels, gold, opened, options)
    assembled = assemble(raw)
    items = _all_items(opened, gold, assembled.items, options)
    objections = [(a.row, a.problem or "") for a in answers if a.kind == "rejected"] + torn
    rejected = pl.concat([assembled.rejected, pl.DataFrame(objections, schema=REJECTED, orient="row")]).sort(
        "row"
    )
    predictions, prediction_notes = _predictions(opened, sets=options.sets)
    return Parsed(
        annotations=assembled.annotations,
        items=items,
        annotators=assembled.annotators,
        predictions=predictions,
        rejected=rejected,
        format="label-studio",
        mapping=_mapping(opened),
        guessed=(*opened.notes, *_counts(answers, opened), *assembled.notes, *prediction_notes),
        n_rows=len(assembled.annotations) + len(rejected),
        sha256=source.sha256,
        name=source.name,
        suggestions=assembled.suggestions,
    )


def preview_label_studio(source: Source, scratch: Path, options: ImportOptions, n: int) -> Preview:
    """The first n annotations, one row each, with the fields of their item's data.

    Raises:
        ImportRejected: this is not Label Studio's JSON export.
    """
    text = open_text(source, scratch, max_bytes=options.max_bytes)
    tasks = _tasks(text)
    try:
        opened, problem = _opened(tasks, text, options), None
    except ImportRejected as error:
        opened, problem = None, str(error)
    control = opened.control if opened else ""
    columns = (
        "id",
        *dict.fromkeys(f"data.{key}" for task in tasks for key in task.data),
        "annotator",
        control or "label",
    )
    rows = []
    for task in tasks[:n]:
        data = [task.text_of(f"data.{key.removeprefix('data.')}") for key in columns[1:-2]]
        answers = collect_answers(task, control, opened.fields) if opened else []
        said: list[tuple[str | None, str | None]] = [(a.annotator, a.label) for a in answers] or [
            (None, None)
        ]
        rows += [[task.text_of("id"), *data, annotator, label] for annotator, label in said]
    return Preview(
        rows=pl.DataFrame(rows[:n], schema=dict.fromkeys(columns, pl.String), orient="row"),
        columns=columns,
        format="label-studio",
        mapping=_mapping(opened) if opened else {},
        guessed=opened.notes if opened else text.notes,
        problem=problem,
        name=source.name,
    )


def _open(text: Text, options: ImportOptions) -> _Opened:
    return _opened(_tasks(text), text, options)


def _opened(tasks: list[Task], text: Text, options: ImportOptions) -> _Opened:
    for role in options.mapping:
        check_role(role)
        if role not in _MAPPABLE:
            raise ImportRejected(
                f"In Label Studio's export {role!r} has its own place and cannot be mapped; "
                f"{', '.join(_MAPPABLE)} can."
            )
    control, control_notes = choose_control(tasks, options.mapping.get("label", ""), text.name)
    fields, field_notes = choose_fields(tasks, options.mapping, text.name)
    _check_attributes(tasks, options, text.name)
    return _Opened(tasks, fields, control, (*text.notes, *control_notes, *field_notes))


def _tasks(text: Text) -> list[Task]:
    """The document's tasks, each checked for the shape of an export.

    Raises:
        ImportRejected: not JSON, or JSON of another kind.
    """
    try:
        document: object = json.loads(text.path.read_text("utf-8-sig"))
    except RecursionError as error:
        raise ImportRejected(f"{text.name} is nested too deeply to be an export of annotations.") from error
    except ValueError as error:
        raise ImportRejected(f"{text.name} is not valid JSON: {error}. It may be cut short.") from error
    if not isinstance(document, list):
        raise ImportRejected(
            f"{text.name} is one JSON object; Label Studio's JSON export is a list of tasks."
        )
    if not document:
        raise ImportRejected(f"{text.name} is an empty list; it has no annotations.")
    if not any(isinstance(t, dict) and "annotations" in t for t in document):
        keys = set().union(*(t.keys() for t in document[:100] if isinstance(t, dict)))
        if keys & {"annotation_id", "lead_time", "annotator"}:
            raise ImportRejected(
                f"{text.name} is Label Studio's JSON-MIN export, "
                "which leaves out skips, gold and predictions. "
                "In Label Studio choose Export, then JSON."
            )
        raise ImportRejected(
            f"{text.name} is a JSON list, but not Label Studio's export (no task has 'annotations'). "
            "For a table write one object a line (JSONL)."
        )
    tasks, row = [], 1
    for position, task in enumerate(document, start=1):
        tasks.append(read_task(task, position, row, text.name))
        row += len(tasks[-1].annotations)
    return tasks


def _raw(labels: list[Answer], gold: Mapping[str, str], opened: _Opened, options: ImportOptions) -> Raw:
    """The annotations as columns, for the cleaning that every format goes through."""
    names = {
        **_mapping(opened),
        "annotator": "completed_by",
        "seconds": "lead_time",
        "source_id": "id",
        "label": opened.control,
    }
    roles = {
        "item": _texts(a.item for a in labels),
        "annotator": _texts(a.annotator for a in labels),
        "label": _texts(a.label for a in labels),
        "at": _texts(a.at for a in labels),
        "seconds": _texts(a.seconds for a in labels),
        "source_id": _texts(a.source_id for a in labels),
        "text": _texts(a.task.text_of(opened.fields.text) for a in labels),
        "image": _texts(a.task.text_of(opened.fields.image) for a in labels),
        "gold": _texts(gold.get(a.item or "") for a in labels),
    }
    if any(a.shown is not None for a in labels):
        roles["suggestion"] = _texts(a.suggestion for a in labels)
        roles["suggestion_shown"] = _texts(a.shown for a in labels)
    people = ("email", "first_name", "last_name")
    wanted = options.annotator_attributes or tuple(p for p in people if any(p in a.person for a in labels))
    return Raw(
        rows=pl.Series("row", [a.row for a in labels], dtype=pl.Int64),
        roles=roles,
        names={role: names.get(role, role) for role in roles},
        independent=pl.Series("independent", [a.independent for a in labels], dtype=pl.Boolean),
        fixed_labels=True,
        item_attributes={
            c: _texts(a.task.text_of(_field(c)) for a in labels) for c in options.item_attributes
        },
        annotator_attributes={c: _texts(a.person.get(c) for a in labels) for c in wanted},
        sets=options.sets,
    )


def _gold(answers: list[Answer]) -> tuple[dict[str, str], list[tuple[int, str]]]:
    """Item -> gold label, and a rejected row for each gold label that contradicts an earlier one."""
    gold: dict[str, tuple[str, int]] = {}
    torn = []
    for answer in answers:
        if answer.kind == "gold" and answer.item and answer.label:
            label, row = gold.setdefault(answer.item, (answer.label, answer.row))
            if label != answer.label:
                torn.append(
                    (answer.row, f"item '{answer.item}' has two gold labels: this one differs from row {row}")
                )
    return {item: label for item, (label, _) in gold.items()}, torn


def _all_items(
    opened: _Opened, gold: Mapping[str, str], labelled: pl.DataFrame, options: ImportOptions
) -> pl.DataFrame:
    """The labelled items, and after them those that have no annotation yet."""
    known = set(labelled["item_id"].to_list())
    rest: dict[str, Task] = {}
    for task in opened.tasks:
        item = (task.text_of(opened.fields.item) or "").strip()
        if item and item not in known:
            rest.setdefault(item, task)
    columns = {
        f"item {c}": _texts(t.text_of(_field(c)) for t in rest.values()) for c in options.item_attributes
    }
    frame = pl.DataFrame(
        {
            "item_id": _texts(rest),
            "text": _texts(t.text_of(opened.fields.text) for t in rest.values()),
            "image": _texts(t.text_of(opened.fields.image) for t in rest.values()),
            "gold": _texts(gold.get(item) for item in rest),
            **columns,
        }
    )
    frame = frame.with_columns(attributes_json(frame, {c: f"item {c}" for c in options.item_attributes}))
    return pl.concat([labelled, with_kind(frame).select(ITEMS.names()).cast(ITEMS)])


def _predictions(opened: _Opened, *, sets: bool) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """One row for each item and model run; of several the last in the file."""
    found: dict[tuple[str, str], tuple[str, float | None]] = {}
    n_left = n_replaced = 0
    for task in opened.tasks:
        item = (task.text_of(opened.fields.item) or "").strip()
        for prediction in task.predictions:
            label = prediction.label(opened.control, sets=sets)
            if not item or label is None:
                n_left += 1
                continue
            n_replaced += (item, prediction.model_run) in found
            found[item, prediction.model_run] = (label, prediction.score)
    notes = (
        [f"{_many(n_left, 'prediction')} without one choice for {opened.control!r} left out."]
        if n_left
        else []
    )
    if n_replaced:
        notes.append(f"{_many(n_replaced, 'prediction')} replaced by a later one of the same model run.")
    rows = [(item, run, label, score) for (item, run), (label, score) in found.items()]
    return pl.DataFrame(rows, schema=PREDICTIONS, orient="row"), tuple(notes)


def _mapping(opened: _Opened) -> dict[str, str]:
    fields = opened.fields
    mapping = {"item": fields.item, "annotator": fields.annotator, "label": opened.control, "at": fields.at}
    mapping |= {"seconds": "lead_time", "source_id": "annotation id"}
    told = {
        "text": fields.text,
        "image": fields.image,
        "suggestion": fields.suggestion,
        "suggestion_shown": fields.shown,
    }
    return mapping | {role: field for role, field in told.items() if field}


def _counts(answers: list[Answer], opened: _Opened) -> tuple[str, ...]:
    skipped = sum(a.kind == "skipped" for a in answers)
    gold = sum(a.kind == "gold" for a in answers)
    later = sum(a.changed_later for a in answers if a.kind == "label")
    dependent = sum(not a.independent for a in answers if a.kind == "label")
    notes = []
    if skipped:
        notes.append(f"{_many(skipped, 'skipped annotation')} left out.")
    if gold:
        notes.append(f"{_many(gold, 'ground-truth annotation')} became gold and not an annotation.")
    if later:
        notes.append(
            f"{_many(later, 'annotation')} changed later; the time kept is {opened.fields.at or 'none'}."
        )
    if dependent:
        notes.append(
            f"{_many(dependent, 'annotation')} begun from a prediction or annotation: not independent."
        )
    return tuple(notes)


def _check_attributes(tasks: list[Task], options: ImportOptions, name: str) -> None:
    for column in options.item_attributes:
        if not any(_field(column).removeprefix("data.") in task.data for task in tasks):
            fields = ", ".join(dict.fromkeys(key for task in tasks for key in task.data))
            raise ImportRejected(f"No task of {name} has the data field {column!r}; they have {fields}.")


def _field(column: str) -> str:
    return column if column.startswith("data.") else f"data.{column}"


def _many(n: int, thing: str) -> str:
    return f"1 {thing} was" if n == 1 else f"{n:,} {thing}s were"


def _texts(values: Iterable[str | None]) -> pl.Series:
    return pl.Series(list(values), dtype=pl.String)
