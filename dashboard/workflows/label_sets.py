"""The label set of a project: reading it, building it at import, correcting its level."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import polars as pl

from dashboard.workflows.errors import BadRequest
from dashboard.workflows.label_words import EMPTY, JOINED
from dashboard.workflows.opening import Store
from dashboard.workflows.rules import Person, require
from data.database import Reader
from data.journal import canonical_json
from data.records import Draft

SET = "set"
"""The level of labels that are sets: an item may have several of the choices at once, or none."""

LEVELS = ("nominal", "ordinal", "interval", "ratio", SET)

Members = tuple[int, ...]
"""A set as the codes of its members, ascending."""


@dataclass(frozen=True, slots=True)
class LabelSet:
    """The allowed labels of a project, in order; a label's code never changes.

    Where labels are sets, every set that was ever given has a code of its own, and `members` names, for each, the codes of
    its members. A member is the set of itself alone: those are the `choices`.
    """

    version: int
    level: str
    labels: tuple[str, ...]
    codes: tuple[int, ...]
    values: tuple[float | None, ...]
    members: tuple[Members, ...] = field(default=())

    @property
    def n_labels(self) -> int:
        """K, the number of labels; of sets, how many different ones there are so far."""
        return len(self.labels)

    @property
    def is_sets(self) -> bool:
        """Whether a label is a set of choices."""
        return self.level == SET

    @property
    def choices(self) -> tuple[str, ...]:
        """What people choose among: the labels, or the members of sets."""
        return tuple(label for label, _ in self._choices())

    @property
    def choice_codes(self) -> tuple[int, ...]:
        """The codes of `choices`."""
        return tuple(code for _, code in self._choices())

    def label(self, code: int) -> str:
        """The label of a code."""
        return self.labels[self.codes.index(code)]

    def code(self, label: str) -> int:
        """The code of a label; raises BadRequest for one that is not in the set."""
        if label not in self.labels:
            raise BadRequest(f"{label!r} is not in the label set. It has: {', '.join(self.choices)}.")
        return self.codes[self.labels.index(label)]

    def codes_with(self, label: str) -> list[int]:
        """The codes of the labels that are `label`, or sets with it; raises as `code`."""
        code = self.code(label)
        return [one for one in self.codes if code in self.members_of(one)] or [code]

    def members_of(self, code: int) -> Members:
        """The codes of the choices in the set of this code; of a label that is no set, itself."""
        return self.members[self.codes.index(code)] if self.is_sets else (code,)

    def json_of(self, code: int) -> str:
        """The label of a code as canonical JSON: a text, or a list of texts where labels are sets."""
        if not self.is_sets:
            return canonical_json(self.label(code))
        return canonical_json([self.label(member) for member in self.members_of(code)])

    def _choices(self) -> list[tuple[str, int]]:
        pairs = zip(self.labels, self.codes, strict=True)
        if not self.is_sets:
            return list(pairs)
        return [pair for pair, members in zip(pairs, self.members, strict=True) if members == (pair[1],)]

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

    def texts(self) -> pl.DataFrame:
        """Columns label_code, label, label_json."""
        return self.frame().with_columns(
            pl.Series("label_json", [self.json_of(code) for code in self.codes], dtype=pl.Utf8)
        )


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
        members=tuple(tuple(members) for members in frame["members"]) if frame["level"][0] == SET else (),
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
    check_level(level, [label for label in labels if label not in old] if level == SET else labels)
    fresh = codes[len(old) :]
    members = (*(existing.members if existing else ()), *((code,) for code in fresh)) if level == SET else ()
    return LabelSet(version, level, tuple(labels), tuple(codes), tuple(values), members)


def check_level(level: str, labels: Sequence[str]) -> None:
    """Raise BadRequest where the labels cannot carry the level."""
    if level not in LEVELS:
        raise BadRequest(f"{level!r} is not a level. Levels: {', '.join(LEVELS)}.")
    unwritable = [label for label in labels if JOINED in label or label == EMPTY]
    if level == SET and unwritable:
        raise BadRequest(
            f"A member of a set cannot be called {unwritable[0]!r}: {JOINED!r} parts the members of a set, and {EMPTY!r} is "
            "the set without any."
        )
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
        "label": label_rows(label_set),
    }


def label_rows(label_set: LabelSet, *, first: int = 0) -> list[dict[str, object]]:
    """The rows of the labels from place `first` on."""
    rows: list[dict[str, object]] = []
    for place in range(first, label_set.n_labels):
        row: dict[str, object] = {
            "set_version": label_set.version,
            "label_code": label_set.codes[place],
            "label": label_set.labels[place],
            "value": label_set.values[place],
            "position": place,
        }
        rows.append(row | ({"members": list(label_set.members[place])} if label_set.is_sets else {}))
    return rows


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
        if SET in (known.level, level):
            raise BadRequest(
                f"The labels are {'sets' if known.is_sets else 'no sets'}, and that cannot be corrected afterwards: import "
                f"the annotations into another project, {'without' if known.is_sets else 'with'} --level set."
            )
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
