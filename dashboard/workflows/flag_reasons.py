"""What the doubts about labels rest on, and the doubts themselves, for single labels and for sets."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import polars as pl

from analytics import label_errors, set_doubts
from analytics.frames import keep_repeats
from analytics.label_errors import Grounds
from analytics.quadrants import QUADRANTS
from analytics.reason_record import shown
from analytics.reasons import Reason, ReasonWords
from analytics.set_doubts import SetGrounds
from dashboard.workflows import model_reasons, set_reasons
from dashboard.workflows.errors import BadRequest
from dashboard.workflows.label_sets import LabelSet, require_label_set
from dashboard.workflows.model_reasons import Opinions
from dashboard.workflows.opening import Store
from dashboard.workflows.relabel_reveal import GOLD
from dashboard.workflows.score_frames import repeats_of
from dashboard.workflows.verdicts import reasons_so_far

Seen = TypeVar("Seen", Grounds, SetGrounds)


@dataclass(frozen=True, slots=True)
class FlagOptions:
    """The limits that doubts go by; see `analytics.label_errors.Grounds`.

    `random_checks`: so many items that nobody doubts are flagged by chance, so that it can be told how many labels are wrong
    among those that nobody doubts. `seed`: of that chance, and of which flags of a retired reason are still shown. `quadrant`: only
    doubts about its items, as the newest run of a model placed them; "" for all.
    """

    least_probability: float = 0.8
    least_margin: float = 0.2
    level: float = 0.05
    random_checks: int = 0
    seed: int = 0
    quadrant: str = ""

    def checked(self) -> FlagOptions:
        """These options; raises BadRequest for one that is out of range."""
        if self.quadrant not in ("", *QUADRANTS):
            raise BadRequest(f"{self.quadrant!r} is not a quadrant. Quadrants: {', '.join(QUADRANTS)}.")
        for name in ("least_probability", "least_margin", "level"):
            if not 0.0 <= getattr(self, name) < 1.0:
                raise BadRequest(f"{name} is {getattr(self, name)}; it lies between 0 and 1.")
        if self.quadrant and self.random_checks:
            raise BadRequest(
                "Items are chosen by chance from all that nobody doubts, not from a quadrant's: flag without a quadrant for that."
            )
        if self.random_checks < 0:
            raise BadRequest(f"{self.random_checks} items cannot be chosen by chance; 0 or more can.")
        return self


@dataclass(frozen=True, slots=True)
class ModelSeen:
    """The model run that was held against the labels, and the run in which it was; `not_learned`: why there is no P(wrong)."""

    run_id: str
    model_run: str
    n_members: int
    out_of_sample: str
    not_learned: str | None


@dataclass(frozen=True, slots=True)
class Basis:
    """What the doubts rest on.

    `method`: of the consensus. `opinions`: of the newest run of a model, or None; `model` is that run. `record`: how often each
    reason was right (`verdicts.reasons_so_far`).
    """

    run_id: str
    saw_seq: int
    label_set: LabelSet
    grounds: Grounds | SetGrounds
    method: str
    record: pl.DataFrame
    opinions: Opinions | None = None
    model: ModelSeen | None = None

    @property
    def retired(self) -> frozenset[str]:
        """The reasons that were wrong too often."""
        return frozenset(self.record.filter("is_retired")["reason"])

    @property
    def reasons(self) -> tuple[ReasonWords, ...]:
        """The reasons that these labels can be flagged for."""
        return reasons_of(self.label_set)


def reasons_of(label_set: LabelSet) -> tuple[ReasonWords, ...]:
    """The reasons that a project's labels can be flagged for, in the order in which they are told."""
    own = set_doubts.REASONS if label_set.is_sets else label_errors.REASONS
    return (*own, *_of_model(label_set), model_reasons.BY_CHANCE)


def _of_model(label_set: LabelSet) -> tuple[Reason[Opinions], ...]:
    return set_reasons.REASONS if label_set.is_sets else model_reasons.REASONS


def reason_keys(label_set: LabelSet) -> tuple[str, ...]:
    """The keys of `reasons_of`."""
    return tuple(reason.key for reason in reasons_of(label_set))


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
    opinions = model_reasons.read_opinions(store, label_set, project_id, items)
    return Basis(
        run_id=row["run_id"],
        saw_seq=saw,
        label_set=label_set,
        grounds=grounds,
        method=row["method"],
        record=reasons_so_far(store, project_id, reason_keys(label_set)),
        opinions=opinions,
        model=_model_of(store, project_id, opinions),
    )


def _model_of(store: Store, project_id: str, opinions: Opinions | None) -> ModelSeen | None:
    if opinions is None or opinions.run is None:
        return None
    said = opinions.run.parameters
    name, not_learned = str(said["model_run"]), said["not_learned"]
    known = store.read("model_runs", project_id=project_id).filter(pl.col("model_run") == name)
    return ModelSeen(
        run_id=opinions.run.run_id,
        model_run=name,
        n_members=int(str(said["members"])),
        out_of_sample=str(known["out_of_sample"][0]) if known.height else "not_checked",
        not_learned=None if not_learned is None else str(not_learned),
    )


def doubts(basis: Basis, standing: pl.DataFrame, options: FlagOptions) -> pl.DataFrame:
    """Every doubt, a row an item and reason: item_code, reason, score, threshold, evidence (JSON), place.

    Of a retired reason a twentieth is left. Items that are checked by chance are not in doubt for any other reason.
    """
    settled = standing.filter(pl.col("settled_code").is_not_null()).select("item_code", "settled_code")
    if isinstance(basis.grounds, SetGrounds):
        found = _detected(set_doubts.REASONS, basis.grounds, settled)
    else:
        found = _detected(label_errors.REASONS, basis.grounds, settled)
    if basis.opinions is not None:
        found += [
            _told(reason.detect(basis.opinions).join(settled, on="item_code", how="anti"), len(found) + place)
            for place, reason in enumerate(_of_model(basis.label_set))
        ]
    every = pl.concat([_left_of_retired(frame, basis.retired, options.seed) for frame in found])
    if options.quadrant:
        every = every.join(_placed(basis, options.quadrant), on="item_code", how="semi")
    if options.random_checks:
        labelled = basis.grounds.items.select("item_code")
        eligible = labelled.join(
            pl.concat([every.select("item_code"), standing.select("item_code")]), on="item_code", how="anti"
        )
        chosen = model_reasons.random_checks(
            eligible, options.random_checks, every["score"], seed=options.seed
        )
        every = pl.concat([every, _told(chosen, len(basis.reasons) - 1)])
    return every.sort("item_code", "place")


def _placed(basis: Basis, quadrant: str) -> pl.DataFrame:
    """item_code of the items that the newest run of a model placed there, by the labels that they have."""
    if basis.opinions is None:
        raise BadRequest("No model was held against the labels yet; `touchstone uncertainty` first.")
    return basis.opinions.frame.filter(pl.col("quadrant") == quadrant).select("item_code")


def _left_of_retired(doubted: pl.DataFrame, retired: frozenset[str], seed: int) -> pl.DataFrame:
    """The doubts of one reason that are shown."""
    if doubted.is_empty() or doubted["reason"][0] not in retired:
        return doubted
    kept = shown(doubted["item_code"].to_numpy(), doubted["reason"][0], is_retired=True, seed=seed)
    return doubted.filter(pl.Series(kept))


def _told(doubted: pl.DataFrame, place: int) -> pl.DataFrame:
    """Doubts with their evidence as JSON and their reason's place."""
    evidence = pl.Series(
        "evidence", [json.dumps(row) for row in doubted["evidence"].to_list()], dtype=pl.Utf8
    )
    return doubted.with_columns(evidence, pl.lit(place).alias("place"))


def _detected(reasons: Sequence[Reason[Seen]], grounds: Seen, settled: pl.DataFrame) -> list[pl.DataFrame]:
    frames = []
    against_gold = _of_settled(grounds, settled)
    for place, reason in enumerate(reasons):
        if reason.key == GOLD:
            doubted = reason.detect(against_gold)
        else:
            doubted = reason.detect(grounds).join(settled, on="item_code", how="anti")
        frames.append(_told(doubted, place))
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
