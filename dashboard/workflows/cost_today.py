"""What cost says today, in one sentence with its figure: a line of the debt that labels carry."""

from __future__ import annotations

from dashboard.workflows import cost
from dashboard.workflows.opening import Store
from dashboard.workflows.rules import Person, require


def cost_today(
    store: Store, project_id: str, by: Person, *, as_of: int | None = None
) -> tuple[cost.State, str]:
    """A state, and one sentence with its figure or what is missing for one.

    Raises:
        NotAllowed: the person may not see costs.
    """
    require(by, "view.cost")
    if store.read("cost_rates", project_id=project_id, as_of=as_of).is_empty():
        # The work of years need not be added up to say so.
        return "undefined", "Nobody has said what work is paid."
    seen = cost.cost(store, project_id=project_id, by=by, as_of=as_of)
    if seen.figures is None:
        return seen.state, f"{seen.sentence}."
    share = seen.figures.rework_share.value
    rework = "" if share is None else f"; {share:.0%} of the pay went into work done again"
    return seen.state, f"{seen.sentence}{rework}."
