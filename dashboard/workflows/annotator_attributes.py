"""Annotators' personal attributes: who may read them, and the trace that every reading leaves.

They stand in the vault, encrypted for each person. Nothing else in the app opens it for them: each reading of an attribute is an
event first, which says who read which attribute, and why.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from dashboard.workflows.errors import BadRequest
from dashboard.workflows.opening import Store
from dashboard.workflows.rules import Person, require
from data.database import Reader
from data.importers import ImportOptions, parse_content_isolated, parse_map
from data.records import Draft


@dataclass(frozen=True, slots=True)
class AttributesSummary:
    """What an import of attributes did, or would do.

    `people`: annotators of whom something new came in; `unknown`: ids in the file that nobody in the store has, who are left
    out; `rejected` has columns row, reason; `refused`: nothing was imported for them.
    """

    attributes: tuple[str, ...]
    people: int
    unknown: tuple[str, ...]
    rejected: pl.DataFrame
    refused: bool
    mapping: Mapping[str, str]
    guessed: tuple[str, ...]


def import_attributes(
    store: Store,
    *,
    path: Path,
    project_id: str,
    by: Person,
    mapping: str = "",
    names: tuple[str, ...] = (),
    skip_bad_rows: bool = False,
    dry_run: bool = False,
) -> AttributesSummary:
    """Parse a table of annotators in a child process and put what it says of them into the vault.

    Only annotators whom the store knows are kept: nothing is gathered of people who label nothing. The event says which
    attributes of how many people came in, neither what they are nor a fingerprint of the file, from which it could be guessed.

    Args:
        mapping: "annotator=COLUMN" where that is not plain.
        names: the columns to keep; none for all.

    Raises:
        NotAllowed: the person may not import.
        ImportRejected: the file could not be read at all; nothing was changed.
        BadRequest: no annotator in the file is known.
    """
    require(by, "import")
    options = ImportOptions(
        mapping=parse_map(filter(None, (piece.strip() for piece in mapping.split(",")))),
        annotator_attributes=names,
    )
    parsed = parse_content_isolated(path, content="people", options=options)
    known = set(store.read("annotator_codes")["annotator_id"].to_list())
    of_person = {
        person: {name: value for name, value in json.loads(text).items() if value is not None}
        for person, text in parsed.contents.select("annotator_id", "attributes").iter_rows()
    }
    unknown = tuple(sorted(set(of_person) - known))
    wanted = {person: values for person, values in of_person.items() if person in known and values}
    refused = not parsed.rejected.is_empty() and not skip_bad_rows
    summary = AttributesSummary(
        parsed.tags, len(wanted), unknown, parsed.rejected, refused, parsed.mapping, parsed.guessed
    )
    if refused or dry_run:
        return summary
    if not wanted:
        raise BadRequest(
            f"No annotator in {parsed.name} is known to the store. Import their annotations first."
        )
    people = store.vault.put(wanted)
    payload: dict[str, object] = {"attributes": list(parsed.tags), "people": people, "file": parsed.name}

    def plan(reader: Reader) -> Draft | None:
        return Draft("attributes_imported", project_id, parsed.name, payload) if people else None

    request: dict[str, object] = {"verb": "attributes.import", "project": project_id, **payload}
    store.submit(plan, by=by.person_id, request=request)
    return AttributesSummary(
        parsed.tags, people, unknown, parsed.rejected, refused, parsed.mapping, parsed.guessed
    )


def attributes(
    store: Store, *, project_id: str, by: Person, purpose: str, request_id: str | None = None
) -> pl.DataFrame:
    """All personal attributes: annotator_id, attribute, value. The reading is written to the journal first, with their names.

    Raises:
        NotAllowed: the person's role does not see them.
        BadRequest: no purpose is given.
        KeyMissing: the vault's keys are not on this machine.
    """
    require(by, "attributes.read")
    frame = store.vault.frame()
    _write(store, project_id, by, tuple(frame["attribute"].unique().sort()), purpose, request_id)
    return frame


def attribute(
    store: Store, *, project_id: str, by: Person, name: str, purpose: str, request_id: str | None = None
) -> pl.DataFrame:
    """One personal attribute: annotator_id, value; sorted. The reading is written to the journal first.

    Raises:
        NotAllowed: the person's role does not see them.
        BadRequest: no purpose is given, or nobody has such an attribute; nothing was read.
        KeyMissing: the vault's keys are not on this machine.
    """
    require(by, "attributes.read")
    frame = store.vault.frame()
    known = frame["attribute"].unique().sort().to_list()
    if name not in known:
        raise BadRequest(f"No annotator has an attribute {name!r}. There are: {', '.join(known) or 'none'}.")
    _write(store, project_id, by, (name,), purpose, request_id)
    return frame.filter(attribute=name).select("annotator_id", "value")


def attribute_names(store: Store, *, by: Person) -> tuple[str, ...]:
    """The names of the attributes that annotators have, not what they are; for those who may read them, else none.

    Raises:
        KeyMissing: the vault's keys are not on this machine.
    """
    if not by.may("attributes.read"):
        return ()
    return tuple(store.vault.frame()["attribute"].unique().sort())


def _write(
    store: Store, project_id: str, by: Person, names: tuple[str, ...], purpose: str, request_id: str | None
) -> None:
    if not purpose.strip():
        raise BadRequest("Say what the personal attributes are needed for; it is written to the audit trail.")
    payload: dict[str, object] = {"purpose": purpose.strip(), "attributes": list(names)}

    def plan(reader: Reader) -> Draft:
        return Draft("attributes_read", project_id, by.person_id, payload)

    request: dict[str, object] = {"verb": "attributes.read", "project": project_id, **payload}
    store.submit(plan, by=by.person_id, request=request, request_id=request_id)
