"""What the labels cost: the ledger that adds up to the pay, and what an annotation, an item and a right label cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Literal, get_args

import polars as pl

from analytics.cost_ledger import IDLE, NO_RATE, NO_TIME, Ledger, ledgers
from dashboard.workflows.cost_means import CostFigures, cost_figures, right_share
from dashboard.workflows.cost_rework import RELEASE_REVIEW, REWORK
from dashboard.workflows.cost_words import money, with_ends
from dashboard.workflows.cost_work import PaidWork, paid_work
from dashboard.workflows.errors import BadRequest, NotAllowed
from dashboard.workflows.label_sets import LabelSet, require_label_set
from dashboard.workflows.opening import Store
from dashboard.workflows.rules import Person, require

By = Literal["work", "label", "annotator", "difficulty", "outcome"]
BYS: tuple[str, ...] = get_args(By)
State = Literal["fit", "watch", "not fit", "undefined"]

WORK_ORDER = ("labelling", "repeat", *REWORK, RELEASE_REVIEW, "prediction")
NO_ITEM = "no single item"
"""The group of work that is on none: looking a release over."""

DIFFICULTY = (
    "everybody agrees",
    "up to a quarter differ",
    "up to half differ",
    "more than half differ",
    "fewer than 2 votes",
    NO_ITEM,
)
OUTCOMES = (
    "the label stands",
    "the label was not kept",
    "a flag waits on the item",
    "the item has no label",
    "no label was given",
    NO_ITEM,
)
LITTLE = 0.01
"""Of the pieces of work: where the pay of no more than these is lacking, a label is not said to cost "at least" so much."""

MUCH_IDLE = 0.1
"""Of the pay: idle time that takes more is said in the first sentence."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What the labels of a project cost.

    `sentence`: the answer in words; `detail`: what is left out of it. `by`: how `tables` are grouped, one a currency.
    `figures`: None where nothing is paid. `n_accepted`: items whose label stands and is not doubted.
    """

    state: State
    sentence: str
    detail: str
    by: str
    tables: tuple[Ledger, ...]
    figures: CostFigures | None
    n_items: int
    n_accepted: int
    has_rates: bool


def cost(
    store: Store,
    *,
    project_id: str,
    by: Person,
    group: str = "work",
    into: str | None = None,
    as_of: int | None = None,
) -> Cost:
    """What the labels cost, grouped by work, label, annotator, difficulty or outcome.

    Args:
        store: where the work stands.
        project_id: whose.
        by: who asks; a table by annotator takes the right to see pay.
        group: one of BYS.
        into: the currency to bring the others into, by rates of exchange.
        as_of: an event.

    Raises:
        BadRequest: an unknown group or currency. NotAllowed: the person may not see costs, or pay.
    """
    check(by, group)
    return of_work(
        store, project_id, paid_work(store, project_id, into=into, as_of=as_of), group=group, as_of=as_of
    )


def check(by: Person, group: str) -> None:
    """Raise NotAllowed or BadRequest where the person may not see costs grouped like this, or there is no such group."""
    require(by, "view.cost")
    if group not in BYS:
        raise BadRequest(f"{group!r} is no way to group costs; there are {', '.join(BYS)}.")
    if group == "annotator" and not by.may("view.pay"):
        raise NotAllowed(f"{by.name} may see what labels cost, and not what single annotators are paid.")


def of_work(
    store: Store, project_id: str, seen: PaidWork, *, group: str = "work", as_of: int | None = None
) -> Cost:
    """As `cost`, of work that was read before; the caller has checked who may see it."""
    items = store.read("cost_items", project_id=project_id, as_of=as_of)
    accepted = items.filter(pl.col("label_code").is_not_null() & ~pl.col("is_waiting")).height
    if not seen.has_rates:
        sentence = "Nobody has said what work is paid, so nothing is known of what these labels cost"
        return Cost("undefined", sentence, _hours(seen.work), group, (), None, items.height, accepted, False)
    tables = tables_of(store, project_id, seen, items, group=group, as_of=as_of)
    if not tables or seen.currency is None:
        sentence = "No rate holds for any of the work so far, so nothing is known of what these labels cost"
        return Cost("undefined", sentence, _hours(seen.work), group, (), None, items.height, accepted, True)
    own = tables[0]
    outside = _outside(own, tables, seen)
    lacking = _n_outside(tables, NO_TIME) + _n_outside(tables, NO_RATE)
    is_partial = len(tables) > 1 or lacking > LITTLE * seen.work.height
    figures = cost_figures(own, seen, accepted, right_share(store, project_id, as_of), is_partial)
    state, sentence = _answer(figures, accepted)
    detail = _detail(own, seen, outside)
    return Cost(state, sentence, detail, group, tables, figures, items.height, accepted, True)


def grouped_by(
    store: Store, project_id: str, seen: PaidWork, found: Cost, *, group: str, as_of: int | None = None
) -> Cost:
    """The same with another grouping of its ledger; the caller has checked who may see it."""
    if group == found.by or not found.tables:
        return replace(found, by=group)
    items = store.read("cost_items", project_id=project_id, as_of=as_of)
    return replace(
        found, by=group, tables=tables_of(store, project_id, seen, items, group=group, as_of=as_of)
    )


def tables_of(
    store: Store,
    project_id: str,
    seen: PaidWork,
    items: pl.DataFrame,
    *,
    group: str,
    as_of: int | None = None,
) -> tuple[Ledger, ...]:
    """The ledgers, that of the project's main currency first."""
    label_set = require_label_set(store, project_id, as_of=as_of)
    found = ledgers(
        _grouped(seen.work, items, label_set, group), seen.paid, by="group", order=_order(group, label_set)
    )
    return tuple(sorted(found, key=lambda one: one.currency != seen.currency))


def _grouped(work: pl.DataFrame, items: pl.DataFrame, label_set: LabelSet, group: str) -> pl.DataFrame:
    """The work with its group in words."""
    if group in ("work", "annotator"):
        return work.with_columns(group="work" if group == "work" else "who_id")
    today = work.join(
        items.rename({"label_code": "today"}), on="item_code", how="left", maintain_order="left"
    )
    nowhere = pl.when(pl.col("item_code").is_null()).then(pl.lit(NO_ITEM))
    if group == "label":
        names = label_set.frame().select(today="label_code", group="label")
        return today.join(names, on="today", how="left", maintain_order="left").with_columns(
            group=nowhere.otherwise(pl.col("group").fill_null(OUTCOMES[3]))
        )
    if group == "outcome":
        said = pl.col("label_code")
        outcome = (
            nowhere.when(said.is_null()).then(pl.lit(OUTCOMES[4]))
            .when(pl.col("today").is_null()).then(pl.lit(OUTCOMES[3]))
            .when(pl.col("is_waiting")).then(pl.lit(OUTCOMES[2]))
            .when(said == pl.col("today")).then(pl.lit(OUTCOMES[0]))
            .otherwise(pl.lit(OUTCOMES[1]))
        )  # fmt: skip
        return today.with_columns(group=outcome)
    return today.join(_difficulty(work), on="item_code", how="left", maintain_order="left").with_columns(
        group=nowhere.otherwise(pl.col("group").fill_null(DIFFICULTY[4]))
    )


def _difficulty(work: pl.DataFrame) -> pl.DataFrame:
    """item_code, group: how many pairs of an item's independent votes differ."""
    votes = work.filter("counts", pl.col("label_code").is_not_null())
    each = votes.group_by("item_code", "label_code").agg(n=pl.len().cast(pl.Float64))
    n, same = pl.col("n").sum(), (pl.col("n") * (pl.col("n") - 1)).sum()
    differing = each.group_by("item_code").agg(votes=n, apart=1 - same / (n * (n - 1)))
    apart = pl.col("apart")
    return differing.select(
        "item_code",
        group=pl.when(pl.col("votes") < 2).then(pl.lit(DIFFICULTY[4]))
        .when(apart <= 1e-9).then(pl.lit(DIFFICULTY[0]))
        .when(apart <= 0.25).then(pl.lit(DIFFICULTY[1]))
        .when(apart <= 0.5).then(pl.lit(DIFFICULTY[2]))
        .otherwise(pl.lit(DIFFICULTY[3])),
    )  # fmt: skip


def _order(group: str, label_set: LabelSet) -> tuple[str, ...]:
    orders: Mapping[str, tuple[str, ...]] = {
        "work": WORK_ORDER, "difficulty": DIFFICULTY, "outcome": OUTCOMES, "label": (*label_set.labels, OUTCOMES[3], NO_ITEM),
        "annotator": (),
    }  # fmt: skip
    return orders[group]


def _answer(figures: CostFigures, accepted: int) -> tuple[State, str]:
    right, accept = figures.per_right, figures.per_accepted
    least = "at least " if figures.is_partial else ""
    share = figures.idle_share.value or 0.0
    idle = f", {share:.0%} of it for idle time" if share >= MUCH_IDLE else ""
    if right.value is not None:
        return (
            "fit",
            f"A correct label costs {least}{with_ends(right, f'from {right.n:,} gold items')} today{idle}",
        )
    if accept.value is not None:
        said = f"A label that stands costs {least}{money(accept.value, figures.currency)} today{idle}"
        return "undefined", f"{said}; what a correct one costs cannot be told: {right.undefined}"
    return "undefined", f"{money(figures.total, figures.currency)} were spent, and no label stands yet"


def _outside(own: Ledger, tables: tuple[Ledger, ...], seen: PaidWork) -> list[str]:
    """What work is not in the total, or not in whole, a sentence each."""
    told = []
    n_untimed = _n_outside(tables, NO_TIME)
    if n_untimed:
        beyond = f" ({seen.n_beyond:,} times are longer than a day, which cannot be)" if seen.n_beyond else ""
        told.append(
            f"Pay by the hour of {n_untimed:,} more is not known: nobody recorded their time{beyond}."
        )
    n_unpaid = _n_outside(tables, NO_RATE)
    if n_unpaid:
        told.append(f"No rate holds for {n_unpaid:,}.")
    others = [
        f"{money(one.exact, one.currency, one.digits)}" for one in tables if one.currency != own.currency
    ]
    if others:
        told.append(
            f"Beside it {' and '.join(others)}, which no rate of exchange brings into {own.currency}."
        )
    return told


def _n_outside(tables: tuple[Ledger, ...], part: str) -> int:
    return sum(int(one.table.filter(part=part)["n"].sum()) for one in tables)


def _detail(own: Ledger, seen: PaidWork, outside: list[str]) -> str:
    told = [f"{money(own.exact, own.currency, own.digits)} for {seen.work.height:,} pieces of work."]
    idle = own.table.filter(part=IDLE)
    if idle.height:
        spent = Fraction(idle["amount"][0] or 0, 10**own.digits)
        share = f" ({float(spent / own.exact):.0%})" if own.exact else ""
        told.append(
            f"{money(spent, own.currency, own.digits)}{share} of it for idle time, in {idle['n'][0]:,} of them."
        )
    return " ".join([*told, *outside])


def _hours(work: pl.DataFrame) -> str:
    known = work.drop_nulls("active_ms")
    hours, idle = (int(known[name].sum()) / 3.6e6 for name in ("active_ms", "idle_ms"))
    return (
        f"{work.height:,} pieces of work, {hours:,.1f} hours of it recorded and {idle:,.1f} more idle; "
        f"{work.height - known.height:,} without a time."
    )
