"""What the page Agreement shows, from stored measurements, and the items behind each figure."""

from __future__ import annotations

import json
from dataclasses import dataclass

import polars as pl

from dashboard.workflows import monitor
from dashboard.workflows.opening import Store
from dashboard.workflows.rules import Person, require

PAIRS_SHOWN = 24
"""How many annotators the matrix shows at most: those with the most shared items."""


LEAST_ITEMS, ALPHA_SIMULATED = 200, (0.2, 0.9)
"""Alpha's interval was shown by simulation to cover as it says from so many items on, for alphas between these (docs/coverage.md)."""


@dataclass(frozen=True, slots=True)
class AgreementView:
    """The newest run's agreement.

    `overall`: key, value, low, high, n, undefined, unit. `labels`: label, value (alpha against the rest), low, high, n,
    undefined; lowest first. `pairs`: annotator_a, annotator_b, kappa, low, high, n, agreement, undefined. `confused`:
    label_a, label_b, n (pairs of votes), share; most first. `people`: the annotators that the matrix shows.
    """

    run: monitor.Run
    overall: pl.DataFrame
    labels: pl.DataFrame
    pairs: pl.DataFrame
    confused: pl.DataFrame
    people: tuple[str, ...]
    n_people: int


def agreement_view(
    store: Store, *, project_id: str, by: Person, as_of: int | None = None
) -> AgreementView | None:
    """The newest run's agreement figures; None where nothing was scored yet."""
    require(by, "view.figures")
    run = monitor.newest_run(store, project_id, as_of=as_of)
    if run is None:
        return None
    labels = monitor.figures(store, project_id, run, group_kind="label").rename({"group_id": "label"})
    pairs = _pairs(monitor.figures(store, project_id, run, group_kind="pair"))
    confused = _split(monitor.figures(store, project_id, run, group_kind="label_pair"), "label_a", "label_b")
    shared = pl.concat([pairs.select(name="annotator_a", n="n"), pairs.select(name="annotator_b", n="n")])
    ranked = shared.group_by("name").agg(pl.col("n").sum()).sort("n", "name", descending=[True, False])
    return AgreementView(
        run=run,
        overall=monitor.figures(store, project_id, run),
        labels=labels.sort("value", "label", nulls_last=True),
        pairs=pairs,
        confused=confused.select("label_a", "label_b", "n", share="value").sort("n", descending=True),
        people=tuple(sorted(ranked["name"].head(PAIRS_SHOWN))),
        n_people=ranked.height,
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


def items_by_agreement(
    store: Store, *, project_id: str, by: Person, as_of: int | None = None
) -> pl.DataFrame:
    """The items behind the figures: item_id, n_annotations, n_labels, agreement_share, today; least agreed first.

    `agreement_share`: agreeing pairs of independent annotations, of all pairs of the item (Fleiss 1971, P_i); every
    annotation counts. Items with fewer than two are left out.
    """
    require(by, "view.items")
    return store.read("agreement_items", project_id=project_id, as_of=as_of)


def pair_items(
    store: Store, *, project_id: str, by: Person, annotator_a: str, annotator_b: str, as_of: int | None = None
) -> pl.DataFrame:
    """The items that both labelled: item_id, label_a, label_b, differs; first where they differ."""
    require(by, "view.items")
    return store.read(
        "agreement_pair_items",
        project_id=project_id,
        annotator_a=annotator_a,
        annotator_b=annotator_b,
        as_of=as_of,
    )


def confused_items(
    store: Store, *, project_id: str, by: Person, label_a: str, label_b: str, as_of: int | None = None
) -> pl.DataFrame:
    """The items that got both labels: item_id, votes_a, votes_b, votes, today."""
    require(by, "view.items")
    return store.read(
        "agreement_confused_items", project_id=project_id, label_a=label_a, label_b=label_b, as_of=as_of
    )


def _pairs(rows: pl.DataFrame) -> pl.DataFrame:
    split = _split(rows, "annotator_a", "annotator_b")
    shares = [json.loads(text)["agreement"] if text else None for text in split["detail"].to_list()]
    return split.select(
        "annotator_a", "annotator_b", "low", "high", "n", "undefined", kappa="value"
    ).with_columns(pl.Series("agreement", shares, dtype=pl.Float64))


def _split(rows: pl.DataFrame, first: str, second: str) -> pl.DataFrame:
    """Group ids that are JSON pairs as two columns."""
    pairs = [json.loads(text) for text in rows["group_id"].to_list()]
    return rows.with_columns(
        pl.Series(first, [pair[0] for pair in pairs], dtype=pl.Utf8),
        pl.Series(second, [pair[1] for pair in pairs], dtype=pl.Utf8),
    )
