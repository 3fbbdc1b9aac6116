"""What bias, drift and cost say today, a sentence each with its figure: what the labels owe beside the gates of a release."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from dashboard.workflows import bias_view, cost_today, drift
from dashboard.workflows.opening import Store
from dashboard.workflows.rules import Person, require

State = Literal["fit", "watch", "not fit", "undefined"]


@dataclass(frozen=True, slots=True)
class Debt:
    """One line: `page` tells the rest."""

    title: str
    page: str
    state: State
    sentence: str


def quality_debt(store: Store, *, project_id: str, by: Person, as_of: int | None = None) -> tuple[Debt, ...]:
    """The three lines; where something was never measured, that is the line.

    Raises:
        NotAllowed: the person may not see figures.
    """
    require(by, "view.figures")
    lines = [_bias(store, project_id, by, as_of)]
    state: State
    state, sentence = drift.drift_today(store, project_id, by, as_of=as_of)
    lines.append(Debt("Drift", "drift", state, sentence))
    if by.may("view.cost"):
        state, sentence = cost_today.cost_today(store, project_id, by, as_of=as_of)
        lines.append(Debt("Cost", "cost", state, sentence))
    return tuple(lines)


def _bias(store: Store, project_id: str, by: Person, as_of: int | None) -> Debt:
    seen = bias_view.bias_view(store, project_id=project_id, by=by, as_of=as_of)
    if seen is None:
        return Debt("Bias", "bias", "undefined", "Groups were not compared yet.")
    return Debt("Bias", "bias", seen.state, f"{seen.sentence}.")
