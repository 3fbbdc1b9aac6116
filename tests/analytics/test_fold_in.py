"""A fold-in is one E-step: of votes that a fit saw, what the fit says; of new ones, what Bayes' rule says."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from analytics.consensus import ITEMS_SCHEMA
from analytics.dawid_skene import dawid_skene
from analytics.errors import BadColumn, BadOption
from analytics.fold_in import fold_in_model, fold_in_weights
from analytics.mace import implied_confusion, mace
from analytics.weighted_vote import weighted_vote

K = 4
FORMS: tuple[dict[str, Any], ...] = (
    {"confusion": "full"},
    {"confusion": "full", "smoothing": 0.4, "right_smoothing": 2.0},
    {"confusion": "class", "smoothing": 0.4, "right_smoothing": 2.0},
    {"confusion": "one-coin", "smoothing": 0.4, "right_smoothing": 2.0},
)


def crowd(*, n_items: int = 120, n_annotators: int = 7, per_item: int = 4, seed: int = 3) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, K, n_items)
    annotators = np.argsort(rng.random((n_items, n_annotators)), axis=1)[:, :per_item]
    right = rng.random(annotators.shape) < np.linspace(0.5, 0.95, n_annotators)[annotators]
    labels = np.where(right, truth[:, None], rng.integers(0, K, annotators.shape))
    return pl.DataFrame(
        {
            "item_code": np.repeat(np.arange(n_items), per_item),
            "annotator_code": annotators.ravel() + 10,
            "label_code": labels.ravel(),
        }
    )


def matrix(items: pl.DataFrame) -> np.ndarray:
    return np.array(items["posterior"].to_list())


@pytest.mark.parametrize("form", FORMS)
def test_of_votes_that_a_converged_fit_saw_it_gives_the_fits_posterior(form: dict[str, Any]) -> None:
    votes = crowd()
    fit = dawid_skene(votes, n_labels=K, max_iterations=1000, tolerance=0, **form)
    part = votes.filter(pl.col("item_code") % 3 == 0)
    found = fold_in_model(
        part, priors=fit.priors, confusion=fit.confusion, annotator_codes=fit.annotator_codes
    )
    expected = fit.items.filter(pl.col("item_code") % 3 == 0)
    assert found.items.schema == ITEMS_SCHEMA
    assert np.abs(matrix(found.items) - matrix(expected)).max() < 1e-6
    same = ["item_code", "label_code", "n_annotations", "tied"]
    assert found.items.select(same).equals(expected.select(same))
    assert not len(found.new_codes)


@pytest.mark.parametrize("form", FORMS)
def test_it_is_the_next_e_step_of_a_fit_that_stopped_early(form: dict[str, Any]) -> None:
    votes = crowd()
    early = dawid_skene(votes, n_labels=K, max_iterations=3, tolerance=0, **form)
    next_one = dawid_skene(votes, n_labels=K, max_iterations=4, tolerance=0, **form)
    found = fold_in_model(
        votes, priors=early.priors, confusion=early.confusion, annotator_codes=early.annotator_codes
    )
    assert np.abs(matrix(found.items) - matrix(next_one.items)).max() < 1e-12
    assert np.abs(matrix(found.items) - matrix(early.items)).max() > 1e-4


def test_new_votes_are_weighed_by_bayes_rule() -> None:
    priors = np.array([0.5, 0.3, 0.2])
    confusion = np.array(
        [[[0.8, 0.1, 0.1], [0.2, 0.6, 0.2], [0.0, 0.5, 0.5]], [[0.4, 0.3, 0.3]] * 3], dtype=np.float64
    )
    votes = pl.DataFrame({"item_code": [5, 5, 5], "annotator_code": [2, 9, 2], "label_code": [1, 0, 1]})
    found = fold_in_model(votes, priors=priors, confusion=confusion, annotator_codes=np.array([2, 9]))
    weights = np.array([0.5 * 0.1 * 0.1 * 0.4, 0.3 * 0.6 * 0.6 * 0.4, 0.2 * 0.5 * 0.5 * 0.4])
    assert matrix(found.items)[0] == pytest.approx(weights / weights.sum(), abs=1e-12)
    assert found.items["label_code"][0] == 1


def test_who_is_new_is_taken_for_the_mean_and_named() -> None:
    priors = np.full(2, 0.5)
    confusion = np.array([[[0.9, 0.1], [0.3, 0.7]], [[0.7, 0.3], [0.5, 0.5]]])
    votes = pl.DataFrame({"item_code": [0], "annotator_code": [3], "label_code": [0]})
    found = fold_in_model(votes, priors=priors, confusion=confusion, annotator_codes=np.array([1, 4]))
    assert found.new_codes.tolist() == [3]
    assert found.pooled == pytest.approx(np.array([[0.8, 0.2], [0.4, 0.6]]))
    assert found.items["p_label"][0] == pytest.approx(0.8 / 1.2)


def test_a_label_that_an_annotator_never_gave_says_nothing() -> None:
    confusion = np.array([[[1.0, 0.0, 0.0], [0.3, 0.7, 0.0], [0.5, 0.5, 0.0]]])
    votes = pl.DataFrame({"item_code": [0], "annotator_code": [0], "label_code": [2]})
    priors = np.array([0.2, 0.5, 0.3])
    found = fold_in_model(votes, priors=priors, confusion=confusion, annotator_codes=np.array([0]))
    assert matrix(found.items)[0] == pytest.approx(priors)


def test_many_votes_do_not_run_out_of_numbers() -> None:
    confusion = np.array([[[0.51, 0.49], [0.49, 0.51]]])
    votes = pl.DataFrame({"item_code": [0] * 5000, "annotator_code": [0] * 5000, "label_code": [1] * 5000})
    found = fold_in_model(votes, priors=np.full(2, 0.5), confusion=confusion, annotator_codes=np.array([0]))
    assert found.items["p_label"][0] == pytest.approx(1.0)


def test_weighted_votes_are_those_of_the_fit_and_the_new_weigh_the_mean() -> None:
    votes = crowd()
    fit = weighted_vote(votes, n_labels=K)
    part = votes.filter(pl.col("item_code") < 30)
    found = fold_in_weights(part, fit.annotators, n_labels=K)
    assert found.items.equals(fit.items.filter(pl.col("item_code") < 30))
    new = pl.DataFrame({"item_code": [0, 0], "annotator_code": [10, 99], "label_code": [0, 1]})
    folded = fold_in_weights(new, fit.annotators, n_labels=K)
    mean = fit.annotators["weight"].mean()
    own = fit.annotators.filter(pl.col("annotator_code") == 10)["weight"][0]
    assert folded.new_codes.tolist() == [99]
    assert matrix(folded.items)[0, 1] == pytest.approx(mean / (mean + own))


def test_mace_is_folded_in_under_its_mean_parameters() -> None:
    votes = crowd()
    fit = mace(votes, n_labels=K)
    found = fold_in_model(
        votes,
        priors=np.full(K, 1 / K),
        confusion=implied_confusion(fit),
        annotator_codes=fit.annotators["annotator_code"].to_numpy(),
    )
    same = (found.items["label_code"] == fit.items["label_code"]).mean()
    assert isinstance(same, float)
    assert same > 0.95


def test_the_order_of_rows_changes_nothing_and_no_votes_are_no_items() -> None:
    votes = crowd()
    fit = dawid_skene(votes, n_labels=K)
    held: dict[str, Any] = {
        "priors": fit.priors, "confusion": fit.confusion, "annotator_codes": fit.annotator_codes
    }  # fmt: skip
    shuffled = votes.sample(fraction=1.0, shuffle=True, seed=1)
    assert fold_in_model(votes, **held).items.equals(fold_in_model(shuffled, **held).items)
    assert fold_in_model(votes.clear(), **held).items.is_empty()
    assert fold_in_weights(
        votes.clear(), weighted_vote(votes, n_labels=K).annotators, n_labels=K
    ).items.is_empty()


def test_what_breaks_the_contract_is_refused() -> None:
    votes, codes = crowd(), np.array([10, 11])
    with pytest.raises(BadOption, match="of shape"):
        fold_in_model(votes, priors=np.full(K, 0.25), confusion=np.ones((2, 3, 3)), annotator_codes=codes)
    with pytest.raises(BadOption, match="sum to 1"):
        fold_in_model(votes, priors=np.full(K, 1.0), confusion=np.ones((2, K, K)), annotator_codes=codes)
    with pytest.raises(BadOption, match="ascending"):
        fold_in_model(
            votes, priors=np.full(K, 0.25), confusion=np.ones((2, K, K)), annotator_codes=codes[::-1]
        )
    with pytest.raises(BadOption, match="one annotator or more"):
        fold_in_weights(votes, pl.DataFrame({"annotator_code": [], "weight": []}), n_labels=K)
    with pytest.raises(BadColumn, match="0 or more"):
        fold_in_weights(votes, pl.DataFrame({"annotator_code": [10], "weight": [-1.0]}), n_labels=K)
