"""Verbs of a release: gate, release propose|approve|reject|waive|list|diff|export|verify, verify."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dashboard.cli.frame import (
    EXIT_SAYS_NO,
    ByOption,
    JsonOption,
    ProjectOption,
    StoreOption,
    answer,
    opened,
    project_of,
)

if TYPE_CHECKING:
    from dashboard.workflows.release_record import Release

WhichArgument = Annotated[
    str | None, typer.Argument(help="The release: its version or id (default: the newest).")
]
SecondsOption = Annotated[
    float | None,
    typer.Option(
        "--active-seconds", help="How long you looked, for the ledger of costs (default: not recorded)."
    ),
]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why.")]


def register(app: typer.Typer) -> None:
    """Add the verbs to the command."""
    app.command("gate")(gate)
    app.command("verify")(verify)
    release = typer.Typer(help="Propose, sign, compare, export and verify releases.", no_args_is_help=True)
    for name, verb in (
        ("propose", propose),
        ("approve", approve),
        ("reject", reject),
        ("waive", waive),
        ("list", list_all),
        ("diff", diff),
        ("export", export),
        ("verify", verify),
    ):
        release.command(name)(verb)
    app.add_typer(release, name="release")


def gate(
    context: typer.Context,
    store: StoreOption = None,
    project: ProjectOption = None,
    by: ByOption = None,
    as_json: JsonOption = False,
    policy: Annotated[Path | None, typer.Option("--policy", help="Limits in a TOML or JSON file.")] = None,
) -> None:
    """Say whether the labels are fit to release; exit code 1 where they are not."""
    from dashboard.workflows import release_gates, settings

    with opened(context, store, by) as (found, person):
        project_id = project_of(context, found, project)
        held = settings.read_policy(policy, settings.limits(found, project_id)) if policy else None
        report = release_gates.check_gates(found, project_id=project_id, by=person, policy=held)
    rows = [gate.as_payload() | {"passed": gate.passed} for gate in report.gates]
    answer(
        context, as_json, {"passed": report.passed, "project": project_id, "gates": rows}, report.sentence()
    )
    if not report.passed:
        raise typer.Exit(EXIT_SAYS_NO)


def propose(
    context: typer.Context,
    store: StoreOption = None,
    project: ProjectOption = None,
    by: ByOption = None,
    as_json: JsonOption = False,
    note: Annotated[str | None, typer.Option("--note", help="What this release is for.")] = None,
) -> None:
    """Freeze today's labels under a content hash, so that two people can sign them."""
    from dashboard.workflows import release

    with opened(context, store, by) as (found, person):
        project_id = project_of(context, found, project)
        made = release.propose(found, project_id=project_id, by=person, note=note)
    _say(context, as_json, made)


def approve(
    context: typer.Context,
    which: WhichArgument = None,
    store: StoreOption = None,
    project: ProjectOption = None,
    by: ByOption = None,
    as_json: JsonOption = False,
    content_hash: Annotated[
        str | None, typer.Option("--hash", help="The content hash you looked at (default: the release's).")
    ] = None,
    reason: ReasonOption = "",
    active_seconds: SecondsOption = None,
) -> None:
    """Sign a release; two different people make it approved."""
    _sign(context, which, store, project, by, as_json, content_hash, reason, active_seconds, approving=True)


def reject(
    context: typer.Context,
    which: WhichArgument = None,
    store: StoreOption = None,
    project: ProjectOption = None,
    by: ByOption = None,
    as_json: JsonOption = False,
    content_hash: Annotated[
        str | None, typer.Option("--hash", help="The content hash you looked at (default: the release's).")
    ] = None,
    reason: ReasonOption = "",
    active_seconds: SecondsOption = None,
) -> None:
    """Refuse a release for good, with a reason."""
    _sign(context, which, store, project, by, as_json, content_hash, reason, active_seconds, approving=False)


def waive(
    context: typer.Context,
    gate_key: Annotated[str, typer.Argument(help="The gate's key, such as open_flags.")],
    reason: Annotated[str, typer.Option("--reason", help="Why; it goes wherever the release goes.")],
    which: Annotated[str | None, typer.Option("--release", help="The release's version or id.")] = None,
    store: StoreOption = None,
    project: ProjectOption = None,
    by: ByOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let a release through a gate that said no, with a reason that stays on record."""
    from dashboard.workflows import release
    from dashboard.workflows.release_record import find_release

    with opened(context, store, by) as (found, person):
        project_id = project_of(context, found, project)
        named = find_release(found, project_id, which)
        made = release.waive(
            found, project_id=project_id, by=person, release_id=named.release_id, gate=gate_key, reason=reason
        )
    _say(context, as_json, made)


def list_all(
    context: typer.Context,
    store: StoreOption = None,
    project: ProjectOption = None,
    by: ByOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the releases, newest first."""
    from dashboard.workflows.release_record import list_releases

    with opened(context, store, by) as (found, _person):
        project_id = project_of(context, found, project)
        releases = list_releases(found, project_id)
    rows = [_document(one) for one in releases]
    answer(
        context,
        as_json,
        {"releases": rows},
        "\n".join(one.sentence() for one in releases) or "No release yet.",
    )


def diff(
    context: typer.Context,
    which: WhichArgument = None,
    before: Annotated[str | None, typer.Option("--before", help="The release to compare with.")] = None,
    store: StoreOption = None,
    project: ProjectOption = None,
    by: ByOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what changed between a release and the one before it."""
    from dashboard.workflows import release_diff

    with opened(context, store, by) as (found, person):
        project_id = project_of(context, found, project)
        change = release_diff.diff(found, project_id=project_id, by=person, release=which, before=before)
    rows = change.items.to_dicts()
    earlier = None if change.before is None else change.before.version
    document = {**_document(change.release), "before": earlier, "changes": len(rows), "items": rows}
    answer(context, as_json, document, change.sentence())


def export(
    context: typer.Context,
    which: WhichArgument = None,
    out: Annotated[Path | None, typer.Option("--out", help="The folder to make.")] = None,
    with_content: Annotated[bool, typer.Option("--with-content", help="Add the items' texts.")] = False,
    store: StoreOption = None,
    project: ProjectOption = None,
    by: ByOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write an approved release to a folder that anyone can verify."""
    from dashboard.workflows import release_export
    from dashboard.workflows.release_record import find_release

    with opened(context, store, by) as (found, person):
        project_id = project_of(context, found, project)
        named = find_release(found, project_id, which)
        folder = out or release_export.default_folder(project_id, named)
        release_export.export(
            found,
            project_id=project_id,
            by=person,
            release_id=named.release_id,
            folder=folder,
            with_content=with_content,
        )
    document = {**_document(named), "folder": str(folder)}
    answer(
        context,
        as_json,
        document,
        f"Release {named.version} is in {folder}. `touchstone verify {folder}` checks it.",
    )


def verify(
    context: typer.Context,
    path: Annotated[Path, typer.Argument(help="A store's folder, or a release's.")],
    as_json: JsonOption = False,
) -> None:
    """Check a store or a release from its files alone; exit code 1 where something is broken."""
    from dashboard.workflows.verify import verify_folder

    report = verify_folder(path)
    found = report.found
    broken = (
        None
        if found.first_broken is None
        else {"seq": found.first_broken.seq, "reason": found.first_broken.reason}
    )
    document = {
        "valid": found.valid,
        "events": found.events,
        "first_broken": broken,
        "statement": report.sentence(),
    }
    answer(context, as_json, document, report.sentence())
    if not found.valid:
        raise typer.Exit(EXIT_SAYS_NO)


def _sign(
    context: typer.Context,
    which: str | None,
    store: Path | None,
    project: str | None,
    by: str | None,
    as_json: bool,
    content_hash: str | None,
    reason: str,
    active_seconds: float | None,
    *,
    approving: bool,
) -> None:
    from dashboard.workflows import release
    from dashboard.workflows.release_record import find_release

    sign = release.approve if approving else release.reject
    with opened(context, store, by) as (found, person):
        project_id = project_of(context, found, project)
        named = find_release(found, project_id, which)
        made = sign(
            found,
            project_id=project_id,
            by=person,
            release_id=named.release_id,
            expected_hash=content_hash or named.content_hash,
            reason=reason,
            active_seconds=active_seconds,
        )
    _say(context, as_json, made)


def _document(release: Release) -> dict[str, object]:
    return {
        "release_id": release.release_id,
        "version": release.version,
        "state": release.state,
        "content_hash": release.content_hash,
        "n_items": release.n_items,
        "approved_by": list(release.approved_by),
        "blocking_gates": [gate.key for gate in release.blocking_gates],
    }


def _say(context: typer.Context, as_json: bool, release: Release) -> None:
    answer(context, as_json, _document(release), f"{release.sentence()} Content hash {release.content_hash}.")
