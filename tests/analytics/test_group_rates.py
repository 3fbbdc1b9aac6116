from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from fairlearn.metrics import MetricFrame, equalized_odds_difference, false_positive_rate, true_positive_rate
from sklearn.metrics import accuracy_score

from analytics.consensus import leave_one_out_majority
from analytics.errors import BadColumn, BadOption, MissingColumn
from analytics.gap_draws import Draws, Resampled
from analytics.group_rates import annotator_group_rates, item_group_rates
from tests.crowds import accurate, drawn_crowd

ITEMS = Draws("items", replicates=300)
PEOPLE = Draws("annotators", replicates=300)


def crowd(n_labels: int = 2, seed: int = 0) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Votes, gold, groups of items (3, one item in none), groups of annotators (2)."""
    drawn = drawn_crowd(
        accurate(40, n_labels, 0.75),
        n_items=300,
        n_per_item=5,
        priors=np.full(n_labels, 1 / n_labels),
        seed=seed,
    )
    rng = np.random.default_rng(seed)
    items = pl.DataFrame({"item_code": np.arange(299), "group_code": rng.integers(0, 3, 299)})
    people = pl.DataFrame({"annotator_code": np.arange(40), "group_code": np.arange(40) % 2})
    return drawn.votes, drawn.gold, items, people


def row(table: pl.DataFrame, measure: str, group: int, label: int) -> dict[str, Any]:
    found = table.filter(measure=measure, group_code=group, label_code=label)
    assert found.height == 1
    return found.row(0, named=True)


def test_rates_by_item_group_are_fairlearns() -> None:
    votes, gold, items, _ = crowd()
    ours = item_group_rates(votes, items, n_labels=2, draws=ITEMS, gold=gold)
    table = (
        votes.join(items, on="item_code")
        .join(gold.rename({"label_code": "gold"}), on="item_code")
        .to_pandas()
    )
    frame = MetricFrame(
        metrics={"error": lambda y, p: 1 - accuracy_score(y, p), "tpr": true_positive_rate, "fpr": false_positive_rate},
        y_true=table["gold"], y_pred=table["label_code"], sensitive_features=table["group_code"],
    )  # fmt: skip
    for group in range(3):
        theirs = frame.by_group.loc[group]
        assert row(ours, "error_on_gold", group, -1)["value"] == pytest.approx(theirs["error"])
        assert row(ours, "true_positive_rate", group, 1)["value"] == pytest.approx(theirs["tpr"])
        assert row(ours, "false_positive_rate", group, 1)["value"] == pytest.approx(theirs["fpr"])
        rate = table.loc[table["group_code"] == group, "label_code"].mean()
        assert row(ours, "label_rate", group, 1)["value"] == pytest.approx(rate)
    spans = [
        ours.filter(measure=name).select(pl.col("value").max() - pl.col("value").min()).item()
        for name in ("true_positive_rate", "false_positive_rate")
    ]
    theirs = equalized_odds_difference(
        table["gold"], table["label_code"], sensitive_features=table["group_code"]
    )
    assert max(spans) == pytest.approx(theirs)


def test_rates_by_annotator_group_are_fairlearns() -> None:
    votes, gold, _, people = crowd()
    ours = annotator_group_rates(votes, people, n_labels=2, draws=PEOPLE, gold=gold)
    table = (
        votes.join(people, on="annotator_code")
        .join(gold.rename({"label_code": "gold"}), on="item_code")
        .to_pandas()
    )
    frame = MetricFrame(
        metrics=accuracy_score,
        y_true=table["gold"],
        y_pred=table["label_code"],
        sensitive_features=table["group_code"],
    )
    for group in range(2):
        assert row(ours, "error_on_gold", group, -1)["value"] == pytest.approx(1 - frame.by_group[group])


def test_disagreement_is_with_the_other_annotators() -> None:
    votes, _, items, _ = crowd()
    ours = item_group_rates(votes, items, n_labels=2, draws=ITEMS)
    beside = (
        leave_one_out_majority(votes, n_labels=2).join(items, on="item_code").filter(pl.col("n_others") > 0)
    )
    against = (pl.col("label_others") != pl.col("label_code")).fill_null(value=False)
    for group, share in beside.group_by("group_code").agg(against.mean()).iter_rows():
        assert row(ours, "disagreement", group, -1)["value"] == pytest.approx(share)


def test_the_others_are_everybody_else_who_has_a_group() -> None:
    votes, _, items, _ = crowd(3)
    ours = item_group_rates(votes, items, n_labels=3, draws=ITEMS)
    known = votes.join(items, on="item_code")
    found = row(ours, "label_rate", 1, 2)
    rest = known.filter(pl.col("group_code") != 1)
    assert found["others"] == pytest.approx((rest["label_code"] == 2).mean())
    assert found["difference"] == pytest.approx(found["value"] - found["others"])
    assert found["ratio"] == pytest.approx(found["value"] / found["others"])
    assert found["n"] == known.filter(group_code=1).height
    assert found["n_items"] == items.filter(group_code=1).height


def test_item_draws_are_the_bootstrap_of_items() -> None:
    """The standard error of a label rate beside one by drawing items with replacement, one by one."""
    votes, _, items, _ = crowd()
    ours = row(
        item_group_rates(votes, items, n_labels=2, draws=Draws("items", replicates=4000)), "label_rate", 0, 1
    )
    table = (
        votes.join(items, on="item_code")
        .group_by("item_code")
        .agg(pl.col("label_code").sum().alias("hits"), pl.len().alias("n"), pl.col("group_code").first())
    )
    hits, n, group = (table[name].to_numpy() for name in ("hits", "n", "group_code"))
    rng = np.random.default_rng(5)
    drawn = []
    for _ in range(2000):
        some = rng.integers(0, len(hits), len(hits))
        one, rest = some[group[some] == 0], some[group[some] != 0]
        drawn.append(hits[one].sum() / n[one].sum() - hits[rest].sum() / n[rest].sum())
    assert ours["error"] == pytest.approx(np.std(drawn), rel=0.08)


def test_annotator_draws_see_that_people_differ() -> None:
    """Ten people a group, each with a leaning of their own: drawing people knows it, drawing items would not."""
    rng = np.random.default_rng(3)
    leaning = rng.uniform(0.1, 0.9, 20)
    items, people = np.repeat(np.arange(200), 20), np.tile(np.arange(20), 200)
    votes = pl.DataFrame(
        {
            "item_code": items,
            "annotator_code": people,
            "label_code": (rng.random(4000) < leaning[people]).astype(int),
        }
    )
    groups = pl.DataFrame({"annotator_code": np.arange(20), "group_code": np.arange(20) % 2})
    found = row(annotator_group_rates(votes, groups, n_labels=2, draws=PEOPLE), "label_rate", 0, 1)
    rates = (
        votes.group_by("annotator_code")
        .agg(pl.col("label_code").mean())
        .sort("annotator_code")["label_code"]
        .to_numpy()
    )
    expected = np.sqrt(rates[::2].var(ddof=1) / 10 + rates[1::2].var(ddof=1) / 10)
    assert found["error"] == pytest.approx(expected, rel=0.12)
    both = row(annotator_group_rates(votes, groups, n_labels=2, draws=Draws("both")), "label_rate", 0, 1)
    assert both["error"] >= 0.9 * found["error"]


def test_fewer_than_ten_people_are_described_without_an_interval() -> None:
    votes, _, _, people = crowd()
    few = people.with_columns(group_code=(pl.col("annotator_code") >= 9).cast(pl.Int64))
    table = annotator_group_rates(votes, few, n_labels=2, draws=PEOPLE)
    assert table["value"].null_count() == 0
    assert table["diff_low"].null_count() == table.height
    assert table["p_value"].null_count() == table.height
    assert set(table["no_interval"]) == {"fewer than 10 annotators on a side: description only"}


def test_a_group_without_annotations_is_undefined_with_a_reason() -> None:
    votes, _, items, _ = crowd()
    more = pl.concat([items, pl.DataFrame({"item_code": [9999], "group_code": [3]})])
    found = row(item_group_rates(votes, more, n_labels=2, draws=ITEMS), "label_rate", 3, 1)
    assert found["value"] is None
    assert found["undefined"] == "this group has no annotations that count here"


@pytest.mark.parametrize("resample", ["items", "both"])
def test_order_of_rows_and_names_of_ids_change_nothing(resample: Resampled) -> None:
    votes, gold, items, _ = crowd()
    draws = Draws(resample, replicates=100)
    before = item_group_rates(votes, items, n_labels=2, draws=draws, gold=gold)
    after = item_group_rates(
        votes.sample(fraction=1, shuffle=True, seed=1), items.reverse(), n_labels=2, draws=draws, gold=gold
    )
    assert before.equals(after)
    assert before.equals(item_group_rates(votes, items, n_labels=2, draws=draws, gold=gold))


def test_no_votes_no_rates() -> None:
    votes, _, items, people = crowd()
    assert item_group_rates(votes.head(0), items, n_labels=2, draws=ITEMS)["value"].null_count() == 3 * 4
    assert annotator_group_rates(votes.head(0), people, n_labels=2, draws=PEOPLE)["value"].null_count() == 2


def test_misuse_is_refused() -> None:
    votes, _, items, people = crowd()
    with pytest.raises(BadOption, match="resample='annotators'"):
        item_group_rates(votes, items, n_labels=2, draws=PEOPLE)
    with pytest.raises(BadOption, match="resample='items'"):
        annotator_group_rates(votes, people, n_labels=2, draws=ITEMS)
    with pytest.raises(MissingColumn, match="group_code"):
        item_group_rates(votes, items.drop("group_code"), n_labels=2, draws=ITEMS)
    with pytest.raises(BadColumn, match="there twice"):
        item_group_rates(votes, pl.concat([items, items.head(1)]), n_labels=2, draws=ITEMS)
    with pytest.raises(BadOption, match="codes from 0 to 1"):
        item_group_rates(votes, items, n_labels=2, draws=ITEMS, labels=[2])
