"""What others script: the keys of every verb's JSON, one document on standard output, and the exit codes."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli_contract import CONTRACT, RELEASE
from tests.cli_docs import section, verbs
from tests.cli_shell import Ran, Shell, money, two_sites

ROOT = Path(__file__).parent.parent
TOUCHSTONE = Path(sys.executable).with_name("touchstone")


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """A folder with answers of four people about thirty items: i0, i2 and i4 are split in halves, about the rest all agree."""
    folder = tmp_path_factory.mktemp("cli")
    rows = ["item,annotator,label,gold,text,channel"]
    for item in range(30):
        for person in range(4):
            split = item < 5 and person < 2
            label = "no" if split or item % 2 else "yes"
            gold = ("no" if item % 2 else "yes") if item > 9 else ""
            text = f"{'never not none' if item % 2 else 'surely of course'} {item}"
            rows.append(f"i{item},a{person},{label},{gold},{text},{'chat' if item % 3 else 'mail'}")
    (folder / "answers.csv").write_text("\n".join(rows) + "\n")
    given = [f"i{item},{0.2 + item / 100},{0.8 - item / 100}" for item in range(30)]
    model = "\n".join(["item,p_no,p_yes", *given]) + "\n"
    (folder / "model.csv").write_text(model)
    (folder / "odd_model.csv").write_text(model.replace("i3,", "j3,").replace("i4,0.24", "i4,0.74"))
    (folder / "people.csv").write_text("annotator,site\na0,north\na1,south\nzed,north\n")
    (folder / "guideline.md").write_text("# Say yes or no")
    return Shell(folder)


@pytest.fixture(scope="module")
def said(shell: Shell) -> dict[str, Ran]:
    """Every verb that answers, run once in the order of the work; what each said with `--json`."""
    found: dict[str, Ran] = {}

    def run(verb: str, *words: str) -> Any:
        found[verb] = shell(*verb.split(), *words, "--json")
        assert found[verb].code in (0, 1), found[verb].err
        return json.loads(found[verb].out)

    run("import", "answers.csv", "--project", "words", "--item-attributes", "channel")
    run("attributes", "people.csv")
    run("predictions", "model.csv", "--run", "folds")
    run("guideline", "guideline.md")
    run("level", "ordinal", "--order", "no,yes")
    for person, role in (("bo", "lead"), ("ben", "annotator"), ("ana", "annotator")):
        run("member add", person, "--role", role)
    run("member list")
    run("score", "--replicates", "100")
    run("consensus", "--out", "consensus.csv")
    run("annotators")
    money(run)
    gap = run("bias", "--replicates", "100")["gaps"][0]
    keys = ("side", "attribute", "group", "item_attribute", "item_group", "measure", "label")
    run("bias-answer", "|".join(gap[key] for key in keys), "--action", "accept", "--reason", "a test")
    run("bias-statement", "--out", "bias.html")
    two_sites(shell)
    for words in (
        ("bias-effects", "--replicates", "100", "--permutations", "99"),
        ("bias-act", "adjudicate", "--attribute", "site", "--purpose", "a test", "--store", "sites"),
        ("bias-mitigate", "--attribute", "channel", "--label", "yes", "--replicates", "100"),
        ("suggestions", "before", "--hidden-share", "0.5", "--reason", "to measure the pull"),
    ):
        run(*words)
    run("train", "--members", "2", "--folds", "2", "--penalty", "1")
    run("uncertainty", "--replicates", "100")
    run("drift")
    run("alerts")
    run("explain", "i1")
    run("flag")
    run("queue", "--by", "ana")
    item = run("relabel next", "--by", "ana")["item"]["item_id"]
    run("relabel skip", item, "--reason", "not mine", "--by", "ana")
    run("relabel undo", "--by", "ana")
    run("relabel blind", item, "--label", "yes", "--by", "ana")
    run("relabel answer", item, "--verdict", "cannot_tell", "--expected-version", "1", "--by", "ana")
    run("relabel ask", item, "--question", "Which of the two?", "--by", "ben")
    run("case", item)
    run("adjudicate", item, "--label", "no", "--reason", "The guideline says so.", "--active-seconds", "31.5")
    run("gate")
    run("score", "--replicates", "100")
    proposed = run("release propose")
    for gate in proposed["blocking_gates"]:
        run("release waive", gate, "--reason", "a test")
    run("release approve", "--active-seconds", "240")
    run("release approve", "--by", "bo")
    run("release list")
    run("release diff")
    run("release export", "--out", "release")
    run("release verify", "release")
    run("verify", "store")
    run("release propose")
    run("release reject", "--reason", "one is enough")
    return found


@pytest.mark.parametrize("verb", CONTRACT)
def test_a_verb_answers_with_one_json_document_that_has_its_keys(said: dict[str, Ran], verb: str) -> None:
    document = json.loads(said[verb].out)  # fails where there is anything beside one document
    assert CONTRACT[verb] <= set(document)


def test_every_verb_that_answers_is_in_the_contract(said: dict[str, Ran]) -> None:
    assert set(said) == set(CONTRACT)
    # they open a server; the browser tests do that
    assert set(verbs()) - set(CONTRACT) == {"serve", "demo"}


@pytest.mark.parametrize("verb", CONTRACT)
def test_the_docs_name_every_key_of_a_verb(said: dict[str, Ran], verb: str) -> None:
    part = section(verb)
    assert [key for key in json.loads(said[verb].out) if f"`{key}`" not in part] == []


def test_rows_inside_the_documents_have_the_keys_of_the_contract(said: dict[str, Ran]) -> None:
    def row(verb: str, name: str) -> set[str]:
        return set(json.loads(said[verb].out)[name][0])

    assert row("score", "figures") == {"key", "group", "value", "low", "high", "n", "undefined", "unit"}
    assert row("gate", "gates") >= {"key", "value", "limit", "passed"}
    assert row("annotators", "annotators") >= {
        "annotator_id",
        "n",
        "accuracy_on_gold",
        "agreement",
        "low",
        "high",
    }
    assert row("release list", "releases") >= RELEASE
    assert (Path(json.loads(said["release export"].out)["folder"])).name == "release"


def test_nothing_about_the_label_is_said_before_the_blind_answer(said: dict[str, Ran]) -> None:
    taken = json.loads(said["relabel next"].out)
    assert taken["reveal"] is None
    assert not {"label", "votes", "tally", "p_label", "version"} & set(taken["item"])
    assert json.loads(said["relabel blind"].out)["reveal"]["votes"]


def test_consensus_writes_the_columns_of_the_contract(shell: Shell, said: dict[str, Ran]) -> None:
    header = (shell.folder / "consensus.csv").read_text().splitlines()[0]
    assert header == "item_id,label,p_label,n_annotations"
    assert json.loads(said["consensus"].out)["n_items"] == 30


def test_several_files_are_one_document(shell: Shell, said: dict[str, Ran]) -> None:
    again = shell("import", "answers.csv", "answers.csv", "--json")
    assert [part["duplicates"] for part in json.loads(again.out)["files"]] == [120, 120]


def test_options_before_the_verb_hold_for_the_verb(shell: Shell, said: dict[str, Ran]) -> None:
    assert json.loads(shell("--json", "--by", "ana", "queue").out)["person_id"] == "ana"


def test_a_column_can_be_named_for_each_role_by_an_option_of_its_own(
    shell: Shell, said: dict[str, Ran]
) -> None:
    (shell.folder / "odd.csv").write_text("thing,who,said\ni0,zoe,yes\n")
    mapped = shell(
        "import", "odd.csv", "--dry-run", "--map", "item=thing", "--map", "annotator=who,label=said", "--json"
    )
    assert json.loads(mapped.out)["mapping"] == {"item": "thing", "annotator": "who", "label": "said"}


def test_predictions_say_what_they_took(shell: Shell, said: dict[str, Ran]) -> None:
    assert json.loads(said["predictions"].out)["mapping"] == {"item": "item", "no": "p_no", "yes": "p_yes"}
    assert "nothing was changed" in shell("predictions", "model.csv", "--run", "folds").out
    turned = shell(
        "predictions", "model.csv", "--run", "t", "--dry-run", "--map", "item=item,yes=p_no", "--map", "no=p_yes"
    )  # fmt: skip
    assert "would import the model run 't', 30 items × 2 labels" in turned.out
    skipped = shell("predictions", "odd_model.csv", "--run", "x", "--dry-run", "--skip-bad-rows").out
    for words in ("28 items ×", "row 5: the probabilities sum to 1.5, not to 1", "not in the project: j3"):
        assert words in skipped


def test_a_dry_run_needs_no_store_and_makes_none(shell: Shell, said: dict[str, Ran]) -> None:
    tried = shell("import", "answers.csv", "--dry-run", "--store", "nowhere", "--json")
    assert (tried.code, json.loads(tried.out)["imported"]) == (0, 120)
    assert not (shell.folder / "nowhere").exists()


def test_the_check_says_no(shell: Shell, said: dict[str, Ran]) -> None:
    assert (said["gate"].code, json.loads(said["gate"].out)["passed"]) == (1, False)
    assert said["verify"].code == 0
    labels = shell.folder / "release" / "labels.csv"
    whole = labels.read_bytes()
    labels.write_bytes(whole.replace(b"yes", b"yez", 1))
    broken = shell("verify", "release", "--json")
    labels.write_bytes(whole)
    assert (broken.code, json.loads(broken.out)["valid"]) == (1, False)


WRONG_USE = (
    "",
    "nosuchverb",
    "verify",
    "score --nosuchoption",
    "score --project nosuchproject",
    "score --seed -1",
    "member add zoe",
    "relabel blind i0",
    "relabel blind i0 --label yes --cannot-tell",
    "consensus --out labels.txt",
    "consensus --out nosuchfolder/labels.csv",
)


@pytest.mark.parametrize("words", WRONG_USE)
def test_wrong_use_is_2_and_says_how(shell: Shell, said: dict[str, Ran], words: str) -> None:
    ran = shell(*words.split())
    assert (ran.code, ran.out) == (2, "")
    assert "Usage: touchstone" in ran.err


BAD_INPUT = (
    ("import nosuchfile.csv", "cannot be read"),
    ("import bad.csv", "nothing was imported"),
    ("import answers.csv --format excel", "not a format"),
    ("import answers.csv --map items=item", "no role"),
    ("predictions answers.csv --run r", "no column for 2 of the 2 labels: 'no', 'yes'"),
    ("predictions odd_model.csv --run r", "nothing was imported"),
    ("predictions odd_model.csv --run folds --skip-bad-rows", "there with other probabilities"),
    ("predictions model.csv --run r --map maybe=p_no", "no role 'maybe'"),
    ("score --method magic", "not a method"),
    ("score --device magic", "device='magic'"),
    ("score --replicates 7", "at least 100"),
    ("flag --least-probability 3", "between 0 and 1"),
    ("gate --policy nosuchfile.toml", "cannot be read"),
    ("level interval", "needs numbers"),
    ("member add zoe --role king", "at least one role"),
    ("flag --by ana", "may not do this"),
    ("flag --by nobody", "not a member"),
    ("relabel blind nosuchitem --label yes --by ana", "no item"),
    ("relabel blind i29 --label yes --by ana", "never flagged"),
    ("relabel answer i2 --verdict maybe --expected-version 1 --by ana", "A verdict is one of"),
    ("adjudicate i2 --label perhaps --reason r --expected-version 1", "not in the label set"),
    ("adjudicate i4 --label yes --reason r --expected-version 9", "you saw 9"),
    ("release waive coverage --reason r --release 1", "Nothing was changed"),
    ("release approve 7", "no release '7'"),
    ("release export 1 --out release", "already exists"),
)


@pytest.mark.parametrize(("words", "reason"), BAD_INPUT)
def test_bad_input_is_3_says_why_and_changes_nothing(
    shell: Shell, said: dict[str, Ran], words: str, reason: str
) -> None:
    (shell.folder / "bad.csv").write_text("item,annotator,label\ni0,zoe,yes\ni1,,no\n")
    before = shell.journal()
    ran = shell(*words.split())
    assert ran.code == 3, ran
    assert reason in ran.out + ran.err
    assert "Traceback" not in ran.err
    assert shell.journal() == before


def test_a_store_that_is_not_there_is_4(shell: Shell) -> None:
    ran = shell("score", store=shell.folder / "nowhere")
    assert (ran.code, ran.out) == (4, "")
    assert "There is no store" in ran.err


def test_a_store_that_another_process_has_open_is_4_and_names_it(shell: Shell, said: dict[str, Ran]) -> None:
    script = "import sys; from data.store import Store; s = Store.open(sys.argv[1]); print(flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", script, str(shell.folder / "store")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        ran = shell("score")
        looked = shell("verify", "store")
        holder.communicate()
    assert (ran.code, ran.out) == (4, "")
    assert f"process {holder.pid}" in ran.err
    assert looked.code == 0  # verifying reads the files alone
    assert shell("member", "list").code == 0


def test_the_installed_command_ends_with_the_same_codes(tmp_path: Path) -> None:
    def ended(*words: str) -> tuple[int, str]:
        done = subprocess.run([TOUCHSTONE, *words], capture_output=True, text=True, check=False, cwd=tmp_path)
        return done.returncode, done.stdout + done.stderr

    assert ended("--version")[0] == 0
    assert re.match(r"touchstone \d+\.\d+\.\d+$", ended("--version")[1])
    for words, code in ((("--help",), 0), (("score", "--nope"), 2), (("--store", "none", "score"), 4)):
        found, said = ended(*words)
        assert found == code
        assert "Traceback" not in said
