"""The whole line: from a file to an approved release that anyone can verify, through the use cases and the command line."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import partial
from pathlib import Path

import polars as pl
import pytest

from dashboard.workflows import (
    adjudicate,
    flag,
    ingest,
    relabel,
    relabel_queue,
    relabel_reveal,
    release,
    release_export,
    release_gates,
    score,
    settings,
)
from dashboard.workflows.errors import BadRequest, NotAllowed
from dashboard.workflows.verify import verify_folder
from tests import stores
from tests.crowds import PEER_STOPS_AFTER


def command(folder: Path, *words: str, code: int = 0) -> dict[str, object]:
    """Run the command line on the store in `folder`; the JSON document that it prints."""
    script = "from dashboard.cli import main; main()"
    environment = {
        "TOUCHSTONE_STORE": str(folder / "store"),
        "TOUCHSTONE_KEYS": str(folder / "keys"),
        "HOME": str(folder),
        "USER": "lena",
        "LOGNAME": "lena",
        "PATH": "/usr/bin:/bin",
        "PYTHONPATH": str(Path(__file__).parent.parent.parent),
    }
    done = subprocess.run(
        [sys.executable, "-c", script, "--json", *words],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
        cwd=folder,
    )
    assert done.returncode == code, done.stderr
    return dict(json.loads(done.stdout)) if done.stdout.strip() else {}


def test_a_flagged_item_goes_through_blind_answer_reveal_and_second_person_to_a_release(
    tmp_path: Path,
) -> None:
    with stores.small_store(tmp_path / "store") as store:
        raised = flag.raise_flags(
            store,
            project_id="pets",
            by=stores.LENA,
            options=flag.FlagOptions(least_probability=0.95, least_margin=0.5),
        )
        assert raised.raised > 0
        first = relabel_queue.next_item(store, project_id="pets", by=stores.ANNA)
        assert first is not None
        with pytest.raises(BadRequest, match="own answer"):
            relabel_reveal.reveal(store, project_id="pets", by=stores.ANNA, flag_id=first.flag_id)
        for person in (stores.ANNA, stores.BEN):
            work = relabel_queue.next_item(store, project_id="pets", by=person)
            assert work is not None
            assert work.flag_id == first.flag_id
            shown_label = "dog"
            relabel.answer_blind(
                store,
                project_id="pets",
                by=person,
                flag_id=work.flag_id,
                label=shown_label,
                active_seconds=3.0,
            )
            shown = relabel_reveal.reveal(store, project_id="pets", by=person, flag_id=work.flag_id)
            keeps = shown.label == shown_label
            relabel.answer(
                store,
                project_id="pets",
                by=person,
                flag_id=work.flag_id,
                verdict="keep" if keeps else "change",
                label=None if keeps else shown_label,
                expected_version=shown.version,
            )
            if keeps:
                break
        label = store.read("score_counts", project_id="pets").row(0, named=True)
        assert label["labelled"] == 40
        for flag_id in adjudicate.waiting(store, project_id="pets", by=stores.LENA)["flag_id"]:
            case = adjudicate.case(store, project_id="pets", by=stores.LENA, flag_id=flag_id)
            adjudicate.decide(
                store,
                project_id="pets",
                by=stores.LENA,
                flag_id=flag_id,
                label="cat",
                reason="The guideline names it.",
                expected_version=case.evidence.version,
            )
        score.score(store, project_id="pets", by=stores.LENA, options=score.ScoreOptions(replicates=200))
        settings.change_setting(
            store,
            project_id="pets",
            by=stores.LENA,
            key=settings.FLAGS,
            value=100,
            reason="a test of the whole line",
        )
        settings.change_setting(
            store,
            project_id="pets",
            by=stores.LENA,
            key=settings.ALPHA,
            value=0.0,
            reason="a test of the whole line",
        )
        settings.change_setting(
            store,
            project_id="pets",
            by=stores.LENA,
            key=settings.GOLD,
            value=0.1,
            reason="a test of the whole line",
        )
        assert release_gates.check_gates(store, project_id="pets", by=stores.RITA).passed
        with pytest.raises(NotAllowed):
            release.propose(store, project_id="pets", by=stores.ANNA)
        made = release.propose(store, project_id="pets", by=stores.LENA, note="first")
        sign = partial(
            release.approve,
            store,
            project_id="pets",
            release_id=made.release_id,
            expected_hash=made.content_hash,
        )
        assert sign(by=stores.LENA).state == "proposed"
        with pytest.raises(BadRequest):
            sign(by=stores.LENA)
        assert sign(by=stores.RITA).state == "approved"
        release_export.export(
            store, project_id="pets", by=stores.RITA, release_id=made.release_id, folder=tmp_path / "bundle"
        )
    assert verify_folder(tmp_path / "bundle").found.valid
    assert verify_folder(tmp_path / "store").found.valid
    csv = tmp_path / "bundle" / "labels.csv"
    csv.write_text(csv.read_text().replace("cat", "dog", 1))
    assert not verify_folder(tmp_path / "bundle").found.valid


def test_the_same_file_again_imports_nothing_twice(tmp_path: Path) -> None:
    with stores.small_store(tmp_path / "store", scored=False) as store:
        head = store.head
        again = ingest.import_parsed(
            store,
            parsed=stores.parsed_crowd(),
            project_id="pets",
            by=stores.LENA,
            request=ingest.ImportRequest(),
        )
        assert (again.imported, again.duplicates) == (0, 200)
        assert store.head == head


def test_a_label_that_the_set_does_not_have_is_refused_unless_it_is_let_in(tmp_path: Path) -> None:
    with stores.small_store(tmp_path / "store", scored=False) as store:
        parsed = stores.parsed_crowd(seed=1, name="more.csv")
        strange = parsed.annotations.with_columns(
            pl.when(pl.col("row") == 7).then(pl.lit("fox")).otherwise("label").alias("label")
        )
        object.__setattr__(parsed, "annotations", strange)
        ask = partial(ingest.import_parsed, store, project_id="pets", by=stores.LENA, parsed=parsed)
        refused = ask(request=ingest.ImportRequest())
        assert refused.refused
        assert refused.rejected.row(0)[0] == 7
        assert "fox" in refused.rejected.row(0)[1]
        assert store.read("score_counts", project_id="pets")["annotations"][0] == 200
        taken = ask(request=ingest.ImportRequest(extend_labels=True))
        assert taken.labels == ("bird", "cat", "dog", "fox")
        assert taken.imported + taken.duplicates == 200
        assert taken.imported > 0


def test_the_command_line_from_file_to_verified_release(tmp_path: Path) -> None:
    rows = ["item,annotator,label"]
    rows += [f"i{item},a{person},{'yes' if item % 2 else 'no'}" for item in range(30) for person in range(3)]
    rows[1] = "i0,a0,yes"  # with no disagreement at all there is no interval to hold against the limit
    (tmp_path / "answers.csv").write_text("\n".join(rows) + "\n")
    assert command(tmp_path, "import", "answers.csv")["imported"] == 90
    assert command(tmp_path, "import", "answers.csv")["duplicates"] == 90
    command(tmp_path, "gate", code=1)
    figures = command(tmp_path, "score")["figures"]
    assert isinstance(figures, list)
    assert {row["key"]: row["value"] for row in figures if not row["group"]}[
        "krippendorff_alpha"
    ] == pytest.approx(0.956, abs=5e-4)
    assert command(tmp_path, "flag")["raised"] == 0
    assert command(tmp_path, "gate")["passed"] is True
    command(tmp_path, "member", "add", "bo", "--role", "lead")
    assert command(tmp_path, "release", "propose")["state"] == "proposed"
    assert command(tmp_path, "release", "approve")["state"] == "proposed"
    command(tmp_path, "release", "approve", code=3)
    assert command(tmp_path, "release", "approve", "--by", "bo")["state"] == "approved"
    command(tmp_path, "release", "export", "--out", "out")
    assert command(tmp_path, "verify", "out")["valid"] is True
    assert command(tmp_path, "verify", "store")["valid"] is True
    journal = next((tmp_path / "store" / "journal").glob("*.jsonl"))
    journal.write_bytes(
        journal.read_bytes().replace(b'"yes"', b'"yas"', 1).replace(b"answers.csv", b"answerz.csv", 1)
    )
    broken = command(tmp_path, "verify", "store", code=1)["first_broken"]
    assert isinstance(broken, dict)
    assert "changed" in str(broken["reason"])


@pytest.mark.parametrize(
    ("name", "items_apart"), [("act_SP_amt", 0), ("act_CF_amt", 1), ("act_MS", 1), ("act_ZenCrowd_all", 16)]
)
def test_real_files_give_the_reference_figures(
    tmp_path: Path, datasets: Path, name: str, items_apart: int
) -> None:
    """With the reference's settings to its digits; by default EM goes on to the maximum, `items_apart` gold items away."""
    expected = json.loads((datasets / "reference.json").read_text())[name]
    with stores.empty_store(tmp_path / "store") as store:
        ingest.import_file(store, path=datasets / f"{name}.parquet", project_id=name, by=stores.LENA)
        run = partial(score.score, store, project_id=name, by=stores.LENA)
        last = score.ScoreOptions(
            method="dawid-skene", repeats="last", replicates=100, max_iterations=PEER_STOPS_AFTER[name]
        )
        found = run(options=last)
        by_default = run(options=score.ScoreOptions(method="dawid-skene", repeats="last", figures=False))
    overall = dict(found.figures.filter(pl.col("group_kind") == "").select("key", "value").iter_rows())
    assert overall["krippendorff_alpha"] == pytest.approx(expected["krippendorff_alpha_nominal"], abs=5e-7)
    assert overall["percent_agreement"] == pytest.approx(
        expected["mean_pairwise_agreement_items_ge2"], abs=5e-7
    )
    assert overall["consensus_accuracy_on_gold"] == pytest.approx(expected["ds_accuracy"], abs=5e-7)
    assert (found.fit["iterations"], found.fit["converged"]) == (PEER_STOPS_AFTER[name], False)
    assert by_default.fit["converged"] is True
    converged = by_default.accuracy_on_gold.value
    assert converged is not None
    apart = abs(converged - expected["ds_accuracy"]) * expected["gold_items"]
    assert apart == pytest.approx(items_apart, abs=0.01)
