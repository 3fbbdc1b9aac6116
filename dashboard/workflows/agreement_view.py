"""What the page Agreement shows, from stored measurements, and the items behind each figure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from dashboard.workflows import monitor, score_groups
from dashboard.workflows.opening import Store
from dashboard.workflows.rules import Person, require
from data.identifiers import json_pointer

LEAST_ITEMS, ALPHA_SIMULATED = 200, (0.2, 0.9)
"""Alpha's interval was shown by simulation to cover as it says from so many items on, for alphas between these (docs/coverage.md)."""

GROUPS = {
    "key": pl.Utf8, "kind": pl.Utf8, "first": pl.Utf8, "second": pl.Utf8, "made_of": pl.Utf8, "name": pl.Utf8,
    "value": pl.Float64, "low": pl.Float64, "high": pl.Float64, "n": pl.Int64, "undefined": pl.Utf8, "unit": pl.Utf8,
}  # fmt: skip
EVERY_ITEM: dict[str, object] = {
    "batch": -1,
    "since": None,
    "until": None,
    "attribute": "",
    "attribute_value": "",
    "most": 1 << 40,
}

LEAST_SHOWN = 50
"""How many items a page shows of those behind a figure: the least agreed."""


@dataclass(frozen=True, slots=True)
class AgreementView:
    """The newest run's agreement.

    `overall`: key, value, low, high, n, undefined, unit. `labels`: label, value (alpha against the rest), low, high, n,
    undefined; lowest first. `confused`: label_a, label_b, n (pairs of votes), share; most first.
    """

    run: monitor.Run
    overall: pl.DataFrame
    labels: pl.DataFrame
    confused: pl.DataFrame


def agreement_view(
    store: Store, *, project_id: str, by: Person, as_of: int | None = None
) -> AgreementView | None:
    """The newest run's agreement figures; None where nothing was scored yet."""
    require(by, "view.figures")
    run = monitor.newest_run(store, project_id, as_of=as_of)
    if run is None:
        return None
    labels = monitor.figures(store, project_id, run, group_kind="label").rename({"group_id": "label"})
    confused = _split(monitor.figures(store, project_id, run, group_kind="label_pair"), "label_a", "label_b")
    return AgreementView(
        run=run,
        overall=monitor.figures(store, project_id, run),
        labels=labels.sort("value", "label", nulls_last=True),
        confused=confused.select("label_a", "label_b", "n", share="value").sort("n", descending=True),
    )


def coverage_words(alpha: float, n_items: int) -> str:
    """Where alpha's interval was not shown to cover as it says, a sentence that says so; else nothing.

    >>> coverage_words(0.7, 5_000)
    ''
    >>> coverage_words(0.95, 50)
    'With fewer than 200 items and alpha above 0.9 the interval was not shown to cover as it says.'
    """
    low, high = ALPHA_SIMULATED
    doubts = [
        words
        for words, holds in (
            (f"fewer than {LEAST_ITEMS} items", n_items < LEAST_ITEMS),
            (f"alpha under {low:g}", alpha < low),
            (f"alpha above {high:g}", alpha > high),
        )
        if holds
    ]
    return f"With {' and '.join(doubts)} the interval was not shown to cover as it says." if doubts else ""


@dataclass(frozen=True, slots=True)
class Group:
    """A group of items that agreement was measured for. `kind`: attribute, batch or window; `made_of`: day, week, month, annotations.

    `first` and `second`: attribute and value; event and file; first moment (or place) and the one after the last.
    """

    kind: str
    first: str
    second: str
    made_of: str = ""

    @property
    def name(self) -> str:
        """The group in words."""
        if self.kind == score_groups.BATCH:
            return f"{self.second} (event {self.first})"
        if self.kind == score_groups.ATTRIBUTE:
            return self.second
        if self.made_of == "annotations":
            return f"{int(self.first):,} to {int(self.second) - 1:,}"
        return self.first[:10]


def groups(store: Store, *, project_id: str, by: Person, as_of: int | None = None) -> pl.DataFrame:
    """Agreement of the newest run's groups: the columns of GROUPS, in the groups' order.

    Empty where nothing was scored yet, or by a version that measured no groups.
    """
    require(by, "view.figures")
    run = monitor.newest_run(store, project_id, as_of=as_of)
    if run is None:
        return pl.DataFrame(schema=GROUPS)
    frames = [
        _group_rows(monitor.figures(store, project_id, run, group_kind=kind), kind)
        for kind in (score_groups.WINDOW, score_groups.ATTRIBUTE, score_groups.BATCH)
    ]
    return pl.concat(frames)


def group_items(
    store: Store, *, project_id: str, by: Person, group: Group, as_of: int | None = None
) -> pl.DataFrame | None:
    """The items behind a group's figures, as `items_by_agreement`; None for windows that were made by counting."""
    require(by, "view.items")
    asked = _asked(group)
    return None if asked is None else _items(store, project_id, asked, as_of).drop("n_items", "n_whole")


def items_by_agreement(
    store: Store, *, project_id: str, by: Person, as_of: int | None = None
) -> pl.DataFrame:
    """The items behind the figures: item_id, n_annotations, n_labels, agreement_share, today; least agreed first.

    `agreement_share`: agreeing pairs of independent annotations, of all pairs of the item (Fleiss 1971, P_i); every
    annotation counts. Items with fewer than two are left out. Ties are in the order of import.
    """
    require(by, "view.items")
    return _items(store, project_id, EVERY_ITEM, as_of).drop("n_items", "n_whole")


@dataclass(frozen=True, slots=True)
class LeastAgreed:
    """The first of `items_by_agreement` (or `group_items`): `items` in its columns, of `n_items`; all agree on `n_whole` of them."""

    items: pl.DataFrame
    n_items: int
    n_whole: int


def least_agreed(
    store: Store,
    *,
    project_id: str,
    by: Person,
    group: Group | None = None,
    most: int = LEAST_SHOWN,
    as_of: int | None = None,
) -> LeastAgreed | None:
    """The `most` least agreed items, of all or of a group; None for windows that were made by counting."""
    require(by, "view.items")
    asked = EVERY_ITEM if group is None else _asked(group)
    if asked is None:
        return None
    found = _items(store, project_id, {**asked, "most": most}, as_of)
    n_items, n_whole = found.row(0)[-2:] if found.height else (0, 0)
    return LeastAgreed(found.drop("n_items", "n_whole"), n_items, n_whole)


def _items(store: Store, project_id: str, asked: Mapping[str, object], as_of: int | None) -> pl.DataFrame:
    return store.read("agreement_items", project_id=project_id, as_of=as_of, **asked)


def _asked(group: Group) -> Mapping[str, object] | None:
    """What the items of a group are asked for by; None where they are not known."""
    if group.made_of == "annotations":
        return None
    if group.kind == score_groups.ATTRIBUTE:
        own: dict[str, object] = {"attribute": json_pointer(group.first), "attribute_value": group.second}
    elif group.kind == score_groups.BATCH:
        own = {"batch": int(group.first)}
    else:
        own = {"since": group.first, "until": group.second}
    return {**EVERY_ITEM, **own}


def confused_items(
    store: Store, *, project_id: str, by: Person, label_a: str, label_b: str, as_of: int | None = None
) -> pl.DataFrame:
    """The items that got both labels: item_id, votes_a, votes_b, votes, today."""
    require(by, "view.items")
    return store.read(
        "agreement_confused_items", project_id=project_id, label_a=label_a, label_b=label_b, as_of=as_of
    )


def _split(rows: pl.DataFrame, first: str, second: str) -> pl.DataFrame:
    """Group ids that are JSON pairs as two columns."""
    pairs = [json.loads(text) for text in rows["group_id"].to_list()]
    return rows.with_columns(
        pl.Series(first, [pair[0] for pair in pairs], dtype=pl.Utf8),
        pl.Series(second, [pair[1] for pair in pairs], dtype=pl.Utf8),
    )


def _group_rows(rows: pl.DataFrame, kind: str) -> pl.DataFrame:
    split = [[str(part) for part in json.loads(text)] for text in rows["group_id"].to_list()]
    details = [json.loads(text) for text in rows["detail"].to_list()]
    found = [
        Group(kind, first, second, detail["made_of"] or "")
        for (first, second), detail in zip(split, details, strict=True)
    ]
    return (
        rows.with_columns(
            pl.lit(kind).alias("kind"),
            pl.Series("first", [group.first for group in found], dtype=pl.Utf8),
            pl.Series("second", [group.second for group in found], dtype=pl.Utf8),
            pl.Series("made_of", [group.made_of for group in found], dtype=pl.Utf8),
            pl.Series("name", [group.name for group in found], dtype=pl.Utf8),
            pl.Series("place", [detail["place"] for detail in details], dtype=pl.Int64),
        )
        .sort("key", "first" if kind == score_groups.ATTRIBUTE else "place", "place")
        .select(pl.col(name).cast(dtype) for name, dtype in GROUPS.items())
    )
