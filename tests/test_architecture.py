"""The house's walls, where import-linter cannot see them: what is loaded, how long a file is, why a rule was set aside."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MOST_LINES = 350
HEADLESS = ("analytics", "data", "dashboard.workflows", "dashboard.cli")
IMPORT_ALL = """
import importlib, importlib.util, pkgutil, sys
# Kernels for a card import Triton, which only torch's CUDA builds bring.
without = () if importlib.util.find_spec("triton") else "_triton"
for name in sys.argv[2:]:
    package = importlib.import_module(name)
    for found in pkgutil.walk_packages(package.__path__, f"{name}."):
        if not found.name.endswith(without):
            importlib.import_module(found.name)
print(*{loaded.partition(".")[0] for loaded in sys.modules} & set(sys.argv[1].split(",")))
"""
HELP = """
import sys
from dashboard.cli import main
try:
    main()
except SystemExit:
    print("loaded:", *{"torch", "streamlit", "duckdb", "polars", "numpy"} & set(sys.modules))
"""
SET_ASIDE = re.compile(
    r"#\s*(noqa|type:\s*ignore)\b(?P<codes>:\s*[A-Z]+\d+(?:,\s*[A-Z]+\d+)*|\[[a-z, -]+\])?(?P<rest>.*)"
)
THE_TEST = Path(__file__)


def sources() -> Iterator[Path]:
    for folder in ("analytics", "dashboard", "data", "tests"):
        yield from sorted((ROOT / folder).rglob("*.py"))


def python(script: str, *words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", script, *words], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("package", HEADLESS)
def test_what_runs_without_a_screen_loads_no_streamlit(package: str) -> None:
    assert python(IMPORT_ALL, "streamlit", package).split() == []


def test_the_memory_knows_no_mathematics_and_the_mathematics_no_store() -> None:
    assert python(IMPORT_ALL, "analytics,dashboard,torch,streamlit", "data").split() == []
    assert python(IMPORT_ALL, "data,dashboard,duckdb,streamlit", "analytics").split() == []


@pytest.mark.parametrize("words", [["--help"], ["score", "--help"], ["release", "--help"]])
def test_help_loads_nothing_heavy(words: list[str]) -> None:
    said = python(HELP, *words)
    assert "Usage:" in said
    assert said.splitlines()[-1].split() == ["loaded:"]


def test_the_first_page_comes_up_without_what_only_some_verbs_need() -> None:
    heavy = "torch,faiss,sklearn,scipy.stats,captum,evidently,fairlearn,pandas"
    script = "import sys, dashboard.pages.overview\nprint(*set(sys.argv[1].split(',')) & set(sys.modules), sep='\\n')"
    assert python(script, heavy).split() == []


def test_the_server_starts_without_compiled_mathematics() -> None:
    script = "import sys, dashboard.app\nprint(*set(sys.argv[1].split(',')) & set(sys.modules), sep='\\n')"
    assert python(script, "numba,scipy,torch,sklearn").split() == []


def test_no_file_is_too_long_to_read() -> None:
    lengths = {path.relative_to(ROOT): len(path.read_text("utf-8").splitlines()) for path in sources()}
    assert len(lengths) > 100
    assert {path: lines for path, lines in lengths.items() if lines > MOST_LINES} == {}


def unexplained(text: str) -> list[str]:
    """The lines that set a rule aside without naming it, or without saying why: on the line, or in a comment above."""
    lines = text.splitlines()
    found = []
    for number, line in enumerate(lines):
        matched = SET_ASIDE.search(line)
        if matched is None:
            continue
        said = re.sub(r"#|-|(noqa|type:\s*ignore)\S*( [A-Z]+\d+)?", " ", matched["rest"]).strip()
        above = lines[number - 1].strip().startswith("#") if number else False
        if not matched["codes"] or not (said or above):
            found.append(line.strip())
    return found


def test_every_rule_that_is_set_aside_is_named_and_has_its_reason() -> None:
    assert unexplained("x = 1  # noqa: E741\n")
    assert unexplained("x = 1  # noqa - because\n")
    assert unexplained("x = f()  # type: ignore[misc]\n")
    assert unexplained("x = f()  # type: ignore[misc]  # noqa: E741\n")
    assert not unexplained("x = f()  # type: ignore[misc]  # a frozen thing\n# why\ny = 1  # noqa: E741\n")
    others = (path for path in sources() if path != THE_TEST)
    missing = {path.relative_to(ROOT): unexplained(path.read_text("utf-8")) for path in others}
    assert {path: lines for path, lines in missing.items() if lines} == {}


def test_no_work_is_left_undone_in_a_comment() -> None:
    mark = re.compile(r"#.*\b(TODO|FIXME|XXX|HACK)\b|raise NotImplementedError")
    others = (path for path in sources() if path != THE_TEST)
    assert [path.relative_to(ROOT) for path in others if mark.search(path.read_text("utf-8"))] == []
