"""Labels that are sets: reading what a person or a file calls a set, and giving every new one its code."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace

from dashboard.workflows.errors import BadRequest
from dashboard.workflows.label_sets import LabelSet, Members, label_rows
from dashboard.workflows.label_words import EMPTY, JOINED


def members_in(text: str) -> tuple[str, ...]:
    """The members that a text names, as they are written: a JSON list of texts, members joined by " + ", or "(none)".

    >>> members_in('["cat", "dog"]'), members_in("cat + dog"), members_in("(none)")
    (('cat', 'dog'), ('cat', 'dog'), ())
    """
    written = text.strip()
    if written.startswith("["):
        try:
            found = json.loads(written)
        except ValueError:
            found = None
        if isinstance(found, list) and all(isinstance(member, str) for member in found):
            return tuple(found)
    if written in (EMPTY, ""):
        return ()
    return tuple(part.strip() for part in written.split(JOINED))


def member_codes(label_set: LabelSet, names: Iterable[str]) -> Members:
    """The set of these members, each once.

    Raises:
        BadRequest: one is not among the choices.
    """
    codes = dict(zip(label_set.choices, label_set.choice_codes, strict=True))
    wanted = set(names)
    strange = sorted(wanted - codes.keys())
    if strange:
        raise BadRequest(
            f"{strange[0]!r} is not in the label set. A label is a set of: {', '.join(label_set.choices)}."
        )
    return tuple(sorted(codes[name] for name in wanted))


def with_sets(label_set: LabelSet, sets: Iterable[Members]) -> LabelSet:
    """The label set that also has these sets, each with a code of its own; the version stays. No sets, no change."""
    known = set(label_set.members)
    fresh = sorted({members for members in sets if members not in known}, key=lambda one: (len(one), one))
    if not fresh:
        return label_set
    first = max(label_set.codes, default=-1) + 1
    return replace(
        label_set,
        labels=(*label_set.labels, *(text_of(label_set, members) for members in fresh)),
        codes=(*label_set.codes, *range(first, first + len(fresh))),
        values=(*label_set.values, *(None for _ in fresh)),
        members=(*label_set.members, *fresh),
    )


def text_of(label_set: LabelSet, members: Sequence[int]) -> str:
    """A set as people read it: its members in the order of their codes."""
    return JOINED.join(label_set.label(code) for code in sorted(members)) or EMPTY


def coded(label_set: LabelSet, label: str) -> tuple[LabelSet, int]:
    """The code of a label that a person gave, and the label set in which it has one.

    A set that nobody gave before gets its code here: `new_rows` are the rows that go with it into the same event.

    Raises:
        BadRequest: the label, or a member of it, is not in the label set.
    """
    if not label_set.is_sets:
        return label_set, label_set.code(label)
    members = member_codes(label_set, members_in(label))
    grown = with_sets(label_set, [members])
    return grown, grown.codes[grown.members.index(members)]


def toggled(label_set: LabelSet, chosen: str | None, choice: str) -> str:
    """The set that is chosen once `choice` was pressed: in where it was out, out where it was in; EMPTY empties it."""
    if choice == EMPTY:
        return EMPTY
    names = set(members_in(chosen)) if chosen is not None else set()
    return text_of(label_set, member_codes(label_set, names ^ {choice}))


def new_rows(before: LabelSet, after: LabelSet) -> list[dict[str, object]]:
    """The rows of the table `label` that `after` has and `before`, of the same version, does not."""
    return label_rows(after, first=before.n_labels)
