"""The verb that doubts: flag."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from dashboard.cli.frame import ByOption, JsonOption, ProjectOption, StoreOption, answer, opened, project_of

if TYPE_CHECKING:
    from dashboard.workflows.flag import FlagsRaised


def register(app: typer.Typer) -> None:
    """Add the verb to the command."""
    app.command("flag")(flag_command)


def flag_command(
    context: typer.Context,
    store: StoreOption = None,
    project: ProjectOption = None,
    by: ByOption = None,
    as_json: JsonOption = False,
    least_probability: Annotated[
        float, typer.Option("--least-probability", help="Doubt labels that are less probable than this.")
    ] = 0.8,
    least_margin: Annotated[
        float,
        typer.Option(
            "--least-margin", help="Doubt items whose first two labels are within this share of the votes."
        ),
    ] = 0.2,
    level: Annotated[
        float, typer.Option("--level", help="Significance at which an annotator counts as weak on a label.")
    ] = 0.05,
    random_checks: Annotated[
        int,
        typer.Option(
            "--random-checks",
            min=0,
            help="Flag so many items by chance, to learn how many labels are wrong that nobody doubts.",
        ),
    ] = 0,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of that chance.")] = 0,
    quadrant: Annotated[
        str,
        typer.Option(
            "--quadrant",
            help="Only items that are hard for: both, people, model, neither (as `touchstone uncertainty` placed them).",
        ),
    ] = "",
) -> None:
    """Flag the items whose labels are in doubt, each with its reasons in words and its evidence."""
    from dashboard.workflows import flag

    options = flag.FlagOptions(
        least_probability=least_probability,
        least_margin=least_margin,
        level=level,
        random_checks=random_checks,
        seed=seed,
        quadrant=quadrant,
    )
    with opened(context, store, by) as (found, person):
        project_id = project_of(context, found, project)
        result = flag.raise_flags(found, project_id=project_id, by=person, options=options)
    document = {
        "raised": result.raised,
        "by_reason": dict(result.by_reason),
        "doubted": result.doubted,
        "run_id": result.run_id,
        "project": project_id,
    }
    answer(context, as_json, document, _words(result))


def _words(result: FlagsRaised) -> str:
    if not result.raised:
        return f"No new flags; {result.doubted:,} items are in doubt, all of them flagged or settled before."
    reasons = "\n".join(f"  {key.replace('_', ' ')}: {count:,}" for key, count in result.by_reason.items())
    return f"{result.raised:,} items flagged (an item may have several reasons):\n{reasons}"
