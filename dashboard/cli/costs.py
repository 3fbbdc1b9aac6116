"""Verbs about money: cost, rates."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dashboard.cli.cost_documents import decimal, plan_document, view_document, view_words
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
    from dashboard.workflows.rates import Rate

IntoOption = Annotated[
    str | None, typer.Option("--into", help="The currency to bring others into, by the rates of exchange.")
]


def register(app: typer.Typer) -> None:
    """Add the verbs to the command."""
    app.command("cost")(cost)
    app.command("rates")(rates)


def cost(
    context: typer.Context,
    store: StoreOption = None,
    project: ProjectOption = None,
    by: ByOption = None,
    as_json: JsonOption = False,
    per: Annotated[
        str,
        typer.Option(
            "--per", help="How the ledger is grouped: work, label, annotator, difficulty or outcome."
        ),
    ] = "work",
    into: IntoOption = None,
    plan: Annotated[
        float | None,
        typer.Option(
            "--plan",
            help="Say what to buy so that this share of the labels is expected to be correct, such as 0.97.",
        ),
    ] = None,
    budget: Annotated[
        str | None, typer.Option("--budget", help="Say what to buy for this much, such as 100.")
    ] = None,
    gold_price: Annotated[
        str | None,
        typer.Option("--gold-price", help="What a label costs that is taken for right, such as an expert's."),
    ] = None,
    raise_flags: Annotated[
        bool, typer.Option("--raise", help="Hand the items of the plan to Relabel, those worth most first.")
    ] = False,
) -> None:
    """Say what labels cost: the ledger that adds up to the pay, what a correct label costs, and what to buy next."""
    from dashboard.workflows import cost_plan
    from dashboard.workflows.cost_view import cost_view

    if raise_flags and plan is None and budget is None:
        raise typer.BadParameter("--raise hands out the items of a plan: name one with --plan or --budget")
    price, most = _number("--gold-price", gold_price), _number("--budget", budget)
    with opened(context, store, by) as (found, person):
        project_id = project_of(context, found, project)
        seen = cost_view(found, project_id=project_id, by=person, group=per, into=into, gold_price=price)
        document = {"project": project_id, **view_document(seen)}
        words = view_words(seen)
        if seen.spending is not None and (plan is not None or most is not None):
            made = cost_plan.plan_for(
                found, seen.spending, project_id=project_id, by=person, accuracy=plan, budget=most
            )
            document["plan"] = plan_document(made)
            words.append(f"{made.sentence}.")
            if raise_flags and made.items.height:
                batch = cost_plan.ask_for_votes(found, made, project_id=project_id, by=person)
                document["raised"] = batch.n_raised
                words.append(
                    f"{batch.n_raised:,} items were handed to Relabel; {batch.n_waiting:,} wait there already."
                )
    answer(context, as_json, document, "\n".join(words))


def rates(
    context: typer.Context,
    store: StoreOption = None,
    project: ProjectOption = None,
    by: ByOption = None,
    as_json: JsonOption = False,
    file: Annotated[
        Path | None,
        typer.Option(
            "--import",
            help="Set the rates of a .csv or .json file: basis, amount, currency, from, to, annotator, work, into.",
        ),
    ] = None,
    basis: Annotated[
        str | None,
        typer.Option("--basis", help="Set one rate: hour, annotation, item, prediction or exchange."),
    ] = None,
    amount: Annotated[str | None, typer.Option("--amount", help="Of that rate, such as 18.50.")] = None,
    currency: Annotated[str | None, typer.Option("--currency", help="Of that rate, such as EUR.")] = None,
    start: Annotated[
        str | None, typer.Option("--from", help="The first day it holds, such as 2026-01-31.")
    ] = None,
    end: Annotated[str | None, typer.Option("--to", help="The last day it holds (default: open).")] = None,
    annotator: Annotated[
        str | None,
        typer.Option("--annotator", help="Whose it is: an annotator or a model run (default: everybody's)."),
    ] = None,
    work: Annotated[
        str | None,
        typer.Option(
            "--work",
            help="For which work: labelling, repeat, relabel, review, adjudication, passed on or release review (default: any).",
        ),
    ] = None,
    into: Annotated[
        str | None, typer.Option("--into", help="Of a rate of exchange: what one of --currency is paid in.")
    ] = None,
    request_id: RequestOption = None,
) -> None:
    """List what work is paid, or set it: from a file, or one rate."""
    from dashboard.workflows import rates as rating

    one = {
        "basis": basis, "amount": amount, "currency": currency, "from": start, "to": end, "annotator": annotator, "work": work,
        "into": into,
    }  # fmt: skip
    given = {name: value for name, value in one.items() if value is not None}
    if file is not None and given:
        raise typer.BadParameter(
            f"--import sets the rates of a file; --{next(iter(given))} sets one. Give one or the other."
        )
    table: tuple[Rate, ...] = ()
    if file is not None:
        table = rating.read_rates(file)
    elif given:
        missing = [name for name in rating.NEEDED if name not in given]
        if missing:
            raise typer.BadParameter(
                f"one rate needs --{' --'.join(rating.NEEDED)}; --{missing[0]} is missing"
            )
        table = (rating.rate_of(given),)
    with opened(context, store, by) as (found, person):
        project_id = project_of(context, found, project)
        done = (
            rating.set_rates(found, project_id=project_id, by=person, table=table, request_id=request_id)
            if table
            else None
        )
        rows = [_rate(row) for row in rating.rates(found, project_id=project_id, by=person).to_dicts()]
    document: dict[str, object] = {"project": project_id, "set": done.n_rates if done else 0, "rates": rows}
    document["unknown"] = list(done.unknown) if done else []
    answer(context, as_json, document, _rates_words(rows, document))


def _number(option: str, text: str | None) -> Decimal | None:
    if text is None:
        return None
    try:
        return Decimal(text)
    except InvalidOperation as error:
        raise typer.BadParameter(
            f"{option} takes a number with a point, such as 18.50, not {text!r}"
        ) from error


def _rate(row: dict[str, Any]) -> dict[str, object]:
    amount = decimal(row["amount_micros"], 6).rstrip("0").rstrip(".")
    return {
        "basis": row["basis"], "amount": amount, "currency": row["currency"], "from": str(row["valid_from"]),
        "to": None if row["valid_to"] is None else str(row["valid_to"]), "annotator": row["who_id"] or None,
        "work": row["work"] or None, "into": row["into_currency"] or None, "set_by": row["set_by"],
    }  # fmt: skip


def _rates_words(rows: list[dict[str, object]], document: dict[str, object]) -> str:
    n = document["set"]
    lines = ["1 rate was set." if n == 1 else f"{n} rates were set."] if n else []
    unknown = document["unknown"]
    if isinstance(unknown, list) and unknown:
        lines.append(f"Nobody here is called {', '.join(unknown)}; their rates hold once they do something.")
    for row in rows:
        whose = f"{row['annotator'] or 'everybody'}, {row['work'] or 'any work'}"
        per = f"{row['amount']} {row['into'] or row['currency']} a{'n' if str(row['basis'])[0] in 'aih' else ''} {row['basis']}"
        if row["into"]:
            per, whose = f"1 {row['currency']} is {row['amount']} {row['into']}", "exchange"
        lines.append(
            f"{per}\t{whose}\tfrom {row['from']}{' to ' + str(row['to']) if row['to'] else ''}\tset by {row['set_by']}"
        )
    return "\n".join(lines) or "No rates yet. `touchstone rates --import FILE` sets those of a file."
