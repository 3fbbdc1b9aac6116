"""What a person is told where something is wrong: the page says what happened and what to do, and nothing is lost."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from dashboard.workflows.opening import open_store
from tests import stores
from tests.browser.server import Server, serving


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A folder with a small store and its keys."""
    folder = tmp_path / "house"
    stores.small_store(folder / "store").close()
    return folder


def test_a_store_that_another_process_holds(page: Page, house: Path) -> None:
    with (
        open_store(house / "store", keys_folder=house / "keys"),
        serving(house / "store", house / "keys") as server,
    ):
        page.goto(server.page("overview"))
        expect(page.get_by_text("Touchstone cannot show this store")).to_be_visible()
        expect(page.get_by_text("is open in process")).to_be_visible()


def test_a_database_file_that_is_damaged_is_made_anew(page: Page, house: Path) -> None:
    database = house / "store" / "touchstone.duckdb"
    held = bytearray(database.read_bytes())
    held[4096:12288] = b"\xff" * 8192
    database.write_bytes(bytes(held))
    with serving(house / "store", house / "keys") as server:
        page.goto(server.page("items", person="lena"))
        expect(page.get_by_role("heading", name="40 items in this project")).to_be_visible()
        assert "nothing of it was lost" in server.log.read_text()


def test_a_record_that_is_damaged_is_not_shown_as_if_it_were_whole(page: Page, house: Path) -> None:
    journal = min((house / "store" / "journal").iterdir())
    lines = journal.read_bytes().split(b"\n")
    lines[2] = lines[2].replace(b"lena", b"lana")
    journal.write_bytes(b"\n".join(lines))
    (house / "store" / "touchstone.duckdb").unlink()
    with serving(house / "store", house / "keys") as server:
        page.goto(server.page("overview"))
        expect(page.get_by_text("Touchstone cannot show this store")).to_be_visible()
        expect(page.get_by_text("touchstone verify")).to_be_visible()


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("table.parquet", b"PAR1 this is no table PAR1", "table.parquet cannot be imported"),
        ("table.csv", b"\xff\xfe\x00\x00\x01\x02", "table.csv cannot be imported"),
        ("export.json", b'[{"data": {"text": "a"', "export.json cannot be imported"),
        ("empty.csv", b"", "empty.csv cannot be imported"),
    ],
)
def test_an_upload_that_cannot_be_read(
    page: Page, shared_house: Server, name: str, content: bytes, said: str
) -> None:
    page.goto(shared_house.page("import-file", person="lena"))
    page.locator("input[type=file]").first.set_input_files(
        {"name": name, "mimeType": "application/octet-stream", "buffer": content}
    )
    expect(page.get_by_text(said)).to_be_visible()
    expect(page.get_by_text("Nothing was changed")).to_be_visible()
    expect(page.get_by_text("Traceback")).to_have_count(0)
