from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
import statsmodels.formula.api as smf
from statsmodels.stats.contingency_tables import StratifiedTable

from analytics.adjusted_gaps import annotator_gaps, item_gaps, mantel_haenszel
from analytics.errors import BadOption
from analytics.gap_draws import Draws
from analytics.group_rates import annotator_group_rates
from tests.published import BERKELEY_1973, BERKELEY_1973_ODDS_RATIO, BERKELEY_1973_SHARES

PEOPLE = Draws("annotators", replicates=200)


def mixed_crowd(
    *, gap: float = 0.0, shared: float = 0.5, n_items: int = 400, seed: int = 0
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Two groups of 15 people; group 1 gets more of the items that get label 1, and says it `gap` more often on any item."""
    rng = np.random.default_rng(seed)
    rate = rng.choice([0.2, 0.7], n_items)
    frames = []
    for item in range(n_items):
        p_one = 0.5 if rng.random() < shared else (0.9 if rate[item] > 0.5 else 0.1)
        side = (rng.random(5) < p_one).astype(int)
        people = side * 15 + rng.permutation(15)[:5]
        labels = (rng.random(5) < rate[item] + gap * side).astype(int)
        frames.append(pl.DataFrame({"item_code": item, "annotator_code": people, "label_code": labels}))
    groups = pl.DataFrame({"annotator_code": np.arange(30), "group_code": np.arange(30) // 15})
    return pl.concat(frames), groups


def one(table: pl.DataFrame, measure: str = "label_rate", group: int = 1, **more: int) -> dict[str, Any]:
    found = table.filter(measure=measure, group_code=group, **more)
    assert found.height == 1
    return found.row(0, named=True)


def test_berkeley_admissions() -> None:
    table = np.array(BERKELEY_1973)
    hits, totals = table[:, [0, 2]], table[:, [1, 3]]
    assert hits.sum(axis=0) / totals.sum(axis=0) == pytest.approx(BERKELEY_1973_SHARES, abs=5e-4)
    found = mantel_haenszel(hits, totals)
    assert found.odds_ratio == pytest.approx(BERKELEY_1973_ODDS_RATIO, abs=5e-5)
    strata = [np.array([[a, n - a], [b, m - b]]) for a, n, b, m in BERKELEY_1973]
    theirs = StratifiedTable(strata)
    assert found.odds_ratio == pytest.approx(theirs.oddsratio_pooled)
    assert found.ratio == pytest.approx(theirs.riskratio_pooled)


def test_berkeley_as_annotations_says_the_same() -> None:
    """Departments as items, applicants as votes for "admitted": the crude gap is men's, and none survives the departments."""
    items, people, labels, group, person = [], [], [], [], 0
    for item, (a, n, b, m) in enumerate(BERKELEY_1973):
        for side, hits, total in ((1, a, n), (0, b, m)):
            items += [item] * total
            people += list(range(person, person + total))
            labels += [1] * hits + [0] * (total - hits)
            group += [side] * total
            person += total
    votes = pl.DataFrame({"item_code": items, "annotator_code": people, "label_code": labels})
    groups = pl.DataFrame({"annotator_code": people, "group_code": group})
    crude = one(annotator_group_rates(votes, groups, n_labels=2, draws=PEOPLE))
    assert (crude["value"], crude["others"]) == pytest.approx(BERKELEY_1973_SHARES, abs=5e-4)
    assert crude["p_value"] < 1e-6
    adjusted = one(annotator_gaps(votes, groups, n_labels=2, draws=Draws("annotators", replicates=100)))
    assert adjusted["adjusted_odds_ratio"] == pytest.approx(BERKELEY_1973_ODDS_RATIO, abs=5e-5)
    assert adjusted["adjusted"] < 0
    assert adjusted["n_shared"] == 6


def test_the_adjusted_gap_is_the_linear_model_with_a_term_for_each_item() -> None:
    votes, groups = mixed_crowd(gap=0.1, n_items=60)
    table = votes.join(groups, on="annotator_code")
    fitted = smf.ols("label_code ~ group_code + C(item_code)", table.to_pandas()).fit()
    found = one(annotator_gaps(votes, groups, n_labels=2, draws=PEOPLE))
    assert found["adjusted"] == pytest.approx(fitted.params["group_code"])


def test_another_item_mix_alone_is_no_gap() -> None:
    votes, groups = mixed_crowd(n_items=2000)
    crude = one(annotator_group_rates(votes, groups, n_labels=2, draws=PEOPLE))
    found = one(annotator_gaps(votes, groups, n_labels=2, draws=PEOPLE))
    assert crude["diff_low"] > 0.03
    assert found["adjusted_low"] < 0 < found["adjusted_high"]


def test_a_planted_gap_survives() -> None:
    votes, groups = mixed_crowd(gap=0.15, n_items=2000)
    found = one(annotator_gaps(votes, groups, n_labels=2, draws=PEOPLE))
    assert found["adjusted_low"] < 0.15 < found["adjusted_high"]
    assert found["adjusted_p"] < 1e-4


def test_groups_that_share_no_item_cannot_be_told_from_their_items() -> None:
    votes, groups = mixed_crowd()
    apart = votes.with_columns(item_code=pl.col("item_code") * 2 + pl.col("annotator_code") // 15)
    found = one(annotator_gaps(apart, groups, n_labels=2, draws=PEOPLE))
    assert found["adjusted"] is None
    assert found["adjusted_undefined"].startswith("no item is shared by this group and the others")
    assert found["value"] is not None


def test_a_minority_is_not_punished_by_arithmetic() -> None:
    """Four people among forty label as everybody does: against any consensus of others, theirs included, they must not stand out."""
    gaps = []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        people = np.argsort(rng.random((300, 40)), axis=1)[:, :6]
        usual = rng.integers(0, 3, (300, 1))
        labels = np.where(rng.random((300, 6)) < 0.5, usual, rng.integers(0, 3, (300, 6)))
        votes = pl.DataFrame(
            {
                "item_code": np.repeat(np.arange(300), 6),
                "annotator_code": people.ravel(),
                "label_code": labels.ravel(),
            }
        )
        groups = pl.DataFrame(
            {"annotator_code": np.arange(40), "group_code": (np.arange(40) < 30).astype(int)}
        )
        table = annotator_gaps(votes, groups, n_labels=3, draws=Draws("annotators", replicates=0))
        gaps.append([one(table, "disagreement", group)["adjusted"] for group in (0, 1)])
    mean, error = np.mean(gaps, axis=0), np.std(gaps, axis=0, ddof=1) / np.sqrt(len(gaps))
    assert (np.abs(mean) < 3 * error).all()
    assert (error < 0.02).all()


def test_disagreement_by_hand() -> None:
    """One item; the others say 0 0 0 1, the group says 1: left out in turn the others' label is 0 three times of four, once 0."""
    votes = pl.DataFrame({"item_code": [0] * 5, "annotator_code": range(5), "label_code": [0, 0, 0, 1, 1]})
    groups = pl.DataFrame({"annotator_code": range(5), "group_code": [0, 0, 0, 0, 1]})
    found = one(
        annotator_gaps(votes, groups, n_labels=2, draws=Draws("annotators", replicates=0)), "disagreement"
    )
    # Without one of the zeros: 0 0 1 -> 0; without the one: 0 0 0 -> 0. The group is contradicted by all four, the others once.
    assert found["value"] == 1.0
    assert found["others"] == 0.25
    assert found["adjusted"] == pytest.approx(0.75)


def test_a_group_that_treats_some_items_otherwise_is_found_beyond_the_rest() -> None:
    rng = np.random.default_rng(2)
    n_items = 1200
    about = rng.integers(0, 2, n_items)
    people = np.array([rng.permutation(40)[:6] for _ in range(n_items)])
    p_hit = 0.4 + 0.25 * ((people < 20) & (about[:, None] == 1))
    votes = pl.DataFrame(
        {
            "item_code": np.repeat(np.arange(n_items), 6),
            "annotator_code": people.ravel(),
            "label_code": (rng.random(p_hit.shape) < p_hit).astype(int).ravel(),
        }
    )
    groups = pl.DataFrame({"annotator_code": np.arange(40), "group_code": (np.arange(40) >= 20).astype(int)})
    items = pl.DataFrame({"item_code": np.arange(n_items), "group_code": about})
    table = annotator_gaps(votes, groups, n_labels=2, draws=Draws("both", replicates=200), item_groups=items)
    there, elsewhere = (one(table, group=0, slice_code=code) for code in (1, 0))
    assert there["beyond_low"] < 0.25 < there["beyond_high"]
    assert there["beyond_p"] < 1e-4
    assert there["adjusted"] == pytest.approx(0.25, abs=0.06)
    assert elsewhere["beyond"] == pytest.approx(-there["beyond"])
    assert abs(elsewhere["adjusted"]) < 0.06


def test_item_groups_are_compared_inside_annotators() -> None:
    """Lenient people get one group of items, strict ones the other: the crude gap is theirs, inside each of them there is none."""
    rng = np.random.default_rng(4)
    n_items = 1500
    about = rng.integers(0, 2, n_items)
    lenient = rng.random((n_items, 4)) < np.where(about == 1, 0.8, 0.2)[:, None]
    people = np.argsort(rng.random((n_items, 20)), axis=1)[:, :4] + 20 * lenient
    votes = pl.DataFrame(
        {
            "item_code": np.repeat(np.arange(n_items), 4),
            "annotator_code": people.ravel(),
            "label_code": (rng.random((n_items, 4)) < np.where(lenient, 0.7, 0.3)).astype(int).ravel(),
        }
    )
    items = pl.DataFrame({"item_code": np.arange(n_items), "group_code": about})
    found = one(item_gaps(votes, items, n_labels=2, draws=Draws("items", replicates=200)))
    assert found["value"] - found["others"] > 0.15
    assert found["adjusted_low"] < 0 < found["adjusted_high"]
    assert found["n_shared"] == 40


def test_replicates_do_not_depend_on_their_number_in_a_block() -> None:
    votes, groups = mixed_crowd(n_items=100)
    few = one(annotator_gaps(votes, groups, n_labels=2, draws=Draws("both", replicates=100)))
    again = one(annotator_gaps(votes.reverse(), groups, n_labels=2, draws=Draws("both", replicates=100)))
    assert few == again
    assert few["adjusted_error"] > 0


def test_misuse_is_refused() -> None:
    votes, groups = mixed_crowd(n_items=20)
    with pytest.raises(BadOption, match="resample='items'"):
        annotator_gaps(votes, groups, n_labels=2, draws=Draws("items"))
    with pytest.raises(BadOption, match="replicates"):
        annotator_gaps(votes, groups, n_labels=2, draws=Draws("both", replicates=-1))
