"""What a file's labels make of a project's label set, and which rows have a label that it does not allow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from dashboard.workflows.errors import BadRequest
from dashboard.workflows.label_sets import (
    SET,
    LabelSet,
    Members,
    check_level,
    extended,
    natural_order,
)
from dashboard.workflows.set_labels import member_codes, members_in
from data.importers import Parsed

MOST_NAMED, LONGEST_NAMED = 40, 80


@dataclass(frozen=True, slots=True)
class ImportRequest:
    """What to do with a file's rows, beside what the importer needs to read it.

    `level`: None keeps the project's (nominal for a new one). `labels`: the label set in its order; by default the labels
    that the file holds, by number or by text. `extend_labels`: let later files bring labels that the set does not have.
    """

    level: str | None = None
    labels: tuple[str, ...] | None = None
    extend_labels: bool = False
    skip_bad_rows: bool = False
    dry_run: bool = False
    title: str | None = None
    description: str = ""
    image_bytes: Mapping[str, bytes] = field(default_factory=dict)


def label_set_after(
    known: LabelSet | None, parsed: Parsed, request: ImportRequest
) -> tuple[LabelSet, pl.DataFrame]:
    """The label set after this import, and every rejected row (the importer's and those whose label is not allowed).

    Where labels are sets, this is about their members; sets get their codes from `set_labels.with_sets`.

    Raises:
        BadRequest: the labels cannot carry the level, or the project has another one.
    """
    level = request.level or (known.level if known else "nominal")
    said = _said(parsed, parsed.annotations)
    if level == SET:
        said = [member for text in said for member in members_in(text)]
    seen = natural_order(said)
    if known and level != known.level:
        mend = (
            "A set and a single label do not go together: import into another project (--project)."
            if SET in (level, known.level)
            else f"`touchstone level {level}` corrects it."
        )
        raise BadRequest(f"The project's label set is {known.level}, not {level}. {mend}")
    allowed: Sequence[str]
    if known is None:
        allowed = request.labels or seen
        if len(set(allowed)) != len(allowed):
            raise BadRequest("The label set names a label twice.")
        label_set = extended(None, allowed, level)
    elif request.extend_labels:
        allowed = [*known.choices, *(label for label in seen if label not in known.choices)]
        label_set = extended(known, allowed, level) if len(allowed) > len(known.choices) else known
    else:
        allowed, label_set = known.choices, known
    check_level(level, label_set.choices)
    known_texts = _allowed(parsed, allowed, level)
    strange = [
        frame.filter(~pl.col(column).is_in(known_texts)).select(
            "row",
            reason=pl.format(
                f"{column} '{{}}' is not in the label set ({{}}); --extend-labels lets new labels in",
                pl.col(column).str.slice(0, LONGEST_NAMED),
                pl.lit(_listed(allowed)),
            ),
        )
        for frame, column in ((parsed.annotations, "label"), (parsed.suggestions, "suggestion"))
    ]
    return label_set, pl.concat([parsed.rejected.select("row", "reason"), *strange]).sort("row", "reason")


def sets_of(label_set: LabelSet, parsed: Parsed, annotations: pl.DataFrame) -> Iterator[Members]:
    """Every set that the annotations, the gold, the predictions and the suggestions of a file hold, where its members are allowed."""
    choices = set(label_set.choices)
    for text in _said(parsed, annotations):
        names = members_in(text)
        if choices.issuperset(names):
            yield member_codes(label_set, names)


def _said(parsed: Parsed, annotations: pl.DataFrame) -> list[str]:
    """The distinct labels of a file, as they are written."""
    columns = (
        annotations["label"], parsed.items["gold"], parsed.predictions["label"], parsed.suggestions["suggestion"],
    )  # fmt: skip
    return pl.concat([column.drop_nulls().unique() for column in columns]).unique().to_list()


def _allowed(parsed: Parsed, choices: Sequence[str], level: str) -> list[str]:
    """The labels of the annotations and the suggestions that the label set allows, as they are written."""
    if level != SET:
        return list(choices)
    known = set(choices)
    written = pl.concat([parsed.annotations["label"], parsed.suggestions["suggestion"].drop_nulls()]).unique()
    return [text for text in written if known.issuperset(members_in(text))]


def _listed(labels: Sequence[str]) -> str:
    more = f" and {len(labels) - MOST_NAMED:,} more" if len(labels) > MOST_NAMED else ""
    return ", ".join(labels[:MOST_NAMED]) + more
