"""What an error removed between two releases cost: by gold that came after both, and by no other."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from dashboard.workflows import cost_audit, cost_work, ingest, rates, score
from dashboard.workflows.opening import Store
from dashboard.workflows.rates import Rate
from data.importers import Parsed
from tests import stores
from tests.dashboard.release_steps import propose

P = stores.PROJECT
N = 200


def bring(store: Store, *, votes: tuple[str, ...], gold: bool, sha: str) -> None:
    """Import these annotators' votes, and the gold labels too where they are asked for."""
    whole = stores.parsed_crowd(n_items=N)
    known = stores.parsed_crowd(n_items=N).items
    every = pl.Series([_truth(whole, n) for n in range(N)], dtype=pl.String)
    parsed = replace(
        whole,
        annotations=whole.annotations.filter(pl.col("annotator_id").is_in(votes)),
        items=known.with_columns(gold=every if gold else pl.lit(None, dtype=pl.String)),
        sha256=sha * 64,
    )
    request = ingest.ImportRequest(labels=stores.LABELS, title="Pets")
    ingest.import_parsed(store, parsed=parsed, project_id=P, by=stores.LENA, request=request)


def _truth(whole: Parsed, item: int) -> str:
    """What most of the four good annotators say."""
    said = whole.annotations.filter(pl.col("item_id") == f"item-{item:03d}", pl.col("annotator_id") != "a4")[
        "label"
    ]
    return str(said.mode().sort()[0])


def scored(store: Store) -> None:
    score.score(store, project_id=P, by=stores.LENA, options=score.ScoreOptions(replicates=200))


def found(store: Store) -> cost_audit.Audit:
    return cost_audit.audit(store, P, cost_work.paid_work(store, P))


@pytest.fixture
def two_releases(tmp_path: Path) -> Store:
    """First a label from whoever guesses, then, after release 1, the votes of three who know."""
    store = stores.empty_store(tmp_path / "store")
    bring(store, votes=("a4",), gold=False, sha="1")
    rates.set_rates(
        store,
        project_id=P,
        by=stores.LENA,
        table=[Rate("annotation", Decimal("0.05"), "EUR", date(2026, 8, 1))],
    )
    scored(store)
    propose(store)
    bring(store, votes=("a0", "a1", "a2"), gold=False, sha="2")
    scored(store)
    propose(store)
    return store


def test_gold_that_came_after_both_releases_prices_the_errors_between_them(two_releases: Store) -> None:
    with two_releases as store:
        bring(store, votes=("a3",), gold=True, sha="3")
        seen = found(store)
        assert (seen.before, seen.after) == (1, 2)
        assert seen.error_before is not None
        assert seen.error_after is not None
        assert seen.error_before > 0.35
        assert seen.error_after < 0.1
        # Three votes at 0.05 each on every item; a3's came after release 2 and are not in it.
        assert seen.money.value == pytest.approx(0.15 / (seen.error_before - seen.error_after))
        assert seen.money.low is not None
        assert (seen.money.n, seen.money.unit) == (N, "EUR")
        assert seen.sentence.startswith("An error removed between releases cost 0.3")
        assert f"on {N} audited items went from" in seen.sentence


def test_gold_that_was_known_before_says_nothing(two_releases: Store) -> None:
    with two_releases as store:
        assert "gold that came after both" in found(store).sentence
        bring(store, votes=("a3",), gold=True, sha="3")
        scored(store)
        propose(store)  # release 3 was frozen when the gold was known
        seen = found(store)
        assert (seen.before, seen.after) == (1, 2)


def test_where_nothing_changed_there_is_no_measurable_effect(tmp_path: Path) -> None:
    with stores.empty_store(tmp_path / "store") as store:
        bring(store, votes=("a0", "a1", "a2"), gold=False, sha="1")
        rates.set_rates(
            store,
            project_id=P,
            by=stores.LENA,
            table=[Rate("annotation", Decimal("0.05"), "EUR", date(2026, 8, 1))],
        )
        scored(store)
        propose(store)
        bring(store, votes=("a4",), gold=False, sha="2")
        scored(store)
        propose(store)
        bring(store, votes=("a3",), gold=True, sha="3")
        seen = found(store)
        assert seen.money.value is None
        assert "no measurable effect" in seen.sentence or "so it grew" in seen.sentence


def test_a_single_release_is_not_compared(tmp_path: Path) -> None:
    with stores.small_store(tmp_path / "store") as store:
        propose(store)
        seen = found(store)
        assert (seen.before, seen.money.value) == (None, None)
        assert "it takes two releases" in seen.sentence
