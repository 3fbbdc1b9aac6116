from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from polars.testing import assert_frame_equal
from scipy.integrate import quad
from scipy.stats import beta, binom

from analytics.disagreement import human_disagreement, noise_or_ambiguity, prior_mass
from analytics.errors import BadColumn, BadOption, MissingColumn
from tests.crowds import N_LABELS, some_votes, votes_of


def votes_like(rows: list[list[int]]) -> pl.DataFrame:
    """Votes of items from their counts by label."""
    flat = []
    for item, counts in enumerate(rows):
        labels = [label for label, n in enumerate(counts) for _ in range(n)]
        flat += [(item, annotator, label) for annotator, label in enumerate(labels)]
    return votes_of(flat)


def drawn_items(
    n_items: int, n_votes: int, mass: float, seed: int
) -> tuple[pl.DataFrame, NDArray[np.float64]]:
    """Items whose labels' shares are Dirichlet, three labels; the true disagreement of each."""
    rng = np.random.default_rng(seed)
    shares = rng.dirichlet(np.full(3, mass), n_items)
    labels = (rng.random((n_items, n_votes, 1)) > shares.cumsum(axis=1)[:, None, :-1]).sum(axis=2)
    columns = {
        "item_code": np.repeat(np.arange(n_items), n_votes),
        "annotator_code": np.tile(np.arange(n_votes), n_items),
        "label_code": labels.ravel(),
    }
    return pl.DataFrame(columns), 1 - (shares**2).sum(axis=1)


def test_by_hand() -> None:
    """Votes 2-0, 1-1 and 2-2: pairs 1 + 1 + 6, of which 0 + 1 + 4 disagree."""
    rows = human_disagreement(votes_like([[2, 0], [1, 1], [2, 2]]), n_labels=2)
    share = 0.99 / 2  # 5.5 of 9 is over chance
    a = share / (1 - 2 * share)
    assert prior_mass(np.array([[2, 0], [1, 1], [2, 2]])) == pytest.approx(a)
    assert rows.get_column("pairs_share").to_list() == pytest.approx([0, 1, 4 / 6])
    expected = [
        1 - ((a + x) * (a + x + 1) + (a + y) * (a + y + 1)) / ((2 * a + x + y) * (2 * a + x + y + 1))
        for x, y in ((2, 0), (1, 1), (2, 2))
    ]
    assert rows.get_column("disagreement").to_list() == pytest.approx(expected)


def test_figures_are_those_of_integrals() -> None:
    """Two labels: the posterior of the first one's share is a Beta."""
    counts = [[4, 1], [7, 0], [6, 0], [3, 3], [5, 0]]
    rows = human_disagreement(votes_like(counts), n_labels=2, limit=0.2)
    a = prior_mass(np.array(counts))
    for row, (x, y) in zip(rows.iter_rows(named=True), counts, strict=True):
        posterior = beta(a + x, a + y)
        disagreement = quad(lambda s, d=posterior: 2 * s * (1 - s) * d.pdf(s), 0, 1)[0]
        entropy = quad(
            lambda s, d=posterior: -(s * math.log(s) + (1 - s) * math.log(1 - s)) * d.pdf(s), 0, 1
        )[0]
        assert row["disagreement"] == pytest.approx(disagreement, abs=1e-5)
        assert row["entropy"] == pytest.approx(entropy, abs=1e-5)
        edge = (1 - math.sqrt(1 - 2 * 0.2)) / 2  # where 2 s (1 - s) is 0.2
        assert row["p_hard"] == pytest.approx(posterior.cdf(1 - edge) - posterior.cdf(edge), abs=0.04)
        assert row["low"] <= row["disagreement"] <= row["high"]


def test_the_prior_that_items_were_drawn_from_is_recovered_and_intervals_cover() -> None:
    votes, truth = drawn_items(4000, 4, mass=0.3, seed=1)
    rows = human_disagreement(votes, n_labels=3, confidence=0.9)
    counts = np.zeros((4000, 3), dtype=np.int64)
    np.add.at(
        counts, (votes.get_column("item_code").to_numpy(), votes.get_column("label_code").to_numpy()), 1
    )
    assert prior_mass(counts) == pytest.approx(0.3, rel=0.08)
    found = rows.get_column("disagreement").to_numpy()
    assert found.mean() == pytest.approx(truth.mean(), abs=0.01)
    covered = (rows.get_column("low").to_numpy() <= truth) & (truth <= rows.get_column("high").to_numpy())
    assert covered.mean() == pytest.approx(0.9, abs=0.02)
    raw = rows.get_column("pairs_share").to_numpy()
    assert ((found - truth) ** 2).mean() < 0.75 * ((raw - truth) ** 2).mean()
    hard = rows.get_column("p_hard").to_numpy()
    assert hard.mean() == pytest.approx((truth >= 1 / 3).mean(), abs=0.02)


def test_few_votes_are_drawn_in_and_many_stand_for_themselves() -> None:
    rows = human_disagreement(votes_like([[1, 1], [30, 30], [9, 0], [9, 0], [9, 0]]), n_labels=2)
    few, many = rows.get_column("disagreement").to_list()[:2]
    assert few < many
    assert many == pytest.approx(0.5, abs=0.01)
    assert rows.row(1, named=True)["high"] - rows.row(1, named=True)["low"] < 0.1


def test_one_vote_tells_nothing() -> None:
    rows = human_disagreement(votes_like([[1, 0], [2, 1]]), n_labels=2)
    assert rows.get_column("n_annotations").to_list() == [1, 3]
    for name in ("pairs_share", "disagreement", "low", "high", "entropy", "p_hard"):
        assert rows.get_column(name)[0] is None
        assert rows.get_column(name)[1] is not None
    empty = human_disagreement(votes_of([]), n_labels=2)
    assert empty.is_empty()
    assert empty.columns == rows.columns


def test_unanimous_votes_leave_a_little_doubt() -> None:
    rows = human_disagreement(votes_like([[3, 0], [0, 3]]), n_labels=2)
    for value in rows.get_column("disagreement"):
        assert 0 < value < 0.1


@settings(max_examples=30)
@given(votes=some_votes(repeats=False), seed=st.integers(0, 10))
def test_neither_order_of_rows_nor_names_of_labels_or_annotators_matter(
    votes: pl.DataFrame, seed: int
) -> None:
    one = human_disagreement(votes, n_labels=N_LABELS)
    shuffled = votes.sample(fraction=1, shuffle=True, seed=seed)
    renamed = shuffled.with_columns(N_LABELS - 1 - pl.col("label_code"), pl.col("annotator_code") + 5)
    assert_frame_equal(one, human_disagreement(renamed, n_labels=N_LABELS))
    defined = one.drop_nulls()
    assert (defined.get_column("disagreement").is_between(0, 1)).all()
    assert (defined.get_column("entropy") <= math.log(N_LABELS)).all()


def test_many_different_counts_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    votes = votes_like(rng.multinomial(6, [0.5, 0.2, 0.2, 0.1], 200).tolist())
    whole = human_disagreement(votes, n_labels=4)
    monkeypatch.setattr("analytics.disagreement._MOST_KEYS", 20)
    assert_frame_equal(whole, human_disagreement(votes, n_labels=4))


def test_noise_or_ambiguity_by_hand() -> None:
    counts = [[4, 0], [5, 0], [4, 1], [3, 2], [19, 1], [11, 9], [60, 1]]
    rows = noise_or_ambiguity(votes_like(counts), n_labels=2, error_share=0.1)
    kinds = ["cannot tell", "agreed", "cannot tell", "ambiguity", "noise", "ambiguity", "noise"]
    assert rows.get_column("kind").to_list() == kinds
    assert rows.get_column("n_dissent").to_list() == [0, 0, 1, 2, 1, 9, 1]
    assert rows.get_column("log_odds")[0] is None
    for row in rows.iter_rows(named=True):
        if row["n_annotations"] < 5:
            continue
        d, n = row["n_dissent"], row["n_annotations"]
        even = quad(lambda q, d=d, n=n: binom.pmf(d, n, q), 0.1, 0.5)[0] / 0.4
        assert row["log_odds"] == pytest.approx(math.log(even / binom.pmf(d, n, 0.1)), abs=1e-6)


def test_planted_ambiguity_is_told_from_slips() -> None:
    rng = np.random.default_rng(3)
    dissent = np.concatenate([rng.binomial(9, 0.05, 500), rng.binomial(9, 0.45, 500)])
    rows = noise_or_ambiguity(votes_like([[9 - d, d] for d in dissent]), n_labels=2, error_share=0.05)
    kinds = rows.get_column("kind").to_numpy()
    assert (kinds[:500] == "ambiguity").mean() < 0.12
    assert (kinds[500:] == "ambiguity").mean() > 0.9
    assert not np.isin(kinds[500:], ["noise"]).any()


def test_misuse_is_refused() -> None:
    votes = votes_like([[2, 1]])
    with pytest.raises(MissingColumn, match="label_code"):
        human_disagreement(votes.drop("label_code"), n_labels=2)
    with pytest.raises(BadColumn, match="label_code"):
        human_disagreement(votes, n_labels=1)
    with pytest.raises(BadOption, match="n_labels"):
        human_disagreement(votes_like([[2]]), n_labels=1)
    with pytest.raises(BadOption, match="repeats"):
        human_disagreement(votes, n_labels=2, repeats="count")
    with pytest.raises(BadOption, match="limit"):
        human_disagreement(votes, n_labels=2, limit=0.0)
    for error_share in (0.0, 0.5):
        with pytest.raises(BadOption, match="error_share"):
            noise_or_ambiguity(votes, n_labels=2, error_share=error_share)
    with pytest.raises(BadOption, match="odds"):
        noise_or_ambiguity(votes, n_labels=2, error_share=0.1, odds=0.5)
