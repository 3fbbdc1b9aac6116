"""A reason that was wrong again and again is retired: a twentieth of its flags is still raised, and can bring it back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from dashboard.workflows import adjudicate, flag, relabel_queue, verdicts
from dashboard.workflows.flag_passport import Passport
from dashboard.workflows.opening import Store
from tests import stores

P = stores.PROJECT
N_SPLIT, N_LATER = 56, 240
"""Items on which two annotators differ, and items on which one of three differs from the others."""


@pytest.fixture
def split(tmp_path: Path) -> Iterator[Store]:
    rows = [
        (f"s-{item:03d}", f"a{person}", ("cat", "dog")[person])
        for item in range(N_SPLIT)
        for person in range(2)
    ]
    rows += [
        (f"t-{item:03d}", f"a{person}", "dog" if person == item % 3 else "cat")
        for item in range(N_LATER)
        for person in range(3)
    ]
    given = pl.DataFrame(rows, schema=["item_id", "annotator_id", "label"], orient="row")
    with stores.annotated_store(tmp_path / "store", given) as store:
        yield store


def settle_all(store: Store, *, change: bool) -> Passport | None:
    """The lead keeps, or changes, the label of every flag that waits; the passport of the last one."""
    passport = None
    while (work := relabel_queue.next_item(store, project_id=P, by=stores.LENA)) is not None:
        held = adjudicate.case(store, project_id=P, by=stores.LENA, flag_id=work.flag_id).evidence
        passport = held.passport
        other = "dog" if held.label == "cat" else "cat"
        adjudicate.decide(
            store, project_id=P, by=stores.LENA, flag_id=work.flag_id, label=other if change else str(held.label), reason="looked",
            expected_version=held.version,
        )  # fmt: skip
    return passport


def raised(store: Store, least_margin: float, seed: int = 0) -> int:
    """How many flags of split votes are raised, under limits by which nothing else is doubted."""
    options = flag.FlagOptions(least_probability=0.01, least_margin=least_margin, level=0.0, seed=seed)
    return flag.raise_flags(store, project_id=P, by=stores.LENA, options=options).by_reason["split_vote"]


def is_retired(store: Store) -> bool:
    return bool(verdicts.reasons_so_far(store, P, ["split_vote"])["is_retired"][0])


@pytest.mark.slow
def test_a_reason_is_retired_and_comes_back(split: Store) -> None:
    assert raised(split, 0.2) == N_SPLIT
    settle_all(split, change=False)
    record = verdicts.reasons_so_far(split, P, ["split_vote"])
    assert (record["n_rejected"][0], record["is_retired"][0]) == (N_SPLIT, True)
    n = raised(split, 0.4)
    assert 3 <= n <= 25  # about a twentieth of N_LATER
    newest = settle_all(split, change=True)
    assert newest is not None
    (known,) = newest.precision
    assert (known.value, known.low, known.n, known.is_retired) == (0.0, 0.0, N_SPLIT, True)
    seed = 0
    while is_retired(split):
        seed += 1
        assert seed < 10
        raised(split, 0.4, seed=seed)
        settle_all(split, change=True)
    n_before = split.read("judgement_flagged", project_id=P).height
    assert raised(split, 0.4) == N_SPLIT + N_LATER - n_before
