"""What every test may ask for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

# Workers that run beside one another share the cores: threads that wait for a core that another worker has only burn time.
# It has to be said before torch, numpy or faiss is imported.
if "PYTEST_XDIST_WORKER" in os.environ:
    workers = int(os.environ["PYTEST_XDIST_WORKER_COUNT"])
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // workers)))

# How long an example takes says nothing on a machine that others use too, or while a kernel compiles.
settings.register_profile("touchstone", deadline=None)
settings.load_profile("touchstone")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Each worker gets tests that stand together, so that what a file or folder makes once is not made by every worker."""
    if config.getoption("dist", "no") == "load":
        config.option.dist = "worksteal"


@pytest.fixture(scope="session")
def datasets() -> Path:
    """The folder of real annotations named by TOUCHSTONE_DATASETS, by default `../shared/datasets`."""
    default = Path(__file__).parent.parent.parent / "shared" / "datasets"
    folder = Path(os.environ.get("TOUCHSTONE_DATASETS") or default)
    if not (folder / "reference.json").is_file():
        pytest.skip(f"no datasets in {folder}: set TOUCHSTONE_DATASETS to the folder that has them")
    return folder


@pytest.fixture(scope="session")
def samples() -> Path:
    """The folder of Label Studio's own exports named by TOUCHSTONE_SAMPLES, by default `../shared/samples`."""
    default = Path(__file__).parent.parent.parent / "shared" / "samples"
    folder = Path(os.environ.get("TOUCHSTONE_SAMPLES") or default)
    if not (folder / "label_studio_cls_json.json").is_file():
        pytest.skip(
            f"no Label Studio exports in {folder}: set TOUCHSTONE_SAMPLES to the folder that has them"
        )
    return folder
