"""Where labels are sets: one choice at a time, which votes put it in, and what the trained model says of it."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from dashboard.workflows.item_contributions import ChoiceContribution, choice_contributions
from dashboard.workflows.item_story import ItemStory
from dashboard.workflows.label_sets import LabelSet
from dashboard.workflows.model_evidence import ItemModel, ModelEvidence
from dashboard.workflows.opening import Store

LEAST_P = 0.2
"""A choice that nobody put in is told of where the model, or the votes taken together, hold it this probable."""


@dataclass(frozen=True, slots=True)
class ChoiceVote:
    """Somebody's word on a choice: whether they put it in; `moved`: the probability of what the label says of it, with their
    votes minus without them (None: not known).
    """

    annotator_id: str
    put_in: bool
    moved: float | None


@dataclass(frozen=True, slots=True)
class ChoiceEvidence:
    """What speaks for a choice being in an item's set.

    `is_in`: whether the label has it; `p_votes`: how probable the votes make it, `p_model` the model that has not seen the item (None
    where there is none); `n_in` of `n_votes` independent annotations put it in.
    """

    choice: str
    is_in: bool
    p_votes: float | None
    p_model: float | None
    n_in: int
    n_votes: int
    votes: tuple[ChoiceVote, ...]

    @property
    def doubt(self) -> float:
        """How improbable model and votes, each by itself, hold what the label says: the larger of the two."""
        told = [p for p in (self.p_votes, self.p_model) if p is not None]
        return max((1 - p if self.is_in else p for p in told), default=0.0)


def choices_of(
    store: Store,
    project_id: str,
    item_code: int,
    story: ItemStory,
    made: ItemModel | ModelEvidence,
    as_of: int | None,
) -> tuple[ChoiceEvidence, ...]:
    """The choices that are in the item's set, that somebody put in, or that the model holds possible; the most doubtful first.

    Where there is none of these, the first choice of the label set.
    """
    label_set = story.label_set
    moved = choice_contributions(
        store, project_id=project_id, item_code=item_code, label_set=label_set, as_of=as_of
    )
    held = () if story.label is None else label_set.members_of(story.label.label_code)
    recorded = made.recorded if isinstance(made, ItemModel) else ()
    p_votes = (
        {}
        if story.consensus is None
        else dict(story.consensus.posterior.select("label_code", "p_label").rows())
    )
    counted = story.annotations.filter(pl.col("independent") & ~pl.col("retracted"))
    given = [label_set.members_of(code) for code in counted["label_code"].drop_nulls()]
    told = []
    for place, code in enumerate(label_set.choice_codes):
        p_model = recorded[place] if place < len(recorded) else None
        n_in = sum(code in members for members in given)
        if code in held or n_in or max(p_model or 0.0, p_votes.get(code, 0.0)) >= LEAST_P:
            told.append(
                ChoiceEvidence(
                    choice=label_set.label(code),
                    is_in=code in held,
                    p_votes=p_votes.get(code),
                    p_model=p_model,
                    n_in=n_in,
                    n_votes=len(given),
                    votes=_votes(moved, code),
                )
            )
    nothing = ChoiceEvidence(label_set.choices[0], False, None, None, 0, len(given), ())
    return tuple(sorted(told, key=lambda one: -one.doubt)) or (nothing,)


def most_doubtful(label_set: LabelSet, made: ItemModel | ModelEvidence, label_code: int | None) -> int:
    """The code of the choice that the model doubts most; without a model the first of the set."""
    held = () if label_code is None else label_set.members_of(label_code)
    recorded = made.recorded if isinstance(made, ItemModel) else ()
    doubts = {
        code: 1 - p if code in held else p for code, p in zip(label_set.choice_codes, recorded, strict=False)
    }
    return max(doubts, key=doubts.__getitem__) if doubts else (*held, label_set.choice_codes[0])[0]


def _votes(moved: tuple[ChoiceContribution, ...], code: int) -> tuple[ChoiceVote, ...]:
    own = next((one for one in moved if one.choice_code == code), None)
    if own is None:
        return ()
    return tuple(
        ChoiceVote(row["annotator_id"], row["label_code"] == 1, row["moved"])
        for row in own.voters.iter_rows(named=True)
    )
