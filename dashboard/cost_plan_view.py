"""What to buy next on the screen: the purchases against their price, those that are not on offer, and the plan with its button."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

import polars as pl
import streamlit as st

from dashboard import address, cost_charts, presses, session
from dashboard.components import error_state, go_to, look, plain, plot, press_outcome
from dashboard.workflows import cost_plan
from dashboard.workflows.cost_offers import ADJUDICATION, GOLD, NEXT, VOTE
from dashboard.workflows.cost_view import CostView, trust_words
from dashboard.workflows.errors import WorkflowError

TARGETS = ("", "0.9", "0.95", "0.97", "0.98", "0.99", "0.995")
SHOWN = 200


def purchases(seen: CostView) -> None:
    """What each purchase is expected to remove for the money, and the cheapest mix."""
    spending = seen.spending
    assert spending is not None
    st.markdown("#### What the next money buys", anchors=False)
    if spending.found is None:
        st.markdown(plain(f"Nothing can be planned: {spending.undefined}."))
        return
    if spending.frontier["errors"].max() == 0:
        with st.container(border=True):
            st.markdown("**Nothing on offer is expected to make a label better**")
            st.caption(plain(trust_words(spending)))
        return
    plot(
        cost_charts.purchases(spending.frontier, look=look(), currency=spending.currency or ""),
        key="cost_purchases",
        alt="Wrong labels fewer that are expected, by the money spent: a line a purchase, and the cheapest mix as a broad line",
    )
    st.caption(plain(trust_words(spending)))


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
    price, each = f"Price ({spending.currency})", f"Per error removed ({spending.currency})"
    rows = spending.offered.iter_rows(named=True)
    table = pl.DataFrame(
        [
            (
                row["action"],
                "" if row["price"] is None else f"{row['price']:.4f}",
                "" if row["accuracy"] is None else f"{row['accuracy']:.0%}",
                _each(row["per_error"], row["why_not"]),
                "" if row["why_not"] else f"{row['best_for']:,}",
                row["why_not"] or "",
            )
            for row in rows
        ],
        schema=["Purchase", price, "Right", each, "Best for items", "Why not on offer"],
        orient="row",
    )
    st.dataframe(
        table,
        key="cost_offers",
        hide_index=True,
        height="content",
        column_config={
            price: st.column_config.TextColumn(alignment="right"),
            "Right": st.column_config.TextColumn(
                alignment="right", help="How often one is right, on average over the labels."
            ),
            each: st.column_config.TextColumn(
                alignment="right",
                help=f"Expected, over the first {NEXT} {spending.currency} spent on this alone.",
            ),
            "Best for items": st.column_config.TextColumn(
                alignment="right", help="Items that would be bought this first."
            ),
        },
        alt="What can be bought, its price, and how often it is right",
    )


def _each(per_error: float | None, why_not: str | None) -> str:
    if why_not:
        return ""
    return "removes none" if per_error is None else f"{per_error:,.2f}"


def _planned(made: cost_plan.ItemPlan) -> None:
    shown = made.items.head(SHOWN).select(
        pl.col("item_id").alias("Item"), pl.col("action").alias("Purchase"), pl.col("n").alias("How many"),
        pl.col("cost").alias(f"Cost ({made.currency})"), (pl.col("gain") * 100).alias("Gain"),
        (pl.col("next_vote") * 100).alias("Next vote"),
    )  # fmt: skip
    nth = st.session_state.setdefault("cost_opened", 0)
    event = st.dataframe(
        shown,
        key=f"cost_plan_{nth}",
        hide_index=True,
        height="content" if shown.height <= 8 else 320,
        on_select="rerun",
        selection_mode=["single-row", "single-cell"],
        column_config={
            f"Cost ({made.currency})": st.column_config.NumberColumn(format="%.3f"),
            "Gain": st.column_config.NumberColumn(
                format="+%.1f %%", help="Points by which the label is expected to be correct more often."
            ),
            "Next vote": st.column_config.NumberColumn(
                format="+%.1f %%",
                help="What a single vote more would do: one often cannot turn a label where three can.",
            ),
        },
        alt="The items of the plan, those worth most for their price first; a click opens the item",
    )
    rows, cells = event["selection"]["rows"], event["selection"]["cells"]
    if rows or cells:
        st.session_state["cost_opened"] = nth + 1
        go_to("items", item=shown["Item"][rows[0] if rows else cells[0][0]])
    if session.as_of() is None and session.person().may("flag"):
        people = made.items.filter(pl.col("action").is_in([VOTE, ADJUDICATION, GOLD])).height
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


def gold_price() -> Decimal | None:
    """The price of gold in the address; None where there is none, or no number."""
    try:
        found = Decimal(st.query_params.get("gold", ""))
    except InvalidOperation:
        return None
    return found if found.is_finite() and found > 0 else None
