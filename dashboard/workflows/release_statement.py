"""The bias statement that a release keeps: frozen as a document when it was proposed, and signed with it."""

from __future__ import annotations

import json
from typing import Any, cast

from dashboard.workflows import bias_statement
from dashboard.workflows.opening import Store
from dashboard.workflows.release_record import Release
from dashboard.workflows.rules import Person, require


def release_statement(store: Store, *, project_id: str, by: Person, release: Release) -> dict[str, Any]:
    """The statement of a release, as JSON (`bias_statement.document`).

    Releases that were proposed before their event held the statement have it made anew, of what the journal held then.

    Raises:
        NotAllowed: the person may not see figures.
    """
    require(by, "view.figures")
    kept = store.read("release_statement", project_id=project_id, seq=release.seq)["bias_statement"]
    if kept.is_empty() or kept[0] is None:
        return bias_statement.document(
            bias_statement.read_statement(store, project_id, as_of=release.saw_seq)
        )
    return cast("dict[str, Any]", json.loads(kept[0]))
