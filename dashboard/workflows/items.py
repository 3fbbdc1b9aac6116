"""Finding items: by their text, label, flags, annotator and attributes, a page at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import polars as pl

from dashboard.workflows.errors import BadRequest
from dashboard.workflows.label_sets import LabelSet, current_label_set
from dashboard.workflows.label_words import EMPTY
from dashboard.workflows.opening import Store
from dashboard.workflows.rules import Person, require
from dashboard.workflows.wording import sureness
from data.identifiers import json_pointer

NO_LABEL = -2
LARGEST_PAGE = 500
_ALL = 1 << 40

Sort = Literal["item", "doubt", "flag", "changed", "annotations"]
FlagState = Literal["", "open", "closed", "none"]
LabelSource = Literal["", "consensus", "relabel", "adjudication"]


@dataclass(frozen=True, slots=True)
class ItemFilter:
    """Which items are wanted; what is empty does not filter.

    Attributes:
        search: part of the id or the text, in any case.
        label: a label; "" for any.
        unlabelled: only items without a label.
        flag: with an open flag, with closed flags only, or never flagged.
        annotator: the id of an annotator who annotated it.
        attribute: the name of an attribute, with `attribute_value`.
        attribute_value: what that attribute is.
        source: who or what made the label: consensus, relabel, adjudication.
    """

    search: str = ""
    label: str = ""
    unlabelled: bool = False
    flag: FlagState = ""
    annotator: str = ""
    attribute: str = ""
    attribute_value: str = ""
    source: LabelSource = ""


@dataclass(frozen=True, slots=True)
class ItemPage:
    """One page of matching items.

    Attributes:
        rows: item_id, kind, preview, label_code, label, p_label, n_annotations, label_source, label_version,
            sure (p_label in words), flag_state (open, closed, none), flag_score, n_agree (annotations that chose
            the label), n_votes (annotations that count), picture (an image of at most 64 KiB, else null); in the
            order asked for.
        total: how many items match.
        page: this page's number, from 1.
        n_pages: how many pages there are, at least 1.
    """

    rows: pl.DataFrame
    total: int
    page: int
    n_pages: int


@dataclass(frozen=True, slots=True)
class Facets:
    """What the items of a project can be filtered by, beside free text; where labels are sets (`is_sets`) by their members."""

    labels: tuple[str, ...]
    annotators: tuple[str, ...]
    attributes: tuple[str, ...]
    is_sets: bool = False


def find_items(
    store: Store,
    *,
    project_id: str,
    by: Person,
    where: ItemFilter | None = None,
    sort: Sort = "item",
    page: int = 1,
    page_size: int = 50,
    as_of: int | None = None,
) -> ItemPage:
    """One page of the items that match `where`; a page beyond the last one gives the last one.

    Args:
        store: the open store.
        project_id: the project.
        by: who asks; needs "view.items".
        where: the filter; None for every item.
        sort: "item" by id, "doubt" by the label's probability (least first), "flag" open and strongest first,
            "changed" by the newest label first, "annotations" most first.
        page: from 1.
        page_size: at most 500.
        as_of: a seq; None for now.

    Raises:
        NotAllowed: the person may not see items. BadRequest: an unknown label, sort, or page.
    """
    require(by, "view.items")
    if page < 1 or not 1 <= page_size <= LARGEST_PAGE:
        raise BadRequest(f"Pages count from 1 and hold 1 to {LARGEST_PAGE} items.")
    wanted = where or ItemFilter()

    def read(number: int) -> pl.DataFrame:
        skip = (number - 1) * page_size
        return _read(store, project_id, wanted, sort, page_size=page_size, skip=skip, as_of=as_of)

    rows = read(page)
    if rows.is_empty() and page > 1:
        first = read(1)
        page = max(1, -(-_total(first) // page_size))
        rows = read(page) if page > 1 else first
    total = _total(rows)
    return ItemPage(rows.drop("total", "item_code"), total, page, max(1, -(-total // page_size)))


def every_item(
    store: Store,
    *,
    project_id: str,
    by: Person,
    where: ItemFilter | None = None,
    sort: Sort = "item",
    as_of: int | None = None,
) -> pl.DataFrame:
    """All items that match `where`, without pictures, to take along; columns, order and errors as `find_items`."""
    require(by, "view.items")
    rows = _read(
        store, project_id, where or ItemFilter(), sort, page_size=_ALL, skip=0, pictures=False, as_of=as_of
    )
    return rows.drop("total", "item_code", "picture", "label_code")


def facets(store: Store, *, project_id: str, by: Person, as_of: int | None = None) -> Facets:
    """What items can be filtered by."""
    require(by, "view.items")
    label_set = current_label_set(store, project_id, as_of=as_of)
    return Facets(
        labels=_filter_labels(label_set) if label_set else (),
        annotators=tuple(store.read("item_annotators", project_id=project_id, as_of=as_of)["annotator_id"]),
        attributes=tuple(store.read("item_attribute_names", project_id=project_id)["name"]),
        is_sets=label_set is not None and label_set.is_sets,
    )


def _filter_labels(label_set: LabelSet) -> tuple[str, ...]:
    has_empty = label_set.is_sets and () in label_set.members
    return (*label_set.choices, *((EMPTY,) if has_empty else ()))


def attribute_values(
    store: Store, *, project_id: str, by: Person, attribute: str, as_of: int | None = None
) -> tuple[str, ...]:
    """The 200 most frequent values of an attribute, most frequent first."""
    require(by, "view.items")
    rows = store.read(
        "item_attribute_values", project_id=project_id, attribute=json_pointer(attribute), as_of=as_of
    )
    return tuple(rows["attribute_value"])


def _read(
    store: Store,
    project_id: str,
    wanted: ItemFilter,
    sort: Sort,
    *,
    page_size: int,
    skip: int,
    pictures: bool = True,
    as_of: int | None,
) -> pl.DataFrame:
    """Rows of `item_find` with their labels in words."""
    if sort not in get_args(Sort):
        raise BadRequest(f"Items cannot be sorted by {sort!r}. Sorts: {', '.join(get_args(Sort))}.")
    label_set = current_label_set(store, project_id, as_of=as_of)
    label_codes: list[int] = []
    if wanted.unlabelled:
        label_codes = [NO_LABEL]
    elif wanted.label:
        if label_set is None:
            raise BadRequest(f"Project {project_id!r} has no labels yet.")
        label_codes = label_set.codes_with(wanted.label)
    rows = store.read(
        "item_find",
        project_id=project_id,
        as_of=as_of,
        search=wanted.search.strip(),
        label_codes=label_codes,
        flag_state=wanted.flag,
        annotator=wanted.annotator,
        attribute=json_pointer(wanted.attribute) if wanted.attribute else "",
        attribute_value=wanted.attribute_value,
        label_source=wanted.source,
        sort=sort,
        page_size=page_size,
        skip=skip,
        pictures=pictures,
    )
    names = (
        label_set.frame() if label_set else pl.DataFrame(schema={"label_code": pl.Int64, "label": pl.Utf8})
    )
    named = rows.with_columns(pl.col("label_code").cast(pl.Int64)).join(
        names, on="label_code", how="left", maintain_order="left"
    )
    return named.with_columns(pl.col("p_label").map_elements(sureness, pl.Utf8).fill_null("").alias("sure"))


def _total(rows: pl.DataFrame) -> int:
    return int(rows["total"][0]) if rows.height else 0
