"""The bias statement as a page of its own, which reads without the app and prints."""

from __future__ import annotations

from html import escape

from dashboard.workflows.bias_statement import Finding, Statement, digest

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


def page(found: Statement, *, title: str, release: str = "") -> str:
    """The statement as one HTML document without scripts or anything from elsewhere; texts from data are escaped."""
    when = "" if found.compared_at is None else f"Compared {found.compared_at:%d %B %Y, %H:%M} UTC. "
    old = " Annotations came in after the comparison." if found.stale else ""
    head = f"{escape(title)}{' · ' + escape(release) if release else ''}"
    parts = [
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Bias statement: {head}</title>',
        f"<style>{_STYLE}</style></head><body>",
        f'<p class="quiet">Bias statement · {head}</p><h1>{escape(found.sentence)}</h1>',
        f'<p>{escape(found.detail)}</p><p class="quiet">{when}As of event {found.seq:,}.{old}</p>',
        *_findings(found),
        *_untested(found),
        *_method(found),
        f'<p class="quiet">SHA-256 of the statement: {digest(found)}</p></body></html>',
    ]
    return "\n".join(parts)


def _findings(found: Statement) -> list[str]:
    if found.run_id is None:
        return []
    parts = ["<h2>Findings, and what is done about each</h2>"]
    if not found.findings:
        return [*parts, "<p>None.</p>"]
    return [*parts, *(_finding(one) for one in found.findings)]


def _finding(one: Finding) -> str:
    done = "Nothing was decided yet." if one.answer is None else one.answer.words()
    kind = "finding" if one.row["verdict"] == "gap" else "finding unclear"
    sentence = f"{one.sentence[:1].upper()}{one.sentence[1:]}."
    return (
        f'<section class="{kind}"><p><strong>{escape(sentence)}</strong></p><p>{escape(one.said.capitalize())}. '
        f"{escape(one.evidence)}</p><p>{escape(done)}</p></section>"
    )


def _untested(found: Statement) -> list[str]:
    if not found.untested:
        return []
    rows = [f"<tr><td>{escape(what)}</td><td>{escape(why)}</td></tr>" for what, why in found.untested]
    return [
        "<h2>What could not be tested, and why</h2><table><tr><th>What</th><th>Why</th></tr>",
        *rows,
        "</table>",
    ]


def _method(found: Statement) -> list[str]:
    if found.run_id is None:
        return []
    ways = "items and annotators" if found.parameters.get("generalise") else "what each claim is about"
    name = _CORRECTIONS.get(str(found.parameters.get("correction")), "a correction")
    people, items = (found.parameters.get(f"least_{what}") for what in ("people", "items"))
    said = (
        f"{found.n_tested:,} gaps between groups by {', '.join(found.compared)} were tested together, corrected by {name}. "
        f"Gaps are held fixed by comparing inside the same items (or annotators). Intervals draw {ways} anew, "
        f"{found.parameters.get('replicates')} times. Groups of fewer than {people} annotators or {items} items are not shown, nor "
        "those that would give them away."
    )
    return ["<h2>How it was measured</h2>", f"<p>{escape(said)}</p>"]
