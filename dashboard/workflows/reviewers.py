"""Who reviews how: acceptance, leniency beside other reviewers, and approval of one's own labels; with the rows behind each.

A review is found where a person decided an item's label having seen what others said: an answer after the reveal (the first
look, or a later one), or an adjudication. It accepts the labels that are the one decided, and no others. A release's
signature accepts everything in the release at once, so it says nothing of leniency; what of it was the signer's own is told.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import polars as pl

from analytics import reviewers as analysis
from dashboard.workflows.errors import NotAllowed
from dashboard.workflows.item_csv import items_csv
from dashboard.workflows.label_sets import LabelSet, require_label_set
from dashboard.workflows.opening import Store
from dashboard.workflows.rules import Person, require

STAGES = ("first look", "second look", "adjudication")
LEVEL = 0.05
"""A reviewer is said to be lenient or strict where the adjusted p-value is under this."""

MIN_ITEMS = 20
"""Nobody is compared, or given a share of own labels, on fewer reviewed items."""

FEWEST_REVIEWERS = 5
"""With fewer reviewers of the same work, one's own leniency would tell an annotator what each of the others did."""

SOMEBODY = "somebody else"
State = Literal["fit", "watch", "undefined"]
Which = Literal["all", "accepted", "refused", "own", "signed"]


@dataclass(frozen=True, slots=True)
class Reviewers:
    """What is known of the reviewers.

    `table`: reviewer_id, n, n_items, acceptance, low, high, n_compared, expected, leniency, leniency_low, leniency_high,
    p_adjusted, undefined, n_own, n_own_accepted, own_share, own_low, own_high, own_undefined, share_by_others (how often others
    accept theirs), n_signed; one row a reviewer, sorted. `reviews`: seq, reviewer_id, stage, item_code, item_id, annotator_id,
    said, decided, accepted, own, at, note. `signed`: seq, release_version, reviewer_id, at, item_code, item_id, label, n_items
    (of the release), as_what (annotated, decided); both newest first.
    """

    state: State
    sentence: str
    detail: str
    table: pl.DataFrame
    reviews: pl.DataFrame
    signed: pl.DataFrame


def reviewers(
    store: Store, *, project_id: str, by: Person, as_of: int | None = None, only: str | None = None
) -> Reviewers | None:
    """Everybody who reviewed, or `only` one of them; None where there is nothing of them.

    Who may not see annotators' figures sees their own reviews only, and not whose labels they judged.

    Raises:
        NotAllowed: `only` is somebody else, and the person may not see annotators' figures.
    """
    require(by, "view")
    is_own_only = not by.may("view.annotators")
    if is_own_only and only not in (None, by.person_id):
        raise NotAllowed(f"{by.name} may see what they reviewed themselves, and nobody else's reviews.")
    found = store.read("reviewer_reviews", project_id=project_id, as_of=as_of)
    signed = store.read("reviewer_signed", project_id=project_id, as_of=as_of)
    if found.is_empty() and signed.is_empty():
        return None
    label_set = require_label_set(store, project_id, as_of=as_of)
    wanted = by.person_id if is_own_only else only
    kept = pl.lit(True) if wanted is None else pl.col("reviewer_id") == wanted
    table = _table(found, signed).filter(kept)
    if table.is_empty():
        return None
    reviews = _readable(found.filter(kept), label_set)
    own_signed = _named(signed.filter(kept), label_set, "label_code", "label")
    if is_own_only:
        table = _discreet(table, found, by.person_id)
        named = pl.when("own").then(pl.lit("you")).otherwise(pl.lit(SOMEBODY))
        reviews = reviews.with_columns(annotator_id=named)
    state, sentence = _answer(table, is_own=is_own_only)
    return Reviewers(
        state, sentence, _detail(table, own_signed, is_own=is_own_only), table, reviews, own_signed
    )


def behind(seen: Reviewers, which: Which, reviewer_id: str | None = None) -> pl.DataFrame:
    """The rows behind a figure, of one reviewer or of all.

    "all" reviews; of others' labels those that were "accepted" and those that were "refused"; reviews of "own" labels; own
    labels in releases that were "signed".
    """
    rows = seen.signed if which == "signed" else seen.reviews
    if reviewer_id is not None:
        rows = rows.filter(pl.col("reviewer_id") == reviewer_id)
    if which == "own":
        return rows.filter("own")
    if which in ("accepted", "refused"):
        return rows.filter(~pl.col("own"), pl.col("accepted") == (which == "accepted"))
    return rows


def reviews_csv(rows: pl.DataFrame) -> bytes:
    """Reviews or signed labels as CSV, in which no cell is a formula."""
    return items_csv(rows)


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
    own = analysis.self_approval(frame, min_n=MIN_ITEMS).select(
        "reviewer_code", "n_own", "share_by_others", n_own_accepted="n_accepted", own_share="share", own_low="low",
        own_high="high", own_undefined="undefined",
    )  # fmt: skip
    counted = signed.group_by("reviewer_id").agg(n_signed=pl.len().cast(pl.Int64))
    lenient = analysis.leniency(frame, min_n=MIN_ITEMS)
    joined = (
        people.join(lenient, on="reviewer_code", how="left", maintain_order="left")
        .join(own, on="reviewer_code", how="left", maintain_order="left")
        .join(counted, on="reviewer_id", how="left", maintain_order="left")
        .with_columns(
            pl.col("n", "n_items", "n_compared", "n_own", "n_own_accepted", "n_signed").fill_null(0)
        )
    )
    reviewed = joined.filter((pl.col("n") > 0) | (pl.col("n_own") > 0) | (pl.col("n_signed") > 0))
    nobody = pl.when(pl.col("n") == 0).then(pl.lit("nobody else's label was reviewed"))
    no_own = pl.when(pl.col("n_own") == 0).then(pl.lit("no own label was reviewed"))
    return reviewed.with_columns(
        undefined=nobody.otherwise("undefined"), own_undefined=no_own.otherwise("own_undefined")
    ).select(
        "reviewer_id", "n", "n_items", "acceptance", "low", "high", "n_compared", "expected", "leniency", "leniency_low",
        "leniency_high", "p_adjusted", "undefined", "n_own", "n_own_accepted", "own_share", "own_low", "own_high",
        "own_undefined", "share_by_others", "n_signed",
    )  # fmt: skip


def _discreet(table: pl.DataFrame, found: pl.DataFrame, person_id: str) -> pl.DataFrame:
    """One's own row without what would tell how each of a few others decided."""
    is_mine, strata = pl.col("reviewer_id") == person_id, ("annotator_id", "stage_code")
    foreign = found.filter(pl.col("reviewer_id") != pl.col("annotator_id"))
    beside = foreign.join(foreign.filter(is_mine), on=strata, how="semi")
    no_share = pl.lit(None, dtype=pl.Float64)
    shown = table.with_columns(share_by_others=no_share)
    if beside["reviewer_id"].n_unique() >= FEWEST_REVIEWERS:
        return shown
    told = ("expected", "leniency", "leniency_low", "leniency_high", "p_adjusted")
    few = pl.lit(f"fewer than {FEWEST_REVIEWERS} people review the same work as you")
    return shown.with_columns(
        *(no_share.alias(name) for name in told), undefined=pl.coalesce("undefined", few)
    )


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


def _answer(table: pl.DataFrame, *, is_own: bool) -> tuple[State, str]:
    """The first line: the state and the sentence. Own labels are counted and nobody is named for them: few tell nothing."""
    apart = table.filter(pl.col("p_adjusted") < LEVEL).sort(
        pl.col("leniency").abs(), "reviewer_id", descending=[True, False]
    )
    if apart.height:
        top = apart.row(0, named=True)
        who = "You accept" if is_own else f"{top['reviewer_id']} accepts"
        more = "more" if top["leniency"] > 0 else "fewer"
        rest = f" ({apart.height - 1} more stand apart)" if apart.height > 1 else ""
        points = f"{abs(top['leniency']) * 100:.0f} of 100 labels {more}"
        return "watch", f"{who} {points} than others would of the same annotators{rest}"
    if table["n_own_accepted"].sum():
        return "watch", _own_words(table, is_own=is_own)
    if table["leniency"].null_count() == table.height:
        too_few = "Too few reviews to compare reviewers with one another"
        return "undefined", "You cannot be compared with other reviewers yet" if is_own else too_few
    if is_own:
        return "fit", "You accept about as much as others do of the same annotators"
    return "fit", "No reviewer is seen to accept more or less than others do of the same annotators"


def _own_words(table: pl.DataFrame, *, is_own: bool) -> str:
    n_own, accepted = int(table["n_own"].sum()), int(table["n_own_accepted"].sum())
    if is_own:
        return f"You accepted {accepted:,} of {n_own:,} labels of your own that you reviewed"
    people = table.filter(pl.col("n_own_accepted") > 0).height
    whose = "by 1 reviewer" if people == 1 else f"by {people:,} reviewers"
    return f"Own labels judged by whoever gave them: {accepted:,} of {n_own:,} accepted, {whose}"


def _detail(table: pl.DataFrame, signed: pl.DataFrame, *, is_own: bool) -> str:
    """What the first line rests on, own labels where the first line has not said them, and what was signed of one's own."""
    people = table["reviewer_id"][0] if table.height == 1 else f"{table.height:,} reviewers"
    n_judged = int(table.select(pl.col("n").sum() + pl.col("n_own").sum()).item())
    told = [f"{n_judged:,} labels of flagged items judged by {'you' if is_own else people}."]
    if table.filter(pl.col("p_adjusted") < LEVEL).height and table["n_own_accepted"].sum():
        told.append(f"{_own_words(table, is_own=is_own)}.")
    by_release = signed.group_by("release_version", "reviewer_id").agg(
        pl.len().cast(pl.Int64).alias("n"), pl.col("n_items").first()
    )
    most = by_release.sort("n", "release_version", "reviewer_id", descending=[True, False, False]).head(2)
    told += [_signed_words(row, is_own=is_own) for row in most.iter_rows(named=True)]
    return " ".join(told)


def _signed_words(row: Mapping[str, Any], *, is_own: bool) -> str:
    who, they = ("you", "you") if is_own else (row["reviewer_id"], "they")
    return (
        f"Of the {row['n_items']:,} labels of release {row['release_version']}, {who} signed {row['n']:,} that "
        f"{they} had given or decided."
    )
