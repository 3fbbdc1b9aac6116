"""The bias statement as a page of its own, which reads without the app and prints."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from html import escape
from typing import Any

from dashboard.workflows.bias_statement import digest

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #1b2130; max-width: 46rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin-bottom: .25rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
.quiet { color: #5f6779; font-size: .9rem; } table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th, td { text-align: left; vertical-align: top; padding: .35rem .5rem; border-bottom: 1px solid #d8dbe4; }
section.finding { border-left: 3px solid #c98a00; padding: .25rem 0 .25rem .9rem; margin: 1rem 0; }
section.unclear { border-color: #6a7284; } p { margin: .3rem 0; }
@media print {
  body { margin: 0; max-width: none; font-size: 11pt; }
  section.finding, tr { break-inside: avoid; } h2 { break-after: avoid; }
}
"""


_CORRECTIONS = {
    "benjamini-yekutieli": "Benjamini and Yekutieli (2001)",
    "benjamini-hochberg": "Benjamini and Hochberg (1995)",
}


def page(document: Mapping[str, Any], *, title: str, release: str = "") -> str:
    """The statement as one HTML document without scripts or anything from elsewhere; texts from data are escaped.

    Args:
        document: `bias_statement.document`, of now or as a release keeps it.
        title: of the project.
        release: what the release is called, where it is of one.
    """
    answer, seq = document["answer"], document["as_of_seq"]
    compared = document["compared_at"]
    when = "" if compared is None else f"Compared {datetime.fromisoformat(compared):%d %B %Y, %H:%M} UTC. "
    old = " Annotations came in after the comparison." if document["stale"] else ""
    head = f"{escape(title)}{' · ' + escape(release) if release else ''}"
    parts = [
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Bias statement: {head}</title>',
        f"<style>{_STYLE}</style></head><body>",
        f'<p class="quiet">Bias statement · {head}</p><h1>{escape(answer["sentence"])}</h1>',
        f'<p>{escape(answer["detail"])}</p><p class="quiet">{when}As of event {seq:,}.{old}</p>',
        *_findings(document),
        *_actions(document),
        *_untested(document),
        *_people(document),
        *_method(document),
        *_reading(document),
        f'<p class="quiet">SHA-256 of the statement: {digest(document)}</p></body></html>',
    ]
    return "\n".join(parts)


def _findings(document: Mapping[str, Any]) -> list[str]:
    if document["run_id"] is None:
        return []
    parts = ["<h2>Findings, and what is done about each</h2>"]
    if not document["findings"]:
        return [*parts, "<p>None.</p>"]
    return [*parts, *(_finding(one) for one in document["findings"])]


def _finding(one: Mapping[str, Any]) -> str:
    done = "Nothing was decided yet." if one["action"] is None else one["action"]["sentence"]
    kind = "finding" if one["verdict"] == "gap" else "finding unclear"
    sentence = f"{one['sentence'][:1].upper()}{one['sentence'][1:]}."
    return (
        f'<section class="{kind}"><p><strong>{escape(sentence)}</strong></p><p>{escape(one["said"].capitalize())}. '
        f"{escape(one['evidence'])}</p><p>{escape(done)}</p></section>"
    )


def _actions(document: Mapping[str, Any]) -> list[str]:
    if not document["actions"] and not document["decided_before"]:
        return []
    parts = ["<h2>What was done</h2>"]
    for one in document["actions"]:
        expected = (
            ""
            if one["expected"] is None
            else f"<p>Expected before it was decided: {escape(one['expected'])}.</p>"
        )
        about = "" if not one["answers"] else f"<p>It answers: {escape('; '.join(one['answers']))}.</p>"
        parts.append(
            f'<section class="finding unclear"><p><strong>{escape(one["words"])}</strong> ({_reason(one)}).</p>{expected}'
            f"<p>{one['n_flagged']:,} items were sent to people, {one['n_settled']:,} are settled.</p>{about}{_who(one)}</section>"
        )
    return parts + [
        f'<section class="finding unclear"><p><strong>{escape(one["what"])}</strong>: no gap is found any more. '
        f"Decided before: {escape(one['words'])} ({_reason(one)}).</p>{_who(one)}</section>"
        for one in document["decided_before"]
    ]


def _reason(one: Mapping[str, Any]) -> str:
    return escape(str(one["reason"]).rstrip(" ."))


def _who(one: Mapping[str, Any]) -> str:
    when = datetime.fromisoformat(one["decided_at"])
    return f'<p class="quiet">{escape(one["decided_by"])}, {when:%d %B %Y, %H:%M} UTC</p>'


def _untested(document: Mapping[str, Any]) -> list[str]:
    if not document["not_testable"]:
        return []
    rows = [
        f"<tr><td>{escape(one['what'])}</td><td>{escape(one['why'])}</td></tr>"
        for one in document["not_testable"]
    ]
    return [
        "<h2>What could not be tested, and why</h2><table><tr><th>What</th><th>Why</th></tr>",
        *rows,
        "</table>",
    ]


def _people(document: Mapping[str, Any]) -> list[str]:
    told = document["croissant_rai"]["rai:annotatorDemographics"]
    return ["<h2>Who labelled</h2>", *(f"<p>{escape(one)}</p>" for one in told)] if told else []


_READING = (
    ("A gap", "is the share of a group less that of all others, in points of a hundred; [from, to] is where it may well be."),
    ("Held fixed", "people are compared on the same items, and items as labelled by the same people: what was handed out makes no gap."),
    ("After correction", "p is how likely chance alone would show as much, so many gaps being looked at; 0.05 or less counts."),
    ("A gap that stays", "is there after all that. It is not yet somebody's fault: read the items behind it first."),
    ("A mixed model", "is a second way to work out the same gap, which weighs each person by what can be learnt from them."),
    ("Ratio, odds ratio, Cohen's h", "are the same gap on other scales, to compare with other studies; h 0.2 is small, 0.5 medium."),
)  # fmt: skip


def _reading(document: Mapping[str, Any]) -> list[str]:
    """What the words mean, for who has not read them before; where there are figures to read."""
    if not document["findings"]:
        return []
    rows = [
        f"<tr><td><strong>{escape(word)}</strong></td><td>{escape(means)}</td></tr>"
        for word, means in _READING
    ]
    return ["<h2>How to read it</h2><table>", *rows, "</table>"]


def _method(document: Mapping[str, Any]) -> list[str]:
    if document["run_id"] is None:
        return []
    held = document["method"]
    ways = "items and annotators" if held["generalise"] else "what each claim is about"
    name = _CORRECTIONS.get(str(held["correction"]), "a correction")
    said = (
        f"{document['n_tested']:,} gaps between groups by {', '.join(document['compared'])} were tested together, corrected by {name}. "
        f"Gaps are held fixed by comparing inside the same items (or annotators). Intervals draw {ways} anew, "
        f"{held['replicates']} times. Groups of fewer than {held['least_people']} annotators or {held['least_items']} items are not "
        "shown, nor those that would give them away."
    )
    return ["<h2>How it was measured</h2>", f"<p>{escape(said)}</p>"]
