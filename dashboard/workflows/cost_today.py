"""What cost says today, in one sentence with its figure: a line of the debt that labels carry."""

from __future__ import annotations

from dashboard.workflows import cost
from dashboard.workflows.opening import Store
from dashboard.workflows.rules import Person


def cost_today(store: Store, project_id: str, by: Person, *, as_of: int | None = None) -> str:
    """One sentence with its figure, or what is missing for one.

    Raises:
        NotAllowed: the person may not see costs.
    """
    seen = cost.cost(store, project_id=project_id, by=by, as_of=as_of)
    if seen.figures is None:
        return f"{seen.sentence}."
    share = seen.figures.rework_share.value
    rework = "" if share is None else f"; {share:.0%} of the pay went into work done again"
    return f"{seen.sentence}{rework}."
