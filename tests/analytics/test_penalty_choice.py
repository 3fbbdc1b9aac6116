"""The choice of the penalty: as scikit-learn's losses say, blind to the fold it is for, near the drawing model's own."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from analytics import penalty_choice
from analytics.errors import BadOption
from analytics.features import Floats32
from analytics.folds import assign_folds
from analytics.penalty_choice import choose_penalties
from analytics.training import train_model

Floats = NDArray[np.float64]


def drawn(spread: float, n_items: int = 300, *, seed: int = 0) -> tuple[Floats32, Floats]:
    """Labels of a linear model whose weights have this standard deviation."""
    rng = np.random.default_rng(seed)
    features = rng.standard_normal((n_items, 20)).astype(np.float32)
    logits = features @ rng.standard_normal((20, 3)) * spread
    return features, np.eye(3)[(logits + rng.gumbel(size=logits.shape)).argmax(axis=1)]


def test_losses_are_scikit_learns() -> None:
    features, labels = drawn(0.5, 150)
    codes = labels.argmax(axis=1)
    found = choose_penalties(features, labels, candidates=(1.0, 10.0), n_folds=3)
    fold = assign_folds(150, n_folds=3, label_codes=codes)
    for penalty, ours in zip((1.0, 10.0), found.losses.get_column("log_loss"), strict=True):
        total = 0.0
        for pair in combinations(range(3), 2):
            rest = ~np.isin(fold, pair)
            model = LogisticRegression(C=1 / penalty, tol=1e-7, max_iter=1000).fit(
                features[rest], codes[rest]
            )
            p = model.predict_proba(features[~rest])
            total -= float(np.log(p[np.arange(len(p)), codes[~rest]]).sum())
        assert ours == pytest.approx(total / 300, abs=1e-3)


def test_weights_that_are_small_are_held_back_more() -> None:
    """The best penalty is about 1 over the variance of the weights that drew the labels (a Gaussian prior's)."""
    large, small = (choose_penalties(*drawn(spread)).penalties for spread in (1.0, 0.2))
    assert np.median(large) < np.median(small)
    assert 0.1 <= np.median(large) <= 10
    assert 10 <= np.median(small) <= 100


def test_what_was_chosen_is_better_than_a_penalty_far_off() -> None:
    features, labels = drawn(0.2)
    found = choose_penalties(features, labels, seed=3)
    chosen = train_model(features, labels, penalty=found.penalties, seed=3).log_loss
    far = train_model(features, labels, penalty=0.03, seed=3).log_loss
    assert chosen is not None
    assert far is not None
    assert chosen < far - 0.02
    assert found.losses.get_column("n_folds").sum() == 5


def test_a_folds_own_labels_have_no_part_in_its_choice() -> None:
    features, labels = drawn(0.3, 100)
    groups = np.maximum(np.arange(100), 20)  # the largest group is dealt out first, whatever its labels are
    found = choose_penalties(features, labels, groups=groups)
    fold = assign_folds(100, groups=groups, label_codes=labels.argmax(axis=1))
    noise = labels.copy()
    own = np.flatnonzero(fold == fold[0])
    noise[:21] = np.eye(3)[np.random.default_rng(0).integers(0, 3, 21)]
    again = choose_penalties(features, noise, groups=groups)
    assert np.isin(np.arange(21), own).all()
    assert again.penalties[fold[0]] == found.penalties[fold[0]]
    assert not np.allclose(
        again.losses.get_column("log_loss"), found.losses.get_column("log_loss"), atol=1e-2
    )


@pytest.mark.parametrize("spread", [0.1, 0.3, 1.0, 3.0])
def test_the_choice_is_that_of_all_fits_run_to_their_end(
    spread: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    features, labels = drawn(spread, seed=1)
    found = choose_penalties(features, labels)
    monkeypatch.setattr(penalty_choice, "PATIENCE", 99)
    monkeypatch.setattr(penalty_choice, "CHOICE_TOLERANCE", 0.0)
    whole = choose_penalties(features, labels)
    assert found.penalties.tolist() == whole.penalties.tolist()
    assert whole.losses.get_column("log_loss").null_count() == 0
    both = found.losses.select("penalty", "log_loss").drop_nulls()
    exact = whole.losses.filter(whole.losses["penalty"].is_in(both["penalty"].to_list()))
    np.testing.assert_allclose(both["log_loss"], exact["log_loss"], atol=2e-3)


def test_weaker_penalties_that_only_do_worse_are_not_tried() -> None:
    losses = choose_penalties(*drawn(0.1)).losses
    tried = losses.get_column("log_loss").is_not_null().to_list()
    assert tried == sorted(tried)
    assert 2 <= sum(tried) < len(tried)


def test_a_choice_at_the_edge_is_said() -> None:
    features, labels = drawn(0.2)
    assert choose_penalties(features, labels, candidates=(0.01, 0.1)).at_edge
    assert not choose_penalties(features, labels, candidates=(0.01, 30.0, 1e5)).at_edge


def test_sets_and_items_without_a_label() -> None:
    features, labels = drawn(0.5)
    weights = np.ones(300)
    weights[:30] = 0
    unknown = labels.copy()
    unknown[:30] = np.nan
    one, two = (
        choose_penalties(features, each, sets=True, item_weights=weights) for each in (labels, unknown)
    )
    assert one.losses.equals(two.losses)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"candidates": (1.0,)}, "candidates"),
        ({"candidates": (0.0, 1.0)}, "candidates"),
        ({"n_folds": 2}, "n_folds"),
        ({"item_weights": np.zeros(100)}, "item_weights"),
    ],
)
def test_misuse_is_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(BadOption, match=words):
        choose_penalties(*drawn(0.3, 100), **options)


def test_penalties_of_another_number_of_folds_are_refused() -> None:
    with pytest.raises(BadOption, match="penalty"):
        train_model(*drawn(0.3, 100), penalty=np.ones(4))
