"""Reading releases: what was proposed, who signed, what was waived, where each stands."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import polars as pl

from dashboard.workflows.errors import BadRequest
from dashboard.workflows.opening import Store
from dashboard.workflows.release_gates import Gate
from data.database import Reader
from data.release_record import APPROVE, REJECT, SIGNATURES_NEEDED

State = Literal["proposed", "approved", "rejected"]
HASH_SHOWN = 12
"""How many characters of a content hash a person is shown."""


@dataclass(frozen=True, slots=True)
class Signature:
    """One person's word on a content hash: `decision` is approve or reject."""

    seq: int
    person_id: str
    decision: str
    content_hash: str
    reason: str | None
    signed_at: datetime


@dataclass(frozen=True, slots=True)
class Waiver:
    """A gate that said no, let through by a lead for a reason."""

    seq: int
    gate: str
    reason: str
    person_id: str
    waived_at: datetime


@dataclass(frozen=True, slots=True)
class Release:
    """A release as it stands. Contents, gates, limits and bias statement are those of the proposal and never change.

    `bias_statement_sha256`: of the statement that it keeps, which a signature names too; None for releases of earlier versions.
    """

    release_id: str
    version: int
    content_hash: str
    saw_seq: int
    seq: int
    n_items: int
    note: str | None
    proposed_by: str
    proposed_at: datetime
    gates: tuple[Gate, ...]
    signatures: tuple[Signature, ...]
    waivers: tuple[Waiver, ...]
    bias_statement_sha256: str | None = None

    @property
    def state(self) -> State:
        """Rejected by anybody; else approved by two different people; else proposed."""
        if any(signature.decision == REJECT for signature in self.signatures):
            return "rejected"
        return "approved" if len(self.approved_by) >= SIGNATURES_NEEDED else "proposed"

    @property
    def approved_by(self) -> tuple[str, ...]:
        """The different people who approved this very content hash, in the order in which they signed."""
        signed = [
            signature.person_id
            for signature in self.signatures
            if signature.decision == APPROVE and signature.content_hash == self.content_hash
        ]
        return tuple(dict.fromkeys(signed))

    @property
    def n_signatures_missing(self) -> int:
        """How many more people have to sign."""
        return max(0, SIGNATURES_NEEDED - len(self.approved_by))

    @property
    def short_hash(self) -> str:
        """The beginning of the content hash, for people."""
        return self.content_hash[:HASH_SHOWN]

    @property
    def failed_gates(self) -> tuple[Gate, ...]:
        """The gates that said no."""
        return tuple(gate for gate in self.gates if not gate.passed)

    @property
    def blocking_gates(self) -> tuple[Gate, ...]:
        """The gates that said no and that nobody waived."""
        waived = {waiver.gate for waiver in self.waivers}
        return tuple(gate for gate in self.failed_gates if gate.key not in waived)

    @property
    def under_waiver(self) -> tuple[Gate, ...]:
        """The gates that said no and were waived."""
        blocking = self.blocking_gates
        return tuple(gate for gate in self.failed_gates if gate not in blocking)

    def waiver_of(self, key: str) -> Waiver | None:
        """The waiver of a gate, where there is one."""
        return next((waiver for waiver in self.waivers if waiver.gate == key), None)

    def sentence(self) -> str:
        """Where the release stands, in words, with what holds it up or was let through."""
        name = f"Release {self.version}"
        if self.state == "rejected":
            last = next(signature for signature in self.signatures if signature.decision == REJECT)
            return f"{name} was rejected by {last.person_id}: {last.reason}"
        if self.state == "approved":
            under = f", although {_waived_words(self.under_waiver)}" if self.under_waiver else ""
            return f"{name} is approved by {' and '.join(self.approved_by)}{under}."
        if self.blocking_gates:
            return f"{name} cannot be signed: {'; '.join(gate.detail for gate in self.blocking_gates)}."
        waits = "two signatures" if self.n_signatures_missing == SIGNATURES_NEEDED else "a second signature"
        under = f"; {_waived_words(self.under_waiver)}" if self.under_waiver else ""
        return f"{name} waits for {waits}{under}."


def list_releases(store: Store | Reader, project_id: str, *, as_of: int | None = None) -> tuple[Release, ...]:
    """The releases of a project as of a seq, newest first."""
    rows = store.read("release_list", project_id=project_id, as_of=as_of)
    signatures = store.read("release_signatures", project_id=project_id, as_of=as_of)
    waivers = store.read("release_waivers", project_id=project_id, as_of=as_of)
    return tuple(
        Release(
            release_id=row["release_id"],
            version=row["version"],
            content_hash=row["content_hash"],
            saw_seq=row["saw_seq"],
            seq=row["seq"],
            n_items=row["n_items"],
            note=row["note"],
            proposed_by=row["proposed_by"],
            proposed_at=row["proposed_at"],
            gates=tuple(Gate(**gate) for gate in json.loads(row["gates"])),
            signatures=tuple(
                Signature(**found) for found in _of(signatures, row["release_id"]).iter_rows(named=True)
            ),
            waivers=tuple(Waiver(**found) for found in _of(waivers, row["release_id"]).iter_rows(named=True)),
            bias_statement_sha256=row["bias_statement_sha256"],
        )
        for row in rows.iter_rows(named=True)
    )


def find_release(
    store: Store | Reader, project_id: str, named: str | int | None = None, *, as_of: int | None = None
) -> Release:
    """The release with this version or id; without a name the newest.

    Raises:
        BadRequest: there is none such; the message says which there are.
    """
    known = list_releases(store, project_id, as_of=as_of)
    if not known:
        raise BadRequest(
            f"Project {project_id!r} has no release yet. `touchstone release propose` makes one."
        )
    if named is None:
        return known[0]
    for release in known:
        if str(named) in (str(release.version), release.release_id):
            return release
    versions = ", ".join(str(release.version) for release in reversed(known))
    raise BadRequest(f"There is no release {named!r} in project {project_id!r}. It has: {versions}.")


def _of(frame: pl.DataFrame, release_id: str) -> pl.DataFrame:
    return frame.filter(pl.col("release_id") == release_id).drop("release_id")


def _waived_words(gates: tuple[Gate, ...]) -> str:
    titles = [gate.title.removesuffix(", lower end") for gate in gates]
    names = " and ".join([", ".join(titles[:-1]), titles[-1]] if len(titles) > 1 else titles)
    if len(titles) == 1:
        return f"the gate {names} did not pass and was waived"
    return f"{names} did not pass and were waived"
