"""The whole story of one item: what it is, who said what, what its label was and why it was doubted."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from dashboard.workflows import consensus_methods
from dashboard.workflows.errors import BadRequest
from dashboard.workflows.flag_passport import Passport, passport_of
from dashboard.workflows.item_contributions import ItemContributions, item_contributions
from dashboard.workflows.item_history import ItemEvent, Sources, history
from dashboard.workflows.label_sets import LabelSet, require_label_set
from dashboard.workflows.opening import Store
from dashboard.workflows.relabel_reveal import FlagReason, flag_reasons
from dashboard.workflows.rules import Person, require
from dashboard.workflows.verdicts import MARKS


@dataclass(frozen=True, slots=True)
class ItemLabel:
    """The label of an item as it stands: who or what made it, and how sure it is."""

    label_code: int
    label: str
    p_label: float | None
    version: int
    source: str
    decided_by: str | None
    reason: str | None
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class ItemConsensus:
    """The newest consensus; `posterior`: label_code, label, p_label, n (its annotations), likeliest first."""

    method: str
    ran_at: datetime
    tied: bool
    posterior: pl.DataFrame


@dataclass(frozen=True, slots=True)
class ItemFlag:
    """A flag with its reasons in words, what it rested on, and what people said of each reason (who, reason's key, mark)."""

    flag_id: str
    raised_at: datetime
    status: str
    resolution: str | None
    score: float
    reasons: tuple[FlagReason, ...]
    passport: Passport | None = None
    marks: tuple[tuple[str, str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class ItemStory:
    """Everything that the store knows about an item, as of one moment.

    Attributes:
        annotations: seq, annotation_id, annotator_id, label_code, label, labelled_at, recorded_at,
            active_seconds, source, independent, asserted, assignment, guideline_version, rationale,
            supersedes, retracted; oldest first.
        versions: seq, label_version, label_code, label, p_label, n_annotations, source, decided_by, reason,
            recorded_at; newest first.
        contributions: what each annotator did for the consensus; None where it is not known.
        n_votes: annotations that count (independent, not taken back).
        n_agree: how many of them chose the label that the item has.
        predictions: model_run, label_code, label, score; newest first.
        history: what happened to it, newest first.
    """

    item_id: str
    kind: str
    text: str | None
    image: str | None
    image_bytes: bytes | None
    attributes: tuple[tuple[str, str], ...]
    gold: str | None
    label_set: LabelSet
    label: ItemLabel | None
    consensus: ItemConsensus | None
    contributions: ItemContributions | None
    annotations: pl.DataFrame
    n_votes: int
    n_agree: int
    versions: pl.DataFrame
    flags: tuple[ItemFlag, ...]
    predictions: pl.DataFrame
    history: tuple[ItemEvent, ...]

    @property
    def is_doubted(self) -> bool:
        """Whether a flag of the item waits for somebody."""
        return any(flag.status != "closed" for flag in self.flags)


def item_story(
    store: Store, *, project_id: str, by: Person, item_id: str, as_of: int | None = None
) -> ItemStory:
    """The story of an item as of a seq (None: now).

    Raises:
        NotAllowed: the person may not see items.
        BadRequest: there is no such item, or not yet at that moment.
    """
    require(by, "view.items")
    label_set = require_label_set(store, project_id, as_of=as_of)
    found = store.read("item_one", project_id=project_id, item_id=item_id, as_of=as_of)
    if found.is_empty():
        when = "" if as_of is None else f" as of event {as_of}"
        raise BadRequest(f"There is no item {item_id!r} in project {project_id!r}{when}.")
    item = found.row(0, named=True)

    def read(name: str) -> pl.DataFrame:
        frame = store.read(name, project_id=project_id, item_code=item["item_code"], as_of=as_of)
        return _named(frame, label_set) if "label_code" in frame.columns else frame

    annotations = read("item_annotations").with_columns(
        pl.col("retracted_seq").is_not_null().alias("retracted")
    )
    versions, flags, predictions = read("item_versions"), read("item_flags"), read("item_predictions")
    counted = annotations.filter(pl.col("independent") & ~pl.col("retracted"))
    label = _label(versions)
    sources = Sources(
        item_seq=item["seq"],
        annotations=annotations,
        versions=versions,
        flags=flags,
        flag_changes=read("item_flag_changes"),
        decisions=read("item_decisions"),
        releases=read("item_releases"),
    )
    return ItemStory(
        item_id=item_id,
        kind=item["kind"],
        text=item["text"],
        image=item["image"],
        image_bytes=item["image_bytes"],
        attributes=_attributes(item["attributes"]),
        gold=None if item["gold_code"] is None else label_set.label(item["gold_code"]),
        label_set=label_set,
        label=label,
        consensus=_consensus(read("item_consensus"), counted, label_set),
        contributions=item_contributions(
            store,
            project_id=project_id,
            item_code=item["item_code"],
            label_set=label_set,
            as_of=as_of,
        ),
        annotations=annotations.drop("retracted_seq"),
        n_votes=counted.height,
        n_agree=0 if label is None else counted.filter(pl.col("label_code") == label.label_code).height,
        versions=versions.reverse(),
        flags=_flags(
            flags, store.read("item_flag_marks", project_id=project_id, item_id=item_id, as_of=as_of)
        ),
        predictions=predictions.drop("seq"),
        history=history(store, sources),
    )


def _named(frame: pl.DataFrame, label_set: LabelSet) -> pl.DataFrame:
    """With the label's name beside its code."""
    coded = frame.with_columns(pl.col("label_code").cast(pl.Int64))
    return coded.join(label_set.frame(), on="label_code", how="left", maintain_order="left")


def _label(versions: pl.DataFrame) -> ItemLabel | None:
    if versions.is_empty():
        return None
    row = versions.row(-1, named=True)
    return ItemLabel(
        label_code=row["label_code"],
        label=row["label"],
        p_label=row["p_label"],
        version=row["label_version"],
        source=row["source"],
        decided_by=row["decided_by"],
        reason=row["reason"],
        recorded_at=row["recorded_at"],
    )


def _consensus(found: pl.DataFrame, counted: pl.DataFrame, label_set: LabelSet) -> ItemConsensus | None:
    if found.is_empty():
        return None
    row = found.row(0, named=True)
    votes = _votes_for(counted, label_set)
    codes = label_set.choice_codes if label_set.is_sets else range(len(row["posterior"]))
    posterior = pl.DataFrame(
        {"label_code": list(codes)[: len(row["posterior"])], "p_label": row["posterior"][: len(codes)]},
        schema={"label_code": pl.Int64, "p_label": pl.Float64},
    )
    table = (
        posterior.join(label_set.frame(), on="label_code")
        .join(votes, on="label_code", how="left")
        .with_columns(pl.col("n").fill_null(0).cast(pl.Int64))
        .sort(["p_label", "label_code"], descending=[True, False])
        .select("label_code", "label", "p_label", "n")
    )
    return ItemConsensus(consensus_methods.title(row["method"]), row["ran_at"], bool(row["tied"]), table)


def _votes_for(counted: pl.DataFrame, label_set: LabelSet) -> pl.DataFrame:
    """label_code, n: the annotations for each label; where labels are sets, those whose set has the choice."""
    votes = counted.group_by("label_code").agg(pl.len().alias("n"))
    if not label_set.is_sets:
        return votes
    members = {code: list(label_set.members_of(code)) for code in votes["label_code"].to_list()}
    lists = [members[code] for code in votes["label_code"].to_list()]
    return (
        votes.with_columns(pl.Series("label_code", lists, dtype=pl.List(pl.Int64)))
        .explode("label_code")
        .drop_nulls("label_code")
        .group_by("label_code")
        .agg(pl.col("n").sum())
    )


def _flags(rows: pl.DataFrame, answers: pl.DataFrame) -> tuple[ItemFlag, ...]:
    marks: dict[str, list[tuple[str, str, str]]] = {}
    for flag_id, actor, text in answers.select("flag_id", "actor", "flag_reasons").iter_rows():
        said = [(actor, key, MARKS.get(mark, mark)) for key, mark in json.loads(text).items()]
        marks.setdefault(flag_id, []).extend(said)
    return tuple(
        ItemFlag(
            flag_id=row["flag_id"],
            raised_at=row["raised_at"],
            status=row["status"],
            resolution=row["resolution"],
            score=row["score"],
            reasons=flag_reasons(row["reasons"]),
            passport=passport_of(row["passport"]),
            marks=tuple(marks.get(row["flag_id"], ())),
        )
        for row in rows.iter_rows(named=True)
    )


def _attributes(text: str | None) -> tuple[tuple[str, str], ...]:
    """Name and value of each attribute, as text."""
    pairs = json.loads(text) if text else {}
    return tuple(
        (name, value if isinstance(value, str) else json.dumps(value))
        for name, value in sorted(pairs.items())
    )
