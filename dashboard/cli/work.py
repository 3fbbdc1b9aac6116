"""Verbs of those who answer flags: queue, relabel next|blind|answer|skip|ask|undo."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from dashboard.cli.evidence import document_of, evidence_of, evidence_words, item_words
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

if TYPE_CHECKING:
    from dashboard.workflows.relabel_answers import Saved

WAITING = ("item_id", "status", "score", "waiting_since", "n_answers", "n_skips", "n_questions")
"""What a lead is told of an item that waits; its label stays unsaid, for they may have to answer it blind."""

LabelOption = Annotated[str | None, typer.Option("--label", help="A label of the label set.")]
RationaleOption = Annotated[str, typer.Option("--rationale", help="Why, in your own words.")]
SecondsOption = Annotated[
    float | None, typer.Option("--seconds", help="Active time on the item, idle time left out.")
]


def register(app: typer.Typer) -> None:
    """Add the verbs to the command."""
    app.command("queue")(queue)
    relabel = typer.Typer(help="Answer flags: blind first, then after the reveal.", no_args_is_help=True)
    for name, verb in (
        ("next", take_next),
        ("blind", blind),
        ("answer", final),
        ("skip", skip),
        ("ask", ask),
        ("undo", undo),
    ):
        relabel.command(name)(verb)
    app.add_typer(relabel, name="relabel")


def queue(
    context: typer.Context,
    store: StoreOption = None,
    project: ProjectOption = None,
    by: ByOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what waits: flags by state, your next item, and, for a lead, the items to settle. Changes nothing."""
    from dashboard.workflows import adjudicate as settling
    from dashboard.workflows import relabel_queue

    with opened(context, store, by) as (found, person):
        project_id = project_of(context, found, project)
        today = found.clock().replace(hour=0, minute=0, second=0, microsecond=0)
        progress = relabel_queue.progress(found, project_id=project_id, by=person, today=today)
        following = relabel_queue.upcoming(found, project_id=project_id, by=person)
        waiting = (
            settling.waiting(found, project_id=project_id, by=person).select(WAITING).to_dicts()
            if person.may("adjudicate")
            else []
        )
    document = {
        "project": project_id,
        "person_id": person.person_id,
        **asdict(progress),
        "next_item_id": following,
        "waiting": waiting,
    }
    words = (
        f"{progress.n_open:,} flags open, {progress.n_second:,} wait for a second person, "
        f"{progress.n_adjudicate:,} for the lead, {progress.n_closed:,} are closed.\n"
        f"{person.name}: {progress.n_done:,} done, {progress.n_left:,} left; next: {following or 'nothing'}."
    )
    to_settle = [f"  {row['item_id']}\t{row['status']}\t{row['n_answers']} answers" for row in waiting]
    answer(context, as_json, document, "\n".join([words, *(["To settle:", *to_settle] if to_settle else [])]))


def take_next(
    context: typer.Context,
    store: StoreOption = None,
    project: ProjectOption = None,
    by: ByOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take the next item, or the one you hold; nothing about its label is shown before your blind answer."""
    from dashboard.workflows import relabel_queue, relabel_reveal

    with opened(context, store, by) as (found, person):
        project_id = project_of(context, found, project)
        item = relabel_queue.next_item(found, project_id=project_id, by=person)
        shown = (
            None
            if item is None or item.blind
            else relabel_reveal.reveal(found, project_id=project_id, by=person, flag_id=item.flag_id)
        )
    document = {
        "project": project_id,
        "item": None if item is None else document_of(item),
        "reveal": None if shown is None else evidence_of(shown),
    }
    words = "Nothing is left for you." if item is None else item_words(item)
    answer(context, as_json, document, words if shown is None else f"{words}\n{evidence_words(shown)}")


def blind(
    context: typer.Context,
    item_id: ItemArgument,
    label: LabelOption = None,
    cannot_tell: Annotated[bool, typer.Option("--cannot-tell", help="You cannot tell.")] = False,
    rationale: RationaleOption = "",
    seconds: SecondsOption = None,
    request_id: RequestOption = None,
    store: StoreOption = None,
    project: ProjectOption = None,
    by: ByOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give your own answer before anything is shown; then see the label, the votes and why it was flagged."""
    from dashboard.workflows import relabel, relabel_reveal
    from dashboard.workflows.relabel_state import newest_flag

    if (label is None) != cannot_tell:
        raise typer.BadParameter("give either --label L or --cannot-tell")
    with opened(context, store, by) as (found, person):
        project_id = project_of(context, found, project)
        flag_id = newest_flag(found, project_id, item_id)
        saved = relabel.answer_blind(
            found,
            project_id=project_id,
            by=person,
            flag_id=flag_id,
            label=label,
            rationale=rationale,
            active_seconds=seconds,
            request_id=request_id,
        )
        shown = relabel_reveal.reveal(found, project_id=project_id, by=person, flag_id=flag_id)
    document = {"project": project_id, **asdict(saved), "reveal": evidence_of(shown)}
    answer(context, as_json, document, f"{_saved_words(saved)}\n{evidence_words(shown)}")


def final(
    context: typer.Context,
    item_id: ItemArgument,
    verdict: Annotated[str, typer.Option("--verdict", help="keep, change (with --label) or cannot_tell.")],
    expected_version: Annotated[
        int, typer.Option("--expected-version", help="The label version that the reveal showed.")
    ],
    label: LabelOption = None,
    rationale: RationaleOption = "",
    seconds: SecondsOption = None,
    request_id: RequestOption = None,
    store: StoreOption = None,
    project: ProjectOption = None,
    by: ByOption = None,
    as_json: JsonOption = False,
) -> None:
    """Answer after the reveal: keep the label, change it, or say that you cannot tell."""
    from dashboard.workflows import relabel
    from dashboard.workflows.relabel_state import newest_flag

    with opened(context, store, by) as (found, person):
        project_id = project_of(context, found, project)
        saved = relabel.answer(
            found,
            project_id=project_id,
            by=person,
            flag_id=newest_flag(found, project_id, item_id),
            verdict=verdict,
            expected_version=expected_version,
            label=label,
            rationale=rationale,
            active_seconds=seconds,
            request_id=request_id,
        )
    answer(context, as_json, {"project": project_id, **asdict(saved)}, _saved_words(saved))


def skip(
    context: typer.Context,
    item_id: ItemArgument,
    reason: Annotated[str, typer.Option("--reason", help="Why you leave it to somebody else.")],
    request_id: RequestOption = None,
    store: StoreOption = None,
    project: ProjectOption = None,
    by: ByOption = None,
    as_json: JsonOption = False,
) -> None:
    """Leave the item to somebody else."""
    from dashboard.workflows import relabel
    from dashboard.workflows.relabel_state import newest_flag

    with opened(context, store, by) as (found, person):
        project_id = project_of(context, found, project)
        saved = relabel.skip(
            found,
            project_id=project_id,
            by=person,
            flag_id=newest_flag(found, project_id, item_id),
            reason=reason,
            request_id=request_id,
        )
    answer(context, as_json, {"project": project_id, **asdict(saved)}, _saved_words(saved))


def ask(
    context: typer.Context,
    item_id: ItemArgument,
    question: Annotated[str, typer.Option("--question", help="What the guideline leaves unclear.")],
    request_id: RequestOption = None,
    store: StoreOption = None,
    project: ProjectOption = None,
    by: ByOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send the item to the lead with a question about the guideline."""
    from dashboard.workflows import relabel
    from dashboard.workflows.relabel_state import newest_flag

    with opened(context, store, by) as (found, person):
        project_id = project_of(context, found, project)
        saved = relabel.ask_lead(
            found,
            project_id=project_id,
            by=person,
            flag_id=newest_flag(found, project_id, item_id),
            question=question,
            request_id=request_id,
        )
    answer(context, as_json, {"project": project_id, **asdict(saved)}, _saved_words(saved))


def undo(
    context: typer.Context,
    seq: Annotated[
        int | None, typer.Option("--seq", help="The event of yours to take back (default: your newest).")
    ] = None,
    request_id: RequestOption = None,
    store: StoreOption = None,
    project: ProjectOption = None,
    by: ByOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take back your newest answer, skip or question by a new event; the item is yours again."""
    from dashboard.workflows import relabel_undo

    with opened(context, store, by) as (found, person):
        project_id = project_of(context, found, project)
        undone = relabel_undo.undo(found, project_id=project_id, by=person, seq=seq, request_id=request_id)
    words = f"{undone.item_id}: {undone.action} (event {undone.undone_seq:,}) taken back; the flag is {undone.status}."
    answer(context, as_json, {"project": project_id, **asdict(undone)}, words)


def _saved_words(saved: Saved) -> str:
    said = "" if saved.label is None else f" ({saved.label})"
    state = f"{saved.status}, {saved.resolution}" if saved.resolution else saved.status
    return f"{saved.item_id}: {saved.action.replace('_', ' ')}{said}; the flag is {state}."
