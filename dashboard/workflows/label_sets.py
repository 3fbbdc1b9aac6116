"""The label set of a project: reading it, building it at import, correcting its level."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from dashboard.workflows.errors import BadRequest
from dashboard.workflows.opening import Store
from dashboard.workflows.rules import Person, require
from data.database import Reader
from data.records import Draft

LEVELS = ("nominal", "ordinal", "interval", "ratio")


@dataclass(frozen=True, slots=True)
class LabelSet:
    """The allowed labels of a project, in order; a label's code is its place in `labels_by_code` and never changes."""

    version: int
    level: str
    labels: tuple[str, ...]
    codes: tuple[int, ...]
    values: tuple[float | None, ...]

    @property
    def n_labels(self) -> int:
        """K, the number of labels."""
        return len(self.labels)

    def label(self, code: int) -> str:
        """The label of a code."""
        return self.labels[self.codes.index(code)]

    def code(self, label: str) -> int:
        """The code of a label; raises BadRequest for one that is not in the set."""
        if label not in self.labels:
            raise BadRequest(f"{label!r} is not in the label set. It has: {', '.join(self.labels)}.")
        return self.codes[self.labels.index(label)]

    def values_by_code(self) -> list[float]:
        """The number (interval, ratio) or rank (else) of each label, indexed by code."""
        numbers = dict(zip(self.codes, self.values, strict=True))
        ranks = {code: float(place) for place, code in enumerate(self.codes)}
        numeric = self.level in ("interval", "ratio") and all(value is not None for value in self.values)
        return [float(numbers[code] or 0.0) if numeric else ranks[code] for code in sorted(self.codes)]

    def frame(self) -> pl.DataFrame:
        """Columns label_code, label."""
        schema = {"label_code": pl.Int64, "label": pl.Utf8}
        return pl.DataFrame({"label_code": self.codes, "label": self.labels}, schema=schema)


def current_label_set(store: Store | Reader, project_id: str, *, as_of: int | None = None) -> LabelSet | None:
    """The project's label set as of a seq; None where there is none yet."""
    frame = store.read("label_set_current", project_id=project_id, as_of=as_of)
    if frame.is_empty():
        return None
    return LabelSet(
        version=int(frame["version"][0]),
        level=str(frame["level"][0]),
        labels=tuple(frame["label"]),
        codes=tuple(frame["label_code"]),
        values=tuple(frame["value"]),
    )


def require_label_set(store: Store | Reader, project_id: str, *, as_of: int | None = None) -> LabelSet:
    """The project's label set; raises BadRequest where the project is unknown or empty."""
    found = current_label_set(store, project_id, as_of=as_of)
    if found is None:
        known = ", ".join(store.read("project_list", as_of=as_of)["project_id"]) or "none yet"
        raise BadRequest(f"There is no project {project_id!r} with labels in this store. Projects: {known}.")
    return found


def extended(existing: LabelSet | None, new_labels: Sequence[str], level: str) -> LabelSet:
    """A label set that also has `new_labels`; codes that exist keep their labels. The caller has checked that it may."""
    version = existing.version + 1 if existing else 1
    old = existing.labels if existing else ()
    labels = [*old, *(label for label in new_labels if label not in old)]
    first = max(existing.codes, default=-1) + 1 if existing else 0
    codes = [*(existing.codes if existing else ()), *range(first, first + len(labels) - len(old))]
    values = [as_number(label) for label in labels]
    check_level(level, labels)
    return LabelSet(version, level, tuple(labels), tuple(codes), tuple(values))


def check_level(level: str, labels: Sequence[str]) -> None:
    """Raise BadRequest where the labels cannot carry the level."""
    if level not in LEVELS:
        raise BadRequest(f"{level!r} is not a level. Levels: {', '.join(LEVELS)}.")
    texts = [label for label in labels if as_number(label) is None]
    if level in ("interval", "ratio") and texts:
        raise BadRequest(
            f"Level {level} needs numbers as labels; {texts[0]!r} is none. Use --level nominal or ordinal."
        )


def natural_order(labels: Sequence[str]) -> list[str]:
    """Labels in a stable order: by number where all are numbers, else by text."""
    if all(as_number(label) is not None for label in labels):
        return sorted(set(labels), key=lambda label: (as_number(label) or 0.0, label))
    return sorted(set(labels))


def as_number(label: str) -> float | None:
    """The number that a label is; None where it is none (or not finite)."""
    try:
        value = float(label)
    except ValueError:
        return None
    return value if abs(value) < float("inf") else None


def label_set_rows(label_set: LabelSet) -> dict[str, list[dict[str, object]]]:
    """The rows of a label set's event."""
    return {
        "label_set": [{"version": label_set.version, "level": label_set.level, "title": None}],
        "label": [
            {
                "set_version": label_set.version,
                "label_code": code,
                "label": label,
                "value": value,
                "position": place,
            }
            for place, (code, label, value) in enumerate(
                zip(label_set.codes, label_set.labels, label_set.values, strict=True)
            )
        ],
    }


def correct_level(
    store: Store,
    *,
    project_id: str,
    by: Person,
    level: str,
    order: Sequence[str] | None = None,
    request_id: str | None = None,
) -> LabelSet:
    """Correct the level (and, for ordinal labels, their order) by an event; earlier figures keep what they saw."""
    require(by, "import")

    def plan(reader: Reader) -> Draft:
        known = require_label_set(reader, project_id)
        labels = list(order) if order is not None else list(known.labels)
        if sorted(labels) != sorted(known.labels):
            raise BadRequest(f"The order has to name each label once: {', '.join(known.labels)}.")
        check_level(level, labels)
        codes = [known.code(label) for label in labels]
        changed = LabelSet(
            known.version + 1, level, tuple(labels), tuple(codes), tuple(as_number(label) for label in labels)
        )
        return Draft(
            "label_set_changed", project_id, project_id, {"rows": label_set_rows(changed), "level": level}
        )

    request = {"verb": "label_set.correct", "project": project_id, "level": level, "order": list(order or ())}
    store.submit(plan, by=by.person_id, request=request, request_id=request_id)
    return require_label_set(store, project_id)
