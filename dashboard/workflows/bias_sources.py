"""What gaps are computed from, as of one seq: votes, gold, the model's labels, the label set.

A label that is a set is as many labels as there are choices: each choice is in it, or is not. So sets are compared choice by
choice, each as two labels, and everything that is found is corrected together.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from dashboard.workflows import model_runs, predictions
from dashboard.workflows.errors import BadRequest
from dashboard.workflows.label_sets import LabelSet, require_label_set
from dashboard.workflows.opening import Store

LEAST_GIVEN = 0.5
"""A model says a choice of a set from this probability on."""


@dataclass(frozen=True, slots=True)
class Sources:
    """Votes that are independent; gold (None where there is none); `model`: item_code, label_code (None where there is no model).

    Where labels are sets, `label_code` is that of the set, and `model` has a row for each choice that it says of an item, with
    items of no choice as a null. `choice`: the code of the choice that these are of, its labels 0 (not in the set) and 1.
    """

    votes: pl.DataFrame
    gold: pl.DataFrame | None
    model: pl.DataFrame | None
    label_set: LabelSet
    saw: int
    choice: int | None = None

    @property
    def n_labels(self) -> int:
        """K of the votes' label codes."""
        return self.label_set.n_labels if self.choice is None else 2

    @property
    def choice_name(self) -> str:
        """The choice in words; "" where these are not of one."""
        return "" if self.choice is None else self.label_set.label(self.choice)


def read_sources(store: Store, project_id: str, *, saw: int, model_run: str = "", least: int = 1) -> Sources:
    """Read them, where there are `least` independent annotations.

    Raises:
        BadRequest: too little was labelled, or there is no such model run.
    """
    label_set = require_label_set(store, project_id, as_of=saw)
    votes = store.read("score_votes", project_id=project_id, as_of=saw)
    if votes.height < least:
        raise BadRequest(
            f"Project {project_id!r} has no independent annotations yet; there is nothing to compare."
        )
    gold = store.read("score_gold", project_id=project_id, as_of=saw)
    return Sources(
        votes=votes.select("item_code", "annotator_code", "label_code", "order"),
        gold=None if gold.is_empty() else gold,
        model=_model(store, project_id, model_run, label_set, saw),
        label_set=label_set,
        saw=saw,
    )


def each_question(sources: Sources, *, more: pl.Series | None = None) -> Iterator[Sources]:
    """What is compared: single labels as they are; of sets each choice that somebody gave, or that is gold (or in `more`: codes).

    One at a time, so that the votes of one choice are in memory and not those of all.
    """
    for code in choices_asked(sources, more=more):
        yield sources if code is None else of_choice(sources, code)


def choices_asked(sources: Sources, *, more: pl.Series | None = None) -> list[int | None]:
    """The choices of `each_question`: codes where labels are sets, else None alone."""
    label_set = sources.label_set
    if not label_set.is_sets:
        return [None]
    given = set(sources.votes["label_code"].unique()) | set(() if more is None else more.unique())
    given |= set() if sources.gold is None else set(sources.gold["label_code"].unique())
    return [
        code for code in label_set.choice_codes if given & set(label_set.codes_with(label_set.label(code)))
    ]


def as_choice(
    frame: pl.DataFrame, label_set: LabelSet, code: int, columns: Sequence[str] = ("label_code",)
) -> pl.DataFrame:
    """Codes of sets as 1 where the choice is in the set, else 0."""
    is_in = np.zeros(max(label_set.codes, default=-1) + 1, dtype=np.int64)
    is_in[label_set.codes_with(label_set.label(code))] = 1
    return frame.with_columns(pl.Series(name, is_in[frame[name].to_numpy()]) for name in columns)


def of_choice(sources: Sources, code: int) -> Sources:
    """The sources of one choice: whether it is in the set (1) or not (0)."""
    label_set, model = sources.label_set, sources.model
    return replace(
        sources,
        votes=as_choice(sources.votes, label_set, code),
        gold=None if sources.gold is None else as_choice(sources.gold, label_set, code),
        model=None if model is None else model.group_by("item_code").agg(
            label_code=(pl.col("label_code") == code).any().fill_null(False).cast(pl.Int64)
        ).sort("item_code"),
        choice=code,
    )  # fmt: skip


def _model(store: Store, project_id: str, named: str, label_set: LabelSet, saw: int) -> pl.DataFrame | None:
    """What a model run (the newest where none is named) says of each item; None where there is no run."""
    known = model_runs.model_runs(store, project_id=project_id, as_of=saw)["model_run"].to_list()
    if named and named not in known:
        raise BadRequest(
            f"There is no model run {named!r} in {project_id}. Runs: {', '.join(known) or 'none'}."
        )
    if not known:
        return None
    codes, table = predictions.probabilities(
        store, project_id=project_id, model_run=named or str(known[0]), as_of=saw
    )
    if not label_set.is_sets:
        return pl.DataFrame({"item_code": codes, "label_code": table.argmax(axis=1)})
    rows, places = np.nonzero(table >= LEAST_GIVEN)
    choices = np.asarray(label_set.choice_codes, dtype=np.int64)
    said = pl.DataFrame({"item_code": codes[rows], "label_code": choices[places]})
    return pl.DataFrame({"item_code": codes}).join(said, on="item_code", how="left")
