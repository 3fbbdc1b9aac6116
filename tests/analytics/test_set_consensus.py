"""Sets of labels: the consensus of every member, what each annotator did for it, overlaps, and doubts."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from analytics import set_doubts, set_figures
from analytics.agreement import label_confusion
from analytics.consensus import majority_vote
from analytics.contributions import vote_contributions
from analytics.dawid_skene import dawid_skene
from analytics.errors import BadOption
from analytics.set_agreement import set_alpha
from analytics.set_consensus import member_votes, set_consensus, set_contributions

SETS = ((), (0,), (1,), (2,), (0, 1), (0, 1, 2))


def votes_of(rows: list[tuple[int, int, int]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=["item_code", "annotator_code", "label_code"], orient="row")


def majority(votes: pl.DataFrame) -> pl.DataFrame:
    return majority_vote(votes, n_labels=2).items


def simulated(
    n_items: int = 400, n_annotators: int = 12, right: float = 0.85
) -> tuple[pl.DataFrame, NDArray[np.bool_], list[tuple[int, ...]]]:
    """A crowd over three members: the truth (I, 3), and votes whose members are each right with the same chance."""
    rng = np.random.default_rng(5)
    truth = rng.random((n_items, 3)) < (0.5, 0.3, 0.2)
    sets = [tuple(m for m in range(3) if code >> m & 1) for code in range(8)]
    rows = []
    for item in range(n_items):
        for annotator in rng.choice(n_annotators, 5, replace=False):
            said = truth[item] ^ (rng.random(3) > right)
            rows.append((item, int(annotator), int(said @ (1, 2, 4))))
    return votes_of(rows), truth, sets


def test_every_member_is_decided_by_itself() -> None:
    votes = votes_of([(0, 0, 4), (0, 1, 4), (0, 2, 1), (1, 0, 0), (1, 1, 0), (1, 2, 3), (2, 0, 1), (2, 1, 2)])
    found = set_consensus(votes, sets=SETS, members=(0, 1, 2), decide=majority)
    assert [found.sets[place] for place in found.items["place"]] == [(0, 1), (), ()]
    assert found.items["posterior"][0].to_list() == pytest.approx([1.0, 2 / 3, 0.0])
    assert found.items["p_label"].to_list() == pytest.approx([2 / 3, 2 / 3, 0.25])
    assert found.items["tied"].to_list() == [False, False, True]
    assert found.items["n_annotations"].to_list() == [3, 3, 2]


def test_a_crowd_s_sets_are_found_again_better_than_by_one_vote() -> None:
    votes, truth, sets = simulated()

    def decide(binary: pl.DataFrame) -> pl.DataFrame:
        return dawid_skene(binary, n_labels=2, smoothing=1.0).items

    found = set_consensus(votes, sets=sets, members=(0, 1, 2), decide=decide)
    chosen = np.array([[m in found.sets[place] for m in range(3)] for place in found.items["place"]])
    assert (chosen == truth).mean() > 0.95
    assert (chosen == truth).all(axis=1).mean() > 0.88
    one = votes.group_by("item_code").agg(pl.col("label_code").first()).sort("item_code")
    alone = np.array([[code >> m & 1 for m in range(3)] for code in one["label_code"]], dtype=bool)
    assert (alone == truth).all(axis=1).mean() < 0.75


def test_the_order_of_rows_changes_nothing() -> None:
    votes, _, sets = simulated(60)
    found = set_consensus(votes, sets=sets, members=(0, 1, 2), decide=majority)
    mixed = set_consensus(
        votes.sample(fraction=1, shuffle=True, seed=2), sets=sets, members=(0, 1, 2), decide=majority
    )
    assert found.sets == mixed.sets
    assert found.items.equals(mixed.items)


def test_members_that_are_none_are_refused() -> None:
    votes = votes_of([(0, 0, 0)])
    with pytest.raises(BadOption, match="members"):
        set_consensus(votes, sets=SETS, members=(), decide=majority)
    with pytest.raises(BadOption, match="sets"):
        set_consensus(votes, sets=SETS, members=(0, 1), decide=majority)


def test_contributions_multiply_over_members() -> None:
    votes = votes_of([(0, 0, 4), (0, 1, 4), (0, 2, 1)])
    parts = [
        vote_contributions(
            member_votes(votes, sets=SETS, member=member),
            pl.DataFrame({"item_code": [0], "label_code": [int(member in (0, 1))]}),
            n_labels=2,
        )
        for member in (0, 1, 2)
    ]
    found = set_contributions(parts)
    item = found.items.row(0, named=True)
    assert item["p_label"] == pytest.approx(2 / 3)
    assert item["n_annotators"] == 3
    without = dict(found.annotations.select("annotator_code", "p_label_without").iter_rows())
    assert without == pytest.approx(
        {0: 0.5, 1: 0.5, 2: 1.0}
    )  # without the one who left member 1 out, all agree
    assert item["most_annotator_code"] == 2
    assert item["most_moved"] == pytest.approx(2 / 3 - 1)
    with pytest.raises(BadOption):
        set_contributions([])


def jaccard(a: tuple[int, ...], b: tuple[int, ...]) -> float:
    one, two = set(a), set(b)
    return len(one & two) / len(one | two) if one | two else 1.0


def test_overlap_is_the_mean_of_the_pairs_of_each_item() -> None:
    votes, _, sets = simulated(40)
    by_item = votes.group_by("item_code").agg("label_code")
    pairs = [
        np.mean([jaccard(sets[a], sets[b]) for a, b in combinations(codes, 2)])
        for codes in by_item["label_code"].to_list()
    ]
    found = set_figures.mean_overlap(votes, sets=sets, replicates=200)
    assert found.value == pytest.approx(np.mean(pairs))
    assert found.value is not None
    assert found.low is not None
    assert found.high is not None
    assert found.low < found.value < found.high
    assert found.n == 40
    assert set_figures.mean_overlap(votes.head(1), sets=sets).undefined == "no item has two annotations"


def test_an_annotator_s_overlap_is_with_the_others_alone() -> None:
    votes, _, sets = simulated(30)
    found = set_figures.annotator_overlap(votes, sets=sets)
    for annotator, n, value in found.select("annotator_code", "n_compared", "overlap").iter_rows():
        means = []
        for item, code in (
            votes.filter(pl.col("annotator_code") == annotator).select("item_code", "label_code").iter_rows()
        ):
            others = votes.filter((pl.col("item_code") == item) & (pl.col("annotator_code") != annotator))
            means.append(np.mean([jaccard(sets[code], sets[other]) for other in others["label_code"]]))
        assert n == len(means)
        assert value == pytest.approx(np.mean(means))
    alone = set_figures.annotator_overlap(votes_of([(0, 0, 1), (1, 1, 2)]), sets=SETS)
    assert alone["undefined"].to_list() == ["no item has sets of others"] * 2
    assert alone["overlap"].null_count() == 2


def test_own_repeats_are_no_others() -> None:
    votes = votes_of([(0, 0, 1), (0, 0, 2), (0, 1, 1)])  # person 0 says {0}, then {1}; person 1 says {0}
    found = set_figures.annotator_overlap(votes, sets=SETS)
    assert found["overlap"].to_list() == [0.5, 0.5]


def test_with_sets_of_one_members_are_confused_as_labels_are() -> None:
    rng = np.random.default_rng(0)
    rows = [(item, person, int(rng.integers(3))) for item in range(30) for person in range(4)]
    votes = votes_of(rows)
    assert set_figures.member_confusion(votes, sets=[(0,), (1,), (2,)]).equals(
        label_confusion(votes, n_labels=3)
    )


def test_confusion_counts_pairs_where_each_has_what_the_other_lacks() -> None:
    votes = votes_of([(0, 0, 4), (0, 1, 3), (0, 2, 5)])  # {0, 1}, {2}, {0, 1, 2}
    found = set_figures.member_confusion(votes, sets=SETS)
    assert found.select("label_a", "label_b", "pairs").rows() == [(0, 2, 1), (1, 2, 1)]
    assert found["share"].sum() == pytest.approx(1.0)


def test_figures_of_groups_are_those_of_their_votes() -> None:
    votes, _, sets = simulated(60)
    grouped = votes.with_columns(group_code=(pl.col("item_code") >= 50).cast(pl.Int64))
    found = set_figures.set_figures_by_group(grouped, sets=sets, replicates=200)
    alone = set_alpha(votes.filter(pl.col("item_code") < 50), sets=sets, replicates=200)
    first = found.filter((pl.col("figure") == "alpha") & (pl.col("group_code") == 0)).row(0, named=True)
    assert (first["value"], first["low"], first["high"]) == (alone.value, alone.low, alone.high)
    few = set_figures.set_figures_by_group(grouped, sets=sets, min_items=20).filter(pl.col("group_code") == 1)
    assert few["value"].null_count() == 2
    assert few["undefined"].to_list() == ["fewer than 20 items have two annotations or more"] * 2


def grounds(votes: pl.DataFrame, gold: list[tuple[int, int]] | None = None) -> set_doubts.SetGrounds:
    found = set_consensus(votes, sets=SETS, members=(0, 1, 2), decide=majority)
    codes = [SETS.index(found.sets[place]) for place in found.items["place"]]
    items = found.items.with_columns(pl.Series("label_code", codes, dtype=pl.Int64)).drop("place")
    known = pl.DataFrame(gold or [], schema={"item_code": pl.Int64, "label_code": pl.Int64}, orient="row")
    return set_doubts.SetGrounds(votes, items, known, SETS, (0, 1, 2))


def test_a_set_is_doubted_for_its_least_sure_member() -> None:
    votes = votes_of([(0, 0, 4), (0, 1, 4), (0, 2, 1), (1, 0, 1), (1, 1, 1), (1, 2, 1)])
    low = set_doubts.low_posterior(grounds(votes))
    assert low["item_code"].to_list() == [0]
    evidence = low["evidence"][0]
    assert (evidence["member_label_code"], evidence["p_member"]) == (1, pytest.approx(2 / 3))
    assert low["score"][0] == pytest.approx(1 / 3)


def test_an_even_member_is_a_split_vote() -> None:
    votes = votes_of([(0, 0, 4), (0, 1, 1), (1, 0, 4), (1, 1, 4)])
    split = set_doubts.split_vote(grounds(votes))
    assert split["item_code"].to_list() == [0]
    assert {key: split["evidence"][0][key] for key in ("member_label_code", "n_with", "n_without")} == {
        "member_label_code": 1, "n_with": 1, "n_without": 1,
    }  # fmt: skip


def test_gold_that_is_another_set_is_told_with_its_probability() -> None:
    votes = votes_of([(0, 0, 4), (0, 1, 4), (0, 2, 1), (1, 0, 1), (1, 1, 1)])
    found = set_doubts.gold_disagreement(grounds(votes, [(0, 1), (1, 1)]))
    assert found["item_code"].to_list() == [0]
    assert found["evidence"][0]["p_gold"] == pytest.approx(1 / 3)
    assert set_doubts.gold_disagreement(grounds(votes)).is_empty()


def test_annotators_far_below_their_peers_on_a_member_are_set_aside() -> None:
    rng = np.random.default_rng(1)
    rows = []
    for item in range(200):
        true = int(rng.random() < 0.5)  # {0} or {}
        rows += [(item, person, true) for person in range(3)]
        rows += [(item, person, int(rng.random() < 0.5)) for person in (3, 4)]
    # Two who guess outvote one who looks.
    rows += [(200, 0, 1), (200, 3, 0), (200, 4, 0)]
    found = set_doubts.weak_member_votes(grounds(votes_of(rows)))
    doubted = found.filter(pl.col("item_code") == 200)
    assert doubted.height == 1
    evidence = doubted["evidence"][0]
    assert (evidence["member_label_code"], evidence["says_member"], evidence["n_set_aside"]) == (0, False, 2)
    assert evidence["annotator_code"] in (3, 4)
