"""The colours of the app, light and dark: four states, and a fixed hue for each label.

State colours are a bluish green, an amber and a vermilion, which stay apart for the common kinds of colour
blindness; they always come with an icon and a word. Label hues follow Paul Tol's muted scheme
(https://sronpersonalpages.nl/~pault/), without its green so that no label looks like a state.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

State = Literal["fit", "watch", "not fit", "undefined"]


@dataclass(frozen=True, slots=True)
class StateLook:
    """How a state looks: its word, its icon, and the theme colour that carries it."""

    word: str
    icon: str
    theme_colour: Literal["green", "yellow", "red", "gray"]


STATES: Mapping[State, StateLook] = {
    "fit": StateLook("Fit", ":material/check_circle:", "green"),
    "watch": StateLook("Watch", ":material/visibility:", "yellow"),
    "not fit": StateLook("Not fit", ":material/cancel:", "red"),
    "undefined": StateLook("Undefined", ":material/help:", "gray"),
}

FOUND: Mapping[State, str] = {
    "fit": "Nothing seen",
    "watch": "Look",
    "not fit": "Not fit",
    "undefined": "Cannot tell",
}
"""What a state is called where the question is whether something was found: a gap between groups, drift, a pull."""


@dataclass(frozen=True, slots=True)
class Look:
    """Colours of drawings for one theme."""

    name: Literal["light", "dark"]
    text: str
    muted: str
    grid: str
    surface: str
    accent: str
    states: Mapping[State, str]
    labels: tuple[str, ...]
    scale: tuple[str, ...]
    """A sequential scale from nothing to much."""

    def label(self, code: int) -> str:
        """The hue of a label code, the same all through the app."""
        return self.labels[code % len(self.labels)]


LIGHT = Look(
    name="light",
    text="#1B2130",
    muted="#5F6779",
    grid="#E6E8EF",
    surface="#FFFFFF",
    accent="#3D5AC9",
    states={"fit": "#00875F", "watch": "#C98A00", "not fit": "#CC4A00", "undefined": "#6A7284"},
    labels=(
        "#4477AA",
        "#AA4499",
        "#2E9C8F",
        "#8C8A2B",
        "#4FA8D8",
        "#882255",
        "#6F5BC4",
        "#A67C42",
        "#CC6677",
        "#5F7A8A",
    ),
    scale=("#F4F6FB", "#C9D3F2", "#8FA3E3", "#5A74D2", "#324BAE", "#1D2F7A"),
)
DARK = Look(
    name="dark",
    text="#E7EAF1",
    muted="#9AA3B5",
    grid="#272E3C",
    surface="#11141B",
    accent="#8EA4FF",
    states={"fit": "#2FBF93", "watch": "#F2B632", "not fit": "#FF8247", "undefined": "#8C95A8"},
    labels=(
        "#6FA3DB",
        "#D178C3",
        "#4FC4B6",
        "#C2BF55",
        "#88CCEE",
        "#D0658F",
        "#A294EC",
        "#D3A96C",
        "#EB8F9E",
        "#93ADBD",
    ),
    scale=("#171C27", "#1F2A4D", "#2B3C7A", "#3A4E9E", "#4A63C4", "#5A78E8"),
)
LOOKS: Mapping[str, Look] = {"light": LIGHT, "dark": DARK}
