"""The bias statement: what was found, what could not be tested and why, and what was done about each finding.

It is made of what the journal held at one moment and of nothing else, so the statement of a release is the same for ever. It
holds figures of groups large enough to be shown, and no annotator's attribute.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from dashboard.workflows import bias_answers, bias_view
from dashboard.workflows.bias_answers import Answer
from dashboard.workflows.bias_rows import KEYS, gap_id
from dashboard.workflows.opening import Store
from dashboard.workflows.rules import Person, require
from data.database import Reader
from data.journal import canonical_json

SCHEMA = "touchstone-bias-statement/1"
NOT_MEASURED = "Whether somebody is treated differently was not measured"
_FIGURES = (
    "n", "n_items", "n_annotators", "value", "low", "high", "others", "difference", "diff_low", "diff_high", "ratio", "odds_ratio",
    "cohens_h", "n_shared", "adjusted", "adjusted_low", "adjusted_high", "beyond", "beyond_low", "beyond_high", "p_adjusted",
    "fcr_low", "fcr_high", "verdict",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Finding:
    """A gap that stays, or that cannot be told: its row of the table, in words, and what was decided (None: nothing yet)."""

    named: str
    row: Mapping[str, Any]
    sentence: str
    said: str
    evidence: str
    answer: Answer | None


@dataclass(frozen=True, slots=True)
class Statement:
    """A bias statement. `untested`: what, why; `compared_at` and `run_id` are None where nothing was measured."""

    project_id: str
    seq: int
    run_id: str | None
    compared_at: datetime | None
    stale: bool
    state: bias_view.State
    sentence: str
    detail: str
    compared: tuple[str, ...]
    n_tested: int
    findings: tuple[Finding, ...]
    untested: tuple[tuple[str, str], ...]
    parameters: Mapping[str, object]

    @property
    def unanswered(self) -> tuple[Finding, ...]:
        """Gaps that stay about which nothing was decided."""
        return tuple(one for one in self.findings if one.answer is None and one.row["verdict"] == "gap")


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
    if seen is None:
        untested = (("groups", "nobody compared any"),)
        return Statement(
            project_id, as_of, None, None, False, "undefined", NOT_MEASURED, "", (), 0, (), untested, {}
        )
    answers = bias_answers.answers(store, project_id, as_of=as_of)
    told = bias_view.most_telling(seen.gaps)
    findings = tuple(
        Finding(
            named=gap_id(row),
            row=row,
            sentence=bias_view.sentence(row),
            said=bias_view.verdict_words(row),
            evidence=bias_view.evidence(row),
            answer=answers.get(gap_id(row)),
        )
        for row in told.iter_rows(named=True)
        if row["verdict"] in ("gap", "unclear")
    )
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
        n_tested=seen.gaps.height - seen.gaps["tested_p"].null_count(),
        findings=findings,
        untested=_untested(seen),
        parameters=seen.run.parameters,
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
        "not_testable": [{"what": what, "why": why} for what, why in found.untested],
        "croissant_rai": _croissant(found),
    }


def digest(found: Statement) -> str:
    """SHA-256 of the statement's canonical JSON."""
    return hashlib.sha256(canonical_json(document(found)).encode()).hexdigest()


def _finding(one: Finding) -> dict[str, object]:
    gap, ends = bias_view.gap_of(one.row)
    return {
        **{name: one.row[name] for name in KEYS},
        "sentence": one.sentence,
        "said": one.said,
        "gap": gap,
        "gap_low": None if ends is None else ends[0],
        "gap_high": None if ends is None else ends[1],
        **{name: one.row[name] for name in _FIGURES},
        "action": None if one.answer is None else one.answer.as_document(),
    }


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
    for row in bias_view.most_telling(seen.gaps).iter_rows(named=True):
        if row["verdict"] in ("described", "undefined"):
            why = (
                row["undefined"]
                or row["adjusted_undefined"]
                or row["adjusted_no_interval"]
                or row["no_interval"]
            )
            found.append((bias_view.what(row), str(why or "no interval can be claimed")))
        elif row["adjusted_undefined"]:
            found.append((f"{bias_view.what(row)}, held fixed", str(row["adjusted_undefined"])))
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
    people = [name for name in found.compared if any(
        one.row["attribute"] == name and one.row["side"] != "item" for one in found.findings)]  # fmt: skip
    analysis = [found.detail] if found.detail else []
    analysis += [f"{what} was not tested: {why}." for what, why in found.untested]
    return {
        "rai:dataBiases": told,
        "rai:annotatorDemographics": [f"Annotators differ by {name}." for name in people],
        "rai:dataAnnotationAnalysis": analysis,
    }


def _done(one: Finding) -> str:
    return "" if one.answer is None else f" {one.answer.words()}"
