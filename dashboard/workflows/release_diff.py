"""What a release changes against the one before it."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from dashboard.workflows.label_words import label_text
from dashboard.workflows.opening import Store
from dashboard.workflows.release_record import Release, find_release, list_releases
from dashboard.workflows.rules import Person, require

ADDED, REMOVED, CHANGED, REDECIDED = "added", "removed", "changed", "redecided"


@dataclass(frozen=True, slots=True)
class ReleaseDiff:
    """The difference of `release` to `before` (None: there was none, so everything is added).

    `items`: item_id, change (added, removed, changed: another label, redecided: a new version with
    the same label), from_version, from_label, to_version, to_label. `moves`: from_label, to_label,
    n, most frequent first.
    """

    release: Release
    before: Release | None
    items: pl.DataFrame
    moves: pl.DataFrame

    def count(self, change: str) -> int:
        """How many items differ in this way."""
        return self.items.filter(pl.col("change") == change).height

    def sentence(self) -> str:
        """The difference in words."""
        if self.before is None:
            return f"Release {self.release.version} is the first: all {self.release.n_items:,} items are new."
        words = {
            CHANGED: "with another label",
            ADDED: "added",
            REMOVED: "no longer in it",
            REDECIDED: "decided again with the same label",
        }
        parts = [f"{self.count(change):,} {said}" for change, said in words.items() if self.count(change)]
        said = ", ".join(parts) if parts else "nothing"
        return f"Against release {self.before.version}: {said}."


def diff(
    store: Store,
    *,
    project_id: str,
    by: Person,
    release: str | int | None = None,
    before: str | int | None = None,
    as_of: int | None = None,
) -> ReleaseDiff:
    """The difference of a release (default: the newest) to an earlier one (default: see `release_before`).

    Raises:
        BadRequest: there is no such release.
    """
    require(by, "view.figures")
    newer = find_release(store, project_id, release, as_of=as_of)
    older = (
        release_before(store, project_id, newer, as_of=as_of)
        if before is None
        else find_release(store, project_id, before, as_of=as_of)
    )
    before_id = older.release_id if older else ""
    rows = store.read("release_diff", release_id=newer.release_id, before_id=before_id)
    items = rows.select(
        "item_id", "change", "from_version", _label("from_json", "from_label", rows), "to_version",
        _label("to_json", "to_label", rows),
    )  # fmt: skip
    moves = (
        items.filter(pl.col("change") == CHANGED)
        .group_by("from_label", "to_label")
        .agg(pl.len().alias("n"))
        .sort(["n", "from_label", "to_label"], descending=[True, False, False])
    )
    return ReleaseDiff(newer, older, items, moves)


def release_before(
    store: Store, project_id: str, release: Release, *, as_of: int | None = None
) -> Release | None:
    """The newest approved release before this one; without one, the newest that was not rejected."""
    earlier = [one for one in list_releases(store, project_id, as_of=as_of) if one.version < release.version]
    approved = [one for one in earlier if one.state == "approved"]
    standing = approved or [one for one in earlier if one.state != "rejected"]
    return standing[0] if standing else None


def _label(column: str, name: str, rows: pl.DataFrame) -> pl.Series:
    texts = {text: label_text(text) for text in rows[column].drop_nulls().unique()}
    return rows[column].cast(pl.Utf8).replace_strict(texts, default=None, return_dtype=pl.Utf8).alias(name)
