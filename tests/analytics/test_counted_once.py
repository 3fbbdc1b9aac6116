"""Votes that several figures look at are counted once, and the figures are the same."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from analytics import agreement, frames, grouped, krippendorff
from analytics.once import counted_once
from tests.crowds import accurate, drawn_crowd

K = 3


def crowd() -> pl.DataFrame:
    return drawn_crowd(accurate(9, K, 0.7), n_items=120, n_per_item=3, priors=np.full(K, 1 / K), seed=2).votes


def test_the_same_frame_is_counted_once_and_another_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    real = frames._counted

    def counting(votes: pl.DataFrame, n_labels: int) -> frames.Patterns:
        calls.append(votes.height)
        return real(votes, n_labels)

    monkeypatch.setattr(frames, "_counted", counting)
    votes = crowd()
    alone = (
        agreement.fleiss_kappa(votes, n_labels=K),
        krippendorff.alpha(votes, level="nominal", n_labels=K),
    )
    assert len(calls) == 2
    with counted_once():
        again = (
            agreement.fleiss_kappa(votes, n_labels=K),
            krippendorff.alpha(votes, level="nominal", n_labels=K),
        )
        assert len(calls) == 3
        agreement.fleiss_kappa(votes.head(60), n_labels=K)
        assert len(calls) == 4
    assert again == alone
    agreement.fleiss_kappa(votes, n_labels=K)
    assert len(calls) == 5


def test_figures_drawn_together_are_those_drawn_apart() -> None:
    votes = crowd().with_columns(group_code=(pl.col("item_code") % 3).cast(pl.Int64))
    together = grouped.figures_by_group(votes, n_labels=K, replicates=300)
    apart = pl.concat(
        [
            grouped.figures_by_group(votes, n_labels=K, figures=(one,), replicates=300)
            for one in ("alpha", "percent")
        ]
    )
    assert_frame_equal(together, apart, abs_tol=1e-12)
