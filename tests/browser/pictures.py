"""The pictures of the README, taken from the demo: python -m tests.browser.pictures [FOLDER]."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from playwright.sync_api import Page, expect

from dashboard.workflows import demo
from tests.browser.chromium import chromium
from tests.browser.server import ROOT, Server, serving

FIRST_LINE = '[data-testid="stMain"] :is(h1, h2, h3)'
SETTLE_MS = 2500


def _stay(_page: Page) -> None:
    """The page as it opens."""


def _answer(page: Page) -> None:
    """Relabel: answer, and look at the reveal."""
    card = page.locator(".st-key-relabel-card")
    page.wait_for_timeout(600)
    page.keyboard.press("2")
    expect(card).to_contain_text("Submit refund")
    page.wait_for_timeout(600)
    page.keyboard.press("Enter")
    expect(card).to_contain_text("Revealed")


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture: whose screen, which page of which project, in which theme, after doing what."""

    name: str
    path: str
    person: str
    project: str
    theme: Literal["light", "dark"] = "light"
    first: Callable[[Page], None] = _stay


PICTURES = (
    Picture("overview", "overview", "petra", "digits"),
    Picture("relabel", "relabel", "ana", "messages", "dark", _answer),
    Picture("annotators", "annotators", "petra", "digits"),
    Picture("releases", "releases", "ines", "messages"),
)


def main(folder: Path) -> None:
    """Build the demo, serve it, take every picture."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as house:
        store, keys = Path(house) / "store", Path(house) / "keys"
        demo.build_demo(store, now=datetime.now(UTC), keys_folder=keys)
        with serving(store, keys) as server, chromium() as browser:
            if browser is None:
                sys.exit("No Chromium on this machine: `make chromium` installs one.")
            for picture in PICTURES:
                page = browser.new_page(viewport={"width": 1360, "height": 850}, color_scheme=picture.theme)
                _take(page, server, picture, folder)
                page.close()


def _take(page: Page, server: Server, picture: Picture, folder: Path) -> None:
    page.goto(server.page(picture.path, person=picture.person, project=picture.project))
    expect(page.locator(FIRST_LINE).first).to_be_visible(timeout=60_000)
    picture.first(page)
    page.wait_for_timeout(SETTLE_MS)
    page.screenshot(path=folder / f"{picture.name}.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "pictures")
