"""What the trained model saw in an item: the members that had not seen it, as they were kept, now and as of a release."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from dashboard.workflows import (
    content_runs,
    ingest,
    kept_models,
    predictions,
    relabel,
    release,
    score,
    train,
)
from dashboard.workflows.embedding_runs import EMBEDDINGS
from dashboard.workflows.errors import BadRequest
from dashboard.workflows.explain import Explanation, explain, explain_revealed, seen_by_release
from dashboard.workflows.explanation_document import SCHEMA, document
from dashboard.workflows.opening import Store, open_store
from dashboard.workflows.relabel_state import newest_flag
from data.importers import ImportOptions
from tests import stores
from tests.dashboard.test_uncertainty import LABELS, N_ITEMS, OPTIONS, WORDS, P, letters

ITEM = "l-030"


def told(store: Store, item_id: str = ITEM, *, as_of: int | None = None) -> Explanation:
    return explain(store, project_id=P, by=stores.LENA, item_id=item_id, as_of=as_of)


def as_json(found: Explanation) -> str:
    return json.dumps(document(found), default=str, allow_nan=False)


def made(folder: Path, *, model: bool = True) -> Store:
    store = stores.empty_store(folder / "store")
    ingest.import_parsed(
        store, parsed=letters(), project_id=P, by=stores.LENA, request=ingest.ImportRequest(labels=LABELS)
    )
    score.score(
        store, project_id=P, by=stores.LENA, options=score.ScoreOptions(replicates=100, figures=False)
    )
    if model:
        train.train(store, project_id=P, by=stores.LENA, options=OPTIONS)
    return store


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two stores: one that was scored, one with a trained model as well."""
    folder = tmp_path_factory.mktemp("letters")
    for name in ("plain", "trained"):
        (folder / name).mkdir()
        made(folder / name, model=name == "trained").close()
    return folder


def copied(once: Path, folder: Path, name: str) -> Store:
    shutil.copytree(once / name, folder / name)
    clock = stores.SteppingClock(stores.START + timedelta(days=1))
    return open_store(folder / name / "store", clock=clock, keys_folder=folder / name / "keys")


@pytest.fixture
def plain(once: Path, tmp_path: Path) -> Iterator[Store]:
    with copied(once, tmp_path, "plain") as store:
        yield store


@pytest.fixture
def trained(once: Path, tmp_path: Path) -> Iterator[Store]:
    with copied(once, tmp_path, "trained") as store:
        yield store


def test_the_parts_are_of_the_probability_that_the_item_got_out_of_sample(trained: Store) -> None:
    for number in (3, 30, 77):
        model = told(trained, f"l-{number:03d}").model
        assert model.undefined is None
        assert model.p_kept == pytest.approx(model.p_label, abs=1e-5)
        assert model.n_members == 3
        assert model.log_odds is not None
        assert model.baseline_log_odds is not None
        parts = sum(span.value for span in model.spans)
        assert parts == pytest.approx(model.log_odds - model.baseline_log_odds, rel=0.01)
        assert (model.gap_share or 0.0) < 0.01


def test_the_words_that_speak_are_those_of_the_label(trained: Store) -> None:
    found = told(trained)
    assert found.story.label is not None
    model = found.model
    own = WORDS[model.label or ""].split()
    assert model.agrees
    assert {one.term.split()[0] for one in model.speaks_for[:3]} <= {*own}
    assert model.stability is not None
    assert model.stability.value is not None
    assert model.stability.value > 0.5
    assert model.randomised is not None
    assert abs(model.randomised.value or 0.0) < 0.5


def test_only_the_members_of_the_items_own_fold_speak(trained: Store) -> None:
    code = int(trained.read("item_one", project_id=P, item_id=ITEM, as_of=None)["item_code"][0])
    kept = kept_models.read_kept(trained, project_id=P, item_code=code, sets=False)
    assert kept is not None
    others = trained.read("kept_layers", project_id=P, model_run=kept.model_run, fold=(kept.fold + 1) % 3)
    own = kept.model.layers[0]
    assert own.shape == (3, 3, len(kept.state.names) + 1)
    assert not np.allclose(own[0, 0], np.array(others["weights"][0].to_list()))


def test_the_run_is_named_with_what_ties_it_to_the_record(trained: Store) -> None:
    run = told(trained).model.run
    assert run is not None
    event = trained.read("event_hash", seq=run.seq)["hash"][0]
    assert run.event_hash == event
    assert len(run.weights_sha256) == len(run.content_sha256) == 64
    assert (trained.path / "segments" / f"{run.weights_sha256}.parquet").is_file()
    assert "3 members in 3 folds" in run.words


def test_the_same_seed_gives_the_same_explanation(trained: Store, tmp_path: Path) -> None:
    (tmp_path / "again").mkdir()
    with made(tmp_path / "again") as other:
        one, two = (replace(told(store).model, run=None) for store in (trained, other))
    assert asdict(one) == asdict(two)


def test_another_seed_gives_nearly_the_same_picture(trained: Store) -> None:
    before = told(trained).model
    train.train(
        trained, project_id=P, by=stores.LENA, options=replace(OPTIONS, seed=9, model_run="another seed")
    )
    after = told(trained).model
    assert after.run is not None
    assert after.run.model_run == "another seed"
    values = [[span.value for span in model.spans] for model in (before, after)]
    assert values[0] != values[1]
    assert np.corrcoef(values[0], values[1]).ravel()[1] > 0.7


def test_as_of_a_moment_the_explanation_stays_what_it_was(trained: Store) -> None:
    head = trained.head
    now, then = told(trained), told(trained, as_of=head)
    assert as_json(replace(then, as_of=None)) == as_json(now)
    train.train(trained, project_id=P, by=stores.LENA, options=replace(OPTIONS, seed=5, model_run="later"))
    score.score(
        trained,
        project_id=P,
        by=stores.LENA,
        options=score.ScoreOptions(method="dawid-skene", replicates=100, figures=False),
    )
    assert as_json(told(trained, as_of=head)) == as_json(then)
    assert as_json(told(trained)) != as_json(now)


def test_a_released_label_is_tied_to_its_release_for_ever(trained: Store) -> None:
    frozen = release.propose(trained, project_id=P, by=stores.LENA)
    seq = seen_by_release(trained, P, frozen.version)
    first = told(trained, as_of=seq)
    assert [one.release_version for one in first.releases] == [frozen.version]
    assert first.releases[0].content_hash == frozen.content_hash
    assert first.story.label is not None
    assert first.releases[0].label_version == first.story.label.version
    train.train(trained, project_id=P, by=stores.LENA, options=replace(OPTIONS, seed=5, model_run="later"))
    score.score(
        trained,
        project_id=P,
        by=stores.LENA,
        options=score.ScoreOptions(method="dawid-skene", replicates=100),
    )
    release.propose(trained, project_id=P, by=stores.LENA)
    assert as_json(told(trained, as_of=seq)) == as_json(first)
    with pytest.raises(BadRequest, match="no release 99"):
        seen_by_release(trained, P, 99)


def test_the_document_keeps_its_form(trained: Store) -> None:
    found = json.loads(as_json(told(trained)))
    assert found["schema"] == SCHEMA == "touchstone.explanation/2"
    assert set(found) == {
        "schema", "project", "item_id", "as_of", "kind", "text", "label", "posterior", "votes", "rests_on", "runs", "model",
        "choice", "choices", "neighbours", "guideline", "flags", "history", "releases", "journal",
    }  # fmt: skip
    assert set(found["model"]) == {
        "run", "label", "against", "p_label", "p_against", "p_kept", "n_members", "method", "log_odds", "baseline",
        "baseline_log_odds", "gap_share", "stability", "randomised", "speaks_for", "speaks_against", "spans", "pixels", "no_parts",
        "cannot_show", "undefined", "command", "agrees",
    }  # fmt: skip
    assert set(found["model"]["run"]) == {
        "model_run", "words", "seq", "event_hash", "content_sha256", "weights_sha256", "saw_seq", "trained_by", "trained_at",
        "fold", "n_members",
    }  # fmt: skip
    assert set(found["neighbours"]) == {
        "speaks_for", "speaks_against", "n_same", "n_nearest", "by", "n_compared", "n_labelled", "choice", "undefined",
    }  # fmt: skip
    text = found["text"]
    for one in found["model"]["speaks_for"]:
        assert [text[start:end].lower() for start, end in one["places"]] == [one["term"]] * len(one["places"])
    assert found["journal"]["seq"] == trained.head
    assert found["choices"] == []


def test_neighbours_are_near_in_what_the_model_reads_and_the_copy_is_first(trained: Store) -> None:
    near = told(trained, "l-020").neighbours
    assert near.by == "the words that the model reads (TF-IDF)"
    nearest = max(near.speaks_for + near.speaks_against, key=lambda one: one.similarity)
    assert nearest.item_id == "l-021"
    assert (near.n_compared, near.n_labelled) == (N_ITEMS - 1, N_ITEMS - 1)


def test_embeddings_that_were_brought_say_who_is_near(trained: Store, tmp_path: Path) -> None:
    bring_embeddings(trained, tmp_path)
    near = told(trained).neighbours
    assert near.by == "the embeddings e5, less their mean"
    ids = [one.item_id for one in near.speaks_for + near.speaks_against]
    assert {"l-029", "l-031"} <= set(ids)


def test_a_model_of_embeddings_says_that_dimensions_mean_nothing(plain: Store, tmp_path: Path) -> None:
    bring_embeddings(plain, tmp_path)
    train.train(plain, project_id=P, by=stores.LENA, options=OPTIONS)
    found = told(plain)
    assert found.model.undefined is None
    assert "no meaning of their own" in (found.model.no_parts or "")
    assert found.model.p_label is not None
    assert (found.model.spans, found.model.pixels, found.model.stability) == ((), (), None)
    assert found.neighbours.n_nearest == 5


def bring_embeddings(store: Store, folder: Path) -> None:
    """Points on a circle in the order of the items: the nearest of 30 are 29 and 31."""
    angle = np.linspace(0, 2, N_ITEMS)
    frame = pl.DataFrame(
        {
            "item_id": [f"l-{number:03d}" for number in range(N_ITEMS)],
            "embedding": np.stack([np.cos(angle), np.sin(angle)], axis=1).tolist(),
        }
    )
    frame.write_parquet(folder / "e.parquet")
    content_runs.import_content(
        store, EMBEDDINGS, path=folder / "e.parquet", project_id=P, by=stores.LENA, model_run="e5", options=ImportOptions()
    )  # fmt: skip


def test_an_item_that_came_later_has_no_model_and_the_command_is_told(trained: Store) -> None:
    more = letters()
    items = more.items.with_columns(("x" + pl.col("item_id")).alias("item_id"))
    annotations = more.annotations.with_columns(("x" + pl.col("item_id")).alias("item_id"))
    ingest.import_parsed(
        trained,
        parsed=replace(more, items=items, annotations=annotations, sha256="8" * 64, name="more.csv"),
        project_id=P,
        by=stores.LENA,
        request=ingest.ImportRequest(),
    )
    model = told(trained, "xl-030").model
    assert "was trained without this item" in (model.undefined or "")
    assert model.command == f"touchstone train --project {P}"


def test_a_model_too_large_to_keep_says_so(plain: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_models, "MOST_KEPT", 10)
    train.train(plain, project_id=P, by=stores.LENA, options=OPTIONS)
    model = told(plain).model
    assert "were not kept" in (model.undefined or "")
    assert model.command is not None


def test_of_a_larger_model_the_first_members_are_kept_and_that_is_said(
    plain: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_models, "MOST_KEPT", 3_000)
    train.train(plain, project_id=P, by=stores.LENA, options=OPTIONS)
    model = told(plain).model
    assert model.run is not None
    assert (model.n_members, model.run.n_members) == (2, 3)


def test_only_labels_that_are_sets_have_choices(trained: Store) -> None:
    with pytest.raises(BadRequest, match="one choice at a time"):
        explain(trained, project_id=P, by=stores.LENA, item_id=ITEM, choice="bill")


def test_after_the_blind_answer_the_model_speaks_and_not_before(trained: Store) -> None:
    from dashboard.workflows import flag, uncertainty

    uncertainty.uncertainty(
        trained, project_id=P, by=stores.LENA, options=uncertainty.UncertaintyOptions(replicates=100)
    )
    flag.raise_flags(trained, project_id=P, by=stores.LENA)
    flagged = "l-000"
    flag_id = newest_flag(trained, P, flagged)
    with pytest.raises(BadRequest, match="own answer"):
        explain_revealed(trained, project_id=P, by=stores.ANNA, flag_id=flag_id)
    relabel.answer_blind(trained, project_id=P, by=stores.ANNA, flag_id=flag_id, label="bill")
    found = explain_revealed(trained, project_id=P, by=stores.ANNA, flag_id=flag_id)
    assert found.model.spans
    assert "l-0" not in repr(replace(found, text=None))


def test_of_a_model_that_was_brought_the_probability_is_shown_and_why_no_more(
    plain: Store, tmp_path: Path
) -> None:
    rows = [{"item_id": f"l-{n:03d}", "bill": 0.7, "login": 0.2, "parcel": 0.1} for n in range(N_ITEMS)]
    pl.DataFrame(rows).write_csv(tmp_path / "p.csv")
    predictions.import_predictions(
        plain, path=tmp_path / "p.csv", project_id=P, by=stores.LENA, options=ImportOptions(),
        request=predictions.PredictionsRequest("theirs"),
    )  # fmt: skip
    found = told(plain)
    assert "theirs were brought in; they come without weights" in (found.model.undefined or "")
    assert found.model.command == f"touchstone train --project {P}"
    assert [(one.model_run, one.p_best) for one in found.runs] == [("theirs", 0.7)]
    assert found.neighbours.by == "the words they share (TF-IDF)"
    assert found.neighbours.n_nearest == 5


def test_a_network_is_taken_apart_by_integrated_gradients(plain: Store) -> None:
    options = train.TrainOptions(model="hidden", width=8, dropout=0.0, epochs=12, n_members=3, n_folds=3)
    train.train(plain, project_id=P, by=stores.LENA, options=options)
    model = told(plain).model
    assert model.method == "integrated gradients (captum)"
    assert model.p_kept == pytest.approx(model.p_label, abs=1e-5)
    assert model.log_odds is not None
    assert model.baseline_log_odds is not None
    parts = sum(span.value for span in model.spans)
    assert parts == pytest.approx(model.log_odds - model.baseline_log_odds, rel=0.01)
    assert 0 < (model.gap_share or 0.0) <= 0.01
    assert model.run is not None
    assert model.run.words.startswith("a network with a hidden layer on text")
