"""The verb about change over time: drift."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dashboard.cli.frame import (
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
    from dashboard.workflows.drift import Drift


def register(app: typer.Typer) -> None:
    """Add the verb to the command."""
    app.command("drift")(drift_command)


def drift_command(
    context: typer.Context,
    store: StoreOption = None,
    project: ProjectOption = None,
    by: ByOption = None,
    as_json: JsonOption = False,
    reference: Annotated[
        str,
        typer.Option("--reference", help="Days before the window (90d), release:N, or two dates FROM..TO."),
    ] = "90d",
    window: Annotated[
        str,
        typer.Option(
            "--window", help="The last days (7d), the newest annotations (500), or two dates FROM..TO."
        ),
    ] = "7d",
    label: Annotated[
        str,
        typer.Option("--label", help="The label whose change is split (default: the one that moved most)."),
    ] = "",
    attribute: Annotated[
        str,
        typer.Option(
            "--attribute", help="What kind an item is (default: the attribute whose mix moved most)."
        ),
    ] = "",
    chart: Annotated[
        str,
        typer.Option(
            "--chart",
            help="The sequential test in charge of alarms: cusum or page-hinkley; the other is description.",
        ),
    ] = "cusum",
    shift: Annotated[
        float,
        typer.Option("--shift", help="The change of a share that the sequential test is to find soonest."),
    ] = 0.05,
    run_length: Annotated[
        int, typer.Option("--run-length", help="Days without change until a false alarm, on average.")
    ] = 370,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of intervals and limits.")] = 0,
    report: Annotated[
        Path | None,
        typer.Option(
            "--report", help="Make Evidently's report too, keep it, and write it to this HTML file."
        ),
    ] = None,
    request_id: RequestOption = None,
) -> None:
    """Measure what changed between a window and a reference, and why; keep it; open the alerts that the limits ask for."""
    from dashboard.workflows import drift, drift_report

    options = drift.DriftOptions(
        reference=reference, window=window, label=label, attribute=attribute, chart=chart, shift=shift, run_length=run_length, seed=seed
    )  # fmt: skip
    with opened(context, store, by) as (found, person):
        project_id = project_of(context, found, project)
        seen = drift.measure(found, project_id=project_id, by=person, options=options, request_id=request_id)
        digest = None
        if report is not None:
            made = drift_report.make(found, project_id=project_id, by=person, run_id=seen.run_id)
            report.write_text(made.html, encoding="utf-8")
            digest = made.sha256
    document = {"project": project_id, **_document(seen, project_id), "report_sha256": digest}
    answer(context, as_json, document, _words(seen))


def _document(seen: Drift, project_id: str) -> dict[str, object]:
    from dashboard.workflows.drift_split import POOLED

    frames = {
        name: getattr(seen, name).to_dicts() for name in ("figures", "labels", "parts", "trend", "kinds")
    }
    others = set(POOLED.values())
    people = [
        row | {"link": "" if row["annotator_id"] in others else _link("annotators", "annotator", row["annotator_id"], project_id)}
        for row in seen.people.iter_rows(named=True)
    ]  # fmt: skip
    items = [
        row | {"link": _link("items", "item", row["item_id"], project_id)}
        for row in seen.items.iter_rows(named=True)
    ]
    return {
        "run_id": seen.run_id, "state": seen.state, "sentence": seen.sentence, "detail": seen.detail, "label": seen.label, **frames,
        "people": people, "items": items, "not_separable": dict(seen.alone), "limit": seen.limit, "facts": dict(seen.facts),
    }  # fmt: skip


def _link(page: str, name: str, value: str, project_id: str) -> str:
    """Where the app shows it, after the server's address."""
    from urllib.parse import urlencode

    return f"/{page}?{urlencode({name: value, 'project': project_id})}"


def _words(seen: Drift) -> str:
    from dashboard.workflows import drift_words

    lines = [f"{seen.sentence}.", seen.detail]
    for row in seen.parts.iter_rows(named=True):
        ends = "" if row["low"] is None else f" ({row['low'] * 100:+z.1f} to {row['high'] * 100:+z.1f})"
        lines.append(f"  {row['part']}: {row['value'] * 100:+z.1f} points{ends}")
    lines += [f"  {factor}: {why}" for factor, why in seen.alone]
    if seen.trend.height:
        lines.append(drift_words.course(seen.facts))
    for title, frame, column in (
        ("annotators", seen.people, "annotator_id"),
        ("items", seen.items, "item_id"),
    ):
        if frame.height:
            lines.append(f"  {title} that moved it: {', '.join(frame[column].head(5))}")
    return "\n".join(lines)
