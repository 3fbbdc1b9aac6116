"""The file of one annotator: what a lead can discuss with that person, with the items behind every figure."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, replace

import polars as pl

from analytics import annotators
from analytics.results import Estimate
from dashboard.workflows import annotator_evidence, annotator_skill, monitor
from dashboard.workflows.annotator_evidence import Votes
from dashboard.workflows.annotator_skill import Behind, Curve, Figure, Rank, State, Straight
from dashboard.workflows.opening import Store
from dashboard.workflows.rules import Person, require

MIN_CONFUSED = 3
"""A mix-up is spoken of from so many annotations on."""

MIN_COMPARED = 20
"""Nobody is judged on fewer compared items."""

WINDOWS, SMALLEST_WINDOW = 12, 20
"""How many windows the learning curve has, and the fewest annotations in one of them."""


@dataclass(frozen=True, slots=True)
class AnnotatorFile:
    """Everything of one annotator. `cells`: label_others, label_given, n. `evidence`: see `annotator_evidence.evidence`;
    for those who see gold, with gold and right_on_gold. `differing`: items on which they differ from the others. `confused`:
    the two labels that they mix up most, in a sentence; "" where they hardly do.
    """

    annotator_id: str
    state: State
    sentence: str
    run: monitor.Run
    n: int
    differing: int
    confused: str
    figures: tuple[Figure, ...]
    peers_median: float | None
    rank: Rank
    cells: pl.DataFrame
    labels: tuple[str, ...]
    straight: Straight | None
    learning: Curve
    fatigue: Curve
    evidence: pl.DataFrame


def annotator_file(
    store: Store, *, project_id: str, by: Person, annotator_id: str, as_of: int | None = None
) -> AnnotatorFile | None:
    """The file of an annotator as the newest run saw them; None where nothing was scored yet.

    Raises:
        NotAllowed: the person may not see annotators' figures. BadRequest: there is no such annotator.
    """
    require(by, "view.annotators")
    run = monitor.newest_run(store, project_id, as_of=as_of)
    if run is None:
        return None
    votes = annotator_evidence.read_votes(store, project_id, annotator_id, seq=run.saw_seq)
    gold = store.read("score_gold", project_id=project_id, as_of=run.saw_seq)
    accuracy = annotator_skill.own_row(
        annotators.gold_accuracy(votes.own, gold, n_labels=votes.label_set.n_labels), votes
    )
    on_gold = Figure(
        "on_gold",
        "On gold",
        annotator_skill.estimate_of(accuracy, "accuracy", "n_gold", "gold items"),
        None,
        "How often the label is the one known in advance.",
        "gold",
    )
    everybody = annotator_evidence.peers(store, project_id, run)
    made = file_of(votes, everybody, run, on_gold=on_gold, subject=annotator_id)
    names = votes.label_set.frame().rename({"label": "gold"})
    beside = made.evidence.join(
        gold.rename({"label_code": "gold_code"}), on="item_code", how="left", maintain_order="left"
    ).join(names, left_on="gold_code", right_on="label_code", how="left", maintain_order="left")
    seen = beside.drop("gold_code").with_columns(right_on_gold=pl.col("given") == pl.col("gold"))
    return replace(made, evidence=seen)


def file_of(
    votes: Votes, everybody: pl.DataFrame, run: monitor.Run, *, on_gold: Figure, subject: str
) -> AnnotatorFile:
    """The file made of votes alone; nothing but `on_gold` in it knows of gold.

    Args:
        votes: of the annotator's items.
        everybody: `annotator_evidence.peers` of the run.
        run: what the votes are as of.
        on_gold: the figure on gold, as the reader may see it.
        subject: who is spoken of: an annotator id, or "You".
    """
    n_labels, n_people = votes.label_set.n_labels, max(1, everybody.height)
    frame = votes.frame
    agreement = annotator_skill.estimate_of(
        annotator_skill.own_row(annotators.annotator_agreement(frame, n_labels=n_labels), votes),
        "agreement",
        "n_compared",
        "compared annotations",
    )
    straight, run_label = annotator_skill.straight_lines(votes, n_people)
    size = max(SMALLEST_WINDOW, votes.own.height // WINDOWS)
    seen = annotator_evidence.evidence(votes, window=size, run_label=run_label)
    cells = annotator_skill.confusion_cells(votes)
    enough = everybody.filter(pl.col("n") >= MIN_COMPARED)["value"].to_list()
    median = statistics.median(enough) if enough else None
    differing = seen.filter(~pl.col("agrees"))["item_code"].n_unique()
    state, sentence = _answer(agreement, cells, median, differing, subject)
    with_others = Figure(
        "with_others",
        "With the others",
        agreement,
        state,
        "How often the label is the one that most of the others gave; their own vote is left out.",
        "differs",
    )
    return AnnotatorFile(
        annotator_id=votes.annotator_id,
        state=state,
        sentence=sentence,
        run=run,
        n=votes.own.height,
        differing=differing,
        confused=_confused(cells),
        figures=(
            with_others,
            on_gold,
            annotator_skill.consistency(votes),
            annotator_skill.spammer(votes),
            annotator_skill.speed(votes),
        ),
        peers_median=median,
        rank=annotator_skill.rank_among(everybody, votes.annotator_id),
        cells=cells,
        labels=votes.label_set.labels,
        straight=straight,
        learning=annotator_skill.learning(votes, size, n_people),
        fatigue=annotator_skill.fatigue(votes, n_people),
        evidence=seen,
    )


def items_behind(
    seen: pl.DataFrame, which: Behind, *, others: str = "", given: str = "", window: int = -1
) -> pl.DataFrame:
    """The annotations behind a figure, of an `AnnotatorFile.evidence`.

    Args:
        seen: the evidence.
        which: those that differ from the others; differ from gold; are repeats (first those at odds); the longest run of
            one label; a cell of the confusion (`others`, `given`); a window of the learning curve; the fastest first; all.
        others: of a cell.
        given: of a cell.
        window: of the curve.
    """
    if which == "gold":
        return seen.filter(~pl.col("right_on_gold")) if "right_on_gold" in seen.columns else seen.clear()
    if which == "repeats":
        return seen.filter(pl.col("times") > 1).sort("consistent", "item_id", maintain_order=True)
    if which == "cell":
        return seen.filter((pl.col("others") == others) & (pl.col("given") == given))
    if which == "window":
        return seen.filter(pl.col("window") == window).sort("agrees", nulls_last=True, maintain_order=True)
    if which == "run":
        return seen.filter("in_longest_run")
    if which == "fast":
        return seen.drop_nulls("active_seconds").sort("active_seconds", maintain_order=True)
    return seen.filter(~pl.col("agrees")) if which == "differs" else seen


def _answer(
    agreement: Estimate, cells: pl.DataFrame, median: float | None, differing: int, subject: str
) -> tuple[State, str]:
    """The first line: the state and the sentence."""
    you = subject == "You"
    verb, together = ("agree", "") if you else ("agrees", " together")
    if agreement.value is None or agreement.n < MIN_COMPARED:
        whom = "your work" if you else f"the work of {subject}"
        return "undefined", (
            f"Too little to judge {whom} by: {agreement.n} annotations can be compared with the others, "
            f"and it takes {MIN_COMPARED}"
        )
    said = f"{subject} {verb} with the others on {agreement.value:.0%} of items".replace("%", " %")
    things = "1 item" if differing == 1 else f"{differing:,} items"
    low, high = agreement.low or 0.0, agreement.high or 0.0
    if low <= _by_chance(cells):
        return "not fit", f"{said}, as guessing would: look at {things}{together}"
    if median is not None and high < median:
        less = f"less than most (half reach {median:.0%})".replace("%", " %")
        return "watch", f"{said}, {less}: look at {things}{together}"
    return "fit", f"{said}, as most do" + (f"; {things} to look at" if differing else "")


def _confused(cells: pl.DataFrame) -> str:
    """The cell beside the diagonal with most annotations, in a sentence."""
    rows = cells.with_columns(row=pl.col("n").sum().over("label_others"))
    apart = rows.filter(pl.col("label_others") != pl.col("label_given"), pl.col("n") >= MIN_CONFUSED)
    if apart.is_empty():
        return ""
    top = apart.sort(pl.col("n") * -1, "row", "label_others", "label_given")
    cell = top.row(0, named=True)
    return f"Of {cell['row']} that the others call {cell['label_others']}, {cell['n']} were called {cell['label_given']}."


def _by_chance(cells: pl.DataFrame) -> float:
    """The agreement of somebody who gives these labels as often, whatever the item is."""
    n = cells["n"].sum()
    given = cells.group_by("label_given").agg(given=pl.col("n").sum() / n)
    meant = cells.group_by("label_others").agg(meant=pl.col("n").sum() / n)
    both = given.join(meant, left_on="label_given", right_on="label_others")
    return float(both.select((pl.col("given") * pl.col("meant")).sum()).item())
