"""What a flag rested on when it was raised: kept with it and never changed, so that it can be asked years later."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import cast

SCHEMA = "touchstone.flag/1"
"""Of the JSON; changes when a field changes its meaning or goes."""


@dataclass(frozen=True, slots=True)
class PassportVote:
    """One annotation that counted: who said what."""

    annotator_id: str
    label: str


@dataclass(frozen=True, slots=True)
class PassportModel:
    """What the model run said of the item: out of sample as `out_of_sample` tells (by_folds, passed, doubted, not_checked).

    `together`: how probable votes and model held the label together. `choice`: where labels are sets, the choice in most doubt
    and the model's probability that the item has it.
    """

    run_id: str
    model_run: str
    n_members: int
    out_of_sample: str
    p_label: float
    other_label: str | None
    p_other: float
    together: float | None
    choice: str | None = None
    p_choice: float | None = None


@dataclass(frozen=True, slots=True)
class PassportNeighbour:
    """One of the items that were most like it; `label`: what it was labelled then."""

    item_id: str
    label: str | None


@dataclass(frozen=True, slots=True)
class PassportPrecision:
    """How often a reason had been right until then, with its Beta interval; `n` flags that people decided."""

    key: str
    value: float | None
    low: float | None
    high: float | None
    n: int
    is_retired: bool


@dataclass(frozen=True, slots=True)
class Passport:
    """Everything that a flag rested on.

    `p_wrong`: the calibrated probability that the label was wrong, with its interval; None with `p_undefined`, the reason why.
    """

    code_version: str
    label: str
    consensus_run: str
    method: str
    p_label: float | None
    votes: tuple[PassportVote, ...]
    model: PassportModel | None
    neighbours: tuple[PassportNeighbour, ...]
    p_wrong: float | None
    p_low: float | None
    p_high: float | None
    p_undefined: str | None
    precision: tuple[PassportPrecision, ...]


def passport_json(found: Passport) -> str:
    """The passport as it is kept."""
    return json.dumps({"schema": SCHEMA, **asdict(found)}, ensure_ascii=False, sort_keys=True)


def passport_of(text: str | None) -> Passport | None:
    """The passport that a flag's row holds; None for flags that are older than passports."""
    if not text:
        return None
    held = json.loads(text)
    model = held["model"]
    fields = {name: held[name] for name in Passport.__dataclass_fields__ if name not in _NESTED}
    return Passport(
        votes=tuple(PassportVote(**one) for one in held["votes"]),
        model=None if model is None else PassportModel(**model),
        neighbours=tuple(PassportNeighbour(**one) for one in held["neighbours"]),
        precision=tuple(PassportPrecision(**one) for one in held["precision"]),
        **fields,
    )


def passport_document(found: Passport | None) -> Mapping[str, object] | None:
    """The passport for a JSON document."""
    return None if found is None else cast("Mapping[str, object]", json.loads(passport_json(found)))


_NESTED = ("votes", "model", "neighbours", "precision")
