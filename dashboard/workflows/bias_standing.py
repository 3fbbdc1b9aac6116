"""When a table of groups of annotators moves on: not before enough people changed, so that no two of its editions tell of one of them.

Votes are no secret in a store; who is in a group is. Two comparisons between which one person joined a group, left it, or labelled
something would differ by exactly that person's votes, which names them. So a table (an attribute, two at once, or one on an attribute of
items) either moves on as a whole or stands as a whole, with the people, their groups and their votes that it was made of before:

  * take any group that it shows and any that it showed (crossed with items: on each group of items), and everybody in it: as many people as
    tell the two apart, by being in one alone or by a label that is new, another, or gone, are none or at least LEAST_PEOPLE. Then the table
    moves on;
  * otherwise it stands, and says so;
  * where it cannot, since somebody who was in it was forgotten meanwhile (their key was destroyed), there is no table until so many others
    of each of their groups changed.

Any two editions of a table then differ, in each figure, by nobody's votes or by those of LEAST_PEOPLE or more. The people of a table stand
in the vault, sealed for each; the run keeps what it published anyway (the groups' sizes) and as of which event its votes are. The first
edition of a table rests on nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from analytics.frames import IntArray
from analytics.vote_routing import Flags
from dashboard.workflows.bias_groups import LEAST_PEOPLE, Groups
from dashboard.workflows.bias_sources import Sources
from dashboard.workflows.errors import Stale
from dashboard.workflows.opening import Store
from data.database import Reader

MARK = "compared"
"""Under what the vault keeps the people of tables."""

KINDS = ("bias", "bias_action")
"""The runs that publish figures of groups of annotators."""

WAITS = f"somebody who was in it was forgotten, and fewer than {LEAST_PEOPLE} people changed since: their part could be worked out"

_UNKNOWN, _HIDDEN = "--", "hh"
_CHECKED = 2**24
"""So much of a vote's hash is left out that a sum of many millions fits 64 bits."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table as it may be published.

    Attributes:
        key: what it is of, in words: its name among the run's tables.
        groups: of annotators; `untested` where nothing may be said.
        votes: what it is made of.
        seq: the event as of which the votes are.
        run_id: the run whose people these are, "" for the run that is being made.
        before: where it moves on: the run whose people the former edition had.
    """

    key: str
    groups: Groups
    votes: pl.DataFrame
    seq: int
    run_id: str = ""
    before: str = ""

    @property
    def stands(self) -> bool:
        """Whether it is as it was."""
        return bool(self.run_id)

    def record(self, run_id: str) -> dict[str, object]:
        """What the run keeps of it."""
        of = self.groups.of["group_code"].to_numpy()
        sizes = np.bincount(of, minlength=len(self.groups.names)).tolist()
        return {
            "seq": self.seq,
            "run": self.run_id or run_id,
            "sizes": dict(zip(self.groups.names, sizes, strict=True)),
        }


def table(store: Store, project_id: str, *, people: Groups, items: Groups | None, sources: Sources) -> Table:
    """The table of some groups of annotators (on groups of items) as it may be published now.

    Raises:
        KeyMissing: the vault's keys are not on this machine.
    """
    key = people.attribute if items is None else f"{people.attribute} × {items.attribute}"
    now = Table(key, people, sources.votes, sources.saw)
    former = _former(store, project_id, key)
    if former is None or people.untested is not None:
        return now
    was, n_gone = _as_it_was(store, project_id, former, people, key)
    if not _tells_of_few(was, now, _cells(was, now, items), n_gone):
        return replace(now, before=str(former["run"]))
    return replace(was, groups=replace(was.groups, untested=WAITS)) if any(n_gone) else was


def keep(store: Store, project_id: str, run_id: str, tables: list[Table]) -> None:
    """Write into the vault who is in each table that moved on. Means nothing before the run's event is written."""
    ids = dict(store.read("annotator_codes").select("annotator_code", "annotator_id").iter_rows())
    moved = [one for one in tables if not one.stands and one.groups.untested is None]
    if not moved:
        return
    with store.vault.writing:
        kept = store.vault.marks(MARK)
        fresh: dict[str, dict[str, object]] = {}
        for one in moved:
            for code, place in one.groups.everybody.iter_rows():
                person = ids[code]
                own = fresh.setdefault(person, dict(kept.get(person, {})))
                editions = own.get(_name(project_id, one.key))
                held = editions if isinstance(editions, dict) else {}
                last = {run: sign for run, sign in held.items() if run >= one.before}  # ids grow with time
                own[_name(project_id, one.key)] = {**last, run_id: _sign(place, one.groups)}
        store.vault.mark(MARK, fresh)


def follows(store: Store, project_id: str, one: Table) -> frozenset[str]:
    """The runs that a table may be published after: the one that it was compared with, and the newest where that says the same."""
    runs, former = {one.run_id or one.before}, _former(store, project_id, one.key)
    if former is not None and int(str(former["seq"])) == one.seq:
        ids = dict(store.read("annotator_codes").select("annotator_code", "annotator_id").iter_rows())
        own = {ids[code]: _sign(place, one.groups) for code, place in one.groups.everybody.iter_rows()}
        run = str(former["run"])
        if own == dict(_edition(store, project_id, one.key, run)):
            runs.add(run)
    return frozenset(runs)


def require_newest(reader: Reader, project_id: str, after: Mapping[str, frozenset[str]]) -> None:
    """Raise Stale where a table was published since by another run than those that it `follows`, by the tables' keys."""
    for key, runs in after.items():
        former = _former(reader, project_id, key)
        if (str(former["run"]) if former else "") not in runs:
            raise Stale(
                f"Groups by {key} were compared by somebody meanwhile. Nothing was kept; do it again."
            )


def seq_of(parameters: Mapping[str, object], row: Mapping[str, object], saw_seq: int) -> int:
    """The event as of which the votes behind a row of a run are."""
    standing = parameters.get("standing", {})
    assert isinstance(standing, dict)  # as `bias` writes it
    key = " × ".join(str(row[name]) for name in ("attribute", "item_attribute") if row[name])
    return int(standing[key]["seq"]) if key in standing else saw_seq


def standing_words(standing: Mapping[str, object], saw_seq: int) -> list[str]:
    """Which tables of a run stand as they were, in words."""
    stood = [key for key, one in standing.items() if isinstance(one, dict) and int(one["seq"]) < saw_seq]
    return [
        f"{key} stands as it was compared before, since fewer than {LEAST_PEOPLE} people of a group changed since"
        for key in stood
    ]


def _former(store: Store | Reader, project_id: str, key: str) -> Mapping[str, object] | None:
    """What the newest run that has the table keeps of it: a comparison, or an action whose effect was shown by it."""
    runs = store.read("score_runs", project_id=project_id)
    for text in runs.filter(pl.col("kind").is_in(KINDS))["parameters"]:
        found: Mapping[str, Mapping[str, object]] = json.loads(text).get("standing", {})
        if key in found:
            return found[key]
    return None


def _as_it_was(
    store: Store, project_id: str, former: Mapping[str, object], now: Groups, key: str
) -> tuple[Table, list[int]]:
    """The table as it was, of the people who are still known, and how many of each of its groups are not."""
    run_id, seq = str(former["run"]), int(str(former["seq"]))
    sizes = former["sizes"]
    assert isinstance(sizes, dict)  # as `Table.record` writes them
    names = list(sizes)
    signs = {_sign(place, None): place for place in range(len(names))}
    signs |= {_HIDDEN: len(names), _UNKNOWN: len(names) + 1}
    known = store.read("annotator_codes").select(pl.col("annotator_code").cast(pl.Int64), "annotator_id")
    placed = [(person, signs[sign]) for person, sign in _edition(store, project_id, key, run_id)]
    rows = pl.DataFrame(placed, schema={"annotator_id": pl.Utf8, "group_code": pl.Int64}, orient="row")
    everybody = (
        rows.join(known, on="annotator_id").select("annotator_code", "group_code").sort("annotator_code")
    )
    of = everybody.filter(pl.col("group_code") < len(names))
    n_hidden = int((everybody["group_code"] == len(names)).any())
    if not n_hidden:
        everybody = everybody.with_columns(pl.col("group_code").clip(upper_bound=len(names)))
    left = np.bincount(of["group_code"].to_numpy(), minlength=len(names))
    n_gone = [int(sizes[name]) - int(n) for name, n in zip(names, left, strict=True)]
    n_unknown = int((everybody["group_code"] == len(names) + n_hidden).sum())
    groups = Groups(now.attribute, now.key, tuple(names), of, everybody, n_hidden, n_unknown, None)
    votes = store.read("score_votes", project_id=project_id, as_of=seq)
    return Table(
        key, groups, votes.select("item_code", "annotator_code", "label_code", "order"), seq, run_id
    ), n_gone


def _edition(store: Store, project_id: str, key: str, run_id: str) -> list[tuple[str, str]]:
    """Who was where in the table of a run: person, sign; whoever was forgotten is left out."""
    placed = []
    for person, kept in store.vault.marks(MARK).items():
        editions = kept.get(_name(project_id, key))
        if isinstance(editions, dict) and run_id in editions:
            placed.append((person, str(editions[run_id])))
    return placed


def _cells(was: Table, now: Table, items: Groups | None) -> pl.DataFrame:
    """The items of each cell of a table: item_code, cell; of the whole, also those whose votes are gone."""
    if items is not None:
        return items.of.select("item_code", cell="group_code")
    every = pl.concat([one.votes["item_code"].cast(pl.Int64) for one in (was, now)]).unique()
    return pl.DataFrame({"item_code": every}).with_columns(cell=pl.lit(0, dtype=pl.Int64))


def _tells_of_few(was: Table, now: Table, cells: pl.DataFrame, n_gone: list[int]) -> bool:
    """Whether some group as it was and some group as it is differ by somebody, and by fewer than LEAST_PEOPLE."""
    people = _contributions(was, cells).join(
        _contributions(now, cells), on=["cell", "annotator_code"], how="full", coalesce=True, suffix="_now"
    )
    n_was, n_now = len(was.groups.names), len(now.groups.names)
    cell = people["cell"].to_numpy()
    in_was = _members(people["group_code"].fill_null(-1).to_numpy(), n_was)
    in_now = _members(people["group_code_now"].fill_null(-1).to_numpy(), n_now)
    alike = (pl.col("n") == pl.col("n_now")) & (pl.col("said") == pl.col("said_now"))
    same = people.select(alike.fill_null(value=False)).to_series().to_numpy()
    for one in cells["cell"].unique():
        here = cell == one
        old, new = in_was[here].astype(np.int64), in_now[here].astype(np.int64)
        unchanged = old.T @ (new * same[here][:, None])
        either = old.sum(axis=0)[:, None] + new.sum(axis=0)[None, :] - old.T @ new
        apart = either - unchanged
        shown = (old.sum(axis=0) >= LEAST_PEOPLE)[:, None] & (new.sum(axis=0) >= LEAST_PEOPLE)[None, :]
        if (shown & (apart > 0) & (apart < LEAST_PEOPLE)).any():
            return True
        gone = np.array([*n_gone, sum(n_gone)]) > 0
        if (shown & gone[:, None] & (apart < LEAST_PEOPLE)).any():
            return True
    return False


def _contributions(one: Table, cells: pl.DataFrame) -> pl.DataFrame:
    """cell, annotator_code, group_code, n, said: what each person in a group that is shown gave; `said` is a checksum of it."""
    votes = one.votes.select(pl.col("item_code", "annotator_code", "label_code").cast(pl.Int64))
    given = votes.join(one.groups.of, on="annotator_code").join(cells, on="item_code")
    checksum = pl.struct("item_code", "label_code").hash() // _CHECKED
    return given.group_by("cell", "annotator_code").agg(
        pl.col("group_code").first(), n=pl.len(), said=checksum.sum()
    )


def _members(group: IntArray, n_groups: int) -> Flags:
    """(P, G + 1) who is in which group; last, who is in any."""
    return np.column_stack([group[:, None] == np.arange(n_groups), group >= 0])


def _sign(place: int, groups: Groups | None) -> str:
    """A group's place, as long for everybody: how long what is sealed is must tell nothing."""
    if groups is not None and place >= len(groups.names):
        return _UNKNOWN if place == groups.n_everybody - 1 else _HIDDEN
    return f"{place:02d}"


def _name(project_id: str, key: str) -> str:
    return f"{project_id}\n{key}"
