"""A real multi-annotator file from import to a verified release, as the people who do it: in the browser."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests import stores
from tests.browser.server import ROOT, Server, serving
from tests.browser.test_relabel_keys import answer_blind, card, item_id, press, settled

PROJECT = "weather"
REFERENCE = "act_CF_amt"
COMMAND = "from dashboard.cli import main; main()"
LONG_MS = 60_000


def touchstone(server: Server, *words: str, code: int = 0) -> dict[str, object]:
    """Run the command line; the JSON document that it prints."""
    done = subprocess.run(
        [sys.executable, "-c", COMMAND, "--json", *words],
        capture_output=True,
        text=True,
        check=False,
        env=dict(server.environment()),
        cwd=ROOT,
    )
    assert done.returncode == code, done.stderr
    return dict(json.loads(done.stdout))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """An empty store with two leads, a reviewer and two annotators, served."""
    folder = tmp_path / "house"
    stores.empty_store(folder / "store", keys=folder / "keys").close()
    with serving(folder / "store", folder / "keys") as running:
        yield running


def import_file(page: Page, server: Server, path: Path) -> None:
    page.goto(server.page("import-file", person="lena"))
    page.locator("input[type=file]").first.set_input_files(path)
    page.get_by_label("Project").last.fill(PROJECT)
    page.keyboard.press("Tab")
    expect(page.get_by_text("6,030 new annotations of 300 items by 110 annotators")).to_be_visible()
    page.get_by_role("button", name="Import 6,030 annotations").click()
    expect(page.get_by_text("6,030 annotations of 300 items came into weather")).to_be_visible()


def score_and_flag(page: Page, server: Server) -> None:
    page.goto(server.page("overview", person="lena", project=PROJECT))
    page.get_by_role("button", name="Score").first.click()
    expect(page.get_by_text("Flags waiting")).to_be_visible(timeout=LONG_MS)
    page.get_by_role("button", name="Flag doubtful labels").click()
    expect(page.get_by_text("flagged items wait")).to_be_visible(timeout=LONG_MS)


def relabel(page: Page, server: Server, person: str, *, key: str, n_items: int = 3) -> list[str]:
    """Answer items as a person does, by keyboard: a label, Enter, look at the reveal, Enter."""
    page.goto(server.page("relabel", person=person, project=PROJECT))
    expect(card(page)).to_be_visible()
    done = []
    for _ in range(n_items):
        done.append(item_id(page))
        answer_blind(page, key)
        press(page, "Enter")
        expect(card(page).get_by_text(f"Item {done[-1]}", exact=True)).to_be_hidden()
    return done


def decide(page: Page, server: Server) -> None:
    """A lead settles the most pressing item, with a reason."""
    page.goto(server.page("adjudicate", person="lena", project=PROJECT))
    expect(page.get_by_role("heading", name=re.compile("waits? for your decision"))).to_be_visible()
    press(page, "2")
    page.get_by_label("Why", exact=True).fill(
        "The text names rain and sun; the guideline says which comes first."
    )
    page.get_by_role("button", name="Decide: 2").click()
    expect(page.get_by_text("by your decision")).to_be_visible()


def propose_and_waive(page: Page, server: Server) -> int:
    """A lead proposes today's labels and answers for each gate that says no; how many did."""
    page.goto(server.page("releases", person="lena", project=PROJECT))
    page.get_by_label("Note").fill("First release of the weather labels")
    page.get_by_role("button", name="Propose a release").click()
    expect(page.get_by_text("Release 1 cannot be signed").first).to_be_visible()
    settled(page)
    waivers = page.get_by_role("button", name="Waive", exact=True)
    n_waived = 0
    while waivers.count():
        left = waivers.count()
        waivers.first.click()
        page.get_by_label("Why it may go out all the same").fill(
            "Known before the work began; see the report."
        )
        page.get_by_role("button", name="Waive this gate").click()
        expect(waivers).to_have_count(left - 1)
        settled(page)
        n_waived += 1
    return n_waived


def approve(page: Page, server: Server, person: str) -> None:
    page.goto(server.page("releases", person=person, project=PROJECT))
    page.get_by_role("button", name="Approve release 1").click()
    expect(page.get_by_text("You approved release 1")).to_be_visible()


def test_from_a_file_to_a_verified_release(
    page: Page, server: Server, datasets: Path, tmp_path: Path
) -> None:
    import_file(page, server, datasets / f"{REFERENCE}.parquet")
    score_and_flag(page, server)
    by_anna = relabel(page, server, "anna", key="1")
    by_ben = relabel(page, server, "ben", key="2")
    assert len({*by_anna, *by_ben}) >= 3
    decide(page, server)
    n_waived = propose_and_waive(page, server)
    approve(page, server, "lena")
    page.goto(server.page("releases", person="lena", project=PROJECT))
    expect(page.get_by_text("You signed it.")).to_be_visible()
    expect(page.get_by_role("button", name="Download as zip")).to_have_count(0)
    approve(page, server, "lars")

    page.goto(server.page("releases", person="rita", project=PROJECT))
    expect(page.get_by_text("Release 1 is approved by lena and lars").first).to_be_visible()
    with page.expect_download(timeout=LONG_MS) as downloaded:
        page.get_by_role("button", name="Download as zip").click()
    bundle = tmp_path / "bundle"
    with zipfile.ZipFile(downloaded.value.path()) as archive:
        archive.extractall(bundle)
    folder = next(bundle.iterdir())
    assert touchstone(server, "verify", str(folder))["valid"] is True
    manifest = json.loads((folder / "manifest.json").read_text())
    assert (manifest["n_items"], len(manifest["waivers"])) == (300, n_waived)
    assert {one["person_id"] for one in manifest["signatures"]} == {"lena", "lars"}

    page.goto(server.page("audit-trail", person="rita", project=PROJECT))
    page.get_by_role("button", name=re.compile("^Verify the record")).click()
    expect(page.get_by_text("internally consistent").first).to_be_visible(timeout=LONG_MS)

    labels = folder / "labels.csv"
    labels.write_bytes(labels.read_bytes().replace(b",0,", b",1,", 1))
    assert touchstone(server, "verify", str(folder), code=1)["valid"] is False
