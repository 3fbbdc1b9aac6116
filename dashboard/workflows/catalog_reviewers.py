"""The rows of the catalogue for reviewers: figures that are read from reviews."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from analytics import reviewers


@dataclass(frozen=True, slots=True)
class ReviewerMetric:
    """A figure of a reviewer, read from reviews when it is asked for and not kept.

    `compute` takes a frame that keeps `analytics.reviewers.REVIEWS` and gives reviewer_code, value, low, high, n, undefined.
    """

    key: str
    title: str
    question: str
    compute: Callable[[pl.DataFrame], pl.DataFrame]
    unit: str
    better: str
    undefined_when: str
    reference: str


def _acceptance(reviews: pl.DataFrame) -> pl.DataFrame:
    frame = reviewers.leniency(reviews, replicates=0)
    nothing = pl.lit(None, dtype=pl.Utf8)
    return frame.select("reviewer_code", "low", "high", "n", value="acceptance", undefined=nothing)


def _leniency(reviews: pl.DataFrame) -> pl.DataFrame:
    return reviewers.leniency(reviews).select(
        "reviewer_code",
        "undefined",
        value="leniency",
        low="leniency_low",
        high="leniency_high",
        n="n_compared",
    )


def _of_own(reviews: pl.DataFrame) -> pl.DataFrame:
    frame = reviewers.self_approval(reviews)
    return frame.select("reviewer_code", "low", "high", "undefined", value="share", n="n_own")


REVIEWER_METRICS: tuple[ReviewerMetric, ...] = (
    ReviewerMetric(
        "review_acceptance", "Acceptance", "What share of the labels that a reviewer judged, own ones left out, do they accept?",
        _acceptance, "share", "neither", "the reviewer judged nobody else's label",
        "Wilson (1927) interval, the labels of an item counted as the fewer that they are worth (Korn & Graubard 1998)",
    ),
    ReviewerMetric(
        "review_leniency", "Leniency",
        "How much more does a reviewer accept than the other reviewers do of the same annotators, in the same kind of review?",
        _leniency, "coefficient", "nearer to 0",
        "fewer than 20 reviewed items are of annotators whom others reviewed at least 5 times in the same kind of review",
        "indirect standardisation (Breslow & Day 1987); items resampled; Benjamini & Hochberg (1995) over reviewers",
    ),
    ReviewerMetric(
        "self_approval", "Approval of own labels", "Of the labels of their own that a reviewer judged, what share do they accept?",
        _of_own, "share", "neither", "fewer than 20 items with an own label were reviewed",
        "Wilson (1927) interval, as for acceptance",
    ),
)  # fmt: skip
