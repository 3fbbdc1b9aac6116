"""Reading annotation files of other tools into one shape. Vendors' words end in this package."""

from __future__ import annotations

from data.importers.isolation import (
    parse_content_isolated,
    parse_isolated,
    parse_probabilities_isolated,
    preview,
)
from data.importers.mapping import ROLES, parse_map
from data.importers.parsed import (
    REJECTED,
    ContentKind,
    ImportOptions,
    Parsed,
    ParsedContent,
    ParsedProbabilities,
    Preview,
)
from data.importers.reading import parse

__all__ = [
    "REJECTED",
    "ROLES",
    "ContentKind",
    "ImportOptions",
    "Parsed",
    "ParsedContent",
    "ParsedProbabilities",
    "Preview",
    "parse",
    "parse_content_isolated",
    "parse_isolated",
    "parse_map",
    "parse_probabilities_isolated",
    "preview",
]
