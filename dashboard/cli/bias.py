"""The verb that compares how groups are labelled: bias."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

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
    tell_progress,
)

SHOWN = 20


def register(app: typer.Typer) -> None:
    """Add the verb to the command."""
    app.command("bias")(bias)
    app.command("bias-statement")(statement)
    app.command("bias-answer")(decide)


def bias(
    context: typer.Context,
    store: StoreOption = None,
    project: ProjectOption = None,
    acts: ByOption = None,
    as_json: JsonOption = False,
    attribute: Annotated[
        list[str] | None,
        typer.Option(
            "--attribute",
            help="An attribute of items or annotators whose groups are compared; item:NAME, annotator:NAME, or NAME+NAME for "
            "two of annotators at once; may be given again (default: the items' attributes).",
        ),
    ] = None,
    purpose: Annotated[
        str,
        typer.Option("--purpose", help="What annotators' attributes are read for; goes to the audit trail."),
    ] = "",
    generalise: Annotated[
        bool,
        typer.Option(
            "--generalise",
            help="The gaps are to hold for other items as well as other people: both are drawn anew.",
        ),
    ] = False,
    correction: Annotated[
        str,
        typer.Option("--correction", help="For many gaps: benjamini-yekutieli or benjamini-hochberg."),
    ] = "benjamini-yekutieli",
    replicates: Annotated[
        int, typer.Option("--replicates", help="Bootstrap replicates of an interval.")
    ] = 1000,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of the bootstrap.")] = 0,
    model_run: Annotated[
        str, typer.Option("--model-run", help="Whose labels are the model's (default: the newest).")
    ] = "",
    request_id: RequestOption = None,
) -> None:
    """Say whether some group is labelled, or labels, differently: every gap, crude and with the item held fixed, and keep it."""
    from dashboard.workflows import bias as comparing
    from dashboard.workflows import bias_view

    options = comparing.BiasOptions(
        by=tuple(attribute or ()),
        purpose=purpose,
        generalise=generalise,
        correction=correction,
        replicates=replicates,
        seed=seed,
        model_run=model_run,
    )
    with opened(context, store, acts) as (found, person):
        project_id = project_of(context, found, project)
        run = comparing.bias(
            found,
            project_id=project_id,
            by=person,
            options=options,
            request_id=request_id,
            progress=tell_progress,
        )
    state, sentence, detail = bias_view.answer(run.gaps, run.untested)
    document = {
        "run_id": run.run_id, "project": project_id, "state": state, "sentence": sentence, "detail": detail,
        "gaps": run.gaps.to_dicts(), "untested": run.untested.to_dicts(),
    }  # fmt: skip
    picked = bias_view.most_telling(run.gaps).head(SHOWN)
    words = [f"{sentence}.", detail, *(_line(row) for row in picked.iter_rows(named=True))]
    answer(context, as_json, document, "\n".join(line for line in words if line))


def _line(row: Mapping[str, Any]) -> str:
    from dashboard.workflows import bias_view

    crude = f"{row['difference']:+.3f}" if row["difference"] is not None else "–"
    adjusted = f"{row['adjusted']:+.3f}" if row["adjusted"] is not None else "–"
    p = f", p = {row['p_adjusted']:.3g} corrected" if row["p_adjusted"] is not None else ""
    held = f"{bias_view.HELD[row['side']]} held fixed"
    return f"  {bias_view.what(row)}: gap {crude}, {held} {adjusted}{p}: {bias_view.verdict_words(row)}"


def statement(
    context: typer.Context,
    store: StoreOption = None,
    project: ProjectOption = None,
    by: ByOption = None,
    as_json: JsonOption = False,
    release: Annotated[
        str | None, typer.Option("--release", help="The statement of this release (default: as of now).")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Write it to a .html file, to read and print, or a .json file."),
    ] = None,
) -> None:
    """Print the bias statement: what was found, what could not be tested and why, and what is done about each finding."""
    from dashboard.workflows import bias_statement, bias_statement_html, release_record, release_statement

    if out is not None and out.suffix not in (".html", ".json"):
        raise typer.BadParameter(f"--out takes a .html or a .json file, not {out.name}")
    title = ""
    with opened(context, store, by) as (found, person):
        project_id = project_of(context, found, project)
        if release is None:
            document = bias_statement.document(
                bias_statement.statement(found, project_id=project_id, by=person)
            )
        else:
            named = release_record.find_release(found, project_id, release)
            title = f"release {named.version}"
            document = release_statement.release_statement(
                found, project_id=project_id, by=person, release=named
            )
    if out is not None:
        whole = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
        page = bias_statement_html.page(document, title=project_id, release=title)
        out.write_text(page if out.suffix == ".html" else whole, encoding="utf-8")
    answer(context, as_json, document, "\n".join(bias_statement.lines(document)))


def decide(
    context: typer.Context,
    gap: Annotated[str, typer.Argument(help="The gap, as the page's address names it.")],
    action: Annotated[
        str, typer.Option("--action", help="relabel, balance, guideline, exclude, accept or examine.")
    ],
    reason: Annotated[str, typer.Option("--reason", help="Why; it stands in the bias statement.")],
    store: StoreOption = None,
    project: ProjectOption = None,
    by: ByOption = None,
    as_json: JsonOption = False,
    request_id: RequestOption = None,
) -> None:
    """Record what is done about a gap of the newest comparison."""
    from dashboard.workflows import bias_decisions

    with opened(context, store, by) as (found, person):
        done = bias_decisions.decide(
            found,
            project_id=project_of(context, found, project),
            by=person,
            named=gap,
            action=action,
            reason=reason,
            request_id=request_id,
        )
    answer(context, as_json, {"gap": gap, **done.as_document()}, done.words())
