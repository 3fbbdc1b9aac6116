"""Finding and starting a real Chromium. As a program: exits with 1 where the machine has none."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Playwright, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def executable(playwright: Playwright) -> str | None:
    """Where a Chromium is: TOUCHSTONE_CHROMIUM, one on the PATH, or Playwright's own; None where there is none."""
    named = [os.environ.get("TOUCHSTONE_CHROMIUM"), *map(shutil.which, NAMES)]
    found = [path for path in (*named, playwright.chromium.executable_path) if path and Path(path).is_file()]
    return found[0] if found else None


@contextmanager
def chromium() -> Iterator[Browser | None]:
    """A headless Chromium; None where the machine has none."""
    with sync_playwright() as playwright:
        path = executable(playwright)
        if path is None:
            yield None
            return
        browser = playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        try:
            yield browser
        finally:
            browser.close()


if __name__ == "__main__":
    with sync_playwright() as found:
        sys.exit(executable(found) is None)
