from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray
from polars.testing import assert_frame_equal
from sklearn.linear_model import LogisticRegression

from analytics.errors import BadColumn, BadOption, MissingColumn
from analytics.logistic import fit_logistic
from analytics.p_wrong import WrongLabels, p_wrong


@dataclass(frozen=True, slots=True)
class Team:
    """Detector scores of all items, verdicts on some, and what is known of all."""

    scores: pl.DataFrame
    verdicts: pl.DataFrame
    is_wrong: NDArray[np.bool_]
    p: NDArray[np.float64]

    def learned(self, **options: object) -> WrongLabels:
        given: dict[str, object] = {"base": "doubt", "probabilities": ["doubt"], "replicates": 200} | options
        return p_wrong(self.scores, self.verdicts, **given)  # type: ignore[arg-type]  # options of several types


def team(*, seed: int = 0, n_items: int = 6000, n_flagged: int = 250, n_slice: int = 250) -> Team:
    """People flag what looks wrong to them: a reason that no score holds. The base is overconfident."""
    rng = np.random.default_rng(seed)
    first, second = rng.standard_normal((2, n_items))
    p = 1 / (1 + np.exp(3.2 - 1.2 * first - 0.6 * second))
    is_wrong = rng.random(n_items) < p
    is_flagged = rng.random(n_items) < np.where(is_wrong, 0.5, 0.04)
    codes = np.arange(n_items) * 3 + 5
    doubt = 1 / (1 + np.exp(-2.5 * first))
    judged, p_sampled = [], []
    for own, n in ((np.flatnonzero(is_flagged), n_flagged), (np.flatnonzero(~is_flagged), n_slice)):
        judged.append(rng.choice(own, min(n, len(own)), replace=False))
        p_sampled.append(np.full(len(judged[-1]), len(judged[-1]) / len(own)))
    rows = np.concatenate(judged)
    scores = pl.DataFrame(
        {
            "item_code": codes,
            "is_flagged": is_flagged,
            "doubt": doubt,
            "far": second,
            "noise": rng.random(n_items),
        }
    )
    verdicts = pl.DataFrame(
        {"item_code": codes[rows], "is_wrong": is_wrong[rows], "p_sampled": np.concatenate(p_sampled)}
    )
    return Team(scores, verdicts, is_wrong, p)


def test_flagged_items_alone_mislead_and_the_weighted_slice_does_not() -> None:
    """Over ten teams: the mean probability of all items against the share that is wrong."""
    of_all, of_flagged = [], []
    for seed in range(10):
        made = team(seed=seed)
        right = made.is_wrong.mean()
        of_all.append(made.learned(replicates=0).items.get_column("p_wrong").mean() / right)
        flagged = made.verdicts.join(made.scores, on="item_code").filter("is_flagged")
        alone = p_wrong(
            made.scores.with_columns(is_flagged=pl.lit(True)),
            flagged.select(made.verdicts.columns).with_columns(p_sampled=pl.lit(1.0)),
            base="doubt", probabilities=["doubt"], replicates=0,
        )  # fmt: skip
        assert alone.undefined is None
        of_flagged.append(alone.items.get_column("p_wrong").mean() / right)
    assert np.mean(of_all) == pytest.approx(1.0, abs=0.1)
    assert min(of_flagged) > 2.5


def test_probabilities_are_calibrated_on_items_that_nobody_judged() -> None:
    made = team(n_items=30_000, n_slice=1500, n_flagged=800)
    found = made.learned(replicates=0).items
    p, judged = found.get_column("p_wrong").to_numpy(), found.get_column("is_judged").to_numpy()
    for low, high in ((0, 0.02), (0.02, 0.05), (0.05, 0.15), (0.15, 0.4)):
        some = ~judged & (p >= low) & (p < high)
        assert some.sum() > 300
        assert p[some].mean() == pytest.approx(made.p[some].mean(), rel=0.35, abs=0.01)


def test_intervals_of_single_probabilities_cover_them() -> None:
    covered = []
    for seed in range(30):
        made = team(seed=seed, n_slice=600)
        items = made.learned(replicates=0).items.filter(~pl.col("is_judged"))
        truth = made.p[np.isin(made.scores.get_column("item_code"), items.get_column("item_code"))]
        low, high = items.get_column("p_low").to_numpy(), items.get_column("p_high").to_numpy()
        covered.append(float(((low <= truth) & (truth <= high)).mean()))
    assert 0.85 < np.mean(covered) < 0.99


def test_learning_beats_an_overconfident_base() -> None:
    found = team().learned()
    for gain in (found.brier, found.log_loss):
        assert gain.base.value is not None
        assert gain.learned.value is not None
        assert gain.gain.value == pytest.approx(gain.base.value - gain.learned.value)
        assert gain.gain.low is not None
        assert gain.gain.low > 0
        assert gain.gain.n == 500
        assert gain.constant.value is not None
        assert gain.learned.value < gain.constant.value


def test_brier_and_log_loss_by_hand() -> None:
    made = team()
    found = made.learned()
    seen = made.verdicts.join(found.items, on="item_code").join(made.scores, on="item_code")
    weight = 1 / seen.get_column("p_sampled").to_numpy()
    wrong, base = seen.get_column("is_wrong").to_numpy(), seen.get_column("doubt").to_numpy()
    p = seen.get_column("p_wrong").to_numpy()
    assert found.brier.base.value == pytest.approx(np.average((base - wrong) ** 2, weights=weight))
    assert found.brier.learned.value == pytest.approx(np.average((p - wrong) ** 2, weights=weight))
    share = np.average(wrong, weights=weight)
    assert found.brier.constant.value == pytest.approx(share * (1 - share))
    clipped = np.clip(base, 1e-3, 1 - 1e-3)
    loss = -np.log(np.where(wrong, clipped, 1 - clipped))
    assert found.log_loss.base.value == pytest.approx(np.average(loss, weights=weight))


def test_a_judged_item_is_not_judged_by_its_own_verdict() -> None:
    """Turning one verdict round changes what is learned about all items but this one. Each is a fold of its own."""
    made = team(n_flagged=60, n_slice=60)
    own = pl.col("item_code") == made.verdicts.row(0, named=True)["item_code"]
    turned = made.verdicts.with_columns(is_wrong=own ^ pl.col("is_wrong"))
    before = made.learned(replicates=0, n_folds=120).items
    changed = Team(made.scores, turned, made.is_wrong, made.p)
    after = changed.learned(replicates=0, n_folds=120).items
    change = np.abs(after.get_column("p_wrong").to_numpy() - before.get_column("p_wrong").to_numpy())
    is_own = before.select(own).to_series().to_numpy()
    assert change[is_own].max() < 1e-6
    assert np.median(change[~is_own]) > 1e-5


def test_a_score_never_lowers_the_probability_unless_it_may() -> None:
    made = team()
    turned = made.scores.with_columns(far=-pl.col("far"))
    held = p_wrong(turned, made.verdicts, base="doubt", replicates=0)
    free = p_wrong(turned, made.verdicts, base="doubt", free=["far"], replicates=0)
    effect = {name: dict(found.effects.rows())["far"] for name, found in (("held", held), ("free", free))}
    assert effect["held"] == 0
    assert effect["free"] < -0.2
    effects = dict(made.learned().effects.rows())
    assert effects["doubt"] > effects["far"] > effects["noise"] >= 0


def test_the_fit_is_scikit_learns() -> None:
    rng = np.random.default_rng(0)
    design = rng.standard_normal((400, 3))
    outcome = rng.random(400) < 1 / (1 + np.exp(1 - design @ [1.0, -0.5, 0.0]))
    weights = rng.random(400) + 0.1
    ours = fit_logistic(design, outcome, weights, signed=np.zeros(3, dtype=bool), ridge=0.5)
    theirs = LogisticRegression(C=2.0, tol=1e-10, max_iter=1000).fit(design, outcome, weights)
    assert ours.intercept == pytest.approx(theirs.intercept_[0], abs=1e-5)
    assert ours.effects == pytest.approx(theirs.coef_[0], abs=1e-5)


def test_the_variance_is_statsmodels() -> None:
    import statsmodels.api as sm

    rng = np.random.default_rng(1)
    design = rng.standard_normal((600, 2))
    outcome = rng.random(600) < 1 / (1 + np.exp(1 - design @ [0.8, 0.3]))
    ours = fit_logistic(design, outcome, np.ones(600), signed=np.ones(2, dtype=bool), ridge=1e-9)
    theirs = sm.Logit(outcome.astype(float), sm.add_constant(design)).fit(disp=0, cov_type="HC0")
    np.testing.assert_allclose(ours.covariance, theirs.cov_params(), rtol=1e-4)


def test_the_order_of_rows_changes_nothing_and_runs_are_identical() -> None:
    made = team()
    mixed = Team(
        made.scores.sample(fraction=1, shuffle=True, seed=1).select(reversed(made.scores.columns)),
        made.verdicts.sample(fraction=1, shuffle=True, seed=2),
        made.is_wrong,
        made.p,
    )
    one, other = made.learned(), mixed.learned()
    assert_frame_equal(one.items, other.items)
    assert (one.brier, one.log_loss, one.counts) == (other.brier, other.log_loss, other.counts)


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (team(n_flagged=25, n_slice=24), "49 verdicts are fewer than 50"),
        (team(n_flagged=200, n_slice=19), "19 verdicts on unflagged items are fewer than 20"),
    ],
)
def test_too_few_verdicts_are_undefined(made: Team, reason: str) -> None:
    found = made.learned()
    assert found.undefined is not None
    assert found.undefined.startswith(reason)
    assert found.items.is_empty()
    assert found.effects.is_empty()
    assert found.brier.gain.undefined == found.undefined
    assert found.counts.n_wrong.value is not None
    assert found.items.schema == team().learned().items.schema


def test_verdicts_of_one_kind_are_undefined() -> None:
    made = team()
    all_right = made.verdicts.with_columns(is_wrong=pl.col("is_wrong") & (pl.col("item_code") < 500))
    found = p_wrong(made.scores, all_right, base="doubt")
    assert found.undefined is not None
    assert "fewer than 10 of one kind" in found.undefined


def test_where_everything_is_flagged_no_slice_is_asked_for() -> None:
    made = team(n_slice=0, n_flagged=10_000)
    scores = made.scores.filter("is_flagged")
    found = p_wrong(scores, made.verdicts, base="doubt", replicates=0)
    assert found.undefined is None
    assert found.counts.n_wrong.value == made.verdicts.get_column("is_wrong").sum()
    assert found.counts.recall.value == 1.0


def test_wrong_use_is_refused() -> None:
    made = team(n_items=2000)
    with pytest.raises(MissingColumn, match="doubts"):
        made.learned(base="doubts")
    with pytest.raises(MissingColumn, match="p_sampled"):
        p_wrong(made.scores, made.verdicts.drop("p_sampled"), base="doubt")
    with pytest.raises(BadColumn, match=r"p_sampled has a value that is not in \(0, 1\]"):
        p_wrong(made.scores, made.verdicts.with_columns(p_sampled=pl.lit(0.0)), base="doubt")
    with pytest.raises(BadColumn, match="item_code names an item twice"):
        p_wrong(made.scores, pl.concat([made.verdicts, made.verdicts]), base="doubt")
    with pytest.raises(BadColumn, match="names an item that has no scores"):
        p_wrong(made.scores.head(10), made.verdicts, base="doubt")
    with pytest.raises(BadColumn, match="is a probability"):
        made.learned(base="far")
    with pytest.raises(BadColumn, match="not finite"):
        p_wrong(made.scores.with_columns(far=pl.lit(float("nan"))), made.verdicts, base="doubt")
    with pytest.raises(BadColumn, match="true or false"):
        p_wrong(made.scores, made.verdicts.with_columns(is_wrong=pl.lit(1)), base="doubt")
    with pytest.raises(BadOption, match="ridge"):
        made.learned(ridge=0)
    with pytest.raises(BadOption, match="n_folds"):
        made.learned(n_folds=1)
    with pytest.raises(BadOption, match="replicates"):
        made.learned(replicates=-1)
