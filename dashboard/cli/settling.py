"""Verbs of a lead who settles items: case, adjudicate."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from dashboard.cli.evidence import evidence_of, evidence_words
from dashboard.cli.frame import (
    ByOption,
    ItemArgument,
    JsonOption,
    ProjectOption,
    RequestOption,
    StoreOption,
    answer,
    opened,
    project_of,
)


def register(app: typer.Typer) -> None:
    """Add the verbs to the command."""
    app.command("case")(case)
    app.command("adjudicate")(adjudicate)


def case(
    context: typer.Context,
    item_id: ItemArgument,
    store: StoreOption = None,
    project: ProjectOption = None,
    by: ByOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a lead all that speaks for one label or another of a flagged item. Changes nothing."""
    from dashboard.workflows import adjudicate as settling
    from dashboard.workflows.relabel_state import newest_flag

    with opened(context, store, by) as (found, person):
        project_id = project_of(context, found, project)
        flag_id = newest_flag(found, project_id, item_id)
        held = settling.case(found, project_id=project_id, by=person, flag_id=flag_id)
    document = {
        "project": project_id,
        "flag_id": held.flag_id,
        "item_id": held.item_id,
        "text": held.text,
        "labels": list(held.label_set.choices),
        "evidence": evidence_of(held.evidence),
    }
    answer(
        context,
        as_json,
        document,
        f"{held.item_id}: {held.text or held.kind}\n{evidence_words(held.evidence)}",
    )


def adjudicate(
    context: typer.Context,
    item_id: ItemArgument,
    label: Annotated[str, typer.Option("--label", help="The label that settles it.")],
    reason: Annotated[str, typer.Option("--reason", help="Why; it stays with the label.")],
    expected_version: Annotated[
        int | None,
        typer.Option("--expected-version", help="The label version you looked at (default: the current)."),
    ] = None,
    active_seconds: Annotated[
        float | None,
        typer.Option(
            "--active-seconds",
            help="How long you were at it, for the ledger of costs (default: not recorded).",
        ),
    ] = None,
    request_id: RequestOption = None,
    store: StoreOption = None,
    project: ProjectOption = None,
    by: ByOption = None,
    as_json: JsonOption = False,
) -> None:
    """Settle a flagged item with a label and a reason; no scoring run replaces it."""
    from dashboard.workflows import adjudicate as settling
    from dashboard.workflows.relabel_state import flag_state, newest_flag

    with opened(context, store, by) as (found, person):
        project_id = project_of(context, found, project)
        flag_id = newest_flag(found, project_id, item_id)
        seen = (
            flag_state(found, project_id, flag_id).version if expected_version is None else expected_version
        )
        decided = settling.decide(
            found,
            project_id=project_id,
            by=person,
            flag_id=flag_id,
            label=label,
            reason=reason,
            expected_version=seen,
            active_seconds=active_seconds,
            request_id=request_id,
        )
    change = "a new label" if decided.changed else "as before"
    words = f"{decided.item_id} is {decided.label} ({change}, version {decided.version})."
    answer(context, as_json, {"project": project_id, **asdict(decided)}, words)
