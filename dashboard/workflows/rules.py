"""Who may do what, and the limits that a release has to keep."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dashboard.workflows.errors import NotAllowed

LEAD, REVIEWER, ANNOTATOR, ADMIN = "lead", "reviewer", "annotator", "admin"
ROLES = (LEAD, REVIEWER, ANNOTATOR, ADMIN)
ROLE_TITLES: Mapping[str, str] = {
    LEAD: "Team lead",
    REVIEWER: "Compliance reviewer",
    ANNOTATOR: "Annotator",
    ADMIN: "Administrator",
}

PERMISSIONS: Mapping[str, frozenset[str]] = {
    "view": frozenset(ROLES),
    "view.figures": frozenset({LEAD, REVIEWER, ADMIN}),
    "view.items": frozenset({LEAD, REVIEWER, ADMIN}),
    "view.gold": frozenset({LEAD, REVIEWER, ADMIN}),  # who labels must not learn which items are gold
    "view.annotators": frozenset({LEAD, REVIEWER, ADMIN}),
    "view.audit": frozenset({LEAD, REVIEWER, ADMIN}),
    "view.cost": frozenset({LEAD, REVIEWER, ADMIN}),
    "view.pay": frozenset({LEAD, ADMIN}),  # what a named person is paid, and rates
    "rate.set": frozenset({LEAD, ADMIN}),
    "import": frozenset({LEAD, ADMIN}),
    "guideline.publish": frozenset({LEAD, ADMIN}),
    "member.set": frozenset({ADMIN}),
    "setting.change": frozenset({LEAD, ADMIN}),
    "score": frozenset({LEAD, ADMIN}),
    "flag": frozenset({LEAD, ADMIN}),
    "drift.measure": frozenset({LEAD, ADMIN}),
    "alert.handle": frozenset({LEAD, ADMIN}),
    "relabel": frozenset({ANNOTATOR, LEAD}),
    "adjudicate": frozenset({LEAD}),
    "release.propose": frozenset({LEAD}),
    "release.sign": frozenset({LEAD, REVIEWER}),
    "release.waive": frozenset({LEAD}),
    "release.export": frozenset({LEAD, REVIEWER, ADMIN}),
    "attributes.read": frozenset({REVIEWER, ADMIN}),
    "note.write": frozenset({LEAD}),
    "note.read": frozenset({LEAD}),
    "my_work": frozenset({ANNOTATOR}),
}


@dataclass(frozen=True, slots=True)
class Person:
    """Who acts: the `by` of every use case."""

    person_id: str
    name: str
    roles: frozenset[str]

    def may(self, verb: str) -> bool:
        """Whether one of the person's roles allows the verb."""
        return bool(self.roles & PERMISSIONS[verb])


def require(by: Person, verb: str) -> None:
    """Raise NotAllowed where `by` may not do `verb`, saying who may."""
    if not by.may(verb):
        allowed = ", ".join(ROLE_TITLES[role] for role in ROLES if role in PERMISSIONS[verb])
        roles = ", ".join(ROLE_TITLES[role] for role in ROLES if role in by.roles) or "no role"
        raise NotAllowed(f"{by.name} ({roles}) may not do this ({verb}). It takes one of: {allowed}.")
