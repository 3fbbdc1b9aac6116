"""Stores to work on: made once, and copied for each test."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from dashboard.workflows import flag
from dashboard.workflows.opening import Store, open_store
from tests import stores

FLAGS = flag.FlagOptions(least_probability=0.95, least_margin=0.5)


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two stores of the project "pets": one that was scored, one with flags as well."""
    folder = tmp_path_factory.mktemp("prepared")
    for name in ("pets", "flagged"):
        (folder / name).mkdir()
        with stores.small_store(folder / name / "store") as store:
            if name == "flagged":
                flag.raise_flags(store, project_id="pets", by=stores.LENA, options=FLAGS)
    return folder


@pytest.fixture
def clock() -> stores.SteppingClock:
    """The clock of the stores below; a test may set it forward."""
    return stores.SteppingClock(stores.START + timedelta(days=1))


@pytest.fixture
def pets(prepared: Path, tmp_path: Path, clock: stores.SteppingClock) -> Iterator[Store]:
    """An open store with the scored project "pets", in `tmp_path / "pets" / "store"`."""
    shutil.copytree(prepared / "pets", tmp_path / "pets")
    with open_store(
        tmp_path / "pets" / "store", clock=clock, keys_folder=tmp_path / "pets" / "keys"
    ) as store:
        yield store


@pytest.fixture
def flagged(prepared: Path, tmp_path: Path, clock: stores.SteppingClock) -> Iterator[Store]:
    """The same with flags raised."""
    shutil.copytree(prepared / "flagged", tmp_path / "flagged")
    with open_store(
        tmp_path / "flagged" / "store", clock=clock, keys_folder=tmp_path / "flagged" / "keys"
    ) as store:
        yield store
