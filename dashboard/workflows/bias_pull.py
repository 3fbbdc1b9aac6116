"""The pull of shown suggestions, from what the store drew before people answered, or what a file says of them."""

from __future__ import annotations

import polars as pl

from analytics.anchoring import Pull, anchoring, mark_wrong
from analytics.results import Estimate
from dashboard.workflows.bias_sources import Sources
from dashboard.workflows.opening import Store


def has_suggestions(store: Store, project_id: str, sources: Sources) -> bool:
    """Whether anybody's annotation is known to have had a suggestion, shown or hidden."""
    return not store.read("bias_suggestions", project_id=project_id, as_of=sources.saw).is_empty()


def pull(store: Store, project_id: str, sources: Sources, *, q: float) -> dict[str, object]:
    """The pull of all suggestions and of wrong ones, and each annotator's, by id.

    Returns:
        every, wrong: value, low, high, n, undefined, p_value, n_shown, n_hidden; annotators, annotators_wrong: rows of
        `anchoring.Pull.annotators` with annotator_id; balance_p; asserted (how many of the rows a file says); is_picked (whether
        the overall pull is told from chance).
    """
    rows = store.read("bias_suggestions", project_id=project_id, as_of=sources.saw)
    if sources.gold is not None:
        rows = mark_wrong(rows, sources.gold)
    # The store draws for each item and annotator; a file may speak of items whose suggestion was shown to all, or to nobody.
    n_asserted = rows.filter(pl.col("source") == "asserted").height
    found = anchoring(rows, q=q, by_item=n_asserted > 0)
    people = store.read("annotator_codes").select("annotator_code", "annotator_id")
    p_value = found.every.p_value
    return {
        "every": _told(found.every),
        "wrong": _told(found.wrong),
        "annotators": _named(found.every.annotators, people),
        "annotators_wrong": _named(found.wrong.annotators, people),
        "balance_p": found.balance_p,
        "asserted": n_asserted,
        "is_picked": p_value is not None and p_value <= q,
    }


def _told(pull: Pull) -> dict[str, object]:
    estimate: Estimate = pull.overall
    return {
        "value": estimate.value, "low": estimate.low, "high": estimate.high, "n": estimate.n, "undefined": estimate.undefined,
        "p_value": pull.p_value, "n_shown": pull.n_shown, "n_hidden": pull.n_hidden,
    }  # fmt: skip


def _named(table: pl.DataFrame, people: pl.DataFrame) -> list[dict[str, object]]:
    named = table.join(people.cast({"annotator_code": pl.Int64}), on="annotator_code", how="left")
    return named.drop("annotator_code").sort("annotator_id").to_dicts()
