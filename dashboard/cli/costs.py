"""Verbs about money: cost, rates."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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
    from analytics.cost_ledger import Ledger
    from analytics.results import Estimate
    from dashboard.workflows.cost import Cost
    from dashboard.workflows.cost_plan import ItemPlan, Spending
    from dashboard.workflows.cost_rework import Rework
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
    from dashboard.workflows import cost as costs
    from dashboard.workflows import cost_plan

    if raise_flags and plan is None and budget is None:
        raise typer.BadParameter("--raise hands out the items of a plan: name one with --plan or --budget")
    price, most = _number("--gold-price", gold_price), _number("--budget", budget)
    with opened(context, store, by) as (found, person):
        project_id = project_of(context, found, project)
        seen = costs.cost(found, project_id=project_id, by=person, group=per, into=into)
        document = {"project": project_id, **_document(seen)}
        words = [_words(seen)]
        if seen.figures is not None:
            spending = cost_plan.spending(
                found, project_id=project_id, by=person, into=into, gold_price=price
            )
            document["next"] = _next(spending)
            words.append(_next_line(spending))
            if plan is not None or most is not None:
                made = cost_plan.plan_for(
                    found, spending, project_id=project_id, by=person, accuracy=plan, budget=most
                )
                document["plan"] = _plan(made)
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


def _next(seen: Spending) -> dict[str, object]:
    """What is on offer, and what the next money is best spent on."""
    return {
        "sentence": seen.sentence,
        "undefined": seen.undefined,
        "expected_accuracy": seen.accuracy_now,
        "temperature": seen.temperature.value,
        "realised": _figure("realised", seen.realised),
        "on_offer": seen.offered.to_dicts(),
        "settled_by_people": seen.n_settled,
    }


def _next_line(seen: Spending) -> str:
    said = seen.sentence or f"what to buy next cannot be told: {seen.undefined}"
    return f"{said[:1].upper()}{said[1:]}."


def _plan(made: ItemPlan) -> dict[str, object]:
    return {
        "sentence": made.sentence, "undefined": made.plan.undefined, "currency": made.currency,
        "cost": _decimal(made.plan.cost, 6), "accuracy_now": made.plan.accuracy_now, "accuracy_then": made.plan.accuracy_then,
        "items": made.items.drop("item_code").to_dicts(),
    }  # fmt: skip


def _document(seen: Cost) -> dict[str, object]:
    figures = seen.figures
    found: dict[str, object] = {
        "sentence": seen.sentence, "detail": seen.detail, "per": seen.by, "has_rates": seen.has_rates, "items": seen.n_items,
        "accepted": seen.n_accepted, "currency": figures.currency if figures else None, "figures": [],
    }  # fmt: skip
    found["rework"] = None if seen.rework is None else _rework(seen.rework)
    if figures:
        names = ("per_annotation", "per_item", "per_accepted", "per_right", "rework_share", "idle_share")
        found["figures"] = [_figure(name, getattr(figures, name)) for name in names]
    found["ledgers"] = [
        {
            "currency": one.currency,
            "total": _decimal(one.total, one.digits),
            "rows": [_row(row, one) for row in one.table.to_dicts()],
        }
        for one in seen.tables
    ]
    return found


def _rework(seen: Rework) -> dict[str, object]:
    ledger = seen.ledger
    paid = {} if ledger is None else dict(ledger.table.select("group", "amount").iter_rows())
    digits = 0 if ledger is None else ledger.digits
    rows: list[dict[str, object]] = []
    for row in seen.counts.to_dicts():
        amount = paid.pop(row["work"], None)
        rows.append(
            {
                "work": row["work"], "n": row["n"], "n_without_time": row["n_untimed"], "active_seconds": row["active_ms"] / 1000,
                "idle_seconds": row["idle_ms"] / 1000, "amount": None if amount is None else _decimal(amount, digits),
            }
        )  # fmt: skip
    beside = {group: None if amount is None else _decimal(amount, digits) for group, amount in paid.items()}
    total = None if ledger is None else _decimal(ledger.total, digits)
    return {
        "sentence": seen.sentence, "currency": ledger.currency if ledger else None, "total": total, "rows": rows, "beside": beside,
    }  # fmt: skip


def _figure(key: str, found: Estimate) -> dict[str, object]:
    names = ("value", "low", "high", "n", "n_unit", "undefined", "unit")
    return {"key": key, **{name: getattr(found, name) for name in names}}


def _row(row: dict[str, Any], ledger: Ledger) -> dict[str, object]:
    return {
        "group": row["group"], "part": row["part"], "n": row["n"], "n_timed": row["n_timed"],
        "active_seconds": row["active_ms"] / 1000, "idle_seconds": row["idle_ms"] / 1000,
        "amount": None if row["amount"] is None else _decimal(row["amount"], ledger.digits),
    }  # fmt: skip


def _decimal(minor: int, digits: int) -> str:
    """Minor units as a decimal number, exact, as text.

    >>> _decimal(1234, 2), _decimal(-5, 2), _decimal(7, 0)
    ('12.34', '-0.05', '7')
    """
    text = f"{abs(minor):0{digits + 1}d}"
    shown = f"{text[:-digits]}.{text[-digits:]}" if digits else text
    return f"-{shown}" if minor < 0 else shown


def _rate(row: dict[str, Any]) -> dict[str, object]:
    amount = _decimal(row["amount_micros"], 6).rstrip("0").rstrip(".")
    return {
        "basis": row["basis"], "amount": amount, "currency": row["currency"], "from": str(row["valid_from"]),
        "to": None if row["valid_to"] is None else str(row["valid_to"]), "annotator": row["who_id"] or None,
        "work": row["work"] or None, "into": row["into_currency"] or None, "set_by": row["set_by"],
    }  # fmt: skip


def _words(seen: Cost) -> str:
    lines = [f"{seen.sentence}.", seen.detail]
    for ledger in seen.tables:
        for row in ledger.table.iter_rows(named=True):
            amount = (
                "not known"
                if row["amount"] is None
                else f"{_decimal(row['amount'], ledger.digits)} {ledger.currency}"
            )
            hours = (
                f"{row['active_ms'] / 3.6e6:.2f} h"
                if not row["idle_ms"]
                else f"{row['idle_ms'] / 3.6e6:.2f} h idle"
            )
            lines.append(f"{row['group']}\t{row['n']:,}\t{hours}\t{amount}")
        lines.append(f"total\t\t\t{_decimal(ledger.total, ledger.digits)} {ledger.currency}")
    if not seen.has_rates:
        lines.append("`touchstone rates --import FILE` says what work is paid.")
    return "\n".join(lines)


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
