"""The part of a guideline that says what a label means."""

from __future__ import annotations

import re
from dataclasses import dataclass

from dashboard.workflows.guideline import Guideline

_HEADING = re.compile(r"^#{1,6}\s+(.*?)\s*#*$")
LONGEST = 2000


@dataclass(frozen=True, slots=True)
class Clause:
    """Passages of one version of the guideline that name a label, in the guideline's order.

    `headings`: the heading over each passage ("" where there is none).
    """

    version: int
    label: str
    passages: tuple[str, ...]
    headings: tuple[str, ...]


def clause_of(found: Guideline, label: str) -> Clause | None:
    """The passages that name the label as a word of its own, in any case; None where none does.

    A section whose heading names the label counts whole; elsewhere the paragraph, the point of a list or the row of a table that names it;
    of tables with rows that begin with the label, those rows alone.
    """
    named = re.compile(rf"(?<!\w){re.escape(label)}(?!\w)", re.IGNORECASE)
    kept: list[tuple[str, str]] = []
    heading, whole = "", False
    for block in _blocks(found.markdown):
        title = _HEADING.match(block)
        if title:
            heading = title.group(1)
            whole = named.search(heading) is not None
        elif whole or named.search(block):
            kept.append((heading, block[:LONGEST]))
    own = [pair for pair in kept if re.match(rf"\|\s*\**{re.escape(label)}\**\s*\|", pair[1], re.IGNORECASE)]
    if own:
        kept = [pair for pair in kept if pair in own or not pair[1].startswith("|")]
    kept = [(title, _row_words(text)) for title, text in kept]
    if not kept:
        return None
    return Clause(found.version, label, tuple(text for _, text in kept), tuple(title for title, _ in kept))


def _blocks(markdown: str) -> list[str]:
    """Headings, paragraphs and points of lists, each by itself."""
    blocks: list[str] = []
    for line in markdown.splitlines():
        starts = _HEADING.match(line) or re.match(r"^\s*([-*+]\s|\d+[.)]\s|\|)", line)
        if not line.strip():
            blocks.append("")
        elif starts or not blocks or not blocks[-1] or _HEADING.match(blocks[-1]):
            blocks.append(line.strip())
        else:
            blocks[-1] += "\n" + line.strip()
    return [block for block in blocks if block]


def _row_words(text: str) -> str:
    """A row of a table as its cells, one after another."""
    if not text.startswith("|"):
        return text
    return " · ".join(cell for cell in (part.strip() for part in text.strip("|").split("|")) if cell)
