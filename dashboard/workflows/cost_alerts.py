"""Cost held against its limits: measured and kept as a run of its own, once a limit is set and something moved since the last one."""

from __future__ import annotations

import json

import polars as pl

from analytics.results import Estimate
from dashboard import __version__
from dashboard.workflows import alert_opening, cost, cost_outlook
from dashboard.workflows.alert_figures import COSTS
from dashboard.workflows.alert_limits import HANDLES, limits
from dashboard.workflows.cost_work import paid_work
from dashboard.workflows.monitor import MEASUREMENT, newest_run
from dashboard.workflows.opening import Store
from dashboard.workflows.rules import Person, require
from data.database import Reader
from data.identifiers import uuid7
from data.records import Draft

KIND = "cost"


def is_due(store: Store, project_id: str) -> bool:
    """Whether a figure of cost has a limit, and the project was scored or its rates were set since cost was last measured."""
    if not any(limit.key in COSTS for limit in limits(store, project_id)):
        return False
    last = newest_run(store, project_id, kind=KIND)
    moved = int(store.read("cost_moved", project_id=project_id)["seq"][0])
    return moved > (0 if last is None else last.saw_seq)


def measure_due(store: Store, *, project_id: str, by: Person) -> str | None:
    """`measure` where it is due; else None."""
    return measure(store, project_id=project_id, by=by) if is_due(store, project_id) else None


def measure(store: Store, *, project_id: str, by: Person) -> str:
    """Measure what labels cost, keep the figures, and open the alerts that the limits ask for; returns the run's id.

    Raises:
        NotAllowed: the person may not handle alerts.
    """
    require(by, HANDLES)
    saw = store.head
    figures = _figures(store, project_id, saw)
    run_id = uuid7(store.clock())

    def plan(reader: Reader) -> Draft:
        run = {
            "run_id": run_id, "kind": KIND, "method": "ledger", "parameters": json.dumps({}), "code_version": __version__, "saw_seq": saw,
        }  # fmt: skip
        opened = alert_opening.to_open(
            reader, project_id, alert_opening.Measured(run_id, saw, store.clock()), figures
        )
        kept = [{**row, "run_id": run_id} for row in figures.iter_rows(named=True)]
        return Draft(
            "cost_measured", project_id, run_id, {"rows": {"run": [run], "measurement": kept, **opened}}
        )

    request: dict[str, object] = {"verb": "cost.measure", "project": project_id, "saw": saw}
    event = store.submit(plan, by=by.person_id, request=request)
    assert event is not None  # a measurement always makes an event, or raises
    return event.subject


def _figures(store: Store, project_id: str, saw: int) -> pl.DataFrame:
    """COSTS as MEASUREMENT. What is a mean or share of all that there is has its value as both ends, since nothing was sampled."""
    work = paid_work(store, project_id, as_of=saw)
    found = cost.of_work(store, project_id, work, as_of=saw)
    queue = cost_outlook.queue(store, project_id, as_of=saw)
    rows = []
    if found.figures is not None:
        n_paid = work.paid["entry"].n_unique()
        own = found.figures
        rows = [
            _row(COSTS[0], own.per_right, own.currency, own.per_right.n),
            _row(COSTS[1], own.per_accepted, own.currency, own.per_accepted.n, counted=True),
            _row(COSTS[2], own.rework_share, "share", n_paid, counted=True),
            _row(COSTS[3], own.idle_share, "share", n_paid, counted=True),
        ]
    rows.append(_row(COSTS[4], queue.days, "days", queue.n_weeks))
    return pl.DataFrame(rows, schema=MEASUREMENT)


def _row(key: str, found: Estimate, unit: str, n: int, *, counted: bool = False) -> dict[str, object]:
    ends = (found.value, found.value) if counted else (found.low, found.high)
    return {
        "key": key, "group_kind": "", "group_id": "", "value": found.value, "low": ends[0], "high": ends[1], "n": n,
        "undefined": found.undefined, "unit": unit, "detail": None,
    }  # fmt: skip
