"""Verbs that bring things in: import, guideline, member, level."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dashboard.cli.frame import (
    EXIT_BAD_INPUT,
    ByOption,
    JsonOption,
    ProjectOption,
    StoreOption,
    answer,
    opened,
    project_named,
    project_of,
    store_path,
    wants_json,
)

if TYPE_CHECKING:
    from dashboard.workflows.ingest import ImportSummary
    from dashboard.workflows.opening import Store
    from dashboard.workflows.rules import Person

REASONS_SHOWN = 20


def register(app: typer.Typer) -> None:
    """Add the verbs to the command."""
    app.command("import")(import_files)
    app.command("attributes")(import_attributes)
    app.command("guideline")(publish_guideline)
    app.command("level")(correct_level)
    member = typer.Typer(help="Who may act in the store.", no_args_is_help=True)
    member.command("add")(add_member)
    member.command("list")(list_members)
    app.add_typer(member, name="member")


def import_files(
    context: typer.Context,
    files: Annotated[
        list[Path],
        typer.Argument(help="Files of annotations: CSV, TSV, JSONL, Parquet (.gz too), Label Studio JSON."),
    ],
    store: StoreOption = None,
    project: ProjectOption = None,
    by: ByOption = None,
    as_json: JsonOption = False,
    format: Annotated[str, typer.Option("--format", help="auto, table or label-studio.")] = "auto",
    mapping: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            help="Which column is what: item=…,annotator=…,label=…,at=…,seconds=…,text=…,gold=…,image=…,"
            "suggestion=…,suggestion_shown=…; may be given again.",
        ),
    ] = None,
    item_attributes: Annotated[
        str, typer.Option("--item-attributes", help="Columns kept with the item: a,b")
    ] = "",
    annotator_attributes: Annotated[
        str, typer.Option("--annotator-attributes", help="Columns kept, encrypted, with the annotator: c,d")
    ] = "",
    level: Annotated[
        str | None,
        typer.Option(
            "--level", help="nominal, ordinal, interval, ratio, or set: several labels on an item at once."
        ),
    ] = None,
    separator: Annotated[
        str,
        typer.Option(
            "--separator",
            help="What parts the labels in a cell, with --level set (default: cells are JSON lists).",
        ),
    ] = "",
    labels: Annotated[
        str,
        typer.Option("--labels", help="The label set in its order: a,b,c (default: what the file holds)."),
    ] = "",
    extend_labels: Annotated[
        bool, typer.Option("--extend-labels", help="Let labels in that the label set does not have.")
    ] = False,
    skip_bad_rows: Annotated[
        bool, typer.Option("--skip-bad-rows", help="Import the good rows, report the others.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would happen; change nothing.")
    ] = False,
) -> None:
    """Import annotations. By default a file with a bad row is refused whole, and each bad row is listed."""
    from dashboard.workflows import ingest

    request = ingest.ImportRequest(
        level=level,
        labels=tuple(_names(labels)) or None,
        extend_labels=extend_labels,
        skip_bad_rows=skip_bad_rows,
        dry_run=dry_run,
    )
    options = ingest.import_options(
        ",".join(mapping or ()), _names(item_attributes), _names(annotator_attributes), separator=separator
    )
    named = project_named(context, project)
    documents: list[dict[str, object]] = []
    refused = False
    with _importing(context, store, by, dry_run=dry_run) as (found, person):
        for path in files:
            summary = ingest.import_file(
                found,
                path=path,
                project_id=named or ingest.default_project(found, path),
                by=person,
                format=format,
                options=options,
                request=request,
                progress=_bar(path) if sys.stderr.isatty() else None,
            )
            documents.append({"file": path.name, **_document(summary)})
            if not wants_json(context, as_json):
                typer.echo(_words(path, summary))
            refused = summary.refused
            if refused:
                break
    if wants_json(context, as_json):
        answer(context, as_json, documents[0] if len(files) == 1 else {"files": documents}, "")
    if refused:
        raise typer.Exit(EXIT_BAD_INPUT)


@contextmanager
def _importing(
    context: typer.Context, store: Path | None, by: str | None, *, dry_run: bool
) -> Iterator[tuple[Store, Person]]:
    """The store to import into. A dry run where there is none yet looks at an empty one that is thrown away."""
    if not dry_run or store_path(context, store).exists():
        with opened(context, store, by, create=not dry_run) as found:
            yield found
        return
    with (
        tempfile.TemporaryDirectory() as nowhere,
        opened(context, Path(nowhere) / "store", by, create=True) as found,
    ):
        yield found


def import_attributes(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="A table with a row an annotator: CSV, TSV, JSONL, Parquet.")],
    store: StoreOption = None,
    project: ProjectOption = None,
    by: ByOption = None,
    as_json: JsonOption = False,
    mapping: Annotated[str, typer.Option("--map", help="Which column is the annotator: annotator=…")] = "",
    columns: Annotated[
        str, typer.Option("--columns", help="The columns to keep: a,b (default: all others).")
    ] = "",
    skip_bad_rows: Annotated[
        bool, typer.Option("--skip-bad-rows", help="Keep the good rows, report the others.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would happen; change nothing.")
    ] = False,
) -> None:
    """Bring in what is known of annotators: encrypted, read only by those who may, each reading on record."""
    from dashboard.workflows import annotator_attributes

    with opened(context, store, by) as (found, person):
        summary = annotator_attributes.import_attributes(
            found,
            path=file,
            project_id=project_of(context, found, project),
            by=person,
            mapping=mapping,
            names=tuple(_names(columns)),
            skip_bad_rows=skip_bad_rows,
            dry_run=dry_run,
        )
    document = {
        "attributes": list(summary.attributes), "people": summary.people, "unknown": list(summary.unknown),
        "rejected": summary.rejected.to_dicts(), "mapping": dict(summary.mapping), "guessed": list(summary.guessed),
        "dry_run": dry_run,
    }  # fmt: skip
    verb = "would keep" if dry_run else "nothing was kept of" if summary.refused else "kept"
    words = f"{file.name}: {verb} {', '.join(summary.attributes)} of {summary.people:,} annotators."
    left = f" {len(summary.unknown):,} are not in the store and were left out." if summary.unknown else ""
    bad = [f"  row {row}: {reason}" for row, reason in summary.rejected.head(REASONS_SHOWN).iter_rows()]
    answer(context, as_json, document, "\n".join([*summary.guessed, *bad, words + left]))
    if summary.refused:
        raise typer.Exit(EXIT_BAD_INPUT)


def publish_guideline(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="A Markdown file.", exists=True, dir_okay=False)],
    store: StoreOption = None,
    project: ProjectOption = None,
    by: ByOption = None,
    as_json: JsonOption = False,
) -> None:
    """Publish a version of the project's guideline; annotations made in the app are bound to the version shown."""
    from dashboard.workflows import guideline

    with opened(context, store, by) as (found, person):
        project_id = project_of(context, found, project)
        try:
            text = file.read_text(encoding="utf-8-sig")
        except UnicodeDecodeError as error:
            raise typer.BadParameter(f"{file} is not UTF-8 text") from error
        published = guideline.publish(found, project_id=project_id, by=person, markdown=text)
    document = {
        "project": project_id,
        "version": published.version,
        "published_at": published.published_at.isoformat(),
    }
    answer(context, as_json, document, f"Guideline version {published.version} of {project_id} is current.")


def correct_level(
    context: typer.Context,
    level: Annotated[str, typer.Argument(help="nominal, ordinal, interval or ratio.")],
    order: Annotated[str, typer.Option("--order", help="The labels from low to high: a,b,c")] = "",
    store: StoreOption = None,
    project: ProjectOption = None,
    by: ByOption = None,
    as_json: JsonOption = False,
) -> None:
    """Correct the level of the project's label set; score again afterwards."""
    from dashboard.workflows import label_sets

    with opened(context, store, by) as (found, person):
        project_id = project_of(context, found, project)
        changed = label_sets.correct_level(
            found, project_id=project_id, by=person, level=level, order=_names(order) or None
        )
    document = {
        "project": project_id,
        "level": changed.level,
        "labels": list(changed.labels),
        "version": changed.version,
    }
    answer(context, as_json, document, f"{project_id} is {changed.level}: {', '.join(changed.labels)}.")


def add_member(
    context: typer.Context,
    person_id: Annotated[str, typer.Argument(help="The member's id.")],
    role: Annotated[
        list[str], typer.Option("--role", help="lead, reviewer, annotator or admin; may be given again.")
    ],
    name: Annotated[str | None, typer.Option("--name", help="The name that people see.")] = None,
    store: StoreOption = None,
    by: ByOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add a member, or change one's name and roles."""
    from dashboard.workflows import members

    with opened(context, store, by, create=True) as (found, person):
        added = members.set_member(found, by=person, person_id=person_id, name=name, roles=role)
    document = {"person_id": added.person_id, "name": added.name, "roles": sorted(added.roles)}
    answer(context, as_json, document, f"{added.name} ({added.person_id}): {', '.join(sorted(added.roles))}.")


def list_members(
    context: typer.Context, store: StoreOption = None, by: ByOption = None, as_json: JsonOption = False
) -> None:
    """List the members and their roles."""
    from dashboard.workflows import members

    with opened(context, store, by) as (found, _person):
        rows = members.members(found).to_dicts()
    words = "\n".join(f"{row['person_id']}\t{', '.join(row['roles'])}\t{row['name']}" for row in rows)
    answer(context, as_json, {"members": rows}, words)


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _document(summary: ImportSummary) -> dict[str, object]:
    return {
        "project": summary.project_id,
        "imported": summary.imported,
        "duplicates": summary.duplicates,
        "rejected": summary.rejected.to_dicts(),
        "items": summary.items,
        "annotators": summary.annotators,
        "predictions": summary.predictions,
        "suggestions": {"shown": summary.suggestions_shown, "hidden": summary.suggestions_hidden},
        "mapping": dict(summary.mapping),
        "guessed": list(summary.guessed),
        "labels": list(summary.labels),
        "level": summary.level,
        "format": summary.format,
        "dry_run": summary.dry_run,
    }


def _words(path: Path, summary: ImportSummary) -> str:
    lines = [*summary.guessed]
    reasons = summary.rejected.head(REASONS_SHOWN)
    lines += [f"  row {row}: {reason}" for row, reason in reasons.iter_rows()]
    if summary.rejected.height > REASONS_SHOWN:
        lines.append(f"  … and {summary.rejected.height - REASONS_SHOWN:,} more (all of them with --json)")
    bad = f"{summary.rejected.height:,} bad rows"
    if summary.refused:
        lines.append(
            f"{path.name}: {bad}; nothing was imported. Mend them, or import the rest with --skip-bad-rows."
        )
        return "\n".join(lines)
    verb = "would import" if summary.dry_run else "imported"
    said = (
        f"{path.name} → {summary.project_id}: {verb} {summary.imported:,} annotations of {summary.items:,} items by "
        f"{summary.annotators:,} annotators ({summary.level}, {len(summary.labels)} labels)"
    )
    said += f"; {summary.duplicates:,} were already there" if summary.duplicates else ""
    if summary.suggestions_shown or summary.suggestions_hidden:
        shown, hidden = summary.suggestions_shown, summary.suggestions_hidden
        said += f"; a suggestion was shown for {shown:,} of them, which are not independent, and hidden for {hidden:,}"
    said += f"; {bad} left out" if summary.rejected.height else ""
    return "\n".join([*lines, said + "."])


class _bar:  # noqa: N801 - used like a function
    """A progress bar on standard error that redraws itself."""

    def __init__(self, path: Path) -> None:
        self._name = path.name

    def __call__(self, share: float) -> None:
        done = int(30 * min(max(share, 0.0), 1.0))
        end = "\n" if share >= 1 else ""
        print(
            f"\r{self._name} [{'█' * done}{'·' * (30 - done)}] {share:4.0%}",
            end=end,
            file=sys.stderr,
            flush=True,
        )
