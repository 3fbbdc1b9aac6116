"""Items: finding one, and its whole story."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, cast, get_args

import polars as pl
import streamlit as st

from dashboard import address, components, item_view, session
from dashboard.marks import image_address
from dashboard.workflows import items
from dashboard.workflows.item_csv import items_csv
from dashboard.workflows.label_words import JOINED

PAGE_SIZE = 50
PICTURE_HEIGHT = 56
UNLABELLED = "(no label)"
FLAGS: Mapping[str, str] = {
    "": "Any",
    "open": "Open flag",
    "closed": "Closed flags only",
    "none": "Never flagged",
}
SOURCES: Mapping[str, str] = {
    "": "Any",
    "consensus": "Consensus",
    "relabel": "Two people agreed",
    "adjudication": "A lead's decision",
}
SORTS: Mapping[str, str] = {
    "flag": "Flags first, strongest on top",
    "doubt": "Least sure first",
    "changed": "Newest label first",
    "annotations": "Most annotations first",
    "item": "Item id",
}
FILTERS = ("search", "label", "flag", "annotator", "attribute", "value", "source")


def render() -> None:
    """The list, or the story of the item that the address names."""
    item_id = st.query_params.get("item")
    if item_id:
        item_view.draw(item_id)
    else:
        _list()


def _list() -> None:
    store, project_id, person, as_of = (
        session.store(),
        session.project_id(),
        session.person(),
        session.as_of(),
    )
    head = st.container()
    known = items.facets(store, project_id=project_id, by=person, as_of=as_of)
    where, sort = _filters(known)
    found = items.find_items(
        store,
        project_id=project_id,
        by=person,
        where=where,
        sort=sort,
        page=address.current_page(),
        page_size=PAGE_SIZE,
        as_of=as_of,
    )
    filtered = where != items.ItemFilter()
    with head:
        components.headline(
            _sentence(found.total, filtered=filtered), detail="Click a row to see its whole story."
        )
    if found.total == 0:
        with st.container(border=True, horizontal=True, vertical_alignment="center"):
            st.markdown(":material/search_off: No item matches these filters.")
            st.button("Clear the filters", on_click=address.clear, args=FILTERS)
        return
    _table(found.rows, known)
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        address.page(found.n_pages)
        st.download_button(
            f"All {found.total:,} as CSV",
            lambda: items_csv(
                items.every_item(store, project_id=project_id, by=person, where=where, sort=sort, as_of=as_of)
            ),
            "items.csv",
            "text/csv",
            key="items_csv",
            icon=":material/download:",
        )


def _sentence(total: int, *, filtered: bool) -> str:
    things = "1 item" if total == 1 else f"{total:,} items"
    return f"{things} match{'es' if total == 1 else ''}" if filtered else f"{things} in this project"


def _filters(known: items.Facets) -> tuple[items.ItemFilter, items.Sort]:
    """The bar of filters; what it says is in the address."""
    search, label, flag, sort, more = st.columns([3, 2, 2, 2.4, 1.3], vertical_alignment="bottom")
    with search:
        text = address.text("search", "Search", placeholder="In the id or the text", icon=":material/search:")
    with label:
        options = ["", *known.labels, UNLABELLED]
        title = "Label has" if known.is_sets else "Label"
        chosen = address.choice("label", title, options, words=lambda one: one or "Any")
    with flag:
        flagged = address.choice("flag", "Flags", list(FLAGS), words=FLAGS.__getitem__)
    with sort:
        order = address.choice("sort", "Order", list(SORTS), words=SORTS.__getitem__, default="flag")
    with more:
        used = sum(bool(st.query_params.get(name)) for name in ("annotator", "source", "attribute"))
        with st.popover(f"More ({used})" if used else "More", icon=":material/filter_list:", width="stretch"):
            annotator, source, attribute, value = _more(known)
    wanted = items.ItemFilter(
        search=text,
        label="" if chosen == UNLABELLED else chosen,
        unlabelled=chosen == UNLABELLED,
        flag=cast("items.FlagState", flagged),
        annotator=annotator,
        attribute=attribute if value else "",
        attribute_value=value,
        source=cast("items.LabelSource", source),
    )
    return wanted, cast("items.Sort", order if order in get_args(items.Sort) else "item")


def _more(known: items.Facets) -> tuple[str, str, str, str]:
    annotator = address.choice(
        "annotator", "Annotated by", ["", *known.annotators], words=lambda one: one or "Anybody"
    )
    source = address.choice("source", "Label made by", list(SOURCES), words=SOURCES.__getitem__)
    attribute = value = ""
    if known.attributes:
        attribute = address.choice(
            "attribute", "Attribute", ["", *known.attributes], words=lambda one: one or "None chosen"
        )
    if attribute:
        values = items.attribute_values(
            session.store(),
            project_id=session.project_id(),
            by=session.person(),
            attribute=attribute,
            as_of=session.as_of(),
        )
        value = address.choice(
            "value", f"{attribute} is", ["", *values], words=lambda one: one or "Any value"
        )
    return annotator, source, attribute, value


def _table(rows: pl.DataFrame, known: items.Facets) -> None:
    """One row an item; a click anywhere in a row opens the item."""
    shown = rows.select(
        pl.col("item_id").alias("Item"),
        _content(rows),
        pl.when(pl.col("label").is_null())
        .then(pl.lit([], dtype=pl.List(pl.Utf8)))
        .otherwise(pl.col("label").str.split(JOINED) if known.is_sets else pl.concat_list("label"))
        .alias("Label"),
        pl.col("sure").alias("Sure"),
        pl.format("{} of {}", "n_agree", "n_votes").alias("Agree"),
        pl.col("flag_state").replace_strict({"open": "Open", "closed": "Closed", "none": ""}).alias("Flag"),
        pl.col("label_source").replace_strict(SOURCES, default="").alias("Made by"),
    )
    pictures = rows["picture"].null_count() < rows.height
    hues = [components.look().label(code) for code in range(len(known.labels))]
    nth = st.session_state.setdefault("items_opened", 0)
    event = st.dataframe(
        shown,
        key=f"items_table_{nth}",
        hide_index=True,
        height="content",
        row_height=PICTURE_HEIGHT if pictures else None,
        on_select="rerun",
        selection_mode=["single-row", "single-cell"],
        column_config={
            "Item": st.column_config.TextColumn(width="small"),
            "Content": st.column_config.ImageColumn(width="small")
            if pictures
            else st.column_config.TextColumn(width="large"),
            "Label": st.column_config.MultiselectColumn(options=list(known.labels), color=hues, width=150),
            "Sure": st.column_config.TextColumn(width="small", help="How probable the label is."),
            "Agree": st.column_config.TextColumn(width="small", help="Annotations that chose this label."),
            "Flag": st.column_config.TextColumn(width="small"),
            "Made by": st.column_config.TextColumn(width="small", help="Who or what made the label."),
        },
        alt="The items that match, one row an item",
    )
    place = _chosen_row(event["selection"])
    if place is not None:
        st.session_state["items_opened"] = nth + 1
        st.query_params["item"] = shown["Item"][place]
        st.rerun()


def _content(rows: pl.DataFrame) -> pl.Series:
    """What stands for each item in the list: its picture, else the beginning of its text."""
    if rows["picture"].null_count() == rows.height:
        return rows["preview"].fill_null("").alias("Content")
    return pl.Series("Content", [image_address(picture) for picture in rows["picture"]], dtype=pl.Utf8)


def _chosen_row(selection: Mapping[Literal["rows", "cells"], list[object]]) -> int | None:
    rows, cells = selection["rows"], selection["cells"]
    if rows:
        return cast("int", rows[0])
    return cast("tuple[int, str]", cells[0])[0] if cells else None
