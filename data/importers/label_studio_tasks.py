"""The parts of a Label Studio task, read with distrust: any field may be missing or of another type."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from data.errors import ImportRejected
from data.importers.label_studio_results import (
    Prediction,
    choices_of,
    control_of,
    label_of,
    parts_of,
    read_prediction,
    text_of_value,
)
from data.importers.mapping import guess
from data.importers.shown import HIDDEN

_PEOPLE = ("id", "email", "username")
_EDIT_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Task:
    """One task. `first_row` is the running number of its first annotation in the file."""

    own: Mapping[str, object]
    data: Mapping[str, object]
    annotations: Sequence[Mapping[str, object]]
    predictions: Sequence[Prediction]
    first_row: int

    def text_of(self, field: str) -> str | None:
        """A field as text: "data.x" from the data, else the task's own ("id", "inner_id"); "" gives None."""
        if not field:
            return None
        return text_of_value(
            self.data.get(field.removeprefix("data.")) if field.startswith("data.") else self.own.get(field)
        )


@dataclass(frozen=True, slots=True)
class TaskFields:
    """Where item id, text, image are in a task, annotator and time in an annotation; "" for nowhere.

    `suggestion`, `shown`: where a task's data says what was suggested, and whether it was shown.
    """

    item: str
    text: str
    image: str
    annotator: str
    at: str
    suggestion: str = ""
    shown: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """One annotation of the export, told apart by what becomes of it."""

    kind: Literal["label", "gold", "skipped", "rejected"]
    row: int
    task: Task
    item: str | None
    annotator: str | None
    label: str | None
    at: str | None
    seconds: str | None
    source_id: str | None
    independent: bool
    changed_later: bool
    person: Mapping[str, str]
    problem: str | None = None
    suggestion: str | None = None
    shown: str | None = None


def read_task(task: object, position: int, first_row: int, name: str) -> Task:
    """Check the shape of one task.

    Raises:
        ImportRejected: it is no object, or its annotations are not a list of objects.
    """
    if not isinstance(task, dict):
        raise ImportRejected(
            f"Task {position} of {name} is not an object. Export again from Label Studio as JSON."
        )
    annotations, data = task.get("annotations", []), task.get("data", {})
    if not isinstance(annotations, list) or not all(isinstance(a, dict) for a in annotations):
        raise ImportRejected(
            f"Task {position} of {name} has 'annotations' that are not a list of objects. "
            "Export again as JSON."
        )
    if not isinstance(data, dict):
        raise ImportRejected(
            f"Task {position} of {name} has 'data' that is not an object. Export again as JSON."
        )
    given = task.get("predictions")
    whole = [p for p in given if isinstance(p, dict)] if isinstance(given, list) else []
    if not whole:
        # Some exports list only the predictions' numbers; the one shown stands within each annotation.
        shown = [p for a in annotations if isinstance(p := a.get("prediction"), dict) and p.get("result")]
        whole = list({str(p.get("id", i)): p for i, p in enumerate(shown)}.values())
    return Task(task, data, annotations, [read_prediction(p) for p in whole], first_row)


def choose_control(tasks: Sequence[Task], asked: str, name: str) -> tuple[str, tuple[str, ...]]:
    """The control (`from_name`) whose choices are the labels, and a sentence about it.

    Raises:
        ImportRejected: no control has choices, several have and none was asked for, or the asked one none.
    """
    kinds: Counter[tuple[str, str]] = Counter()
    for task in tasks:
        for annotation in task.annotations:
            kinds.update({(control_of(r), str(r.get("type"))): 1 for r in parts_of(annotation)})
    controls = list(dict.fromkeys(c for c, kind in kinds if kind == "choices"))
    others = list(dict.fromkeys(f"{c} ({kind})" for c, kind in kinds if kind != "choices"))
    if asked:
        if asked in controls:
            return asked, ()
        if any(asked == c for c, _ in kinds):
            raise ImportRejected(_no_choices(name, sorted({kind for c, kind in kinds if c == asked})))
        raise ImportRejected(
            f"{name} has no control {asked!r}; it has {', '.join([*controls, *others]) or 'none'}."
        )
    if not controls:
        if not kinds:
            raise ImportRejected(
                f"{name} has tasks, but none is labelled: there is no annotation with a result."
            )
        raise ImportRejected(_no_choices(name, sorted({kind for _, kind in kinds})))
    if len(controls) > 1:
        raise ImportRejected(
            f"{name} has choices for {len(controls)} controls: {', '.join(controls)}. "
            f"Say which holds the label with --map label={controls[0]}."
        )
    left = (f"Not used: {', '.join(others)}.",) if others else ()
    return controls[0], (
        f"The label is the choice for {controls[0]!r}, the only control with choices.",
        *left,
    )


def choose_fields(
    tasks: Sequence[Task], mapping: Mapping[str, str], name: str
) -> tuple[TaskFields, tuple[str, ...]]:
    """Where to find item, text, image, annotator and time: as mapped, else by the data fields' names.

    Raises:
        ImportRejected: a mapped field is in no task.
    """
    keys = list(dict.fromkeys(key for task in tasks for key in task.data))
    notes = []
    chosen: dict[str, str] = {}
    for role in ("item", "text", "image", "suggestion", "suggestion_shown"):
        if role.startswith("suggestion") and role not in mapping:
            chosen[role] = ""
        elif role in mapping:
            chosen[role] = _task_field(tasks, keys, role, mapping[role], name)
        elif role == "item":
            chosen[role] = "id"
            notes.append("The item's id is the task's id.")
        else:
            found = guess(keys, role)
            chosen[role] = f"data.{found}" if found else ""
            if found and found != role:
                notes.append(f"The item's {role} is the data field {found!r}, by its name.")
    if not chosen["text"] and "text" not in mapping and not chosen["image"]:
        words = [k for k in keys if all(isinstance(t.data.get(k), str) for t in tasks)]
        if len(words) == 1:
            chosen["text"] = f"data.{words[0]}"
            notes.append(f"The item's text is the data field {words[0]!r}, the only one that is text.")
    annotator = mapping.get("annotator") or "completed_by"
    if annotator not in ("completed_by", *_PEOPLE):
        raise ImportRejected(
            f"The annotator cannot be {annotator!r}; say completed_by, {', '.join(_PEOPLE)}."
        )
    at = mapping.get("at", "created_at")
    if at not in ("", "created_at", "updated_at"):
        raise ImportRejected(f"The time cannot be {at!r}; say created_at or updated_at.")
    if "at" not in mapping:
        notes.append("The time of an annotation is its created_at.")
    return TaskFields(
        chosen["item"], chosen["text"], chosen["image"], annotator, at, chosen["suggestion"], chosen["suggestion_shown"]
    ), tuple(notes)  # fmt: skip


def collect_answers(task: Task, control: str, fields: TaskFields, *, sets: bool = False) -> list[Answer]:
    """All annotations of a task, each with what becomes of it; with `sets` a label is a JSON list of choices."""
    item = task.text_of(fields.item)
    return [
        _answer(task, annotation, task.first_row + i, item, control, fields, sets=sets)
        for i, annotation in enumerate(task.annotations)
    ]


def _answer(
    task: Task,
    annotation: Mapping[str, object],
    row: int,
    item: str | None,
    control: str,
    fields: TaskFields,
    *,
    sets: bool,
) -> Answer:
    choices = choices_of(annotation.get("result"), control)
    begun = annotation.get("parent_prediction") is not None
    has = begun or (fields.suggestion and not fields.shown and task.text_of(fields.suggestion))
    shown = (task.text_of(fields.shown) or "").strip() or ("yes" if has else None)
    problem = _problem(annotation, choices, control, sets=sets)
    if begun and shown is not None and shown.lower() in HIDDEN:
        problem = f"it was begun from a prediction, but {fields.shown} says that none was shown"
    kind: Literal["label", "gold", "skipped", "rejected"] = "label"
    if annotation.get("was_cancelled") is True:
        kind, problem = "skipped", None
    elif problem:
        kind = "rejected"
    elif annotation.get("ground_truth") is True:
        kind = "gold"
    annotator, person = _person(annotation.get("completed_by"), fields.annotator)
    return Answer(
        kind=kind,
        row=row,
        task=task,
        item=item.strip() if item else None,
        annotator=annotator,
        label=label_of(choices, sets=sets),
        at=text_of_value(annotation.get(fields.at)) if fields.at else None,
        seconds=text_of_value(annotation.get("lead_time")),
        source_id=text_of_value(annotation.get("id")),
        independent=annotation.get("parent_prediction") is None
        and annotation.get("parent_annotation") is None,
        changed_later=_changed_later(annotation),
        person=person,
        problem=problem,
        suggestion=_suggested(task, annotation, control, fields, sets=sets) if shown is not None else None,
        shown=shown,
    )


def _suggested(
    task: Task, annotation: Mapping[str, object], control: str, fields: TaskFields, *, sets: bool
) -> str | None:
    """What was suggested for an annotation: what the data says, else the prediction it was begun from, else the task's only one."""
    if fields.suggestion:
        return task.text_of(fields.suggestion)
    begun = text_of_value(annotation.get("parent_prediction"))
    own = annotation.get("prediction")
    known = [
        *task.predictions,
        *([read_prediction(own)] if isinstance(own, dict) and own.get("result") else []),
    ]
    if begun is not None:
        known = [one for one in known if one.prediction_id == begun]
    labels = {one.label(control, sets=sets) for one in known}
    return labels.pop() if len(labels) == 1 else None


def _problem(annotation: Mapping[str, object], choices: list[str], control: str, *, sets: bool) -> str | None:
    if len(choices) == 1 or (sets and choices):
        return None
    if len(choices) > 1:
        shown = ", ".join(choices[:5])[:80]
        return f"{len(choices)} choices ({shown}); this label set is categorical (one choice); --level set takes sets"
    return f"no answer for '{control}'" if parts_of(annotation) else "no label: the result is empty"


def _no_choices(name: str, kinds: list[str]) -> str:
    spans = [k for k in kinds if "label" in k]
    what = f"spans ({', '.join(spans)})" if spans else f"answers of another kind ({', '.join(kinds)})"
    return f"{name} holds {what}; this version takes categories (choices)."


def _person(given: object, wanted: str) -> tuple[str | None, dict[str, str]]:
    """The annotator's id and what else is said. A number comes first: an e-mail address is personal."""
    if not isinstance(given, dict):
        return text_of_value(given), {}
    known = {
        str(key): text
        for key, value in given.items()
        if (text := text_of_value(value)) and not isinstance(value, (dict, list))
    }
    order = _PEOPLE if wanted == "completed_by" else (wanted,)
    chosen = next((key for key in order if key in known), None)
    return (known[chosen] if chosen else None), {
        key: value for key, value in known.items() if key not in (chosen, "id")
    }


def _task_field(tasks: Sequence[Task], keys: list[str], role: str, asked: str, name: str) -> str:
    if not asked and role != "item":
        return ""
    if asked.startswith("data.") and asked.removeprefix("data.") in keys:
        return asked
    if role == "item" and asked in ("id", "inner_id"):
        return asked
    if asked in keys:
        return f"data.{asked}"
    raise ImportRejected(
        f"No task of {name} has {asked!r} for {role!r}; its data has {', '.join(keys) or 'nothing'}. "
        f"Say --map {role}=data.FIELD."
    )


def _changed_later(annotation: Mapping[str, object]) -> bool:
    created, updated = annotation.get("created_at"), annotation.get("updated_at")
    if not isinstance(created, str) or not isinstance(updated, str):
        return False
    try:
        return (
            datetime.fromisoformat(updated) - datetime.fromisoformat(created)
        ).total_seconds() > _EDIT_SECONDS
    except (ValueError, TypeError):
        return False
