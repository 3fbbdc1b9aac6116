"""Raising flags: every doubt about an item's label in words, with its evidence, one flag an item."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from dashboard import __version__
from dashboard.workflows.errors import BadRequest, Stale
from dashboard.workflows.flag_reasons import FlagOptions, basis_of, doubts, reason_keys
from dashboard.workflows.flag_rows import flag_rows
from dashboard.workflows.opening import Store
from dashboard.workflows.relabel_reveal import GOLD
from dashboard.workflows.rules import Person, require
from data.database import Reader
from data.identifiers import uuid7
from data.records import Draft

__all__ = ["FlagOptions", "FlagsRaised", "raise_flags"]

INLINE_LIMIT = 200


@dataclass(frozen=True, slots=True)
class FlagsRaised:
    """What a run raised. `by_reason` counts the raised flags that have the reason; a flag may have several.

    `doubted` counts the items that the run doubted, those that were flagged before too. `run_id` is None
    where no flag was
    raised: then there is no event.
    """

    run_id: str | None
    raised: int
    by_reason: Mapping[str, int]
    doubted: int


def raise_flags(
    store: Store,
    *,
    project_id: str,
    by: Person,
    options: FlagOptions | None = None,
    request_id: str | None = None,
) -> FlagsRaised:
    """Doubt the newest consensus and raise a flag for each doubted item, with all its reasons.

    An item that waits for somebody is not flagged again. A closed flag's item is only flagged again once it
    has newer annotations. A label that people settled is only doubted where gold disagrees with it.

    Raises:
        BadRequest: the project is unknown or was never scored. NotAllowed: the person may not flag.
        Stale: somebody scored the project meanwhile.
    """
    require(by, "flag")
    wanted = (options or FlagOptions()).checked()
    basis = basis_of(store, project_id, wanted)
    found = doubts(basis, store.read("flag_standing", project_id=project_id), wanted)
    run_id = uuid7(store.clock())
    keys = reason_keys(basis.label_set)
    parameters = {
        "consensus_run": basis.run_id,
        "least_probability": wanted.least_probability,
        "least_margin": wanted.least_margin,
        "level": wanted.level,
        "random_checks": wanted.random_checks,
        "seed": wanted.seed,
        "quadrant": wanted.quadrant,
    }

    def plan(reader: Reader) -> Draft | None:
        newest = reader.read("flag_run", project_id=project_id)["run_id"][0]
        if newest != basis.run_id:
            raise Stale(
                "The project was scored while its flags were computed. Nothing was raised; flag it again."
            )
        fresh = _not_kept_from(found, reader.read("flag_standing", project_id=project_id))
        if fresh.is_empty():
            return None
        flags = flag_rows(reader, project_id, fresh, basis, run_id)
        run = {
            "run_id": run_id,
            "kind": "flag",
            "method": "doubts",
            "parameters": json.dumps(parameters, sort_keys=True),
            "code_version": __version__,
            "saw_seq": basis.saw_seq,
        }
        counts = _by_reason(fresh, keys)
        opened = flags.select("flag_id", status=pl.lit("open"))
        return Draft(
            "flags_raised",
            project_id,
            run_id,
            {
                **_content(reader, {"flag": flags, "flag_status": opened}, {"run": [run]}),
                "run_id": run_id,
                "raised": flags.height,
                "by_reason": counts,
                "parameters": parameters,
            },
        )

    request: dict[str, object] = {"verb": "flag", "project": project_id, **parameters}
    event = store.submit(plan, by=by.person_id, request=request, request_id=request_id)
    doubted = found["item_code"].n_unique()
    if event is None:
        return FlagsRaised(None, 0, dict.fromkeys(keys, 0), doubted)
    raised, counts = event.payload["raised"], event.payload["by_reason"]
    if not isinstance(raised, int) or not isinstance(counts, dict):  # both are this module's own
        raise BadRequest("The event of the flags is not one of this version.")
    return FlagsRaised(str(event.payload["run_id"]), raised, counts, doubted)


def _not_kept_from(found: pl.DataFrame, standing: pl.DataFrame) -> pl.DataFrame:
    """The doubts about items that nothing keeps from being flagged."""
    newer = pl.col("newest_seq").fill_null(0) > pl.col("closed_seq")
    keeps = pl.col("is_waiting") | (pl.col("closed_seq").is_not_null() & ~newer)
    fresh = found.join(standing.filter(keeps).select("item_code"), on="item_code", how="anti")
    decided = standing.filter(pl.col("settled_code").is_not_null()).select("item_code")
    settled_since = (pl.col("reason") == GOLD) | ~pl.col("item_code").is_in(decided["item_code"].to_list())
    return fresh.filter(settled_since)


def _by_reason(fresh: pl.DataFrame, keys: Sequence[str]) -> dict[str, int]:
    counted = dict(fresh.group_by("reason").agg(pl.len()).iter_rows())
    return {key: int(counted.get(key, 0)) for key in keys}


def _content(
    reader: Reader, tables: Mapping[str, pl.DataFrame], rows: dict[str, list[dict[str, object]]]
) -> dict[str, object]:
    """The event's rows; many rows go as segments."""
    segments: dict[str, object] = {}
    for name, frame in tables.items():
        if frame.height > INLINE_LIMIT:
            segments[name] = reader.segments.put(frame).as_payload()
        else:
            rows[name] = frame.to_dicts()
    return {"rows": rows, "segments": segments}
