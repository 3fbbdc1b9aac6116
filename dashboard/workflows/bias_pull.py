"""The pull of shown suggestions, from what the store drew before people answered, or what a file says of them."""

from __future__ import annotations

import polars as pl

from analytics.anchoring import Pull, anchoring, mark_wrong
from analytics.annotator_pulls import picked_together
from analytics.gap_tests import Correction, adjusted_p
from analytics.results import Estimate
from dashboard.workflows.bias_sources import Sources, as_choice, each_question
from dashboard.workflows.opening import Store


def has_suggestions(store: Store, project_id: str, sources: Sources) -> bool:
    """Whether anybody's annotation is known to have had a suggestion, shown or hidden."""
    return not store.read("bias_suggestions", project_id=project_id, as_of=sources.saw).is_empty()


def pulls(store: Store, project_id: str, sources: Sources, *, q: float) -> list[dict[str, object]]:
    """The pull as a document, labels as words: one of single labels; of sets one a choice, the most telling first.

    On a choice somebody agrees with the suggestion where both have it in the set, or neither. All choices are corrected together
    (Benjamini & Yekutieli), and so are all annotators' rows.

    Returns:
        of each: label (the choice; "" of single labels), every, wrong: value, low, high, n, undefined, p_value, n_shown, n_hidden;
        p_adjusted (of every); annotators, annotators_wrong: rows of `anchoring.Pull.annotators` with annotator_id; balance_p; asserted
        (how many of the rows a file says); is_picked (whether the overall pull is told from chance).
    """
    rows = store.read("bias_suggestions", project_id=project_id, as_of=sources.saw)
    # The store draws for each item and annotator; a file may speak of items whose suggestion was shown to all, or to nobody.
    n_asserted = rows.filter(pl.col("source") == "asserted").height
    more = pl.concat([rows["label_code"], rows["suggestion_code"]])
    found = [
        (question.choice_name, anchoring(_judged(rows, question), q=q, by_item=n_asserted > 0))
        for question in each_question(sources, more=more)
    ]
    if not found:
        return []
    correction: Correction = "benjamini-yekutieli" if sources.label_set.is_sets else "benjamini-hochberg"
    every = picked_together([one.every.annotators for _, one in found], q=q, correction=correction)
    wrong = picked_together([one.wrong.annotators for _, one in found], q=q, correction=correction)
    p = adjusted_p(pl.Series([one.every.p_value for _, one in found], dtype=pl.Float64), correction)
    people = store.read("annotator_codes").select("annotator_code", "annotator_id")
    told = [
        {
            "label": label,
            "every": _told(one.every),
            "wrong": _told(one.wrong),
            "p_adjusted": p_adjusted,
            "annotators": _named(own, people),
            "annotators_wrong": _named(own_wrong, people),
            "balance_p": one.balance_p,
            "asserted": n_asserted,
            "is_picked": p_adjusted is not None and p_adjusted <= q,
        }
        for (label, one), own, own_wrong, p_adjusted in zip(found, every, wrong, p, strict=True)
    ]
    order = sorted(range(len(told)), key=lambda place: (found[place][1].every.p_value or 2.0, place))
    return [told[place] for place in order]


def _judged(rows: pl.DataFrame, question: Sources) -> pl.DataFrame:
    """The rows of a question, with whether the suggestion was wrong where there is gold."""
    if question.choice is not None:
        rows = as_choice(rows, question.label_set, question.choice, ("label_code", "suggestion_code"))
    return rows if question.gold is None else mark_wrong(rows, question.gold)


def _told(pull: Pull) -> dict[str, object]:
    estimate: Estimate = pull.overall
    return {
        "value": estimate.value, "low": estimate.low, "high": estimate.high, "n": estimate.n, "undefined": estimate.undefined,
        "p_value": pull.p_value, "n_shown": pull.n_shown, "n_hidden": pull.n_hidden,
    }  # fmt: skip


def _named(table: pl.DataFrame, people: pl.DataFrame) -> list[dict[str, object]]:
    named = table.join(people.cast({"annotator_code": pl.Int64}), on="annotator_code", how="left")
    return named.drop("annotator_code").sort("annotator_id").to_dicts()
