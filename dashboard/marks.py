"""Figures, moments, states and labels as they are written on every page."""

from __future__ import annotations

import base64
import re
from datetime import datetime

import streamlit as st

from dashboard.palette import LIGHT, LOOKS, STATES, Look, State

_PICTURES = ((b"\x89PNG\r\n\x1a\n", "png"), (b"\xff\xd8\xff", "jpeg"), (b"GIF8", "gif"))
_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>()#+\-.!|~:$&^=])")


def look() -> Look:
    """The colours for the theme that the viewer has chosen."""
    return LOOKS.get(str(st.context.theme.type), LIGHT)


def plain(text: object) -> str:
    r"""Text from data, so that markdown shows it as it is.

    >>> plain("a*b [c](d)")
    'a\\*b \\[c\\]\\(d\\)'
    """
    return _MARKDOWN.sub(r"\\\1", str(text)).replace("\n", "  \n")


def number_text(value: float | None, unit: str = "share") -> str:
    """A figure as a person reads it: a share in per cent, a coefficient with two decimals, else a dash; what rounds to 0 has no sign.

    >>> number_text(0.612), number_text(0.612, "coefficient"), number_text(None), number_text(12345, "count")
    ('61.2 %', '0.61', '–', '12,345')
    >>> number_text(-0.0004, "coefficient"), number_text(-0.0001), number_text(-0.001, "bits")
    ('0.00', '0.0 %', '0.00')
    """
    if value is None:
        return "–"
    if unit == "share":
        return f"{value * 100:z.1f} %"
    if unit == "coefficient":
        return f"{value:z.2f}"
    if unit in ("", "count") or float(value).is_integer():
        return f"{value:z,.0f}" if float(value).is_integer() else f"{value:z,.2f}"
    return f"{value:z,.2f}" if abs(value) < 100 else f"{value:z,.0f}"


def moment_text(moment: datetime | None) -> str:
    """A moment as a person reads it, in UTC: "3 Nov 2026, 14:05"; a dash where it is not known."""
    return f"{moment.day} {moment:%b %Y, %H:%M}" if moment is not None else "–"


def state_chip(state: State, *, text: str = "") -> None:
    """A state as icon, word and colour; `text` is said in place of the state's own word."""
    shown = STATES[state]
    st.badge(plain(text or shown.word), icon=shown.icon, color=shown.theme_colour)


def state_markdown(state: State, *, text: str = "") -> str:
    """The same chip as a piece of markdown, for use inside a sentence."""
    shown = STATES[state]
    return f":{shown.theme_colour}-badge[{shown.icon} {plain(text or shown.word)}]"


def label_chip(code: int, label: str, *, detail: str = "") -> str:
    """A label as markdown, with its own hue as a dot; `detail` (a share, a count) is set small behind it."""
    small = f" :small[:gray[{plain(detail)}]]" if detail else ""
    return f':color[⬤]{{foreground="{look().label(code)}"}} {plain(label)}{small}'


def image_address(picture: bytes | None) -> str | None:
    r"""A picture as an address that a list can show; None for what is no PNG, JPEG, GIF or WebP.

    >>> image_address(b"\x89PNG\r\n\x1a\n"), image_address(b"<svg/>"), image_address(None)
    ('data:image/png;base64,iVBORw0KGgo=', None, None)
    """
    if picture is None:
        return None
    kind = next((kind for start, kind in _PICTURES if picture.startswith(start)), None)
    if picture[:4] == b"RIFF" and picture[8:12] == b"WEBP":
        kind = "webp"
    return kind and f"data:image/{kind};base64,{base64.b64encode(picture).decode()}"
