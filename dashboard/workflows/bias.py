"""Comparing how groups are labelled, and by whom: every gap, crude and adjusted, kept as one run.

Groups of items are compared by anybody who measures; groups of annotators only by those who may read personal attributes, and
each attribute that is read leaves an event. What is kept are figures of groups large enough to be shown.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import product

import polars as pl

from analytics.errors import AnalyticsError
from dashboard import __version__
from dashboard.workflows import (
    alert_opening,
    bias_decisions,
    bias_groups,
    bias_rows,
    bias_standing,
    bias_view,
    bias_watch,
)
from dashboard.workflows.annotator_attributes import attribute_names
from dashboard.workflows.bias_groups import JOIN, Groups
from dashboard.workflows.bias_rows import KIND
from dashboard.workflows.bias_sources import (
    Sources,
    as_choice,
    choices_asked,
    each_question,
    read_sources,
)
from dashboard.workflows.bias_standing import Table
from dashboard.workflows.errors import BadRequest
from dashboard.workflows.opening import Store
from dashboard.workflows.rules import Person, require
from data.database import Reader
from data.identifiers import uuid7
from data.records import Draft

MOST_ATTRIBUTES = 6
"""So many of the items' attributes are compared where nobody names any."""

Progress = Callable[[float, str], None]
"""Called with the share that is done, 0 to 1, and what is done next, in words."""

CORRECTIONS = ("benjamini-yekutieli", "benjamini-hochberg")


@dataclass(frozen=True, slots=True)
class BiasOptions:
    """What is compared, and how.

    `by`: attributes of items or of annotators (`item:NAME` or `annotator:NAME` where both have one of the name; NAME+NAME for
    two of annotators at once); none: the items' attributes. Where both are named, each pair is crossed too. `purpose`: what
    annotators' attributes are read for. `generalise`: to other items as well as other people (resampling both), for groups of
    items and of annotators.
    """

    by: tuple[str, ...] = ()
    purpose: str = ""
    generalise: bool = False
    correction: str = CORRECTIONS[0]
    replicates: int = 1000
    seed: int = 0
    model_run: str = ""

    def checked(self) -> BiasOptions:
        """These options; raises BadRequest where one is out of range."""
        if self.replicates < 100:
            raise BadRequest("An interval needs at least 100 replicates.")
        if self.correction not in CORRECTIONS:
            raise BadRequest(f"{self.correction!r} is not a correction. Known: {', '.join(CORRECTIONS)}.")
        if len(set(self.by)) < len(self.by):
            raise BadRequest("An attribute is named twice.")
        return self


@dataclass(frozen=True, slots=True)
class BiasRun:
    """What was found. `gaps`: the columns of `bias_rows.GAP_ROWS`; `untested`: attribute, reason."""

    run_id: str
    gaps: pl.DataFrame
    untested: pl.DataFrame


def item_attribute_names(store: Store, project_id: str) -> tuple[str, ...]:
    """The attributes that items of the project have."""
    return tuple(store.read("item_attribute_names", project_id=project_id)["name"])


def bias(
    store: Store,
    *,
    project_id: str,
    by: Person,
    options: BiasOptions | None = None,
    request_id: str | None = None,
    progress: Progress | None = None,
) -> BiasRun:
    """Compare the groups of each attribute and keep every gap as a run. A repeat of a request is answered with its run.

    Raises:
        BadRequest: an attribute or option is not known, no purpose is given, or nothing was labelled.
        NotAllowed: the person may not measure, or not read annotators' attributes and asks for one.
        KeyMissing: an annotators' attribute is asked for, and the vault's keys are not on this machine.
        StoreError: the request id stands for another request.
    """
    require(by, "bias.measure")
    asked = (options or BiasOptions()).checked()
    done = store.earlier(request_id, by=by.person_id, request=_request(project_id, asked))
    if done is not None:
        return _as_kept(store, project_id, done.subject, done.seq)
    tell = progress or _quietly
    tell(0.0, "Reading the annotations")
    sources = read_sources(store, project_id, saw=store.head, model_run=asked.model_run)
    items, people = _attributes(store, project_id, by, asked)
    of_items = [_item_groups(store, project_id, name, sources) for name in items]
    of_people = [_people(store, project_id, by, name, asked.purpose, sources) for name in people]
    steps = [
        (items, None if people is None else bias_standing.table(store, project_id, people=people, items=items, sources=sources))
        for people, items in _steps(of_items, of_people)
    ]  # fmt: skip
    try:
        gaps = _measured(sources, steps, asked, tell)
    except AnalyticsError as error:
        raise BadRequest(f"The groups could not be compared: {error}") from error
    groups = [*of_items, *of_people]
    tables = [table for _, table in steps if table is not None]
    why_not = [(one.attribute, one.untested) for one in groups if one.untested is not None]
    why_not += [(one.key, one.groups.untested) for one in tables if one.groups.untested is not None]
    untested = pl.DataFrame(
        why_not,
        schema={"attribute": pl.Utf8, "reason": pl.Utf8}, orient="row",
    )  # fmt: skip
    return _kept(
        store,
        project_id,
        by,
        asked=asked,
        sources=sources,
        found=(gaps, untested, groups, tables),
        request_id=request_id,
    )


def _quietly(_share: float, _words: str) -> None:
    """Nobody looks."""


def _attributes(store: Store, project_id: str, by: Person, asked: BiasOptions) -> tuple[list[str], list[str]]:
    """Which attributes of items and which of annotators are compared."""
    of_items = list(item_attribute_names(store, project_id))
    if not asked.by:
        if not of_items:
            raise BadRequest(
                "The items of this project have no attributes; name one of the annotators' with --attribute."
            )
        return of_items[:MOST_ATTRIBUTES], []
    items, people = [], []
    for name in asked.by:
        kind, _, rest = name.partition(":")
        if kind == "annotator" and rest:
            people.append(rest)
        elif kind == "item" and rest:
            items.append(_known(rest, of_items, "item"))
        elif name in of_items:
            items.append(_known(name, of_items, "item"))
        else:
            people.append(name)
    if people:
        require(by, "attributes.read")
        known = list(attribute_names(store, by=by))
        for name in people:
            for part in name.split("+"):
                _known(part.strip(), known, "annotator")
        if not asked.purpose.strip():
            raise BadRequest(
                "Say what the personal attributes are needed for (--purpose); it is written to the audit trail."
            )
    return items, people


def _known(name: str, known: Sequence[str], of: str) -> str:
    if name not in known:
        raise BadRequest(f"No {of} has an attribute {name!r}. There are: {', '.join(known) or 'none'}.")
    return name


def _item_groups(store: Store, project_id: str, name: str, sources: Sources) -> Groups:
    codes = sources.votes["item_code"]
    return bias_groups.item_groups(
        store, project_id=project_id, attribute=name, codes=codes, as_of=sources.saw
    )


def _people(store: Store, project_id: str, by: Person, name: str, purpose: str, sources: Sources) -> Groups:
    """The groups of an annotators' attribute, or of two at once ("a+b"). One reading, one event, for each."""
    parts = [part.strip() for part in name.split("+")]
    if len(parts) > 2 or len(set(parts)) < len(parts):
        raise BadRequest(f"{name!r}: an intersection is of two different attributes.")
    found = [
        bias_groups.annotator_groups(
            store, project_id=project_id, by=by, attribute=part, purpose=purpose, codes=sources.votes["annotator_code"]
        )
        for part in parts
    ]  # fmt: skip
    return found[0] if len(found) == 1 else bias_groups.intersection(*found)


def _measured(
    sources: Sources, steps: list[tuple[Groups | None, Table | None]], asked: BiasOptions, tell: Progress
) -> pl.DataFrame:
    """Every gap of every attribute, of sets of every choice, corrected together; of annotators by their table as it may be published."""
    found = []
    shown = [(items, table) for items, table in steps if table is None or table.groups.untested is None]
    n_jobs = len(shown) * len(choices_asked(sources))
    jobs = ((question, *step) for question in each_question(sources) for step in shown)
    for place, (question, items, table) in enumerate(jobs):
        people = None if table is None else table.groups
        of = f": {question.choice_name}" if question.choice_name else ""
        tell(0.1 + 0.85 * place / n_jobs, f"Comparing {bias_rows.title(people, items)}{of}")
        votes = question.votes if table is None else _votes_of(table, sources, question)
        found.append(bias_rows.gaps(votes, people, items, _inputs(question, asked)))
    tell(0.95, "Writing the figures")
    return bias_rows.told(found, sources.label_set, asked.correction)


def _votes_of(table: Table, sources: Sources, question: Sources) -> pl.DataFrame:
    """The votes of a table as labels of a question."""
    if question.choice is None:
        return table.votes
    return (
        question.votes
        if table.votes is sources.votes
        else as_choice(table.votes, sources.label_set, question.choice)
    )


def _steps(items: list[Groups], people: list[Groups]) -> Iterator[tuple[Groups | None, Groups | None]]:
    for one in items:
        if one.untested is None:
            yield None, one
    for one in people:
        if one.untested is None:
            yield one, None
    for one, other in product(people, items):
        if one.untested is None and other.untested is None and JOIN not in one.attribute:
            yield one, other


def _inputs(sources: Sources, asked: BiasOptions) -> bias_rows.Inputs:
    return bias_rows.Inputs(
        n_labels=sources.n_labels,
        gold=sources.gold,
        model=sources.model,
        choice=sources.choice,
        replicates=asked.replicates,
        seed=asked.seed,
        generalise=asked.generalise,
    )


def _kept(
    store: Store,
    project_id: str,
    by: Person,
    *,
    asked: BiasOptions,
    sources: Sources,
    found: tuple[pl.DataFrame, pl.DataFrame, list[Groups], list[Table]],
    request_id: str | None,
) -> BiasRun:
    gaps, untested, groups, tables = found
    run_id = uuid7(store.clock())
    bias_standing.keep(store, project_id, run_id, tables)
    parameters: dict[str, object] = {
        "by": list(asked.by), "generalise": asked.generalise, "correction": asked.correction, "replicates": asked.replicates,
        "seed": asked.seed, "least_people": bias_groups.LEAST_PEOPLE, "least_items": bias_groups.LEAST_ITEMS,
        "untested": untested.to_dicts(), "hidden": {one.attribute: one.n_hidden for one in groups if one.n_hidden},
        "attributes": [one.attribute for one in groups], "has_gold": sources.gold is not None,
        "has_model": sources.model is not None,
    }  # fmt: skip
    published = [one for one in tables if one.groups.untested is None]
    standing = {one.key: one.record(run_id) for one in published}
    after = {one.key: bias_standing.follows(store, project_id, one) for one in published}

    def plan(reader: Reader) -> Draft:
        bias_standing.require_newest(reader, project_id, after)
        run = {
            "run_id": run_id, "kind": KIND, "method": "two-way" if asked.generalise else "one-way",
            "parameters": json.dumps({**parameters, "standing": standing}, sort_keys=True), "code_version": __version__,
            "saw_seq": sources.saw,
        }  # fmt: skip
        kept = bias_rows.measurements(gaps).with_columns(pl.lit(run_id).alias("run_id"))
        measured = alert_opening.Measured(run_id, sources.saw, store.clock())
        answers = bias_decisions.newest_by_gap(
            bias_decisions.decisions(reader, project_id, as_of=sources.saw)
        )
        accepted = {gap for gap, one in answers.items() if one.action == bias_decisions.ACCEPT}
        widest, sentences = bias_watch.widest_gaps(gaps, accepted=accepted)
        opened = alert_opening.to_open(reader, project_id, measured, widest, sentences=sentences)
        payload = {
            "rows": {"run": [run], **opened},
            "segments": {"measurement": reader.segments.put(kept).as_payload()} if kept.height else {},
            "saw_seq": sources.saw, "parameters": parameters, "attributes": parameters["attributes"],
            "tested": gaps.height - gaps["tested_p"].null_count(), "gaps": gaps.filter(verdict="gap").height,
        }  # fmt: skip
        return Draft("bias_measured", project_id, run_id, payload)

    event = store.submit(plan, by=by.person_id, request=_request(project_id, asked), request_id=request_id)
    assert event is not None  # a run always makes an event, or raises
    return BiasRun(event.subject, gaps, untested)


def _request(project_id: str, asked: BiasOptions) -> dict[str, object]:
    """What was asked for, and nothing of what is found."""
    return {"verb": KIND, "project": project_id, **asdict(asked), "by": list(asked.by)}


def _as_kept(store: Store, project_id: str, run_id: str, seq: int) -> BiasRun:
    """A run as it was kept by the event `seq`."""
    seen = bias_view.read_view(store, project_id, as_of=seq)
    assert seen is not None  # that run was the newest then
    return BiasRun(run_id, seen.gaps, seen.untested)
