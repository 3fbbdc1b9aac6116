"""Verbs that compute: score, consensus, annotators."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dashboard.cli.frame import (
    ByOption,
    JsonOption,
    ProjectOption,
    StoreOption,
    answer,
    opened,
    project_of,
    tell_progress,
)

if TYPE_CHECKING:
    from analytics.results import Estimate
    from dashboard.workflows.score_changed import Changed

_OF_A_FIT = ("replicates", "seed", "device", "iterations", "model_run")
"""Options of `score` that say how to fit or measure."""

RepeatsOption = Annotated[
    str, typer.Option("--repeats", help="Several labels of one annotator for one item: count, first or last.")
]
DeviceOption = Annotated[str, typer.Option("--device", help="Where Dawid–Skene runs: cpu, cuda or auto.")]
MethodOption = Annotated[
    str,
    typer.Option(
        "--method",
        help="dawid-skene-prior, dawid-skene, class, one-coin, majority, weighted, glad, mace or crowdlab.",
    ),
]
ModelRunOption = Annotated[
    str | None, typer.Option("--model-run", help="Whose probabilities CROWDLAB reads (default: the newest).")
]
IterationsOption = Annotated[
    int, typer.Option("--iterations", min=1, help="The most iterations of Dawid–Skene; fewer stop it early.")
]


def register(app: typer.Typer) -> None:
    """Add the verbs to the command."""
    app.command("score")(score)
    app.command("consensus")(consensus)
    app.command("annotators")(annotators)


def score(
    context: typer.Context,
    store: StoreOption = None,
    project: ProjectOption = None,
    by: ByOption = None,
    as_json: JsonOption = False,
    changed: Annotated[
        bool,
        typer.Option(
            "--changed",
            help="Only the items whose annotations changed since, with the last full run's parameters; no figures.",
        ),
    ] = False,
    method: MethodOption = "dawid-skene-prior",
    repeats: RepeatsOption = "count",
    replicates: Annotated[
        int, typer.Option("--replicates", help="Bootstrap replicates of an interval.")
    ] = 1000,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of the bootstrap.")] = 0,
    device: DeviceOption = "cpu",
    iterations: IterationsOption = 1000,
    model_run: ModelRunOption = None,
) -> None:
    """Compute consensus labels and every agreement figure with its interval, and keep them."""
    from dashboard.workflows import cost_alerts
    from dashboard.workflows import score as scoring

    if changed:
        _score_changed(context, store, project, by, as_json=as_json)
        return
    options = scoring.ScoreOptions(
        method=method,
        repeats=repeats,
        replicates=replicates,
        seed=seed,
        device=device,
        max_iterations=iterations,
        model_run=model_run,
    )
    with opened(context, store, by) as (found, person):
        project_id = project_of(context, found, project)
        result = scoring.score(
            found, project_id=project_id, by=person, options=options, progress=tell_progress
        )
        cost_alerts.measure_due(found, project_id=project_id, by=person)
    rows = [_figure(row) for row in result.figures.to_dicts() if row["key"] != "confusion_with_others"]
    document = {"run_id": result.run_id, "project": project_id, "method": result.method, "figures": rows}
    overall = [_line(row) for row in rows if not row["group"]]
    said = f"{result.n_changed:,} labels are new or changed."
    words = "\n".join(
        [
            *overall,
            f"{result.labels.height:,} items have a consensus by {result.method}; {said}{_unsettled(result.fit)}",
        ]
    )
    answer(context, as_json, document, words)


def _score_changed(
    context: typer.Context, store: Path | None, project: str | None, by: str | None, *, as_json: bool
) -> None:
    """Rescore the items that changed. `--method` and `--repeats` are the full run's where they are not given."""
    from dashboard.workflows import score_changed as rescoring

    fits = [name for name in _OF_A_FIT if _is_given(context, name)]
    if fits:
        options = ", ".join(f"--{name.replace('_', '-')}" for name in fits)
        raise typer.BadParameter(f"--changed fits and measures nothing anew, so it does not take {options}.")
    given = {name: context.params[name] for name in ("method", "repeats") if _is_given(context, name)}
    with opened(context, store, by) as (found, person):
        project_id = project_of(context, found, project)
        result = rescoring.score_changed(
            found,
            project_id=project_id,
            by=person,
            options=rescoring.ChangedOptions(**given),
            progress=tell_progress,
        )
    document = {
        "run_id": result.run_id,
        "project": project_id,
        "method": result.method,
        "stands_on": result.stands_on,
        "n_items": result.n_items,
        "n_changed": result.n_changed,
        "changed_votes": result.n_votes,
        "share_of_votes": result.share,
        "new_annotators": result.n_new_annotators,
        "warnings": list(result.warnings),
    }
    answer(context, as_json, document, _changed_words(result))


def _changed_words(result: Changed) -> str:
    if result.run_id is None:
        words = "No annotations changed since the last run; there is nothing to score."
    else:
        items = "1 item has" if result.n_items == 1 else f"{result.n_items:,} items have"
        words = f"{items} a new consensus by {result.method}; {result.n_changed:,} labels are new or changed."
        words += f" Parameters and figures are those of the run {result.stands_on}."
        if result.n_new_annotators:
            words += f" {result.n_new_annotators:,} annotators are new since; they count like the mean of the others."
    return "\n".join([words, *(f"Warning: {text}" for text in result.warnings)])


def _is_given(context: typer.Context, name: str) -> bool:
    """Whether the option was typed, not left at its default."""
    source = context.get_parameter_source(name)
    return source is not None and source.name != "DEFAULT"


def consensus(
    context: typer.Context,
    store: StoreOption = None,
    project: ProjectOption = None,
    by: ByOption = None,
    as_json: JsonOption = False,
    method: MethodOption = "dawid-skene-prior",
    repeats: RepeatsOption = "count",
    device: DeviceOption = "cpu",
    iterations: IterationsOption = 1000,
    model_run: ModelRunOption = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Write item_id, label, p_label, n_annotations (.parquet or .csv)."),
    ] = None,
) -> None:
    """Compute consensus labels by one method and make them the current labels."""
    from dashboard.workflows import score as scoring

    if out is not None and out.suffix not in (".parquet", ".csv"):
        raise typer.BadParameter(f"--out takes a .parquet or a .csv file, not {out.name}")
    if out is not None and not out.absolute().parent.is_dir():
        raise typer.BadParameter(f"--out: there is no folder {out.absolute().parent}")
    options = scoring.ScoreOptions(
        method=method,
        repeats=repeats,
        device=device,
        figures=False,
        max_iterations=iterations,
        model_run=model_run,
    )
    with opened(context, store, by) as (found, person):
        project_id = project_of(context, found, project)
        result = scoring.score(
            found, project_id=project_id, by=person, options=options, progress=tell_progress
        )
        if out is not None:
            scoring.write_labels(result.labels, out)
    accuracy = result.accuracy_on_gold
    document = {
        "run_id": result.run_id,
        "project": project_id,
        "method": result.method,
        "n_items": result.labels.height,
        "accuracy_on_gold": accuracy.value,
        "accuracy_on_gold_low": accuracy.low,
        "accuracy_on_gold_high": accuracy.high,
        "n_gold": accuracy.n,
    }
    words = f"{result.labels.height:,} items by {result.method}; accuracy on gold: {_estimate(accuracy)}.{_unsettled(result.fit)}"
    answer(context, as_json, document, words + (f" Written to {out}." if out else ""))


def annotators(
    context: typer.Context,
    store: StoreOption = None,
    project: ProjectOption = None,
    by: ByOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say for each annotator: how much, how far the others agree, accuracy on gold, speed."""
    from dashboard.workflows import annotators as people

    with opened(context, store, by) as (found, person):
        project_id = project_of(context, found, project)
        rows = people.annotator_table(found, project_id=project_id, by=person).to_dicts()
    words = "\n".join(
        f"{row['annotator_id']}\t{row['n']:,} annotations\twith others {_share(row['agreement'])}\t"
        f"on gold {_share(row['accuracy_on_gold'])}\tmedian {_seconds(row['median_seconds'])}"
        for row in rows
    )
    answer(context, as_json, {"project": project_id, "annotators": rows}, words)


def _unsettled(fit: Mapping[str, object]) -> str:
    """A warning where the consensus was cut short; else nothing."""
    if fit.get("converged", True):
        return ""
    return f" Dawid–Skene had not converged after {fit['iterations']} iterations: --iterations gives it more."


def _figure(row: dict[str, object]) -> dict[str, object]:
    group = f"{row['group_kind']}:{row['group_id']}" if row["group_kind"] else ""
    names = ("key", "value", "low", "high", "n", "undefined", "unit")
    return {"group": group, **{name: row[name] for name in names}}


def _line(row: dict[str, object]) -> str:
    if row["value"] is None:
        return f"{row['key']}: undefined ({row['undefined']})"
    interval = f" [{row['low']:.3f}, {row['high']:.3f}]" if row["low"] is not None else ""
    return f"{row['key']}: {row['value']:.3f}{interval}, n = {row['n']:,}"


def _estimate(estimate: Estimate) -> str:
    if estimate.value is None:
        return f"undefined ({estimate.undefined})"
    interval = f" [{estimate.low:.3f}, {estimate.high:.3f}]" if estimate.low is not None else ""
    return f"{estimate.value:.3f}{interval} (n = {estimate.n:,})"


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _seconds(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f} s"
