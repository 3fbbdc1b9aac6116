"""Whether labels, and the model, go with an attribute of the items, and what explains it."""

from __future__ import annotations

from itertools import permutations as ordered_pairs

import polars as pl

from analytics.attribute_association import Association, attribute_association
from analytics.consensus import majority_vote
from analytics.gap_tests import Correction, adjusted_p
from analytics.results import Estimate
from dashboard.workflows import bias_groups
from dashboard.workflows.bias_groups import Groups
from dashboard.workflows.bias_sources import Sources, each_question
from dashboard.workflows.opening import Store

MOST_ATTRIBUTES = 6

LABELS, MODEL = "labels", "model"
NOTHING, GOLD, LABEL = "", "gold", "label"
"""What a row holds fixed beside another attribute's name: nothing, the gold label, the people's label."""

_SCHEMA = {
    "label": pl.Utf8, "of": pl.Utf8, "attribute": pl.Utf8, "held": pl.Utf8, "value": pl.Float64, "n": pl.Int64, "n_values": pl.Int64,
    "p_value": pl.Float64, "undefined": pl.Utf8,
}  # fmt: skip


def attributes(
    store: Store, project_id: str, sources: Sources, *, q: float, permutations: int, seed: int
) -> pl.DataFrame:
    """One row an (of, attribute, held), of sets one for each choice: how far labels, or the model's, go with it (Cramer's V, corrected).

    Groups of items too small to be shown take no part. Labels: what most annotators said; a tied item takes no part.

    Returns:
        label (the choice; "" of single labels), of (labels or model), attribute, held (nothing, gold, label, or another attribute),
        value, n, n_values, p_value, undefined, p_adjusted (Benjamini-Hochberg over all rows; of sets Benjamini-Yekutieli), is_picked.
    """
    names = list(store.read("item_attribute_names", project_id=project_id)["name"])[:MOST_ATTRIBUTES]
    codes = sources.votes["item_code"].unique()
    groups = [
        bias_groups.item_groups(store, project_id=project_id, attribute=name, codes=codes, as_of=sources.saw)
        for name in names
    ]
    rows: list[tuple[object, ...]] = []
    for question in each_question(sources) if names else ():
        items = _items(question, groups)
        rows += [
            (question.choice_name, of, groups[place].attribute, held,
             *_told(_measured(items, place, groups[place], column, permutations, seed), groups[place]))
            for of, place, held, column in _asked(items, groups)
        ]  # fmt: skip
    is_sets = sources.label_set.is_sets
    return _judged(
        pl.DataFrame(rows, schema=_SCHEMA, orient="row"),
        q,
        "benjamini-yekutieli" if is_sets else "benjamini-hochberg",
    )


def _items(question: Sources, groups: list[Groups]) -> pl.DataFrame:
    """One row an item: item_code, label (most annotators'), gold and model where there are some, and each attribute's group."""
    labelled = majority_vote(question.votes, n_labels=question.n_labels).items
    items = labelled.filter(~pl.col("tied")).select("item_code", label="label_code")
    for name, frame in ((GOLD, question.gold), (MODEL, question.model)):
        if frame is not None:
            known = frame.select(
                pl.col("item_code").cast(pl.Int64), pl.col("label_code").cast(pl.Int64).alias(name)
            )
            items = items.join(known, on="item_code", how="left")
    for place, one in enumerate(groups):
        items = items.join(one.of.rename({"group_code": f"attribute {place}"}), on="item_code", how="left")
    return items


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


def _judged(rows: pl.DataFrame, q: float, correction: Correction) -> pl.DataFrame:
    with_p = rows.with_columns(p_adjusted=adjusted_p(rows["p_value"], correction))
    return with_p.with_columns(is_picked=(pl.col("p_adjusted") <= q).fill_null(False))
