"""The items and the annotators behind a gap: never of a group that is not shown.

Which items a group of annotators labelled tells who is in it, so looking behind such a gap is reading the attribute: it takes
the role that may, a purpose, and leaves its event.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from dashboard.workflows import bias_groups, bias_rows, bias_standing, bias_view
from dashboard.workflows.bias_groups import JOIN, Groups
from dashboard.workflows.bias_sources import Sources, of_choice, read_sources
from dashboard.workflows.errors import BadRequest
from dashboard.workflows.item_csv import items_csv
from dashboard.workflows.opening import Store
from dashboard.workflows.rules import Person, require


@dataclass(frozen=True, slots=True)
class Behind:
    """What a gap is made of.

    `items`: item_id, and for groups of annotators share_group, n_group, share_others, n_others (of the item's annotations);
    for groups of items share, n; those that weigh most first. `annotators`: annotator_id, share, n, group (whether in the group
    or among the others); None for groups of items.
    """

    items: pl.DataFrame
    annotators: pl.DataFrame | None


def find_gap(seen: bias_view.BiasView, named: str) -> dict[str, object] | None:
    """The gap that is called so; None where the newest comparison has none, as for every group that is not shown."""
    for row in seen.gaps.iter_rows(named=True):
        if bias_rows.gap_id(row) == named and row["value"] is not None:
            return dict(row)
    return None


def behind(
    store: Store, *, project_id: str, by: Person, named: str, purpose: str = "", as_of: int | None = None
) -> Behind:
    """The items (and annotators) behind a gap of the newest comparison, as it saw them.

    Raises:
        BadRequest: there is no such gap, or no purpose is given where attributes are read.
        NotAllowed: the person may not see items, or not read annotators' attributes.
        KeyMissing: the vault's keys are not on this machine.
    """
    require(by, "view.items")
    seen = bias_view.bias_view(store, project_id=project_id, by=by, as_of=as_of)
    row = None if seen is None else find_gap(seen, named)
    if seen is None or row is None:
        raise BadRequest("The newest comparison has no such gap; groups too small to be shown have none.")
    if row["side"] == "item":
        sources = read_sources(store, project_id, saw=seen.run.saw_seq)
        groups = _items(store, project_id, str(row["attribute"]), sources)
        return Behind(_items_of_group(store, project_id, _votes(sources, row), groups, row), None)
    require(by, "attributes.read")
    sources = read_sources(
        store, project_id, saw=bias_standing.seq_of(seen.run.parameters, row, seen.run.saw_seq)
    )
    parts = str(row["attribute"]).split(JOIN)
    found = [
        bias_groups.annotator_groups(
            store, project_id=project_id, by=by, attribute=part, purpose=purpose, codes=sources.votes["annotator_code"]
        )
        for part in parts
    ]  # fmt: skip
    people = found[0] if len(found) == 1 else bias_groups.intersection(*found)
    votes = _votes(sources, row)
    if row["side"] == "crossed":
        items = _items(store, project_id, str(row["item_attribute"]), sources)
        shown, _ = bias_groups.shown_cells(sources.votes, people, items)
        of_group = items.of.filter(group_code=_place(items, str(row["item_group"])))
        votes = votes.join(shown, on=["item_code", "annotator_code"], how="semi")
        votes = votes.join(of_group, on="item_code", how="semi")
    return _people_and_items(store, project_id, votes, people, row)


def behind_csv(rows: pl.DataFrame) -> bytes:
    """Items or annotators behind a gap as CSV, in which no cell is a formula."""
    return items_csv(rows)


def gaps_csv(gaps: pl.DataFrame) -> bytes:
    """A table of gaps as CSV, in which no cell is a formula; it holds what the page does, and no group that is not shown."""
    return items_csv(gaps)


def _items(store: Store, project_id: str, attribute: str, sources: Sources) -> Groups:
    return bias_groups.item_groups(
        store,
        project_id=project_id,
        attribute=attribute,
        codes=sources.votes["item_code"],
        as_of=sources.saw,
    )


def _votes(sources: Sources, row: Mapping[str, object]) -> pl.DataFrame:
    from analytics.group_outcomes import NO_LABEL, votes_of_figure

    label = str(row["label"])
    code = sources.label_set.code(label) if label else NO_LABEL
    if sources.label_set.is_sets:
        sources, code = of_choice(sources, code), 1
    return votes_of_figure(
        sources.votes, str(row["measure"]), code, n_labels=sources.n_labels, gold=sources.gold, model=sources.model
    )  # fmt: skip


def _place(groups: Groups, name: str) -> int:
    if name not in groups.names:
        raise BadRequest("That group is too small to be shown by now.")
    return groups.names.index(name)


def _items_of_group(
    store: Store, project_id: str, votes: pl.DataFrame, groups: Groups, row: Mapping[str, object]
) -> pl.DataFrame:
    own = groups.of.filter(group_code=_place(groups, str(row["group"])))
    items = votes.join(own, on="item_code", how="semi").group_by("item_code")
    told = items.agg(share=pl.col("hit").mean(), n=pl.len().cast(pl.Int64))
    ids = store.read("import_known_items", project_id=project_id)
    named = told.join(ids, on="item_code").sort(["share", "item_code"], descending=[True, False])
    return named.select("item_id", "share", "n")


def _people_and_items(
    store: Store, project_id: str, votes: pl.DataFrame, people: Groups, row: Mapping[str, object]
) -> Behind:
    place = _place(people, str(row["group"]))
    coded = votes.join(people.of, on="annotator_code").with_columns(is_own=pl.col("group_code") == place)
    own, hit = pl.col("is_own"), pl.col("hit")
    items = (
        coded.group_by("item_code")
        .agg(
            share_group=hit.filter(own).mean(),
            n_group=own.sum().cast(pl.Int64),
            share_others=hit.filter(~own).mean(),
            n_others=(~own).sum().cast(pl.Int64),
        )
        .filter(pl.col("n_group") > 0, pl.col("n_others") > 0)
    )
    n_group, n_others = pl.col("n_group"), pl.col("n_others")
    weight = n_group * n_others / (n_group + n_others)
    pull = weight * (pl.col("share_group") - pl.col("share_others"))
    difference = row["adjusted"] if row["adjusted"] is not None else row["difference"]
    is_more = isinstance(difference, float) and difference >= 0
    ids = store.read("import_known_items", project_id=project_id)
    items = items.with_columns(pull=pull).join(ids, on="item_code")
    items = items.sort(["pull", "item_code"], descending=[is_more, False])
    names = store.read("annotator_codes").select("annotator_code", "annotator_id")
    annotators = (
        coded.group_by("annotator_code", "is_own")
        .agg(share=hit.mean(), n=pl.len().cast(pl.Int64))
        .join(names, on="annotator_code")
        .with_columns(group=pl.when(own).then(pl.lit(str(row["group"]))).otherwise(pl.lit("others")))
        .sort(["is_own", "share", "annotator_id"], descending=[True, is_more, False])
    )
    return Behind(
        items.select("item_id", "share_group", "n_group", "share_others", "n_others"),
        annotators.select("annotator_id", "group", "share", "n"),
    )
