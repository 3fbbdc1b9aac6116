"""Scoring what changed: a new consensus for the items with newer annotations alone, on the last full run's parameters."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from analytics.frames import keep_repeats
from dashboard import __version__
from dashboard.workflows import consensus_methods, score_frames, score_sets
from dashboard.workflows.consensus_methods import Fitted, Question
from dashboard.workflows.errors import BadRequest, Stale
from dashboard.workflows.fold_methods import held_fixed
from dashboard.workflows.label_sets import LabelSet, require_label_set
from dashboard.workflows.opening import Store
from dashboard.workflows.rules import Person, require
from dashboard.workflows.score import METHODS, REPEATS, Progress, quietly
from data.database import Reader
from data.identifiers import uuid7
from data.records import Draft

KIND = "consensus_changed"
"""The kind of such a run, and of its event."""

FIT_ANEW = 0.1
"""Where more than this share of the votes changed, the annotators' parameters want to be fitted anew."""


@dataclass(frozen=True, slots=True)
class ChangedOptions:
    """What the caller takes for granted of the last full run; None for whatever it had."""

    method: str | None = None
    repeats: str | None = None

    def checked(self) -> ChangedOptions:
        """These options; raises BadRequest where one is not known."""
        for name, value, allowed in (("method", self.method, METHODS), ("repeats", self.repeats, REPEATS)):
            if value is not None and value not in allowed:
                raise BadRequest(f"{value!r} is not a {name}. Known: {', '.join(allowed)}.")
        return self


@dataclass(frozen=True, slots=True)
class Changed:
    """What a partial run found.

    `run_id` is None where no item had changed: then there is no event. `stands_on`: the full run whose parameters held.
    `n_items`: items with a new consensus, or with none left. `n_changed`: labels that are new or changed. `n_votes`: votes
    that came or went since the full run; `share`: of the votes that it saw. `n_new_annotators`: people of these items whom
    the full run did not know, taken for the mean of the others. `warnings`: why to score in full, in words.
    """

    run_id: str | None
    stands_on: str
    method: str
    n_items: int
    n_changed: int
    n_votes: int
    share: float
    n_new_annotators: int
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Basis:
    """The newest run (full or partial), the full run that it stands on, and that run's parameters and people."""

    newest_id: str
    newest_saw: int
    full_id: str
    full_saw: int
    method: str
    parameters: Mapping[str, object]
    people: pl.DataFrame


@dataclass(frozen=True, slots=True)
class _Found:
    """What is to be written: the consensus, the items that have no votes left, new people, votes that cannot win."""

    fitted: Fitted
    label_set: LabelSet
    emptied: pl.DataFrame
    n_impossible: int

    @property
    def n_items(self) -> int:
        """Items touched."""
        return self.fitted.items.height + self.emptied.height


def score_changed(
    store: Store,
    *,
    project_id: str,
    by: Person,
    options: ChangedOptions | None = None,
    request_id: str | None = None,
    progress: Progress | None = None,
) -> Changed:
    """Give the items whose independent annotations changed since the newest run a new consensus, and only those.

    What the last full run took the annotators for is held fixed (see `analytics.fold_in`); no figures are measured: those
    stay of the full run. Labels are replaced as `score` replaces them.

    Raises:
        BadRequest: the project is unknown or was never scored in full, the method or the label set is another than the full
            run's, the run kept no parameters, or an option is not known.
        NotAllowed: the person may not score.
        Stale: somebody scored the project, or changed its labels, meanwhile.
    """
    require(by, "score")
    wanted, tell = (options or ChangedOptions()).checked(), progress or quietly
    saw = store.head
    tell(0.0, "Reading what changed")
    label_set = require_label_set(store, project_id, as_of=saw)
    basis = _basis(store, project_id, label_set, wanted, saw)
    votes = store.read("changed_votes", project_id=project_id, since=basis.newest_saw, as_of=saw)
    tell(0.4, "Computing the consensus of the items that changed")
    found = _folded(votes, label_set, basis)
    counts = store.read("changed_counts", project_id=project_id, since=basis.full_saw, as_of=saw)
    n_votes, share = _share(counts)
    warnings = _warnings(share, found)
    run_id = uuid7(store.clock())
    tell(0.8, "Writing labels")

    def plan(reader: Reader) -> Draft | None:
        _refuse_stale(reader, project_id, basis, label_set)
        if not found.n_items:
            return None
        consensus, final, new_labels = score_sets.with_codes_now(
            found.fitted.items, found.label_set, require_label_set(reader, project_id)
        )
        changed = score_frames.changed_labels(reader, project_id, consensus, final, run_id)
        parameters = {**basis.parameters, "stands_on": basis.full_id}
        run = {
            "run_id": run_id, "kind": KIND, "method": basis.method, "parameters": json.dumps(parameters, sort_keys=True),
            "code_version": __version__, "saw_seq": saw,
        }  # fmt: skip
        ours = pl.lit(run_id).alias("run_id")
        tables = {
            "consensus": pl.concat([consensus, found.emptied.cast(consensus.schema)]).with_columns(ours),
            "run_annotator": found.fitted.annotators.with_columns(ours),
            "label_version": changed,
        }
        return Draft(
            KIND,
            project_id,
            run_id,
            {
                "rows": {"run": [run], **({"label": new_labels} if new_labels else {})},
                "segments": score_frames.segments_of(reader, tables),
                "saw_seq": saw,
                "stands_on": basis.full_id,
                "items": found.n_items,
                "changed_labels": changed.height,
                "changed_votes": n_votes,
                "share_of_votes": share,
                "new_annotators": found.fitted.annotators.height,
                "warnings": list(warnings),
            },
        )

    request: dict[str, object] = {
        "verb": "score_changed", "project": project_id, "method": wanted.method, "repeats": wanted.repeats
    }  # fmt: skip
    event = store.submit(plan, by=by.person_id, request=request, request_id=request_id)
    tell(1.0, "Scored")
    if event is None:
        return Changed(None, basis.full_id, basis.method, 0, 0, n_votes, share, 0, warnings)
    return _of_event(event.subject, basis.method, event.payload)


def _basis(store: Store, project_id: str, label_set: LabelSet, wanted: ChangedOptions, saw: int) -> _Basis:
    """The run that the new consensus stands on; raises BadRequest where it cannot."""
    newest = store.read("flag_run", project_id=project_id)
    if newest.is_empty():
        raise BadRequest(f"Project {project_id!r} was not scored yet; `touchstone score` first.")
    row = newest.row(0, named=True)
    full_id = str(json.loads(row["parameters"]).get("stands_on") or row["run_id"])
    runs = store.read("score_runs", project_id=project_id)
    full = runs.filter(pl.col("run_id") == full_id).row(0, named=True)
    parameters = json.loads(full["parameters"])
    _refuse_other(str(full["method"]), parameters, label_set, wanted)
    people = store.read("changed_annotators", project_id=project_id, run_id=full_id)
    return _Basis(
        str(row["run_id"]), int(row["saw_seq"]), full_id, int(full["saw_seq"]), str(full["method"]), parameters, people
    )  # fmt: skip


def _refuse_other(
    method: str, parameters: Mapping[str, object], label_set: LabelSet, wanted: ChangedOptions
) -> None:
    repeats = str(parameters.get("repeats", "count"))
    for name, asked, had in (("method", wanted.method, method), ("repeats", wanted.repeats, repeats)):
        if asked is not None and asked != had:
            raise BadRequest(
                f"The last full run has {name} {had}, not {asked}; two of them do not mix. "
                "Score the project in full, or rescore what changed as that run did."
            )
    if (parameters.get("label_set_version"), parameters.get("level")) != (label_set.version, label_set.level):
        raise BadRequest(
            "The label set changed since the last full run, which knows nothing of the new one. Score the project in full."
        )


def _folded(votes: pl.DataFrame, label_set: LabelSet, basis: _Basis) -> _Found:
    chosen = consensus_methods.method(basis.method)
    fixed = held_fixed(chosen, basis.people, basis.parameters, label_set)
    there = votes.drop_nulls("annotator_code")
    repeats = score_frames.repeats_of(str(basis.parameters.get("repeats", "count")))
    asked = Question(votes=keep_repeats(there, repeats), n_labels=label_set.n_labels)
    if label_set.is_sets:
        fitted, grown = score_sets.fit_sets(fixed.method, asked, label_set)
    else:
        fitted, grown = fixed.method.fit(asked), label_set
    emptied = votes.filter(pl.col("annotator_code").is_null()).select(
        "item_code", label_code=None, p_label=None, n_annotations=0, tied=False, posterior=None
    )
    return _Found(fitted, grown, emptied, fixed.n_impossible)


def _share(counts: pl.DataFrame) -> tuple[int, float]:
    """How many votes came or went since the full run, and that over the votes that it saw."""
    row = counts.row(0, named=True)
    n_votes = int(row["n_added"]) + int(row["n_retracted"])
    return n_votes, n_votes / max(int(row["n_then"]), 1)


def _warnings(share: float, found: _Found) -> tuple[str, ...]:
    warnings = []
    if share > FIT_ANEW:
        warnings.append(
            f"{share:.0%} of the votes changed since the last full run: what annotators are taken for is out of date. "
            "Score the project in full."
        )
    if found.n_impossible:
        warnings.append(
            f"{found.n_impossible:,} annotations are of labels that nobody had given at the last full run; these labels cannot "
            "win until the project is scored in full."
        )
    return tuple(warnings)


def _refuse_stale(reader: Reader, project_id: str, basis: _Basis, label_set: LabelSet) -> None:
    newest = reader.read("flag_run", project_id=project_id)
    if newest["run_id"][0] != basis.newest_id:
        raise Stale("The project was scored meanwhile. Nothing was changed.")
    if require_label_set(reader, project_id).version != label_set.version:
        raise Stale("The label set was changed meanwhile. Nothing was changed.")


def _of_event(run_id: str, method: str, payload: Mapping[str, object]) -> Changed:
    numbers = {
        key: int(str(payload[key])) for key in ("items", "changed_labels", "changed_votes", "new_annotators")
    }
    warnings = payload["warnings"]
    return Changed(
        run_id=run_id,
        stands_on=str(payload["stands_on"]),
        method=method,
        n_items=numbers["items"],
        n_changed=numbers["changed_labels"],
        n_votes=numbers["changed_votes"],
        share=float(str(payload["share_of_votes"])),
        n_new_annotators=numbers["new_annotators"],
        warnings=tuple(str(text) for text in warnings) if isinstance(warnings, list) else (),
    )
