"""The verb about alerts: listing, taking and closing them, their limits, sending them."""

from __future__ import annotations

from typing import Annotated

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
    close: Annotated[str, typer.Option("--close", help="Close the alert with this id; needs --reason.")] = "",
    limit: Annotated[
        str, typer.Option("--limit", help="Set a limit, FIGURE=VALUE (or FIGURE=off); needs --reason.")
    ] = "",
    reason: Annotated[str, typer.Option("--reason", help="Why.")] = "",
    webhook: Annotated[
        str, typer.Option("--webhook", help="Send what was not delivered yet to this address, signed.")
    ] = "",
    allow_private: Annotated[
        bool, typer.Option("--allow-private", help="Let the webhook be at an address that is not public.")
    ] = False,
    request_id: RequestOption = None,
) -> None:
    """The alerts, newest first, after what was asked for: take or close one, set a limit, deliver them."""
    from dataclasses import asdict

    from dashboard.workflows import alert_delivery, alerts

    with opened(context, store, by) as (found, person):
        project_id = project_of(context, found, project)
        if own:
            alerts.own(found, project_id=project_id, by=person, alert_id=own, request_id=request_id)
        if close:
            alerts.close(
                found, project_id=project_id, by=person, alert_id=close, reason=reason, request_id=request_id
            )
        if limit:
            key, _, value = limit.partition("=")
            alerts.set_limit(
                found, project_id=project_id, by=person, key=key, limit=_limit(value), reason=reason, request_id=request_id
            )  # fmt: skip
        sent = (
            alert_delivery.deliver(
                found, project_id=project_id, by=person, url=webhook, allow_private=allow_private
            )
            if webhook
            else ()
        )
        table = alerts.alerts(found, project_id=project_id, by=person)
        held = alerts.limits(found, project_id)
    document = {
        "project": project_id, "alerts": table.to_dicts(), "limits": [asdict(one) for one in held],
        "sent": [asdict(one) for one in sent],
    }  # fmt: skip
    lines = [
        f"{row['alert_id']}  {row['status']:<6}  {row['owner'] or '-':<12}  {row['sentence']}"
        for row in table.iter_rows(named=True)
    ]
    lines += [f"sent {one.alert_id}: {one.answer}" for one in sent]
    answer(context, as_json, document, "\n".join(lines) or "There are no alerts.")


def _limit(text: str) -> float | None:
    if text == "off":
        return None
    try:
        return float(text)
    except ValueError as error:
        raise typer.BadParameter("a limit is given as FIGURE=NUMBER or FIGURE=off") from error
