"""The verb about alerts: listing, taking and closing them, their limits and owners, sending them."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dashboard.cli.frame import (
    EXIT_SAYS_NO,
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
    import polars as pl

    from dashboard.workflows.alert_delivery import Delivery
    from dashboard.workflows.opening import Store
    from dashboard.workflows.rules import Person


def register(app: typer.Typer) -> None:
    """Add the verb to the command."""
    app.command("alerts")(alerts_command)


def alerts_command(
    context: typer.Context,
    store: StoreOption = None,
    project: ProjectOption = None,
    by: ByOption = None,
    as_json: JsonOption = False,
    own: Annotated[str, typer.Option("--own", help="Take the alert with this id.")] = "",
    close: Annotated[
        str, typer.Option("--close", help="Close the alert with this id; needs --code and --reason.")
    ] = "",
    code: Annotated[
        str,
        typer.Option("--code", help="Why it is closed: fixed, expected, false_alarm, accepted or duplicate."),
    ] = "",
    limit: Annotated[
        str,
        typer.Option(
            "--limit",
            help="Set a limit, FIGURE=VALUE, FIGURE@KIND:GROUP=VALUE, of all annotators FIGURE@annotators=VALUE (or off); needs --reason.",
        ),
    ] = "",
    least_n: Annotated[
        int | None, typer.Option("--least-n", help="With --limit: the fewest that the figure may rest on.")
    ] = None,
    owner: Annotated[
        str,
        typer.Option(
            "--owner", help="Who owns new alerts, PERSON or FIGURE=PERSON (or nobody); needs --reason."
        ),
    ] = "",
    reason: Annotated[str, typer.Option("--reason", help="Why, in words.")] = "",
    check: Annotated[
        bool, typer.Option("--check", help="Measure cost first, where a limit of it is set.")
    ] = False,
    deliver: Annotated[
        bool, typer.Option("--deliver", help="Send what is due to the address in TOUCHSTONE_WEBHOOK_URL.")
    ] = False,
    webhook: Annotated[str, typer.Option("--webhook", help="Send what is due to this address, signed.")] = "",
    allow_private: Annotated[
        bool, typer.Option("--allow-private", help="Let the webhook be at an address that is not public.")
    ] = False,
    now: Annotated[
        bool, typer.Option("--now", help="Send what failed before without waiting until it is due.")
    ] = False,
    fail_on_open: Annotated[
        bool, typer.Option("--fail-on-open", help="Exit with 1 where an alert is not closed.")
    ] = False,
    request_id: RequestOption = None,
) -> None:
    """The alerts, newest first, after what was asked for: take or close one, set a limit or an owner, check, deliver."""
    from dashboard.workflows import alert_limits, alerts, cost_alerts

    with opened(context, store, by) as (found, person):
        project_id = project_of(context, found, project)
        if own:
            alerts.own(found, project_id=project_id, by=person, alert_id=own, request_id=request_id)
        if close:
            alerts.close(
                found, project_id=project_id, by=person, alert_id=close, code=code, reason=reason, request_id=request_id
            )  # fmt: skip
        if limit:
            _set_limit(found, project_id, person, limit, least_n, reason, request_id)
        if owner:
            _set_owner(found, project_id, person, owner, reason, request_id)
        if check:
            cost_alerts.measure_due(found, project_id=project_id, by=person)
        sent = _send(
            found, project_id, person, webhook, deliver=deliver, allow_private=allow_private, now=now
        )
        table = alerts.alerts(found, project_id=project_id, by=person)
        document = {
            "project": project_id, "alerts": _rows(table),
            "limits": [asdict(one) for one in alert_limits.limits(found, project_id)],
            "owners": alert_limits.owners(found, project_id), "false_alarms": alerts.false_shares(table).to_dicts(),
            "sent": [asdict(one) for one in sent],
        }  # fmt: skip
    answer(context, as_json, document, _words(table.to_dicts(), sent))
    if fail_on_open and not alerts.still_open(table).is_empty():
        raise typer.Exit(EXIT_SAYS_NO)


def _rows(table: pl.DataFrame) -> list[dict[str, Any]]:
    """The alerts, with the annotators that each names as a list."""
    return [
        {**row, "annotators": json.loads(row["annotators"] or "[]")} for row in table.iter_rows(named=True)
    ]


def _set_limit(
    store: Store, project_id: str, by: Person, asked: str, least_n: int | None, reason: str, request_id: str | None
) -> None:  # fmt: skip
    from dashboard.workflows import alert_figures, alert_limits

    name, _, value = asked.rpartition("=")
    key, kind, group_id = alert_limits.parts_of(name)
    wanted = _limit(value, may_be_on=key == alert_figures.SEQUENTIAL)
    alert_limits.set_limit(
        store, project_id=project_id, by=by, key=key, group=f"{kind}:{group_id}" if kind else "", limit=wanted, least_n=least_n,
        reason=reason, request_id=request_id,
    )  # fmt: skip


def _set_owner(
    store: Store, project_id: str, by: Person, asked: str, reason: str, request_id: str | None
) -> None:
    from dashboard.workflows import alert_limits

    key, _, named = asked.rpartition("=")
    person = None if named == "nobody" else named
    alert_limits.set_owner(
        store, project_id=project_id, by=by, key=key, owner=person, reason=reason, request_id=request_id
    )


def _send(
    store: Store, project_id: str, by: Person, url: str, *, deliver: bool, allow_private: bool, now: bool
) -> tuple[Delivery, ...]:  # fmt: skip
    """Send to the address named, or to that of the environment."""
    if not url and not deliver:
        return ()
    from dashboard.workflows import alert_delivery, alert_webhook

    webhook = alert_webhook.named(url, allow_private=allow_private) if url else alert_webhook.configured()
    if webhook is None:
        raise typer.BadParameter(f"--deliver needs an address in {alert_webhook.URL}")
    return alert_delivery.deliver(store, project_id=project_id, by=by, webhook=webhook, at_once=now)


def _limit(text: str, *, may_be_on: bool) -> float | None:
    if text == "off":
        return None
    if text == "on" and may_be_on:
        return 1.0
    try:
        return float(text)
    except ValueError as error:
        raise typer.BadParameter("a limit is given as FIGURE=NUMBER or FIGURE=off") from error


def _words(rows: list[dict[str, Any]], sent: tuple[Delivery, ...]) -> str:
    lines = [
        f"{row['alert_id']}  {row['status']:<6}  {row['owner'] or '-':<12}  {row['sentence']}" for row in rows
    ]
    lines += [f"sent {one.alert_id}: {one.answer}" for one in sent]
    return "\n".join(lines) or "There are no alerts."
