from __future__ import annotations

import json
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from sklearn.datasets import load_digits

from data.demo import PEOPLE, DemoProject, demo_projects
from data.demo.digits import (
    CONFUSED_PAIR,
    CONFUSER,
    DRIFT_WEEK,
    DRIFTER,
    N_AMBIGUOUS,
    SPAMMER,
    build_digits,
)
from data.demo.messages import LABELS as INTENTS
from data.demo.messages import READS_COMPLAINTS_AS_CANCEL, build_messages, message_texts
from data.demo.project import ANNOTATIONS, ANNOTATORS, ITEMS, PREDICTIONS
from tests.data import demo_models

NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
DIGITS, MESSAGES = demo_projects(NOW)


def digits_table() -> pl.DataFrame:
    path = demo_models.FOLDER / "digits.tsv"
    return pl.read_csv(path, separator="\t", schema_overrides={"pixels": pl.String})


def votes_with_truth(project: DemoProject) -> pl.DataFrame:
    """All annotations with `week`, the item's `truth` and whether the vote is `right`."""
    if project is DIGITS:
        truth = digits_table().select("item_id", truth=pl.col("digit").cast(pl.String))
    else:
        truth = message_texts().select("item_id", truth="intent")
    weeks = [batch.with_columns(week=pl.lit(week)) for week, batch in enumerate(project.batches)]
    return pl.concat(weeks).join(truth, on="item_id").with_columns(right=pl.col("label") == pl.col("truth"))


def share_right(votes: pl.DataFrame) -> float:
    return float(votes["right"].sum() / votes.height)


both = pytest.mark.parametrize("project", [DIGITS, MESSAGES], ids=lambda project: project.project_id)


@both
def test_frames_have_the_shapes_that_importers_give(project: DemoProject) -> None:
    assert project.items.schema == ITEMS
    assert project.annotators.schema == ANNOTATORS
    assert project.predictions.schema == PREDICTIONS
    assert all(batch.schema == ANNOTATIONS for batch in project.batches)
    assert project.items["item_id"].is_unique().all()
    assert project.items["item_id"].is_sorted()
    assert project.annotators["annotator_id"].is_sorted()
    assert set(project.items["gold"].drop_nulls()) == set(project.labels)
    for frame in (project.items, project.annotators):
        for attributes in frame["attributes"]:
            canonical = json.dumps(
                json.loads(attributes), sort_keys=True, separators=(",", ":"), ensure_ascii=False
            )
            assert attributes == canonical


@both
def test_everything_that_is_referred_to_exists(project: DemoProject) -> None:
    votes = pl.concat(project.batches)
    items, annotators = set(project.items["item_id"]), set(project.annotators["annotator_id"])
    assert set(votes["item_id"]) == items
    assert set(votes["annotator_id"]) == annotators
    assert set(votes["label"]) == set(project.labels)
    assert set(project.predictions["item_id"]) == items
    assert votes["source_id"].is_unique().all()
    assert votes["source_id"].is_sorted()


@both
def test_batches_are_weeks_in_order_that_end_before_now(project: DemoProject) -> None:
    assert len(project.batches) == 6
    midnight = NOW.replace(hour=0, minute=0)
    for week, batch in enumerate(project.batches):
        starts_at = midnight - timedelta(weeks=6 - week)
        assert batch["row"].to_list() == list(range(1, batch.height + 1))
        assert batch["labelled_at"].is_sorted()
        assert (
            batch["labelled_at"].is_between(pl.lit(starts_at), pl.lit(starts_at + timedelta(weeks=1))).all()
        )
    weekend = pl.concat(project.batches)["labelled_at"].dt.weekday() > 5
    assert 0 < weekend.sum() / len(weekend) < 0.15


@both
def test_a_second_answer_to_an_item_is_a_repeat_and_not_independent(project: DemoProject) -> None:
    votes = pl.concat(project.batches).with_columns(
        nth=pl.col("labelled_at").rank("ordinal").over("item_id", "annotator_id")
    )
    assert (votes["independent"] == (votes["nth"] == 1)).all()
    assert votes["nth"].max() == 2
    assert votes.filter(~pl.col("independent")).height == {"digits": 48, "messages": 21}[project.project_id]


@both
def test_active_times_differ_by_annotator_and_a_few_are_idle(project: DemoProject) -> None:
    seconds = pl.concat(project.batches).group_by("annotator_id").agg(pl.col("active_seconds").median())
    medians = seconds["active_seconds"].to_list()
    assert max(medians) / min(medians) > 1.5
    idle = pl.concat(project.batches)["active_seconds"] > 120
    assert 0.005 < idle.sum() / len(idle) < 0.03
    assert (pl.concat(project.batches)["active_seconds"] > 0).all()


@both
def test_predictions_are_chances_and_those_of_models_that_did_not_see_the_item(project: DemoProject) -> None:
    given = project.predictions["score"].to_numpy().reshape(project.items.height, len(project.labels))
    assert given.sum(axis=1).tolist() == pytest.approx([1.0] * len(given))
    assert project.predictions["label"].head(len(project.labels)).to_list() == list(project.labels)
    if project is DIGITS:
        recomputed = demo_models.digit_chances()[digits_table()["source_row"].to_numpy()]
    else:
        recomputed = demo_models.message_chances()
    assert abs(given - recomputed).max() < 0.005


@both
def test_the_model_is_useful_and_not_perfect(project: DemoProject) -> None:
    best = project.predictions.filter(pl.col("score") == pl.col("score").max().over("item_id"))
    truth = votes_with_truth(project).select("item_id", "truth").unique()
    joined = best.unique("item_id").join(truth, on="item_id")
    accuracy = (joined["label"] == joined["truth"]).sum() / joined.height
    low, high = (0.88, 0.96) if project is DIGITS else (0.5, 0.7)
    assert low < accuracy < high


@both
def test_guideline_versions_are_in_order_and_have_a_clause_for_each_label(project: DemoProject) -> None:
    (first_at, first), (second_at, second) = project.guideline_versions
    votes = pl.concat(project.batches)
    assert first_at < votes["labelled_at"].min() < second_at < votes["labelled_at"].max()  # type: ignore[operator]  # a column of moments
    assert first != second
    assert "New in version 2" in second
    for text in (first, second):
        assert all(f"| **{label}** |" in text for label in project.labels)


@both
def test_the_description_says_what_is_simulated(project: DemoProject) -> None:
    assert "simulated" in project.description


def test_same_now_same_projects_and_another_now_moves_only_the_times() -> None:
    for build, before in ((build_digits, DIGITS), (build_messages, MESSAGES)):
        again, later = build(NOW), build(NOW + timedelta(days=3, hours=2))
        assert again.image_png == before.image_png == later.image_png
        for name in ("items", "annotators", "predictions"):
            assert getattr(again, name).equals(getattr(before, name))
            assert getattr(later, name).equals(getattr(before, name))
        key = ["item_id", "annotator_id", "independent"]
        for old, same, moved in zip(before.batches, again.batches, later.batches, strict=True):
            assert same.equals(old)
            assert moved.select(*key, "label").sort(key).equals(old.select(*key, "label").sort(key))
            assert moved["labelled_at"].min() > old["labelled_at"].min()  # type: ignore[operator]  # a column of moments


def test_now_has_to_have_a_time_zone() -> None:
    with pytest.raises(ValueError, match="time zone"):
        demo_projects(datetime(2026, 11, 24))  # noqa: DTZ001 - without a zone, which is refused


def test_people_of_the_picker() -> None:
    roles = [role for person in PEOPLE for role in person.roles]
    assert {role: roles.count(role) for role in roles} == {
        "lead": 2,
        "reviewer": 1,
        "admin": 1,
        "annotator": 5,
    }
    labelling = {person.person_id for person in PEOPLE if "annotator" in person.roles}
    for project in (DIGITS, MESSAGES):
        assert project.people == PEOPLE
        assert labelling - set(project.annotators["annotator_id"]) == {"mira", "noor"}
    assert len({person.person_id for person in PEOPLE}) == len(PEOPLE)


def test_an_annotator_is_the_same_person_in_both_projects() -> None:
    joined = DIGITS.annotators.join(MESSAGES.annotators, on="annotator_id")
    assert joined.height == MESSAGES.annotators.height
    assert (joined["attributes"] == joined["attributes_right"]).all()


def test_digits_sizes() -> None:
    assert (DIGITS.items.height, DIGITS.annotators.height) == (600, 12)
    gold = DIGITS.items["gold"].drop_nulls().value_counts()
    assert gold["count"].to_list() == [6] * 10
    first = pl.concat(DIGITS.batches).filter(pl.col("independent")).group_by("item_id").len()["len"]
    assert set(first) == {3, 4, 5}
    truth = digits_table()["digit"].value_counts()
    assert truth["count"].to_list() == [60] * 10


def test_digits_gold_and_pictures_are_those_of_the_source() -> None:
    pixels, truth = load_digits(return_X_y=True)
    table = digits_table()
    rows = table["source_row"].to_numpy()
    assert len(set(rows.tolist())) == 600
    assert table["digit"].to_list() == truth[rows].tolist()
    shades = [[int(shade, 17) for shade in picture] for picture in table["pixels"]]
    assert shades == pixels[rows].astype(int).tolist()
    gold = DIGITS.items.join(table, on="item_id").filter(pl.col("gold").is_not_null())
    assert (gold["gold"] == gold["digit"].cast(pl.String)).all()
    assert gold["ambiguous"].sum() == 0
    assert table["ambiguous"].sum() == N_AMBIGUOUS


def test_story_the_spammer_is_no_better_than_chance_and_quick() -> None:
    votes = votes_with_truth(DIGITS)
    accuracy = {
        name: share_right(votes.filter(pl.col("annotator_id") == name))
        for name in votes["annotator_id"].unique()
    }
    assert accuracy.pop(SPAMMER) < 0.2
    assert min(accuracy.values()) > 0.7
    pace = votes.group_by("annotator_id").agg(pl.col("active_seconds").median()).sort("active_seconds")
    assert pace["annotator_id"][0] == SPAMMER


def test_story_one_annotator_confuses_a_pair_and_nobody_else_does() -> None:
    four, nine = (str(digit) for digit in CONFUSED_PAIR)
    votes = votes_with_truth(DIGITS).filter(
        pl.col("truth").is_in([four, nine]), pl.col("label").is_in([four, nine])
    )
    swapped = {
        name: 1.0 - share_right(votes.filter(pl.col("annotator_id") == name))
        for name in votes["annotator_id"].unique()
        if name != SPAMMER
    }
    assert 0.3 < swapped.pop(CONFUSER) < 0.65
    assert max(swapped.values()) < 0.15


def test_story_one_annotator_drifts_and_the_others_do_not() -> None:
    votes = votes_with_truth(DIGITS)
    drops = {}
    for name in votes["annotator_id"].unique():
        own = votes.filter(pl.col("annotator_id") == name)
        before, after = own.filter(pl.col("week") < DRIFT_WEEK), own.filter(pl.col("week") >= DRIFT_WEEK)
        drops[name] = share_right(before) - share_right(after)
        if name == DRIFTER:
            assert share_right(before) > 0.9
            assert after.height > 60
    assert drops.pop(DRIFTER) > 0.35
    assert max(drops.values()) < 0.15


def test_story_ambiguous_pictures_split_the_votes() -> None:
    ambiguous = digits_table().filter(pl.col("ambiguous") == 1)["item_id"]
    votes = votes_with_truth(DIGITS).filter(pl.col("independent"), pl.col("annotator_id") != SPAMMER)
    split = votes.group_by("item_id").agg(
        split=pl.col("label").n_unique() > 1, ambiguous=pl.col("item_id").is_in(ambiguous.implode()).first()
    )
    shares = dict(split.group_by("ambiguous").agg(pl.col("split").mean()).iter_rows())
    assert shares[True] > 0.75
    assert shares[False] < 0.45


def test_story_those_trained_by_a_recording_read_complaints_as_cancel() -> None:
    training = {
        name: json.loads(attributes)["training"] for name, attributes in MESSAGES.annotators.iter_rows()
    }
    recorded = sorted(name for name, kind in training.items() if kind == "recorded")
    assert recorded == sorted(READS_COMPLAINTS_AS_CANCEL)
    votes = votes_with_truth(MESSAGES).with_columns(recorded=pl.col("annotator_id").is_in(recorded))
    complaints = votes.filter(pl.col("truth") == "complaint").group_by("recorded")
    shares = dict(complaints.agg((pl.col("label") == "cancel").mean()).iter_rows())
    assert shares[True] > 0.45
    assert shares[False] < 0.12
    elsewhere = votes.filter(pl.col("truth") != "complaint")
    gap = share_right(elsewhere.filter(~pl.col("recorded"))) - share_right(elsewhere.filter("recorded"))
    assert abs(gap) < 0.06


def test_messages_sizes() -> None:
    assert (MESSAGES.items.height, MESSAGES.annotators.height) == (304, 7)
    assert MESSAGES.items["gold"].drop_nulls().value_counts()["count"].to_list() == [5] * 8
    first = pl.concat(MESSAGES.batches).filter(pl.col("independent")).group_by("item_id").len()["len"]
    assert set(first) == {3}
    intents = message_texts()["intent"].value_counts()
    assert set(intents["intent"]) == set(INTENTS)
    assert intents["count"].min() >= 20  # type: ignore[operator]  # a column of numbers


def test_gold_messages_have_one_reading_and_some_messages_two() -> None:
    texts = message_texts()
    joined = MESSAGES.items.filter(pl.col("gold").is_not_null()).join(texts, on="item_id")
    assert (joined["gold"] == joined["intent"]).all()
    assert joined["also"].null_count() == 40
    second = texts.filter(pl.col("also").is_not_null())
    assert 40 <= second.height <= 80
    assert (second["also"] != second["intent"]).all()
    assert set(second["also"]) <= set(INTENTS)


def test_message_texts_are_clean_varied_and_nobodys() -> None:
    texts = message_texts()
    plain = texts["text"].str.to_lowercase().str.replace_all(r"[^a-z0-9]+", " ").str.strip_chars()
    assert plain.is_unique().all()
    assert set(texts["channel"]) == {"email", "chat", "app review"}
    lengths = texts["text"].str.len_chars()
    assert lengths.min() < 20  # type: ignore[operator]  # a column of numbers
    assert lengths.max() > 200  # type: ignore[operator]  # a column of numbers
    personal = re.compile(r"@|https?:|www\.|\+\d|\d[\d ./-]{6,}\d|\b[A-Z]{2}\d{2}[ \dA-Z]{10,}")
    assert [text for text in texts["text"] if personal.search(text)] == []
    assert [text for text in texts["text"] if text != text.strip() or "  " in text] == []


def test_messages_do_not_give_their_intent_away_by_their_order() -> None:
    codes = np.array([INTENTS.index(intent) for intent in message_texts()["intent"]])
    assert (codes[1:] == codes[:-1]).mean() < 0.25


def test_the_demo_needs_no_scikit_learn_and_no_imaging_library() -> None:
    code = (
        "import sys; from datetime import datetime, UTC; from data.demo import demo_projects;"
        "demo_projects(datetime(2026, 1, 2, tzinfo=UTC));"
        "print(sorted({'sklearn', 'PIL', 'scipy', 'torch', 'duckdb', 'streamlit'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
