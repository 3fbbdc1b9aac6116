"""The script of docs/walkthrough.md on real annotations, what the page says it says, and a release with one byte changed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
TOUCHSTONE = Path(sys.executable).with_name("touchstone")
OPTIONS = (
    "--item-attributes",
    "lang,source,language_variety",
    "--annotator-attributes",
    "demo_age,demo_gender",
)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def walked(datasets: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder that the script made from a real file, and what it said."""
    folder = tmp_path_factory.mktemp("walkthrough") / "try-it"
    done = subprocess.run(
        ["bash", str(DOCS / "walkthrough.sh"), str(datasets / "multipico.parquet"), str(folder), *OPTIONS],
        capture_output=True,
        text=True,
        check=False,
        env={
            **{name: value for name, value in os.environ.items() if not name.startswith("TOUCHSTONE_")},
            "LOGNAME": "lena",
            "TOUCHSTONE": str(TOUCHSTONE),
            "PYTHON": sys.executable,
        },
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder, done.stdout


def verify(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([TOUCHSTONE, "verify", folder], capture_output=True, text=True, check=False)


def test_the_page_shows_what_the_script_says(walked: tuple[Path, str]) -> None:
    said = walked[1]
    shown = re.findall(
        r"^```text\n(.*?)^```", (DOCS / "walkthrough.md").read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    lines = [line for block in shown for line in block.splitlines()]
    assert len(lines) > 40
    missing = [
        line
        for line in lines
        if not re.search("^" + re.escape(line).replace("…", ".*") + "$", said, re.MULTILINE)
    ]
    assert missing == []


def test_the_release_and_the_store_verify_and_one_changed_byte_does_not(walked: tuple[Path, str]) -> None:
    release, store = walked[0] / "release", walked[0] / "store"
    assert verify(release).returncode == 0
    assert verify(store).returncode == 0
    labels = release / "labels.csv"
    content = bytearray(labels.read_bytes())
    middle = len(content) // 2
    content[middle] ^= 1
    labels.write_bytes(content)
    broken = verify(release)
    assert broken.returncode == 1
    assert "labels.csv was changed" in broken.stdout


def test_a_folder_that_exists_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("kept")
    script = str(DOCS / "walkthrough.sh")
    done = subprocess.run(
        ["bash", script, "any.csv", str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
