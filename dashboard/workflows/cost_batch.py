"""A batch of items to be labelled again because that is worth its price: flags with that one reason, for the queue of Relabel."""

from __future__ import annotations

import json
from dataclasses import dataclass

import polars as pl

from dashboard import __version__
from dashboard.workflows.errors import BadRequest
from dashboard.workflows.opening import Store
from dashboard.workflows.rules import Person, require
from data.database import Reader
from data.identifiers import uuid7
from data.records import Draft

WORTH = "worth_a_vote"
TITLE = "More votes are worth their price"
_INLINE = 200


@dataclass(frozen=True, slots=True)
class Batch:
    """What a batch raised: `run_id` None where nothing was, `n_waiting` of the items wait for somebody already."""

    run_id: str | None
    n_raised: int
    n_waiting: int


def raise_batch(
    store: Store, *, project_id: str, by: Person, items: pl.DataFrame, request_id: str | None = None
) -> Batch:
    """Flag items of a plan, so that Relabel hands them out, those worth most first.

    Args:
        store: where the flags go.
        project_id: whose items.
        by: a person who may flag.
        items: item_code, n (votes), cost (text, with its currency), gain (expected share of a correct label).
        request_id: makes a retry harmless.

    Raises:
        BadRequest: there is no item. NotAllowed: the person may not flag.
    """
    require(by, "flag")
    if items.is_empty():
        raise BadRequest("The plan has no item to label again.")
    run_id = uuid7(store.clock())

    def plan(reader: Reader) -> Draft | None:
        standing = reader.read("flag_standing", project_id=project_id).filter("is_waiting")
        fresh = items.join(standing.select("item_code"), on="item_code", how="anti")
        if fresh.is_empty():
            return None
        return _draft(reader, project_id, run_id, fresh)

    codes = items["item_code"].sort().to_list()
    request: dict[str, object] = {"verb": "cost.batch", "project": project_id, "items": codes}
    event = store.submit(plan, by=by.person_id, request=request, request_id=request_id)
    raised = int(str(event.payload["raised"])) if event is not None else 0
    named = None if event is None else str(event.payload["run_id"])
    return Batch(named, raised, items.height - raised)


def _draft(reader: Reader, project_id: str, run_id: str, fresh: pl.DataFrame) -> Draft:
    newest = reader.read("flag_run", project_id=project_id)
    saw = int(newest["saw_seq"][0]) if newest.height else 0
    flags = fresh.select(
        pl.format("{}-{}", pl.lit(run_id), pl.col("item_code")).alias("flag_id"),
        "item_code",
        run_id=pl.lit(run_id),
        score=pl.col("gain"),
        reasons=pl.Series([_reason(row) for row in fresh.to_dicts()], dtype=pl.String),
        status=pl.lit("open"),
    )
    run = {
        "run_id": run_id, "kind": "plan", "method": "value of the next vote", "parameters": json.dumps({"items": fresh.height}),
        "code_version": __version__, "saw_seq": saw,
    }  # fmt: skip
    rows: dict[str, object] = {"run": [run]}
    segments: dict[str, object] = {}
    for table, frame in (("flag", flags), ("flag_status", flags.select("flag_id", "status"))):
        if frame.height > _INLINE:
            segments[table] = reader.segments.put(frame).as_payload()
        else:
            rows[table] = frame.to_dicts()
    content = {"rows": rows, "segments": segments, "run_id": run_id, "raised": flags.height}
    return Draft("flags_raised", project_id, run_id, {**content, "by_reason": {WORTH: flags.height}})


def _reason(row: dict[str, object]) -> str:
    """Why, without the label or anything else that a blind answer must not know."""
    n, gain = row["n"], float(str(row["gain"]))
    more = "Another vote" if n == 1 else f"{n} more votes"
    reason = {
        "key": WORTH, "title": TITLE, "score": gain, "threshold": 0.0,
        "sentence": f"{more} should make the label correct in {gain * 100:.1f} more of 100 such items.",
        "evidence": {"n": n, "gain": gain},
    }  # fmt: skip
    return json.dumps([reason], ensure_ascii=False, sort_keys=True)
