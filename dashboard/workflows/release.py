"""Releases: propose what is to leave, let gates and people judge it, never change it again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from dashboard.workflows import bias_statement
from dashboard.workflows.errors import BadRequest, Stale
from dashboard.workflows.opening import Store
from dashboard.workflows.relabel_answers import check_input
from dashboard.workflows.release_gates import GateReport, evaluate
from dashboard.workflows.release_record import Release, find_release, list_releases
from dashboard.workflows.rules import Person, require
from dashboard.workflows.settings import limits
from data.content_hash import content_hash
from data.database import Reader
from data.identifiers import uuid7
from data.journal import canonical_json
from data.records import Draft
from data.release_record import APPROVE, REJECT

__all__ = ["Release", "approve", "find_release", "list_releases", "propose", "reject", "waive"]


@dataclass(frozen=True, slots=True)
class _Ready:
    """What a release would hold, and up to which event of the project that is true (`mark`); `statement`: of bias, as JSON."""

    mark: int
    items: pl.DataFrame
    content_hash: str
    report: GateReport
    statement: Mapping[str, object]


def propose(
    store: Store, *, project_id: str, by: Person, note: str | None = None, request_id: str | None = None
) -> Release:
    """Freeze today's label of every item that has one, under a content hash, with what the gates say of it.

    A release whose gates say no can be proposed, so that people can look at it; it cannot be
    approved without waivers.

    Raises:
        BadRequest: no item has a label, or an open release already holds the same labels and gates.
        NotAllowed: the person may not propose.
    """
    require(by, "release.propose")
    release_id = uuid7(store.clock())
    prepared = _prepare(store, project_id)

    def plan(reader: Reader) -> Draft:
        ready = prepared if prepared.mark == _mark(reader, project_id) else _prepare(reader, project_id)
        known = list_releases(reader, project_id)
        _refuse_twin(known, ready)
        row = {
            "release_id": release_id,
            "version": 1 + max((release.version for release in known), default=0),
            "content_hash": ready.content_hash,
            "saw_seq": ready.report.as_of,
            "n_items": ready.items.height,
            "gates": canonical_json([gate.as_payload() for gate in ready.report.gates]),
            "note": note.strip() if note and note.strip() else None,
        }
        items = reader.segments.put(ready.items.with_columns(pl.lit(release_id).alias("release_id")))
        payload = {
            "rows": {"release": [row]},
            "segments": {"release_item": items.as_payload()},
            "bias_statement": ready.statement,
            "bias_statement_sha256": bias_statement.digest(ready.statement),
        }
        return Draft("release_proposed", project_id, release_id, payload)

    request: dict[str, object] = {"verb": "release.propose", "project": project_id, "note": note}
    event = store.submit(plan, by=by.person_id, request=request, request_id=request_id)
    assert event is not None  # a proposal always makes an event, or raises
    return find_release(store, project_id, event.subject)


def approve(
    store: Store,
    *,
    project_id: str,
    by: Person,
    release_id: str,
    expected_hash: str,
    reason: str = "",
    active_seconds: float | None = None,
    request_id: str | None = None,
) -> Release:
    """Sign a release's content hash, the one that the signer saw, and with it its bias statement. Two different people approve it.

    `active_seconds`: how long the signer looked at the release, idle time left out; None where it was not measured.

    Raises:
        Stale: the release does not have that hash, or was settled meanwhile.
        BadRequest: the person already signed, or a gate says no and nobody waived it.
        NotAllowed: the person may not sign.
    """
    require(by, "release.sign")
    check_input(active_seconds, reason)
    held = _content_hash(store, find_release(store, project_id, release_id))

    def plan(reader: Reader) -> Draft:
        release = _open_release(reader, project_id, release_id, expected_hash)
        if held != release.content_hash:
            raise Stale(
                f"The items of release {release.version} no longer have its content hash; the store may be "
                "damaged. Nothing was signed. `touchstone verify` names what is broken."
            )
        if by.person_id in release.approved_by:
            raise BadRequest(
                f"{by.name} already signed release {release.version}. It takes two different "
                "people; ask somebody else."
            )
        if release.blocking_gates:
            said = "; ".join(gate.detail for gate in release.blocking_gates)
            raise BadRequest(
                f"Release {release.version} cannot be approved: {said}. Mend that and propose again, or let "
                "a lead waive the gate with a reason."
            )
        return _signature(project_id, release, APPROVE, reason, active_seconds)

    request: dict[str, object] = {
        "verb": "release.approve",
        "project": project_id,
        "release": release_id,
        "hash": expected_hash,
        "reason": reason,
    }
    store.submit(plan, by=by.person_id, request=request, request_id=request_id)
    return find_release(store, project_id, release_id)


def reject(
    store: Store,
    *,
    project_id: str,
    by: Person,
    release_id: str,
    expected_hash: str,
    reason: str,
    active_seconds: float | None = None,
    request_id: str | None = None,
) -> Release:
    """Refuse a release for good, with a reason; whoever approved it before may do so too.

    `active_seconds`: as for `approve`.

    Raises:
        Stale: the release does not have that hash, or was settled meanwhile.
        BadRequest: there is no reason.
        NotAllowed: the person may not sign.
    """
    require(by, "release.sign")
    check_input(active_seconds, reason)
    if not reason.strip():
        raise BadRequest("Rejecting a release needs a reason: whoever proposed it has to know what to mend.")

    def plan(reader: Reader) -> Draft:
        release = _open_release(reader, project_id, release_id, expected_hash)
        return _signature(project_id, release, REJECT, reason, active_seconds)

    request: dict[str, object] = {
        "verb": "release.reject",
        "project": project_id,
        "release": release_id,
        "hash": expected_hash,
        "reason": reason,
    }
    store.submit(plan, by=by.person_id, request=request, request_id=request_id)
    return find_release(store, project_id, release_id)


def waive(
    store: Store,
    *,
    project_id: str,
    by: Person,
    release_id: str,
    gate: str,
    reason: str,
    request_id: str | None = None,
) -> Release:
    """Let a release through a gate that said no, for a reason that goes wherever the release goes.

    Raises:
        BadRequest: the gate did not say no, was waived already, or there is no reason.
        Stale: the release was settled meanwhile.
        NotAllowed: the person may not waive.
    """
    require(by, "release.waive")
    if not reason.strip():
        raise BadRequest("Waiving a gate needs a reason: it stands in the release for ever.")

    def plan(reader: Reader) -> Draft:
        release = _open_release(reader, project_id, release_id, None)
        if gate not in {one.key for one in release.failed_gates}:
            failed = ", ".join(one.key for one in release.failed_gates) or "none"
            raise BadRequest(
                f"The gate {gate!r} of release {release.version} did not say no. Gates that did: {failed}."
            )
        if (before := release.waiver_of(gate)) is not None:
            raise BadRequest(
                f"{before.person_id} already waived {gate} of release {release.version}: {before.reason}"
            )
        row = {"release_id": release.release_id, "gate": gate, "reason": reason.strip()}
        payload = {"rows": {"waiver": [row]}, "version": release.version}
        return Draft("gate_waived", project_id, release.release_id, payload)

    request: dict[str, object] = {
        "verb": "release.waive",
        "project": project_id,
        "release": release_id,
        "gate": gate,
        "reason": reason,
    }
    store.submit(plan, by=by.person_id, request=request, request_id=request_id)
    return find_release(store, project_id, release_id)


def _prepare(reader: Store | Reader, project_id: str) -> _Ready:
    """Read and hash what a release would hold. Done before the writer's turn, so that nobody waits for it."""
    mark = _mark(reader, project_id)
    head = int(reader.read("release_mark", project_id=project_id)["head"][0])
    items = reader.read("release_content", project_id=project_id)
    if items.is_empty():
        raise BadRequest(
            f"No item of project {project_id!r} has a label yet; there is nothing to release. Score it first."
        )
    report = evaluate(reader, project_id, limits(reader, project_id, as_of=head), as_of=head)
    stated = bias_statement.document(bias_statement.read_statement(reader, project_id, as_of=head))
    return _Ready(mark, items, content_hash(items), report, stated)


def _mark(reader: Store | Reader, project_id: str) -> int:
    """The newest event that can change what a release of the project holds, or what its gates say."""
    return int(reader.read("release_mark", project_id=project_id)["seq"][0])


def _refuse_twin(known: tuple[Release, ...], ready: _Ready) -> None:
    for release in known:
        same_gates = [gate.status for gate in release.gates] == [gate.status for gate in ready.report.gates]
        if release.state == "proposed" and release.content_hash == ready.content_hash and same_gates:
            raise BadRequest(
                f"Release {release.version} already holds exactly these labels and waits for signatures. "
                "Sign or reject that one."
            )


def _open_release(reader: Reader, project_id: str, release_id: str, expected_hash: str | None) -> Release:
    """The release; raises Stale where somebody settled it, or it does not have the hash that was seen."""
    release = find_release(reader, project_id, release_id)
    if release.state != "proposed":
        raise Stale(f"{release.sentence()} Nothing was changed.")
    if expected_hash is not None and expected_hash != release.content_hash:
        raise Stale(
            f"Release {release.version} has the content hash {release.short_hash}…, not "
            f"{expected_hash[:12]}…. Nothing was signed; look at it again."
        )
    return release


def _signature(
    project_id: str, release: Release, decision: str, reason: str, active_seconds: float | None
) -> Draft:
    row = {
        "release_id": release.release_id,
        "decision": decision,
        "content_hash": release.content_hash,
        "reason": reason.strip() or None,
    }
    payload: dict[str, object] = {"rows": {"signature": [row]}, "version": release.version}
    if release.bias_statement_sha256 is not None:
        payload["bias_statement_sha256"] = release.bias_statement_sha256
    if active_seconds is not None:
        payload["active_seconds"] = active_seconds
    return Draft("release_signed", project_id, release.release_id, payload)


def _content_hash(store: Store, release: Release) -> str:
    """The content hash of what the store holds for the release now."""
    return content_hash(store.read("release_items", release_id=release.release_id))
