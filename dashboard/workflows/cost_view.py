"""Everything that the page Cost shows, read once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

from analytics.queue_forecast import Forecast
from dashboard.workflows import cost, cost_outlook, cost_plan
from dashboard.workflows.cost_audit import Audit, audit
from dashboard.workflows.cost_fit import PlanBasis, plan_basis
from dashboard.workflows.cost_model import ModelPoint, model_point
from dashboard.workflows.cost_offers import VOTE
from dashboard.workflows.cost_outlook import Outlook
from dashboard.workflows.cost_plan import Spending
from dashboard.workflows.cost_rework import Rework, rework
from dashboard.workflows.cost_work import PaidWork, paid_work
from dashboard.workflows.opening import Store
from dashboard.workflows.rules import Person


@dataclass(frozen=True, slots=True, eq=False)
class CostView:
    """What labels cost and what to buy. All but `cost` is None where nobody has said what work is paid.

    `spending`: what can be bought. `outlook`: what votes did, and what waits. `rework`: what was paid for doing it again and looking
    it over. `model`: what a point of model error costs. `audit`:
    what an error removed between releases cost.
    """

    cost: cost.Cost
    spending: Spending | None
    outlook: Outlook | None
    rework: Rework | None = None
    model: ModelPoint | None = None
    audit: Audit | None = None

    @property
    def votes(self) -> Forecast | None:
        """When the votes of the next purchase would be in; None where it has none."""
        following = None if self.spending is None else self.spending.next_plan
        if following is None or self.outlook is None:
            return None
        n = int(following.items.filter(action=VOTE)["n"].sum())
        return cost_outlook.votes_by(self.outlook, n) if n else None

    @property
    def sentence(self) -> str:
        """What a correct label costs and what the next money is best spent on."""
        if self.spending is None or not self.spending.sentence:
            return self.cost.sentence
        return f"{self.cost.sentence}; {self.spending.sentence}"


@dataclass(frozen=True, slots=True, eq=False)
class CostBasis:
    """What takes long and depends on the store alone: the work with its pay, what plans are weighed by, and the view as it is with the
    ledger by kind of work and no price of gold.
    """

    work: PaidWork
    plans: PlanBasis | str
    plain: CostView


def cost_view(
    store: Store, *, project_id: str, by: Person, group: str = "work", into: str | None = None, gold_price: Decimal | None = None,
    as_of: int | None = None,
) -> CostView:  # fmt: skip
    """What labels cost, what to buy next, and what waits.

    Raises:
        BadRequest: an unknown group or currency, or a price that is not above 0. NotAllowed: the person may not see costs, or pay.
    """
    cost.check(by, group)
    cost_plan.check_price(gold_price)
    basis = cost_basis(store, project_id=project_id, by=by, into=into, as_of=as_of)
    return view_of(
        store, basis, project_id=project_id, by=by, group=group, gold_price=gold_price, as_of=as_of
    )


def cost_basis(
    store: Store, *, project_id: str, by: Person, into: str | None = None, as_of: int | None = None
) -> CostBasis:
    """What a view is made of, however its ledger is grouped and whatever gold costs.

    Raises:
        BadRequest: an unknown currency. NotAllowed: the person may not see costs.
    """
    cost.check(by, "work")
    work = paid_work(store, project_id, into=into, as_of=as_of)
    seen = cost.of_work(store, project_id, work, as_of=as_of)
    if seen.figures is None:
        return CostBasis(work, "nothing is paid", CostView(seen, None, None))
    plans = plan_basis(store, project_id, work, as_of=as_of)
    model = model_point(
        store, project_id, per_label=seen.figures.per_accepted, currency=seen.figures.currency, as_of=as_of
    )
    plain = CostView(
        seen,
        cost_plan.spending(plans, work.currency),
        cost_outlook.of_work(store, project_id, work, as_of=as_of),
        rework_of(store, project_id, work, as_of=as_of),
        model,
        audit(store, project_id, work, as_of=as_of),
    )
    return CostBasis(work, plans, plain)


def view_of(
    store: Store, basis: CostBasis, *, project_id: str, by: Person, group: str = "work", gold_price: Decimal | None = None,
    as_of: int | None = None,
) -> CostView:  # fmt: skip
    """As `cost_view`, of what was worked out before, as of the same event."""
    cost.check(by, group)
    cost_plan.check_price(gold_price)
    seen = cost.grouped_by(store, project_id, basis.work, basis.plain.cost, group=group, as_of=as_of)
    spending = basis.plain.spending
    if spending is not None and gold_price is not None:
        spending = cost_plan.spending(basis.plans, basis.work.currency, gold_price=gold_price)
    return replace(basis.plain, cost=seen, spending=spending)


def rework_of(store: Store, project_id: str, work: PaidWork, *, as_of: int | None = None) -> Rework:
    """What doing it again and looking it over cost; the caller has checked who may see it."""
    items = store.read("cost_items", project_id=project_id, as_of=as_of)
    return rework(work, items, work.currency or "")


def trust_words(seen: Spending) -> str:
    """How far what is expected of a purchase can be trusted: what gold said of it."""
    realised = seen.realised
    if realised.value is None or realised.low is None or realised.high is None:
        return (
            f"What is expected is the model's own belief, which gold has not checked ({realised.undefined}). "
            "On real crowds a third to a half of such a gain came; see the docs."
        )
    between = f"{realised.low:.0%} to {realised.high:.0%}, {realised.n:,} items"
    if realised.low <= 0:
        return (
            "A vote beyond nearly as many as items have now was tried on your gold items and had no measurable effect: of the gain "
            f"that was expected {between}. So none is promised, however much the first votes of an item bring."
        )
    return f"On your gold items {realised.value:.0%} of the gain that was expected came ({between}); gains of votes are multiplied by that."
