"""Verifying a store or a release: what is broken, or that it is internally consistent, and no more."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import data
from dashboard.workflows.errors import WorkflowError
from dashboard.workflows.opening import Store
from dashboard.workflows.rules import Person, require
from data import verification
from data.records import BrokenEvent, Verification

CAVEAT = (
    "Internally consistent means that nothing was changed, put in or taken out between the first event and "
    "the last. Whether the end was cut off, or all of it written anew, only a signed checkpoint kept "
    "elsewhere can show."
)


@dataclass(frozen=True, slots=True)
class Report:
    """A verification, when it was made and how long it took. `kind`: store or release."""

    kind: str
    found: Verification
    verified_at: datetime
    seconds: float

    def sentence(self) -> str:
        """What was found, in words."""
        broken = self.found.first_broken
        thing = "This store" if self.kind == "store" else "This release"
        if broken is None:
            return f"{thing} is internally consistent ({self.found.events:,} events)."
        where = f"event {broken.seq:,}: " if broken.seq else ""
        return f"{thing} is broken: {where}{broken.reason}."


def verify_folder(path: Path) -> Report:
    """Verify a store's folder or a release bundle from its files alone, also while a server has it open.

    Raises:
        StoreError: there is neither a store nor a release at `path`.
    """
    began, at = time.perf_counter(), datetime.now(UTC)
    found = verification.verify(path)
    return Report(_kind(path), found, at, time.perf_counter() - began)


def verify_open_store(store: Store, *, by: Person) -> Report:
    """Verify the store that this process has open, in a process of its own so that nobody waits for it."""
    require(by, "view.audit")
    began, at = time.perf_counter(), datetime.now(UTC)
    root = str(Path(data.__file__).resolve().parent.parent)
    search = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH", ""))))
    done = subprocess.run(  # noqa: S603 - our own module, and the path is the open store's
        [sys.executable, "-P", "-m", "data.verification_child", str(store.path)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": search},
        check=False,
    )
    if done.returncode != 0:
        why = (done.stderr.strip() or "no reason given").splitlines()[-1]
        raise WorkflowError(f"The verification could not be made: {why}")
    found = json.loads(done.stdout)
    broken = found.pop("first_broken")
    held = Verification(
        **{
            **found,
            "checks": tuple(found["checks"]),
            "first_broken": BrokenEvent(**broken) if broken else None,
        }
    )
    return Report("store", held, at, time.perf_counter() - began)


def _kind(path: Path) -> str:
    return "store" if (path / "journal").is_dir() else "release"
