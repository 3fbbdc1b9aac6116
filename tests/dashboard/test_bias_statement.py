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
    bias_answers,
    bias_statement,
    bias_statement_html,
    release,
    release_export,
    score,
)
from dashboard.workflows.errors import BadRequest, NotAllowed
from dashboard.workflows.opening import Store
from data.journal import canonical_json
from tests import stores
from tests.dashboard.bias_steps import SECRET, crowd_store
from tests.dashboard.pages import checked, open_page, shown_by, words

PURPOSE = "the bias statement"
RUN = bias.BiasOptions(by=("site", "channel"), purpose=PURPOSE, replicates=100)
GAP = "annotator|site|north|||label_rate|dog"


@pytest.fixture
def crowd(tmp_path: Path) -> Iterator[Store]:
    with crowd_store(tmp_path / "store") as store:
        score.score(store, project_id="pets", by=stores.LENA, options=score.ScoreOptions(replicates=100))
        bias.bias(store, project_id="pets", by=stores.RITA, options=RUN)
        yield store


def stated(store: Store, as_of: int | None = None) -> bias_statement.Statement:
    return bias_statement.statement(store, project_id="pets", by=stores.LARS, as_of=as_of)


def decide(
    store: Store, action: str = "balance", reason: str = "two more people of the north vote"
) -> bias_answers.Answer:
    return bias_answers.answer_gap(
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
    everything = json.dumps(bias_statement.document(found)) + bias_statement_html.page(found, title="pets")
    assert SECRET not in everything
    assert "p07" not in everything


def test_a_decision_is_on_record_and_the_newest_one_holds(crowd: Store) -> None:
    decide(crowd, "examine", "we look")
    before = crowd.head
    done = decide(crowd)
    found = {one.named: one.answer for one in stated(crowd).findings}
    assert found[GAP] == done
    assert done.decided_by == "rita"
    earlier = {one.named: one.answer for one in stated(crowd, before).findings}[GAP]
    assert earlier is not None
    assert earlier.action == "examine"
    assert GAP not in {one.named for one in stated(crowd).unanswered}
    assert "two more people" in json.dumps(bias_statement.document(stated(crowd))["croissant_rai"])


def test_deciding_takes_a_role_a_reason_a_gap_and_an_action(crowd: Store) -> None:
    with pytest.raises(NotAllowed):
        bias_answers.answer_gap(
            crowd, project_id="pets", by=stores.ANNA, named=GAP, action="accept", reason="x"
        )
    with pytest.raises(BadRequest, match="reason"):
        decide(crowd, reason=" ")
    with pytest.raises(BadRequest, match="Actions"):
        decide(crowd, "ignore")
    with pytest.raises(BadRequest, match="no such gap"):
        bias_answers.answer_gap(
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
    for gate in proposed.blocking_gates:
        release.waive(
            crowd,
            project_id="pets",
            by=stores.LARS,
            release_id=proposed.release_id,
            gate=gate.key,
            reason="a test",
        )
    for person in (stores.LARS, stores.RITA):
        release.approve(
            crowd,
            project_id="pets",
            by=person,
            release_id=proposed.release_id,
            expected_hash=proposed.content_hash,
        )
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


def test_without_a_comparison_the_statement_says_so(tmp_path: Path) -> None:
    with crowd_store(tmp_path / "store") as store:
        found = stated(store)
        assert found.sentence == bias_statement.NOT_MEASURED
        assert bias_statement.document(found)["run_id"] is None
        assert "was not measured" in bias_statement_html.page(found, title="pets")


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
    tags.feed(bias_statement_html.page(stated(crowd), title="<b>pets</b>"))
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
