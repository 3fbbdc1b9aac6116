"""A real browser and a real server for the tests in this folder."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from dashboard.workflows import demo
from tests import stores
from tests.browser.chromium import chromium
from tests.browser.server import Server, serving

REQUIRED = os.environ.get("TOUCHSTONE_REQUIRE_BROWSER", "") not in ("", "0")
PATIENCE_MS = 20_000

expect.set_options(timeout=PATIENCE_MS)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here drives a browser."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Under TOUCHSTONE_REQUIRE_BROWSER a browser test that is skipped has failed."""
    outcome = yield
    report = outcome.get_result()  # type: ignore[attr-defined]  # pluggy's Result, which a hookwrapper is sent
    if REQUIRED and report.skipped and item.get_closest_marker("browser") and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, but TOUCHSTONE_REQUIRE_BROWSER is set: {report.longrepr}"


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for all tests."""
    with chromium() as found:
        if found is None:
            pytest.skip("no Chromium on this machine: `make chromium` installs one")
        yield found


@pytest.fixture
def page(browser: Browser, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Page]:
    """A fresh visit; where the test fails, a picture of what was on the screen is kept in its folder."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, accept_downloads=True)
    context.set_default_timeout(PATIENCE_MS)
    opened = context.new_page()
    failed_before = request.session.testsfailed
    yield opened
    if request.session.testsfailed > failed_before:
        opened.screenshot(path=tmp_path / "failed.png")
    context.close()


@pytest.fixture(scope="session")
def built_demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the demo store and its keys, to be copied, not served."""
    folder = tmp_path_factory.mktemp("demo")
    demo.build_demo(folder / "store", now=datetime.now(UTC), keys_folder=folder / "keys")
    return folder


@pytest.fixture(scope="session")
def demo_server(built_demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The demo, for tests that only look."""
    folder = tmp_path_factory.mktemp("looked-at") / "demo"
    shutil.copytree(built_demo, folder)
    with serving(folder / "store", folder / "keys") as server:
        yield server


@pytest.fixture
def own_demo_server(built_demo: Path, tmp_path: Path) -> Iterator[Server]:
    """The demo, for a test that changes it."""
    folder = tmp_path / "demo"
    shutil.copytree(built_demo, folder)
    with serving(folder / "store", folder / "keys") as server:
        yield server


@pytest.fixture(scope="session")
def shared_house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A small store with members, for tests that leave it as it is."""
    folder = tmp_path_factory.mktemp("house") / "house"
    stores.small_store(folder / "store").close()
    with serving(folder / "store", folder / "keys") as server:
        yield server
