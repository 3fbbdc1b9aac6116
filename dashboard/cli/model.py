"""Verbs about a model: train, uncertainty."""

from __future__ import annotations

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
    from dashboard.workflows.uncertainty import UncertaintyRun

MEMBERS = {
    "ensemble": "members", "networks": "networks", "dropout": "passes with units dropped", "laplace": "draws of the weights",
}  # fmt: skip
TAUGHT = {"consensus": "the labels of", "crowd": "the annotations of"}
SHOWN = (
    "model_accuracy", "model_overlap", "model_accuracy_on_gold", "calibration_error", "overconfidence", "model_log_loss",
    "model_temperature", "suspect_share", "wrong_labels", "flag_recall", "p_wrong_log_loss_gain",
)  # fmt: skip
DeviceOption = Annotated[str, typer.Option("--device", help="cpu, cuda or auto.")]
SeedOption = Annotated[int, typer.Option("--seed", min=0, help="Seed of folds, members and bootstrap.")]


def register(app: typer.Typer) -> None:
    """Add the verbs to the command."""
    app.command("train")(train_command)
    app.command("uncertainty")(uncertainty_command)


def train_command(
    context: typer.Context,
    store: StoreOption = None,
    project: ProjectOption = None,
    by: ByOption = None,
    as_json: JsonOption = False,
    encoder: Annotated[
        str,
        typer.Option(
            "--encoder",
            help="What the model reads: text (TF-IDF), pixels, embeddings, auto, or by a network of others: sentences:NAME, backbone:NAME.",
        ),
    ] = "auto",
    model: Annotated[
        str,
        typer.Option(
            "--model",
            help="linear, or hidden: a network with a hidden layer, whose members are passes with units dropped (MC dropout).",
        ),
    ] = "linear",
    laplace: Annotated[
        bool,
        typer.Option(
            "--laplace",
            help="Draw the linear model's members from what its weights may be (last-layer Laplace).",
        ),
    ] = False,
    labels: Annotated[
        str,
        typer.Option(
            "--labels",
            help="consensus, or crowd: the annotations themselves, how annotators err learned with the model.",
        ),
    ] = "consensus",
    members: Annotated[
        int | None,
        typer.Option(
            "--members", help="Answers kept of every item: fits or networks (5), passes (20), draws (40)."
        ),
    ] = None,
    folds: Annotated[
        int, typer.Option("--folds", help="Folds; an item's probabilities come from the others.")
    ] = 5,
    penalty: Annotated[
        float | None,
        typer.Option(
            "--penalty", help="Of the squared weights; more is smoother (default: the best of several)."
        ),
    ] = None,
    width: Annotated[
        int | None, typer.Option("--width", help="Units of the hidden layer (--model hidden; 64).")
    ] = None,
    dropout: Annotated[
        float | None,
        typer.Option(
            "--dropout", help="Share of the units dropped (--model hidden; 0.2); 0: members are networks."
        ),
    ] = None,
    epochs: Annotated[
        int | None, typer.Option("--epochs", help="Times that a network goes through the items (40).")
    ] = None,
    seed: SeedOption = 0,
    device: DeviceOption = "cpu",
    run: Annotated[str, typer.Option("--run", help="A name for the model run.")] = "",
    curve: Annotated[
        bool,
        typer.Option(
            "--curve", help="Measure what more labels would bring: the model with fewer labels, too."
        ),
    ] = False,
    checkpoint: Annotated[
        Path | None,
        typer.Option(
            "--checkpoint", help="A file to keep what is done in, and to go on from after an interruption."
        ),
    ] = None,
) -> None:
    """Train the built-in model on the project's labels and keep its out-of-sample probabilities of every item."""
    from dataclasses import asdict

    from dashboard.workflows import train

    options = train.TrainOptions(
        encoder=encoder,
        n_folds=folds,
        n_members=members,
        penalty=penalty,
        seed=seed,
        device=device,
        model_run=run,
        checkpoint=checkpoint,
        curve=curve,
        model=model,
        laplace=laplace,
        labels=labels,
        width=width,
        dropout=dropout,
        epochs=epochs,
    )
    with opened(context, store, by) as (found, person):
        project_id = project_of(context, found, project)
        result = train.train(found, project_id=project_id, by=person, options=options, progress=tell_progress)
    right = (
        ""
        if result.accuracy is None
        else f" Its likeliest label is the item's for {result.accuracy:.1%}, out of sample."
    )
    left = f" {result.n_left_out:,} items without content were left out." if result.n_left_out else ""
    words = (
        f"{result.model_run}: {result.n_members} {MEMBERS[result.members_are]} in {result.n_folds} folds on {result.encoder} "
        f"({result.n_features:,} features), trained on {TAUGHT[result.labels]} {result.n_labelled:,} of {result.n_items:,} items in "
        f"{result.seconds:.1f} s on {result.device}.{right}{left}"
    )
    answer(
        context, as_json, {"project": project_id, **asdict(result)}, words + train.curve_words(result.curve)
    )


def uncertainty_command(
    context: typer.Context,
    store: StoreOption = None,
    project: ProjectOption = None,
    by: ByOption = None,
    as_json: JsonOption = False,
    run: Annotated[str, typer.Option("--run", help="Whose probabilities (default: the newest run).")] = "",
    replicates: Annotated[
        int, typer.Option("--replicates", help="Bootstrap replicates of an interval.")
    ] = 1000,
    seed: SeedOption = 0,
    device: DeviceOption = "cpu",
) -> None:
    """Say where a model is unsure and which labels it doubts, and keep it; flags take it up."""
    from dashboard.workflows import uncertainty

    options = uncertainty.UncertaintyOptions(model_run=run, replicates=replicates, seed=seed, device=device)
    with opened(context, store, by) as (found, person):
        project_id = project_of(context, found, project)
        result = uncertainty.uncertainty(found, project_id=project_id, by=person, options=options)
    rows = [
        {
            key: row[key]
            for key in ("key", "group_kind", "group_id", "value", "low", "high", "n", "undefined", "unit")
        }
        for row in result.figures.to_dicts()
    ]
    document = {
        "run_id": result.run_id, "project": project_id, "model_run": result.model_run, "n_items": result.n_items,
        "n_members": result.n_members, "n_suspects": result.n_suspects, "device": result.device,
        "not_learned": result.not_learned, "rests_on": result.rests_on, "figures": rows,
    }  # fmt: skip
    answer(context, as_json, document, _words(result))


def _words(result: UncertaintyRun) -> str:
    rows = {row["key"]: row for row in result.figures.filter(result.figures["group_kind"] == "").to_dicts()}
    lines = []
    for key in SHOWN:
        if key not in rows:
            continue
        row = rows[key]
        if row["value"] is None:
            lines.append(f"{key}: undefined ({row['undefined']})")
            continue
        ends = "" if row["low"] is None else f" [{row['low']:.3f}, {row['high']:.3f}]"
        lines.append(f"{key}: {row['value']:.3f}{ends}, n = {row['n']:,}")
    told = (
        ""
        if result.not_learned is None
        else f" No probability of being wrong is learned yet: {result.not_learned}."
    )
    lines.append(
        f"{result.n_suspects:,} of {result.n_items:,} labels are suspect to {result.model_run} "
        f"({result.n_members} members, {result.device}). `touchstone flag` takes them up.{told} {result.rests_on}"
    )
    return "\n".join(lines)
