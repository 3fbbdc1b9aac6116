"""Three test sets whose suspected labels five people checked (cleanlab/label-errors)."""

from __future__ import annotations

import json
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from analytics.confident_learning import Method, label_suspects
from analytics.label_quality import label_quality
from analytics.p_wrong import WrongLabels, p_wrong

SETS = ("mnist", "cifar10", "20news")


@dataclass(frozen=True, slots=True)
class Checked:
    """A set; `rows` are the items that people checked, `is_wrong` where fewer than 3 of the 5 chose the given label."""

    labels: NDArray[np.int64]
    probabilities: NDArray[np.float64]
    rows: NDArray[np.int64]
    is_wrong: NDArray[np.bool_]


def checked(datasets: Path, name: str) -> Checked:
    frame = pl.read_parquet(datasets / f"label_errors_{name}.parquet")
    columns = [column for column in frame.columns if column[0] == "p" and column[1:].isdigit()]
    given = frame.get_column("mturk_given")
    rows = np.flatnonzero(given.is_not_null().to_numpy())
    return Checked(
        frame.get_column("given_label").to_numpy(),
        frame.select(columns).to_numpy().astype(np.float64),
        rows,
        given.to_numpy()[rows] < 3,
    )


def learned(made: Checked) -> WrongLabels:
    """The checked items alone: all of them were suspects, so there is no slice and nothing is said of the rest."""
    labels, probabilities = made.labels[made.rows], made.probabilities[made.rows]
    scores = pl.DataFrame(
        {
            "item_code": made.rows,
            "is_flagged": np.ones(len(made.rows), dtype=bool),
            "doubt": 1 - label_quality(labels, probabilities),
            "margin": 1 - label_quality(labels, probabilities, method="normalized_margin"),
            "entropy": 1 - label_quality(labels, probabilities, method="confidence_weighted_entropy"),
        }
    )
    verdicts = pl.DataFrame(
        {"item_code": made.rows, "is_wrong": made.is_wrong, "p_sampled": np.ones(len(made.rows))}
    )
    return p_wrong(scores, verdicts, base="doubt", probabilities=["doubt"])


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize(
    ("method", "theirs", "key"),
    [
        ("noise_rate", "prune_by_noise_rate", "issues_prune_by_noise_rate"),
        ("both", "both", "issues_both"),
        ("confident_joint", "confident_learning", "issues_confident_learning"),
        ("predicted_other", "predicted_neq_given", "argmax_disagrees"),
    ],
)
def test_the_suspects_are_a_peers(datasets: Path, name: str, method: Method, theirs: str, key: str) -> None:
    """But for ties: on 20news many probabilities are 0, and which of equals are taken is free."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from cleanlab.filter import find_label_issues
    made = checked(datasets, name)
    ours = label_suspects(made.labels, made.probabilities, method=method).is_suspect
    peers = find_label_issues(made.labels, made.probabilities, filter_by=theirs, n_jobs=1)
    reference = json.loads((datasets / "reference.json").read_text())[f"label_errors/{name}"]
    may_differ = 2 if (name, method) == ("20news", "both") else 0
    assert (ours != peers).sum() <= may_differ
    assert abs(int(ours.sum()) - reference[key]) <= may_differ


@pytest.mark.parametrize("name", SETS)
def test_the_ranking_is_no_worse_than_a_peers(datasets: Path, name: str) -> None:
    """Area under the curve on the checked items, the difference with a paired bootstrap."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from cleanlab.rank import get_label_quality_scores
    made = checked(datasets, name)
    theirs = -get_label_quality_scores(made.labels, made.probabilities)[made.rows]
    ours = -label_quality(made.labels, made.probabilities)[made.rows]
    reference = json.loads((datasets / "reference.json").read_text())[f"label_errors/{name}"]
    assert roc_auc_score(made.is_wrong, ours) == pytest.approx(
        reference["auroc_quality_vs_given_lt3_within_checked"], abs=1e-6
    )
    rng = np.random.default_rng(0)
    differences = []
    for _ in range(200):
        drawn = rng.integers(0, len(ours), len(ours))
        if 0 < made.is_wrong[drawn].sum() < len(drawn):
            wrong = made.is_wrong[drawn]
            differences.append(roc_auc_score(wrong, ours[drawn]) - roc_auc_score(wrong, theirs[drawn]))
    assert np.quantile(differences, 0.025) > -0.05


@pytest.mark.parametrize("name", SETS)
def test_verdicts_teach_probabilities_that_hold_on_held_out_verdicts(datasets: Path, name: str) -> None:
    """On 20news 82 of 93 are wrong and the base says so too: the gain there is not told apart from 0."""
    found = learned(checked(datasets, name))
    for gain in (found.brier.gain, found.log_loss.gain):
        assert gain.value is not None
        assert gain.low is not None
        assert gain.value > 0
        assert gain.low > (0 if name != "20news" else -0.05)
