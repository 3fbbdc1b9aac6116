"""Who may act in a store: its members and their roles."""

from __future__ import annotations

import getpass
from collections.abc import Collection

import polars as pl

from dashboard.workflows.errors import BadRequest
from dashboard.workflows.opening import Store
from dashboard.workflows.rules import ADMIN, LEAD, ROLES, Person, require
from data.database import Reader
from data.records import Draft


def members(store: Store, *, as_of: int | None = None) -> pl.DataFrame:
    """Columns person_id, name, roles (list), active; in the order in which they came."""
    return store.read("member_list", as_of=as_of)


def person(store: Store, person_id: str) -> Person:
    """The active member with this id; raises BadRequest naming those who exist."""
    rows = members(store).filter(pl.col("active"))
    found = rows.filter(pl.col("person_id") == person_id)
    if found.is_empty():
        known = ", ".join(rows["person_id"]) or "nobody yet"
        raise BadRequest(
            f"{person_id!r} is not a member of this store. Members: {known}. "
            f"`touchstone member add {person_id} --role lead` adds one (roles: {', '.join(ROLES)})."
        )
    row = found.row(0, named=True)
    return Person(row["person_id"], row["name"], frozenset(row["roles"]))


def set_member(
    store: Store,
    *,
    by: Person,
    person_id: str,
    name: str | None = None,
    roles: Collection[str],
    active: bool = True,
    request_id: str | None = None,
) -> Person:
    """Add a member, or change a member's name and roles; `active=False` takes the right to act away, not the history."""
    require(by, "member.set")
    unknown = sorted(set(roles) - set(ROLES))
    if unknown or not roles:
        raise BadRequest(
            f"A member needs at least one role of: {', '.join(ROLES)}; got {', '.join(unknown) or 'none'}."
        )
    if not person_id.strip():
        raise BadRequest("A member needs an id.")
    row = {"person_id": person_id, "name": name or person_id, "roles": sorted(roles), "active": active}

    def plan(reader: Reader) -> Draft:
        others = reader.read("member_list").filter(pl.col("active") & (pl.col("person_id") != person_id))
        admins = others.filter(pl.col("roles").list.contains(ADMIN))
        if admins.is_empty() and not (active and ADMIN in roles):
            raise BadRequest("A store needs at least one active administrator; this would leave none.")
        return Draft("member_set", "", person_id, {"rows": {"member": [row]}})

    store.submit(plan, by=by.person_id, request={"verb": "member.set", **row}, request_id=request_id)
    return Person(person_id, name or person_id, frozenset(roles))


def owner(store: Store) -> Person:
    """The person at the keyboard: whoever makes a store is its first member, with the roles lead and admin.

    Where the store has members, the operating system's user must be one of them.
    """
    user = getpass.getuser()
    if members(store).is_empty():
        first = Person(user, user, frozenset({LEAD, ADMIN}))
        return set_member(store, by=first, person_id=user, roles=first.roles)
    return person(store, user)
