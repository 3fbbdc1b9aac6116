"""What an error removed between two releases cost: by gold that came after both, and by no other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from dashboard.workflows import cost_audit, cost_work, ingest, rates, release, score
from dashboard.workflows.opening import Store
from dashboard.workflows.rates import Rate
from dashboard.workflows.release_record import Release
from data.importers import Parsed
from tests import stores
from tests.dashboard.release_steps import approved, propose

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


def pay(store: Store, rate: Rate) -> None:
    rates.set_rates(store, project_id=P, by=stores.LENA, table=[rate])


def turn_down(store: Store, made: Release) -> None:
    release.reject(
        store, project_id=P, by=stores.RITA, release_id=made.release_id, expected_hash=made.content_hash, reason="labels look odd"
    )  # fmt: skip


PIECE = Rate("annotation", Decimal("0.05"), "EUR", date(2026, 8, 1))


def _two_releases(store: Store) -> None:
    """First a label from whoever guesses, then, after release 1, the votes of three who know."""
    bring(store, votes=("a4",), gold=False, sha="1")
    pay(store, PIECE)
    scored(store)
    approved(store)
    bring(store, votes=("a0", "a1", "a2"), gold=False, sha="2")
    scored(store)


@pytest.fixture
def two_releases(tmp_path: Path) -> Iterator[Store]:
    with stores.empty_store(tmp_path / "store") as store:
        _two_releases(store)
        approved(store)
        yield store


def test_gold_that_came_after_both_releases_prices_the_errors_between_them(two_releases: Store) -> None:
    store = two_releases
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
    store = two_releases
    assert "gold that came after both" in found(store).sentence
    bring(store, votes=("a3",), gold=True, sha="3")
    scored(store)
    approved(store)  # release 3 was frozen when the gold was known
    seen = found(store)
    assert (seen.before, seen.after) == (1, 2)


def test_where_nothing_changed_there_is_no_measurable_effect(tmp_path: Path) -> None:
    with stores.empty_store(tmp_path / "store") as store:
        bring(store, votes=("a0", "a1", "a2"), gold=False, sha="1")
        pay(store, PIECE)
        scored(store)
        approved(store)
        bring(store, votes=("a4",), gold=False, sha="2")
        scored(store)
        approved(store)
        bring(store, votes=("a3",), gold=True, sha="3")
        seen = found(store)
        assert seen.money.value is None
        assert "no measurable effect" in seen.sentence or "so it grew" in seen.sentence


def test_what_was_rejected_or_waits_for_signatures_is_no_release(two_releases: Store) -> None:
    store = two_releases
    bring(store, votes=("a3",), gold=False, sha="3")
    scored(store)
    turn_down(store, propose(store))
    propose(store)  # and a fourth that nobody signs
    bring(store, votes=("a4",), gold=True, sha="4")
    seen = found(store)
    assert (seen.before, seen.after) == (1, 2)
    assert seen.money.n == N


def test_work_between_two_approved_releases_is_counted_whatever_was_rejected_meanwhile(
    tmp_path: Path,
) -> None:
    with stores.empty_store(tmp_path / "store") as store:
        _two_releases(store)
        turn_down(store, propose(store))
        assert "only 1 release is approved so far (1 more was not approved)" in found(store).sentence
        bring(store, votes=("a3",), gold=False, sha="3")
        scored(store)
        approved(store)
        bring(store, votes=(), gold=True, sha="4")
        seen = found(store)
        assert (seen.before, seen.after) == (1, 3)
        assert seen.error_before is not None
        assert seen.error_after is not None
        assert seen.money.value == pytest.approx(0.20 / (seen.error_before - seen.error_after))


def test_work_whose_pay_nobody_knows_makes_no_error_cheap(two_releases: Store) -> None:
    store = two_releases
    bring(store, votes=("a3",), gold=True, sha="3")
    pay(store, replace(PIECE, amount=None))
    pay(store, replace(PIECE, who="a0"))
    seen = found(store)
    assert seen.n_unpriced == 2 * N
    assert "cost at least 0.1" in seen.sentence
    assert "the pay of 400 pieces of work on them is not known and not in it" in seen.sentence
    pay(store, replace(PIECE, amount=None, who="a0"))
    pay(store, replace(PIECE, who="a4"))
    seen = found(store)
    assert seen.money.undefined == "nobody knows what the work between them cost"
    assert "went from" in seen.sentence


def test_a_single_release_is_not_compared(tmp_path: Path) -> None:
    with stores.small_store(tmp_path / "store") as store:
        assert "no release is approved so far: it takes two approved releases" in found(store).sentence
        propose(store)
        seen = found(store)
        assert (seen.before, seen.money.value) == (None, None)
        assert "no release is approved so far (1 more was not approved)" in seen.sentence
