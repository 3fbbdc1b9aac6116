"""The docs say what the code does: verbs, options, settings, environment, figures, terms, links, and checking by hand."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dashboard.cli import docs_pages
from dashboard.workflows import release, release_export, settings
from dashboard.workflows.opening import Store
from data.exporters.release_bundle import COLUMNS
from data.exporters.release_readme import hash_script
from tests import stores
from tests.cli_docs import EVERYWHERE, PAGE, section, verbs

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = sorted([*DOCS.rglob("*.md"), *ROOT.glob("*.md")])
FIELD = re.compile(r"`([a-z0-9_.]+)`")


def block(page: str, kind: str, number: int = 0) -> str:
    """A fenced block of a page."""
    found: list[str] = re.findall(
        rf"^```{kind}\n(.*?)^```", (DOCS / page).read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    return found[number]


@pytest.mark.parametrize("verb", verbs())
def test_every_verb_and_each_of_its_options_is_in_the_docs(verb: str) -> None:
    options = [name for name in verbs()[verb] if name.startswith("--")]
    assert [name for name in options if f"`{name}`" not in section(verb)] == []


def test_the_docs_have_no_verb_or_option_that_is_not_there() -> None:
    text = PAGE.read_text("utf-8")
    headed = {match.rstrip("` ") for match in re.findall(r"^### `touchstone ([a-z -]+)", text, re.MULTILINE)}
    assert headed == set(verbs())
    known = {option for options in verbs().values() for option in options} | {
        *EVERYWHERE,
        "--version",
        "--help",
    }
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]*", text)) <= known


def test_the_options_of_every_verb_are_described_once() -> None:
    table = PAGE.read_text("utf-8").split("## Exit codes")[0]
    assert [option for option in EVERYWHERE if f"| `{option}` |" not in table] == []


def sources() -> Iterator[Path]:
    for folder in ("analytics", "dashboard", "data", "tests"):
        yield from (ROOT / folder).rglob("*.py")


def test_every_environment_variable_that_the_code_reads_is_in_the_docs_and_no_other() -> None:
    name = re.compile(r"\bTOUCHSTONE_[A-Z]+\b")
    read = {found for path in sources() for found in name.findall(path.read_text("utf-8"))}
    described = set(name.findall((DOCS / "settings.md").read_text("utf-8")))
    assert described == read


@pytest.mark.parametrize("setting", settings.SETTINGS, ids=lambda setting: setting.key)
def test_every_limit_is_in_the_docs_with_its_default_and_reason(setting: settings.Setting) -> None:
    text = (DOCS / "settings.md").read_text("utf-8")
    assert f"| `{setting.key}` | {setting.title} | {setting.default:g} |" in text
    assert setting.why.split(";")[0].split(":")[0] in text.replace("\n", " ")


def test_the_policy_in_the_docs_is_one(tmp_path: Path) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text(block("settings.md", "toml"))
    held = settings.read_policy(
        policy, tuple(settings.Limit(one.key, one.default) for one in settings.SETTINGS)
    )
    assert [limit.value for limit in held] == [0.8, 10, 1, None, 0]


@pytest.mark.parametrize("name", docs_pages.pages())
def test_pages_made_from_the_code_are_current(name: str) -> None:
    assert (DOCS / name).read_text("utf-8") == docs_pages.pages()[name], "`make docs` writes it anew"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8"))
    local = [target.split("#")[0] for target in targets if "://" not in target]
    assert [target for target in local if target and not (page.parent / target).exists()] == []


def test_commands_of_the_readme_exist() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    lines = re.findall(r"^touchstone (.+?)(?:\s+#.*)?$", text, re.MULTILINE)
    typed = [part.removeprefix("touchstone ") for line in lines for part in line.split(" && ")]
    assert len(typed) >= 10
    for words in typed:
        verb = next((verb for verb in verbs() if f"{words} ".startswith(f"{verb} ")), None)
        assert verb is not None, words
        assert set(re.findall(r"--[a-z-]+", words)) <= {*verbs()[verb], *EVERYWHERE}, words
    recipes = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    assert set(re.findall(r"^make ([a-z]+)", text, re.MULTILINE)) <= recipes


def test_the_readme_leads_to_every_page() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    assert [page.name for page in DOCS.glob("*.md") if f"(docs/{page.name})" not in text] == []


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An exported release, the second of its project, with texts and waivers."""
    folder = tmp_path_factory.mktemp("release")
    with stores.small_store(folder / "store") as store:
        made = [_approved(store) for _number in range(2)][-1]
        release_export.export(
            store,
            project_id="pets",
            by=stores.LENA,
            release_id=made.release_id,
            folder=folder / "out",
            with_content=True,
        )
    return folder / "out"


def _approved(store: Store) -> release.Release:
    made = release.propose(store, project_id="pets", by=stores.LENA)
    named: dict[str, Any] = {"project_id": "pets", "release_id": made.release_id}
    for gate in made.failed_gates:
        release.waive(store, by=stores.LENA, gate=gate.key, reason="a test", **named)
    for person in (stores.LENA, stores.RITA):
        release.approve(
            store, project_id="pets", by=person, release_id=made.release_id, expected_hash=made.content_hash
        )
    return made


def test_every_file_and_field_of_a_release_is_in_the_docs(bundle: Path) -> None:
    text = (DOCS / "release-format.md").read_text("utf-8")
    named = set(FIELD.findall(text))
    manifest = json.loads((bundle / "manifest.json").read_text("utf-8"))
    rows = [*manifest["gates"], *manifest["signatures"], *manifest["waivers"], *manifest["metrics"]]
    parts = [
        manifest,
        *rows,
        manifest["label_set"],
        manifest["labels"],
        manifest["guideline"],
        manifest["before"],
    ]
    parts += manifest["files"].values()
    assert manifest["waivers"]
    fields = {field for part in parts for field in part}
    assert fields | {*COLUMNS, "text"} <= named
    assert {path.name for path in bundle.iterdir()} | {"README.txt"} <= {
        *named,
        *re.findall(r"`(\w+\.\w+)`", text),
    }


def run(folder: Path, *words: str) -> str:
    done = subprocess.run(
        words, cwd=folder, capture_output=True, text=True, check=False, env={"PATH": os.environ["PATH"]}
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_checking_a_release_by_hand_works_as_the_docs_say(bundle: Path) -> None:
    files = run(bundle, "bash", "-c", block("release-format.md", "bash"))
    assert files.count(": OK") == 4
    script = block("release-format.md", "python")
    assert script == hash_script(labels_are_json=False)
    manifest = json.loads((bundle / "manifest.json").read_text("utf-8"))
    assert run(bundle, sys.executable, "-c", script).strip() == manifest["content_hash"]
    hashes = run(bundle, "bash", "-c", block("release-format.md", "bash", 1)).split()
    assert len(hashes) == 2 * len((bundle / "events.jsonl").read_bytes().splitlines())
    assert hashes[::2] == hashes[1::2]
