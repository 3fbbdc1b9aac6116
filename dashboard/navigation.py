"""The pages of the app: one row each. A page's module is imported when it is first shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import cast

from dashboard.workflows.rules import PERMISSIONS, ROLE_TITLES, ROLES, Person

SECTIONS = ("Work", "Quality", "Record", "Set up")


@dataclass(frozen=True, slots=True)
class Page:
    """One page.

    Attributes:
        key: how the code names it.
        title: how the sidebar names it.
        icon: a Material symbol.
        url_path: its address.
        roles: who may see it; every workflow checks again what may be done there.
        section: its heading in the sidebar, one of SECTIONS.
        module: the module with its `render()`.
        needs_project: whether it shows a project; such a page is not run while the store has none.
        question: what it answers, in a few words.
    """

    key: str
    title: str
    icon: str
    url_path: str
    roles: frozenset[str]
    section: str
    module: str
    needs_project: bool = True
    question: str = ""

    def allows(self, person: Person) -> bool:
        """Whether one of the person's roles may see the page."""
        return bool(person.roles & self.roles)

    def allowed_titles(self) -> str:
        """The roles that may see the page, in words."""
        return ", ".join(ROLE_TITLES[role] for role in ROLES if role in self.roles)

    def load(self) -> Callable[[], None]:
        """Import the page's module and return its `render`."""
        return cast("Callable[[], None]", import_module(self.module).render)


def _page(
    key: str, title: str, icon: str, verb: str, section: str, question: str, *, needs_project: bool = True
) -> Page:
    return Page(
        key=key,
        title=title,
        icon=f":material/{icon}:",
        url_path=key.replace("_", "-"),
        roles=PERMISSIONS[verb],
        section=section,
        module=f"dashboard.pages.{key}",
        needs_project=needs_project,
        question=question,
    )


PAGES: tuple[Page, ...] = (
    _page("overview", "Overview", "monitoring", "view.figures", "Work", "Are these labels fit to release?"),
    _page(
        "relabel", "Relabel", "edit_note", "relabel", "Work", "What is the label of the next doubtful item?"
    ),
    _page("my_work", "My work", "person", "my_work", "Work", "How is my own labelling going?"),
    _page("items", "Items", "view_list", "view.items", "Work", "What is the whole story of an item?"),
    _page(
        "adjudicate", "Adjudicate", "gavel", "adjudicate", "Work", "Where people differ, what is the label?"
    ),
    _page(
        "agreement",
        "Agreement",
        "join_inner",
        "view.figures",
        "Quality",
        "Do annotators agree, and where not?",
    ),
    _page(
        "annotators", "Annotators", "group", "view.annotators", "Quality", "Who needs help, and with what?"
    ),
    _page(
        "uncertainty",
        "Uncertainty",
        "psychology",
        "view.items",
        "Quality",
        "Which labels does a model doubt, and where is it unsure itself?",
    ),
    _page("cost", "Cost", "payments", "view.cost", "Quality", "What does a correct label cost?"),
    _page("drift", "Drift", "trending_up", "view.figures", "Quality", "What changed, by how much, and why?"),
    _page("bias", "Bias", "balance", "view.figures", "Quality", "Is somebody treated differently?"),
    _page(
        "explanations",
        "Explanations",
        "lightbulb",
        "view.items",
        "Record",
        "Why is this label what it is?",
    ),
    _page("releases", "Releases", "verified", "view.figures", "Record", "May this release go out?"),
    _page(
        "audit_trail",
        "Audit trail",
        "history",
        "view.audit",
        "Record",
        "What happened, and is the record whole?",
        needs_project=False,
    ),
    _page(
        "import_file",
        "Import",
        "upload_file",
        "import",
        "Set up",
        "What is in this file?",
        needs_project=False,
    ),
    _page("guideline", "Guideline", "menu_book", "view", "Set up", "What are annotators asked to do?"),
    _page("settings", "Settings", "tune", "view.figures", "Set up", "Who may do what?", needs_project=False),
)


def page(key: str) -> Page:
    """The page with this key; raises KeyError naming those that exist."""
    for row in PAGES:
        if row.key == key:
            return row
    raise KeyError(f"There is no page {key!r}. Pages: {', '.join(row.key for row in PAGES)}.")


def visible_to(person: Person) -> tuple[Page, ...]:
    """The pages that the person's roles may see, in the sidebar's order."""
    return tuple(row for row in PAGES if row.allows(person))


def start_page(person: Person) -> Page:
    """Where a person begins: an annotator at the work, everybody else at the overview."""
    allowed = visible_to(person)
    return allowed[0] if allowed else page("overview")
