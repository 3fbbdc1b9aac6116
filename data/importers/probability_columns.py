"""Which columns of a file hold a model's probabilities for the labels of a label set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from data.errors import ImportRejected
from data.importers.item_ids import bare_id, refuse_own_ids
from data.importers.mapping import find_column, guess, listed, no_such_column, plain

ITEM, LIST, MEMBER = "item", "probabilities", "member"
# What a column with one list of probabilities a row is called, without case and separators.
_LISTS = ("probabilities", "probability", "probs", "proba", "predprobs", "scores")
_LOGITS = ("logits", "logit")
_MEMBERS = ("member", "sample")


@dataclass(frozen=True, slots=True)
class ProbabilityColumns:
    """Where everything is. `labels`: a column for each label in the label set's order, or none where `list` has them all.

    `item` is none where a file of ids says which item is which. `member`: the column that tells the members of a model apart,
    where there is one.
    """

    item: str | None
    labels: tuple[str, ...]
    list: str | None
    member: str | None
    mapping: dict[str, str]
    said: tuple[str, ...]

    @property
    def used(self) -> tuple[str, ...]:
        """Every column that is read."""
        keys = tuple(column for column in (self.item, self.member) if column is not None)
        return (*keys, *((self.list,) if self.list is not None else self.labels))


@dataclass(frozen=True, slots=True)
class _Scheme:
    """A way of naming the columns: what each label's would be called, and the sentence on it."""

    columns: tuple[str, ...]
    said: str


def find_probability_columns(
    columns: Sequence[str],
    asked: Mapping[str, str],
    labels: Sequence[str],
    *,
    name: str,
    logits: bool = False,
    label_order: Sequence[str] = (),
    ids: bool = False,
) -> ProbabilityColumns:
    """Give the item, the member and each label their columns: as asked, else by name.

    Args:
        columns: the source's column names.
        asked: "item", "member", "probabilities" or a label (also as p_<label>) -> column.
        labels: the label set in its order.
        name: what to call the source in messages.
        logits: whether the numbers are logits.
        label_order: the labels as the model counts them, LABEL_0, LABEL_1, …; () where that is not known.
        ids: whether a file of ids says which item is which, so that no column does.

    Raises:
        ImportRejected: a role or column that is not there, or labels without a column; the message names them.
    """
    roles = _asked(columns, asked, labels, name)
    item, said = (None, ()) if ids else _item_column(columns, roles, labels, name)
    if ids:
        refuse_own_ids((column for column in columns if column not in labels), roles, name)
    member = _member_column(columns, item, roles, labels, name)
    free = [column for column in columns if column not in (item, member)]
    keys = {role: column for role, column in ((ITEM, item), (MEMBER, member)) if column is not None}
    if LIST in roles:
        return ProbabilityColumns(item, (), roles[LIST], member, {**keys, LIST: roles[LIST]}, said)
    schemes = _schemes(roles, labels, label_order)
    for scheme in schemes:
        if set(scheme.columns) <= set(free):
            _refuse_more(scheme, free, labels, name)
            mapping = {**keys, **dict(zip(map(role_of, labels), scheme.columns, strict=True))}
            return ProbabilityColumns(item, scheme.columns, None, member, mapping, (*said, scheme.said))
    named = (*_LISTS, *_LOGITS) if logits else _LISTS
    lists = [column for column in free if plain(column) in named]
    if len(lists) == 1:
        return ProbabilityColumns(item, (), lists[0], member, {**keys, LIST: lists[0]}, said)
    raise ImportRejected(_missing(schemes, free, labels, name))


def role_of(label: str) -> str:
    """What `--map` and the mapping call a label: its own name, unless that already means something else.

    >>> role_of("cat"), role_of("item")
    ('cat', 'p_item')
    """
    return f"p_{label}" if label in (ITEM, LIST, MEMBER) else label


def _asked(
    columns: Sequence[str], asked: Mapping[str, str], labels: Sequence[str], name: str
) -> dict[str, str]:
    """Role -> column for what was asked, roles as `role_of` has them."""
    known = {f"p_{label}": role_of(label) for label in labels}
    known |= {role_of(label): role_of(label) for label in labels} | {ITEM: ITEM, LIST: LIST, MEMBER: MEMBER}
    found: dict[str, str] = {}
    for role, column in asked.items():
        if role not in known:
            raise ImportRejected(
                f"There is no role {role!r}; --map takes item, member, probabilities, and the labels {listed(labels)}."
            )
        match = find_column(columns, column)
        if match is None:
            raise ImportRejected(no_such_column(columns, column, name))
        found[known[role]] = match
    return found


def _item_column(
    columns: Sequence[str], roles: Mapping[str, str], labels: Sequence[str], name: str
) -> tuple[str, tuple[str, ...]]:
    """The column of the item ids, with a sentence where it was guessed."""
    if ITEM in roles:
        return roles[ITEM], ()
    taken = {*labels, *roles.values()} - {ITEM}
    free = [column for column in columns if column not in taken]
    # A column `sample` beside another that may be the item tells members apart; alone it is the item, as elsewhere.
    others = [column for column in free if plain(column) not in _MEMBERS]
    found = guess(others, ITEM) or bare_id(free) or guess(free, ITEM)
    if found is None:
        raise ImportRejected(
            f"{name} has no column that is plainly the item; it has {listed(columns)}. Say which with --map item=COLUMN, or "
            "give the ids in its order with --ids FILE."
        )
    return found, () if found == ITEM else (f"Column {found!r} was taken as 'item' by its name.",)


def _member_column(
    columns: Sequence[str], item: str | None, roles: Mapping[str, str], labels: Sequence[str], name: str
) -> str | None:
    """The column that tells members apart, where there is one."""
    if MEMBER in roles:
        return roles[MEMBER]
    taken = {item, *labels, *roles.values()}
    found = [column for column in columns if column not in taken and plain(column) in _MEMBERS]
    if len(found) > 1:
        raise ImportRejected(
            f"{name} has {len(found)} columns that could tell members apart: {listed(found)}. Say which with --map member=COLUMN."
        )
    return found[0] if found else None


def _schemes(
    roles: Mapping[str, str], labels: Sequence[str], label_order: Sequence[str]
) -> tuple[_Scheme, ...]:
    """The ways of naming, the plainest first; what was asked for holds in each."""

    def with_asked(names: Sequence[str]) -> tuple[str, ...]:
        return tuple(roles.get(role_of(label), name) for label, name in zip(labels, names, strict=True))

    if all(role_of(label) in roles for label in labels):
        return (_Scheme(with_asked(labels), "The columns were taken as --map says."),)
    given = label_order or labels
    places = {label: f"p{place}" for place, label in enumerate(given)}
    whose = "the given" if label_order else "the label set's"
    order = listed(f"{place} = {label}" for label, place in places.items())
    numbers = {label: f"LABEL_{place}" for place, label in enumerate(label_order)}
    counted = (
        _Scheme(
            with_asked([numbers[label] for label in labels]),
            "The columns LABEL_0, LABEL_1, … were taken in the given order: " + listed(label_order) + ".",
        )
        if numbers
        else None
    )
    return (
        *((counted,) if counted else ()),
        _Scheme(
            with_asked([f"p_{label}" for label in labels]),
            "The columns p_<label> were taken as the labels' probabilities.",
        ),
        _Scheme(with_asked(labels), "The columns named as the labels were taken as their probabilities."),
        _Scheme(
            with_asked([places[label] for label in labels]),
            f"Columns p0 to p{len(labels) - 1} were taken in {whose} order: {order}.",
        ),
    )


def _refuse_more(scheme: _Scheme, columns: Sequence[str], labels: Sequence[str], name: str) -> None:
    """Raise where columns are numbered beyond the labels: then the numbers may not mean what we think."""
    beyond = f"p{len(labels)}"
    if beyond in columns and f"p{len(labels) - 1}" in scheme.columns:
        raise ImportRejected(
            f"{name} has the column {beyond}, but the label set has {len(labels)} labels ({listed(labels)}). "
            "Name the columns as the labels."
        )


def _missing(schemes: Sequence[_Scheme], columns: Sequence[str], labels: Sequence[str], name: str) -> str:
    if any(plain(column) in ("embedding", "embeddings", "e0") for column in columns):
        return f"{name} has embeddings and no probabilities (it has {listed(columns)}); import them with --embeddings."
    nearest = max(schemes, key=lambda scheme: len(set(scheme.columns) & set(columns)))
    lacking = [label for label, column in zip(labels, nearest.columns, strict=True) if column not in columns]
    return (
        f"{name} has no column for {len(lacking)} of the {len(labels)} labels: {listed(map(repr, lacking))}; it has "
        f"{listed(columns)}. Name the columns as the labels, p_<label>, or p0 to p{len(labels) - 1} in the label set's "
        "order, give one column `probabilities` of lists, or say which is which with --map LABEL=COLUMN."
    )
