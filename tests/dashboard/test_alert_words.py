"""What an alert says: the label mix its own sentence, every other figure of drift its own interval and limit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dashboard.workflows.opening import Store
from tests import stores
from tests.dashboard.alert_steps import figure, one, opened


@pytest.fixture
def pets(tmp_path: Path) -> Iterator[Store]:
    with stores.small_store(tmp_path / "store") as store:
        yield store


def test_the_sentence_of_the_label_mix_is_not_said_of_another_figure(pets: Store) -> None:
    opened(pets, figure())
    assert one(pets)["sentence"] == "Cats grew more"
    opened(pets, figure(key="drift_agreement", value=-0.2, low=-0.3, high=-0.1, unit="coefficient"))
    assert str(one(pets)["sentence"]).startswith(
        "Change of Krippendorff's alpha is -0.200 (-0.300 to -0.100), under the limit"
    )
