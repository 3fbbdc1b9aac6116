"""What alerts are set to: the limits of figures, who owns new ones, where they are sent; how often those of a figure were false."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import polars as pl
import streamlit as st

from dashboard import presses, session
from dashboard.components import empty_state, plain, press_outcome
from dashboard.marks import moment_text
from dashboard.navigation import page
from dashboard.workflows import alert_delivery, alert_figures, alert_limits, alert_webhook, alerts
from dashboard.workflows.alert_figures import CROWD, Watched
from dashboard.workflows.alert_limits import AlertLimit
from dashboard.workflows.alert_opening import CLOSED
from dashboard.workflows.errors import BadRequest

EVERY = "every figure"
NOBODY = "nobody"
SENT_SHOWN = 10


def draw() -> None:
    """The limits first, then owners and the webhook; annotators have no such page, and reviewers see no forms."""
    press_outcome()
    store, project, past = session.store(), session.project_id(), session.as_of()
    if not project:
        st.caption("There is no project yet; its alerts come with it.")
        return
    table = alerts.alerts(store, project_id=project, by=session.person(), as_of=past)
    held = alert_limits.limits(store, project, as_of=past)
    on = sum(limit.value is not None for limit in held)
    st.markdown(
        f"**{on} figures of {plain(session.projects()[project])} are watched.** An alert opens where the near end of a figure's interval "
        "is beyond its limit, on at least the n beside it, while none of the same is open."
    )
    _limits(held, alerts.false_shares(table))
    may_change = past is None and session.person().may("setting.change")
    if may_change:
        with st.expander("Set a limit"):
            _limit_form(held)
    _owners(may_change=may_change)
    _webhook(table)


def _limits(held: tuple[AlertLimit, ...], shares: pl.DataFrame) -> None:
    false = {row["key"]: row for row in shares.iter_rows(named=True)}
    now = alert_limits.measured_now(session.store(), session.project_id(), held, as_of=session.as_of())
    rows = [
        {
            "Figure": alert_figures.title(limit.key, limit.group_kind, limit.group_id),
            "Now": _now(limit, now.get(alert_limits.name_of(limit.key, limit.group_kind, limit.group_id))),
            "Alert": _rule(limit),
            "From n": f"{limit.least_n:,}",
            "Set by": f"{limit.set_by}, {limit.set_at:%d %b %Y}" if limit.set_by else "the default",
            "False alarms": _false(false.get(limit.key)),
            "Why": limit.reason or alert_figures.watched(limit.key).why,
        }
        for limit in held
    ]
    st.dataframe(
        pl.DataFrame(rows),
        hide_index=True,
        key="alert_limits",
        height="content",
        column_config={"Now": st.column_config.TextColumn(width=130)},
        alt="The limits of alerts, and who set them",
    )


def _now(limit: AlertLimit, found: Mapping[str, Any] | None) -> str:
    """The newest value; of all annotators that of the one furthest to the limit's side, with the name."""
    if found is None:
        return "–"
    value = alert_figures.told(found["value"], alert_figures.watched(limit.key).unit or found["unit"])
    return f"{value} ({found['group_id']})" if limit.group_kind == CROWD else value


def _rule(limit: AlertLimit) -> str:
    row = alert_figures.watched(limit.key)
    if limit.value is None:
        return "off"
    if row.side == "value":
        return "by its own limit"
    beyond = "over" if row.side == "low" else "under"
    if not row.unit:
        return f"{beyond} {limit.value:,.2f} (money)"
    return f"{beyond} {alert_figures.told(limit.value, row.unit)}"


def _false(row: dict[str, Any] | None) -> str:
    """How many of the closed alerts were false, with the interval of their share."""
    if row is None:
        return "none closed"
    return f"{row['n_false']} of {row['n_closed']} closed ({row['low']:.0%} to {row['high']:.0%})"


def _limit_form(held: tuple[AlertLimit, ...]) -> None:
    never = alert_limits.never_measured(session.store(), session.project_id())
    titles = {row.key: row.title for row in alert_figures.WATCHED if row.key != never}
    key = st.selectbox("Limit of", list(titles), format_func=titles.__getitem__, key="limit_of")
    row = alert_figures.watched(key)
    st.caption(
        f"{plain(row.why)[0].upper()}{plain(row.why)[1:]}. It is explained on the page {page(row.page).title}."
    )
    group = _group(row)
    if group is None:
        return
    if group == f"{CROWD}:":
        st.caption(
            "One alert names everybody who is surely beyond it, and another opens only where somebody joins. However many are watched, at "
            "most 2.5 of 100 measurements name anybody wrongly."
        )
    now = next((one for one in held if one.key == key and _of(one) == group), None)
    first, second, third = st.columns([2, 2, 3], vertical_alignment="bottom")
    wanted = first.number_input(
        "Alert over" if row.side == "low" else "Alert under", min_value=float(row.lowest),
        max_value=float(row.highest) if math.isfinite(row.highest) else None, value=_first(row, now), step=_step(row), format="%.3f",
        disabled=row.side == "value", key=f"limit_value_{key}{group}",
        help="A share of 0.05 is 5 in 100." if row.unit in ("share", "difference") else None,
    )  # fmt: skip
    least = second.number_input(
        "From n",
        min_value=row.least_n,
        value=row.least_n if now is None else now.least_n,
        step=10,
        key=f"limit_n_{key}{group}",
        help="Fewer tell nothing.",
    )
    off = third.checkbox(
        "Switch this alert off", value=now is not None and now.value is None, key=f"limit_off_{key}{group}"
    )
    reason = st.text_input("Why", key="limit_why", help="It stays in the record.")
    if st.button("Set the limit", type="primary"):
        new = None if off else row.default if row.side == "value" else float(wanted)
        done = presses.send(
            lambda request: alert_limits.set_limit(
                session.store(), project_id=session.project_id(), by=session.person(), key=key, limit=new, reason=reason,
                least_n=int(least), group=group, request_id=request,
            ),
            "limit", key, group, str(new), str(least), reason,
        )  # fmt: skip
        if done is not None:
            presses.say_done(f"The limit of {plain(row.title)} was set.")
        st.rerun()


def _group(row: Watched) -> str | None:
    """KIND:GROUP that the limit is of, "" for the project; None where there is no group to choose yet."""
    if "" in row.group_kinds:
        return ""
    known = [f"{CROWD}:"] if CROWD in row.group_kinds else []
    known += [
        f"{kind}:{group_id}"
        for kind in row.group_kinds
        for group_id in alert_limits.groups(session.store(), session.project_id(), row.key, kind)
    ]
    if not known:
        st.caption("It was not measured of any group yet. Score the project first.")
        return None
    return st.selectbox("Of", known, format_func=_group_title, key=f"limit_group_{row.key}")


def _group_title(name: str) -> str:
    kind, _, group_id = name.partition(":")
    return alert_figures.group_words(kind, group_id)


def _of(limit: AlertLimit) -> str:
    """KIND:GROUP of a limit, as `_group` has it."""
    return f"{limit.group_kind}:{limit.group_id}" if limit.group_kind else ""


def _first(row: Watched, now: AlertLimit | None) -> float:
    """What the field says at first: the limit that holds, the default, or a value that makes sense of such a figure."""
    if now is not None and now.value is not None:
        return now.value
    if row.default is not None:
        return row.default
    return {"share": 0.8 if row.side == "high" else 0.2, "coefficient": 0.667, "difference": 0.05}.get(
        row.unit, 1.0
    )


def _step(row: Watched) -> float:
    return 0.01 if math.isfinite(row.highest) else 1.0


def _owners(*, may_change: bool) -> None:
    st.markdown("#### Who owns new alerts", anchors=False)
    store, project = session.store(), session.project_id()
    held = alert_limits.owners(store, project, as_of=session.as_of())
    people = alert_limits.may_own(store)
    if not held:
        st.caption("Nobody: an alert opens unowned, and waits until somebody takes it.")
    for key, person in sorted(held.items()):
        of = alert_figures.title(key) if key else EVERY
        gone = "" if person in people else ", who may not handle alerts any more: new ones open unowned"
        st.markdown(f"- {plain(of[0].upper() + of[1:])}: **{plain(people.get(person, person))}**{gone}")
    if not may_change:
        return
    with st.form("alert_owner", border=False):
        titles = {"": EVERY, **{row.key: row.title for row in alert_figures.WATCHED}}
        first, second, third = st.columns([2, 2, 3], vertical_alignment="bottom")
        key = first.selectbox("Alerts of", list(titles), format_func=titles.__getitem__, key="owner_of")
        owner = second.selectbox(
            "Owned by", ["", *people], format_func=lambda one: people.get(one, NOBODY), key="owner_is"
        )
        reason = third.text_input("Why", key="owner_why")
        if st.form_submit_button("Set the owner"):
            done = presses.send(
                lambda request: alert_limits.set_owner(
                    store, project_id=project, by=session.person(), key=key, owner=owner or None, reason=reason, request_id=request
                ),
                "owner", key, owner, reason,
            )  # fmt: skip
            if done is not None:
                presses.say_done("Who owns new alerts was set.")
            st.rerun()


def _webhook(table: pl.DataFrame) -> None:
    st.markdown("#### Webhook", anchors=False)
    webhook = alert_webhook.configured()
    if webhook is None:
        empty_state(
            "Alerts are sent nowhere",
            f"The server sends each new alert to the address in {alert_webhook.URL}, signed with {alert_webhook.SECRET}. "
            "Both are set before the server starts; neither is kept in the store.",
            icon="webhook",
        )
    else:
        try:
            webhook.check()
            st.markdown(
                f"Alerts go to **{plain(webhook.host)}**, signed. The rest of the address is shown to nobody."
            )
        except BadRequest as error:
            st.error(plain(str(error)))
    tried = table.filter(pl.col("attempts") > 0).sort("tried_at", descending=True).head(SENT_SHOWN)
    if tried.is_empty():
        st.caption("Nothing was sent so far.")
        return
    st.dataframe(
        pl.DataFrame([_answer(row) for row in tried.iter_rows(named=True)]),
        hide_index=True,
        key="alert_answers",
        alt="The last answers of the webhook",
    )


def _answer(row: dict[str, Any]) -> dict[str, str]:
    if row["delivered"]:
        following = "delivered"
    elif row["status"] == CLOSED:
        following = "no more: it was closed"
    elif row["attempts"] >= alert_delivery.MOST_ATTEMPTS:
        following = "no more: given up"
    else:
        following = f"not before {moment_text(alert_delivery.due_at(row))}"
    return {
        "Alert": alert_figures.title(row["key"], row["group_kind"], row["group_id"]), "Host": row["host"],
        "Attempts": f"{row['attempts']} of {alert_delivery.MOST_ATTEMPTS}", "Last": moment_text(row["tried_at"]),
        "Answer": row["answer"], "Next": following,
    }  # fmt: skip
