"""Which column of a file plays which role: guessed from plain names, or said with `--map role=column`."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from data.errors import ImportRejected

REQUIRED = ("item", "annotator", "label")

# For each role our own names, strongest first, then what other tools call it; without case and separators.
_OWN: dict[str, tuple[str, ...]] = {
    "item": ("item", "itemid"),
    "annotator": ("annotator", "annotatorid"),
    "label": ("label",),
    "at": ("at", "labelledat"),
    "seconds": ("seconds", "activeseconds"),
    "text": ("text",),
    "gold": ("gold",),
    "image": ("image",),
    "source_id": ("sourceid",),
    "rationale": ("rationale",),
    "suggestion": ("suggestion", "suggestedlabel"),
    "suggestion_shown": ("suggestionshown", "suggestionisshown"),
}
_OTHERS: dict[str, tuple[str, ...]] = {
    "item": (
        *("task", "taskid", "example", "exampleid", "question", "questionid", "unit", "unitid"),
        *("sample", "sampleid", "instance", "instanceid", "document", "documentid", "docid", "hitid"),
    ),
    "annotator": (
        *("worker", "workerid", "rater", "raterid", "user", "userid", "username", "coder", "coderid"),
        *("labeler", "labelerid", "labeller", "labellerid", "annotatedby", "completedby", "judge", "judgeid"),
    ),
    "label": (
        *("answer", "class", "category", "response", "annotation", "judgement", "judgment", "rating"),
        *("choice", "labelname"),
    ),
    "at": ("labeledat", "timestamp", "createdat", "time", "annotatedat", "submittedat", "date", "datetime"),
    "seconds": ("duration", "durationseconds", "timespent", "leadtime", "worktimeinseconds"),
    "text": ("content", "sentence", "message"),
    "gold": ("truth", "groundtruth", "expected", "goldlabel", "truelabel"),
    "image": ("imageurl", "imagepath", "file"),
    "source_id": ("annotationid",),
    "rationale": (),
    "suggestion": ("prelabel", "preannotation"),
    "suggestion_shown": (),
}
ROLES = tuple(_OWN)

# Label Studio's own CSV: there, and only there, a bare "id" is the item.
_LABEL_STUDIO_CSV = {"annotationid", "annotator", "id", "leadtime", "createdat"}
_SHOWN = 30


@dataclass(frozen=True, slots=True)
class Roles:
    """Role -> column, with a sentence for each guess and for each thing that stands in the way."""

    columns: dict[str, str]
    guessed: tuple[str, ...]
    problems: tuple[str, ...]


def parse_map(pairs: Iterable[str]) -> dict[str, str]:
    """Read `role=column` pairs as given to `--map`.

    Raises:
        ImportRejected: a pair without "=", an unknown role, or a role given twice.

    >>> parse_map(["annotator=worker", "at="])
    {'annotator': 'worker', 'at': ''}
    """
    mapping: dict[str, str] = {}
    for pair in pairs:
        role, separator, column = pair.partition("=")
        role, column = role.strip().lower(), column.strip()
        if not separator:
            raise ImportRejected(
                f"--map {pair} has no '='; write --map role=column, as in --map annotator=worker."
            )
        check_role(role)
        if role in mapping:
            raise ImportRejected(
                f"--map names {role!r} twice: {mapping[role]!r} and {column!r}. Give each role once."
            )
        mapping[role] = column
    return mapping


def check_role(role: str) -> None:
    """Raise ImportRejected when `role` is not one that a column can play."""
    if role not in ROLES:
        near = difflib.get_close_matches(role, ROLES, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise ImportRejected(f"There is no role {role!r}; the roles are {', '.join(ROLES)}.{hint}")


def assign(columns: Sequence[str], asked: Mapping[str, str], *, name: str) -> Roles:
    """Give each role its column: as asked, else by an unambiguous name.

    Args:
        columns: the source's column names.
        asked: role -> column said by the user; an empty column leaves the role out.
        name: what to call the source in messages.

    Raises:
        ImportRejected: an unknown role was asked for.
    """
    chosen: dict[str, str] = {}
    guessed: list[str] = []
    problems: list[str] = []
    for role, column in asked.items():
        check_role(role)
        if column:
            found = find_column(columns, column)
            if found is None:
                problems.append(no_such_column(columns, column, name))
            else:
                chosen[role] = found
    taken = set(chosen.values())
    for role in ROLES:
        if role in asked:
            continue
        candidates = _candidates([c for c in columns if c not in taken], role)
        if len(candidates) == 1:
            chosen[role] = candidates[0]
            if candidates[0] != role:
                guessed.append(f"Column {candidates[0]!r} was taken as {role!r} by its name.")
        elif candidates:
            problems.append(
                f"{name} has {len(candidates)} columns that could be {role!r}: {', '.join(candidates)}. "
                f"Say which with --map {role}={candidates[0]}"
                + ("." if role in REQUIRED else f", or --map {role}= for none.")
            )
    if "suggestion" not in asked and "suggestion" in chosen and "suggestion_shown" not in chosen:
        # Taken as shown it would make every label a dependent one: too much for a guess.
        column = chosen.pop("suggestion")
        guessed = [said for said in guessed if repr(column) not in said]
        guessed.append(
            f"Column {column!r} was left out, since nothing says whether it was shown; --map suggestion={column} takes all of it as shown."
        )
    ambiguous = {
        role for role in REQUIRED if len(_candidates([c for c in columns if c not in taken], role)) > 1
    }
    missing = [r for r in REQUIRED if r not in chosen and r not in ambiguous and not asked.get(r)]
    if missing:
        problems.append(_missing(columns, chosen, missing, name))
    return Roles(chosen, tuple(guessed), tuple(problems))


def find_column(columns: Sequence[str], wanted: str) -> str | None:
    """The column called `wanted`, exactly or else without case and separators; None if there is not one."""
    if wanted in columns:
        return wanted
    same = [c for c in columns if plain(c) == plain(wanted) and plain(c)]
    return same[0] if len(same) == 1 else None


def guess(columns: Sequence[str], role: str) -> str | None:
    """The one column whose name fits `role`, or None."""
    found = _candidates(columns, role)
    return found[0] if len(found) == 1 else None


def is_known(column: str) -> bool:
    """Whether the column's name is one that some role is known by."""
    return any(plain(column) in _OWN[role] + _OTHERS[role] for role in ROLES)


def plain(column: str) -> str:
    """A name without case and separators.

    >>> plain("Worker-ID ")
    'workerid'
    """
    return "".join(c for c in column.casefold() if c.isalnum())


def listed(columns: Iterable[str]) -> str:
    """Column names for a message, cut where there are very many."""
    names = [c if len(c) <= 60 else c[:57] + "..." for c in columns]
    more = f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def _candidates(columns: Sequence[str], role: str) -> list[str]:
    """Columns that could play the role; one alone where one of our own names decides."""
    by_name: dict[str, list[str]] = {}
    for column in columns:
        by_name.setdefault(plain(column), []).append(column)
    if role in by_name and role in by_name[role]:
        return [role]
    for own in _OWN[role]:
        if own in by_name:
            return by_name[own]
    if role == "item" and by_name.keys() >= _LABEL_STUDIO_CSV:
        return by_name["id"]
    return [column for other in _OTHERS[role] for column in by_name.get(other, [])]


def _missing(columns: Sequence[str], chosen: Mapping[str, str], roles: Sequence[str], name: str) -> str:
    free = [c for c in columns if c not in chosen.values()]
    hints, unnamed = [], []
    for role in roles:
        words = [w for w in (*_OWN[role], *_OTHERS[role]) if len(w) > 3]
        near = [c for c in free if any(word in plain(c) for word in words)]
        near = near or [c for c in free if difflib.get_close_matches(plain(c), words, n=1, cutoff=0.8)]
        if near:
            hints.append(f"--map {role}={near[0]}")
            free.remove(near[0])
        else:
            unnamed.append(f"--map {role}=COLUMN")
    lacking = " and ".join(repr(role) for role in roles)
    meant = f" Did you mean {' '.join(hints)}?" if hints else ""
    rest = f" Name the column with {' '.join(unnamed)}." if unnamed else ""
    return f"{name} has no column for {lacking}; it has {listed(columns)}.{meant}{rest}"


def no_such_column(columns: Sequence[str], column: str, name: str) -> str:
    """What to say about a column that was asked for and is not in the source."""
    near = difflib.get_close_matches(column, columns, n=1, cutoff=0.6)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return f"{name} has no column {column!r}; it has {listed(columns)}.{hint}"
