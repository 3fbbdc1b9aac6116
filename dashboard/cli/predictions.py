"""The verb that brings a model's probabilities in: predictions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dashboard.cli.frame import (
    EXIT_BAD_INPUT,
    ByOption,
    JsonOption,
    ProjectOption,
    RequestOption,
    StoreOption,
    answer,
    opened,
    project_of,
)

if TYPE_CHECKING:
    from dashboard.workflows.content_runs import ContentForm, ContentSummary
    from dashboard.workflows.ingest import ImportOptions
    from dashboard.workflows.predictions import PredictionsRequest, PredictionsSummary

SHOWN = 20


def register(app: typer.Typer) -> None:
    """Add the verb to the command."""
    app.command("predictions")(import_predictions)


def import_predictions(
    context: typer.Context,
    file: Annotated[
        Path,
        typer.Argument(
            help="What a model says of each item: probabilities of every label, embeddings (--embeddings) or tokens (--tokens)."
        ),
    ],
    run: Annotated[
        str, typer.Option("--run", help="The name of the model run; what it means never changes.")
    ],
    store: StoreOption = None,
    project: ProjectOption = None,
    by: ByOption = None,
    as_json: JsonOption = False,
    mapping: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            help="Which column is what: item=…,member=…,LABEL=…,LABEL=… or item=…,probabilities=… (a list); may be given again.",
        ),
    ] = None,
    embeddings: Annotated[
        bool,
        typer.Option(
            "--embeddings", help="The file has a vector an item: a column of lists, e0, e1, …, .npz or .npy."
        ),
    ] = False,
    tokens: Annotated[
        bool,
        typer.Option(
            "--tokens",
            help="The file has probabilities of each token's tags (JSONL or Parquet); kept, not used yet.",
        ),
    ] = False,
    logits: Annotated[
        bool, typer.Option("--logits", help="The numbers are logits; their softmax is taken.")
    ] = False,
    id2label: Annotated[
        Path | None,
        typer.Option(
            "--id2label", help="A model's config.json, which says what LABEL_0, LABEL_1, … stand for."
        ),
    ] = None,
    labels: Annotated[
        str | None,
        typer.Option(
            "--labels",
            help="The order in which the model has the labels: LABEL,LABEL,… (default the label set's).",
        ),
    ] = None,
    ids: Annotated[
        Path | None,
        typer.Option(
            "--ids", help="A table with the item of each row, for a file without ids, in its order."
        ),
    ] = None,
    note: Annotated[str, typer.Option("--note", help="What the run is; kept with it.")] = "",
    skip_bad_rows: Annotated[
        bool,
        typer.Option("--skip-bad-rows", help="Import the good rows of known items, report the others."),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would happen; change nothing.")
    ] = False,
    request_id: RequestOption = None,
) -> None:
    """Import a model's out-of-sample probabilities. A file with a bad row or an unknown item is refused whole."""
    from dashboard.workflows import predictions
    from dashboard.workflows.errors import BadRequest
    from dashboard.workflows.label_order import label_order

    request = predictions.PredictionsRequest(
        model_run=run, note=note, skip_bad_rows=skip_bad_rows, dry_run=dry_run
    )
    options = replace(
        predictions.map_options(mapping or ()), logits=logits, label_order=label_order(labels, id2label),
        ids="" if ids is None else str(ids.absolute()),
    )  # fmt: skip
    if embeddings or tokens:
        if logits or options.label_order or (embeddings and tokens):
            raise BadRequest(
                "--embeddings and --tokens stand alone, without --logits, --labels, --id2label and each other."
            )
        if tokens and ids is not None:
            raise BadRequest("Tokens name their item themselves; leave --ids out.")
        from dashboard.workflows.embedding_runs import EMBEDDINGS
        from dashboard.workflows.token_runs import TOKENS

        form = TOKENS if tokens else EMBEDDINGS
        _import_content(
            context, file, form, request.checked(), options, store, project, by, as_json, request_id
        )
        return
    with opened(context, store, by) as (found, person):
        summary = predictions.import_predictions(
            found,
            path=file,
            project_id=project_of(context, found, project),
            by=person,
            request=request,
            options=options,
            request_id=request_id,
        )
    size = f"{summary.imported:,} items × {len(summary.labels)} labels"
    size += f" × {len(summary.members)} members" if summary.members else ""
    words = _words(file, summary, what="model run", size=size, warning=summary.warning)
    answer(context, as_json, _document(summary), words)
    if summary.refused:
        raise typer.Exit(EXIT_BAD_INPUT)


def _import_content(
    context: typer.Context,
    file: Path,
    form: ContentForm,
    request: PredictionsRequest,
    options: ImportOptions,
    store: Path | None,
    project: str | None,
    by: str | None,
    as_json: bool,
    request_id: str | None,
) -> None:
    from dashboard.workflows.content_runs import import_content

    with opened(context, store, by) as (found, person):
        summary = import_content(
            found,
            form,
            path=file,
            project_id=project_of(context, found, project),
            by=person,
            model_run=request.model_run,
            note=request.note,
            skip_bad_rows=request.skip_bad_rows,
            dry_run=request.dry_run,
            options=options,
            request_id=request_id,
        )
    own: dict[str, object] = {"dimensions": summary.n_dimensions}
    size = f"{summary.imported:,} items × {summary.n_dimensions:,} dimensions"
    if form.content == "tokens":
        own = {"tokens": summary.n_tokens, "tags": list(summary.tags)}
        size = f"{summary.n_tokens:,} tokens of {summary.imported:,} items, {len(summary.tags)} tags"
    answer(context, as_json, _common(summary) | own, _words(file, summary, what=form.content, size=size))
    if summary.refused:
        raise typer.Exit(EXIT_BAD_INPUT)


def _common(summary: PredictionsSummary | ContentSummary) -> dict[str, object]:
    return {
        "project": summary.project_id,
        "run": summary.model_run,
        "imported": summary.imported,
        "items": summary.items,
        "rejected": summary.rejected.to_dicts(),
        "unknown_items": list(summary.unknown_items),
        "missing_items": summary.missing_items,
        "mapping": dict(summary.mapping),
        "guessed": list(summary.guessed),
        "format": summary.format,
        "dry_run": summary.dry_run,
    }


def _document(summary: PredictionsSummary) -> dict[str, object]:
    return _common(summary) | {
        "labels": list(summary.labels),
        "members": list(summary.members),
        "out_of_sample": summary.out_of_sample,
        "warning": summary.warning,
    }


def _words(
    file: Path,
    summary: PredictionsSummary | ContentSummary,
    *,
    what: str,
    size: str,
    warning: str | None = None,
) -> str:
    lines = [*summary.guessed, *_bad_rows(summary)]
    if summary.refused:
        counts = f"{summary.rejected.height:,} bad rows and {len(summary.unknown_items):,} unknown items"
        lines.append(
            f"{file.name}: {counts}; nothing was imported. Mend them, or import the rest with --skip-bad-rows."
        )
        return "\n".join(lines)
    lines += [f"Warning: {warning}"] if warning else []
    run = f"{what} {summary.model_run!r}"
    if not summary.imported:
        there = "is" if what == "model run" else "are"
        same = "vectors" if what == "embeddings" else "probabilities"
        lines.append(f"{file.name}: the {run} {there} there with the same {same}; nothing was changed.")
        return "\n".join(lines)
    said = (
        f"{file.name} → {summary.project_id}: {'would import' if summary.dry_run else 'imported'} the {run}, "
        f"{size}"
    )
    said += f"; {summary.missing_items:,} items of the project are not in it" if summary.missing_items else ""
    return "\n".join([*lines, said + "."])


def _bad_rows(summary: PredictionsSummary | ContentSummary) -> list[str]:
    """The first rejected rows and unknown items, and how many more there are."""
    lines = [f"  row {row}: {reason}" for row, reason in summary.rejected.head(SHOWN).iter_rows()]
    if summary.rejected.height > SHOWN:
        lines.append(f"  … and {summary.rejected.height - SHOWN:,} more bad rows (all of them with --json)")
    if summary.unknown_items:
        more = ", …" if len(summary.unknown_items) > SHOWN else ""
        names = ", ".join(summary.unknown_items[:SHOWN])
        lines.append(f"  not in the project: {names}{more} ({len(summary.unknown_items):,} items)")
    return lines
