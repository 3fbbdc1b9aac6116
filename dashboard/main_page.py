"""What stands around every page: the frame, the sidebar, and the page that the address names."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import streamlit as st

from dashboard import active_time, components, navigation, session, sidebar
from dashboard.navigation import PAGES, Page
from dashboard.workflows.errors import NotAllowed, WorkflowError
from dashboard.workflows.opening import StoreError
from dashboard.workflows.rules import Person

ICON = Path(__file__).parent / "assets" / "icon.svg"


def draw(start: str | None = None) -> None:
    """Draw the app; `start` names the page for the bare address (tests open a page by it)."""
    st.set_page_config(
        page_title="Touchstone", page_icon=str(ICON), layout="wide", initial_sidebar_state="expanded"
    )
    components.style()
    try:
        person = session.person()
        known = session.projects()
    except (WorkflowError, StoreError) as error:
        _failed(str(error))
        return
    begin = navigation.page(start) if start else navigation.start_page(person)
    shown = {row.key: _streamlit_page(row, person, has_project=bool(known)) for row in PAGES}
    home = st.Page(partial(_home, begin, shown[begin.key]), title="Touchstone", url_path="home", default=True)
    current = st.navigation([home, *shown.values()], position="hidden")
    components.register_pages(shown, person)
    sidebar.draw(person)
    active_time.stand_still()  # the page that is drawn says what its time is spent on
    current.run()


def _failed(why: str) -> None:
    """Whatever page the address names, it says why there is nothing to show."""
    say = partial(components.failure_page, why)
    home = st.Page(say, title="Touchstone", url_path="home", default=True)
    others = [st.Page(partial(say), title=row.title, url_path=row.url_path) for row in PAGES]
    st.navigation([home, *others], position="hidden").run()


def _home(begin: Page, target: st.Page) -> None:
    st.switch_page(target, query_params={**st.query_params.to_dict(), **session.carried()})


def _streamlit_page(row: Page, person: Person, *, has_project: bool) -> st.Page:
    run: Callable[[], None] = partial(_run, row, person, has_project)
    return st.Page(run, title=row.title, icon=row.icon, url_path=row.url_path)


def _run(row: Page, person: Person, has_project: bool) -> None:
    """Run a page for those whose role allows it; what it refuses is shown in words."""
    if not row.allows(person):
        components.not_for_role(row.title, row.allowed_titles())
        return
    if row.needs_project and not has_project:
        components.empty_state(
            "Nothing has been imported yet",
            "Touchstone starts with annotations: a table with an item, an annotator and a label in each row, "
            "or an export of Label Studio, Prodigy or doccano. A team lead imports the first file.",
            page="import_file",
            link="Import a file",
        )
        return
    components.as_of_banner()
    try:
        row.load()()
    except NotAllowed as error:
        components.error_state("Your role does not allow this", str(error))
    except (WorkflowError, StoreError) as error:
        components.error_state("This could not be done", str(error))
