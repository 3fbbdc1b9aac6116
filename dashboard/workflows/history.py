"""The journal as people read it: every event in words, filtered, newest first."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from dashboard.workflows.errors import BadRequest
from dashboard.workflows.event_words import KINDS, sentence
from dashboard.workflows.opening import Store
from dashboard.workflows.rules import Person, require

PAGE_SIZE = 50
NO_FILTER: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class EventPage:
    """A page of events, newest first.

    `rows`: seq, recorded_at, actor, kind, title, words, subject, project_id, hash.
    """

    rows: pl.DataFrame
    total: int
    page: int
    n_pages: int


@dataclass(frozen=True, slots=True)
class Facets:
    """What there is to filter by. `kinds` and `actors`: name, n; most frequent first."""

    kinds: pl.DataFrame
    actors: pl.DataFrame


@dataclass(frozen=True, slots=True)
class RawEvent:
    """One line of the journal as it was written, and what it says."""

    seq: int
    kind: str
    subject: str
    project_id: str
    title: str
    meaning: str
    words: str
    line: str


def events(
    store: Store,
    *,
    by: Person,
    project_id: str = "",
    kinds: Collection[str] = NO_FILTER,
    actor: str = "",
    subject: str = "",
    since: datetime | None = None,
    until: datetime | None = None,
    page: int = 1,
    page_size: int = PAGE_SIZE,
    as_of: int | None = None,
) -> EventPage:
    """One page of the journal, newest first.

    Args:
        project_id: that project's events and the store's own; "" for all.
        kinds: only these kinds; empty for every kind.
        actor: only what this person did.
        subject: a part of what the event is about (an item's id, a file's name), in any case of letters.
        since: recorded at or after.
        until: recorded before.
        page: from 1 on; one past the end gives the last page.

    Raises:
        BadRequest: a kind is not known.
        NotAllowed: the person may not read the journal.
    """
    require(by, "view.audit")
    unknown = sorted(set(kinds) - set(KINDS))
    if unknown:
        raise BadRequest(f"{unknown[0]!r} is not a kind of event. Known: {', '.join(sorted(KINDS))}.")
    if page < 1 or page_size < 1:
        raise BadRequest("Pages count from 1 and hold at least one event.")
    filters: dict[str, object] = {
        "project_id": project_id,
        "kinds": sorted(kinds),
        "actor": actor,
        "subject": subject,
        "since": since,
        "until": until,
        "as_of": as_of,
    }
    total = int(store.read("audit_count", **filters)["n"][0])
    n_pages = max(1, -(-total // page_size))
    page = min(page, n_pages)
    found = store.read("audit_events", **filters, page_size=page_size, skip=(page - 1) * page_size)
    payloads = [json.loads(text) for text in found["payload"]]
    words = [sentence(row, payload) for row, payload in zip(found.to_dicts(), payloads, strict=True)]
    titles = [KINDS[kind].title if kind in KINDS else kind for kind in found["kind"]]
    rows = found.with_columns(
        pl.Series("words", words, dtype=pl.Utf8), pl.Series("title", titles, dtype=pl.Utf8)
    ).select("seq", "recorded_at", "actor", "kind", "title", "words", "subject", "project_id", "hash")
    return EventPage(rows, total, page, n_pages)


def facets(store: Store, *, by: Person, project_id: str = "", as_of: int | None = None) -> Facets:
    """The kinds and people that occur, with how often."""
    require(by, "view.audit")
    counts = store.read("audit_facets", project_id=project_id, as_of=as_of)

    def summed(column: str) -> pl.DataFrame:
        grouped = counts.group_by(pl.col(column).alias("name")).agg(pl.col("n").sum())
        return grouped.sort(["n", "name"], descending=[True, False])

    return Facets(summed("kind"), summed("actor"))


def raw_event(store: Store, *, by: Person, seq: int) -> RawEvent:
    """One event's line, byte for byte as the journal holds it; raises BadRequest where there is none."""
    require(by, "view.audit")
    lines = store.event_lines(frozenset({seq}))
    if not lines:
        raise BadRequest(f"There is no event {seq} in this store; it has the events 1 to {store.head}.")
    line = lines[0].decode().rstrip("\n")
    fields = json.loads(line)
    known = KINDS.get(fields["kind"])
    return RawEvent(
        seq=seq,
        kind=str(fields["kind"]),
        subject=str(fields["subject"]),
        project_id=str(fields["project_id"]),
        title=known.title if known else str(fields["kind"]),
        meaning=known.meaning if known else "",
        words=sentence(fields, fields["payload"]),
        line=line,
    )
