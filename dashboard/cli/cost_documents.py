"""What `touchstone cost` prints: the ledger, what can be bought and what it did so far, as a document and in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import date

    from analytics.cost_ledger import Ledger
    from analytics.results import Estimate
    from dashboard.workflows.cost import Cost
    from dashboard.workflows.cost_audit import Audit
    from dashboard.workflows.cost_model import ModelPoint
    from dashboard.workflows.cost_outlook import Outlook
    from dashboard.workflows.cost_plan import ItemPlan, Spending
    from dashboard.workflows.cost_rework import Rework
    from dashboard.workflows.cost_view import CostView


def view_document(seen: CostView) -> dict[str, object]:
    """Everything that the page Cost shows."""
    found = _document(seen.cost)
    found["rework"] = None if seen.rework is None else _rework(seen.rework)
    if seen.spending is not None:
        found["next"] = _next(seen.spending)
        found["frontier"] = seen.spending.frontier.to_dicts()
    if seen.outlook is not None:
        found |= {"bought": _bought(seen.outlook), "queue": _queue(seen.outlook)}
    if seen.model is not None:
        found["model_error"] = _model(seen.model)
    if seen.audit is not None:
        found["audit"] = _audit(seen.audit)
    return found


def view_words(seen: CostView) -> list[str]:
    """The same in lines."""
    from dashboard.workflows.cost_outlook import queue_words

    lines = [_words(seen.cost)]
    if seen.rework is not None:
        lines.append(f"{seen.rework.sentence}.")
    if seen.spending is not None:
        lines += [_next_line(seen.spending), *_purchases(seen.spending)]
    if seen.outlook is not None:
        lines += [_last_vote_line(seen.outlook), f"{queue_words(seen.outlook)}."]
    lines += [f"{one.sentence}." for one in (seen.model, seen.audit) if one is not None]
    return lines


def plan_document(made: ItemPlan) -> dict[str, object]:
    """A plan with its items."""
    return {
        "sentence": made.sentence, "undefined": made.plan.undefined, "currency": made.currency,
        "cost": decimal(made.plan.cost, 6), "accuracy_now": made.plan.accuracy_now, "accuracy_then": made.plan.accuracy_then,
        "items": made.items.drop("item_code").to_dicts(),
    }  # fmt: skip


def decimal(minor: int, digits: int) -> str:
    """Minor units as a decimal number, exact, as text.

    >>> decimal(1234, 2), decimal(-5, 2), decimal(7, 0)
    ('12.34', '-0.05', '7')
    """
    text = f"{abs(minor):0{digits + 1}d}"
    shown = f"{text[:-digits]}.{text[-digits:]}" if digits else text
    return f"-{shown}" if minor < 0 else shown


def _next(seen: Spending) -> dict[str, object]:
    """What is on offer, and what the next money is best spent on."""
    return {
        "sentence": seen.sentence,
        "undefined": seen.undefined,
        "expected_accuracy": seen.accuracy_now,
        "temperature": seen.temperature.value,
        "realised": _figure("realised", seen.realised),
        "cheapest_mix_per_error": seen.mix_per_error,
        "on_offer": seen.offered.to_dicts(),
        "settled_by_people": seen.n_settled,
    }


def _next_line(seen: Spending) -> str:
    said = seen.sentence or f"what to buy next cannot be told: {seen.undefined}"
    return f"{said[:1].upper()}{said[1:]}."


def _purchases(seen: Spending) -> list[str]:
    """A line a purchase: its price, how often it is right, what an error removed costs; or why it is not on offer."""
    lines = []
    for row in seen.offered.iter_rows(named=True):
        if row["why_not"]:
            lines.append(f"{row['action']}\tnot on offer: {row['why_not']}")
            continue
        each = "none is expected to be removed"
        if row["per_error"] is not None:
            each = f"{row['per_error']:,.2f} {seen.currency} an error removed"
        lines.append(
            f"{row['action']}\t{row['price']:.4f} {seen.currency}\tright in {row['accuracy']:.0%}\t{each}"
        )
    return lines


def _bought(seen: Outlook) -> dict[str, object]:
    return {
        "error_by_votes": seen.frontier.to_dicts(),
        "undefined": seen.frontier_undefined,
        "last_vote": _figure("last_vote", seen.last_vote),
    }


def _last_vote_line(seen: Outlook) -> str:
    from dashboard.workflows.cost_words import with_ends

    last = seen.last_vote
    if last.value is None:
        return f"What an error removed by the last vote cost cannot be told: {last.undefined}."
    return f"An error removed by the last vote of each item cost {with_ends(last, f'from {last.n:,} gold items')}."


def _queue(seen: Outlook) -> dict[str, object]:
    from dashboard.workflows.cost_outlook import queue_words

    def day(one: date | None) -> str | None:
        return None if one is None else one.isoformat()

    found = seen.queue
    return {
        "sentence": queue_words(seen), "waiting": seen.n_waiting, "done_on": day(found.done_on), "earliest": day(found.earliest),
        "latest": day(found.latest), "weeks": found.n_weeks, "undefined": found.days.undefined,
        "cost": _figure("queue_cost", seen.queue_cost),
    }  # fmt: skip


def _model(seen: ModelPoint) -> dict[str, object]:
    return {
        "sentence": seen.sentence, "model_run": seen.model_run, "labels": _figure("labels_per_point", seen.labels),
        "per_label": _figure("per_label", seen.per_label), "money": _figure("money_per_point", seen.money),
    }  # fmt: skip


def _audit(seen: Audit) -> dict[str, object]:
    return {
        "sentence": seen.sentence, "before": seen.before, "after": seen.after, "error_before": seen.error_before,
        "error_after": seen.error_after, "money": _figure("money_per_error", seen.money),
        "unpriced": seen.n_unpriced,
    }  # fmt: skip


def _document(seen: Cost) -> dict[str, object]:
    figures = seen.figures
    found: dict[str, object] = {
        "sentence": seen.sentence, "detail": seen.detail, "per": seen.by, "has_rates": seen.has_rates, "items": seen.n_items,
        "accepted": seen.n_accepted, "currency": figures.currency if figures else None, "figures": [],
        "at_least": figures.is_partial if figures else None,
    }  # fmt: skip
    if figures:
        names = ("per_annotation", "per_item", "per_accepted", "per_right", "rework_share", "idle_share")
        found["figures"] = [_figure(name, getattr(figures, name)) for name in names]
    found["ledgers"] = [
        {
            "currency": one.currency,
            "total": decimal(one.total, one.digits),
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
                "idle_seconds": row["idle_ms"] / 1000, "amount": None if amount is None else decimal(amount, digits),
            }
        )  # fmt: skip
    beside = {group: None if amount is None else decimal(amount, digits) for group, amount in paid.items()}
    total = None if ledger is None else decimal(ledger.total, digits)
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
        "amount": None if row["amount"] is None else decimal(row["amount"], ledger.digits),
    }  # fmt: skip


def _words(seen: Cost) -> str:
    lines = [f"{seen.sentence}.", seen.detail]
    for ledger in seen.tables:
        for row in ledger.table.iter_rows(named=True):
            amount = (
                "not known"
                if row["amount"] is None
                else f"{decimal(row['amount'], ledger.digits)} {ledger.currency}"
            )
            hours = (
                f"{row['active_ms'] / 3.6e6:.2f} h"
                if not row["idle_ms"]
                else f"{row['idle_ms'] / 3.6e6:.2f} h idle"
            )
            lines.append(f"{row['group']}\t{row['n']:,}\t{hours}\t{amount}")
        lines.append(f"total\t\t\t{decimal(ledger.total, ledger.digits)} {ledger.currency}")
    if not seen.has_rates:
        lines.append("`touchstone rates --import FILE` says what work is paid.")
    return "\n".join(lines)
