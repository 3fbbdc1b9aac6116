"""What the labels owe, a sentence each: before anything was measured, after, as of a moment, and who may see it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from dashboard.workflows import bias, drift, rates
from dashboard.workflows.errors import NotAllowed
from dashboard.workflows.opening import Store
from dashboard.workflows.quality_debt import Debt, quality_debt
from dashboard.workflows.rates import Rate
from tests import stores
from tests.dashboard.bias_steps import crowd_store
from tests.dashboard.pages import open_page, shown_by, words

P = stores.PROJECT
VOTE = Rate("annotation", Decimal("0.05"), "EUR", date(2026, 8, 1))


@pytest.fixture
def crowd(tmp_path: Path) -> Iterator[Store]:
    with crowd_store(tmp_path / "store") as store:
        yield store


def owed(store: Store, as_of: int | None = None) -> dict[str, Debt]:
    return {line.page: line for line in quality_debt(store, project_id=P, by=stores.RITA, as_of=as_of)}


def test_what_was_never_measured_is_said(crowd: Store) -> None:
    lines = owed(crowd)
    assert list(lines) == ["bias", "drift", "cost"]
    assert {line.state for line in lines.values()} == {"undefined"}
    assert lines["bias"].sentence == "Groups were not compared yet."
    assert lines["cost"].sentence == "Nobody has said what work is paid."


def test_each_line_is_what_its_page_says_and_the_past_stays(crowd: Store) -> None:
    before = crowd.head
    rates.set_rates(crowd, project_id=P, by=stores.LENA, table=[VOTE])
    asked = bias.BiasOptions(by=("channel",), replicates=100)
    bias.bias(crowd, project_id=P, by=stores.LENA, options=asked)
    measured = drift.measure(crowd, project_id=P, by=stores.LENA)
    lines = owed(crowd)
    assert "EUR" in lines["cost"].sentence
    assert lines["bias"].sentence != "Groups were not compared yet."
    assert lines["drift"].sentence.startswith(measured.sentence)
    assert {line.sentence for line in owed(crowd, as_of=before).values()} >= {
        "Groups were not compared yet.", "Drift was not measured yet.", "Nobody has said what work is paid.",
    }  # fmt: skip


def test_annotators_are_not_told(crowd: Store) -> None:
    with pytest.raises(NotAllowed):
        quality_debt(crowd, project_id=P, by=stores.ANNA)


@pytest.mark.parametrize("person", ["lena", "rita"])
def test_overview_shows_the_lines(crowd: Store, person: str) -> None:
    with shown_by(crowd):
        said = words(open_page("overview", person=person, project=P)).replace("\\", "")
    for sentence in ("Groups were not compared yet.", "Drift was not measured yet."):
        assert sentence in said
