"""The mixed model: variances and gap against dense algebra and statsmodels, recovery, and what it says where it cannot tell."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from analytics.frames import FloatArray, IntArray
from analytics.gap_table import AGREES, ANNOTATOR, DIFFERS, GAPS, corrected
from analytics.mixed_gaps import ALL_ALIKE, NOTHING_SHARED, mixed_gap, mixed_gaps


def crowd(
    *,
    n_people: int = 40,
    n_items: int = 120,
    votes: int = 6,
    gap: float = 0.0,
    mix: float = 0.0,
    seed: int = 0,
) -> tuple[FloatArray, NDArray[np.bool_], IntArray, IntArray]:
    """Normal outcomes: annotators' s 0.3, items' s 0.5, the rest 0.7; with `mix` the group gets more of the high items."""
    rng = np.random.default_rng(seed)
    group = np.arange(n_people) % 2 == 1
    of_item, of_person = rng.normal(0, 0.5, n_items), rng.normal(0, 0.3, n_people)
    liking = np.where(group[None, :] == (of_item > 0)[:, None], 1 + mix, 1 - mix)
    people = np.argsort(-(rng.random((n_items, n_people)) ** (1 / liking)), axis=1)[:, :votes].ravel()
    items = np.repeat(np.arange(n_items), votes)
    y = of_item[items] + of_person[people] + rng.normal(0, 0.7, items.size) + gap * group[people]
    return y, group[people], items, people


def test_it_is_generalised_least_squares_with_its_own_variances() -> None:
    y, x, items, people = crowd(n_people=24, n_items=30, votes=5, gap=0.4, seed=1)
    found = mixed_gap(y, x, items, people)
    of_person, of_item = np.eye(24)[people], np.eye(30)[items]
    v = (
        found.of_annotators * of_person @ of_person.T
        + found.of_items * of_item @ of_item.T
        + found.left * np.eye(y.size)
    )
    share = (np.bincount(items, x) / np.bincount(items))[items]
    fixed = np.column_stack([np.ones(y.size), x, share])
    covariance = np.linalg.inv(fixed.T @ np.linalg.solve(v, fixed))
    assert found.value == pytest.approx((covariance @ fixed.T @ np.linalg.solve(v, y))[1], abs=1e-8)
    assert found.spread.error == pytest.approx(np.sqrt(covariance[1, 1]), rel=1e-6)


def test_it_is_near_the_likelihood_fit_of_statsmodels() -> None:
    from statsmodels.regression.mixed_linear_model import MixedLM, VCSpec

    y, x, items, people = crowd(n_people=30, n_items=50, votes=6, gap=0.5, seed=2)
    share = (np.bincount(items, x) / np.bincount(items))[items]
    fixed = np.column_stack([np.ones(y.size), x, share])
    names = [[[f"{k}" for k in range(n)]] for n in (30, 50)]
    parts = VCSpec(["people", "items"], names, [[np.eye(30)[people]], [np.eye(50)[items]]])
    theirs = MixedLM(y, fixed, groups=np.zeros(y.size), exog_vc=parts).fit(reml=True)
    found = mixed_gap(y, x, items, people)
    assert found.value == pytest.approx(theirs.fe_params[1], abs=0.02)
    assert found.spread.error == pytest.approx(theirs.bse_fe[1], rel=0.1)
    assert (found.of_annotators, found.of_items) == pytest.approx(theirs.vcomp, rel=0.25)


@pytest.mark.parametrize("mix", [0.0, 0.8])
def test_variances_are_found_on_average_and_where_only_the_item_mix_differs_there_is_no_gap(
    mix: float,
) -> None:
    rows = []
    for seed in range(60):
        found = mixed_gap(*crowd(mix=mix, seed=100 + seed))
        assert found.value is not None
        ends = found.spread.ends(found.value, 0.95)
        assert ends is not None
        rows.append((found.of_annotators, found.of_items, found.left, found.value, ends[0] <= 0 <= ends[1]))
    mean = np.mean(rows, axis=0)
    assert mean[[0, 2]] == pytest.approx([0.09, 0.49], rel=0.12)
    if not mix:  # who was asked tells of the item otherwise: then less is left that its term has to say
        assert mean[1] == pytest.approx(0.25, rel=0.12)
    assert abs(mean[3]) < 3 * np.std([row[3] for row in rows]) / np.sqrt(60) + 0.005
    assert mean[4] >= 0.88


def test_a_planted_gap_is_found() -> None:
    found = mixed_gap(*crowd(gap=0.6, seed=3))
    assert found.value == pytest.approx(0.6, abs=0.25)
    p_value = found.spread.p_value(found.value or 0.0)
    assert p_value is not None
    assert p_value < 1e-3


def test_what_cannot_be_told_says_why() -> None:
    y, x, items, people = crowd(n_people=12, n_items=30, votes=4, seed=4)
    assert mixed_gap(y, x, items * 2 + x, people).undefined == NOTHING_SHARED
    assert mixed_gap(np.ones_like(y), x, items, people).undefined == ALL_ALIKE
    few = mixed_gap(y, x, items, people)
    assert few.value is not None
    assert few.spread.error is None
    assert "fewer than 10 annotators" in (few.spread.undefined or "")


def test_names_of_items_and_annotators_and_the_order_of_rows_change_nothing() -> None:
    y, x, items, people = crowd(seed=5)
    plain = mixed_gap(y, x, items, people)
    order = np.random.default_rng(0).permutation(y.size)
    other = mixed_gap(y[order], x[order], 3 * items[order] + 1, 2 * people[order])
    assert (other.value, other.left) == pytest.approx((plain.value, plain.left), rel=1e-8)


def test_a_table_has_a_row_a_figure_and_none_of_disagreement() -> None:
    y, _, items, people = crowd(seed=6)
    votes = pl.DataFrame({"item_code": items, "annotator_code": people, "label_code": (y > 0).astype(int)})
    groups = pl.DataFrame({"annotator_code": np.arange(40), "group_code": np.arange(40) % 2})
    gold = pl.DataFrame({"item_code": np.arange(60), "label_code": np.arange(60) % 2})
    table = mixed_gaps(votes, groups, n_labels=2, gold=gold)
    assert sorted(table["measure"]) == [
        "error_on_gold",
        "false_positive_rate",
        "label_rate",
        "true_positive_rate",
    ]
    assert set(table["group_code"]) == {0}  # of two groups the other is the mirror
    thirds = pl.DataFrame({"annotator_code": np.arange(40), "group_code": np.arange(40) % 3})
    three = mixed_gaps(votes, thirds, n_labels=2)
    assert set(three["group_code"]) == {0, 1, 2}


@pytest.mark.parametrize(
    ("own", "mixed", "gap", "says"),
    [
        (1e-6, 1e-6, 0.2, AGREES), (1e-6, 1e-6, -0.2, DIFFERS), (0.5, 0.4, -0.2, AGREES), (1e-6, 0.5, 0.2, DIFFERS),
        (0.5, 1e-6, 0.2, DIFFERS), (0.5, None, 0.2, None),
    ],
)  # fmt: skip
def test_it_agrees_where_it_would_report_the_same(
    own: float, mixed: float | None, gap: float, says: str | None
) -> None:
    row = dict.fromkeys(GAPS) | {
        "group_code": 0, "slice_code": 0, "measure": "label_rate", "label_code": 0, "value": 0.6, "others": 0.4, "difference": 0.2,
        "error": 0.1, "freedom": 9.0, "p_value": 0.5, "adjusted": 0.2, "adjusted_p": own, "adjusted_error": 0.1,
        "adjusted_freedom": 9.0, "mixed": gap, "mixed_p": mixed,
    }  # fmt: skip
    told = corrected(pl.DataFrame([row], schema=GAPS).with_columns(side=pl.lit(ANNOTATOR)))
    assert told["mixed_says"].to_list() == [says]
