"""The README.txt of a release bundle: what it is, and how to check it by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

COLUMN_WORDS: Mapping[str, str] = {
    "item_id": "the item",
    "label": "its released label",
    "label_version": "how many labels the item had had by then, this one included",
    "source": "consensus (computed from annotations), relabel (two people agreed) or "
    "adjudication (a lead decided)",
    "method": "how the consensus was computed",
    "run_id": "the computation that made the label",
    "p_label": "the probability that the computation gave the label (not calibrated against gold)",
    "n_annotations": "how many annotations the computation used for the item",
    "decided_by": "who decided, where a person did",
    "reason": "why",
    "recorded_at": "when the label was recorded (UTC)",
    "event_seq": "the event of the store's journal that recorded it",
    "text": "the item's text",
}

_TEMPLATE = """\
{title}, release {version}
{rule}

{n_items} items with their labels. Content hash (SHA-256):

    {content_hash}

Approved by: {people}
{gates}

Files
-----
labels.parquet   the labels, one row an item
labels.csv       the same rows, UTF-8. A text cell that a spreadsheet could run as a formula (it begins with
                 = + - @ or a tab or line end, or with ', and is no number) has a ' in front; take one leading
                 ' away to get the text back.
manifest.json    what this release is: gates with values and limits, signatures, metric definitions, and the
                 SHA-256 of every other file
events.jsonl     the store's own journal lines about this release (proposal, waivers, signatures), as written
README.txt       this text

Columns
-------
{columns}

How to check it
---------------
With Touchstone:   touchstone verify FOLDER
By hand, offline, in three steps:

1. Files. SHA-256 of each file = the one in manifest.json under "files"  (sha256sum labels.csv).

2. Labels. This prints the content hash of labels.csv; it must be the one above:

{script}

3. Signatures. Each line of events.jsonl ends with "hash":"…": the SHA-256 of the line's bytes before ,"hash".
   The lines of kind release_signed with the decision approve must come from {needed} different actors and
   carry the content hash of step 2; a gate with "status":"failed" in the line release_proposed needs a line
   gate_waived.

What this does not show: that nobody wrote the folder as a whole anew. The store's journal has an event
release_exported with the SHA-256 of this manifest.json; compare the two with whoever keeps the store.
"""

_SCRIPT = """\
import csv, hashlib, json

csv.field_size_limit(10**9)
with open("labels.csv", encoding="utf-8", newline="") as file:
    rows = [{{k: v[v[:1] == "'" :] for k, v in row.items()}} for row in csv.DictReader(file)]
digest = hashlib.sha256()
for row in sorted(rows, key=lambda row: row["item_id"]):
    line = [row["item_id"], int(row["label_version"]), {label}]
    text = json.dumps(line, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    digest.update((text + "\\n").encode())
print(digest.hexdigest())
"""


def readme(manifest: Mapping[str, object], columns: Sequence[str], *, labels_are_json: bool) -> str:
    """The text, from a manifest's title, version, n_items, content_hash, signatures and waivers."""
    title = f"{manifest['title']}, release {manifest['version']}"
    signatures = cast("Sequence[Mapping[str, object]]", manifest["signatures"])
    return _TEMPLATE.format(
        title=manifest["title"],
        version=manifest["version"],
        rule="=" * len(title),
        n_items=manifest["n_items"],
        content_hash=manifest["content_hash"],
        people=", ".join(f"{entry['person_id']} ({entry['signed_at']})" for entry in signatures),
        gates=_gates(cast("Sequence[Mapping[str, object]]", manifest["waivers"])),
        columns="\n".join(f"{name:<17}{COLUMN_WORDS[name]}" for name in columns),
        script="\n".join(f"    {line}" for line in hash_script(labels_are_json=labels_are_json).splitlines()),
        needed="two",
    )


def hash_script(*, labels_are_json: bool) -> str:
    """A Python script that prints the content hash of the labels.csv in the working folder."""
    label = 'json.loads(row["label"])' if labels_are_json else 'row["label"]'
    return _SCRIPT.format(label=label)


def _gates(waivers: Sequence[Mapping[str, object]]) -> str:
    if not waivers:
        return "Gates: all of them passed (manifest.json)."
    lines = [f"  {entry['gate']}: waived by {entry['person_id']}: {entry['reason']}" for entry in waivers]
    return "GATES THAT DID NOT PASS AND WERE WAIVED:\n" + "\n".join(lines)
