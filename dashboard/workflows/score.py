"""Scoring: consensus, label versions and every figure of the catalogue, as one run and one event."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from analytics import results
from analytics.frames import keep_repeats
from dashboard import __version__
from dashboard.workflows import (
    alert_opening,
    consensus_methods,
    predictions,
    score_frames,
    score_groups,
    score_sets,
)
from dashboard.workflows.consensus_methods import Fitted, Probabilities, Question
from dashboard.workflows.errors import BadRequest, Stale
from dashboard.workflows.figure_inputs import Inputs
from dashboard.workflows.label_sets import LabelSet, require_label_set
from dashboard.workflows.model_runs import model_runs, require_model_run
from dashboard.workflows.opening import Store
from dashboard.workflows.rules import Person, require
from data.database import Reader
from data.exporters.csv_cells import neutralised
from data.identifiers import uuid7
from data.records import Draft

METHODS = tuple(row.key for row in consensus_methods.METHODS)
REPEATS = ("count", "first", "last")

Progress = Callable[[float, str], None]
"""Called with the share that is done, 0 to 1, and what is done next, in words."""

READ, FITTED, MEASURED, GROUPED = 0.01, 0.09, 0.44, 0.82
"""The share of a run's time that has gone by when it has read the votes, reached the consensus, measured the project, measured
its groups; the rest is writing. As ten million annotations with three item attributes and two imports spent it."""


@dataclass(frozen=True, slots=True)
class ScoreOptions:
    """How a run computes. `repeats`: which of several votes of one annotator for one item count (all of them by default).

    `method`: one of `consensus_methods.METHODS`. `model_run`: whose probabilities CROWDLAB reads; None for the newest.

    `max_iterations`: where Dawid and Skene's EM stops if its likelihood still rises. The default lets it converge: what it
    estimates is the maximum of the likelihood, and an iteration before that is another label set by chance. A smaller
    number reproduces figures of programs that stop earlier.
    """

    method: str = consensus_methods.DEFAULT
    repeats: str = "count"
    replicates: int = 1000
    seed: int = 0
    device: str = "cpu"
    figures: bool = True
    max_iterations: int = 1000
    model_run: str | None = None

    def checked(self) -> ScoreOptions:
        """These options; raises BadRequest where one is not known."""
        for name, value, allowed in (("method", self.method, METHODS), ("repeats", self.repeats, REPEATS)):
            if value not in allowed:
                raise BadRequest(f"{value!r} is not a {name}. Known: {', '.join(allowed)}.")
        if self.replicates < 100:
            raise BadRequest("An interval needs at least 100 replicates.")
        if self.max_iterations < 1:
            raise BadRequest("Dawid and Skene's EM needs at least 1 iteration.")
        return self


@dataclass(frozen=True, slots=True)
class Score:
    """What a run found. `figures`: key, group_kind, group_id, value, low, high, n, undefined, unit, detail.

    `labels`: item_id, label, p_label, n_annotations, in the order of the item ids. `fit`: how the consensus was reached
    (Dawid–Skene: iterations, converged), as it stands in the run's event.
    """

    run_id: str
    method: str
    figures: pl.DataFrame
    labels: pl.DataFrame
    accuracy_on_gold: results.Estimate
    n_changed: int
    fit: Mapping[str, object]


def score(
    store: Store,
    *,
    project_id: str,
    by: Person,
    options: ScoreOptions | None = None,
    request_id: str | None = None,
    progress: Progress | None = None,
) -> Score:
    """Compute the consensus and the figures of a project from its independent annotations, and append what is new.

    A label that a person decided (adjudication, relabel by two) is never replaced; a label that did not change makes no
    version. `progress` is told before each step and at the end.

    Raises:
        BadRequest: the project is unknown, has no annotations, or an option is not known.
        NotAllowed: the person may not score.
        Stale: somebody scored newer annotations meanwhile.
    """
    require(by, "score")
    wanted = (options or ScoreOptions()).checked()
    saw = store.head
    tell = progress or quietly
    asked = require_label_set(store, project_id, as_of=saw)
    inputs, fitted, label_set = read_inputs(store, project_id, asked, wanted, as_of=saw, progress=tell)
    fit = fitted.fit
    run_id = uuid7(store.clock())
    figures = score_frames.no_measurements()
    if wanted.figures:
        tell(FITTED, "Measuring agreement and annotators")
        overall = score_frames.measurements(store, inputs, label_set)
        tell(MEASURED, "Measuring agreement over time and by group")
        figures = pl.concat([overall, score_groups.group_figures(store, project_id, inputs, as_of=saw)])
    tell(GROUPED, "Writing labels and figures")
    accuracy = score_frames.accuracy(inputs)
    parameters = {
        "method": wanted.method, "repeats": wanted.repeats, "replicates": wanted.replicates, "seed": wanted.seed,
        "device": wanted.device, "level": label_set.level, "label_set_version": label_set.version,
        "max_iterations": wanted.max_iterations,
        "model_run": fit.get("model_run"),
    }  # fmt: skip

    def plan(reader: Reader) -> Draft:
        _refuse_older(reader, project_id, saw)
        consensus, final, new_labels = score_sets.with_codes_now(
            inputs.consensus, label_set, require_label_set(reader, project_id)
        )
        changed = score_frames.changed_labels(reader, project_id, consensus, final, run_id)
        run = {
            "run_id": run_id, "kind": "score" if wanted.figures else "consensus", "method": wanted.method,
            "parameters": json.dumps({**parameters, "priors": fit.get("priors")}, sort_keys=True),
            "code_version": __version__, "saw_seq": saw,
        }  # fmt: skip
        tables = {
            "consensus": consensus.with_columns(pl.lit(run_id).alias("run_id")),
            "run_annotator": fitted.annotators.with_columns(pl.lit(run_id).alias("run_id")),
            "label_version": changed,
            "measurement": figures.with_columns(pl.lit(run_id).alias("run_id")),
        }
        measured = alert_opening.Measured(run_id, saw, store.clock())
        opened = alert_opening.to_open(reader, project_id, measured, figures)
        return Draft(
            "scored",
            project_id,
            run_id,
            {
                "rows": {"run": [run], **({"label": new_labels} if new_labels else {}), **opened},
                "segments": score_frames.segments_of(reader, tables),
                "saw_seq": saw,
                "parameters": parameters,
                "fit": fit,
                "changed_labels": changed.height,
                "headline": _headline(figures),
            },
        )

    request: dict[str, object] = {"verb": "score", "project": project_id, **parameters}
    event = store.submit(plan, by=by.person_id, request=request, request_id=request_id)
    assert event is not None  # a run always makes an event, or raises
    labels = score_frames.readable_labels(store, project_id, inputs.consensus, label_set)
    n_changed = int(str(event.payload["changed_labels"]))
    tell(1.0, "Scored")
    return Score(event.subject, wanted.method, figures, labels, accuracy, n_changed, fit)


def quietly(_share: float, _words: str) -> None:
    """Nobody looks."""


def read_inputs(
    store: Store,
    project_id: str,
    label_set: LabelSet,
    options: ScoreOptions,
    *,
    as_of: int | None = None,
    progress: Progress = quietly,
) -> tuple[Inputs, Fitted, LabelSet]:
    """What figures are computed from as of a seq (votes, gold, consensus), how the consensus was reached, and the label set.

    The label set is the one given; where labels are sets, with the sets that the consensus found beside those given.
    """
    progress(0.0, "Reading the annotations")
    votes = store.read("score_votes", project_id=project_id, as_of=as_of)
    if votes.is_empty():
        raise BadRequest(
            f"Project {project_id!r} has no independent annotations yet; there is nothing to score."
        )
    progress(READ, "Computing the consensus")
    fitted, label_set = _consensus(store, project_id, votes, label_set, options, as_of)
    inputs = Inputs(
        votes=votes,
        gold=store.read("score_gold", project_id=project_id, as_of=as_of),
        consensus=fitted.items,
        n_labels=label_set.n_labels,
        level=label_set.level,
        values=tuple(label_set.values_by_code()),
        repeats=score_frames.repeats_of(options.repeats),
        replicates=options.replicates,
        seed=options.seed,
        sets=label_set.members,
        members=label_set.choice_codes if label_set.is_sets else (),
    )
    return inputs, fitted, label_set


def _refuse_older(reader: Reader, project_id: str, saw: int) -> None:
    """Raise Stale where a run that saw more was written meanwhile: older labels must not follow newer ones."""
    newest = reader.read("flag_run", project_id=project_id)
    if not newest.is_empty() and newest["saw_seq"][0] > saw:
        raise Stale("The project was scored with newer annotations meanwhile. Nothing was changed.")


def _consensus(
    store: Store,
    project_id: str,
    votes: pl.DataFrame,
    label_set: LabelSet,
    options: ScoreOptions,
    as_of: int | None,
) -> tuple[Fitted, LabelSet]:
    chosen = consensus_methods.method(options.method)
    asked = Question(
        votes=keep_repeats(votes, score_frames.repeats_of(options.repeats)),
        n_labels=label_set.n_labels,
        device=options.device,
        max_iterations=options.max_iterations,
        probabilities=_probabilities(store, project_id, options.model_run, as_of)
        if chosen.reads_model
        else None,
    )
    return (
        score_sets.fit_sets(chosen, asked, label_set) if label_set.is_sets else (chosen.fit(asked), label_set)
    )


def _probabilities(
    store: Store, project_id: str, model_run: str | None, as_of: int | None
) -> Probabilities | None:
    """The probabilities of a model run, the newest where none is named; None where there is none."""
    if model_run is None and model_runs(store, project_id=project_id, as_of=as_of).is_empty():
        return None
    found = require_model_run(store, project_id=project_id, model_run=model_run or "", as_of=as_of)
    named = str(found["model_run"])
    item_codes, table = predictions.probabilities(store, project_id=project_id, model_run=named, as_of=as_of)
    return Probabilities(named, item_codes, table)


def _headline(figures: pl.DataFrame) -> dict[str, float | None]:
    overall = figures.filter(pl.col("group_kind") == "")
    return dict(overall.select("key", "value").iter_rows())


def write_labels(labels: pl.DataFrame, path: Path) -> None:
    """Write a run's labels to a Parquet or CSV file, whole or not at all; in CSV no cell is a formula."""
    writing = path.with_name(path.name + ".writing")
    if path.suffix == ".parquet":
        labels.write_parquet(writing)
    else:
        neutralised(labels).write_csv(writing)
    writing.replace(path)
