"""Whether the labels are fit to release, the figures that say so, and what needs doing next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import polars as pl

from dashboard.workflows import monitor
from dashboard.workflows.label_sets import LabelSet, require_label_set
from dashboard.workflows.opening import Store
from dashboard.workflows.release_gates import FAILED, Gate, GateReport, check_gates
from dashboard.workflows.rules import Person, require
from dashboard.workflows.settings import ALPHA, BIAS, COVERAGE, FLAGS, GOLD

State = Literal["fit", "watch", "not fit", "undefined"]


@dataclass(frozen=True, slots=True)
class Card:
    """One figure beside its limit. `trend`: earlier values, oldest first. `limit_is`: "at least" or "at most"."""

    key: str
    title: str
    value: float | None
    low: float | None
    high: float | None
    n: int
    n_unit: str
    unit: str
    limit: float | None
    limit_is: str
    state: State
    undefined: str | None
    trend: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class Todo:
    """Something that needs doing, and the page or the verb (score, flag) that does it."""

    title: str
    sentence: str
    page: str | None
    verb: str | None
    urgent: bool


@dataclass(frozen=True, slots=True)
class Overview:
    """The answer in words, what it rests on, and what to do. `mix`: label_code, label, n; of sets, a row a choice that is in
    some. `reasons`: reason, n.
    """

    state: State
    sentence: str
    detail: str
    cards: tuple[Card, ...]
    todos: tuple[Todo, ...]
    run: monitor.Run | None
    counts: monitor.Counts
    course: pl.DataFrame
    alpha_limit: float | None
    mix: pl.DataFrame
    reasons: pl.DataFrame


@dataclass(frozen=True, slots=True)
class Work:
    """Flags by where they stand."""

    open: int
    second: int
    adjudicate: int
    closed: int

    @property
    def waiting(self) -> int:
        """Flags that nobody has settled."""
        return self.open + self.second + self.adjudicate


def overview(store: Store, *, project_id: str, by: Person, as_of: int | None = None) -> Overview:
    """Everything that the first page shows, from stored measurements and the gates that a release would meet."""
    require(by, "view.figures")
    run = monitor.newest_run(store, project_id, as_of=as_of)
    counts = monitor.counts(store, project_id, as_of=as_of)
    work = Work(**store.read("overview_work", project_id=project_id, as_of=as_of).row(0, named=True))
    report = check_gates(store, project_id=project_id, by=by, as_of=as_of)
    state, sentence = _verdict(report, run)
    label_set = require_label_set(store, project_id, as_of=as_of)
    course = monitor.trend(store, project_id, ALPHA, as_of=as_of)
    return Overview(
        state=state,
        sentence=sentence,
        detail=_detail(counts, run),
        cards=tuple(
            _card(store, project_id, gate, counts, work, as_of)
            for gate in report.gates
            if gate.key in _TITLES
        ),
        todos=_todos(state, run, counts, work, report),
        run=run,
        counts=counts,
        course=course.select("value", "low", "high", "n", "undefined", at="measured_at"),
        alpha_limit=next(gate.limit for gate in report.gates if gate.key == ALPHA),
        mix=_mix(store, project_id, label_set, as_of),
        reasons=store.read("overview_flag_reasons", project_id=project_id, as_of=as_of),
    )


def _mix(store: Store, project_id: str, label_set: LabelSet, as_of: int | None) -> pl.DataFrame:
    counted = store.read("overview_label_mix", project_id=project_id, as_of=as_of)
    if label_set.is_sets:
        members = [label_set.members_of(code) for code in counted["label_code"].to_list()]
        each = counted.with_columns(pl.Series("label_code", members, dtype=pl.List(pl.Int64))).explode(
            "label_code"
        )
        counted = (
            each.drop_nulls("label_code").group_by("label_code").agg(pl.col("n").sum()).sort("label_code")
        )
    return counted.join(label_set.frame(), on="label_code")


_TITLES = {
    ALPHA: ("Agreement", "items"),
    GOLD: ("Right on gold", "gold items"),
    COVERAGE: ("Labelled", "items"),
    FLAGS: ("Flags waiting", "flags in all"),
}


def _card(
    store: Store, project_id: str, gate: Gate, counts: monitor.Counts, work: Work, as_of: int | None
) -> Card:
    """A gate as a card: a figure shows itself with its interval, a count its number."""
    title, n_unit = _TITLES[gate.key]
    measured = gate.key in (ALPHA, GOLD)
    value = gate.estimate if measured else gate.value
    n = gate.n if measured else counts.items if gate.key == COVERAGE else work.waiting + work.closed
    course = monitor.trend(store, project_id, gate.key, as_of=as_of)["value"] if measured else ()
    return Card(
        key=gate.key,
        title=title,
        value=value,
        low=gate.value if measured and value is not None and gate.high is not None else None,
        high=gate.high if measured and value is not None else None,
        n=n or 0,
        n_unit=n_unit,
        unit=gate.unit,
        limit=gate.limit,
        limit_is="at least" if gate.comparison == ">=" else "at most",
        state=_state(gate, value),
        undefined=None if value is not None else gate.detail,
        trend=tuple(course),
    )


def _state(gate: Gate, value: float | None) -> State:
    if value is None:
        return "undefined"
    if gate.passed:
        return "fit"
    near = gate.comparison == ">=" and gate.limit is not None and value >= gate.limit
    return "watch" if near else "not fit"


def _verdict(report: GateReport, run: monitor.Run | None) -> tuple[State, str]:
    """The page's first line: the state and the sentence, with the figures that decide."""
    if run is None:
        return "undefined", "Nothing can be said yet: these annotations were not scored"
    if run.stale:
        return "watch", "The figures are older than the annotations: score again before you decide"
    return ("fit" if report.passed else "not fit"), report.sentence()


def _detail(counts: monitor.Counts, run: monitor.Run | None) -> str:
    text = f"{counts.annotations:,} annotations of {counts.items:,} items by {counts.annotators:,} annotators"
    if run is not None:
        text += f"; scored {run.ran_at:%d %b %Y, %H:%M} UTC, consensus by {run.method}"
    return text


def _todos(
    state: State, run: monitor.Run | None, counts: monitor.Counts, work: Work, report: GateReport
) -> tuple[Todo, ...]:
    todos: list[Todo] = []
    if run is None or run.stale:
        why = "No figures yet." if run is None else "Annotations came in after the last run."
        todos.append(Todo("Score the project", f"{why} It takes seconds.", None, "score", True))
    if run is not None and work.waiting + work.closed == 0:
        todos.append(Todo("Flag doubtful labels", "No item was flagged yet.", None, "flag", True))
    if work.adjudicate:
        words = "item waits" if work.adjudicate == 1 else "items wait"
        todos.append(
            Todo("Adjudicate", f"{work.adjudicate} {words} for a lead's decision.", "adjudicate", None, True)
        )
    if work.open + work.second:
        second = f", {work.second} of them for a second person" if work.second else ""
        todos.append(
            Todo("Relabel", f"{work.open + work.second} flagged items wait{second}.", "relabel", None, True)
        )
    if (gaps := next(gate for gate in report.gates if gate.key == BIAS)).status == FAILED:
        words = f"{gaps.detail[:1].upper()}{gaps.detail[1:]}."
        todos.append(Todo("Answer gaps between groups", words, "bias", None, True))
    if counts.gold == 0:
        todos.append(
            Todo(
                "Add gold labels",
                "Without gold nobody can say how often the consensus is right.",
                "import_file",
                None,
                False,
            )
        )
    if state == "fit":
        todos.append(Todo("Propose a release", "Every gate passes.", "releases", None, True))
    return tuple(todos)
