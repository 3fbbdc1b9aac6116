"""The bias statement: what was found, what could not be tested and why, and what was done about each finding.

It is made of what the journal held at one moment and of nothing else; a release keeps the document itself. It holds figures of
groups large enough to be shown, and no annotator's attribute; what an action was expected to do is left out once it names a group
that is not shown any more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl

from dashboard.workflows import bias_decisions, bias_view
from dashboard.workflows.bias_decisions import Decision
from dashboard.workflows.bias_rows import KEYS, gap_id
from dashboard.workflows.opening import Store
from dashboard.workflows.rules import Person, require
from data.database import Reader
from data.journal import canonical_sha256

SCHEMA = "touchstone-bias-statement/1"
NAMED_APART = 3
"""So many figures that could not be tested for one reason are named each; of more it is said how many."""

NOT_MEASURED = "Whether somebody is treated differently was not measured"
_FIGURES = (
    "n", "n_items", "n_annotators", "value", "low", "high", "others", "difference", "diff_low", "diff_high", "ratio", "odds_ratio",
    "cohens_h", "n_shared", "adjusted", "adjusted_low", "adjusted_high", "beyond", "beyond_low", "beyond_high", "p_adjusted",
    "fcr_low", "fcr_high", "mixed", "mixed_low", "mixed_high", "mixed_p_adjusted", "mixed_says", "mixed_undefined",
    "verdict",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Finding:
    """A gap that stays, or that cannot be told: its row of the table, in words, and what was decided (None: nothing yet)."""

    named: str
    row: Mapping[str, Any]
    sentence: str
    said: str
    evidence: str
    decision: Decision | None


@dataclass(frozen=True, slots=True)
class Taken:
    """An action that was decided on. `expected`: its effect as it was worked out before, None where that names a group that is not
    shown any more; `answers`: what gaps it answers, in words, of those still compared.
    """

    decision: Decision
    expected: str | None
    answers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Statement:
    """A bias statement. `untested`: what, why; `compared_at` and `run_id` are None where nothing was measured.

    `people`: what is known of the annotators, a sentence for each attribute that was compared, of groups that are shown;
    `actions`: what was decided on, with its expected effect, oldest first; `earlier`: what was decided about gaps that are compared
    and found no longer: what they are of, and the decision.
    """

    project_id: str
    seq: int
    run_id: str | None
    compared_at: datetime | None
    stale: bool
    state: bias_view.State
    sentence: str
    detail: str
    compared: tuple[str, ...]
    people: tuple[str, ...]
    n_tested: int
    findings: tuple[Finding, ...]
    actions: tuple[Taken, ...]
    earlier: tuple[tuple[str, Decision], ...]
    untested: tuple[tuple[str, str], ...]
    parameters: Mapping[str, object]
    open_gaps: frozenset[str] = frozenset()

    @property
    def unanswered(self) -> tuple[Finding, ...]:
        """Gaps that stay about which nothing was decided (`open_gaps`)."""
        return tuple(one for one in self.findings if one.named in self.open_gaps)


def statement(store: Store, *, project_id: str, by: Person, as_of: int | None = None) -> Statement:
    """The bias statement as of a seq.

    Raises:
        NotAllowed: the person may not see figures.
    """
    require(by, "view.figures")
    return read_statement(store, project_id, as_of=store.head if as_of is None else as_of)


def read_statement(store: Store | Reader, project_id: str, *, as_of: int) -> Statement:
    """As `statement`, for another use case that checked the rules."""
    seen = bias_view.read_view(store, project_id, as_of=as_of)
    made = bias_decisions.decisions(store, project_id, as_of=as_of)
    if seen is None:
        untested = (("groups", "nobody compared any"),)
        return Statement(
            project_id=project_id, seq=as_of, run_id=None, compared_at=None, stale=False, state="undefined", sentence=NOT_MEASURED,
            detail="", compared=(), people=(), n_tested=0, findings=(), actions=_taken(made, {}, frozenset()), earlier=(),
            untested=untested, parameters={},
        )  # fmt: skip
    newest = bias_decisions.newest_by_gap(made)
    compared = {gap_id(row): row for row in seen.gaps.iter_rows(named=True)}
    told = bias_view.most_telling(seen.gaps)
    findings = tuple(
        Finding(
            named=gap_id(row),
            row=row,
            sentence=bias_view.sentence(row),
            said=bias_view.verdict_words(row),
            evidence=bias_view.evidence(row),
            decision=newest.get(gap_id(row)),
        )
        for row in told.iter_rows(named=True)
        if row["verdict"] in ("gap", "unclear")
    )
    open_ids = {one.named for one in findings}
    shown = frozenset(zip(seen.gaps["attribute"], seen.gaps["group"], strict=True))
    return Statement(
        project_id=project_id,
        seq=as_of,
        run_id=seen.run.run_id,
        compared_at=seen.run.ran_at,
        stale=seen.run.stale,
        state=seen.state,
        sentence=seen.sentence,
        detail=seen.detail,
        compared=tuple(seen.gaps["attribute"].unique().sort()),
        people=_people(seen),
        n_tested=seen.gaps.height - seen.gaps["tested_p"].null_count(),
        findings=findings,
        actions=_taken(made, compared, shown),
        earlier=tuple(
            (bias_view.what(compared[named]), one)
            for named, one in sorted(newest.items())
            if named in compared and named not in open_ids
        ),
        untested=_untested(seen),
        parameters=seen.run.parameters,
        open_gaps=bias_decisions.open_gaps(store, project_id, as_of=as_of),
    )


def document(found: Statement) -> dict[str, object]:
    """The statement as JSON: the same for the same journal, however often it is made."""
    return {
        "schema": SCHEMA,
        "project": found.project_id,
        "as_of_seq": found.seq,
        "run_id": found.run_id,
        "compared_at": None if found.compared_at is None else found.compared_at.isoformat(),
        "stale": found.stale,
        "answer": {"state": found.state, "sentence": found.sentence, "detail": found.detail},
        "compared": list(found.compared),
        "n_tested": found.n_tested,
        "method": {
            name: found.parameters.get(name)
            for name in ("correction", "generalise", "replicates", "seed", "least_people", "least_items")
        },
        "findings": [_finding(one) for one in found.findings],
        "actions": [
            {**one.decision.as_document(), "expected": one.expected, "answers": list(one.answers)}
            for one in found.actions
        ],
        "decided_before": [{"what": what, **one.as_document()} for what, one in found.earlier],
        "not_testable": [{"what": what, "why": why} for what, why in found.untested],
        "croissant_rai": _croissant(found),
    }


def digest(document: Mapping[str, object]) -> str:
    """SHA-256 of a statement's canonical JSON."""
    return canonical_sha256(document)


def lines(document: Mapping[str, Any]) -> list[str]:
    """A statement as lines of plain text, for a terminal."""
    told = [f"{document['answer']['sentence']}.", document["answer"]["detail"]]
    for one in document["findings"]:
        done = "nothing was decided yet" if one["action"] is None else one["action"]["sentence"]
        told.append(f"  {one['sentence']}: {one['said']}; {done}")
    for one in document["actions"]:
        expected = f"; expected: {one['expected']}" if one["expected"] else ""
        told.append(f"  done: {one['words']} ({one['reason']}){expected}")
    told += [f"  not tested: {one['what']} ({one['why']})" for one in document["not_testable"]]
    return [line for line in told if line]


def _taken(
    made: Sequence[Decision], compared: Mapping[str, Mapping[str, Any]], shown: frozenset[tuple[str, str]]
) -> tuple[Taken, ...]:
    """The actions among decisions; gaps and groups that are not in the newest comparison are not named."""
    return tuple(
        Taken(
            one,
            one.expected if shown.issuperset(one.groups) else None,
            tuple(bias_view.what(compared[named]) for named in one.about if named in compared),
        )
        for one in made
        if one.expected
    )


def _finding(one: Finding) -> dict[str, object]:
    gap, ends = bias_view.gap_of(one.row)
    return {
        **{name: one.row[name] for name in KEYS},
        "sentence": one.sentence,
        "said": one.said,
        "evidence": one.evidence,
        "gap": gap,
        "gap_low": None if ends is None else ends[0],
        "gap_high": None if ends is None else ends[1],
        **{name: one.row[name] for name in _FIGURES},
        "action": None
        if one.decision is None
        else {**one.decision.as_document(), "sentence": one.decision.words()},
    }


def _people(seen: bias_view.BiasView) -> tuple[str, ...]:
    """Who labelled, by each attribute of annotators that was compared: groups that are shown, and how many people each is."""
    told = []
    hidden = dict(seen.hidden.iter_rows())
    own = seen.gaps.filter(pl.col("side") == "annotator", measure="disagreement")
    people = own.group_by("attribute", "group").agg(pl.col("n_annotators").max()).sort("attribute", "group")
    for (name,), rows in people.group_by("attribute", maintain_order=True):
        groups = ", ".join(f"{row['group']} {row['n_annotators']:,}" for row in rows.iter_rows(named=True))
        left = hidden.get(str(name), 0)
        more = f"; {left} more {'group is' if left == 1 else 'groups are'} not shown" if left else ""
        told.append(f"Annotators by {name}: {groups}{more}.")
    return tuple(told)


def _untested(seen: bias_view.BiasView) -> tuple[tuple[str, str], ...]:
    """What could not be tested, and why: attributes, groups too small to be shown (how many, never which), single figures."""
    found = [(str(name), str(why)) for name, why in seen.untested.iter_rows()]
    found += [
        (
            f"{name}: {n} {'group' if n == 1 else 'groups'}",
            "too small to be shown, or they would give a small one away",
        )
        for name, n in seen.hidden.iter_rows()
    ]
    figures: dict[tuple[str, str, str], list[str]] = {}
    for row in bias_view.most_telling(seen.gaps).iter_rows(named=True):
        by = " × ".join(name for name in (row["attribute"], row["item_attribute"]) if name)
        if row["verdict"] in ("described", "undefined"):
            figures.setdefault((by, "", bias_view.why_not(row)), []).append(bias_view.what(row))
        elif row["adjusted_undefined"]:
            figures.setdefault((by, ", held fixed", str(row["adjusted_undefined"])), []).append(
                bias_view.what(row)
            )
    for (by, held, why), named in figures.items():
        few = len(named) <= NAMED_APART
        found += (
            [(f"{one}{held}", why) for one in named]
            if few
            else [(f"{by}: {len(named):,} figures{held}", why)]
        )
    return tuple(found)


def _croissant(found: Statement) -> dict[str, object]:
    """The fields of Croissant's vocabulary for responsible AI (http://mlcommons.org/croissant/RAI/1.0) that this answers."""
    told = [
        f"{one.sentence[:1].upper()}{one.sentence[1:]}: {one.said}." + _done(one) for one in found.findings
    ]
    if found.run_id is None:
        told = [f"{found.sentence}."]
    elif not told:
        told = [f"{found.sentence}. {found.detail}"]
    analysis = [found.detail] if found.detail else []
    analysis += [f"{what} was not tested: {why}." for what, why in found.untested]
    analysis += [
        f"{one.decision.words()}" + (f" Expected: {one.expected}." if one.expected else "")
        for one in found.actions
    ]
    return {
        "rai:dataBiases": told,
        "rai:annotatorDemographics": list(found.people),
        "rai:dataAnnotationAnalysis": analysis,
    }


def _done(one: Finding) -> str:
    return "" if one.decision is None else f" {one.decision.words()}"
