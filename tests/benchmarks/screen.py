"""How fast the screen is: opening each page of the demo, and working through the Relabel page by keyboard.

    python -m tests.benchmarks.screen [ROUNDS]

Prints, in milliseconds, the median and the 95th percentile: of each page, from the click on its link to its first
line (the app is open already) and from the bare address (a cold visit); of the keys of Relabel, from the press to
the next item; of a save, from the command to its acknowledgement in the same process.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from playwright.sync_api import Page, expect

from dashboard.navigation import PAGES
from dashboard.workflows import demo, relabel, relabel_queue
from dashboard.workflows.opening import open_store
from dashboard.workflows.rules import ANNOTATOR, LEAD, Person
from tests.browser.chromium import chromium
from tests.browser.server import Server, serving

FIRST_LINE = '[data-testid="stMain"] :is(h1, h2, h3)'
LOOK_MS = 350
"""How long a person looks before they press: an earlier press is dropped, on purpose."""


def main(rounds: int) -> None:
    """Build the demo, serve it, measure, print."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        store, keys = folder / "store", folder / "keys"
        demo.build_demo(store, now=datetime.now(UTC), keys_folder=keys)
        _say("save, in the process", _saves(store, keys, rounds))
        with serving(store, keys) as server, chromium() as browser:
            if browser is None:
                sys.exit("No Chromium on this machine.")
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            page.goto(server.page("overview", person="petra", project="messages"))
            expect(page.locator(FIRST_LINE).first).to_be_visible(timeout=60_000)
            pages = [row for row in PAGES if LEAD in row.roles]
            for row in pages:
                _say(f"page {row.title}, by its link", _opens(page, row.title, rounds))
            for row in pages:
                address = server.page(row.url_path, person="petra", project="messages")
                _say(f"page {row.title}, cold", [_cold(page, address) for _ in range(rounds)])
            for name, seconds in _keys(page, server, 3 * rounds).items():
                _say(f"Relabel: {name}", seconds)


def _saves(store: Path, keys: Path, rounds: int) -> list[float]:
    """Blind answers through the use case, each acknowledged once it is on the disk."""
    person = Person("dana", "Dana", frozenset({ANNOTATOR}))
    seconds = []
    with open_store(store, keys_folder=keys) as opened:
        for _ in range(2 * rounds):
            item = relabel_queue.next_item(opened, project_id="messages", by=person)
            if item is None:
                break
            where = {"project_id": "messages", "by": person, "flag_id": item.flag_id}
            began = time.perf_counter()
            relabel.answer_blind(opened, **where, label="refund", active_seconds=2.0)  # type: ignore[arg-type]  # words of several types
            seconds.append(time.perf_counter() - began)
            relabel.skip(opened, **where, reason="measured", active_seconds=2.0)  # type: ignore[arg-type]  # words of several types
    return seconds


def _opens(page: Page, title: str, rounds: int) -> list[float]:
    """Clicks on a page's link in the sidebar, each time from another page."""
    sidebar = page.get_by_test_id("stSidebar")
    seconds = []
    for _ in range(rounds):
        other = "Guideline" if title != "Guideline" else "Overview"
        sidebar.get_by_role("link", name=other).click()
        page.wait_for_timeout(700)
        before = page.locator(FIRST_LINE).first.inner_text()
        began = time.perf_counter()
        sidebar.get_by_role("link", name=title).click()
        expect(page.locator(FIRST_LINE).first).not_to_have_text(before)
        seconds.append(time.perf_counter() - began)
    return seconds


def _cold(page: Page, address: str) -> float:
    """A visit to the bare address."""
    began = time.perf_counter()
    page.goto(address)
    expect(page.locator(FIRST_LINE).first).to_be_visible(timeout=60_000)
    return time.perf_counter() - began


def _keys(page: Page, server: Server, rounds: int) -> dict[str, list[float]]:
    """A label's digit, Enter to the reveal, K to the next item."""
    page.goto(server.page("relabel", person="bo", project="messages"))
    card = page.locator(".st-key-relabel-card")
    expect(card).to_be_visible()
    seconds: dict[str, list[float]] = {
        "choose a label": [],
        "submit, then the reveal": [],
        "keep, then the next item": [],
    }
    choose, submit, keep = seconds.values()
    for _ in range(rounds):
        item = card.locator("p", has_text="Item ").first.inner_text()
        choose.append(_press(page, "2", "Submit refund"))
        submit.append(_press(page, "Enter", "Revealed"))
        keep.append(_press(page, "k", item, gone=True))
    return seconds


def _press(page: Page, key: str, text: str, *, gone: bool = False) -> float:
    """Seconds from a key to the frame in which the item's card has, or no longer has, that text."""
    page.wait_for_timeout(LOOK_MS)
    began = time.perf_counter()
    page.keyboard.press(key)
    page.wait_for_function(
        "([text, gone]) => document.querySelector('.st-key-relabel-card').innerText.includes(text) !== gone",
        arg=[text, gone],
        polling="raf",
    )
    return time.perf_counter() - began


def _say(what: str, seconds: Sequence[float]) -> None:
    ordered = sorted(seconds)
    p95 = ordered[min(len(ordered) - 1, round(0.95 * (len(ordered) - 1)))]
    print(
        f"{what:44} {statistics.median(ordered) * 1000:7.0f} {p95 * 1000:7.0f}   n={len(ordered)}", flush=True
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 7)
