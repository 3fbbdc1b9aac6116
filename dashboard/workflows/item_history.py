"""What happened to an item, event by event, in words."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from dashboard.workflows.opening import Store
from dashboard.workflows.relabel_reveal import flag_reasons
from dashboard.workflows.wording import sureness

_STATUSES: Mapping[str, str] = {
    "open": "The flag is open again",
    "second": "The flag waits for a second person",
    "adjudicate": "The flag waits for a lead's decision",
}
_RESOLUTIONS: Mapping[str, str] = {
    "kept": "The flag was closed: the label was kept",
    "changed": "The flag was closed: the label was changed",
    "adjudicated": "The flag was closed by a decision",
    "withdrawn": "The flag was withdrawn",
}


@dataclass(frozen=True, slots=True)
class ItemEvent:
    """One event and what it did to the item. `sentences` has one for each thing it did."""

    seq: int
    recorded_at: datetime
    actor: str
    kind: str
    sentences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sources:
    """The rows that tell the story; each has the `seq` of its event, labels are named in `label`."""

    item_seq: int
    annotations: pl.DataFrame
    versions: pl.DataFrame
    flags: pl.DataFrame
    flag_changes: pl.DataFrame
    decisions: pl.DataFrame
    releases: pl.DataFrame


def history(store: Store, sources: Sources) -> tuple[ItemEvent, ...]:
    """Every event that touched the item, newest first."""
    said: dict[int, list[str]] = defaultdict(list)
    said[sources.item_seq].append("The item came into the project")
    _annotated(said, sources.annotations)
    for row in sources.flags.reverse().iter_rows(named=True):
        titles = "; ".join(reason.title for reason in flag_reasons(row["reasons"]))
        said[row["seq"]].append(f"It was flagged: {titles}")
    for row in sources.decisions.iter_rows(named=True):
        label = f" as {row['label']}" if row["label"] is not None else ""
        said[row["seq"]].append(f"It was settled{label}. Reason: {row['reason'] or 'none given'}")
    for row in sources.versions.iter_rows(named=True):
        sure = f", {sureness(row['p_label'])} sure" if row["source"] == "consensus" else ""
        said[row["seq"]].append(f"Its label became {row['label']} (version {row['label_version']}{sure})")
    for row in sources.flag_changes.iter_rows(named=True):
        said[row["seq"]].append(_flag_change(row["status"], row["resolution"], row["note"]))
    for row in sources.releases.iter_rows(named=True):
        said[row["seq"]].append(
            f"Release {row['release_version']} was proposed with it as {row['label']} "
            f"(version {row['label_version']})"
        )
    events = store.read("item_events", seqs=sorted(said))
    return tuple(
        ItemEvent(row["seq"], row["recorded_at"], row["actor"], row["kind"], tuple(said[row["seq"]]))
        for row in events.reverse().iter_rows(named=True)
    )


def _annotated(said: dict[int, list[str]], annotations: pl.DataFrame) -> None:
    """Imported annotations are counted, answers are told one by one."""
    imported = annotations.filter(pl.col("source") == "import")
    for (seq,), rows in imported.group_by(["seq"], maintain_order=True):
        n = rows.height
        said[seq].append(f"{n} annotation{'' if n == 1 else 's'} came with an import")
    for row in annotations.filter(pl.col("source") != "import").iter_rows(named=True):
        label = row["label"] or "no label"
        how = "before seeing anybody else's answer" if row["independent"] else "knowing the other answers"
        said[row["seq"]].append(f"{row['annotator_id']} answered {label}, {how}")
    for row in annotations.filter(pl.col("retracted")).iter_rows(named=True):
        said[row["retracted_seq"]].append(
            f"{row['annotator_id']}'s answer {row['label'] or 'no label'} was taken back"
        )


def _flag_change(status: str, resolution: str | None, note: str | None) -> str:
    closed = _RESOLUTIONS.get(resolution or "", "The flag was closed")
    words = closed if status == "closed" else _STATUSES.get(status, status)
    return f"{words}: {note}" if note else words
