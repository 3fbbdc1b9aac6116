"""What the newest model run says of one item: for the item's card."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from dashboard.workflows.label_sets import LabelSet, require_label_set
from dashboard.workflows.monitor import UNCERTAINTY_RUN, newest_run
from dashboard.workflows.opening import Store
from dashboard.workflows.rules import Person, require


@dataclass(frozen=True, slots=True)
class ItemOpinion:
    """What a model that did not see the item's label says.

    `label`: the label that was judged; `other_label`: the model's likeliest other one, None where nobody ever gave that set.
    `crowd_quality`: how probable votes and model together hold the label. `disagreement` is people's, on `disagreement_choice`
    where labels are sets. `choices`: where labels are sets, of each choice whether the label has it and the model's probability
    that the item has it. `p_wrong`: learned from verdicts, with its interval, or None. `quadrant`: as `uncertainty_view.QUADRANTS`.
    """

    model_run: str
    ran_at: datetime
    device: str
    n_members: int
    label: str
    other_label: str | None
    p_label: float
    p_other: float
    crowd_quality: float | None
    is_suspect: bool
    predictive_entropy: float
    mutual_information: float | None
    disagreement: float | None
    disagreement_choice: str | None
    disagreement_kind: str | None
    quadrant: str
    p_wrong: float | None
    p_low: float | None
    p_high: float | None
    choices: tuple[tuple[str, bool, float], ...]


def item_opinion(
    store: Store, *, project_id: str, by: Person, item_id: str, as_of: int | None = None
) -> ItemOpinion | None:
    """What the newest run says of an item; None where it says nothing of it, or there is no run.

    Raises:
        NotAllowed: the person may not see items.
    """
    require(by, "view.items")
    run = newest_run(store, project_id, as_of=as_of, kind=UNCERTAINTY_RUN)
    item = store.read("item_one", project_id=project_id, item_id=item_id, as_of=as_of)
    if run is None or item.is_empty():
        return None
    code = int(item["item_code"][0])
    found = store.read("judgement_items", project_id=project_id, run_id=run.run_id, item_code=code)
    if found.is_empty():
        return None
    row = found.row(0, named=True)
    label_set = require_label_set(store, project_id)
    model_run = str(run.parameters["model_run"])
    return ItemOpinion(
        model_run=model_run,
        ran_at=run.ran_at,
        device=str(run.parameters["device"]),
        n_members=int(str(run.parameters["members"])),
        label=label_set.label(row["label_code"]),
        other_label=_name(label_set, row["other_label_code"]),
        disagreement_choice=_name(label_set, row["disagreement_choice_code"]),
        choices=_choices(store, project_id, code, model_run, row, label_set),
        **{name: row[name] for name in KEPT},
    )


KEPT = (
    "p_label", "p_other", "crowd_quality", "is_suspect", "predictive_entropy", "mutual_information", "disagreement",
    "disagreement_kind", "quadrant", "p_wrong", "p_low", "p_high",
)  # fmt: skip
"""The columns of the table `judgement` that are handed on as they are."""


def _name(label_set: LabelSet, code: int | None) -> str | None:
    return None if code is None else label_set.label(code)


def _choices(
    store: Store, project_id: str, item_code: int, model_run: str, row: Mapping[str, int], label_set: LabelSet
) -> tuple[tuple[str, bool, float], ...]:
    """Of each choice of a set: its name, whether the label has it, the model's probability."""
    if not label_set.is_sets:
        return ()
    rows = store.read("item_probabilities", project_id=project_id, item_code=item_code)
    own = rows.filter(pl.col("model_run") == model_run)
    if own.is_empty():
        return ()
    given = label_set.members_of(row["label_code"])
    pairs = zip(label_set.choices, label_set.choice_codes, own["probabilities"][0], strict=False)
    return tuple((name, code in given, float(p)) for name, code, p in pairs)
