"""What changed between two versions of a guideline."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

import polars as pl

from dashboard.workflows import guideline
from dashboard.workflows.errors import BadRequest
from dashboard.workflows.opening import Store


@dataclass(frozen=True, slots=True)
class GuidelineDiff:
    """Two versions compared line by line; `text` is a unified diff, empty where they are the same."""

    older: int
    newer: int
    text: str
    added: int
    removed: int


def compare(
    store: Store, *, project_id: str, older: int, newer: int, as_of: int | None = None
) -> GuidelineDiff:
    """Compare two versions of the project's guideline.

    Raises:
        BadRequest: one of the versions does not exist.
    """
    texts = {
        int(row["version"]): str(row["markdown"])
        for row in guideline.versions(store, project_id=project_id, as_of=as_of).iter_rows(named=True)
    }
    for version in (older, newer):
        if version not in texts:
            known = ", ".join(str(one) for one in sorted(texts)) or "none yet"
            raise BadRequest(f"The guideline has no version {version}. Versions: {known}.")
    lines = list(
        difflib.unified_diff(
            texts[older].splitlines(),
            texts[newer].splitlines(),
            f"version {older}",
            f"version {newer}",
            n=3,
            lineterm="",
        )
    )
    body = pl.Series("line", lines[2:], dtype=pl.Utf8)
    return GuidelineDiff(
        older=older,
        newer=newer,
        text="\n".join(lines[2:]),
        added=int(body.str.starts_with("+").sum()),
        removed=int(body.str.starts_with("-").sum()),
    )
