"""The `touchstone` command: its verbs, and how errors become one sentence and an exit code."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from dashboard import __version__
from dashboard.cli import (
    alerting,
    bias,
    bias_doing,
    costs,
    drifting,
    explaining,
    figures,
    flags,
    intake,
    model,
    predictions,
    releases,
    serving,
    settling,
    work,
)
from dashboard.cli.frame import (
    EXIT_BAD_INPUT,
    EXIT_NO_STORE,
    ByOption,
    Common,
    JsonOption,
    ProjectOption,
    StoreOption,
    say,
)

app = typer.Typer(
    name="touchstone",
    help="Which labels to trust, why, what they cost, and the proof for an auditor.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain text, the same wherever it runs
)


def print_version(wanted: bool) -> None:
    """Say which Touchstone this is, and stop."""
    if wanted:
        typer.echo(f"touchstone {__version__}")
        raise typer.Exit


@app.callback()
def before_verb(
    context: typer.Context,
    store: StoreOption = None,
    project: ProjectOption = None,
    by: ByOption = None,
    as_json: JsonOption = False,
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version and stop.", is_eager=True, callback=print_version),
    ] = False,
) -> None:
    """Options before the verb hold for the verb."""
    context.obj = Common(store, project, by, as_json)


for verbs in (
    intake,
    predictions,
    figures,
    bias,
    bias_doing,
    model,
    drifting,
    alerting,
    flags,
    explaining,
    work,
    settling,
    costs,
    releases,
    serving,
):
    verbs.register(app)


def main() -> None:
    """Run the command line; every error that is ours is one sentence on standard error and an exit code.

    Exit codes: 0 done, 1 the check says no, 2 wrong use, 3 bad input (nothing was changed), 4 the store cannot be had.
    """
    try:
        app()  # ends by SystemExit, with 2 where it was used wrongly
    except Exception as error:
        code = _exit_code(error)
        if code is None:
            raise
        say(f"touchstone: {error}")
        sys.exit(code)


def _exit_code(error: Exception) -> int | None:
    """The exit code of an error that is ours; None for one that is not."""
    from analytics.errors import AnalyticsError
    from dashboard.workflows.errors import WorkflowError
    from dashboard.workflows.opening import StoreDamaged, StoreError, StoreLocked, StoreMissing, StoreReadOnly

    if isinstance(error, (StoreLocked, StoreMissing, StoreDamaged, StoreReadOnly)):
        return EXIT_NO_STORE
    if isinstance(error, (StoreError, WorkflowError, AnalyticsError)):
        return EXIT_BAD_INPUT
    return None
