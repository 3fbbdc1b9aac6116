"""What fairlearn's mitigation would make of a model's labels, between groups of items: the gaps, and the price in accuracy.

Changes nothing; `bias_evening` decides. Where labels are sets, one choice is evened out: whether the model has it in the set or not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from analytics.consensus import majority_vote
from analytics.errors import AnalyticsError
from analytics.fair_predictions import (
    ODDS,
    PARITY,
    PLAIN,
    REDUCTION,
    THRESHOLDS,
    Mitigation,
    mitigated,
    mitigation,
)
from analytics.frames import FloatArray, IntArray
from dashboard.workflows import bias_groups
from dashboard.workflows.bias_groups import Groups
from dashboard.workflows.bias_sources import LEAST_GIVEN, of_choice, read_sources
from dashboard.workflows.errors import BadRequest
from dashboard.workflows.label_sets import LabelSet
from dashboard.workflows.model_runs import model_runs
from dashboard.workflows.opening import Store
from dashboard.workflows.predictions import probabilities
from dashboard.workflows.rules import Person, require

STANDARD = {"gold": "gold", "labels": "the people's labels"}
CONSTRAINTS: Mapping[str, tuple[str, str]] = {
    PARITY: ("given equally often", "parity"),
    ODDS: ("right and wrong equally often", "odds"),
}
"""What a constraint asks for, in words, and the gap that it is about."""

WAYS: Mapping[str, str] = {"thresholds": THRESHOLDS, "reduction": REDUCTION}
"""What the command line calls each way."""

_LEAST = 1e-6


@dataclass(frozen=True, slots=True)
class MitigationView:
    """`standard`: what accuracy is judged by, gold where there is enough of it, else people's labels; `groups`: their names; `saw`: the
    last event that it knows of.
    """

    model_run: str
    attribute: str
    label: str
    groups: tuple[str, ...]
    standard: str
    found: Mitigation
    seed: int
    saw: int
    replicates: int = 1000


@dataclass(frozen=True, slots=True)
class Inputs:
    """Items with a group: (N, K) what the model says, group, whether the label is known, and whether it is the one asked about.

    K are labels, or where labels are sets choices; `place_of_label`: where in them the one asked about is.
    """

    model_run: str
    label_set: LabelSet
    place_of_label: int
    every_code: IntArray
    every_table: FloatArray
    place: IntArray
    group: IntArray
    is_known: np.ndarray
    has_label: np.ndarray
    groups: Groups
    standard: str

    @property
    def p(self) -> FloatArray:
        """(N, K) the probabilities of the items with a group."""
        return self.every_table[self.place]

    @property
    def features(self) -> FloatArray:
        """(N, K) their log-odds: what a constrained model is fitted on."""
        return np.asarray(np.log(np.clip(self.p, _LEAST, None)) - np.log(np.clip(1 - self.p, _LEAST, None)))


def mitigate(
    store: Store,
    *,
    project_id: str,
    by: Person,
    attribute: str,
    label: str,
    model_run: str = "",
    replicates: int = 1000,
    seed: int = 0,
) -> MitigationView:
    """Compare a model's labels with what mitigation makes of them, for one label and the groups of an item attribute.

    Changes nothing. Fitted and judged on different items. Where labels are sets, `label` is a choice.

    Raises:
        BadRequest: no such attribute, label or model run, or groups too few or small. NotAllowed: the person may not measure.
    """
    require(by, "bias.measure")
    named, drawing = (attribute, label, model_run), (replicates, seed)
    seen = _judged(store, project_id, named, "gold", drawing)
    if seen.found.undefined is None or seen.standard != STANDARD["gold"]:
        return seen
    return _judged(store, project_id, named, "labels", drawing)


def best_row(seen: MitigationView) -> dict[str, Any] | None:
    """The row of the table that takes most of its gap away for its price; None where none takes any away."""
    before, best, most = plain_row(seen), None, 0.0
    for row in seen.found.table.filter(pl.col("method") != PLAIN).iter_rows(named=True):
        gap = f"{CONSTRAINTS[row['constraint']][1]}_gap"
        closed = float(before[gap]) - float(row[gap])
        if closed > 0 and (best is None or closed - float(row["price"]) > most):
            best, most = row, closed - float(row["price"])
    return best


def price_words(seen: MitigationView, row: Mapping[str, Any]) -> str:
    """What one way of mitigation costs, in a sentence."""
    gap = f"{CONSTRAINTS[row['constraint']][1]}_gap"
    price, low, high = (float(row[name] or 0) * 100 for name in ("price", "price_low", "price_high"))
    told = "costs" if price >= 0 else "gains"
    ends = f"[{low:z.1f}, {high:z.1f}]" if price >= 0 else f"[{-high:z.1f}, {-low:z.1f}]"
    return (
        f"Evening out “{seen.label}” by {seen.attribute} ({CONSTRAINTS[row['constraint']][0]}) {told} {abs(price):.1f} points of accuracy "
        f"{ends}; the gap goes from {float(plain_row(seen)[gap]) * 100:.1f} to {float(row[gap]) * 100:.1f} points"
    )


def _judged(
    store: Store, project_id: str, named: tuple[str, str, str], standard: str, drawing: tuple[int, int]
) -> MitigationView:
    saw = store.head
    given = inputs(store, project_id, named, standard=standard, saw=saw)
    at, (replicates, seed) = given.is_known, drawing
    try:
        found = mitigation(
            given.p[at, given.place_of_label], given.has_label[at], given.group[at], given.features[at], replicates=replicates, seed=seed
        )  # fmt: skip
    except AnalyticsError as error:
        raise BadRequest(f"Nothing can be compared by {named[0]}: {error}") from error
    return MitigationView(
        given.model_run,
        named[0],
        named[1],
        given.groups.names,
        STANDARD[given.standard],
        found,
        seed,
        saw,
        replicates,
    )


def inputs(store: Store, project_id: str, named: tuple[str, str, str], *, standard: str, saw: int) -> Inputs:
    """What mitigation works on. `named`: attribute, label and model run ("": the newest); without gold `standard` is the labels."""
    attribute, label, model_run = named
    sources = read_sources(store, project_id, saw=saw, model_run=model_run)
    label_set = sources.label_set
    if label not in label_set.choices:
        raise BadRequest(f"There is no label {label!r}. Labels: {', '.join(label_set.choices)}.")
    code = label_set.code(label)
    if label_set.is_sets:
        sources = of_choice(sources, code)
    runs = model_runs(store, project_id=project_id)["model_run"].to_list()
    if not runs:
        raise BadRequest("No model has given probabilities yet; train one, or bring them in.")
    run = model_run or str(runs[0])
    codes, table = probabilities(store, project_id=project_id, model_run=run)
    groups = bias_groups.item_groups(
        store, project_id=project_id, attribute=attribute, codes=pl.Series(codes), as_of=sources.saw
    )
    if groups.untested is not None:
        raise BadRequest(f"Nothing can be compared by {attribute}: {groups.untested}.")
    voted = majority_vote(sources.votes, n_labels=sources.n_labels).items.filter(~pl.col("tied"))
    by_gold = sources.gold is not None and standard == "gold"
    known = sources.gold if by_gold and sources.gold is not None else voted
    rows = (
        pl.DataFrame({"item_code": codes, "row": np.arange(codes.size)}).cast(pl.Int64)
        .join(known.select(pl.col("item_code", "label_code").cast(pl.Int64)), on="item_code", how="left")
        .join(groups.of, on="item_code").sort("item_code")
    )  # fmt: skip
    place = label_set.choice_codes.index(code) if label_set.is_sets else code
    wanted = 1 if label_set.is_sets else code
    return Inputs(
        run, label_set, place, codes, table, rows["row"].to_numpy(), rows["group_code"].to_numpy(),
        rows["label_code"].is_not_null().to_numpy(), (rows["label_code"].fill_null(-1) == wanted).to_numpy(), groups,
        "gold" if by_gold else "labels",
    )  # fmt: skip


def mitigated_table(given: Inputs, method: str, constraint: str, seed: int) -> FloatArray:
    """(I, K) what the model says of every item, the label and the likeliest other in each other's place where mitigation changes it.

    Of a choice it is in the set and not in it that change places.
    """
    p, code = given.p, given.place_of_label
    try:
        after = mitigated(
            p[:, code], given.has_label, given.is_known, given.group, given.features, method=method, constraint=constraint, seed=seed
        )  # fmt: skip
    except AnalyticsError as error:
        raise BadRequest(f"Nothing can be mitigated: {error}") from error
    table, swapped = given.every_table.copy(), p.copy()
    if given.label_set.is_sets:
        swap = after != (p[:, code] >= LEAST_GIVEN)
        swapped[swap, code] = 1 - p[swap, code]
        swapped[swap & ~after & (p[:, code] == LEAST_GIVEN), code] = np.nextafter(LEAST_GIVEN, 0)
    else:
        others = np.where(np.arange(p.shape[1]) == code, -1.0, p)
        rival = others.argmax(axis=1)
        rows = np.arange(p.shape[0])
        swap = after != (p[:, code] >= p[rows, rival])
        swapped[swap, code], swapped[rows[swap], rival[swap]] = p[rows[swap], rival[swap]], p[swap, code]
    table[given.place] = swapped
    return np.asarray(table, dtype=np.float64)


def plain_row(seen: MitigationView) -> dict[str, Any]:
    """The row of the table of the model as it is."""
    return seen.found.table.filter(method=PLAIN).row(0, named=True)
