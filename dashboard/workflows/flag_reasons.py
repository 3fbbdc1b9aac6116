"""What the doubts about labels rest on, and the doubts themselves, for single labels and for sets."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import polars as pl

from analytics import label_errors, set_doubts
from analytics.frames import keep_repeats
from analytics.label_errors import Grounds, Reason
from analytics.set_doubts import SetGrounds
from dashboard.workflows.errors import BadRequest
from dashboard.workflows.label_sets import LabelSet, require_label_set
from dashboard.workflows.opening import Store
from dashboard.workflows.relabel_reveal import GOLD
from dashboard.workflows.score_frames import repeats_of

Seen = TypeVar("Seen", Grounds, SetGrounds)


@dataclass(frozen=True, slots=True)
class FlagOptions:
    """The limits that doubts go by; see `analytics.label_errors.Grounds`."""

    least_probability: float = 0.8
    least_margin: float = 0.2
    level: float = 0.05

    def checked(self) -> FlagOptions:
        """These options; raises BadRequest for one that is no share."""
        for name in ("least_probability", "least_margin", "level"):
            if not 0.0 <= getattr(self, name) < 1.0:
                raise BadRequest(f"{name} is {getattr(self, name)}; it lies between 0 and 1.")
        return self


@dataclass(frozen=True, slots=True)
class Basis:
    """What the doubts rest on."""

    run_id: str
    saw_seq: int
    label_set: LabelSet
    grounds: Grounds | SetGrounds

    @property
    def reasons(self) -> tuple[Reason[Grounds] | Reason[SetGrounds], ...]:
        """The reasons that these labels can be doubted for."""
        return set_doubts.REASONS if self.label_set.is_sets else label_errors.REASONS


def basis_of(store: Store, project_id: str, options: FlagOptions) -> Basis:
    """What the newest consensus rests on; raises BadRequest where the project is unknown or was never scored."""
    label_set = require_label_set(store, project_id)
    run = store.read("flag_run", project_id=project_id)
    if run.is_empty():
        raise BadRequest(f"Project {project_id!r} was not scored yet; `touchstone score` first.")
    row = run.row(0, named=True)
    saw = int(row["saw_seq"])
    repeats = json.loads(row["parameters"]).get("repeats", "count")
    votes = keep_repeats(store.read("score_votes", project_id=project_id, as_of=saw), repeats_of(repeats))
    items = store.read("score_consensus", project_id=project_id, run_id=row["run_id"])
    items = items.with_columns(pl.col("n_annotations").cast(pl.Int64)).sort("item_code")
    gold = store.read("score_gold", project_id=project_id)
    limits = {
        "least_probability": options.least_probability,
        "least_margin": options.least_margin,
        "level": options.level,
    }
    grounds: Grounds | SetGrounds
    if label_set.is_sets:
        grounds = SetGrounds(votes, items, gold, label_set.members, label_set.choice_codes, **limits)
    else:
        grounds = Grounds(votes, items, gold, label_set.n_labels, **limits)
    return Basis(row["run_id"], saw, label_set, grounds)


def doubts(basis: Basis, standing: pl.DataFrame) -> pl.DataFrame:
    """Every doubt, a row an item and reason: item_code, reason, score, threshold, evidence (JSON), place."""
    settled = standing.filter(pl.col("settled_code").is_not_null()).select("item_code", "settled_code")
    if isinstance(basis.grounds, SetGrounds):
        found = _detected(set_doubts.REASONS, basis.grounds, settled)
    else:
        found = _detected(label_errors.REASONS, basis.grounds, settled)
    return pl.concat(found).sort("item_code", "place")


def _detected(reasons: Sequence[Reason[Seen]], grounds: Seen, settled: pl.DataFrame) -> list[pl.DataFrame]:
    frames = []
    against_gold = _of_settled(grounds, settled)
    for place, reason in enumerate(reasons):
        if reason.key == GOLD:
            doubted = reason.detect(against_gold)
        else:
            doubted = reason.detect(grounds).join(settled, on="item_code", how="anti")
        evidence = pl.Series(
            "evidence", [json.dumps(row) for row in doubted["evidence"].to_list()], dtype=pl.Utf8
        )
        frames.append(doubted.with_columns(evidence, pl.lit(place).alias("place")))
    return frames


def _of_settled(grounds: Seen, settled: pl.DataFrame) -> Seen:
    """Gold is held against the label that counts: a settled one, where there is one."""
    own = grounds.items.join(settled, on="item_code", how="left").with_columns(
        pl.coalesce("settled_code", "label_code").alias("label_code")
    )
    if isinstance(grounds, SetGrounds):
        p_label = pl.when(pl.col("settled_code").is_null()).then("p_label")
    else:
        p_label = pl.col("posterior").list.get(pl.col("label_code"))
    return replace(grounds, items=own.with_columns(p_label.alias("p_label")).drop("settled_code"))
