"""Training the built-in model from a store's labels: which label is which, each kind of model, what is refused, what is kept."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from PIL import Image

from dashboard.workflows import (
    ingest,
    kept_models,
    label_sets,
    model_fits,
    model_samples,
    predictions,
    score,
    train,
    training_labels,
    uncertainty,
    uncertainty_view,
)
from dashboard.workflows.content_runs import import_content
from dashboard.workflows.embedding_runs import EMBEDDINGS
from dashboard.workflows.errors import BadRequest
from dashboard.workflows.label_sets import LabelSet
from dashboard.workflows.model_content import read_content
from dashboard.workflows.opening import Store
from tests import stores
from tests.dashboard import scenes
from tests.dashboard.pages import open_page, shown_by, words
from tests.dashboard.scenes import scored_store
from tests.dashboard.test_uncertainty import (
    LABELS,
    N_ITEMS,
    N_WRONG,
    OPTIONS,
    WORDS,
    P,
    letters,
    plain,  # noqa: F401 -- a fixture
)


def test_the_order_of_labels_has_no_part_in_what_is_learned(plain: Store) -> None:  # noqa: F811 -- the fixture
    before = train.train(plain, project_id=P, by=stores.LENA, options=OPTIONS)
    label_sets.correct_level(
        plain, project_id=P, by=stores.LENA, level="ordinal", order=("parcel", "bill", "login")
    )
    after = train.train(plain, project_id=P, by=stores.LENA, options=OPTIONS)
    assert (after.accuracy, after.n_labelled) == (before.accuracy, N_ITEMS)
    one, two = (
        model_samples.samples(plain, project_id=P, model_run=run.model_run)[1] for run in (before, after)
    )
    assert np.array_equal(one, two)


def test_a_label_stands_in_the_column_of_its_code() -> None:
    ordered = LabelSet(2, "ordinal", ("parcel", "bill", "login"), (2, 0, 1), (None, None, None))
    rows = training_labels.label_rows_of(ordered, pl.Series([0, None, 2], dtype=pl.Int64))
    assert rows.tolist() == [[1, 0, 0], [0, 0, 0], [0, 0, 1]]
    sets = LabelSet(
        1, "set", (*LABELS, "bill; parcel"), (0, 1, 2, 3), (None,) * 4, ((0,), (1,), (2,), (0, 2))
    )
    assert training_labels.label_rows_of(sets, pl.Series([3, 1])).tolist() == [[1, 0, 1], [0, 1, 0]]


def known_codes() -> list[int]:
    """What each letter is about."""
    of_word = {word: place for place, many in enumerate(WORDS.values()) for word in many.split()}
    return [of_word[text.split()[0]] for text in letters().items["text"]]


def pictures() -> dict[str, bytes]:
    """A picture of each letter: one of three bars, in noise."""
    rng = np.random.default_rng(1)
    found = {}
    for item, code in zip(letters().items["item_id"], known_codes(), strict=True):
        grey = rng.integers(0, 120, (16, 16), dtype=np.uint8)
        grey[5 * code : 5 * code + 5] += 130
        file = io.BytesIO()
        Image.fromarray(grey).save(file, "PNG")
        found[item] = file.getvalue()
    return found


@pytest.fixture(scope="module")
def lettered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """The letters with a picture and an embedding each."""
    folder = tmp_path_factory.mktemp("letters")
    with stores.empty_store(folder / "store") as store:
        ingest.import_parsed(
            store,
            parsed=letters(),
            project_id=P,
            by=stores.LENA,
            request=ingest.ImportRequest(labels=LABELS, image_bytes=pictures()),
        )
        score.score(
            store, project_id=P, by=stores.LENA, options=score.ScoreOptions(figures=False, replicates=100)
        )
        vectors = np.eye(3)[known_codes()] + 0.2 * np.random.default_rng(0).standard_normal((N_ITEMS, 3))
        np.savez(folder / "e.npz", ids=np.array(letters().items["item_id"].to_list()), embeddings=vectors)
        import_content(store, EMBEDDINGS, path=folder / "e.npz", project_id=P, by=stores.LENA, model_run="e")
        yield store


KINDS = {  # of the texts
    "ensemble": train.TrainOptions(encoder="text", n_members=3, n_folds=3, penalty=0.1),
    "laplace": train.TrainOptions(encoder="text", n_members=8, n_folds=3, penalty=0.1, laplace=True),
    "crowd": train.TrainOptions(encoder="text", n_members=3, n_folds=3, penalty=0.1, labels="crowd"),
    "crowd laplace": train.TrainOptions(
        encoder="text", n_members=8, n_folds=3, penalty=0.1, labels="crowd", laplace=True
    ),
    "dropout": train.TrainOptions(
        encoder="text", model="hidden", n_members=8, n_folds=3, width=16, epochs=100
    ),
    "networks": train.TrainOptions(
        encoder="text", model="hidden", n_members=2, n_folds=3, width=16, epochs=100, dropout=0.0
    ),
}
SAID = {
    "ensemble": "an ensemble of 3 fits",
    "laplace": "8 draws from what its weights may be (last-layer Laplace)",
    "crowd": "an ensemble of 3 fits",
    "crowd laplace": "last-layer Laplace",
    "dropout": "8 passes through a network with units dropped (MC dropout)",
    "networks": "an ensemble of 2 networks",
}


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_members_is_kept_and_said(lettered: Store, kind: str) -> None:
    told: list[float] = []
    done = train.train(
        lettered,
        project_id=P,
        by=stores.LENA,
        options=KINDS[kind],
        progress=lambda share, _words: told.append(share),
    )
    assert (done.n_members, done.n_labelled, done.device) == (KINDS[kind].members, N_ITEMS, "cpu")
    assert done.members_are == kind.rsplit(maxsplit=1)[-1].replace("crowd", "ensemble")
    assert done.accuracy is not None
    assert 0.85 < done.accuracy < 1.0
    assert (told == sorted(told), told[-1]) == (True, 1.0)
    _, samples = model_samples.samples(lettered, project_id=P, model_run=done.model_run)
    assert samples.shape == (done.n_members, N_ITEMS, 3)
    assert np.allclose(samples.sum(axis=2), 1, atol=1e-5)
    assert np.abs(samples[0] - samples[1]).max() > 0.01
    judged = uncertainty.uncertainty(
        lettered, project_id=P, by=stores.LENA, options=uncertainty.UncertaintyOptions(replicates=100)
    )
    assert (judged.model_run, judged.n_members) == (done.model_run, done.n_members)
    assert SAID[kind] in judged.rests_on
    seen = uncertainty_view.uncertainty_view(lettered, project_id=P, by=stores.LENA)
    assert seen is not None
    assert SAID[kind] in seen.rests_on
    items = uncertainty_view.judged_items(
        lettered, project_id=P, by=stores.LENA, run_id=seen.run_id, most=None
    )
    assert items["mutual_information"].null_count() == 0
    wrong = {f"l-{item:03d}" for item in range(N_WRONG)}
    suspects = set(items.filter("is_suspect")["item_id"])
    assert len(wrong & suspects) >= N_WRONG // 2
    assert len(suspects - wrong) <= 4
    assert ("said of 150 items" in seen.rests_on) == ("crowd" in kind)
    assert f"{done.n_members} members in 3 folds" in seen.rests_on
    assert ("a network of 16 hidden units" in seen.rests_on) == (kind in ("dropout", "networks"))
    with shown_by(lettered):
        assert SAID[kind] in words(open_page("uncertainty", person="lena", project=P)).replace("\\", "")


@pytest.mark.parametrize("most", [10**9, 0])
def test_the_networks_that_are_kept_are_those_that_judged(
    lettered: Store, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    """Word by word, and along directions of the words: what is kept reads words, and says what the run says."""
    monkeypatch.setattr(model_fits, "MOST_WORD_WEIGHTS", most)
    options = replace(KINDS["networks"], epochs=10, model_run=f"kept {most}")
    train.train(lettered, project_id=P, by=stores.LENA, options=options)
    _, samples = model_samples.samples(lettered, project_id=P, model_run=options.model_run)
    content = read_content(lettered, P, encoder="text")
    for item in (0, 77):
        kept = kept_models.read_kept(lettered, project_id=P, item_code=item, sets=False)
        assert kept is not None
        assert kept.model_run == options.model_run
        x = np.asarray(content.features[[item]].toarray())[0]  # type: ignore[union-attr]  # texts are sparse
        np.testing.assert_allclose(kept.model.probabilities(x), samples[:, item], atol=1e-4)


@pytest.mark.parametrize("kind", ["crowd", "dropout", "networks"])
def test_each_kind_that_takes_a_checkpoint_goes_on_to_the_same_answer(
    lettered: Store,
    tmp_path: Path,
    kind: str,
) -> None:
    path = tmp_path / "training.npz"
    options = replace(KINDS[kind], checkpoint=path, model_run=f"stopped {kind}")

    def stop(share: float, _words: str) -> None:
        if share >= 0.5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train.train(lettered, project_id=P, by=stores.LENA, options=options, progress=stop)
    assert path.exists()
    train.train(lettered, project_id=P, by=stores.LENA, options=options)
    assert not path.exists()
    whole = train.train(
        lettered, project_id=P, by=stores.LENA, options=replace(KINDS[kind], model_run=f"whole {kind}")
    )
    one, two = (
        model_samples.samples(lettered, project_id=P, model_run=run)[1]
        for run in (f"stopped {kind}", f"whole {kind}")
    )
    assert whole.fresh
    assert np.array_equal(one, two)


def test_a_checkpoint_of_another_kind_is_refused_in_words(lettered: Store, tmp_path: Path) -> None:
    path = tmp_path / "training.npz"
    for kind, other in (("dropout", "crowd"), ("crowd", "dropout")):

        def stop(share: float, _words: str) -> None:
            if share >= 0.5:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            train.train(
                lettered,
                project_id=P,
                by=stores.LENA,
                options=replace(KINDS[kind], checkpoint=path),
                progress=stop,
            )
        with pytest.raises(BadRequest, match="is no checkpoint of a training"):
            train.train(
                lettered, project_id=P, by=stores.LENA, options=replace(KINDS[other], checkpoint=path)
            )
        path.unlink()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model": "deep"}, "'deep' is not a model. Known: linear, hidden"),
        ({"labels": "gold"}, "'gold' is not a source of labels. Known: consensus, crowd"),
        ({"model": "hidden", "laplace": True}, "--model linear --laplace"),
        ({"model": "hidden", "labels": "crowd"}, "--model linear --labels crowd"),
        ({"model": "hidden", "curve": True}, "--curve goes with --model linear"),
        ({"labels": "crowd", "curve": True}, "--curve goes with --labels consensus"),
        ({"laplace": True, "checkpoint": Path("c.npz")}, "leave --checkpoint out"),
        ({"laplace": True, "n_members": 1}, "there are 2 to 100 .one draw alone is chance"),
        ({"model": "hidden", "n_members": 1}, "there are 2 to 100 .one pass alone is chance"),
        ({"width": 8, "epochs": 3}, "--width, --epochs goes with --model hidden"),
        ({"model": "hidden", "dropout": 1.0}, "0 to below 1"),
        ({"model": "hidden", "width": 0}, "0 is no width: 1 to 2048"),
        ({"model": "hidden", "epochs": 0}, "0 is no epochs"),
    ],
)
def test_what_does_not_go_together_is_refused_and_what_does_is_said(
    options: dict[str, Any], message: str
) -> None:
    with pytest.raises(BadRequest, match=message):
        train.TrainOptions(**options).checked()


def test_crowd_labels_need_no_consensus(tmp_path: Path) -> None:
    with stores.empty_store(tmp_path / "store") as store:
        ingest.import_parsed(
            store, parsed=letters(), project_id=P, by=stores.LENA, request=ingest.ImportRequest(labels=LABELS)
        )
        with pytest.raises(BadRequest, match="not scored yet"):
            train.train(store, project_id=P, by=stores.LENA, options=KINDS["ensemble"])
        done = train.train(store, project_id=P, by=stores.LENA, options=KINDS["crowd"])
        assert (done.accuracy, done.n_labelled) == (None, N_ITEMS)
        assert done.log_loss is not None


def test_careless_annotators_cost_the_crowd_model_less(tmp_path: Path) -> None:
    """One who knows, and two who say the first label come what may: the vote is lost, the annotations still teach."""
    parsed = letters()
    known = pl.Series("known", [LABELS[code] for code in known_codes() for _ in range(3)])
    careless = parsed.annotations["annotator_id"].is_in(["a1", "a2"])
    spoiled = parsed.annotations.with_columns(
        label=pl.when(careless).then(pl.lit(LABELS[0])).otherwise(known)
    )
    with stores.empty_store(tmp_path / "store") as store:
        ingest.import_parsed(
            store,
            parsed=replace(parsed, annotations=spoiled),
            project_id=P,
            by=stores.LENA,
            request=ingest.ImportRequest(labels=LABELS),
        )
        score.score(
            store,
            project_id=P,
            by=stores.LENA,
            options=score.ScoreOptions(method="majority", figures=False, replicates=100),
        )
        right = {}
        for kind in ("ensemble", "crowd"):
            done = train.train(store, project_id=P, by=stores.LENA, options=KINDS[kind])
            _, p = predictions.probabilities(store, project_id=P, model_run=done.model_run)
            right[kind] = float((p.argmax(axis=1) == known_codes()).mean())
        assert right["ensemble"] < 0.5
        assert right["crowd"] > 0.95


@pytest.mark.parametrize("kind", KINDS)
def test_pictures_and_embeddings_take_each_kind(lettered: Store, kind: str) -> None:
    for encoder in ("pixels", "embeddings"):
        done = train.train(
            lettered, project_id=P, by=stores.LENA, options=replace(KINDS[kind], encoder=encoder)
        )
        assert done.encoder == encoder
        assert done.accuracy is not None
        assert done.accuracy > 0.8


@pytest.mark.parametrize("kind", KINDS)
def test_sets_are_learned_by_each_kind_but_from_a_crowd(tmp_path: Path, kind: str) -> None:
    with scored_store(tmp_path) as store:
        if "crowd" in kind:
            with pytest.raises(BadRequest, match="labels of this project are sets"):
                train.train(store, project_id=scenes.P, by=stores.LENA, options=KINDS[kind])
            return
        done = train.train(store, project_id=scenes.P, by=stores.LENA, options=KINDS[kind])
        _, samples = model_samples.samples(store, project_id=scenes.P, model_run=done.model_run)
        assert samples.shape == (done.n_members, 30, 3)
        assert ((samples >= 0) & (samples <= 1)).all()
        assert samples.std(axis=0).max() > 0


def test_the_page_before_there_is_a_model(plain: Store) -> None:  # noqa: F811 -- the fixture of that name
    with shown_by(plain):
        app = open_page("uncertainty", person="lena", project=P)
        assert "No model has looked at these labels yet" in words(app)
        assert any(button.key == "uncertainty_train" for button in app.button)
