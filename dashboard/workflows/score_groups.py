"""Agreement by item attribute, by import batch and over time: measured with a run, so that a page only reads it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, cast

import polars as pl

from dashboard.workflows.monitor import MEASUREMENT
from dashboard.workflows.opening import Store
from data.identifiers import json_pointer

if TYPE_CHECKING:
    from analytics.grouped import Figure
    from analytics.krippendorff import Level
    from dashboard.workflows.figure_inputs import Inputs

ATTRIBUTE, BATCH, WINDOW = "attribute", "batch", "window"
MOST_ATTRIBUTES, MOST_VALUES = 6, 20
"""So many attributes of so many values are measured at most; one with more values is an id, not a group."""
MOST_BATCHES, MOST_WINDOWS, WINDOWS_BY_COUNT = 20, 60, 20
ONE_EVENT = 1 << 32
"""`order` of a vote is the event's number times this, plus the row's place in it (score_votes.sql)."""

ALPHA_OF, PERCENT_OF = "krippendorff_alpha_of", "percent_agreement_of"
FIGURES: tuple[tuple[str, Figure, str], ...] = (
    (ALPHA_OF, "alpha", "coefficient"),
    (PERCENT_OF, "percent", "share"),
)
"""Key of the measurement, the figure as analytics calls it, unit. The keys are not those of the project's own figures: a script
that reads a run's figures by key gets the project's."""


def group_figures(store: Store, project_id: str, inputs: Inputs, *, as_of: int) -> pl.DataFrame:
    """Alpha and percent agreement of every group of the project, as rows of a run's measurements.

    `group_id` is a JSON list: [attribute, value]; [event, file] of a batch; [first, after] of a window, ISO dates, or the
    places of its first annotation and of the one after its last where most times are unknown. `detail` has the group's
    place and, for windows, what they are made of. An item with votes in several batches counts in each with its votes there;
    in time it counts where its last vote lies.
    """
    votes = inputs.votes.select("item_code", "annotator_code", "label_code", "order", "at")
    frames = [
        *_by_attribute(store, project_id, votes, inputs, as_of),
        *_by_batch(store, project_id, votes, inputs, as_of),
        *_by_window(votes, inputs),
    ]
    return pl.concat(frames) if frames else pl.DataFrame(schema=MEASUREMENT)


def attribute_groups(store: Store, project_id: str, *, as_of: int) -> dict[str, pl.DataFrame]:
    """The item attributes that make groups, MOST_ATTRIBUTES at most: attribute -> item_code, attribute_value."""
    found: dict[str, pl.DataFrame] = {}
    for name in store.read("item_attribute_names", project_id=project_id)["name"]:
        if len(found) == MOST_ATTRIBUTES:
            break
        of_items = store.read(
            "score_attribute_values", project_id=project_id, attribute=json_pointer(name), as_of=as_of
        )
        if 2 <= of_items["attribute_value"].n_unique() <= MOST_VALUES:
            found[name] = of_items
    return found


def _by_attribute(
    store: Store, project_id: str, votes: pl.DataFrame, inputs: Inputs, as_of: int
) -> list[pl.DataFrame]:
    found: list[pl.DataFrame] = []
    for name, of_items in attribute_groups(store, project_id, as_of=as_of).items():
        values = sorted(of_items["attribute_value"].unique())
        groups = [(json.dumps([name, value], ensure_ascii=False), None) for value in values]
        codes = pl.DataFrame({"attribute_value": values, "group_code": range(len(values))})
        coded = of_items.join(codes, on="attribute_value").select("item_code", "group_code")
        found += _measured(votes.join(coded, on="item_code"), groups, ATTRIBUTE, inputs)
    return found


def _by_batch(
    store: Store, project_id: str, votes: pl.DataFrame, inputs: Inputs, as_of: int
) -> list[pl.DataFrame]:
    batches = store.read("score_batches", project_id=project_id, as_of=as_of).tail(MOST_BATCHES)
    if batches.height < 2:
        return []
    groups = [
        (json.dumps([seq, name], ensure_ascii=False), None)
        for seq, name in batches.select("seq", "name").iter_rows()
    ]
    codes = batches.select("seq", group_code=pl.int_range(pl.len()))
    coded = votes.with_columns(seq=pl.col("order") // ONE_EVENT).join(codes, on="seq")
    return _measured(coded, groups, BATCH, inputs)


def _by_window(votes: pl.DataFrame, inputs: Inputs) -> list[pl.DataFrame]:
    timed = votes.drop_nulls("at")
    if votes.is_empty():
        return []
    if timed.height * 2 < votes.height:
        return _by_count(votes, inputs)
    # The store hands out UTC moments; a window is a day, week or month of that calendar.
    span, every = _span(timed.select(pl.col("at").max() - pl.col("at").min()).item())
    last = pl.col("at").max().over("item_code").dt.truncate(every)
    coded = timed.with_columns(first=last)
    firsts = coded["first"].unique().sort().tail(MOST_WINDOWS)
    if firsts.len() < 2:
        return []
    after = firsts.dt.offset_by(every)
    groups = [(json.dumps([a.isoformat(), b.isoformat()]), span) for a, b in zip(firsts, after, strict=True)]
    codes = pl.DataFrame({"first": firsts, "group_code": range(firsts.len())})
    return _measured(coded.join(codes, on="first"), groups, WINDOW, inputs)


def _by_count(votes: pl.DataFrame, inputs: Inputs) -> list[pl.DataFrame]:
    """Windows of as many annotations each, in the order in which they came into the store."""
    from analytics import grouped

    size = -(-votes.height // WINDOWS_BY_COUNT)
    placed = votes.sort("order", "item_code", "annotator_code").with_columns(order=pl.int_range(pl.len()))
    coded = grouped.with_windows(placed, size=size).rename({"window_code": "group_code"})
    n_windows = -(-votes.height // size)
    groups = [
        (json.dumps([window * size + 1, min((window + 1) * size, votes.height) + 1]), "annotations")
        for window in range(n_windows)
    ]
    return _measured(coded, groups, WINDOW, inputs) if n_windows > 1 else []


def _span(length: timedelta) -> tuple[str, str]:
    """What a window is, and how polars writes it."""
    if length <= timedelta(days=31):
        return "day", "1d"
    return ("week", "1w") if length <= timedelta(days=366) else ("month", "1mo")


def _measured(
    votes: pl.DataFrame, groups: Sequence[tuple[str, str | None]], kind: str, inputs: Inputs
) -> list[pl.DataFrame]:
    """A frame a figure: `votes` with `group_code`, the place of a group in `groups` (its id and what it is made of)."""
    details = [json.dumps({"place": place, "made_of": made_of}) for place, (_, made_of) in enumerate(groups)]
    names = pl.DataFrame(
        {"group_code": range(len(groups)), "group_id": [name for name, _ in groups], "detail": details},
        schema={"group_code": pl.Int64, "group_id": pl.Utf8, "detail": pl.Utf8},
    )
    found = _figures(votes, inputs).join(names, on="group_code")
    frames = []
    for key, figure, unit in FIGURES:
        fixed = {"key": key, "group_kind": kind, "unit": unit}
        named = found.filter(pl.col("figure") == figure).with_columns(
            pl.lit(value).alias(column) for column, value in fixed.items()
        )
        frames.append(named.select(pl.col(column).cast(dtype) for column, dtype in MEASUREMENT.items()))
    return frames


def _figures(votes: pl.DataFrame, inputs: Inputs) -> pl.DataFrame:
    """The figures of every `group_code` of the votes."""
    from analytics import grouped, set_figures

    if inputs.sets:
        return set_figures.set_figures_by_group(
            votes,
            sets=inputs.sets,
            repeats=inputs.repeats,
            replicates=inputs.replicates,
            seed=inputs.seed,
        )
    return grouped.figures_by_group(
        votes,
        n_labels=inputs.n_labels,
        level=cast("Level", inputs.level),
        values=inputs.values,
        repeats=inputs.repeats,
        replicates=inputs.replicates,
        seed=inputs.seed,
    )
