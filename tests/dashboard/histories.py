"""A store under any history: what is remembered of it, and what must hold after every step."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections import Counter
from datetime import datetime
from functools import cache
from pathlib import Path

import polars as pl
from hypothesis.stateful import RuleBasedStateMachine, invariant

from dashboard.workflows import guideline, ingest, release
from dashboard.workflows.opening import Store, open_store
from dashboard.workflows.rules import Person
from dashboard.workflows.verify import verify_folder
from data.content_hash import content_hash
from tests import stores
from tests.rebuilt import tables, tables_of_journal

KINDS: Counter[object] = Counter()
"""What the histories came by, so that a test can say that they were not all trivial."""


def fresh_store(folder: Path, clock: stores.SteppingClock) -> Store:
    """A small store that is not scored yet, to start every history from: a copy of one that is made once."""
    made, clock.now = _made_once()
    shutil.copytree(made, folder, dirs_exist_ok=True)
    return open_store(folder / "store", clock=clock, keys_folder=folder / "keys")


@cache
def _made_once() -> tuple[Path, datetime]:
    """The folder of the closed store with its keys, and what its clock said in the end."""
    folder, clock = Path(tempfile.mkdtemp(prefix="touchstone-history-")), stores.SteppingClock()
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    with stores.empty_store(folder / "store", keys=folder / "keys", clock=clock) as store:
        import_crowd(store, seed=0)
        guideline.publish(store, project_id="pets", by=stores.LENA, markdown="# Pets\n\nChoose the animal.")
    return folder, clock.now


def import_crowd(store: Store, *, seed: int) -> None:
    parsed = stores.parsed_crowd(n_items=12, n_annotators=3, seed=seed, name=f"crowd-{seed}.csv")
    request = ingest.ImportRequest(labels=stores.LABELS if seed == 0 else None)
    ingest.import_parsed(store, parsed=parsed, project_id="pets", by=stores.LENA, request=request)


class StoreUnderTest(RuleBasedStateMachine):
    """A real store, what it was seen to hold, and its invariants; the rules come with the test."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="touchstone-history-"))
        self.clock = stores.SteppingClock()
        self.store = fresh_store(self.folder, self.clock)
        self.journal = b""
        self.seen_releases: dict[str, pl.DataFrame] = {}
        self.done: set[tuple[str, str]] = set()
        self.holds: dict[str, str] = {}
        self.n_imports = 1

    def teardown(self) -> None:
        KINDS.update(kind for kind, _ in self.rows("SELECT kind, 1 FROM event"))
        KINDS.update(found.state for found in release.list_releases(self.store, "pets"))
        KINDS.update(source for source, _ in self.rows("SELECT source, 1 FROM label_version"))
        path = self.folder / "store"
        before = tables(self.store)
        self.store.close()
        assert verify_folder(path).found.valid
        anew = tables_of_journal(path, self.folder / "anew")
        assert [name for name in before if anew[name] != before[name]] == []
        shutil.rmtree(self.folder)

    # --- what holds ----------------------------------------------------------------------------------------------------

    @invariant()
    def history_never_shrinks(self) -> None:
        files = sorted((self.folder / "store" / "journal").glob("*.jsonl"))
        journal = b"".join(path.read_bytes() for path in files)
        assert journal.startswith(self.journal)
        self.journal = journal

    @invariant()
    def label_versions_count_up_without_gaps(self) -> None:
        versions = self.rows("SELECT item_code, version FROM label_version ORDER BY seq, item_code, version")
        counted: dict[object, int] = {}
        for item_code, version in versions:
            assert version == counted.get(item_code, 0) + 1
            counted[item_code] = counted.get(item_code, 0) + 1
        assert dict(self.rows("SELECT item_code, version FROM current_label")) == counted

    @invariant()
    def what_was_released_stays_and_an_approved_release_kept_the_rules(self) -> None:
        known = {found.release_id: found for found in release.list_releases(self.store, "pets")}
        assert set(known) == set(self.seen_releases)
        for release_id, items in self.seen_releases.items():
            now = self.store.read("release_items", release_id=release_id)
            assert now.equals(items)
            assert content_hash(now) == known[release_id].content_hash
        for found in known.values():
            if found.state == "approved":
                assert len(set(found.approved_by)) >= 2
                waived = {waiver.gate for waiver in found.waivers}
                assert {gate.key for gate in found.gates if gate.status == "failed"} <= waived

    # --- helpers -------------------------------------------------------------------------------------------------------

    def rows(self, statement: str, params: list[object] | None = None) -> list[tuple[object, object]]:
        cursor = self.store._database.connection.cursor()
        found: list[tuple[object, object]] = cursor.execute(statement, params or []).fetchall()
        cursor.close()
        return found

    def labels(self) -> pl.DataFrame:
        return self.store.read("current_labels", project_id="pets").sort("item_code")

    def open_flags(self) -> pl.DataFrame:
        found = self.rows("SELECT flag_id, item_code FROM flag WHERE status <> 'closed'")
        return pl.DataFrame(found, schema={"flag_id": pl.Utf8, "item_code": pl.Int64}, orient="row")

    def is_open(self, flag_id: str) -> bool:
        (found,) = self.rows("SELECT status, flag_id FROM flag WHERE flag_id = ?", [flag_id])
        return found[0] in ("open", "second")

    def has_labelled(self, person: Person, item_code: int) -> bool:
        """Whether the person ever gave the item a label, undone ones too, or settled it."""
        given = self.rows(
            "SELECT 1, 1 FROM annotation JOIN annotator USING (annotator_code) WHERE annotator_id = ? AND item_code = ?",
            [person.person_id, item_code],
        )
        return bool(given)

    def finish(self, person: Person, flag_id: str) -> None:
        self.done.add((person.person_id, flag_id))
        self.holds.pop(person.person_id, None)
