"""A model against labels that are sets: training, each choice in doubt, quadrants, flags that name the choice."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from analytics.reasons import explain
from dashboard.cli.app import app
from dashboard.workflows import (
    flag,
    model_samples,
    predictions,
    score,
    set_reasons,
    train,
    uncertainty,
    uncertainty_view,
)
from dashboard.workflows.item_story import item_story
from dashboard.workflows.label_sets import require_label_set
from dashboard.workflows.model_reasons import Opinions
from dashboard.workflows.opening import Store
from tests import stores
from tests.dashboard.pages import open_page, shown_by, words
from tests.dashboard.topics import (
    N_EXTRA,
    N_ITEMS,
    N_MISSING,
    SPLIT,
    TOPICS,
    P,
    judge_topics,
    scored_topics,
    truth,
)

MISSING = {f"t-{item:03d}" for item in range(N_MISSING)}
EXTRA = {f"t-{item:03d}" for item in range(N_MISSING, N_MISSING + N_EXTRA)}


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Read only: what a test writes is seen by those after it."""
    with scored_topics(tmp_path_factory.mktemp("topics")) as store:
        judge_topics(store, n_members=3, n_folds=4)
        yield store


def rows_of(store: Store) -> pl.DataFrame:
    run = uncertainty_view.uncertainty_view(store, project_id=P, by=stores.LENA)
    assert run is not None
    return store.read("judgement_items", project_id=P, run_id=run.run_id, item_code=-1)


def test_every_member_gives_every_choice_a_probability_of_its_own(judged: Store) -> None:
    run = judged.read("model_runs", project_id=P)["model_run"][0]
    _, samples = model_samples.samples(judged, project_id=P, model_run=run)
    assert samples.shape == (3, N_ITEMS, len(TOPICS))
    assert not np.allclose(samples.sum(axis=2), 1, atol=0.1)
    right = (samples.mean(axis=0) > 0.5) == truth()
    assert right.mean() > 0.9


def test_choices_that_everybody_missed_or_added_are_found(judged: Store) -> None:
    rows = rows_of(judged)
    suspects = rows.filter("is_suspect")
    missing = suspects.filter(~pl.col("choice_given") & (pl.col("choice_code") == TOPICS.index("login")))
    extra = suspects.filter(pl.col("choice_given") & (pl.col("choice_code") == TOPICS.index("parcel")))
    assert len(MISSING & set(missing["item_id"])) >= N_MISSING // 2
    assert len(EXTRA & set(extra["item_id"])) >= N_EXTRA // 2
    others = suspects.filter(~pl.col("item_id").is_in(MISSING | EXTRA))
    assert others.height <= N_ITEMS // 10
    assert (
        others.filter(pl.col("disagreement") < 1 / 3).height <= 2
    )  # the rest: one of two annotators slipped


def test_what_is_said_of_a_set_adds_up(judged: Store) -> None:
    rows = rows_of(judged)
    assert rows["doubted_codes"].list.len().fill_null(0).gt(0).to_list() == rows["is_suspect"].to_list()
    doubted = rows.filter("is_suspect")
    assert (doubted["doubted_codes"].list.first() == doubted["choice_code"]).all()
    assert rows["p_label"].is_between(0, 1).all()
    assert (rows["p_label"] <= rows["p_other"]).sum() >= N_MISSING
    assert (rows["crowd_quality"] <= rows["choice_quality"] + 1e-12).all()
    assert (rows["mutual_information"] >= -1e-9).all()
    assert (rows["predictive_entropy"] >= rows["mutual_information"] - 1e-9).all()


def test_crowdlab_decides_every_choice_by_votes_and_model(tmp_path: Path) -> None:
    with scored_topics(tmp_path) as store:
        train.train(
            store,
            project_id=P,
            by=stores.LENA,
            options=train.TrainOptions(n_members=1, n_folds=3, penalty=0.1),
        )
        before = wrong_labels(store)
        score.score(
            store,
            project_id=P,
            by=stores.LENA,
            options=score.ScoreOptions(method="crowdlab", figures=False, replicates=100),
        )
        assert wrong_labels(store) < before  # a model settles what two annotators leave open
        fit = json.loads(store.read("score_runs", project_id=P)["parameters"][0])
        assert fit["model_run"].startswith("built-in")
        story = item_story(store, project_id=P, by=stores.LENA, item_id="t-040")
        assert story.contributions is not None


def wrong_labels(store: Store) -> int:
    """How many labels are not what the letter is about."""
    label_set, real = require_label_set(store, P), truth()
    labels = store.read("judgement_labels", project_id=P)["label_code"].to_list()
    return sum(
        label_set.members_of(code) != tuple(np.flatnonzero(row))
        for code, row in zip(labels, real, strict=True)
    )


def test_people_of_two_minds_are_hard_for_people(judged: Store) -> None:
    rows = {row["item_id"]: row for row in rows_of(judged).iter_rows(named=True)}
    split = [rows[f"t-{item:03d}"] for item in SPLIT]
    assert {row["quadrant"] for row in split} <= {"people", "both"}
    assert {row["disagreement_choice_code"] for row in split} == {TOPICS.index("bill")}


def test_figures_are_of_whole_sets_and_of_every_choice(judged: Store) -> None:
    seen = uncertainty_view.uncertainty_view(judged, project_id=P, by=stores.LENA)
    assert seen is not None
    figures = seen.figures
    exact, shared, gold = (
        cast("float", figures[key]["value"])
        for key in ("model_accuracy", "model_overlap", "model_accuracy_on_gold")
    )
    assert figures["model_accuracy"]["n"] == N_ITEMS
    assert 0.5 < exact < shared < 1
    assert gold > 0.6
    assert figures["model_temperature"]["low"] is None
    assert set(seen.labels["group_id"]) == set(TOPICS)
    assert {json.loads(one)[0] for one in seen.groups["group_id"]} == {"desk"}


def test_flags_name_the_choice(judged: Store) -> None:
    raised = flag.raise_flags(judged, project_id=P, by=stores.LENA)
    assert raised.by_reason["model_disagrees"] >= 4
    rows = judged.read("judgement_flagged", project_id=P)
    told = [one for text in rows["reasons"] for one in json.loads(text)]
    reasons = [one for one in told if one["key"] == "model_disagrees"]
    for one in reasons:
        choice, doubt = one["evidence"]["choice_label"], one["evidence"]["doubt"]
        assert choice in TOPICS
        assert one["sentence"].startswith(
            f"{choice} is probably {doubt}: a model that did not see this label"
        )
        assert (
            (doubt == "one too many")
            == one["evidence"]["says_choice"]
            == (choice in one["evidence"]["label"])
        )
    near = [one["sentence"] for one in told if one["key"] == "neighbours_disagree"]
    assert any(sentence.endswith(" have login; it does not.") for sentence in near)


def test_a_choice_that_is_missing_and_others_in_doubt_are_told() -> None:
    frame = pl.DataFrame(
        {
            "item_code": [4, 5], "label_code": [0, 3], "is_suspect": [True, True], "choice_code": [1, 0], "choice_given": [False, True],
            "p_choice": [0.9, 0.2], "choice_quality": [0.2, 0.6], "doubted_codes": [[1, 2], [0]],
        }
    )  # fmt: skip
    found = set_reasons.choice_doubted(Opinions(frame))
    assert found["item_code"].to_list() == [4]  # the other one is upheld by the votes
    reason = next(one for one in set_reasons.REASONS if one.key == "model_disagrees")
    said = explain(reason, found["evidence"][0], labels=["bill", "login", "parcel"], annotators={})
    assert said == (
        "login is probably missing: a model that did not see this label gives it 90%; with the annotations taken in, it has 80%. "
        "Also in doubt: parcel."
    )


def test_probabilities_of_sets_that_were_brought_are_held_against_the_labels(tmp_path: Path) -> None:
    """A file of one probability a choice, several samples an item, from the command line on."""
    rng = np.random.default_rng(3)
    real = truth()
    with scored_topics(tmp_path) as store:
        path = tmp_path / "model.csv"
        lines = ["item,sample," + ",".join(TOPICS)]
        for item in range(N_ITEMS):
            for sample in range(2):
                p = np.clip(np.where(real[item], 0.9, 0.1) + rng.normal(0, 0.05, 3), 0.01, 0.99)
                lines.append(f"t-{item:03d},m{sample}," + ",".join(f"{one:.3f}" for one in p))
        path.write_text("\n".join(lines) + "\n", "utf-8")
        predictions.import_predictions(
            store,
            path=path,
            project_id=P,
            by=stores.LENA,
            request=predictions.PredictionsRequest("theirs"),
        )
        done = uncertainty.uncertainty(
            store,
            project_id=P,
            by=stores.LENA,
            options=uncertainty.UncertaintyOptions(model_run="theirs", replicates=100),
        )
        assert (done.model_run, done.n_members, done.n_items) == ("theirs", 2, N_ITEMS)
        rows = rows_of(store)
        planted = rows.filter(pl.col("item_id").is_in(MISSING | EXTRA))
        found = planted.filter("is_suspect")
        assert (
            found.height >= 8
        )  # confident learning asks for more than the mean probability of those that have the choice
        assert set(found["choice_code"]) <= {TOPICS.index("login"), TOPICS.index("parcel")}


def test_the_page_names_the_choice_for_a_lead_and_a_reviewer(judged: Store) -> None:
    with shown_by(judged):
        lead = open_page("uncertainty", person="lena", project=P)
        assert "its sets overlap with the labels by" in words(lead)
        assert any(button.key == "uncertainty_flag" for button in lead.button)
        assert (
            "In most doubt"
            in next(frame.value for frame in lead.dataframe if "Item" in frame.value.columns).columns
        )
        reviewer = open_page("uncertainty", person="rita", project=P, quadrant="people")
        assert not any(button.key == "uncertainty_flag" for button in reviewer.button)
        assert (
            "On" in next(frame.value for frame in reviewer.dataframe if "Item" in frame.value.columns).columns
        )
        item = open_page("items", person="rita", project=P, item="t-001")
        assert "not in the label" in words(item)


def test_the_command_line_tells_figures_and_flags_of_sets(tmp_path: Path) -> None:
    scored_topics(tmp_path).close()
    env = {"TOUCHSTONE_KEYS": str(tmp_path / "keys")}
    runner = CliRunner()

    def told(*arguments: str) -> dict[str, Any]:
        where = ["--store", str(tmp_path / "store"), "--by", "lena", "--json"]
        done = runner.invoke(app, [*arguments, *where], env=env)
        assert done.exit_code == 0, done.output
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    assert told("train", "--members", "2", "--folds", "3", "--penalty", "0.1")["n_items"] == N_ITEMS
    found = told("uncertainty", "--replicates", "100")
    keys = {row["key"] for row in found["figures"]}
    assert {"model_overlap", "model_accuracy", "calibration_error"} <= keys
    assert found["n_suspects"] > 8
    assert told("flag", "--quadrant", "people")["by_reason"]["model_disagrees"] >= 1
