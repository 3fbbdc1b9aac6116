"""Steps on the way to an approved release of the project "pets"."""

from __future__ import annotations

from dashboard.workflows import release
from dashboard.workflows.opening import Store
from dashboard.workflows.release_record import Release
from dashboard.workflows.rules import Person
from tests import stores

P = "pets"


def propose(store: Store, *, request_id: str | None = None) -> Release:
    return release.propose(store, project_id=P, by=stores.LENA, request_id=request_id)


def sign(
    store: Store, made: Release, by: Person, *, seen: str | None = None, request_id: str | None = None,
    active_seconds: float | None = None,
) -> Release:  # fmt: skip
    return release.approve(
        store, project_id=P, by=by, release_id=made.release_id, expected_hash=seen or made.content_hash,
        request_id=request_id, active_seconds=active_seconds,
    )  # fmt: skip


def waive_all(store: Store, made: Release) -> None:
    for gate in made.blocking_gates:
        release.waive(
            store, project_id=P, by=stores.LARS, release_id=made.release_id, gate=gate.key, reason="a pilot"
        )


def approved(store: Store) -> Release:
    made = propose(store)
    waive_all(store, made)
    sign(store, made, stores.LENA)
    return sign(store, made, stores.RITA)
