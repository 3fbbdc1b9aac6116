"""Filters that live in the address, so that a view can be sent to a colleague and the back button works.

Streamlit's own binding drops a parameter once its widget is not drawn; here it stays while one item of a list
is looked at, and it holds the plain value, not the words on the screen, so that other pages can link to it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date

import streamlit as st


def text(name: str, label: str, *, placeholder: str = "", icon: str | None = None) -> str:
    """A text field kept in the address as `name`."""
    key = _prepare(name, "")
    shown = st.text_input(
        label,
        key=key,
        placeholder=placeholder,
        icon=icon,
        on_change=_write,
        args=(name, key, ""),
        type="search",
    )
    return shown or ""


def choice(
    name: str, label: str, options: Sequence[str], *, words: Callable[[str], str] = str, default: str = ""
) -> str:
    """A selection kept in the address as `name`; a value there that is no option gives the default."""
    key = _prepare(name, default, options)
    return st.selectbox(
        label, options, key=key, format_func=words, on_change=_write, args=(name, key, default)
    )


def day(name: str, label: str) -> date | None:
    """A day kept in the address as `name`, in the form 2026-11-03; anything else there is no day."""
    key, seen = f"address_{name}", f"address_seen_{name}"
    named = st.query_params.get(name, "")
    if key not in st.session_state or st.session_state.get(seen) != named:
        st.session_state[key] = _as_day(named)
        st.session_state[seen] = named
    found: date | None = st.date_input(label, key=key, on_change=_write, args=(name, key, ""))
    return found


def page(n_pages: int) -> int:
    """The page number kept in the address, with its control where there is more than one page."""
    now = current_page()
    if n_pages <= 1:
        return 1
    now = min(now, n_pages)
    key = f"address_page_control_{now}"
    return st.pagination(n_pages, default=now, key=key, on_change=_write, args=("page", key, "1"))


def current_page() -> int:
    """The page number in the address, 1 where there is none."""
    named = st.query_params.get("page", "1")
    return int(named) if named.isdigit() and named != "0" else 1


def clear(*names: str) -> None:
    """Take the parameters out of the address."""
    for name in names:
        st.query_params.pop(name, None)


def _prepare(name: str, default: str, options: Sequence[str] | None = None) -> str:
    """Let the widget follow the address where that changed by itself: a link, the back button."""
    key, seen = f"address_{name}", f"address_seen_{name}"
    now = st.query_params.get(name, default)
    if options is not None and now not in options:
        now = default
    if key not in st.session_state or st.session_state.get(seen) != now:
        st.session_state[key] = now
        st.session_state[seen] = now
    return key


def _write(name: str, key: str, default: str) -> None:
    """Write a widget's value into the address; any filter begins on the first page."""
    value = str(st.session_state[key] or default)
    st.session_state[f"address_seen_{name}"] = value
    if name != "page":
        st.query_params.pop("page", None)
    if value == default:
        st.query_params.pop(name, None)
    else:
        st.query_params[name] = value


def _as_day(text: str) -> date | None:
    """The day that an address names.

    >>> _as_day("2026-11-03"), _as_day("yesterday")
    (datetime.date(2026, 11, 3), None)
    """
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
