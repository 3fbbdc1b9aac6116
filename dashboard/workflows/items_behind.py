"""The items behind a label, behind agreement with oneself, and behind the accuracy on gold."""

from __future__ import annotations

import polars as pl

from dashboard.workflows import monitor
from dashboard.workflows.label_sets import current_label_set
from dashboard.workflows.opening import Store
from dashboard.workflows.rules import Person, require


def label_items(
    store: Store, *, project_id: str, by: Person, label: str, as_of: int | None = None
) -> pl.DataFrame:
    """The items that somebody called `label`: item_id, votes_label, votes, today; first those on which people differ.

    Where labels are sets: those that somebody's set has `label` in. Raises BadRequest for a label that there is not.
    """
    require(by, "view.items")
    label_set = current_label_set(store, project_id, as_of=as_of)
    codes = [] if label_set is None else label_set.codes_with(label)
    return store.read("agreement_label_items", project_id=project_id, label_codes=codes, as_of=as_of)


def repeated_items(store: Store, *, project_id: str, by: Person, as_of: int | None = None) -> pl.DataFrame:
    """What one annotator labelled twice or more, as the newest run saw it; first where their labels differ.

    Columns: item_id, annotator_id, n (annotations), labels (in the order in which they came), same. Without a run: as of
    `as_of`.
    """
    require(by, "view.items")
    run = monitor.newest_run(store, project_id, as_of=as_of)
    return store.read(
        "agreement_repeated_items", project_id=project_id, as_of=as_of if run is None else run.saw_seq
    )


def gold_differing(
    store: Store, *, project_id: str, by: Person, as_of: int | None = None
) -> pl.DataFrame | None:
    """The gold items whose consensus in the newest run is another label; None where nothing was scored yet.

    Columns: item_id, gold, consensus, p_label (of the consensus), tied, n_annotations, today (the current label); those
    first on which the consensus is surest.

    Raises:
        NotAllowed: the person may not see which items are gold.
    """
    require(by, "view.gold")
    run = monitor.newest_run(store, project_id, as_of=as_of)
    if run is None:
        return None
    return store.read(
        "gold_differing_items", project_id=project_id, run_id=run.run_id, saw=run.saw_seq, as_of=as_of
    )
