"""Whether labels, and the model, go with an attribute of the items, and what explains it."""

from __future__ import annotations

from itertools import permutations as ordered_pairs

import polars as pl

from analytics.attribute_association import Association, attribute_association
from analytics.consensus import majority_vote
from analytics.intervals import benjamini_hochberg
from analytics.results import Estimate
from dashboard.workflows import bias_groups
from dashboard.workflows.bias_groups import Groups
from dashboard.workflows.bias_sources import Sources
from dashboard.workflows.opening import Store

MOST_ATTRIBUTES = 6

LABELS, MODEL = "labels", "model"
NOTHING, GOLD, LABEL = "", "gold", "label"
"""What a row holds fixed beside another attribute's name: nothing, the gold label, the people's label."""

_SCHEMA = {
    "of": pl.Utf8, "attribute": pl.Utf8, "held": pl.Utf8, "value": pl.Float64, "n": pl.Int64, "n_values": pl.Int64,
    "p_value": pl.Float64, "undefined": pl.Utf8,
}  # fmt: skip


def attributes(
    store: Store, project_id: str, sources: Sources, *, q: float, permutations: int, seed: int
) -> pl.DataFrame:
    """One row an (of, attribute, held): how far labels, or the model's, go with it (Cramer's V, corrected).

    Groups of items too small to be shown take no part. Labels: what most annotators said; a tied item takes no part.

    Returns:
        of (labels or model), attribute, held (nothing, gold, label, or another attribute), value, n, n_values, p_value,
        undefined, p_adjusted (Benjamini-Hochberg over all rows), is_picked.
    """
    labelled = majority_vote(sources.votes, n_labels=sources.label_set.n_labels).items
    items = labelled.filter(~pl.col("tied")).select("item_code", label="label_code")
    for name, frame in ((GOLD, sources.gold), (MODEL, sources.model)):
        if frame is not None:
            known = frame.select(
                pl.col("item_code").cast(pl.Int64), pl.col("label_code").cast(pl.Int64).alias(name)
            )
            items = items.join(known, on="item_code", how="left")
    names = list(store.read("item_attribute_names", project_id=project_id)["name"])[:MOST_ATTRIBUTES]
    groups = [
        bias_groups.item_groups(store, project_id=project_id, attribute=name, codes=items["item_code"], as_of=sources.saw)
        for name in names
    ]  # fmt: skip
    for place, one in enumerate(groups):
        items = items.join(one.of.rename({"group_code": f"attribute {place}"}), on="item_code", how="left")
    rows = [
        (of, groups[place].attribute, held, *_told(_measured(items, place, groups[place], column, permutations, seed), groups[place]))
        for of, place, held, column in _asked(items, groups)
    ]  # fmt: skip
    return _judged(pl.DataFrame(rows, schema=_SCHEMA, orient="row"), q)


def _asked(items: pl.DataFrame, groups: list[Groups]) -> list[tuple[str, int, str, str | None]]:
    """(of, place of the attribute, what is held fixed, its column) of every row."""
    asked: list[tuple[str, int, str, str | None]] = []
    for place in range(len(groups)):
        asked.append((LABELS, place, NOTHING, None))
        if GOLD in items.columns:
            asked.append((LABELS, place, GOLD, GOLD))
        if MODEL in items.columns:
            asked.append((MODEL, place, LABEL, "label"))
    usable = [place for place, one in enumerate(groups) if one.untested is None]
    asked += [
        (LABELS, one, groups[other].attribute, f"attribute {other}")
        for one, other in ordered_pairs(usable, 2)
    ]
    return asked


def _measured(
    items: pl.DataFrame, place: int, groups: Groups, column: str | None, permutations: int, seed: int
) -> Association:
    if groups.untested is not None:
        return Association(Estimate.none(groups.untested), None, 0)
    of = MODEL if column == "label" else "label"
    frame = items.select(
        pl.col(of).alias("label_code"), pl.col(f"attribute {place}").alias("attribute_code"),
        *([pl.col(column).alias("held")] if column else []),
    )  # fmt: skip
    return attribute_association(frame, held="held" if column else None, permutations=permutations, seed=seed)


def _told(found: Association, groups: Groups) -> tuple[object, ...]:
    return found.v.value, found.v.n, len(groups.names), found.p_value, found.v.undefined


def _judged(rows: pl.DataFrame, q: float) -> pl.DataFrame:
    tested = rows["p_value"].is_not_null()
    adjusted = rows["p_value"].to_numpy().copy()
    adjusted[tested.to_numpy()] = benjamini_hochberg(adjusted[tested.to_numpy()])
    with_p = rows.with_columns(p_adjusted=pl.Series(adjusted, dtype=pl.Float64).fill_nan(None))
    return with_p.with_columns(is_picked=(pl.col("p_adjusted") <= q).fill_null(False))
