"""Keeping the labels that one way of mitigation gives, as a model run of its own, with a reason and its price on record.

The run's provenance says what it was made of and at what price: from then on it is the newest run, and figures of the model are of it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import polars as pl

from analytics.fair_predictions import PLAIN
from dashboard.workflows.bias_mitigation import (
    STANDARD,
    WAYS,
    MitigationView,
    best_row,
    inputs,
    mitigate,
    mitigated_table,
    plain_row,
    price_words,
)
from dashboard.workflows.errors import BadRequest, Stale
from dashboard.workflows.model_runs import model_runs, require_model_run
from dashboard.workflows.opening import Store
from dashboard.workflows.prediction_frames import CodedRun, first_label_rows, n_choices, probability_rows
from dashboard.workflows.predictions import LONGEST_NAME
from dashboard.workflows.rules import Person, require
from data.database import Reader
from data.journal import canonical_json
from data.records import Draft, Event

MITIGATION = "mitigation"
"""By what a run was made, in its provenance."""


@dataclass(frozen=True, slots=True)
class Evening:
    """What somebody wants evened out: arguments as of `mitigate` and `decide`; an empty method or constraint is the best for its price."""

    attribute: str
    label: str
    model_run: str = ""
    replicates: int = 1000
    seed: int = 0
    method: str = ""
    constraint: str = ""


@dataclass(frozen=True, slots=True)
class Kept:
    """What was decided, as its event says it: the new run's name, of which run it was made, and what was compared."""

    model_run: str
    made_of: str
    standard: str
    judged: int
    groups: tuple[str, ...]
    table: list[dict[str, Any]]
    sentence: str


def decide(
    store: Store,
    *,
    project_id: str,
    by: Person,
    seen: MitigationView,
    method: str,
    constraint: str,
    reason: str,
    name: str = "",
    request_id: str | None = None,
) -> str:
    """Keep the labels that one way of mitigation gives as a model run; returns its name. A repeat of a request is answered with its run.

    Of an item whose group is known and whose label changes, the model's probabilities of the two labels change places; every other item
    has what the model said. An event says who, why, and at what price.

    Args:
        seen: the effect, as it was shown.
        method, constraint: of a row of its table.
        name: of the run; "" for one that says what it is.

    Raises:
        BadRequest: no reason, no such row, or the name stands for something else. NotAllowed: the person may not act on a bias.
        Stale: annotations came in since the effect was shown.
    """
    require(by, "bias.act")
    wish = Evening(seen.attribute, seen.label, seen.model_run, seen.replicates, seen.seed, method, constraint)
    request = _request(project_id, wish, reason, name)
    event = store.earlier(request_id, by=by.person_id, request=request)
    if event is None:
        event = _kept(store, project_id, by, seen, (method, constraint, reason, name), (request, request_id))
    return event.subject


def act(
    store: Store,
    *,
    project_id: str,
    by: Person,
    wish: Evening,
    reason: str,
    name: str = "",
    request_id: str | None = None,
) -> Kept:
    """Work out what evening out would cost and keep the labels of one way at once. A repeat of a request is answered with its run.

    Arguments and errors as `mitigate` and `decide`; BadRequest where no way is named and none takes a gap away.
    """
    require(by, "bias.act")
    request = _request(project_id, wish, reason, name)
    event = store.earlier(request_id, by=by.person_id, request=request)
    if event is None:
        seen = mitigate(
            store, project_id=project_id, by=by, attribute=wish.attribute, label=wish.label, model_run=wish.model_run,
            replicates=wish.replicates, seed=wish.seed,
        )  # fmt: skip
        best = (None if seen.found.undefined is not None else best_row(seen)) or {}
        way = (wish.method or str(best.get("method", "")), wish.constraint or str(best.get("constraint", "")))
        event = _kept(store, project_id, by, seen, (*way, reason, name), (request, request_id))
    return _as_kept(event)


def _request(project_id: str, wish: Evening, reason: str, name: str) -> dict[str, object]:
    """What was asked for, and nothing of what is found."""
    return {
        "verb": "bias.mitigate", "project": project_id, **asdict(wish), "reason": reason.strip(), "name": name.strip(),
    }  # fmt: skip


def _as_kept(event: Event) -> Kept:
    told: Any = event.payload
    return Kept(
        event.subject,
        told["from"],
        told["standard"],
        told["judged"],
        tuple(told["groups"]),
        told["table"],
        told["sentence"],
    )


def _kept(
    store: Store,
    project_id: str,
    by: Person,
    seen: MitigationView,
    said: tuple[str, str, str, str],
    asked: tuple[Mapping[str, object], str | None],
) -> Event:
    """The event that keeps the labels of a way. `said`: method, constraint, reason, name; `asked`: the request and its id."""
    method, constraint, reason, name = said
    if not reason.strip():
        raise BadRequest("An action on a bias needs a reason: an auditor will ask for it.")
    if seen.found.undefined is not None:
        raise BadRequest(f"Nothing can be evened out by {seen.attribute}: {seen.found.undefined}.")
    if not method:
        raise BadRequest(f"Nothing that was tried evens out {seen.label!r} by {seen.attribute}.")
    rows = seen.found.table
    row = rows.filter(method=method, constraint=constraint) if rows.height else rows
    if row.height != 1 or method == PLAIN:
        raise BadRequest(
            f"Nothing is known of {method!r} under {constraint!r}. Ways: {', '.join(WAYS.values())}."
        )
    standard = next(key for key, words in STANDARD.items() if words == seen.standard)
    named_inputs = (seen.attribute, seen.label, seen.model_run)
    given = inputs(store, project_id, named_inputs, standard=standard, saw=seen.saw)
    run = CodedRun(given.every_code, mitigated_table(given, method, constraint, seen.seed))
    way = next(short for short, words in WAYS.items() if words == method)
    usual = f"{seen.model_run}, {seen.label} even by {seen.attribute} ({way}, {constraint}, {seen.saw})"
    named = name.strip() or usual[-LONGEST_NAME:]
    told = row.row(0, named=True)
    content: dict[str, object] = {
        "by": MITIGATION, "from": seen.model_run, "attribute": seen.attribute, "label": seen.label, "method": method,
        "constraint": constraint, "standard": seen.standard, "judged": seen.found.n, "sentence": price_words(seen, told),
        **{key: told[key] for key in ("accuracy", "price", "price_low", "price_high", "parity_gap", "odds_gap")},
        "parity_before": plain_row(seen)["parity_gap"], "odds_before": plain_row(seen)["odds_gap"],
        "groups": list(seen.groups), "table": seen.found.table.to_dicts(),
        "title": f"the run {named}: {price_words(seen, told)}", "reason": reason.strip(), "decided_by": by.person_id,
    }  # fmt: skip
    former = require_model_run(store, project_id=project_id, model_run=seen.model_run)
    stored: dict[str, object] = {
        "model_run": named, "n_items": run.item_codes.size, "n_labels": n_choices(given.label_set), "n_members": 1,
        "note": reason.strip(), "content_sha256": run.content_sha256, "name": MITIGATION, "format": MITIGATION, "saw_seq": seen.saw,
        "out_of_sample": former["out_of_sample"], "warning": former["warning"], "provenance": canonical_json(content),
    }  # fmt: skip

    def plan(reader: Reader) -> Draft:
        newest = int(reader.read("score_newest_annotation", project_id=project_id)["seq"][0])
        if newest > seen.saw:
            raise Stale(
                "Annotations came in since the effect was shown. Nothing was decided; look at it again."
            )
        known = reader.read("model_run_known", project_id=project_id, model_run=named).row(0, named=True)
        if known["content_sha256"] is not None or known["has_labels"]:
            raise BadRequest(f"The model run {named!r} is there already. Give this one a name of its own.")
        tables = {"probability": probability_rows(run, named)}
        if not given.label_set.is_sets:
            tables["prediction"] = first_label_rows(run, named, given.label_set)
        segments = {table: reader.segments.put(frame).as_payload() for table, frame in tables.items()}
        return Draft(
            "bias_mitigated", project_id, named,
            {"rows": {"model_run": [stored]}, "segments": segments, "label_set_version": given.label_set.version, **content},
        )  # fmt: skip

    request, request_id = asked
    event = store.submit(plan, by=by.person_id, request=request, request_id=request_id)
    assert event is not None  # a decision always makes an event, or raises
    return event


def decided(store: Store, *, project_id: str, by: Person, as_of: int | None = None) -> pl.DataFrame:
    """Mitigated runs, newest first: model_run, from, attribute, label, method, sentence, reason, decided_by, decided_at."""
    require(by, "view.figures")
    runs = model_runs(store, project_id=project_id, as_of=as_of).filter(format=MITIGATION)
    told = [json.loads(text) for text in runs["provenance"]]
    names = ("from", "attribute", "label", "method", "sentence", "reason", "decided_by")
    columns = {name: pl.Series(name, [str(one[name]) for one in told], dtype=pl.Utf8) for name in names}
    return runs.select("model_run", decided_at="imported_at").with_columns(**columns)
