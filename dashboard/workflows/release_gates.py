"""The gates of a release: limits from the settings against figures that were stored for the data as it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

import polars as pl

from dashboard.workflows.opening import Store
from dashboard.workflows.rules import Person, require
from dashboard.workflows.settings import ALPHA, BIAS, COVERAGE, FLAGS, GOLD, Limit, limits
from data.database import Reader

PASSED: Literal["passed"] = "passed"
FAILED: Literal["failed"] = "failed"
NOT_APPLICABLE: Literal["not_applicable"] = "not_applicable"
Status = Literal["passed", "failed", "not_applicable"]

TITLES: Mapping[str, str] = {
    ALPHA: "Krippendorff's alpha, lower end",
    FLAGS: "Open flags",
    COVERAGE: "Items with a label",
    GOLD: "Consensus accuracy on gold, lower end",
    BIAS: "Gaps between groups without an answer",
}


@dataclass(frozen=True, slots=True)
class Gate:
    """One gate and what it says.

    `value` is what is held against `limit`: for a figure, the lower end of its interval. `status`:
    an undefined figure fails; not applicable means that the project has nothing to judge by (no
    gold), or that a setting switched the gate off. `detail` says what was found, `todo` what would
    mend it ("" where nothing needs to be done). `estimate`, `high`, `n`: the figure itself, the
    other end of its interval, and what it rests on.
    """

    key: str
    title: str
    value: float | None
    limit: float | None
    comparison: Literal[">=", "<="]
    unit: Literal["coefficient", "share", "count"]
    status: Status
    detail: str
    todo: str = ""
    estimate: float | None = None
    high: float | None = None
    n: int | None = None
    run_id: str | None = None

    @property
    def passed(self) -> bool:
        """Whether the gate lets the release through without a waiver."""
        return self.status != FAILED

    def as_payload(self) -> dict[str, object]:
        """The gate as a release's proposal keeps it."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class GateReport:
    """What all gates say of a project as of a seq."""

    gates: tuple[Gate, ...]
    as_of: int

    @property
    def passed(self) -> bool:
        """Whether no gate says no."""
        return all(gate.passed for gate in self.gates)

    @property
    def failed(self) -> tuple[Gate, ...]:
        """The gates that say no."""
        return tuple(gate for gate in self.gates if not gate.passed)

    def sentence(self) -> str:
        """The answer in words, with the figures that decide it."""
        if self.passed:
            return "These labels are fit to release: every gate passes."
        return f"These labels are not fit to release: {'; '.join(gate.detail for gate in self.failed)}."


def check_gates(
    store: Store,
    *,
    project_id: str,
    by: Person,
    policy: Sequence[Limit] | None = None,
    as_of: int | None = None,
) -> GateReport:
    """What the gates say of a project, under its settings or under a policy's limits; changes nothing."""
    require(by, "view.figures")
    return evaluate(
        store, project_id, policy or limits(store, project_id, as_of=as_of), as_of=as_of or store.head
    )


def evaluate(reader: Store | Reader, project_id: str, held: Sequence[Limit], *, as_of: int) -> GateReport:
    """Every gate, in the order of the settings."""
    state = reader.read("release_gate_state", project_id=project_id, as_of=as_of).row(0, named=True)
    figures = reader.read("release_gate_figures", project_id=project_id, as_of=as_of)
    compared = reader.read("bias_open_gaps", project_id=project_id, as_of=as_of)
    by_key = {limit.key: limit for limit in held}
    gates = (
        _alpha(by_key[ALPHA], figures, state),
        _flags(by_key[FLAGS], state),
        _coverage(by_key[COVERAGE], state),
        _gold(by_key[GOLD], figures, state),
        _bias(by_key[BIAS], compared),
    )
    return GateReport(gates, as_of)


def figure_text(value: float | None, unit: str, *, beside: float | None = None) -> str:
    """A gate's value as a person reads it, with as many digits as tell it from the `beside` that it is not.

    >>> figure_text(0.6668, "coefficient", beside=0.667), figure_text(0.9996, "share", beside=1.0)
    ('0.6668', '99.96 %')
    >>> figure_text(3, "count"), figure_text(None, "share")
    ('3', 'undefined')
    """
    if value is None:
        return "undefined"
    if unit == "count":
        return f"{value:,.0f}"
    for digits in range(3, 12):
        text = _digits(value, unit, digits)
        if beside is None or value == beside or text != _digits(beside, unit, digits):
            return text
    return str(value)


def _digits(value: float, unit: str, digits: int) -> str:
    return f"{value * 100:.{digits - 2}f} %" if unit == "share" else f"{value:.{digits}f}"


def _alpha(limit: Limit, figures: pl.DataFrame, state: Mapping[str, int]) -> Gate:
    stale = {"annotations": state["annotated_seq"], "the label set": state["label_set_seq"]}
    return _figure_gate(
        limit,
        figures,
        stale,
        unit="coefficient",
        todo="Clearer guidelines and more independent annotations raise it; relabelling does not. "
        "Agreement shows where people differ.",
    )


def _gold(limit: Limit, figures: pl.DataFrame, state: Mapping[str, int]) -> Gate:
    if state["n_gold"] == 0:
        return _gate(limit, None, "share", NOT_APPLICABLE, "no item has a gold label")
    stale = {
        "annotations": state["annotated_seq"],
        "gold labels": state["gold_seq"],
        "a consensus": state["scored_seq"] - 1,
    }
    return _figure_gate(
        limit,
        figures,
        stale,
        unit="share",
        todo="Look at the gold items where the consensus differs, and at who labelled them.",
    )


def _figure_gate(
    limit: Limit,
    figures: pl.DataFrame,
    newer: Mapping[str, int],
    *,
    unit: Literal["coefficient", "share"],
    todo: str,
) -> Gate:
    """A gate on the lower end of a stored figure, which has to be about the data as it is."""
    if limit.value is None:
        return _switched_off(limit, unit)
    name = TITLES[limit.key].removesuffix(", lower end")
    found = figures.filter(pl.col("key") == limit.key)
    if found.is_empty():
        return _gate(limit, None, unit, FAILED, f"{name} was never computed", "Score the project.")
    row = found.row(0, named=True)
    rest = {"estimate": row["value"], "high": row["high"], "n": row["n"], "run_id": row["run_id"]}
    # a run's own event stands after what it saw, so a consensus is newer only where its event is
    since = [
        what
        for what, seq in newer.items()
        if seq > (row["seq"] - 1 if what == "a consensus" else row["saw_seq"])
    ]
    if since:
        detail = f"{name} was computed before {' and '.join(since)} changed"
        return _gate(limit, None, unit, FAILED, detail, "Score again.", **rest)
    if row["value"] is None:
        return _gate(limit, None, unit, FAILED, f"{name} is undefined ({row['undefined']})", todo, **rest)
    if row["low"] is None:
        detail = f"{name} is {figure_text(row['value'], unit)} and no interval can be given for it"
        return _gate(
            limit,
            None,
            unit,
            FAILED,
            detail,
            "More items labelled by several people give an interval.",
            **rest,
        )
    low, wanted = row["low"], limit.value
    status = PASSED if low >= wanted else FAILED
    word = "at or over" if status == PASSED else "under"
    interval = f"[{figure_text(low, unit, beside=wanted)}, {figure_text(row['high'], unit)}]"
    detail = (
        f"{name} {figure_text(row['value'], unit)} {interval}, "
        f"lower end {word} the limit of {figure_text(wanted, unit)}"
    )
    return _gate(limit, low, unit, status, detail, "" if status == PASSED else todo, **rest)


def _flags(limit: Limit, state: Mapping[str, int]) -> Gate:
    if limit.value is None:
        return _switched_off(limit, "count")
    n_open = state["n_open_flags"]
    status = PASSED if n_open <= limit.value else FAILED
    if n_open:
        detail = f"{n_open:,} {'flags are' if n_open != 1 else 'flag is'} open of {state['n_flags']:,} raised"
    elif state["n_flags"]:
        detail = f"all {state['n_flags']:,} flags are settled"
    else:
        detail = "no flag was ever raised"
    detail += f", the limit is {limit.value:,.0f}" if n_open else ""
    todo = "" if status == PASSED else "Relabel the open flags, and adjudicate where people differ."
    return _gate(limit, float(n_open), "count", status, detail, todo, n=state["n_flags"])


def _coverage(limit: Limit, state: Mapping[str, int]) -> Gate:
    if limit.value is None:
        return _switched_off(limit, "share")
    n_items, n_labelled = state["n_items"], state["n_labelled"]
    if n_items == 0:
        return _gate(limit, None, "share", FAILED, "the project has no items", "Import annotations.")
    share = n_labelled / n_items
    status = PASSED if share >= limit.value else FAILED
    detail = f"{n_labelled:,} of {n_items:,} items have a label"
    if status == FAILED:
        detail += f", the limit is {figure_text(limit.value, 'share')}"
    todo = "" if status == PASSED else f"Get the other {n_items - n_labelled:,} annotated, then score."
    return _gate(limit, share, "share", status, detail, todo, n=n_items)


def _bias(limit: Limit, compared: pl.DataFrame) -> Gate:
    if limit.value is None:
        return _switched_off(limit, "count")
    if compared.is_empty():
        return _gate(
            limit, None, "count", NOT_APPLICABLE, "groups of annotators or items were never compared"
        )
    gaps = compared.drop_nulls("gap_id")
    n_gaps, n_open = gaps.height, gaps.filter(~pl.col("is_answered")).height
    status = PASSED if n_open <= limit.value else FAILED
    if not n_gaps:
        detail = "the newest comparison of groups found no gap that stays"
    elif not n_open:
        detail = (
            "the gap between groups that stays has an answer"
            if n_gaps == 1
            else f"all {n_gaps:,} gaps between groups that stay have an answer"
        )
    else:
        detail = (
            f"nothing was decided about {n_open:,} of {n_gaps:,} {'gap' if n_gaps == 1 else 'gaps'} between groups, "
            f"the limit is {limit.value:,.0f}"
        )
    todo = (
        ""
        if status == PASSED
        else "Decide about each on Bias, Statement; accepting one with a reason is an answer."
    )
    return _gate(limit, float(n_open), "count", status, detail, todo, n=n_gaps)


def _switched_off(limit: Limit, unit: Literal["coefficient", "share", "count"]) -> Gate:
    who = f"by {limit.set_by}" if limit.set_by else "by the policy"
    return _gate(limit, None, unit, NOT_APPLICABLE, f"switched off {who}")


def _gate(
    limit: Limit,
    value: float | None,
    unit: Literal["coefficient", "share", "count"],
    status: Status,
    detail: str,
    todo: str = "",
    *,
    estimate: float | None = None,
    high: float | None = None,
    n: int | None = None,
    run_id: str | None = None,
) -> Gate:
    return Gate(
        key=limit.key, title=TITLES[limit.key], value=value, limit=limit.value,
        comparison="<=" if limit.key in (FLAGS, BIAS) else ">=", unit=unit, status=status, detail=detail, todo=todo,
        estimate=estimate, high=high, n=n, run_id=run_id,
    )  # fmt: skip
