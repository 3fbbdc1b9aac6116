"""The verbs of the command line as typer has them, and what docs/cli.md says about each."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from typer.main import get_command

from dashboard.cli import app

PAGE = Path(__file__).parent.parent / "docs" / "cli.md"
EVERYWHERE = ("--store", "--project", "--by", "--json")


def verbs() -> Mapping[str, tuple[str, ...]]:
    """Every verb, such as `score` and `release propose`, with its own options and arguments."""
    return dict(_verbs(get_command(app), ()))


def section(verb: str) -> str:
    """What the page says about a verb: its heading and all up to the next one."""
    text = PAGE.read_text(encoding="utf-8")
    found = re.search(rf"^### `touchstone {verb}[ `].*?(?=^##|\Z)", text, re.MULTILINE | re.DOTALL)
    assert found is not None, f"docs/cli.md has no section about `touchstone {verb}`"
    return found.group()


def _verbs(command: object, path: tuple[str, ...]) -> Iterator[tuple[str, tuple[str, ...]]]:
    for name, part in getattr(command, "commands", {}).items():
        if hasattr(part, "commands"):
            yield from _verbs(part, (*path, name))
        else:
            names = [option for param in part.params for option in param.opts]
            yield " ".join((*path, name)), tuple(name for name in names if name not in EVERYWHERE)
