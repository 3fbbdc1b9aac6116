"""What pulls labels that should depend on the item alone: suggestions, order and haste, an attribute of the item. Kept as a run."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import polars as pl

from analytics.errors import AnalyticsError
from analytics.order_effects import OrderEffects, order_effects
from dashboard import __version__
from dashboard.workflows import bias_attributes, bias_pull
from dashboard.workflows.bias_sources import Sources, read_sources
from dashboard.workflows.errors import BadRequest
from dashboard.workflows.label_sets import current_label_set
from dashboard.workflows.opening import Store
from dashboard.workflows.rules import Person, require
from data.database import Reader
from data.identifiers import uuid7
from data.records import Draft

Progress = Callable[[float, str], None]

KIND = "bias_effects"


@dataclass(frozen=True, slots=True)
class EffectOptions:
    """How effects are measured.

    `gap_minutes`: so long a pause begins another sitting; `idle_seconds`: a longer time taken is idle time; `q`: the false
    discovery rate over each table.
    """

    gap_minutes: float = 30.0
    idle_seconds: float = 600.0
    q: float = 0.05
    replicates: int = 1000
    permutations: int = 999
    seed: int = 0
    model_run: str = ""


@dataclass(frozen=True, slots=True)
class EffectsRun:
    """What was found: `document` has order, curves, pull and attributes, as it is kept and as `--json` prints it."""

    run_id: str
    document: Mapping[str, object]


def measure(
    store: Store,
    *,
    project_id: str,
    by: Person,
    options: EffectOptions | None = None,
    request_id: str | None = None,
    progress: Progress | None = None,
) -> EffectsRun:
    """Measure what pulls labels and keep it.

    Raises:
        BadRequest: labels are sets, nothing was labelled, or an option is out of range. NotAllowed: the person may not measure.
    """
    require(by, "bias.measure")
    asked, tell = options or EffectOptions(), progress or _quietly
    tell(0.0, "Reading the annotations")
    sources = read_sources(store, project_id, saw=store.head, model_run=asked.model_run, least=0)
    try:
        document = _document(store, project_id, sources, asked, tell)
    except AnalyticsError as error:
        raise BadRequest(f"What pulls labels could not be measured: {error}") from error
    return _kept(store, project_id, by, (asked, sources.saw, document), request_id)


def is_for(store: Store, project_id: str) -> bool:
    """Whether this is worked out for the project's labels: for single labels, not for sets."""
    known = current_label_set(store, project_id)
    return known is None or not known.is_sets


def _document(
    store: Store, project_id: str, sources: Sources, asked: EffectOptions, tell: Progress
) -> dict[str, object]:
    tell(0.1, "Comparing suggestions that were shown and hidden")
    if sources.votes.is_empty() and not bias_pull.has_suggestions(store, project_id, sources):
        raise BadRequest(
            f"Project {project_id!r} has no independent annotations yet; nothing can be said of them."
        )
    pull = bias_pull.pull(store, project_id, sources, q=asked.q)
    tell(0.3, "Comparing answers within annotators and items")
    order = _order(store, project_id, sources, asked)
    tell(0.7, "Comparing labels with attributes of items")
    attributes = bias_attributes.attributes(
        store, project_id, sources, q=asked.q, permutations=asked.permutations, seed=asked.seed
    )
    tell(0.95, "Writing the figures")
    return {
        "pull": pull, "order": order.table.to_dicts(), "curves": order.curves.to_dicts(), "attributes": attributes.to_dicts(),
    }  # fmt: skip


def _order(store: Store, project_id: str, sources: Sources, asked: EffectOptions) -> OrderEffects:
    votes = store.read("score_votes", project_id=project_id, as_of=sources.saw)
    return order_effects(
        votes.with_columns(pl.col("active_seconds").cast(pl.Float64)), n_labels=sources.label_set.n_labels, gold=sources.gold,
        gap_minutes=asked.gap_minutes, idle_seconds=asked.idle_seconds, q=asked.q, replicates=asked.replicates, seed=asked.seed,
    )  # fmt: skip


def _kept(
    store: Store,
    project_id: str,
    by: Person,
    found: tuple[EffectOptions, int, dict[str, object]],
    request_id: str | None,
) -> EffectsRun:
    asked, saw, document = found
    run_id = uuid7(store.clock())
    options: dict[str, object] = {
        "gap_minutes": asked.gap_minutes, "idle_seconds": asked.idle_seconds, "q": asked.q, "replicates": asked.replicates,
        "permutations": asked.permutations, "seed": asked.seed, "model_run": asked.model_run,
    }  # fmt: skip

    def plan(reader: Reader) -> Draft:
        run = {
            "run_id": run_id, "kind": KIND, "method": "within annotators", "code_version": __version__, "saw_seq": saw,
            "parameters": json.dumps({"options": options, "found": document}, sort_keys=True, allow_nan=False),
        }  # fmt: skip
        return Draft(
            "bias_effects_measured", project_id, run_id,
            {"rows": {"run": [run]}, "saw_seq": saw, "options": options, "found": n_found(document)},
        )  # fmt: skip

    request: dict[str, object] = {"verb": KIND, "project": project_id, **options, "saw": saw}
    event = store.submit(plan, by=by.person_id, request=request, request_id=request_id)
    assert event is not None  # a run always makes an event, or raises
    return EffectsRun(event.subject, document)


def n_found(document: Mapping[str, object]) -> int:
    """How many rows of the document were picked out as effects."""
    order, attributes, pull = document["order"], document["attributes"], document["pull"]
    assert isinstance(order, list)
    assert isinstance(attributes, list)
    assert isinstance(pull, dict)
    return sum(bool(row["is_picked"]) for row in [*order, *attributes]) + bool(pull["is_picked"])


def _quietly(_share: float, _words: str) -> None:
    """Nobody is told how far it is."""
