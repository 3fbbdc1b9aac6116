"""The groups that are compared: which annotators or items are in them, and which groups are too small to be shown.

Groups of annotators come from the vault (a reading, with its event); groups of items from the items' attributes. A group that
must not be shown takes no part at all, also not among the others, so that no figure says anything of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import polars as pl

from analytics.frames import IntArray
from analytics.suppression import Mask, hidden_cells, hidden_groups
from dashboard.workflows import annotator_attributes
from dashboard.workflows.opening import Store
from dashboard.workflows.rules import Person
from data.identifiers import json_pointer

LEAST_PEOPLE, LEAST_ITEMS = 5, 10
"""The fewest annotators, or items, that a group has to have to be shown."""

MOST_GROUPS, MOST_DISTINCT, BANDS = 30, 12, 3
"""An attribute of more groups is no grouping; numbers of more different values are put into so many bands of about equal size."""

JOIN = " + "
"""Between the two attributes, or values, of an intersection."""

NOT_STATED = frozenset(
    {"", "-", "?", "n/a", "na", "nan", "none", "null", "unknown", "not stated", "prefer not to say", "prefer not to answer",
     "data_expired", "consent_revoked", "rather not say"}
)  # fmt: skip
"""What stands for an attribute that somebody did not state, lower case; they take no part."""


@dataclass(frozen=True, slots=True)
class Groups:
    """Groups of one attribute (or of two crossed).

    `of`: annotator_code or item_code, group_code (place in `names`); only groups that are shown. `n_hidden`: how many groups
    are not; `n_unknown`: annotators or items of which the attribute is not known. `untested`: why there is no comparison, else None.
    `everybody`: as `of`, with hidden groups (their codes follow the shown ones) and the unknown (the last code).
    """

    attribute: str
    key: str
    names: tuple[str, ...]
    of: pl.DataFrame
    everybody: pl.DataFrame
    n_hidden: int
    n_unknown: int
    untested: str | None

    @property
    def n_everybody(self) -> int:
        """How many codes `everybody` may have."""
        return len(self.names) + self.n_hidden + 1


def annotator_groups(
    store: Store, *, project_id: str, by: Person, attribute: str, purpose: str, codes: pl.Series
) -> Groups:
    """The groups of an attribute among the annotators `codes`; the reading leaves its event.

    Raises:
        NotAllowed, BadRequest, KeyMissing: as `annotator_attributes.attribute`.
    """
    values = annotator_attributes.attribute(
        store, project_id=project_id, by=by, name=attribute, purpose=purpose
    )
    people = store.read("annotator_codes").select("annotator_code", "annotator_id")
    said = people.join(values, on="annotator_id").select("annotator_code", "value")
    return _grouped(attribute, "annotator_code", said, codes, LEAST_PEOPLE)


def item_groups(store: Store, *, project_id: str, attribute: str, codes: pl.Series, as_of: int) -> Groups:
    """The groups of an attribute among the items `codes`."""
    values = store.read(
        "score_attribute_values", project_id=project_id, attribute=json_pointer(attribute), as_of=as_of
    ).select("item_code", value="attribute_value")
    return _grouped(attribute, "item_code", values, codes, LEAST_ITEMS)


def intersection(one: Groups, other: Groups) -> Groups:
    """The groups of two attributes at once, less those that would be too small or could be worked out from the two."""
    key = one.key
    both = one.everybody.join(other.everybody, on=key, suffix="_other")
    sizes = np.zeros((one.n_everybody, other.n_everybody), dtype=np.int64)
    np.add.at(sizes, (both["group_code"].to_numpy(), both["group_code_other"].to_numpy()), 1)
    hidden = _hidden_cells(sizes, one, other)
    shown = np.argwhere(~hidden & (sizes > 0))
    names = tuple(f"{one.names[row]}{JOIN}{other.names[column]}" for row, column in shown)
    cells = pl.DataFrame(
        {"group_code": shown[:, 0], "group_code_other": shown[:, 1], "cell": np.arange(len(shown))}
    )
    of = both.join(cells, on=["group_code", "group_code_other"]).select(key, group_code="cell").sort(key)
    attribute = f"{one.attribute}{JOIN}{other.attribute}"
    n_hidden = int(
        (
            hidden[: len(one.names), : len(other.names)] & (sizes[: len(one.names), : len(other.names)] > 0)
        ).sum()
    )
    return Groups(attribute, key, names, of, of, n_hidden, 0, _untested(attribute, len(names)))


def shown_cells(votes: pl.DataFrame, people: Groups, items: Groups) -> tuple[pl.DataFrame, Mask]:
    """The votes of cells (group of annotators, group of items) that may be shown, and (G, H) which are hidden.

    A cell counts its annotators; both margins are published.
    """
    coded = (
        votes.select("item_code", "annotator_code")
        .join(people.everybody, on="annotator_code")
        .join(items.everybody, on="item_code", suffix="_item")
    )
    n = coded.group_by("group_code", "group_code_item").agg(pl.col("annotator_code").n_unique())
    sizes = np.zeros((people.n_everybody, items.n_everybody), dtype=np.int64)
    sizes[n["group_code"].to_numpy(), n["group_code_item"].to_numpy()] = n["annotator_code"].to_numpy()
    hidden = _hidden_cells(sizes, people, items)
    own = hidden[: len(people.names), : len(items.names)]
    rows, columns = np.nonzero(~own)
    shown = pl.DataFrame({"group_code": rows, "group_code_item": columns})
    kept = (
        votes.join(people.of, on="annotator_code")
        .join(items.of, on="item_code", suffix="_item")
        .join(shown, on=["group_code", "group_code_item"])
    )
    return kept.select(votes.columns), own


def _grouped(attribute: str, key: str, said: pl.DataFrame, codes: pl.Series, minimum: int) -> Groups:
    """Groups from the values that annotators or items (all of them: `codes`) have, the hidden ones left out."""
    units = pl.DataFrame({key: codes.cast(pl.Int64).unique().sort()})
    stated = said.with_columns(pl.col(key).cast(pl.Int64), pl.col("value").str.strip_chars()).filter(
        ~pl.col("value").str.to_lowercase().is_in(sorted(NOT_STATED))
    )
    valued = units.join(_banded(stated), on=key, how="left")
    sizes = valued.drop_nulls("value").group_by("value").len().sort("value")
    n_unknown = valued["value"].null_count()
    hidden = hidden_groups(sizes["len"].to_numpy(), minimum=minimum, unknown=n_unknown)
    order = sizes.with_columns(hidden=pl.Series(hidden, dtype=pl.Boolean)).sort("hidden", "value")
    order = order.with_columns(group_code=pl.int_range(pl.len(), dtype=pl.Int64))
    coded = valued.join(order, on="value", how="left").select(key, "group_code", "hidden").sort(key)
    names = tuple(order.filter(~pl.col("hidden"))["value"])
    everybody = coded.select(key, pl.col("group_code").fill_null(len(sizes)))
    of = coded.filter(~pl.col("hidden")).select(key, "group_code")
    return Groups(
        attribute, key, names, of, everybody, int(hidden.sum()), n_unknown, _untested(attribute, len(names))
    )


def _untested(attribute: str, n_groups: int) -> str | None:
    if n_groups < 2:
        return "fewer than two groups are large enough to be shown"
    if n_groups > MOST_GROUPS:
        return f"{attribute} has {n_groups} groups; more than {MOST_GROUPS} are not compared"
    return None


def _banded(stated: pl.DataFrame) -> pl.DataFrame:
    """Values that are numbers of many different sizes as bands, about equally filled; others as they are."""
    numbers = stated["value"].cast(pl.Float64, strict=False)
    if numbers.null_count() or numbers.n_unique() <= MOST_DISTINCT:
        whole = numbers.round(0) == numbers
        if numbers.len() and not numbers.null_count() and whole.all():
            return stated.with_columns(value=numbers.cast(pl.Int64).cast(pl.String))
        return stated
    cuts = np.unique(np.quantile(numbers.to_numpy(), np.linspace(0, 1, BANDS + 1)[1:-1]))
    band = np.searchsorted(cuts, numbers.to_numpy(), side="left")
    names = [f"up to {cuts[0]:g}", *(f"over {a:g} to {b:g}" for a, b in pairwise(cuts)), f"over {cuts[-1]:g}"]
    return stated.with_columns(value=pl.Series([names[place] for place in band], dtype=pl.String))


def _hidden_cells(sizes: IntArray, rows: Groups, columns: Groups) -> Mask:
    def hidden(groups: Groups) -> Mask:
        return np.asarray(np.arange(groups.n_everybody) >= len(groups.names))

    def unknown(groups: Groups) -> Mask:
        return np.asarray(np.arange(groups.n_everybody) == groups.n_everybody - 1)

    return hidden_cells(
        sizes,
        minimum=LEAST_PEOPLE,
        hidden_rows=hidden(rows),
        hidden_columns=hidden(columns),
        unknown_rows=unknown(rows),
        unknown_columns=unknown(columns),
    )
