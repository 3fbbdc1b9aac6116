"""Why an item's label is what it is: the votes, the model, the neighbours, the guideline, the flags and the history, in one."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from analytics.frames import FloatArray
from dashboard.workflows import guideline
from dashboard.workflows.errors import BadRequest
from dashboard.workflows.guideline_clause import Clause, clause_of
from dashboard.workflows.item_story import ItemStory, item_story
from dashboard.workflows.label_sets import LabelSet, require_label_set
from dashboard.workflows.model_evidence import MOST_ITEMS, ModelEvidence, model_evidence
from dashboard.workflows.neighbour_evidence import NeighbourEvidence, neighbour_evidence
from dashboard.workflows.opening import Store
from dashboard.workflows.relabel_reveal import reveal
from dashboard.workflows.rules import Person, require


@dataclass(frozen=True, slots=True)
class RunEvidence:
    """What a model run that was brought in says: its likeliest label, and its probability of the label that the item has."""

    model_run: str
    out_of_sample: str
    label: str
    p_best: float
    p_label: float | None
    agrees: bool | None


@dataclass(frozen=True, slots=True)
class Explanation:
    """Everything that speaks for an item's label and against it, as of one moment.

    Attributes:
        story: the item, its label, votes with what each weighs, flags with their reasons, and its history.
        decisive: annotators without whose votes another label would have come out.
        runs: what the model runs that were brought in say.
        model: what a small model that has not seen the item makes of it.
        neighbours: labelled items most like it.
        clause: what the guideline says of the label; None where it does not name it or there is none.
    """

    project_id: str
    item_id: str
    as_of: int | None
    story: ItemStory
    decisive: tuple[str, ...]
    runs: tuple[RunEvidence, ...]
    model: ModelEvidence
    neighbours: NeighbourEvidence
    clause: Clause | None


@dataclass(frozen=True, slots=True)
class RevealedReasons:
    """What somebody who has answered blind may read of a label beside the votes: no other item, no name, no gold."""

    label: str | None
    text: str | None
    model: ModelEvidence
    n_same: int
    n_nearest: int
    clause: Clause | None


def explain(
    store: Store, *, project_id: str, by: Person, item_id: str, as_of: int | None = None
) -> Explanation:
    """Why the item's label is what it is, as of a seq (None: now). Nothing is written.

    Raises:
        NotAllowed: the person may not see items.
        BadRequest: there is no such item, or not yet at that moment.
    """
    story = item_story(store, project_id=project_id, by=by, item_id=item_id, as_of=as_of)
    code = None if story.label is None else story.label.label_code
    item_code = _item_code(store, project_id, item_id, as_of)
    items = _items(store, project_id, item_code, as_of)
    return Explanation(
        project_id=project_id,
        item_id=item_id,
        as_of=as_of,
        story=story,
        decisive=_decisive(story),
        runs=_runs(store, project_id, item_code, code, story.label_set, as_of),
        model=model_evidence(items, item_code=item_code, label_code=code, label_set=story.label_set),
        neighbours=neighbour_evidence(items, item_code=item_code, label_code=code, label_set=story.label_set),
        clause=_clause(store, project_id, None if story.label is None else story.label.label, as_of),
    )


def explain_revealed(store: Store, *, project_id: str, by: Person, flag_id: str) -> RevealedReasons:
    """What a model and the guideline say of a flagged item's label, for somebody who has given their blind answer.

    Raises:
        BadRequest: the person has not answered blind yet; their answer comes first.
        NotAllowed: the person does not relabel.
    """
    require(by, "relabel")
    shown = reveal(store, project_id=project_id, by=by, flag_id=flag_id)
    label_set = require_label_set(store, project_id)
    code = None if shown.label is None else label_set.code(shown.label)
    item_code = _item_code(store, project_id, shown.item_id, None)
    items = _items(store, project_id, item_code, None)
    near = neighbour_evidence(items, item_code=item_code, label_code=code, label_set=label_set)
    return RevealedReasons(
        label=shown.label,
        text=items.filter(pl.col("item_code") == item_code)["text"][0],
        model=model_evidence(items, item_code=item_code, label_code=code, label_set=label_set),
        n_same=near.n_same,
        n_nearest=near.n_nearest,
        clause=_clause(store, project_id, shown.label, None),
    )


def _item_code(store: Store, project_id: str, item_id: str, as_of: int | None) -> int:
    found = store.read("item_one", project_id=project_id, item_id=item_id, as_of=as_of)
    if found.is_empty():
        raise BadRequest(f"There is no item {item_id!r} in project {project_id!r}.")
    return int(found["item_code"][0])


def _items(store: Store, project_id: str, item_code: int, as_of: int | None) -> pl.DataFrame:
    """The item and labelled others to hold it against."""
    return store.read(
        "explain_items", project_id=project_id, item_code=item_code, as_of=as_of, most=MOST_ITEMS
    )


def _decisive(story: ItemStory) -> tuple[str, ...]:
    made = story.contributions
    if made is None:
        return ()
    other = pl.col("label_without_code").is_not_null() & (pl.col("label_without_code") != made.label_code)
    return tuple(made.voters.filter(other)["annotator_id"])


def _runs(
    store: Store,
    project_id: str,
    item_code: int,
    label_code: int | None,
    label_set: LabelSet,
    as_of: int | None,
) -> tuple[RunEvidence, ...]:
    rows = store.read("item_probabilities", project_id=project_id, item_code=item_code, as_of=as_of)
    return tuple(
        _run(row["model_run"], row["out_of_sample"], row["probabilities"], label_code, label_set)
        for row in rows.iter_rows(named=True)
    )


def _run(
    model_run: str,
    out_of_sample: str,
    p: list[float] | FloatArray,
    label_code: int | None,
    label_set: LabelSet,
) -> RunEvidence:
    best = max(range(len(p)), key=lambda code: (p[code], -code))
    given = None if label_code is None else float(p[label_code]) if label_code < len(p) else 0.0
    return RunEvidence(
        model_run=model_run,
        out_of_sample=out_of_sample,
        label=label_set.label(best),
        p_best=float(p[best]),
        p_label=given,
        agrees=None if label_code is None else best == label_code,
    )


def _clause(store: Store, project_id: str, label: str | None, as_of: int | None) -> Clause | None:
    found = guideline.current(store, project_id=project_id, as_of=as_of)
    return None if found is None or label is None else clause_of(found, label)
