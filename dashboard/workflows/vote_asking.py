"""Asking some people first for one more vote, and picking items, without telling who is in which group.

**Drawn groups.** For each person and attribute a group is drawn once, by `analytics.vote_routing`, and kept in the vault, sealed with the
person's key: more often than not their own, else another. It stays the same when the attribute changes, or is drawn anew from the
groups there are now, whatever the person's own, where it is no longer one of them. Destroying a person's key destroys it too.

**What uses it.** Which items an action is about, whose vote is wanted on each, and who is asked for it. Figures of an action (gaps, how
many labels change) use the groups themselves, each of people enough to be shown.

**What somebody sees** who has the whole folder (journal, segments, DuckDB, the vault's cipher texts) and every release, but not the
keys: which items an action is about; who took, left or never took one before it was open to everybody, and so, at worst, each person's
drawn group. That changes the odds that a person is in one group rather than another by the factor `vote_routing.ODDS` at most, after any
number of actions by the attribute; so the event may name attribute and group, which an auditor has to see. Two attributes that go
together change them twice. They do not see who is asked for an item and never comes, nor anything of who has no votes in the project.

**What is given up.** Of the people who are asked as a group of two, a quarter is of the other (equal groups): `Asked.answering`, which the
effect that is shown before anybody decides already counts.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import polars as pl

from analytics.frames import FloatArray
from analytics.vote_routing import Flags, answering, asked, drawn_groups, wanted_groups
from dashboard.workflows.asked_first import ITEMS, MARK, bits_of
from dashboard.workflows.bias_groups import LEAST_PEOPLE, Groups
from dashboard.workflows.members import members
from dashboard.workflows.opening import Store
from dashboard.workflows.rules import PERMISSIONS

WAIT_DAYS = 7
"""So many days those who are asked have an item to themselves, where nobody says otherwise; at most `asked_first.MOST_DAYS`."""

ASKED_AS = "asked-as"
"""Under what the vault keeps drawn groups."""


@dataclass(frozen=True, slots=True)
class Asked:
    """`of`: annotator_code, group_code (place in the groups' names): as what people are asked. `answering`: (G, G) row g: the share of
    each group among those who answer where g is asked.
    """

    of: pl.DataFrame
    answering: FloatArray


@dataclass(frozen=True, slots=True)
class Routing:
    """`items`: ids of those that somebody can answer, in their order; `rows`: of the table `routing`, less its stamp: `opens_at` is null
    where everybody is asked from the start.
    """

    items: tuple[str, ...]
    rows: pl.DataFrame


def asked_as(store: Store, groups: Groups, *, alone: bool) -> Asked:
    """As what people are asked: drawn for those of whom it was not drawn yet, which the vault then keeps.

    Args:
        alone: they are asked before others; else everybody may answer, of whatever group.

    Raises:
        KeyMissing: the vault's keys are not on this machine.
    """
    names = list(groups.names)
    known = store.read("annotator_codes").select(pl.col("annotator_code").cast(pl.Int64), "annotator_id")
    people = groups.everybody.join(known, on="annotator_code").sort("annotator_code")
    own = np.where(people["group_code"] < len(names), people["group_code"], -1)
    with store.vault.writing:
        kept = store.vault.marks(ASKED_AS)
        was = [kept.get(person, {}).get(groups.attribute) for person in people["annotator_id"]]
        lacking = np.array([name not in names for name in was], dtype=np.bool_)
        if lacking.any():
            first = np.array([name is None for name in was], dtype=np.bool_)
            rng = np.random.default_rng(secrets.randbits(128))
            drawn = drawn_groups(np.where(first, own, -1)[lacking], len(names), rng=rng)
            fresh = people.filter(pl.Series(lacking))["annotator_id"]
            store.vault.mark(
                ASKED_AS,
                {
                    person: {**kept.get(person, {}), groups.attribute: names[code]}
                    for person, code in zip(fresh, drawn, strict=True)
                },
            )
            kept = store.vault.marks(ASKED_AS)
    code_of = {name: code for code, name in enumerate(names)}
    codes = [code_of[str(kept[person][groups.attribute])] for person in people["annotator_id"]]
    sizes = np.bincount(groups.of["group_code"].to_numpy(), minlength=len(names))
    shares = answering(sizes) if alone else np.tile(sizes / sizes.sum(), (len(names), 1))
    return Asked(
        people.select("annotator_code", group_code=pl.Series(codes, dtype=pl.Int64)),
        np.asarray(shares, dtype=np.float64),
    )


def route(
    store: Store,
    *,
    project_id: str,
    run_id: str,
    attribute: str,
    group: str,
    item_ids: list[str],
    wait_days: int,
    now: datetime,
) -> Routing:
    """Write into the vault who is asked first for each item of an action. Nothing uses it before the action's event is written.

    Somebody who labelled an item before is never asked for it, and an item that everybody labelled is left out. An item for which
    fewer than LEAST_PEOPLE would be asked is open to everybody from the start.

    Args:
        group: whose votes are wanted; "": of the group with the fewest on the item, as people are asked.
        wait_days: after so many days everybody is asked; 0: at once.

    Raises:
        KeyMissing: the vault's keys are not on this machine; nothing was changed.
    """
    ids = store.read("import_known_items", project_id=project_id).filter(pl.col("item_id").is_in(item_ids))
    items = ids.select(pl.col("item_code").cast(pl.Int64), "item_id").sort("item_code")
    people = _people(store, project_id, attribute)
    votes = _votes(store, project_id, items["item_code"], people["annotator_code"])
    may = people["may"].to_numpy()
    n_strangers = _may_relabel(store).len() - int(may.sum())
    taken = ~votes[:, may]
    possible = taken.any(axis=1) if may.any() and not n_strangers else np.ones(items.height, dtype=np.bool_)
    known = (people["drawn"] != "").to_numpy()
    names = sorted({name for name in people["drawn"] if name})
    code = np.array([names.index(name) if name else -1 for name in people["drawn"]], dtype=np.int64)
    if wait_days and len(names) > 1 and (not group or group in names):
        wanted = (
            np.full(items.height, names.index(group), dtype=np.int64)
            if group
            else wanted_groups(code[known], votes[:, known], len(names))
        )
        told, few = asked(wanted, code[may], votes[:, may], least=LEAST_PEOPLE)
        marks = zip(people.filter("may")["annotator_id"], told.T, strict=True)
        store.vault.mark(f"{MARK}{run_id}", {person: {ITEMS: bits_of(bits)} for person, bits in marks})
    else:
        few = np.ones(items.height, dtype=np.bool_)
    rows = items.select(
        pl.lit(run_id).alias("run_id"),
        "item_code",
        place=pl.int_range(pl.len(), dtype=pl.Int32),
        opens_at=pl.when(pl.Series(few)).then(None).otherwise(pl.lit(now + timedelta(days=wait_days))),
    ).filter(pl.Series(possible))
    kept = set(items.filter(pl.Series(possible))["item_id"])
    return Routing(tuple(one for one in item_ids if one in kept), rows)


def _people(store: Store, project_id: str, attribute: str) -> pl.DataFrame:
    """Who has labelled in the project: annotator_code, annotator_id, drawn (as what they are asked; "": as nothing), may (take items)."""
    kept = store.vault.marks(ASKED_AS)
    rows = store.read("routing_annotators", project_id=project_id).select(
        pl.col("annotator_code").cast(pl.Int64), "annotator_id"
    )
    drawn = [str(kept.get(person, {}).get(attribute, "")) for person in rows["annotator_id"]]
    return rows.with_columns(drawn=pl.Series(drawn, dtype=pl.Utf8)).with_columns(
        may=pl.col("annotator_id").is_in(_may_relabel(store).to_list())
    )


def _may_relabel(store: Store) -> pl.Series:
    """The ids of active members who may take items."""
    roles = sorted(PERMISSIONS["relabel"])
    return (
        members(store)
        .filter(pl.col("active") & pl.col("roles").list.eval(pl.element().is_in(roles)).list.any())["person_id"]
    )  # fmt: skip


def _votes(store: Store, project_id: str, items: pl.Series, people: pl.Series) -> Flags:
    """(I, A) who labelled what before."""
    pairs = store.read("routing_labelled", project_id=project_id, item_codes=items.to_list())
    found = np.zeros((items.len(), people.len()), dtype=np.bool_)
    row = np.searchsorted(items.to_numpy(), pairs["item_code"].to_numpy())
    found[row, np.searchsorted(people.to_numpy(), pairs["annotator_code"].to_numpy())] = True
    return found
