"""The built-in model against the labels: training, what is suspect, flags from it, verdicts that teach, and the page."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from dashboard.workflows import (
    adjudicate,
    flag,
    ingest,
    model_samples,
    relabel_queue,
    score,
    train,
    uncertainty,
    uncertainty_view,
    verdicts,
)
from dashboard.workflows.errors import BadRequest, NotAllowed
from dashboard.workflows.opening import Store
from data.importers import Parsed
from data.importers.parsed import ANNOTATIONS, ANNOTATORS, ITEMS, PREDICTIONS, REJECTED
from tests import stores
from tests.dashboard.pages import checked, open_page, shown_by, words

P = "letters"
LABELS = ("bill", "login", "parcel")
WORDS = {
    "bill": "invoice amount charged twice card refund money",
    "login": "password reset account sign code locked email",
    "parcel": "delivery courier late box address tracking arrived",
}
N_ITEMS, N_WRONG = 150, 14
OPTIONS = train.TrainOptions(n_members=3, n_folds=3, penalty=0.1)


def letters() -> Parsed:
    """Letters whose words tell their subject; of the first N_WRONG all annotators say another one. Letter 20 is copied as 21."""
    rng = np.random.default_rng(4)
    truth = rng.integers(0, 3, N_ITEMS)
    truth[21] = truth[20]
    texts = [
        " ".join(rng.choice(WORDS[LABELS[label]].split(), 5)) + f" ref{item}"
        for item, label in enumerate(truth)
    ]
    texts[21] = texts[20]
    rows: list[tuple[object, ...]] = []
    for item in range(N_ITEMS):
        for person in range(3):
            label = (truth[item] + 1) % 3 if item < N_WRONG or rng.random() < 0.07 else truth[item]
            rows.append(
                (len(rows) + 1, f"l-{item:03d}", f"a{person}", LABELS[label], None, 5.0, None, True, None)
            )
    items = [
        (f"l-{item:03d}", "text", texts[item], None, LABELS[truth[item]] if item % 10 == 9 else None, json.dumps({"desk": "AB"[item % 2]}))
        for item in range(N_ITEMS)
    ]  # fmt: skip
    return Parsed(
        annotations=pl.DataFrame(rows, schema=ANNOTATIONS, orient="row"),
        items=pl.DataFrame(items, schema=ITEMS, orient="row"),
        annotators=pl.DataFrame([(f"a{p}", "{}") for p in range(3)], schema=ANNOTATORS, orient="row"),
        predictions=pl.DataFrame(schema=PREDICTIONS),
        rejected=pl.DataFrame(schema=REJECTED),
        format="csv",
        mapping={},
        guessed=(),
        n_rows=len(rows),
        sha256="7" * 64,
        name="letters.csv",
    )


@pytest.fixture
def plain(tmp_path: Path) -> Iterator[Store]:
    with stores.empty_store(tmp_path / "store") as store:
        ingest.import_parsed(
            store, parsed=letters(), project_id=P, by=stores.LENA, request=ingest.ImportRequest(labels=LABELS)
        )
        score.score(
            store, project_id=P, by=stores.LENA, options=score.ScoreOptions(replicates=100, figures=False)
        )
        yield store


@pytest.fixture
def judged(plain: Store) -> Store:
    train.train(plain, project_id=P, by=stores.LENA, options=OPTIONS)
    uncertainty.uncertainty(
        plain, project_id=P, by=stores.LENA, options=uncertainty.UncertaintyOptions(replicates=100)
    )
    return plain


def view_of(store: Store) -> uncertainty_view.UncertaintyView:
    found = uncertainty_view.uncertainty_view(store, project_id=P, by=stores.LENA)
    assert found is not None
    return found


def items_of(store: Store, **asked: str) -> pl.DataFrame:
    run_id = view_of(store).run_id
    return uncertainty_view.judged_items(
        store, project_id=P, by=stores.LENA, run_id=run_id, most=None, **asked
    )


def test_training_keeps_what_every_member_says_of_items_it_did_not_see(plain: Store) -> None:
    told: list[float] = []
    done = train.train(
        plain,
        project_id=P,
        by=stores.LENA,
        options=OPTIONS,
        progress=lambda share, _words: told.append(share),
    )
    assert done.fresh
    assert (done.n_items, done.n_labelled, done.encoder) == (N_ITEMS, N_ITEMS, "text")
    assert done.accuracy is not None
    assert 0.85 < done.accuracy < 1.0
    assert told[-1] == 1.0
    codes, samples = model_samples.samples(plain, project_id=P, model_run=done.model_run)
    assert samples.shape == (3, N_ITEMS, 3)
    assert codes.tolist() == list(range(N_ITEMS))
    assert np.allclose(samples.sum(axis=2), 1, atol=1e-5)
    assert not np.allclose(samples[0], samples[1])
    run = plain.read("model_runs", project_id=P).row(0, named=True)
    assert (run["n_members"], run["out_of_sample"]) == (3, "by_folds")


def test_the_same_training_again_is_the_same_run(plain: Store) -> None:
    named = train.TrainOptions(n_members=2, n_folds=3, penalty=0.1, model_run="mine")
    assert train.train(plain, project_id=P, by=stores.LENA, options=named).fresh
    head = plain.head
    assert not train.train(plain, project_id=P, by=stores.LENA, options=named).fresh
    assert plain.head == head
    other = train.TrainOptions(n_members=2, n_folds=3, penalty=5.0, model_run="mine")
    with pytest.raises(BadRequest, match="name"):
        train.train(plain, project_id=P, by=stores.LENA, options=other)


def test_what_more_labels_would_bring_is_measured_where_it_is_asked_for(plain: Store) -> None:
    asked = train.TrainOptions(n_members=1, n_folds=3, penalty=0.1, curve=True)
    done = train.train(plain, project_id=P, by=stores.LENA, options=asked)
    assert done.curve is not None
    points = done.curve["points"]
    assert isinstance(points, list)
    assert [n for n, *_ in points] == sorted(n for n, *_ in points)
    assert points[-1][1] >= points[0][1] - 0.1
    assert ("more" in done.curve) != ("reason" in done.curve)
    words = train.curve_words(done.curve)
    assert words.startswith((" With 300 labels", " What more labels would bring cannot be told"))
    uncertainty.uncertainty(
        plain, project_id=P, by=stores.LENA, options=uncertainty.UncertaintyOptions(replicates=100)
    )
    seen = view_of(plain)
    assert seen.curve is not None
    with shown_by(plain):
        app = open_page("uncertainty", person="rita", project=P)
        assert "abels" in "".join(str(one.value) for one in app.markdown)


def test_an_interrupted_training_is_taken_up_and_ends_the_same(plain: Store, tmp_path: Path) -> None:
    path = tmp_path / "training.npz"
    options = train.TrainOptions(n_members=3, n_folds=3, penalty=0.1, checkpoint=path, model_run="whole")

    def stop(share: float, _words: str) -> None:
        if 0 < share < 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train.train(plain, project_id=P, by=stores.LENA, options=options, progress=stop)
    assert path.exists()
    train.train(plain, project_id=P, by=stores.LENA, options=options)
    assert not path.exists()
    _, resumed = model_samples.samples(plain, project_id=P, model_run="whole")
    train.train(plain, project_id=P, by=stores.LENA, options=OPTIONS)
    _, straight = model_samples.samples(plain, project_id=P, model_run=f"built-in {plain.head - 1}")
    assert np.array_equal(resumed, straight)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (train.TrainOptions(encoder="sound"), "encoder"),
        (train.TrainOptions(n_folds=1), "folds"),
        (train.TrainOptions(n_members=0), "members"),
        (train.TrainOptions(penalty=0.0), "penalty"),
        (train.TrainOptions(encoder="pixels"), "picture"),
    ],
)
def test_bad_options_are_refused_in_words(plain: Store, options: train.TrainOptions, message: str) -> None:
    with pytest.raises(BadRequest, match=message):
        train.train(plain, project_id=P, by=stores.LENA, options=options)


def test_only_those_who_may(plain: Store) -> None:
    for person in (stores.ANNA, stores.RITA):
        with pytest.raises(NotAllowed):
            train.train(plain, project_id=P, by=person, options=OPTIONS)
        with pytest.raises(NotAllowed):
            uncertainty.uncertainty(plain, project_id=P, by=person)


def test_without_a_model_the_message_says_how_to_get_one(plain: Store) -> None:
    with pytest.raises(BadRequest, match="touchstone train"):
        uncertainty.uncertainty(plain, project_id=P, by=stores.LENA)
    assert uncertainty_view.uncertainty_view(plain, project_id=P, by=stores.LENA) is None


def test_labels_that_all_annotators_got_wrong_are_found(judged: Store) -> None:
    seen = view_of(judged)
    wrong = {f"l-{item:03d}" for item in range(N_WRONG)}
    items = items_of(judged)
    found = items.filter("is_suspect")["item_id"].to_list()
    assert len(wrong & set(found)) >= N_WRONG // 2
    assert len(set(found) - wrong) <= 2
    first = items.head(N_WRONG)["item_id"].to_list()
    assert len(wrong & set(first)) >= N_WRONG // 2
    assert seen.figures["model_accuracy"]["n"] == N_ITEMS
    assert seen.figures["model_accuracy_on_gold"]["n"] == N_ITEMS // 10
    assert seen.not_learned == "0 verdicts are fewer than 50"
    assert seen.quadrants["group_id"].sort().to_list() == sorted(uncertainty_view.QUADRANTS)
    assert seen.n_items == N_ITEMS
    assert set(seen.labels["group_id"]) == set(LABELS)
    assert {json.loads(one)[0] for one in seen.groups["group_id"]} == {"desk"}


def test_near_copies_and_neighbours_are_told(judged: Store) -> None:
    items = {row["item_id"]: row for row in items_of(judged).iter_rows(named=True)}
    assert items["l-020"]["copy_id"] == "l-021"
    assert items["l-021"]["copy_id"] == "l-020"
    assert items["l-000"]["other_label_share"] > 0.5


def test_a_new_label_makes_the_run_stale(judged: Store) -> None:
    assert not view_of(judged).stale
    flag.raise_flags(judged, project_id=P, by=stores.LENA)
    settle_all(judged, most=1)
    assert view_of(judged).stale


def settle_all(store: Store, *, most: int = N_ITEMS) -> None:
    """The lead settles the open flags with the true label of each item."""
    truth = dict(zip(letters().items["item_id"], truth_of(), strict=True))
    for _ in range(most):
        work = relabel_queue.next_item(store, project_id=P, by=stores.LENA)
        if work is None:
            return
        settle(store, work.flag_id, truth[work.item_id])


def settle(store: Store, flag_id: str, label: str) -> None:
    held = adjudicate.case(store, project_id=P, by=stores.LENA, flag_id=flag_id)
    adjudicate.decide(
        store,
        project_id=P,
        by=stores.LENA,
        flag_id=flag_id,
        label=label,
        reason="looked",
        expected_version=held.evidence.version,
    )


def test_flags_take_up_the_model_s_doubts_and_chance(judged: Store) -> None:
    raised = flag.raise_flags(
        judged, project_id=P, by=stores.LENA, options=flag.FlagOptions(random_checks=12, seed=1)
    )
    assert raised.by_reason["random_check"] == 12
    doubted = raised.by_reason["model_disagrees"] + raised.by_reason["neighbours_disagree"]
    assert doubted >= 4
    rows = judged.read("judgement_flagged", project_id=P)
    random = [
        reasons for text in rows["reasons"] if (reasons := json.loads(text))[0]["key"] == "random_check"
    ]
    assert len(random) == 12
    assert all(len(reasons) == 1 for reasons in random)
    n_free = N_ITEMS - (raised.raised - 12)
    assert random[0][0]["evidence"]["p_sampled"] == pytest.approx(12 / n_free)
    sentences = [one["sentence"] for text in rows["reasons"] for one in json.loads(text)]
    assert any(sentence.startswith("Of the 10 items most like it") for sentence in sentences)


def test_verdicts_teach_how_many_labels_are_wrong(judged: Store) -> None:
    flag.raise_flags(
        judged, project_id=P, by=stores.LENA, options=flag.FlagOptions(least_margin=0.4, random_checks=40)
    )
    n_true = n_wrong_now(judged)
    settle_all(judged)
    said = verdicts.read_verdicts(judged, P)
    assert said.frame["is_random"].sum() == 40
    wrong = said.frame.filter("is_wrong")
    assert wrong.filter("is_random").height <= 2
    assert wrong.height >= N_WRONG - 2
    uncertainty.uncertainty(
        judged, project_id=P, by=stores.LENA, options=uncertainty.UncertaintyOptions(replicates=100)
    )
    seen = view_of(judged)
    n_wrong = seen.figures["wrong_labels"]
    assert isinstance(n_wrong["value"], float)
    assert n_wrong["low"] - 1 < n_true <= n_wrong["high"]  # type: ignore[operator]  # both are numbers here
    assert seen.not_learned is None
    told = items_of(judged).filter(~pl.col("is_judged"))
    assert told.height
    assert told["p_wrong"].null_count() == 0
    assert float(told["p_wrong"].to_numpy().mean()) < 0.2


def n_wrong_now(store: Store) -> int:
    """How many labels of today are not the true one."""
    labels = store.read("judgement_labels", project_id=P)["label_code"].to_list()
    return sum(LABELS[code] != true for code, true in zip(labels, truth_of(), strict=True))


def truth_of() -> list[str]:
    rng = np.random.default_rng(4)
    truth = rng.integers(0, 3, N_ITEMS)
    truth[21] = truth[20]
    return [LABELS[label] for label in truth]


def test_the_record_of_reasons_counts_answers(judged: Store) -> None:
    record = verdicts.reasons_so_far(judged, P, ["model_disagrees", "split_vote"])
    assert record["n_decisions"].to_list() == [0, 0]
    assert record["undefined"].null_count() == 0


def test_the_page_for_a_lead_and_for_a_reviewer(judged: Store) -> None:
    with shown_by(judged):
        lead = open_page("uncertainty", person="lena", project=P)
        assert "wrong to model and annotators together" in words(lead)
        assert any(button.key == "uncertainty_flag" for button in lead.button)
        next(box for box in lead.selectbox if box.label == "Show the items").set_value("both")
        checked(lead.run())
        reviewer = open_page("uncertainty", person="rita", project=P, quadrant="model")
        assert not any(button.key == "uncertainty_flag" for button in reviewer.button)
