"""Who reviews how: acceptance, leniency beside other reviewers, and approval of one's own labels; with the rows behind each.

A review is found where a person decided an item's label having seen what others said: an answer after the reveal (the first
look, or the second), or an adjudication. It accepts the labels that are the one decided, and no others. A release's
signature accepts everything in the release at once, so it says nothing of leniency; what of it was the signer's own is told.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import polars as pl

from analytics import reviewers as analysis
from dashboard.workflows.label_sets import LabelSet, require_label_set
from dashboard.workflows.opening import Store
from dashboard.workflows.rules import Person, require
from data.exporters.csv_cells import neutralised

STAGES = ("first look", "second look", "adjudication")
LEVEL = 0.05
"""A reviewer is said to be lenient or strict where the adjusted p-value is under this."""

SOMEBODY = "somebody else"


@dataclass(frozen=True, slots=True)
class ReviewFigure:
    """A figure of a reviewer as the docs describe it; computed when it is asked for, never kept."""

    key: str
    title: str
    question: str
    unit: str
    better: str
    undefined_when: str
    reference: str


FIGURES: tuple[ReviewFigure, ...] = (
    ReviewFigure(
        "review_acceptance", "Acceptance", "What share of the labels that a reviewer judged, own ones left out, do they accept?",
        "share", "neither", "the reviewer judged nobody else's label", "Wilson (1927) interval",
    ),
    ReviewFigure(
        "review_leniency", "Leniency",
        "How much more does a reviewer accept than the other reviewers do of the same annotators, in the same kind of review?",
        "coefficient", "nearer to 0",
        "fewer than 20 reviewed items are of annotators whom others reviewed at least 5 times",
        "indirect standardisation (Breslow & Day 1987); items resampled; Benjamini & Hochberg (1995) over reviewers",
    ),
    ReviewFigure(
        "self_approval", "Approval of own labels", "Of the labels of their own that they judged, what share do they accept?",
        "share", "neither", "the reviewer judged no label of their own", "Wilson (1927) interval",
    ),
    ReviewFigure(
        "signed_own", "Own labels in signed releases",
        "How many labels of a release that a person signed did they give or decide themselves?",
        "labels", "lower", "never: nothing signed is 0", "counted",
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Reviewers:
    """What is known of the reviewers.

    `table`: reviewer_id, n, n_items, acceptance, low, high, n_compared, expected, leniency, leniency_low, leniency_high,
    p_adjusted, undefined, n_own, n_own_accepted, own_share, own_low, own_high, share_by_others (how often others accept
    theirs), n_signed; one row a reviewer, sorted. `reviews`: seq, reviewer_id, stage, item_code, item_id, annotator_id, said,
    decided, accepted, own, at, note. `signed`: seq, release_version, reviewer_id, at, item_code, item_id, label, n_items,
    as_what (annotated, decided); both newest first.
    """

    state: Literal["fit", "watch", "undefined"]
    sentence: str
    detail: str
    table: pl.DataFrame
    reviews: pl.DataFrame
    signed: pl.DataFrame


def reviewers(
    store: Store, *, project_id: str, by: Person, as_of: int | None = None, only: str | None = None
) -> Reviewers | None:
    """Everybody who reviewed, or `only` one of them; None where there is nothing of them.

    Somebody without another role than annotator sees their own reviews only, and not whose labels they judged.
    """
    require(by, "view")
    found = store.read("reviewer_reviews", project_id=project_id, as_of=as_of)
    signed = store.read("reviewer_signed", project_id=project_id, as_of=as_of)
    if found.is_empty() and signed.is_empty():
        return None
    label_set = require_label_set(store, project_id, as_of=as_of)
    table, reviews = _table(found, signed), _readable(found, label_set)
    own_only = not by.may("view.annotators")
    wanted = by.person_id if own_only else only
    shown = _named(signed, label_set, "label_code", "label")
    if wanted is not None:
        mine = pl.col("reviewer_id") == wanted
        table, reviews, shown = table.filter(mine), reviews.filter(mine), shown.filter(mine)
    if table.is_empty():
        return None
    if own_only:
        named = pl.when("own").then(pl.lit("you")).otherwise(pl.lit(SOMEBODY))
        reviews = reviews.with_columns(annotator_id=named)
    state, sentence = _answer(table, subject="You" if own_only else "")
    return Reviewers(state, sentence, _detail(table, shown), table, reviews, shown)


def behind(
    seen: Reviewers, which: Literal["all", "accepted", "refused", "own"], reviewer_id: str | None = None
) -> pl.DataFrame:
    """The reviews behind a figure: all, those that accepted, those that did not, or those of own labels."""
    rows = seen.reviews if reviewer_id is None else seen.reviews.filter(pl.col("reviewer_id") == reviewer_id)
    if which == "all":
        return rows
    if which == "own":
        return rows.filter("own")
    return rows.filter(~pl.col("own"), pl.col("accepted") if which == "accepted" else ~pl.col("accepted"))


def reviews_csv(rows: pl.DataFrame) -> bytes:
    """Reviews or signed labels as CSV, in which no cell is a formula."""
    return neutralised(rows.drop("item_code")).write_csv().encode()


def _table(found: pl.DataFrame, signed: pl.DataFrame) -> pl.DataFrame:
    """The figures of each reviewer, by their ids."""
    people = (
        pl.concat([found["reviewer_id"], found["annotator_id"], signed["reviewer_id"]])
        .unique()
        .sort()
        .to_frame("reviewer_id")
        .with_columns(reviewer_code=pl.int_range(pl.len(), dtype=pl.Int64))
    )
    by_annotator = people.rename({"reviewer_id": "annotator_id", "reviewer_code": "annotator_code"})
    coded = found.join(people, on="reviewer_id").join(by_annotator, on="annotator_id")
    frame = coded.select(
        "reviewer_code",
        "annotator_code",
        pl.col("item_code").cast(pl.Int64),
        "stage_code",
        accepted=pl.col("label_code") == pl.col("decided_code"),
    )
    own = analysis.self_approval(frame).select(
        "reviewer_code", "n_own", "share_by_others", n_own_accepted="n_accepted", own_share="share", own_low="low",
        own_high="high",
    )  # fmt: skip
    counted = signed.group_by("reviewer_id").agg(n_signed=pl.len().cast(pl.Int64))
    joined = (
        people.join(analysis.leniency(frame), on="reviewer_code", how="left", maintain_order="left")
        .join(own, on="reviewer_code", how="left", maintain_order="left")
        .join(counted, on="reviewer_id", how="left", maintain_order="left")
        .with_columns(
            pl.col("n", "n_items", "n_compared", "n_own", "n_own_accepted", "n_signed").fill_null(0)
        )
    )
    reviewed = joined.filter((pl.col("n") > 0) | (pl.col("n_own") > 0) | (pl.col("n_signed") > 0))
    nothing = pl.when(pl.col("n") == 0).then(pl.lit("nobody else's label was reviewed"))
    return reviewed.with_columns(undefined=nothing.otherwise("undefined")).select(
        "reviewer_id", "n", "n_items", "acceptance", "low", "high", "n_compared", "expected", "leniency", "leniency_low",
        "leniency_high", "p_adjusted", "undefined", "n_own", "n_own_accepted", "own_share", "own_low", "own_high",
        "share_by_others", "n_signed",
    )  # fmt: skip


def _readable(found: pl.DataFrame, label_set: LabelSet) -> pl.DataFrame:
    """The reviews with labels and stages as words."""
    named = _named(_named(found, label_set, "label_code", "said"), label_set, "decided_code", "decided")
    stages = pl.DataFrame({"stage_code": range(len(STAGES)), "stage": STAGES})
    return named.join(stages, on="stage_code", how="left", maintain_order="left").select(
        "seq",
        "reviewer_id",
        "stage",
        "item_code",
        "item_id",
        "annotator_id",
        "said",
        "decided",
        accepted=pl.col("said") == pl.col("decided"),
        own=pl.col("reviewer_id") == pl.col("annotator_id"),
        at="at",
        note="note",
    )


def _named(frame: pl.DataFrame, label_set: LabelSet, code: str, name: str) -> pl.DataFrame:
    """The labels of a code column as words, in its place."""
    texts = label_set.frame().select(
        pl.col("label_code").cast(pl.Int64).alias(code), pl.col("label").alias(name)
    )
    return frame.join(texts, on=code, how="left", maintain_order="left").drop(code)


def _answer(table: pl.DataFrame, *, subject: str) -> tuple[Literal["fit", "watch", "undefined"], str]:
    """The first line: the state and the sentence."""
    apart = table.filter(pl.col("p_adjusted") < LEVEL).sort(pl.col("leniency").abs(), descending=True)
    verb = "accept" if subject else "accepts"
    if apart.height:
        top = apart.row(0, named=True)
        more = "more" if top["leniency"] > 0 else "less"
        points = f"{abs(top['leniency']) * 100:.0f} of 100 labels"
        rest = f" ({apart.height - 1} more stand apart)" if apart.height > 1 else ""
        who = subject or top["reviewer_id"]
        return "watch", f"{who} {verb} {points} {more} than others do of the same annotators{rest}"
    own = table.filter(pl.col("n_own_accepted") > 0).sort(
        "n_own_accepted", "reviewer_id", descending=[True, False]
    )
    if own.height:
        top = own.row(0, named=True)
        who = subject or top["reviewer_id"]
        whose = "your own" if subject else "their own"
        rest = f"; {own.height - 1} more did so" if own.height > 1 else ""
        said = f"{who} accepted {top['n_own_accepted']:,} of {top['n_own']:,} labels of {whose} that they reviewed{rest}"
        return "watch", said.replace("that they", "that you") if subject else said
    if table["leniency"].null_count() == table.height:
        return "undefined", "Too few reviews to compare reviewers with one another"
    if subject:
        return "fit", "You accept about as much as others do of the same annotators"
    return "fit", "No reviewer accepts more or less than others do of the same annotators"


def _detail(table: pl.DataFrame, signed: pl.DataFrame) -> str:
    """What the first line rests on, and what was signed of one's own."""
    people = "1 reviewer" if table.height == 1 else f"{table.height:,} reviewers"
    n_judged = int(table.select(pl.col("n").sum() + pl.col("n_own").sum()).item())
    by_release = signed.group_by("release_version", "reviewer_id").agg(
        pl.len().alias("n"), pl.col("n_items").first()
    )
    most = by_release.sort(pl.col("n").cast(pl.Int64) * -1, "release_version", "reviewer_id").head(2)
    told = [
        f"Of the {row['n_items']:,} labels of release {row['release_version']}, {row['reviewer_id']} signed "
        f"{row['n']:,} that they had given or decided themselves."
        for row in most.iter_rows(named=True)
    ]
    return " ".join([f"{n_judged:,} labels judged by {people}.", *told])
