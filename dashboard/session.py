"""What a page needs to know before it draws: the store, who acts, which project, as of when.

Import it only as `from dashboard import session`: under another name it is a second module without a store.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl
import streamlit as st

from dashboard.workflows import members
from dashboard.workflows.errors import BadRequest, WorkflowError
from dashboard.workflows.opening import Store
from dashboard.workflows.rules import LEAD, Person

PROJECT, AS_OF, PERSON = "project", "as_of", "person"


class NoStore(WorkflowError):
    """The store could not be opened; the message says why."""


@dataclass(slots=True)
class _Held:
    """The one store of this process, or why there is none."""

    store: Store | None = None
    demo: bool = False
    failure: str = "The server has not opened a store."


_held = _Held()


def set_store(store: Store, *, demo: bool = False) -> None:
    """Give the app its open store; the server's start and the tests do this."""
    _held.store, _held.demo, _held.failure = store, demo, ""


def set_failure(message: str) -> None:
    """Say why there is no store."""
    _held.store, _held.demo, _held.failure = None, False, message


def clear_store() -> None:
    """Forget the store; whoever opened it closes it."""
    set_failure("The server has closed its store.")


def is_open() -> bool:
    """Whether there is a store."""
    return _held.store is not None


def store() -> Store:
    """The open store; raises NoStore with the reason where there is none."""
    if _held.store is None:
        raise NoStore(_held.failure)
    return _held.store


def is_demo() -> bool:
    """Whether the store holds the simulated demo data and people may be picked."""
    return _held.demo


def people() -> tuple[Person, ...]:
    """The active members of the store, in the order in which they came."""
    rows = members.members(store()).filter(pl.col("active"))
    return tuple(
        Person(row["person_id"], row["name"], frozenset(row["roles"])) for row in rows.iter_rows(named=True)
    )


def person() -> Person:
    """Who acts: in the demo the one picked (a lead at first), else TOUCHSTONE_USER or this account's user.

    Raises:
        BadRequest: that person is not an active member of the store.
    """
    if is_demo():
        everybody = people()
        if not everybody:
            raise BadRequest("The demo store has no members.")
        picked = _remembered(PERSON)
        chosen = [one for one in everybody if one.person_id == picked]
        leads = [one for one in everybody if LEAD in one.roles]
        return (chosen or leads or everybody)[0]
    named = os.environ.get("TOUCHSTONE_USER")
    return members.person(store(), named) if named else members.owner(store())


def projects() -> Mapping[str, str]:
    """The title of every project by its id, oldest first."""
    rows = store().read("project_list")
    return dict(zip(rows["project_id"], rows["title"], strict=True))


def project_id() -> str:
    """The project on the screen: in the address, else the last looked at, else the oldest; "" without any."""
    return _shown_of(projects())


def as_of() -> int | None:
    """The event up to which history is shown; None for now."""
    named = _remembered(AS_OF)
    if named is None or not named.isdigit() or not 0 < int(named) < store().head:
        return None
    return int(named)


def choose(name: str, value: str | None) -> None:
    """Remember a choice (PROJECT, AS_OF, PERSON) for this visit and in the address; None forgets it."""
    st.session_state[_kept(name)] = value
    if value is None:
        st.query_params.pop(name, None)
    else:
        st.query_params[name] = value


def carried() -> dict[str, str]:
    """What every link to another page takes along, so that one opened in a new tab shows the same view."""
    known = projects()
    found = {PROJECT: _shown_of(known) if len(known) > 1 else None, AS_OF: _remembered(AS_OF)}
    if is_demo():
        found[PERSON] = _remembered(PERSON)
    return {name: value for name, value in found.items() if value}


def _shown_of(known: Mapping[str, str]) -> str:
    """The one on the screen of the projects that there are, as `project_id` says."""
    named = _remembered(PROJECT)
    return named if named is not None and named in known else next(iter(known), "")


def _remembered(name: str) -> str | None:
    """The address wins; where a change of page has emptied it, what this visit chose before."""
    in_address: str | None = st.query_params.get(name)
    if in_address:
        st.session_state[_kept(name)] = in_address
        return in_address
    kept: str | None = st.session_state.get(_kept(name))
    return kept


def _kept(name: str) -> str:
    return f"chosen_{name}"
