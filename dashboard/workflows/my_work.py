"""An annotator's own file: the same figures that a lead sees, without other people and without saying which items are gold.

The accuracy on gold is computed from the first 10, 20, 30 ... gold annotations only, in the order in which they were made.
Were it of all of them, it would change with the annotation of a gold item and with no other, and tell which that was.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import polars as pl

from analytics import annotators
from analytics.results import Estimate
from dashboard.workflows import annotator_evidence, annotator_file, annotator_skill, monitor, notes
from dashboard.workflows.annotator_evidence import Votes
from dashboard.workflows.annotator_file import AnnotatorFile
from dashboard.workflows.annotator_skill import Figure, Rank
from dashboard.workflows.notes import Note
from dashboard.workflows.opening import Store
from dashboard.workflows.rules import Person, require

GOLD_STEP = 10
"""Gold annotations that are shown at a time, as one figure."""

FEWEST_PEERS = 5
"""With fewer annotators, figures of all of them would tell those of each."""


@dataclass(frozen=True, slots=True)
class MyWork:
    """`file`: the person's own, None where nothing of theirs was scored yet. `shared`: the notes that a lead shares."""

    file: AnnotatorFile | None
    shared: tuple[Note, ...]


def my_work(store: Store, *, project_id: str, by: Person, as_of: int | None = None) -> MyWork:
    """The work of the person who asks, as the newest run saw it; an annotator is the person of the same id.

    Raises:
        NotAllowed: the person is no annotator.
        KeyMissing: there are shared notes, and the vault's keys are not on this machine.
    """
    require(by, "my_work")
    shared = notes.notes(store, project_id=project_id, by=by, annotator_id=by.person_id, as_of=as_of)
    shown = tuple(note for note in shared if note.shared and note.text is not None)
    return MyWork(_own_file(store, project_id, by, as_of), shown)


def own_file_of(votes: Votes, gold: pl.DataFrame, everybody: pl.DataFrame, run: monitor.Run) -> AnnotatorFile:
    """The file as the annotator may see it.

    Args:
        votes: of the annotator's items.
        gold: item_code, label_code of the project's gold labels.
        everybody: `annotator_evidence.peers` of the run.
        run: what the votes are as of.
    """
    enough = everybody.height >= FEWEST_PEERS
    made = annotator_file.file_of(
        votes, everybody if enough else everybody.clear(), run, on_gold=_on_gold(votes, gold), subject="You"
    )
    seen = made.evidence.drop("item_code")
    if enough:
        return replace(made, evidence=seen)
    few = Rank(None, None, None, 0, f"fewer than {FEWEST_PEERS} annotators can be compared")
    return replace(made, evidence=seen, rank=few)


def _own_file(store: Store, project_id: str, by: Person, as_of: int | None) -> AnnotatorFile | None:
    run = monitor.newest_run(store, project_id, as_of=as_of)
    known = store.read("annotator_codes", as_of=as_of)["annotator_id"]
    if run is None or by.person_id not in known:
        return None
    votes = annotator_evidence.read_votes(store, project_id, by.person_id, seq=run.saw_seq)
    if votes.own.is_empty():
        return None
    gold = store.read("score_gold", project_id=project_id, as_of=run.saw_seq)
    return own_file_of(votes, gold, annotator_evidence.peers(store, project_id, run), run)


def _on_gold(votes: Votes, gold: pl.DataFrame) -> Figure:
    tested = votes.own.sort("order").join(gold.select("item_code"), on="item_code", how="semi")
    counted = tested.head(tested.height // GOLD_STEP * GOLD_STEP)
    meaning = (
        "Some items are there to test: their label was known in advance. Which ones is not said, "
        f"so this changes in steps of {GOLD_STEP}."
    )
    if counted.is_empty():
        few = Estimate.none(
            f"it takes {GOLD_STEP} items whose label was known in advance", n_unit="gold items"
        )
        return Figure("on_gold", "On gold", few, None, meaning)
    table = annotators.gold_accuracy(counted, gold, n_labels=votes.label_set.n_labels)
    row = annotator_skill.own_row(table, votes)
    return Figure(
        "on_gold",
        "On gold",
        annotator_skill.estimate_of(row, "accuracy", "n_gold", "gold items"),
        None,
        meaning,
    )
