"""Cost on the screen: the cards, the frontier, the ledger, and the plan with its button."""

from __future__ import annotations

from decimal import Decimal

import polars as pl
import streamlit as st

from analytics.cost_ledger import Ledger
from dashboard import address, charts, session
from dashboard.components import (
    figure_card,
    look,
    plain,
    plot,
    what_is_this,
)
from dashboard.workflows import cost, cost_outlook
from dashboard.workflows.cost_rework import Rework
from dashboard.workflows.cost_view import CostView
from dashboard.workflows.item_csv import items_csv

GROUPS = {
    "work": "Kind of work", "label": "Label", "difficulty": "Difficulty", "outcome": "What became of it", "annotator": "Annotator",
}  # fmt: skip


def amount_text(minor: int | None, ledger: Ledger) -> str:
    """Whole minor units as people read them, exact.

    >>> from fractions import Fraction
    >>> amount_text(123456, Ledger("EUR", 2, pl.DataFrame(), 0, Fraction(0)))
    '1,234.56 EUR'
    """
    if minor is None:
        return "not known"
    return f"{Decimal(minor).scaleb(-ledger.digits):,.{ledger.digits}f} {ledger.currency}"


def cards(seen: CostView) -> None:
    """Money against quality: a correct label, an error removed, a point of model error; and the queue."""
    figures, outlook, model = seen.cost.figures, seen.outlook, seen.model
    assert figures is not None
    assert outlook is not None
    assert model is not None
    right, last, point, queue = st.columns(4)
    with right:
        found = figures.per_right
        figure_card(
            "A correct label", found.value, found.low, found.high, found.n, unit=found.unit, n_unit="gold items",
            undefined=found.undefined, help="All pay over the labels that stand and are right, by the consensus on gold.",
        )  # fmt: skip
    with last:
        found = outlook.last_vote
        figure_card(
            "An error removed", found.value, found.low, found.high, found.n, unit=found.unit, n_unit="gold items",
            undefined=found.undefined,
            help="What the last vote of each item cost over the errors that it removed on gold, with Fieller's interval.",
        )  # fmt: skip
    with point:
        found = model.money
        figure_card(
            "Model point", found.value, found.low, found.high, found.n, unit=found.unit, n_unit="labelled items",
            undefined=found.undefined,
            help="One point less of the model's error: the labels that the newest learning curve asks for, at what a label costs.",
        )  # fmt: skip
    with queue:
        _queue(seen)


def _queue(seen: CostView) -> None:
    """When the flags that wait are settled, and what that costs."""
    outlook = seen.outlook
    assert outlook is not None
    queue = outlook.queue
    with st.container(border=True, height="stretch", gap="xsmall"):
        st.markdown(
            "**Queue empty by**",
            help="Nothing is taken to be added to it meanwhile, and nobody to stop or join.",
        )
        known = queue.done_on is not None and queue.earliest is not None and queue.latest is not None
        shown = "now" if outlook.n_waiting == 0 else f"{queue.done_on:%d %b}" if known else "–"
        st.markdown(f"# {shown}", anchors=False)
        waiting = "1 flag waits" if outlook.n_waiting == 1 else f"{outlook.n_waiting:,} flags wait"
        if outlook.n_waiting == 0:
            st.caption("No flag waits for anybody.")
            return
        when = f"{queue.earliest:%d %b} to {queue.latest:%d %b}" if known else f"{queue.days.undefined}"
        cost = cost_outlook.queue_money(outlook) or f"cost not known: {outlook.queue_cost.undefined}"
        st.caption(plain(f"{when} · {waiting} · {cost}"))


def frontier(seen: CostView) -> None:
    """Error on gold against the pay for an item."""
    outlook = seen.outlook
    assert outlook is not None
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.markdown("#### What more votes bought", anchors=False)
        what_is_this("gold")
    if outlook.last_vote.undefined is not None and not outlook.frontier.is_empty():
        st.caption(plain(f"An error removed by the last vote: {outlook.last_vote.undefined}."))
    if outlook.frontier.is_empty():
        with st.container(border=True):
            st.markdown(f"**Nobody knows yet**  \n{plain(f'{outlook.frontier_undefined}.')}")
            st.caption("Gold labels on some items, imported with them, show what each vote brings.")
        return
    points = outlook.frontier.select(
        at="cost",
        value="error",
        low="low",
        high="high",
        n=pl.lit(outlook.last_vote.n),
        undefined=pl.lit(None, dtype=pl.String),
    )
    figure = charts.trend(
        points,
        look=look(),
        unit="share",
        name="Wrong on gold",
        x_title=f"Pay for an item ({outlook.currency}), a point a vote",
    )
    plot(
        figure,
        key="cost_frontier",
        alt="Share of labels that are wrong on gold by the pay for an item, one point a vote, with intervals",
    )
    st.caption(
        "Votes in a random order, on gold items that the model was not fitted on. Lower and further left is better."
    )


def ledger(seen: CostView) -> None:
    """The table that adds up, and how it is grouped."""
    st.markdown("#### Where the money went", anchors=False)
    may_see_pay = session.person().may("view.pay")
    groups = tuple(one for one in GROUPS if may_see_pay or one != "annotator")
    address.choice("per", "By", groups, words=lambda key: GROUPS[key], default="work")
    for table in seen.cost.tables:
        _ledger(table, seen.cost.by)


def _ledger(found: Ledger, group: str) -> None:
    rows = found.table.select(
        pl.col("group").alias(GROUPS[group]),
        pl.col("n").alias("Pieces"),
        pl.Series("Hours", _hours(found.table), dtype=pl.Float64),
        pl.Series("Pay", [amount_text(minor, found) for minor in found.table["amount"]], dtype=pl.String),
    )
    total = pl.DataFrame(
        {
            GROUPS[group]: ["Total"],
            "Pieces": [int(found.table.filter(pl.col("part") != "idle time")["n"].sum())],
            "Hours": [float(rows["Hours"].sum())],
            "Pay": [amount_text(found.total, found)],
        },
        schema=rows.schema,
    )
    shown = pl.concat([rows, total])
    st.dataframe(
        shown,
        key=f"ledger_{found.currency}",
        hide_index=True,
        height="content" if shown.height <= 11 else 420,
        column_config={
            "Pieces": st.column_config.NumberColumn(
                format="localized", help="Work with idle time in it is counted once in the total."
            ),
            "Hours": st.column_config.NumberColumn(format="%.2f"),
            "Pay": st.column_config.TextColumn(alignment="right"),
        },
        alt="Where the money went; the last row is the total",
    )
    st.download_button(
        "As CSV",
        lambda: items_csv(shown),
        f"cost-{group}-{found.currency}.csv",
        "text/csv",
        key=f"ledger_csv_{found.currency}",
    )


def _hours(table: pl.DataFrame) -> list[float]:
    """Hours of work, and of idle time in the row that is of it."""
    return [
        (idle if part == "idle time" else active) / 3.6e6
        for part, active, idle in table.select("part", "active_ms", "idle_ms").iter_rows()
    ]


def rework(seen: CostView) -> None:
    """What doing it again and looking it over cost, a row each."""
    found = seen.rework
    assert found is not None
    st.markdown("#### Done again and looked over", anchors=False)
    paid = {} if found.ledger is None else dict(found.ledger.table.select("group", "amount").iter_rows())
    rows = [
        (
            row["work"],
            f"{row['n']:,}",
            f"{row['active_ms'] / 3.6e6:,.2f}" if row["n"] > row["n_untimed"] else "",
            f"{row['n_untimed']:,}" if row["n_untimed"] else "",
            _paid(paid.get(row["work"]), found) if row["n"] else "",
        )
        for row in found.counts.iter_rows(named=True)
    ]
    idle = paid.get("idle time")
    if idle is not None:
        rows.append(
            ("idle time", "", f"{int(found.counts['idle_ms'].sum()) / 3.6e6:,.2f}", "", _paid(idle, found))
        )
    if found.ledger is not None:
        total = amount_text(found.ledger.total, found.ledger)
        rows.append(("Total", f"{int(found.counts['n'].sum()):,}", "", "", total))
    table = pl.DataFrame(rows, schema=["Work", "Pieces", "Hours", "Without a time", "Pay"], orient="row")
    st.dataframe(
        table,
        key="rework_ledger",
        hide_index=True,
        height="content",
        column_config={
            "Pieces": st.column_config.TextColumn(alignment="right"),
            "Hours": st.column_config.TextColumn(alignment="right"),
            "Without a time": st.column_config.TextColumn(
                alignment="right", help="Pieces whose time nobody recorded; it is not guessed."
            ),
            "Pay": st.column_config.TextColumn(alignment="right"),
        },
        alt="What doing work again and looking it over cost, a row each kind; the last row is the total",
    )
    share = None if seen.cost.figures is None else seen.cost.figures.rework_share.value
    again = (
        ""
        if share is None
        else f" Relabels, reviews, adjudications and what was passed on are {share:.1%} of all pay."
    )
    st.caption(plain(f"{found.sentence}.{again}"))


def _paid(amount: int | None, found: Rework) -> str:
    return "not known" if amount is None or found.ledger is None else amount_text(amount, found.ledger)


def said_so_far(seen: CostView) -> None:
    """What an error removed between releases and a point of model error cost, in sentences."""
    assert seen.model is not None
    assert seen.audit is not None
    st.markdown("#### What money did so far", anchors=False)
    st.markdown("\n".join(f"- {plain(f'{one.sentence}.')}" for one in (seen.audit, seen.model)))


def forecast(seen: CostView) -> None:
    """When the queue will be empty, and when the next votes would be in."""
    outlook = seen.outlook
    assert outlook is not None
    st.markdown("#### When the queue will be empty", anchors=False)
    st.markdown(plain(f"{cost_outlook.queue_words(outlook)}."))
    votes = seen.votes
    if (
        votes is not None
        and votes.done_on is not None
        and votes.earliest is not None
        and votes.latest is not None
        and votes.n_weeks
    ):
        st.caption(
            f"The next purchase's votes would be in by {votes.done_on:%d %b} ({votes.earliest:%d %b} to {votes.latest:%d %b}) at the pace "
            f"of all annotations of the last {votes.n_weeks} weeks. Nothing is taken to be added meanwhile, and nobody to stop or join."
        )


def group() -> str:
    """How the address groups the ledger, as far as the person may see it."""
    named = st.query_params.get("per", "work")
    allowed = named in cost.BYS and (named != "annotator" or session.person().may("view.pay"))
    return named if allowed else "work"
