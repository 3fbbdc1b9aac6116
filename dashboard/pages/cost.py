"""Cost: what does a correct label cost, and what is the next money best spent on?"""

from __future__ import annotations

from datetime import UTC
from decimal import Decimal

import streamlit as st

from dashboard import cost_figures, cost_plan_view, rates_view, session
from dashboard.components import empty_state, press_outcome, verdict
from dashboard.palette import FOUND
from dashboard.workflows import cost, cost_view
from dashboard.workflows.cost_view import CostBasis, CostView

At = tuple[str, str, int | None, str]
"""The head of the journal, the project, the event whose past is looked at, the day."""


def render() -> None:
    """Draw the page."""
    seen = _seen()
    if seen.cost.figures is None:
        _nothing(seen)
        return
    verdict(
        seen.cost.state,
        seen.sentence,
        detail=seen.cost.detail,
        chip=FOUND["undefined"] if seen.cost.state == "undefined" else "Known",
    )
    cost_figures.cards(seen)
    left, right = st.columns(2, gap="large")
    with left:
        cost_plan_view.purchases(seen)
    with right:
        cost_figures.ledger(seen)
    cost_plan_view.plan(seen)
    left, right = st.columns(2, gap="large")
    with left:
        cost_figures.frontier(seen)
    with right:
        cost_figures.rework(seen)
    left, right = st.columns(2, gap="large")
    with left:
        cost_figures.said_so_far(seen)
    with right:
        cost_figures.forecast(seen)
    rates_view.draw()


def _nothing(seen: CostView) -> None:
    """No rate, or none that holds: what to do."""
    press_outcome()
    if session.person().may("rate.set"):
        empty_state(
            "Nobody has said what work is paid"
            if not seen.cost.has_rates
            else "No rate holds for any of the work",
            f"{seen.cost.detail} Set a rate below, or those of a file, and this page says what a label costs.",
            code="touchstone rates --basis hour --amount 18.50 --currency EUR --from 2026-01-01",
            icon="payments",
        )
        rates_view.draw(is_open=True)
    else:
        empty_state(
            "Nobody has said what work is paid",
            f"{seen.cost.detail} A lead or an administrator sets the rates; then this page says what a label costs.",
            icon="payments",
        )


def _seen() -> CostView:
    """What is shown, as things are at the head of the journal; what was worked out before is kept, and is not copied."""
    store, person = session.store(), session.person()
    group, price = cost_figures.group(), cost_plan_view.gold_price()
    cost.check(person, group)
    # What is ahead depends on the day, and another store may have stood here before.
    at = (store.head_hash, session.project_id(), session.as_of(), f"{store.clock().astimezone(UTC):%F}")
    return _view(at, group, price)


@st.cache_resource(max_entries=16, show_spinner=False)
def _view(at: At, group: str, price: Decimal | None) -> CostView:
    _, project_id, as_of, _ = at
    return cost_view.view_of(
        session.store(), _basis(at), project_id=project_id, by=session.person(), group=group, gold_price=price, as_of=as_of
    )  # fmt: skip


@st.cache_resource(max_entries=2, show_spinner="Adding up what labels cost …")
def _basis(at: At) -> CostBasis:
    _, project_id, as_of, _ = at
    return cost_view.cost_basis(session.store(), project_id=project_id, by=session.person(), as_of=as_of)
