"""The annotator's page by keyboard alone, in a real browser against a real server."""

from __future__ import annotations

import re
import urllib.parse

import pytest
from playwright.sync_api import Locator, Page, expect

from dashboard.relabel_desk import LOOK_SECONDS
from tests.browser.server import Server

GRACE_MS = int(LOOK_SECONDS * 1000) + 150
"""A press is dropped where it comes before a person could have seen the screen."""


def open_desk(page: Page, server: Server, person: str = "ana") -> None:
    page.goto(server.page("relabel", person=person, project="messages"))
    expect(card(page)).to_be_visible()
    settled(page)


def card(page: Page) -> Locator:
    return page.locator(".st-key-relabel-card")


def item_id(page: Page) -> str:
    text = card(page).get_by_text(re.compile(r"^Item \S+$")).first.inner_text()
    return text.removeprefix("Item ").strip()


def settled(page: Page) -> None:
    """Wait until nothing is being drawn: a word at the top can be read before the buttons below it are there."""
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")


def press(page: Page, key: str) -> None:
    settled(page)
    page.wait_for_timeout(GRACE_MS)
    page.keyboard.press(key)


def answer_blind(page: Page, key: str = "2") -> None:
    press(page, key)
    expect(card(page).get_by_role("button", name=re.compile(r"^Submit \w+"))).to_be_visible()
    press(page, "Enter")
    expect(card(page).get_by_text("Revealed")).to_be_visible()


def keep(page: Page) -> None:
    before = item_id(page)
    press(page, "k")
    expect(card(page).get_by_text(f"Item {before}", exact=True)).to_be_hidden()


def headline(page: Page) -> Locator:
    return page.locator(".st-key-relabel-head")


def test_items_come_one_after_the_other_and_none_comes_twice(page: Page, own_demo_server: Server) -> None:
    open_desk(page, own_demo_server)
    seen = []
    for _ in range(5):
        seen.append(item_id(page))
        answer_blind(page)
        keep(page)
    assert len(set(seen)) == len(seen)
    expect(headline(page)).to_contain_text("5 done by you today")


def test_nothing_about_the_label_is_shown_before_the_answer(page: Page, own_demo_server: Server) -> None:
    open_desk(page, own_demo_server)
    side = page.locator(".st-key-relabel-side")
    expect(side).to_contain_text("Your answer comes first")
    expect(page.get_by_text("Why it was flagged")).to_have_count(0)
    press(page, "w")
    expect(page.get_by_text("Why it was flagged")).to_have_count(0)
    answer_blind(page)
    expect(side).to_contain_text("The current label")
    expect(side).to_contain_text("Why it was flagged")
    press(page, "w")
    expect(side).to_contain_text("score")


def test_undo_brings_the_item_back(page: Page, own_demo_server: Server) -> None:
    open_desk(page, own_demo_server)
    first = item_id(page)
    answer_blind(page)
    keep(page)
    assert item_id(page) != first
    press(page, "z")
    expect(card(page).get_by_text(f"Item {first}", exact=True)).to_be_visible()
    expect(headline(page)).to_contain_text("Undone")


def test_a_draft_survives_a_reload_and_writing_presses_no_keys(page: Page, own_demo_server: Server) -> None:
    open_desk(page, own_demo_server)
    first = item_id(page)
    press(page, "3")
    expect(card(page).get_by_role("button", name=re.compile(r"^Submit \w+"))).to_be_visible()
    press(page, "n")
    note = page.get_by_label("Why (optional)")
    expect(note).to_be_focused()
    page.keyboard.type("7 parcels, k or s: zu spät")
    page.keyboard.press("Tab")
    page.wait_for_timeout(1000)
    settled(page)
    chosen = card(page).get_by_role("button", name=re.compile(r"^Submit \w+")).inner_text()
    page.reload()
    expect(card(page)).to_be_visible()
    assert item_id(page) == first
    expect(page.get_by_label("Why (optional)")).to_have_value("7 parcels, k or s: zu spät")
    assert card(page).get_by_role("button", name=re.compile(r"^Submit \w+")).inner_text() == chosen


def test_skip_takes_a_reason_and_gives_the_next_item(page: Page, own_demo_server: Server) -> None:
    open_desk(page, own_demo_server)
    first = item_id(page)
    press(page, "s")
    expect(page.get_by_text("Why do you skip it?")).to_be_visible()
    press(page, "3")
    expect(card(page).get_by_text(f"Item {first}", exact=True)).to_be_hidden()
    expect(headline(page)).to_contain_text("Skipped")


def test_a_question_goes_to_the_lead(page: Page, own_demo_server: Server) -> None:
    open_desk(page, own_demo_server)
    first = item_id(page)
    press(page, "u")
    question = page.get_by_label("What is unclear?")
    expect(question).to_be_focused()
    page.keyboard.type("Is a late voucher billing or delivery?")
    page.keyboard.press("Control+Enter")
    expect(headline(page)).to_contain_text("Sent to the lead")
    page.goto(own_demo_server.page("items", person="petra", project="messages", item=first))
    expect(page.get_by_text("Is a late voucher billing or delivery?").first).to_be_visible()


def test_cannot_tell_is_an_answer(page: Page, own_demo_server: Server) -> None:
    open_desk(page, own_demo_server)
    press(page, "t")
    expect(card(page).get_by_text("Revealed")).to_be_visible()
    expect(card(page)).to_contain_text("You could not tell")


def test_two_people_never_hold_the_same_item(page: Page, own_demo_server: Server) -> None:
    open_desk(page, own_demo_server)
    other = page.context.new_page()
    open_desk(other, own_demo_server, person="bo")
    assert item_id(page) != item_id(other)


def test_help_lists_the_keys_and_escape_closes_it(page: Page, own_demo_server: Server) -> None:
    open_desk(page, own_demo_server)
    side = page.locator(".st-key-relabel-side")
    press(page, "h")
    expect(side).to_contain_text("cannot tell: that is an answer too")
    press(page, "Escape")
    expect(side).to_contain_text("Your answer comes first")
    press(page, "h")
    expect(side).to_contain_text("cannot tell: that is an answer too")
    press(page, "h")
    expect(side).to_contain_text("Your answer comes first")
    press(page, "g")
    expect(side).to_contain_text("Guideline, version")


@pytest.mark.parametrize("person", ["ines", "otto"])
def test_the_desk_is_for_annotators_and_leads(page: Page, demo_server: Server, person: str) -> None:
    page.goto(demo_server.page("relabel", person=person, project="messages"))
    expect(page.get_by_text("Relabel is not for your role")).to_be_visible()
    assert urllib.parse.urlparse(page.url).path == "/relabel"
