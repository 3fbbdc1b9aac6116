"""What the page Annotators shows: everybody beside their peers, and who stands out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import polars as pl

from dashboard.workflows import monitor
from dashboard.workflows.annotators import annotator_table
from dashboard.workflows.label_sets import require_label_set
from dashboard.workflows.opening import Store
from dashboard.workflows.rules import Person

MIN_COMPARED = 20
"""Nobody is said to stand out on fewer compared items than this."""


WIDEST = 0.2
"""Where half of the intervals are wider, somebody ten points below the others would hardly be seen."""


@dataclass(frozen=True, slots=True)
class AnnotatorsView:
    """`table`: see `annotators.annotator_table`. `bars`: group, value, low, high, n, undefined, state; lowest first.

    `first`: the annotator to look at first.
    """

    state: Literal["fit", "watch", "undefined"]
    sentence: str
    detail: str
    table: pl.DataFrame
    bars: pl.DataFrame
    labels: tuple[str, ...]
    first: str


def annotators_view(
    store: Store, *, project_id: str, by: Person, as_of: int | None = None
) -> AnnotatorsView | None:
    """Everybody's figures from the newest run; None where nothing was scored yet.

    An annotator stands out where the upper end of their interval lies below the median of all with at least
    `MIN_COMPARED` compared items.
    """
    if monitor.newest_run(store, project_id, as_of=as_of) is None:
        return None
    table = annotator_table(store, project_id=project_id, by=by, as_of=as_of)
    enough = table.filter(pl.col("n_compared") >= MIN_COMPARED)
    median = enough["agreement"].median()
    low = enough.filter(pl.col("high") < median).sort("agreement") if median is not None else enough.head(0)
    names = low["annotator_id"].to_list()
    bars = (
        table.select(
            "low", "high", group="annotator_id", value="agreement", n=pl.col("n_compared").fill_null(0),
            undefined=pl.when(pl.col("agreement").is_null()).then(pl.lit("nobody else labelled the same items")),
            state=pl.when(pl.col("agreement").is_null()).then(pl.lit("undefined"))
            .when(pl.col("annotator_id").is_in(names)).then(pl.lit("watch")).otherwise(pl.lit("fit")),
        )
        .sort("value", "group", nulls_last=True)
    )  # fmt: skip
    few = table.height - enough.height
    detail = f"Median {median:.1%}. " if isinstance(median, float) else ""
    detail += f"{few} with fewer than {MIN_COMPARED} compared items are not judged." if few else ""
    labels = require_label_set(store, project_id, as_of=as_of).labels
    first = names[0] if names else str(table["annotator_id"][0]) if table.height else ""
    if enough.is_empty():
        return AnnotatorsView(
            "undefined",
            "Too few items were labelled by several people to compare annotators",
            detail,
            table,
            bars,
            labels,
            first,
        )
    width = (enough["high"] - enough["low"]).median()
    if not names and isinstance(width, float) and width > WIDEST:
        said = "Nobody is seen to fall behind, but so few items would hardly show it"
        return AnnotatorsView("undefined", said, detail, table, bars, labels, first)
    if not names:
        return AnnotatorsView(
            "fit", "No annotator falls behind the others", detail, table, bars, labels, first
        )
    shown = ", ".join(
        f"{row['annotator_id']} ({row['agreement']:.0%})" for row in low.head(4).iter_rows(named=True)
    )
    more = f" and {len(names) - 4} more" if len(names) > 4 else ""
    who = f"{shown}{more} {'agrees' if len(names) == 1 else 'agree'} with the others less than most do"
    return AnnotatorsView("watch", who, detail, table, bars, labels, first)


def confusion_cells(cells: pl.DataFrame) -> pl.DataFrame:
    """Shares of each row for a matrix: row (the others), column (the annotator), value, n, undefined."""
    return cells.select(
        pl.col("label_others").alias("row"),
        pl.col("label_given").alias("column"),
        (pl.col("n") / pl.col("n").sum().over("label_others")).alias("value"),
        "n",
        pl.lit(None, dtype=pl.Utf8).alias("undefined"),
    )
