"""From what a model doubts to the annotator who reads why, and to the reviewer's printed page, in a real browser."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.server import Server
from tests.browser.test_relabel_keys import answer_blind, card


def test_a_lead_sends_a_quadrant_to_relabel_and_an_annotator_reads_why(
    page: Page, own_demo_server: Server
) -> None:
    page.goto(own_demo_server.page("uncertainty", person="petra", project="digits", quadrant="people"))
    expect(page.get_by_text("look wrong to model and annotators together")).to_be_visible()
    expect(page.get_by_text("Hard for people only", exact=True)).to_be_visible()
    page.get_by_role("button", name="Flag what is in doubt among these").click()
    expect(page.get_by_text(re.compile(r"\d+ new flags?"))).to_be_visible()

    page.goto(own_demo_server.page("relabel", person="ana", project="digits"))
    expect(card(page)).to_be_visible()
    expect(page.get_by_text("Why it was flagged")).to_have_count(0)  # nothing before the answer
    answer_blind(page, "3")
    expect(page.get_by_text("Why it was flagged")).to_be_visible()
    reasons = re.compile(
        r"would choose|annotations (support|say)|most like it|known in advance|would not be|chance"
    )
    expect(page.get_by_text(reasons).first).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_reviewer_prints_the_explanation_of_one_label(
    page: Page, demo_server: Server, tmp_path: Path, scheme: str
) -> None:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.goto(demo_server.page("explanations", person="ines", project="digits", item="digit-0503"))
    expect(page.get_by_text("What ties this to the record")).to_be_visible()
    expect(page.get_by_text("How far it can be trusted")).to_be_visible()
    printed = page.pdf(path=tmp_path / "explanation.pdf", format="A4", print_background=True)
    assert printed.startswith(b"%PDF")
    page.emulate_media(media="print")
    for hidden in ("stSidebar", "stHeader"):
        expect(page.get_by_test_id(hidden)).to_be_hidden()
    expect(page.get_by_text("What a model says that has not seen this item")).to_be_visible()
    expect(page.locator("main button:visible, [data-testid=stMain] button:visible")).to_have_count(0)


def test_overview_says_what_bias_drift_and_cost_have_found(page: Page, demo_server: Server) -> None:
    page.goto(demo_server.page("overview", person="petra", project="messages"))
    owed = page.locator(".st-key-quality-debt")
    expect(owed).to_be_visible()
    for title, figure in (("Bias", "treated differently"), ("Drift", "labels"), ("Cost", "EUR")):
        expect(owed.get_by_text(title).first).to_be_visible()
        expect(owed).to_contain_text(figure)
    owed.get_by_text("Drift", exact=True).last.click()
    expect(page.get_by_text(re.compile(r"Why the rate of .+ changed"))).to_be_visible()
