"""The bias statement: what it says and never says, what was decided, and that a release keeps it for ever."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, cast

import pytest

from dashboard.workflows import (
    bias,
    bias_actions,
    bias_decisions,
    bias_groups,
    bias_rows,
    bias_statement,
    bias_statement_html,
    bias_view,
    overview,
    release,
    release_export,
    release_gates,
    release_statement,
    score,
    settings,
)
from dashboard.workflows.errors import BadRequest, NotAllowed
from dashboard.workflows.opening import Store
from data import bundle_check
from data.journal import canonical_json
from tests import stores
from tests.dashboard.bias_steps import SECRET, crowd_store, with_crowd
from tests.dashboard.pages import checked, open_page, shown_by, words

PURPOSE = "the bias statement"
RUN = bias.BiasOptions(by=("site", "channel"), purpose=PURPOSE, replicates=100)
GAP = "annotator|site|north|||label_rate|dog"


@pytest.fixture
def crowd(tmp_path: Path) -> Iterator[Store]:
    with stores.copied(tmp_path / "store", with_bias) as store:
        yield store


def with_bias(path: Path, keys: Path, clock: stores.SteppingClock) -> Store:
    store = with_crowd()(path, keys, clock)
    score.score(store, project_id="pets", by=stores.LENA, options=score.ScoreOptions(replicates=100))
    bias.bias(store, project_id="pets", by=stores.RITA, options=RUN)
    return store


def stated(store: Store, as_of: int | None = None) -> bias_statement.Statement:
    return bias_statement.statement(store, project_id="pets", by=stores.LARS, as_of=as_of)


def decide(
    store: Store, action: str = "balance", reason: str = "two more people of the north vote"
) -> bias_decisions.Decision:
    return bias_decisions.decide(
        store, project_id="pets", by=stores.RITA, named=GAP, action=action, reason=reason
    )


def test_a_finding_has_figure_interval_and_no_answer_at_first(crowd: Store) -> None:
    found = stated(crowd)
    assert GAP in {one.named for one in found.unanswered}
    told = bias_statement.document(found)
    findings = cast("list[dict[str, Any]]", told["findings"])
    finding = next(one for one in findings if one["group"] == "north" and one["measure"] == "label_rate")
    assert finding["gap_low"] < finding["gap"] < finding["gap_high"] < 0
    assert finding["action"] is None
    assert told["croissant_rai"]["rai:dataBiases"]  # type: ignore[index]  # JSON


def test_what_could_not_be_tested_is_said_with_its_reason_and_no_name(crowd: Store) -> None:
    found = stated(crowd)
    assert ("site: 1 group", "too small to be shown, or they would give a small one away") in found.untested
    everything = json.dumps(bias_statement.document(found)) + bias_statement_html.page(
        bias_statement.document(found), title="pets"
    )
    assert SECRET not in everything
    assert "p07" not in everything


def test_a_decision_is_on_record_and_the_newest_one_holds(crowd: Store) -> None:
    decide(crowd, "examine", "we look")
    before = crowd.head
    done = decide(crowd)
    found = {one.named: one.decision for one in stated(crowd).findings}
    assert found[GAP] == done
    assert done.decided_by == "rita"
    earlier = {one.named: one.decision for one in stated(crowd, before).findings}[GAP]
    assert earlier is not None
    assert earlier.action == "examine"
    assert GAP not in {one.named for one in stated(crowd).unanswered}
    assert "two more people" in json.dumps(bias_statement.document(stated(crowd))["croissant_rai"])


def act(store: Store, *, group: str = "", about: tuple[str, ...] | None = None) -> bias_actions.Proposal:
    wish = bias_actions.Wish("extra-vote", "site", group=group, n_items=5)
    found = bias_actions.propose(store, project_id="pets", by=stores.RITA, wish=wish, purpose=PURPOSE)
    bias_actions.commit(
        store, project_id="pets", by=stores.RITA, proposal=found, reason="one more look", about=about
    )
    return found


def test_an_action_answers_the_gaps_of_its_attribute_and_tells_what_was_expected(crowd: Store) -> None:
    assert GAP in bias_decisions.unanswered(crowd, "pets", "site")
    proposal = act(crowd)
    assert bias_decisions.unanswered(crowd, "pets", "site") == ()
    found = stated(crowd)
    assert found.unanswered == ()
    taken = found.actions[0]
    assert taken.expected == proposal.sentence
    assert any("label “dog”" in words for words in taken.answers)
    assert (taken.decision.n_flagged, taken.decision.n_settled) == (5, 0)
    told = bias_statement.document(found)
    finding = next(one for one in cast("list[dict[str, Any]]", told["findings"]) if one["group"] == "north")
    assert finding["action"]["n_flagged"] == 5
    assert proposal.sentence in bias_statement_html.page(told, title="pets")
    assert proposal.sentence in json.dumps(told["croissant_rai"], ensure_ascii=False)
    decide(crowd, "accept", "it is enough")  # the newest decision holds, the action stays on record
    again = stated(crowd)
    newest = {one.named: one.decision for one in again.findings}[GAP]
    assert newest is not None
    assert newest.action == "accept"
    assert len(again.actions) == 1


def test_an_action_may_answer_nothing_or_only_what_there_is(crowd: Store) -> None:
    with pytest.raises(BadRequest, match="no such gap"):
        act(crowd, about=(GAP.replace("north", SECRET),))
    act(crowd, about=())
    assert GAP in {one.named for one in stated(crowd).unanswered}
    assert stated(crowd).actions[0].answers == ()


def test_what_an_action_expected_is_not_told_once_its_group_is_hidden(
    crowd: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    act(crowd, group="north")
    assert "north" in str(stated(crowd).actions[0].expected)
    monkeypatch.setattr(bias_groups, "LEAST_PEOPLE", 21)  # sites of 20 are now too small
    bias.bias(crowd, project_id="pets", by=stores.RITA, options=RUN)
    found = stated(crowd)
    assert found.actions[0].expected is None
    assert found.actions[0].answers == ()
    told = bias_statement.document(found)
    assert "north" not in json.dumps(told)
    assert "north" not in bias_statement_html.page(told, title="pets")


def test_what_was_decided_about_a_gap_that_is_gone_stays_in_the_statement(crowd: Store) -> None:
    seen = bias_view.read_view(crowd, "pets")
    assert seen is not None
    calm = next(row for row in seen.gaps.iter_rows(named=True) if row["verdict"] in ("none", "items"))
    named = bias_rows.gap_id(calm)
    bias_decisions.decide(
        crowd, project_id="pets", by=stores.RITA, named=named, action="guideline", reason="version 2 says so"
    )
    told = bias_statement.document(stated(crowd))
    assert [one["words"] for one in cast("list[dict[str, Any]]", told["decided_before"])] == [
        bias_decisions.ANSWERS["guideline"]
    ]
    assert "version 2 says so" in bias_statement_html.page(told, title="pets")


def test_a_gap_without_an_answer_keeps_a_release_back(crowd: Store) -> None:
    def gate() -> release_gates.Gate:
        report = release_gates.check_gates(crowd, project_id="pets", by=stores.LARS)
        return next(one for one in report.gates if one.key == settings.BIAS)

    n = len(stated(crowd).unanswered)
    assert (gate().status, gate().value) == ("failed", n)
    assert "Statement" in gate().todo
    first_page = overview.overview(crowd, project_id="pets", by=stores.LARS)
    assert "bias" in {todo.page for todo in first_page.todos}
    assert "nothing was decided about" in first_page.sentence
    for one in stated(crowd).unanswered[1:]:
        bias_decisions.decide(
            crowd, project_id="pets", by=stores.RITA, named=one.named, action="accept", reason="known"
        )
    assert gate().value == 1
    act(crowd)
    assert (gate().status, gate().value) == ("passed", 0)


def test_deciding_takes_a_role_a_reason_a_gap_and_an_action(crowd: Store) -> None:
    with pytest.raises(NotAllowed):
        bias_decisions.decide(
            crowd, project_id="pets", by=stores.ANNA, named=GAP, action="accept", reason="x"
        )
    with pytest.raises(BadRequest, match="reason"):
        decide(crowd, reason=" ")
    with pytest.raises(BadRequest, match="Actions"):
        decide(crowd, "ignore")
    with pytest.raises(BadRequest, match="no such gap"):
        bias_decisions.decide(
            crowd,
            project_id="pets",
            by=stores.RITA,
            named=GAP.replace("north", SECRET),
            action="accept",
            reason="x",
        )


def test_a_release_keeps_its_statement_whatever_comes_after(crowd: Store, tmp_path: Path) -> None:
    decide(crowd)
    proposed = release.propose(crowd, project_id="pets", by=stores.LARS)
    frozen = bias_statement.document(stated(crowd, proposed.saw_seq))
    decide(crowd, "exclude", "later")
    bias.bias(crowd, project_id="pets", by=stores.LARS)
    assert bias_statement.document(stated(crowd, proposed.saw_seq)) == frozen
    pushed_through(crowd, proposed)
    done = release_export.export(
        crowd, project_id="pets", by=stores.RITA, release_id=proposed.release_id, folder=tmp_path / "bundle"
    )
    manifest = json.loads((done.folder / "manifest.json").read_text())
    assert manifest["bias_statement"] == frozen
    lines = [json.loads(line) for line in (done.folder / "events.jsonl").read_text().splitlines()]
    digest = next(
        line["payload"]["bias_statement_sha256"] for line in lines if line["kind"] == "release_proposed"
    )
    assert digest == hashlib.sha256(canonical_json(manifest["bias_statement"]).encode()).hexdigest()
    for path in done.folder.iterdir():
        assert SECRET.encode() not in path.read_bytes()


def approved(store: Store, folder: Path) -> Path:
    """A bundle of a release that everybody waved through."""
    proposed = release.propose(store, project_id="pets", by=stores.LARS)
    pushed_through(store, proposed)
    return release_export.export(
        store, project_id="pets", by=stores.RITA, release_id=proposed.release_id, folder=folder
    ).folder


def pushed_through(store: Store, proposed: release.Release) -> None:
    """Waive every gate that says no, and sign."""
    for gate in proposed.blocking_gates:
        release.waive(
            store,
            project_id="pets",
            by=stores.LARS,
            release_id=proposed.release_id,
            gate=gate.key,
            reason="a test",
        )
    for person in (stores.LARS, stores.RITA):
        release.approve(
            store,
            project_id="pets",
            by=person,
            release_id=proposed.release_id,
            expected_hash=proposed.content_hash,
        )


def test_people_sign_the_statement_and_a_bundle_with_another_one_is_broken(
    crowd: Store, tmp_path: Path
) -> None:
    decide(crowd)
    folder = approved(crowd, tmp_path / "bundle")
    told = bundle_check.verify_release(folder)
    assert told.valid
    assert any("bias statement" in line for line in told.checks)
    lines = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    signed = {line["payload"]["bias_statement_sha256"] for line in lines if line["kind"] == "release_signed"}
    manifest = json.loads((folder / "manifest.json").read_text())
    assert signed == {bias_statement.digest(manifest["bias_statement"])}
    manifest["bias_statement"]["findings"][0]["action"]["reason"] = "a better one"
    (folder / "manifest.json").write_text(json.dumps(manifest))
    broken = bundle_check.verify_release(folder).first_broken
    assert broken is not None
    assert "bias statement" in broken.reason


def test_a_release_shows_the_statement_that_it_keeps_even_where_words_change_later(
    crowd: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    proposed = release.propose(crowd, project_id="pets", by=stores.LARS)
    monkeypatch.setattr(bias_statement, "NOT_MEASURED", "another version's words")
    monkeypatch.setattr(bias_view, "sentence", lambda row: f"another version says {row['group']}")
    kept = release_statement.release_statement(
        crowd, project_id="pets", by=stores.RITA, release=release.find_release(crowd, "pets")
    )
    assert bias_statement.digest(kept) == proposed.bias_statement_sha256
    assert "another version" not in json.dumps(kept)


def test_without_a_comparison_the_statement_says_so(tmp_path: Path) -> None:
    with crowd_store(tmp_path / "store") as store:
        found = stated(store)
        assert found.sentence == bias_statement.NOT_MEASURED
        assert bias_statement.document(found)["run_id"] is None
        assert "was not measured" in bias_statement_html.page(bias_statement.document(found), title="pets")


class Tags(HTMLParser):
    """The tags of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        assert not [name for name, _ in attrs if name in ("src", "href") or name.startswith("on")]


def test_the_page_has_no_script_and_texts_from_data_are_no_markup(crowd: Store) -> None:
    decide(crowd, reason="<script>alert(1)</script> & <img src=x onerror=y>")
    tags = Tags()
    tags.feed(bias_statement_html.page(bias_statement.document(stated(crowd)), title="<b>pets</b>"))
    assert not {"script", "img", "b", "link", "iframe"} & set(tags.seen)
    assert "section" in tags.seen


@pytest.mark.parametrize("person", ["lars", "rita"])
def test_the_tab_shows_the_statement_and_takes_a_decision(crowd: Store, person: str) -> None:
    with shown_by(crowd):
        app = open_page("bias", person=person, section="statement")
        assert "no answer yet" in words(app)
        app.selectbox(key="bias_action_0").set_value("accept")
        app.text_input(key="bias_reason_0").set_value("known")
        record = next(button for button in app.button if button.label == "Record")
        checked(record.click().run())
        assert "known, and accepted (known)" in words(app).replace("\\", "")
