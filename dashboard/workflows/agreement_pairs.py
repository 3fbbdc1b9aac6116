"""Annotators two by two: what a run measured of each pair, and the items that both labelled."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from analytics.intervals import wilson_bounds
from dashboard.workflows import monitor
from dashboard.workflows.opening import Store
from dashboard.workflows.rules import Person, require

PEOPLE_SHOWN = 24
"""How many annotators a matrix shows at most: those with the most shared items."""

CELLS = {
    "row": pl.Utf8, "column": pl.Utf8, "value": pl.Float64, "low": pl.Float64, "high": pl.Float64, "n": pl.Int64,
    "undefined": pl.Utf8,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class PairFigure:
    """A figure of a pair. `column`: of `Pairs.table`; its interval is in `_low` and `_high`, its reason in `_undefined`."""

    key: str
    title: str
    column: str
    unit: str
    meaning: str


FIGURES: tuple[PairFigure, ...] = (
    PairFigure(
        "kappa", "Cohen's kappa", "kappa", "coefficient", "Agreement beyond what the two would reach by chance: 1 is perfect, 0 is chance."
    ),
    PairFigure(
        "weighted", "Weighted kappa", "weighted_kappa", "coefficient",
        "Cohen's kappa for ordered labels: a near miss counts in part, by the square of how far off it is.",
    ),
    PairFigure(
        "percent", "Percent agreement", "agreement", "share",
        "The share of their shared items that both gave one label; chance is in it, so it is high where one label is frequent.",
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Pairs:
    """Every pair that a run measured, and how it chose.

    `table`: annotator_a < annotator_b, n (items that both labelled), and for agreement, kappa and weighted_kappa the value,
    `_low`, `_high` and (kappas) `_undefined`; the weighted columns only where labels have an order. `people`: all that
    share an item with somebody, most shared items first. `figures`: those that can be shown. `repeats`: which of several
    labels of one annotator for an item was taken, first or last.
    """

    table: pl.DataFrame
    people: tuple[str, ...]
    figures: tuple[PairFigure, ...]
    repeats: str

    @property
    def shown(self) -> tuple[str, ...]:
        """The annotators of the matrix, by name."""
        return tuple(sorted(self.people[:PEOPLE_SHOWN]))

    def cells(self, figure: PairFigure) -> pl.DataFrame:
        """The matrix of a figure, as `charts.heatmap` takes it: both halves, without a diagonal."""
        among = pl.col("annotator_a").is_in(self.shown) & pl.col("annotator_b").is_in(self.shown)
        undefined = f"{figure.column}_undefined"
        half = self.table.filter(among).select(
            pl.col("annotator_a").alias("row"),
            pl.col("annotator_b").alias("column"),
            pl.col(figure.column).alias("value"),
            pl.col(f"{figure.column}_low").alias("low"),
            pl.col(f"{figure.column}_high").alias("high"),
            "n",
            (pl.col(undefined) if undefined in self.table.columns else pl.lit(None)).alias("undefined"),
        )
        other = half.rename({"row": "column", "column": "row"})
        return pl.concat(
            [part.select(pl.col(name).cast(kind) for name, kind in CELLS.items()) for part in (half, other)]
        )

    def of(self, first: str, second: str) -> dict[str, object] | None:
        """The row of two annotators, in any order; None where they share no item (or too few: see the catalogue)."""
        one, two = sorted((first, second))
        found = self.table.filter((pl.col("annotator_a") == one) & (pl.col("annotator_b") == two))
        return found.row(0, named=True) if found.height else None


def pairs(store: Store, *, project_id: str, by: Person, as_of: int | None = None) -> Pairs | None:
    """What the newest run measured of every pair; None where nothing was scored yet.

    The interval of percent agreement is Wilson's (1927); those of the kappas are stored (see the catalogue).
    """
    require(by, "view.figures")
    run = monitor.newest_run(store, project_id, as_of=as_of)
    if run is None:
        return None
    found = store.read("agreement_pairs", project_id=project_id, run_id=run.run_id)
    # A share that was stored with six digits is that of a whole number of items.
    hits = (found["agreement"] * found["n"]).round(0).clip(0, found["n"])
    low, high = wilson_bounds(hits.to_numpy(), found["n"].to_numpy())
    table = found.with_columns(
        agreement=hits / found["n"],
        agreement_low=pl.Series(low, dtype=pl.Float64),
        agreement_high=pl.Series(high, dtype=pl.Float64),
    )
    ordered = bool(found["has_weighted"].any())
    weighted = [name for name in table.columns if name.startswith("weighted_kappa")]
    ends = pl.concat([table.select(name=end, n="n") for end in ("annotator_a", "annotator_b")])
    ranked = ends.group_by("name").agg(pl.col("n").sum()).sort("n", "name", descending=[True, False])
    first = ["annotator_a", "annotator_b", "n", "agreement", "agreement_low", "agreement_high"]
    return Pairs(
        table=table.select(*first, pl.exclude(*first, "has_weighted", *([] if ordered else weighted))),
        people=tuple(ranked["name"]),
        figures=tuple(figure for figure in FIGURES if ordered or figure.key != "weighted"),
        repeats="last" if run.parameters.get("repeats") == "last" else "first",
    )


def pair_items(
    store: Store,
    *,
    project_id: str,
    by: Person,
    annotator_a: str,
    annotator_b: str,
    repeats: str = "first",
    as_of: int | None = None,
) -> pl.DataFrame:
    """The items that both labelled: item_id, label_a, label_b, differs; first where they differ.

    `repeats`: which of several labels of one person for an item is taken, "first" or "last".
    """
    require(by, "view.items")
    return store.read(
        "agreement_pair_items",
        project_id=project_id,
        annotator_a=annotator_a,
        annotator_b=annotator_b,
        last=repeats == "last",
        as_of=as_of,
    )
