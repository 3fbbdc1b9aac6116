"""Releases and Audit trail: what they say of the record, and what their buttons do to it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.workflows import adjudicate, flag, relabel, relabel_queue, release, settings
from dashboard.workflows.opening import Store
from dashboard.workflows.release_record import Release, list_releases
from dashboard.workflows.verify import CAVEAT
from tests import stores
from tests.dashboard.pages import checked, open_page, shown_by
from tests.dashboard.pages import words as marked_words

EASY = {settings.FLAGS: 100.0, settings.ALPHA: 0.0, settings.GOLD: 0.1}


@pytest.fixture
def pets(tmp_path: Path) -> Iterator[Store]:
    """A scored project whose gates all pass."""
    with stores.copied(tmp_path / "store", with_easy_limits) as store, shown_by(store):
        yield store


def with_easy_limits(path: Path, keys: Path, clock: stores.SteppingClock) -> Store:
    store = stores.with_scores(path, keys, clock)
    for key, value in EASY.items():
        limit(store, key, value)
    return store


@pytest.fixture
def strict(pets: Store) -> Store:
    """The same with a limit for agreement that cannot be kept."""
    limit(pets, settings.ALPHA, 0.999)
    return pets


def limit(store: Store, key: str, value: float) -> None:
    settings.change_setting(
        store, project_id="pets", by=stores.LENA, key=key, value=value, reason="for the pilot"
    )


def propose(store: Store) -> Release:
    return release.propose(store, project_id="pets", by=stores.LENA, note="first")


def approve(store: Store, made: Release) -> None:
    for person in (stores.LENA, stores.RITA):
        release.approve(
            store,
            project_id="pets",
            by=person,
            release_id=made.release_id,
            expected_hash=made.content_hash,
        )


def newest(store: Store) -> Release:
    return list_releases(store, "pets")[0]


def press(app: AppTest, label: str) -> AppTest:
    return checked(next(one for one in app.button if one.label == label).click().run())


def words(app: AppTest) -> str:
    """What stands on the page, without what keeps markdown from reading it."""
    return marked_words(app).replace("\\", "")


def labels(app: AppTest) -> set[str]:
    return {one.label for one in app.button} | {one.label for one in app.download_button}


class TestReleases:
    """May this release go out?"""

    def test_without_a_project_the_page_says_what_comes_first(self, tmp_path: Path) -> None:
        with stores.empty_store(tmp_path / "store") as store, shown_by(store):
            assert "Nothing has been imported yet" in words(open_page("releases", person="lars"))

    def test_without_a_release_the_gates_answer(self, strict: Store) -> None:
        said = words(open_page("releases", person="lars"))
        assert "No release yet" in said
        assert "not fit to release" in said
        assert re.search(r"Failed.*≥ 0\.999", said, re.DOTALL)

    @pytest.mark.parametrize(
        ("person", "may"),
        [
            ("lars", {"Propose a release", "Approve release 1", "Reject it for good"}),
            ("rita", {"Approve release 1", "Reject it for good"}),
        ],
    )
    def test_each_role_has_its_buttons(self, pets: Store, person: str, may: set[str]) -> None:
        propose(pets)
        everything = {"Propose a release", "Approve release 1", "Reject it for good", "Download as zip"}
        assert labels(open_page("releases", person=person)) & everything == may

    def test_annotators_are_kept_out(self, pets: Store) -> None:
        assert "Releases is not for your role" in words(open_page("releases", person="anna"))

    def test_from_a_proposal_by_two_signatures_to_the_download(self, pets: Store) -> None:
        app = open_page("releases", person="lars")
        app.text_input(key="release-note").set_value("The first one.")
        app = press(app, "Propose a release")
        made = newest(pets)
        assert (made.note, made.proposed_by, made.state) == ("The first one.", "lars", "proposed")
        said = words(app)
        assert "waits for two signatures" in said
        assert made.content_hash in said, "the whole hash that is signed is shown"
        app = press(app, "Approve release 1")
        said = words(app)
        assert "You signed it" in said
        assert "Lena Lead, Rita Reviewer" in said
        assert not {"Approve release 1", "Download as zip"} & labels(app)
        app = press(open_page("releases", person="rita"), "Approve release 1")
        assert newest(pets).approved_by == ("lars", "rita")
        assert "Release 1 is approved by lars and rita" in words(app)
        assert "Download as zip" in labels(app)
        assert any("touchstone release export 1" in one.value for one in app.code)

    def test_the_time_that_a_signer_looked_at_the_release_is_recorded(
        self, pets: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        clock = [500.0]
        monkeypatch.setattr("dashboard.active_time.now", lambda: clock[0])
        propose(pets)
        app = open_page("releases", person="rita")
        clock[0] += 50.0
        app = checked(app.run())
        clock[0] += 12.5
        press(app, "Approve release 1")
        done = pets.read("cost_work", project_id="pets").filter(work="release review")
        assert done.select("who_id", "item_code", "active_seconds").rows() == [("rita", None, 62.5)]

    def test_a_failed_gate_blocks_until_a_lead_waives_it_with_a_reason(self, strict: Store) -> None:
        made = propose(strict)
        app = open_page("releases", person="rita")
        assert "Nobody can approve it while a gate says no" in words(app)
        assert not {"Approve release 1", "Waive this gate"} & labels(app)
        app = press(open_page("releases", person="lars"), "Waive this gate")
        assert "Waiving a gate needs a reason" in words(app)
        app.text_area(key=f"release-waive-reason-{settings.ALPHA}-{made.release_id}").set_value("A pilot.")
        app = press(app, "Waive this gate")
        waiver = newest(strict).waiver_of(settings.ALPHA)
        assert waiver is not None
        assert (waiver.reason, waiver.person_id) == ("A pilot.", "lars")
        assert "Approve release 1" in labels(app)
        assert "“A pilot" in words(app)

    def test_a_rejection_needs_a_reason_and_is_for_good(self, pets: Store) -> None:
        made = propose(pets)
        app = press(open_page("releases", person="rita"), "Reject it for good")
        assert "needs a reason" in words(app)
        app.text_area(key=f"release-reject-reason-{made.release_id}").set_value("The foxes are wrong.")
        app = press(app, "Reject it for good")
        assert newest(pets).state == "rejected"
        said = words(app)
        assert "May not go out" in said
        assert "The foxes are wrong" in said
        assert "Approve release 1" not in labels(app)

    def test_a_press_on_a_release_that_was_settled_meanwhile_is_refused_in_words(self, pets: Store) -> None:
        made = propose(pets)
        app = open_page("releases", person="lars")
        approve(pets, made)
        app = press(app, "Approve release 1")
        assert "It changed while it was on your screen" in words(app)
        assert newest(pets).approved_by == ("lena", "rita")

    def test_the_same_labels_are_not_proposed_twice(self, pets: Store) -> None:
        propose(pets)
        app = press(open_page("releases", person="lars"), "Propose a release")
        assert "already holds exactly these labels" in words(app)
        assert len(list_releases(pets, "pets")) == 1

    def test_the_difference_to_the_release_before(self, pets: Store) -> None:
        approve(pets, propose(pets))
        item, before, after = decide_one(pets)
        propose(pets)
        app = open_page("releases", person="rita")
        said = words(app)
        assert "Against release 1: 1 with another label" in said
        assert re.search(rf"{before}.*→.*{after}", said)
        changed, listed = app.dataframe[0].value, app.dataframe[1].value
        assert changed[["Item", "Before", "In this release"]].values.tolist() == [[item, before, after]]
        assert listed["Release"].tolist() == [2, 1]
        assert listed["State"].tolist() == ["0 of 2 signatures", "Approved"]

    def test_an_older_release_is_chosen_by_the_address(self, pets: Store) -> None:
        approve(pets, propose(pets))
        decide_one(pets)
        propose(pets)
        app = open_page("releases", person="rita", release="1")
        assert "Release 1 is approved" in words(app)
        app = press(app, "Show the newest, release 2")
        assert "Release 2 waits for two signatures" in words(app)
        assert "There is no release 99" in info(open_page("releases", person="rita", release="99"))

    def test_nothing_changes_in_the_past(self, pets: Store) -> None:
        made = propose(pets)
        approve(pets, made)
        app = open_page("releases", person="lars", as_of=str(made.seq))
        assert "waits for two signatures" in words(app)
        verbs = {"Propose a release", "Approve release 1", "Reject it for good", "Waive this gate"}
        assert not verbs & labels(app)
        limit(pets, settings.FLAGS, 99.0)
        app = open_page("releases", person="lars", as_of=str(pets.head - 1))
        assert "Release 1 is approved" in words(app)
        assert "Download as zip" not in labels(app)


class TestAuditTrail:
    """What happened, and is the record whole?"""

    @pytest.mark.parametrize("person", ["lena", "rita"])
    def test_verifying_says_what_was_found_and_what_that_does_not_show(
        self, pets: Store, person: str
    ) -> None:
        app = open_page("audit_trail", person=person)
        assert f"{pets.head} events are on record" in words(app)
        said = words(press(app, "Verify the record now"))
        assert "This store is internally consistent" in said
        assert CAVEAT.split(".")[0] in said
        assert "Not verified" not in said

    def test_a_changed_line_is_named(self, pets: Store) -> None:
        journal = next((pets.path / "journal").glob("*.jsonl"))
        journal.write_bytes(journal.read_bytes().replace(b"Rita Reviewer", b"Rika Reviewer", 1))
        said = words(press(open_page("audit_trail", person="rita"), "Verify the record now"))
        assert "This store is broken: event" in said
        assert "hold this place against a backup" in said

    def test_annotators_are_kept_out(self, pets: Store) -> None:
        assert "Audit trail is not for your role" in words(open_page("audit_trail", person="anna"))

    def test_a_store_without_a_project_has_a_record_too(self, tmp_path: Path) -> None:
        with stores.empty_store(tmp_path / "store") as store, shown_by(store):
            shown = open_page("audit_trail", person="lena").dataframe[0].value
        assert shown["Event"].tolist() == list(range(store.head, 0, -1))

    def test_the_journal_is_in_words_newest_first(self, pets: Store) -> None:
        propose(pets)
        shown = open_page("audit_trail", person="rita").dataframe[0].value
        assert shown["Event"].tolist() == sorted(shown["Event"], reverse=True)
        assert shown["What happened"][0].startswith("lena proposed release 1: 40 items")

    def test_filters_are_in_the_address(self, pets: Store) -> None:
        propose(pets)
        app = open_page("audit_trail", person="rita", kind="setting_changed", actor="lena", subject="ALPHA")
        assert app.dataframe[0].value["What happened"].tolist() == [
            "lena changed the limit krippendorff_alpha from 0.667 to 0: for the pilot"
        ]
        app = open_page("audit_trail", person="rita", since="2026-09-02")
        assert "No event matches these filters" in words(app)
        app = press(app, "Clear the filters")
        assert len(app.dataframe[0].value) == min(20, pets.head)
        app = open_page("audit_trail", person="rita", since="2026-09-01", until="2026-09-01")
        assert len(app.dataframe[0].value) == min(20, pets.head)

    def test_an_address_with_nonsense_shows_the_page_all_the_same(self, pets: Store) -> None:
        for address in (
            {"kind": "x"},
            {"since": "soon"},
            {"page": "-1"},
            {"event": "x"},
            {"event": "999999"},
        ):
            app = open_page("audit_trail", person="rita", **address)
            assert len(app.dataframe[0].value) > 0

    def test_one_events_line_is_shown_byte_for_byte(self, pets: Store) -> None:
        made = propose(pets)
        app = open_page("audit_trail", person="rita", event=str(made.seq))
        assert app.code[0].value.encode() + b"\n" == pets.event_lines(frozenset({made.seq}))[0]
        assert json.loads(app.code[0].value)["kind"] == "release_proposed"
        assert not press(app, "Close").code

    def test_the_past_has_no_later_events(self, pets: Store) -> None:
        app = open_page("audit_trail", person="rita", as_of="6", event="8")
        assert max(app.dataframe[0].value["Event"]) == 6
        assert "had not happened" in words(app)
        assert not app.code


def decide_one(store: Store) -> tuple[str, str, str]:
    """A lead gives one item another label; returns the item, its label before and after."""
    options = flag.FlagOptions(least_probability=0.95, least_margin=0.5)
    flag.raise_flags(store, project_id="pets", by=stores.LENA, options=options)
    item = relabel_queue.next_item(store, project_id="pets", by=stores.ANNA)
    assert item is not None
    relabel.ask_lead(
        store, project_id="pets", by=stores.ANNA, flag_id=item.flag_id, question="Which?", active_seconds=1.0
    )
    case = adjudicate.case(store, project_id="pets", by=stores.LENA, flag_id=item.flag_id)
    before = case.evidence.label
    assert before is not None
    after = next(one for one in stores.LABELS if one != before)
    adjudicate.decide(
        store,
        project_id="pets",
        by=stores.LENA,
        flag_id=item.flag_id,
        label=after,
        reason="The guideline names it.",
        expected_version=case.evidence.version,
    )
    return item.item_id, before, after


def info(app: AppTest) -> str:
    return "\n".join(str(one.value) for one in app.info)
