"""From what a compliance reviewer decides about bias to the statement that two people sign, and what a lead opens, in a real browser."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.server import Server
from tests.browser.test_relabel_keys import settled

LONG_MS, SETTLED_MS = 60_000, 800


def chosen(page: Page, label: str, option: str) -> None:
    """Choose an option of a select box by its words."""
    box = page.get_by_role("combobox", name=label)
    settled(page)
    page.wait_for_timeout(SETTLED_MS)  # what opens around it moves for a moment
    box.click()
    page.get_by_role("option", name=option, exact=True).click()
    expect(box).to_have_value(option)


def test_a_reviewer_acts_on_bias_and_the_next_release_takes_the_statement_along(
    page: Page, own_demo_server: Server, tmp_path: Path
) -> None:
    page.goto(own_demo_server.page("bias", person="ines", project="digits", section="actions"))
    expect(page.get_by_text("Nothing was decided so far")).to_be_visible()
    chosen(page, "What is done", "Ask for one more vote")
    chosen(page, "By which attribute", "site")
    page.get_by_role("textbox", name="What is the attribute needed for?").first.fill("the bias statement")
    page.keyboard.press("Tab")
    page.get_by_role("button", name="Show the effect").click()
    expect(page.get_by_text(re.compile(r"labels would change"))).to_be_visible(timeout=LONG_MS)
    page.get_by_role("textbox", name="Why is this done?").first.fill("a second look where it hangs by a vote")
    page.keyboard.press("Tab")
    page.get_by_role("button", name=re.compile(r"Decide on it; flag \d+ items")).click()
    expect(page.get_by_text("1 action was decided")).to_be_visible()

    page.goto(own_demo_server.page("bias", person="ines", project="digits", section="statement"))
    expect(page.get_by_text("What else was done")).to_be_visible()
    with page.expect_download() as kept:
        page.get_by_role("button", name="Statement to read and print").click()
    told = tmp_path / "statement.html"
    kept.value.save_as(told)

    page.goto(own_demo_server.page("releases", person="petra", project="digits"))
    page.get_by_role("button", name="Propose a release").click()
    card = page.locator(".st-key-release-statement")
    expect(card.get_by_text("1 action was decided on against bias")).to_be_visible()
    expect(card.get_by_text("Signed with the labels")).to_be_visible()

    page.goto(own_demo_server.page("audit-trail", person="ines", project="digits"))
    expect(page.get_by_text("the bias statement").first).to_be_attached()  # what the attribute was read for

    page.goto(told.as_uri())
    expect(page.get_by_text("a second look where it hangs by a vote")).to_be_visible()
    expect(page.get_by_text("SHA-256 of the statement")).to_be_visible()
    assert page.pdf(format="A4").startswith(b"%PDF")


def test_evidently_s_report_opens_in_the_page_and_cannot_reach_it(
    page: Page, own_demo_server: Server
) -> None:
    page.goto(own_demo_server.page("drift", person="petra", project="digits"))
    page.get_by_role("tab", name="Evidently's report").click()
    page.get_by_role("button", name="Make the report").click()
    expect(page.get_by_text("Open the report")).to_be_visible(timeout=LONG_MS)
    page.get_by_text("Open the report").click()
    expect(page.locator("iframe[src*='/api/report/']")).to_be_visible()
    inside = page.frame_locator("iframe[src*='/api/report/']").locator("body")
    expect(inside).to_contain_text(re.compile("drift", re.IGNORECASE), timeout=LONG_MS)
    frame = next(one for one in page.frames if "/api/report/" in one.url)
    assert frame.evaluate("window.origin") == "null"


def test_a_lead_sets_a_limit_of_any_figure_and_an_annotator_sees_no_alert(
    page: Page, own_demo_server: Server
) -> None:
    page.goto(own_demo_server.page("settings", person="petra", project="digits"))
    page.get_by_role("tab", name="Alerts").click()
    expect(page.get_by_text("5 figures of Handwritten digits are watched.")).to_be_visible()
    expect(page.get_by_text("Alerts are sent nowhere")).to_be_visible()
    page.get_by_text("Set a limit", exact=True).click()
    chosen(page, "Limit of", "Percent agreement")
    page.get_by_role("spinbutton", name="Alert under").first.fill("0.7")
    page.keyboard.press("Tab")
    page.get_by_role("textbox", name="Why").first.fill("under it the guideline has to be read again")
    page.keyboard.press("Tab")
    page.get_by_role("button", name="Set the limit").click()
    expect(page.get_by_text("6 figures of Handwritten digits are watched.")).to_be_visible()
    page.goto(own_demo_server.page("overview", person="ana", project="digits"))
    expect(page.get_by_text(re.compile("alert", re.IGNORECASE))).to_have_count(0)
