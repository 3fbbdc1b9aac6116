"""What every page is made of: the verdict, figure cards, states, chips, links, an item's content."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal, Protocol

import plotly.graph_objects as go
import polars as pl
import streamlit as st

from dashboard import navigation, presses, session
from dashboard.figure_cards import figure_card
from dashboard.glossary import meaning
from dashboard.marks import label_chip, look, moment_text, number_text, plain, state_chip, state_markdown
from dashboard.palette import State
from dashboard.workflows import moments
from dashboard.workflows.item_csv import items_csv
from dashboard.workflows.rules import Person

__all__ = [
    "ItemContent",
    "as_of_banner",
    "empty_state",
    "error_state",
    "failure_page",
    "figure_card",
    "go_to",
    "headline",
    "item_content",
    "item_table",
    "label_chip",
    "link_to",
    "look",
    "moment_text",
    "not_for_role",
    "number_text",
    "plain",
    "plot",
    "plot_selection",
    "press_outcome",
    "register_pages",
    "state_chip",
    "state_markdown",
    "style",
    "verdict",
    "what_is_this",
]

_STYLE = Path(__file__).parent / "assets" / "style.css"
_PAGES = "registered_pages"
ITEMS_SHOWN = 50
_PLOT_CONFIG = {"displaylogo": False, "displayModeBar": False, "scrollZoom": False}


class ItemContent(Protocol):
    """What `item_content` needs of an item."""

    @property
    def item_id(self) -> str:
        """The item's id."""

    @property
    def kind(self) -> str:
        """text, image or none."""

    @property
    def text(self) -> str | None:
        """The text, where there is one."""

    @property
    def image_bytes(self) -> bytes | None:
        """The image itself, where the store holds it."""


def style() -> None:
    """Add the app's own style sheet; it holds no data."""
    st.html(_STYLE)


def verdict(state: State, sentence: str, *, detail: str = "", chip: str = "") -> None:
    """The first line of a page: its answer in words; `detail` is a quieter sentence below.

    `chip` is said in place of the state's own word.
    """
    with st.container(key=f"verdict-{state.replace(' ', '-')}", gap="xsmall"):
        state_chip(state, text=chip)
        st.markdown(f"## {plain(sentence)}", anchors=False)
        if detail:
            st.caption(plain(detail))


def headline(sentence: str, *, detail: str = "") -> None:
    """The first line of a page that answers without judging; `detail` is a quieter sentence below."""
    with st.container(key="headline", gap="xsmall"):
        st.markdown(f"## {plain(sentence)}", anchors=False)
        if detail:
            st.caption(plain(detail))


def empty_state(
    title: str, sentence: str, *, page: str | None = None, link: str = "", code: str = "", icon: str = "inbox"
) -> None:
    """Nothing to show yet: what belongs here, and the next step (a link to a page, or a command to type)."""
    with st.container(key=f"empty-{_slug(title)}", border=True, horizontal_alignment="center", gap="small"):
        st.markdown(f"# :gray[:material/{icon}:]", anchors=False, width="content")
        st.markdown(f"### {plain(title)}", anchors=False, text_alignment="center")
        st.markdown(plain(sentence), text_alignment="center")
        if code:
            st.code(code, language="bash", width="content")
        if page:
            link_to(page, label=link or None)


def error_state(title: str, sentence: str) -> None:
    """Something was refused or failed: what, and why, in words."""
    st.error(f"**{plain(title)}**  \n{plain(sentence)}", icon=":material/error:")


def press_outcome() -> None:
    """What the last press that was sent through `presses` did, or why it did nothing; said once."""
    if refused := presses.refusal():
        error_state(refused.title, refused.sentence)
    if told := presses.done():
        st.markdown(f":green[:material/check:] {plain(told)}")


def failure_page(sentence: str) -> None:
    """The whole app cannot work: why, and what to do."""
    st.logo(str(Path(__file__).parent / "assets" / "touchstone.svg"), size="large")
    with st.container(key="failure", width=720):
        st.markdown("# :material/cloud_off: Touchstone cannot show this store", anchors=False)
        error_state("What is wrong", sentence)
        st.caption("Put it right, then start the server again. Nothing was changed.")


def not_for_role(title: str, allowed: str) -> None:
    """The page belongs to other roles."""
    empty_state(
        f"{title} is not for your role",
        f"This page is for: {allowed}. Ask an administrator if you need it.",
        icon="lock",
    )


def as_of_banner() -> None:
    """Says that the page shows the past, with the way back; draws nothing where it shows the present."""
    seq = session.as_of()
    if seq is None:
        return
    when = moments.moment(session.store(), seq).recorded_at
    with st.container(key="as-of-banner", horizontal=True, vertical_alignment="center", border=True):
        st.markdown(
            f":material/history: You see everything as it was on **{plain(moment_text(when))}** UTC "
            f"(event {seq:,}). Nothing can be changed from here."
        )
        st.button(
            "Back to now",
            key="banner_now",
            type="primary",
            on_click=session.choose,
            args=(session.AS_OF, None),
        )


def what_is_this(term: str) -> None:
    """A quiet "what is this?" that opens the glossary's meaning of a term."""
    with st.popover("What is this?", icon=":material/help:", type="tertiary", width="content"):
        st.markdown(f"**{plain(term[:1].upper() + term[1:])}**")
        st.markdown(plain(meaning(term)))


def register_pages(shown: Mapping[str, st.Page], person: Person) -> None:
    """Remember the pages of this run, so that links can find those which the person may see."""
    st.session_state[_PAGES] = {
        key: page for key, page in shown.items() if navigation.page(key).allows(person)
    }


def link_to(
    page_key: str,
    *,
    label: str | None = None,
    width: Literal["content", "stretch"] = "content",
    **params: object,
) -> None:
    """A link to a page, `params` in its address; draws nothing where the person may not see that page."""
    target = st.session_state.get(_PAGES, {}).get(page_key)
    if target is None:
        return
    row = navigation.page(page_key)
    query = {**session.carried(), **{name: str(value) for name, value in params.items() if value is not None}}
    st.page_link(target, label=label or row.title, icon=row.icon, width=width, query_params=query)


def go_to(page_key: str, **params: object) -> None:
    """Leave for another page at once; does nothing where the person may not see it."""
    target = st.session_state.get(_PAGES, {}).get(page_key)
    if target is not None:
        query = {
            **session.carried(),
            **{name: str(value) for name, value in params.items() if value is not None},
        }
        st.switch_page(target, query_params=query)


def plot(figure: go.Figure, *, key: str, alt: str) -> None:
    """Show a figure of `dashboard.charts`; `alt` says in a sentence what it shows."""
    st.plotly_chart(figure, key=key, theme=None, config=_PLOT_CONFIG, alt=alt)


def plot_selection(figure: go.Figure, *, key: str, alt: str) -> list[dict[str, object]]:
    """Show a figure whose marks can be clicked; returns the points chosen (x, y, customdata)."""
    event = st.plotly_chart(
        figure, key=key, theme=None, config=_PLOT_CONFIG, alt=alt, on_select="rerun", selection_mode="points"
    )
    return [dict(point) for point in event["selection"]["points"]]


def item_table(
    items: pl.DataFrame,
    name: str,
    *,
    key: str,
    n_items: int | None = None,
    whole: Callable[[], pl.DataFrame] | None = None,
    titles: Mapping[str, str] | None = None,
) -> str | None:
    """The items behind a figure: choose one to open its story, or take all along. Returns the id of the chosen one.

    Where `items` are only the first of `n_items`, `whole` reads all of them, once somebody takes them along.
    `titles`: column -> what people read.
    """
    n_items = items.height if n_items is None else n_items
    event = st.dataframe(
        items.head(ITEMS_SHOWN).rename(dict(titles or {}), strict=False),
        hide_index=True,
        height=260,
        key=key,
        on_select="rerun",
        selection_mode="single-row",
    )
    rows = event["selection"]["rows"]
    item_id = str(items["item_id"][rows[0]]) if rows else None
    with st.container(horizontal=True, vertical_alignment="center"):
        if item_id is not None:
            link_to("items", label=f"Open {item_id}", item=item_id)
        if n_items > min(items.height, ITEMS_SHOWN):
            st.caption(f"{min(items.height, ITEMS_SHOWN):,} of {n_items:,} are shown.")
        st.download_button(
            f"All {n_items:,} as CSV",
            lambda: items_csv(items if whole is None else whole()),
            name,
            "text/csv",
            key=f"{key}_csv",
        )
    return item_id


def item_content(item: ItemContent) -> None:
    """Show what is labelled: the text, the image from its bytes, or the bare id."""
    with st.container(key=f"item-content-{_slug(item.item_id)}", border=True):
        if item.kind == "image" and item.image_bytes:
            st.image(item.image_bytes, alt=f"Item {item.item_id}")
        elif item.kind == "text" and item.text:
            st.text(item.text)
        elif item.kind == "image":
            st.markdown(f"### {plain(item.item_id)}", anchors=False)
            st.caption("The image was not imported; only its name is known.")
        else:
            st.markdown(f"### {plain(item.item_id)}", anchors=False)
            st.caption("Only the id of this item was imported.")


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
