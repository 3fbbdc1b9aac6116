"""Cost on the screen: the cards, the frontier, the ledger, and the plan with its button."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

import polars as pl
import streamlit as st

from analytics.cost_ledger import Ledger
from dashboard import address, charts, presses, session
from dashboard.components import (
    error_state,
    figure_card,
    go_to,
    look,
    plain,
    plot,
    press_outcome,
    what_is_this,
)
from dashboard.workflows import cost, cost_outlook, cost_plan
from dashboard.workflows.cost_view import CostView, trust_words
from dashboard.workflows.errors import WorkflowError
from dashboard.workflows.item_csv import items_csv

GROUPS = {
    "work": "Kind of work", "label": "Label", "difficulty": "Difficulty", "outcome": "What became of it", "annotator": "Annotator",
}  # fmt: skip
TARGETS = ("", "0.9", "0.95", "0.97", "0.98", "0.99", "0.995")
SHOWN = 200


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
    """What a correct label, a label that stands and an error removed cost, and the share of rework."""
    figures, outlook = seen.cost.figures, seen.outlook
    assert figures is not None
    assert outlook is not None
    right, accepted, last, rework = st.columns(4)
    with right:
        found = figures.per_right
        figure_card(
            "A correct label", found.value, found.low, found.high, found.n, unit=found.unit, n_unit="gold items",
            undefined=found.undefined, help="All pay over the labels that stand and are right, by the consensus on gold.",
        )  # fmt: skip
    with accepted:
        found = figures.per_accepted
        figure_card(
            "A label that stands", found.value, n=found.n, unit=found.unit, n_unit="labels that no flag doubts",
            undefined=found.undefined, help="All pay over the items with a label and no flag that waits.",
        )  # fmt: skip
    with last:
        found = outlook.last_vote
        figure_card(
            "An error removed by the last vote", found.value, found.low, found.high, found.n, unit=found.unit, n_unit="gold items",
            undefined=found.undefined,
            help="What the last vote of each item cost over the errors that it removed on gold, with Fieller's interval.",
        )  # fmt: skip
    with rework:
        found = figures.rework_share
        figure_card(
            "Work done again", found.value, n=seen.cost.n_items, n_unit="items", undefined=found.undefined,
            help="The share of the pay for relabelling, reviews, adjudication, skips and questions.",
        )  # fmt: skip


def frontier(seen: CostView) -> None:
    """Error on gold against the pay for an item."""
    outlook = seen.outlook
    assert outlook is not None
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.markdown("#### What more votes bought", anchors=False)
        what_is_this("gold")
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
        height=min(420, 40 + 35 * shown.height),
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


def plan(seen: CostView) -> None:
    """What reaches an accuracy for least, as a table and a button."""
    spending, outlook = seen.spending, seen.outlook
    assert spending is not None
    assert outlook is not None
    st.markdown("#### What to buy next", anchors=False)
    press_outcome()
    if spending.found is None:
        st.markdown(plain(f"Nothing can be planned: {spending.undefined}."))
        return
    _on_offer(spending)
    st.caption(plain(trust_words(spending)))
    left, right = st.columns(2)
    with left:
        target = address.choice(
            "accuracy",
            "Share of labels that should be correct",
            TARGETS,
            words=lambda one: f"{float(one):.1%}" if one else "Choose …",
        )
    with right:
        address.text(
            "gold",
            f"Price of a label that is taken for right ({spending.currency})",
            placeholder="such as 2.50",
        )
    if not target:
        return
    try:
        made = cost_plan.plan_for(
            session.store(),
            spending,
            project_id=session.project_id(),
            by=session.person(),
            accuracy=float(target),
        )
    except WorkflowError as error:
        error_state("This cannot be planned", str(error))
        return
    st.markdown(f"**{plain(made.sentence)}.**")
    if made.items.is_empty():
        return
    _planned(made)


def _on_offer(spending: cost_plan.Spending) -> None:
    price = f"Price ({spending.currency})"
    rows = spending.offered.iter_rows(named=True)
    table = pl.DataFrame(
        [
            (
                row["action"],
                "" if row["price"] is None else f"{row['price']:.4f}",
                "" if row["accuracy"] is None else f"{row['accuracy']:.0%}",
                "" if row["why_not"] else f"{row['best_for']:,}",
                row["why_not"] or "",
            )
            for row in rows
        ],
        schema=["Purchase", price, "Right", "Best for items", "Why not on offer"],
        orient="row",
    )
    st.dataframe(
        table,
        key="cost_offers",
        hide_index=True,
        height=40 + 35 * table.height,
        column_config={
            price: st.column_config.TextColumn(alignment="right"),
            "Right": st.column_config.TextColumn(
                alignment="right", help="How often one is right, on average over the labels."
            ),
            "Best for items": st.column_config.TextColumn(
                alignment="right", help="Items that would be bought this first."
            ),
        },
        alt="What can be bought, its price, and how often it is right",
    )


def _planned(made: cost_plan.ItemPlan) -> None:
    shown = made.items.head(SHOWN).select(
        pl.col("item_id").alias("Item"), pl.col("action").alias("Purchase"), pl.col("n").alias("How many"),
        pl.col("cost").alias(f"Cost ({made.currency})"), (pl.col("gain") * 100).alias("Gain"),
    )  # fmt: skip
    nth = st.session_state.setdefault("cost_opened", 0)
    event = st.dataframe(
        shown,
        key=f"cost_plan_{nth}",
        hide_index=True,
        height=min(320, 40 + 35 * shown.height),
        on_select="rerun",
        selection_mode=["single-row", "single-cell"],
        column_config={
            f"Cost ({made.currency})": st.column_config.NumberColumn(format="%.3f"),
            "Gain": st.column_config.NumberColumn(
                format="+%.1f %%", help="Points by which the label is expected to be correct more often."
            ),
        },
        alt="The items of the plan, those worth most for their price first; a click opens the item",
    )
    rows, cells = event["selection"]["rows"], event["selection"]["cells"]
    if rows or cells:
        st.session_state["cost_opened"] = nth + 1
        go_to("items", item=shown["Item"][rows[0] if rows else cells[0][0]])
    if session.as_of() is None and session.person().may("flag"):
        people = made.items.filter(
            pl.col("action").is_in([cost_plan.VOTE, cost_plan.ADJUDICATION, cost_plan.GOLD])
        ).height
        words = "1 item" if people == 1 else f"{people:,} items"
        st.button(
            f"Hand {words} to Relabel",
            key="cost_batch",
            type="primary",
            disabled=not people,
            on_click=_hand_out,
            args=(made,),
        )


def _hand_out(made: cost_plan.ItemPlan) -> None:
    batch = presses.send(
        lambda request_id: cost_plan.ask_for_votes(
            session.store(), made, project_id=session.project_id(), by=session.person(), request_id=request_id
        ),
        "cost_batch",
        *made.items["item_id"].to_list(),
    )
    if batch is not None:
        waits = f"; {batch.n_waiting:,} wait there already" if batch.n_waiting else ""
        presses.say_done(f"{batch.n_raised:,} items were handed to Relabel{waits}.")


def forecast(seen: CostView) -> None:
    """When the queue will be empty, and when the next votes would be in."""
    outlook = seen.outlook
    assert outlook is not None
    st.markdown("#### When the queue will be empty", anchors=False)
    st.markdown(plain(f"{cost_outlook.queue_words(outlook)}."))
    votes = outlook.votes
    if (
        votes.done_on is not None
        and votes.earliest is not None
        and votes.latest is not None
        and votes.n_weeks
    ):
        st.caption(
            f"The next purchase's votes would be in by {votes.done_on:%d %b} ({votes.earliest:%d %b} to {votes.latest:%d %b}) at the pace "
            f"of all annotations of the last {votes.n_weeks} weeks. Nothing is taken to be added meanwhile."
        )


def gold_price() -> Decimal | None:
    """The price of gold in the address; None where there is none, or no number."""
    try:
        found = Decimal(st.query_params.get("gold", ""))
    except InvalidOperation:
        return None
    return found if found.is_finite() and found > 0 else None


def group() -> str:
    """How the address groups the ledger, as far as the person may see it."""
    named = st.query_params.get("per", "work")
    allowed = named in cost.BYS and (named != "annotator" or session.person().may("view.pay"))
    return named if allowed else "work"
