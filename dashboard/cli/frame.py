"""What every verb shares: its common options, opening the store, answering in words or as one JSON document."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from dashboard.workflows.opening import Store
    from dashboard.workflows.rules import Person

DEFAULT_STORE = "touchstone-store"

StoreOption = Annotated[
    Path | None,
    typer.Option("--store", help="The store's folder [env TOUCHSTONE_STORE; else ./touchstone-store]."),
]
ProjectOption = Annotated[
    str | None, typer.Option("--project", help="The project [env TOUCHSTONE_PROJECT; else the only one].")
]
ByOption = Annotated[
    str | None,
    typer.Option("--by", help="Who acts: a member's id [env TOUCHSTONE_USER; else your user name]."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document on standard output.")]
ItemArgument = Annotated[str, typer.Argument(help="The item's id.")]
RequestOption = Annotated[
    str | None,
    typer.Option("--request-id", help="Your own id for this command: sent again, it is saved once."),
]

EXIT_SAYS_NO, EXIT_BAD_INPUT, EXIT_NO_STORE = 1, 3, 4


@dataclass(slots=True)
class Common:
    """Options given before the verb; the same option after the verb wins."""

    store: Path | None = None
    project: str | None = None
    by: str | None = None
    as_json: bool = False


def common(context: typer.Context) -> Common:
    """The options that stood before the verb."""
    return context.ensure_object(Common)


def store_path(context: typer.Context, store: Path | None) -> Path:
    """The store's folder: option, then environment, then the default."""
    return store or common(context).store or Path(os.environ.get("TOUCHSTONE_STORE") or DEFAULT_STORE)


@contextmanager
def opened(
    context: typer.Context, store: Path | None, by: str | None, *, create: bool = False
) -> Iterator[tuple[Store, Person]]:
    """The open store and who acts; what opening had to mend is said on standard error."""
    from dashboard.workflows import members
    from dashboard.workflows.opening import open_store

    named = by or common(context).by or os.environ.get("TOUCHSTONE_USER")
    with open_store(store_path(context, store), create=create) as found:
        for notice in found.notices:
            say(notice)
        alone = members.members(found).is_empty()
        person = members.owner(found) if alone or named is None else members.person(found, named)
        if alone and named is not None:
            person = members.person(found, named)
        yield found, person


def project_named(context: typer.Context, project: str | None) -> str | None:
    """The project that somebody named: option, then environment; None where nobody did."""
    return project or common(context).project or os.environ.get("TOUCHSTONE_PROJECT")


def project_of(context: typer.Context, store: Store, project: str | None) -> str:
    """The project named, or the store's only one; anything else is wrong use."""
    named = project_named(context, project)
    known: list[str] = store.read("project_list")["project_id"].to_list()
    if named is not None:
        if named not in known:
            raise typer.BadParameter(
                f"there is no project {named!r} in this store; it has: {', '.join(known) or 'none'}"
            )
        return named
    if len(known) != 1:
        raise typer.BadParameter(
            f"this store has {len(known)} projects ({', '.join(known) or 'none'}): name one with --project"
        )
    return known[0]


def wants_json(context: typer.Context, as_json: bool) -> bool:
    """Whether `--json` was given, before the verb or after it."""
    return as_json or common(context).as_json


def answer(context: typer.Context, as_json: bool, document: Mapping[str, object], words: str) -> None:
    """Print the document as JSON where that was asked for, else the words."""
    if wants_json(context, as_json):
        typer.echo(json.dumps(document, ensure_ascii=False, default=_text, allow_nan=False))
    else:
        typer.echo(words)


def _text(value: object) -> str:
    """What JSON has no word for: a moment in ISO 8601, a path as it is typed."""
    return value.isoformat() if isinstance(value, datetime) else str(value)


def say(text: str) -> None:
    """Tell the person something that is not the answer."""
    print(text, file=sys.stderr)


def tell_progress(share: float, words: str) -> None:
    """Say on standard error how far a long verb is: a bar that redraws itself; where nobody watches, a plain line a step."""
    share = min(max(share, 0.0), 1.0)
    if not sys.stderr.isatty():
        say(f"{share:4.0%} {words}")
        return
    done = int(30 * share)
    bar = f"\r[{'█' * done}{'·' * (30 - done)}] {share:4.0%} {words:<50}"
    print(bar, end="\n" if share >= 1 else "", file=sys.stderr, flush=True)
