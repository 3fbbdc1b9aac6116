"""What pulls labels that should depend on the item alone: suggestions, order and haste, an attribute of the item. Kept as a run.

Where labels are sets each choice is two labels, in the set or not, and has figures of its own; all choices are corrected together.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass

import polars as pl

from analytics.errors import AnalyticsError
from analytics.order_effects import order_slopes, order_tables
from dashboard import __version__
from dashboard.workflows import bias_attributes, bias_pull
from dashboard.workflows.bias_sources import (
    Sources,
    as_choice,
    choices_asked,
    each_question,
    read_sources,
)
from dashboard.workflows.errors import BadRequest
from dashboard.workflows.opening import Store
from dashboard.workflows.rules import Person, require
from data.database import Reader
from data.identifiers import uuid7
from data.records import Draft, Event

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
    """What was found: `document` has pulls, order, curves and attributes, as it is kept and as `--json` prints it; see `bias_pull`."""

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
    """Measure what pulls labels and keep it. A repeat of a request is answered with its run.

    Raises:
        BadRequest: nothing was labelled, or an option is out of range. NotAllowed: the person may not measure.
    """
    require(by, "bias.measure")
    asked, tell = options or EffectOptions(), progress or _quietly
    done = store.earlier(request_id, by=by.person_id, request=_request(project_id, asked))
    if done is not None:
        return _as_kept(done)
    tell(0.0, "Reading the annotations")
    sources = read_sources(store, project_id, saw=store.head, model_run=asked.model_run, least=0)
    try:
        document = _document(store, project_id, sources, asked, tell)
    except AnalyticsError as error:
        raise BadRequest(f"What pulls labels could not be measured: {error}") from error
    return _kept(store, project_id, by, (asked, sources.saw, document), request_id)


def _document(
    store: Store, project_id: str, sources: Sources, asked: EffectOptions, tell: Progress
) -> dict[str, object]:
    tell(0.1, "Comparing suggestions that were shown and hidden")
    if sources.votes.is_empty() and not bias_pull.has_suggestions(store, project_id, sources):
        raise BadRequest(
            f"Project {project_id!r} has no independent annotations yet; nothing can be said of them."
        )
    pulls = bias_pull.pulls(store, project_id, sources, q=asked.q)
    if not pulls:
        raise BadRequest("Every set so far is empty: there is no choice that could be pulled.")
    tell(0.3, "Comparing answers within annotators and items")
    order, curves = _order(store, project_id, sources, asked, tell)
    tell(0.7, "Comparing labels with attributes of items")
    attributes = bias_attributes.attributes(
        store, project_id, sources, q=asked.q, permutations=asked.permutations, seed=asked.seed
    )
    tell(0.95, "Writing the figures")
    return {
        "pulls": pulls, "order": order.to_dicts(), "curves": curves.to_dicts(), "attributes": attributes.to_dicts(),
    }  # fmt: skip


def _order(
    store: Store, project_id: str, sources: Sources, asked: EffectOptions, tell: Progress
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rows of order, tiredness and haste, and the curves; of sets for each choice (`label`), all corrected together."""
    votes = store.read("score_votes", project_id=project_id, as_of=sources.saw)
    votes = votes.with_columns(pl.col("active_seconds").cast(pl.Float64))
    names, parts, n_choices = [], [], len(choices_asked(sources))
    for place, question in enumerate(each_question(sources)):
        if question.choice is not None:
            tell(
                0.3 + 0.4 * place / n_choices,
                f"Comparing answers within annotators and items: {question.choice_name}",
            )
        own = votes if question.choice is None else as_choice(votes, sources.label_set, question.choice)
        parts.append(
            order_slopes(
                own, n_labels=question.n_labels, gold=question.gold, gap_minutes=asked.gap_minutes,
                idle_seconds=asked.idle_seconds, replicates=asked.replicates, seed=asked.seed,
            )
        )  # fmt: skip
        names.append(question.choice_name)
    tables = order_tables(
        parts,
        q=asked.q,
        correction="benjamini-yekutieli" if sources.label_set.is_sets else "benjamini-hochberg",
    )
    named = [
        [
            frame.select(pl.lit(name).alias("label"), pl.all())
            for name, frame in zip(names, frames, strict=True)
        ]
        for frames in (tables, [part.curves for part in parts])
    ]
    return (pl.concat(named[0]), pl.concat(named[1])) if parts else (pl.DataFrame(), pl.DataFrame())


def _kept(
    store: Store,
    project_id: str,
    by: Person,
    found: tuple[EffectOptions, int, dict[str, object]],
    request_id: str | None,
) -> EffectsRun:
    asked, saw, document = found
    run_id = uuid7(store.clock())
    options = asdict(asked)

    def plan(reader: Reader) -> Draft:
        run = {
            "run_id": run_id, "kind": KIND, "method": "within annotators", "code_version": __version__, "saw_seq": saw,
            "parameters": json.dumps({"options": options, "found": document}, sort_keys=True, allow_nan=False),
        }  # fmt: skip
        return Draft(
            "bias_effects_measured", project_id, run_id,
            {"rows": {"run": [run]}, "saw_seq": saw, "options": options, "found": n_found(document)},
        )  # fmt: skip

    event = store.submit(plan, by=by.person_id, request=_request(project_id, asked), request_id=request_id)
    assert event is not None  # a run always makes an event, or raises
    return _as_kept(event)


def _request(project_id: str, asked: EffectOptions) -> dict[str, object]:
    """What was asked for, and nothing of what is found."""
    return {"verb": KIND, "project": project_id, **asdict(asked)}


def _as_kept(event: Event) -> EffectsRun:
    """The run that an event kept."""
    rows = event.payload["rows"]
    assert isinstance(rows, dict)  # as `_kept` writes them
    return EffectsRun(event.subject, json.loads(rows["run"][0]["parameters"])["found"])


def n_found(document: Mapping[str, object]) -> int:
    """How many rows of the document were picked out as effects."""
    tables = [document[name] for name in ("order", "attributes", "pulls")]
    return sum(bool(row["is_picked"]) for table in tables if isinstance(table, list) for row in table)


def _quietly(_share: float, _words: str) -> None:
    """Nobody is told how far it is."""
