"""The rows of new flags: each with its reasons in words, and its passport: what they rested on."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from analytics.reasons import explain
from dashboard import __version__
from dashboard.workflows.flag_passport import (
    Passport,
    PassportModel,
    PassportNeighbour,
    PassportPrecision,
    PassportVote,
    passport_json,
)
from dashboard.workflows.flag_reasons import Basis, ModelSeen
from data.database import Reader


def flag_rows(
    reader: Reader, project_id: str, fresh: pl.DataFrame, basis: Basis, run_id: str
) -> pl.DataFrame:
    """One row a flagged item: flag_id, item_code, run_id, score (the strongest reason's), reasons, passport, status.

    Args:
        reader: of the writer, which gives names for codes.
        project_id: the project.
        fresh: the doubts that become flags (`flag_reasons.doubts`).
        basis: what they rest on.
        run_id: of the flagging.
    """
    people = dict(reader.read("annotator_codes").select("annotator_code", "annotator_id").iter_rows())
    labels = dict(zip(basis.label_set.codes, basis.label_set.labels, strict=True))
    known = {reason.key: reason for reason in basis.reasons}
    reasons: dict[int, list[dict[str, object]]] = {}
    for row in fresh.iter_rows(named=True):
        evidence = json.loads(row["evidence"])
        reason = known[row["reason"]]
        reasons.setdefault(row["item_code"], []).append(
            {
                "key": reason.key,
                "title": reason.title,
                "sentence": explain(reason, evidence, labels=labels, annotators=people),
                "score": row["score"],
                "threshold": row["threshold"],
                "rule": reason.rule,
                "version": reason.version,
                "evidence": _named(evidence, labels, people),
            }
        )
    scores = fresh.group_by("item_code", maintain_order=True).agg(pl.col("score").max())
    texts = [json.dumps(reasons[code], ensure_ascii=False, sort_keys=True) for code in scores["item_code"]]
    passports = Passports(reader, project_id, basis, scores["item_code"], labels, people)
    kept = [
        passport_json(passports.of(code, [str(one["key"]) for one in reasons[code]]))
        for code in scores["item_code"]
    ]
    return scores.with_columns(
        pl.Series("reasons", texts, dtype=pl.Utf8),
        pl.Series("passport", kept, dtype=pl.Utf8),
        pl.format("{}-{}", pl.lit(run_id), pl.col("item_code")).alias("flag_id"),
        pl.lit(run_id).alias("run_id"),
        pl.lit("open").alias("status"),
    ).select("flag_id", "item_code", "run_id", "score", "reasons", "passport", "status")


class Passports:
    """What the flags of some items rest on, read once for all of them."""

    def __init__(
        self,
        reader: Reader,
        project_id: str,
        basis: Basis,
        item_codes: pl.Series,
        labels: Mapping[int, str],
        people: Mapping[int, str],
    ) -> None:
        self._basis, self._labels, self._people = basis, labels, people
        wanted = item_codes.implode()
        self._items = _by_item(basis.grounds.items.filter(pl.col("item_code").is_in(wanted)))
        votes = basis.grounds.votes.filter(pl.col("item_code").is_in(wanted)).select(
            pl.col("item_code", "annotator_code", "label_code").cast(pl.Int64)
        )
        votes = votes.sort("item_code", "annotator_code", maintain_order=True)
        self._votes = _by_item(
            votes.group_by("item_code", maintain_order=True).agg("annotator_code", "label_code")
        )
        opinions = basis.opinions
        seen = None if opinions is None else opinions.frame.filter(pl.col("item_code").is_in(wanted))
        self._opinions = {} if seen is None else _by_item(seen)
        near = set() if seen is None else set(seen["neighbour_codes"].explode().drop_nulls())
        rows = (
            reader.read("item_ids", project_id=project_id, item_codes=sorted(near))
            if near
            else pl.DataFrame()
        )
        self._near = _by_item(rows) if rows.height else {}
        self._record = {row["reason"]: row for row in basis.record.iter_rows(named=True)}

    def of(self, item_code: int, keys: Sequence[str]) -> Passport:
        """The passport of a flag on the item for these reasons."""
        item, row = self._items[item_code], self._opinions.get(item_code)
        votes = self._votes.get(item_code, {"annotator_code": [], "label_code": []})
        said = zip(votes["annotator_code"], votes["label_code"], strict=True)
        p_wrong = None if row is None else row["p_wrong"]
        return Passport(
            code_version=__version__,
            label=self._labels[item["label_code"]],
            consensus_run=self._basis.run_id,
            method=self._basis.method,
            p_label=item["p_label"],
            votes=tuple(PassportVote(self._people[person], self._labels[label]) for person, label in said),
            model=None if row is None or self._basis.model is None else self._model(row, self._basis.model),
            neighbours=() if row is None else self._neighbours(row),
            p_wrong=p_wrong,
            p_low=None if row is None else row["p_low"],
            p_high=None if row is None else row["p_high"],
            p_undefined=None if p_wrong is not None else self._why_not(row is None),
            precision=tuple(self._precision(key) for key in keys),
        )

    def _model(self, row: Mapping[str, object], run: ModelSeen) -> PassportModel:
        is_sets = row.get("choice_code") is not None
        return PassportModel(
            run_id=run.run_id,
            model_run=run.model_run,
            n_members=run.n_members,
            out_of_sample=run.out_of_sample,
            p_label=_number(row["p_label"]) or 0.0,
            other_label=self._name(row["other_label_code"]),
            p_other=_number(row["p_other"]) or 0.0,
            together=_number(row["crowd_quality"]),
            choice=self._name(row["choice_code"]) if is_sets else None,
            p_choice=_number(row["p_choice"]) if is_sets else None,
        )

    def _neighbours(self, row: Mapping[str, object]) -> tuple[PassportNeighbour, ...]:
        codes = row["neighbour_codes"]
        found = [self._near[code] for code in codes if code in self._near] if isinstance(codes, list) else []
        return tuple(PassportNeighbour(one["item_id"], self._name(one["label_code"])) for one in found)

    def _precision(self, key: str) -> PassportPrecision:
        row = self._record[key]
        return PassportPrecision(
            key, row["precision"], row["low"], row["high"], row["n_decisions"], row["is_retired"]
        )

    def _why_not(self, no_opinion: bool) -> str:
        if self._basis.model is None:
            return "no model was held against the labels yet"
        if no_opinion:
            return "the model said nothing of this label"
        return self._basis.model.not_learned or "not known for this item"

    def _name(self, code: object) -> str | None:
        return self._labels.get(code) if isinstance(code, int) else None


def _by_item(frame: pl.DataFrame) -> dict[int, dict[str, Any]]:
    """The rows by item code."""
    return {row["item_code"]: row for row in frame.iter_rows(named=True)}


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _named(
    evidence: Mapping[str, object], labels: Mapping[int, str], people: Mapping[int, str]
) -> dict[str, object]:
    """The evidence with names for codes: what a person reads, and what stays true whatever the codes are."""
    found: dict[str, object] = {}
    for field, value in evidence.items():
        if field.endswith("label_code"):
            found[field.removesuffix("_code")] = labels.get(value) if isinstance(value, int) else None
        elif field.endswith("annotator_code"):
            found[field.removesuffix("code") + "id"] = people.get(value) if isinstance(value, int) else None
        elif field.endswith("label_codes"):
            found[field.removesuffix("_codes") + "s"] = (
                [labels.get(one) for one in value] if isinstance(value, list) else []
            )
        else:
            found[field] = value
    return found
