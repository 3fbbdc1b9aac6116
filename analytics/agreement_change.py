"""How each annotator's agreement with the others on the same items changed from a reference to a window.

Of a vote on an item with n votes in its window, y is the share of the other n - 1 that gave the same label. An annotator's own change is
the mean of y over the window's items minus that over the reference's. It falls where the annotator changed, but also where items grew
harder or colleagues worse. So each vote has a second figure too: y minus r, where r is how far the others agree among themselves on that
item (three votes or more) or, where nobody else is left, the mean agreement of the window's items with two votes. That falls where the
annotator changed, and where colleagues grew better, but not where items grew harder.

An annotator is said to have fallen only where both fell: the p-value of the two together is the larger one (an intersection-union test,
Berger 1982, Technometrics 24), which needs no correction. Both are differences of means over items, with Welch's (1947) degrees of freedom.
"""

from __future__ import annotations

import polars as pl

from analytics.frames import Contract, require

COMPARED = Contract("votes", ("item_code", "annotator_code", "label_code", "window"))
"""One row an annotation: `window` 0 for the reference and 1 for the window."""
MIN_EACH = 10
"""Items of a person in each window that the others labelled too; with fewer there is no change of theirs."""

SCHEMA = {
    "annotator_code": pl.Int64, "n_before": pl.Int64, "n_after": pl.Int64, "before": pl.Float64, "after": pl.Float64,
    "change": pl.Float64, "change_error": pl.Float64, "change_df": pl.Float64,
    "beside": pl.Float64, "beside_error": pl.Float64, "beside_df": pl.Float64,
}  # fmt: skip


def agreement_changes(votes: pl.DataFrame) -> pl.DataFrame:
    """The change of each annotator with MIN_EACH items or more in both windows that somebody else labelled in the same window.

    Args:
        votes: a frame that keeps COMPARED, independent annotations only. Of several of a person for an item in a window the last
            row counts.

    Returns:
        SCHEMA, sorted by annotator_code: n_before and n_after items; `before` and `after`, the means of y; `change` of y and `beside`,
        the change of y - r, each with its standard error and degrees of freedom.

    Raises:
        MissingColumn, BadColumn: as `require`.
    """
    require(votes, COMPARED)
    each = _each_vote(votes)
    sums = each.group_by("annotator_code", "window").agg(
        n=pl.len().cast(pl.Int64), y=pl.col("y").mean(), y_var=pl.col("y").var(), d=pl.col("d").mean(), d_var=pl.col("d").var(),
    )  # fmt: skip
    enough = sums.filter(pl.col("n") >= MIN_EACH)
    old, new = (enough.filter(pl.col("window") == w).drop("window") for w in (0, 1))
    both = old.join(new, on="annotator_code", suffix="_new").sort("annotator_code")
    told = both.with_columns(
        n_before="n",
        n_after="n_new",
        before="y",
        after="y_new",
        **_welch("y", "change"),
        **_welch("d", "beside"),
    )
    return told.select(pl.col(name).cast(kind) for name, kind in SCHEMA.items())


def _each_vote(votes: pl.DataFrame) -> pl.DataFrame:
    """annotator_code, window, y, d = y - r: of each vote with company."""
    kept = votes.select("item_code", "annotator_code", "label_code", "window").unique(
        ["item_code", "annotator_code", "window"], keep="last", maintain_order=True
    )
    n, same = pl.len().over("window", "item_code"), pl.len().over("window", "item_code", "label_code")
    counted = kept.with_columns(n=n.cast(pl.Float64), same=same.cast(pl.Float64)).filter(pl.col("n") > 1)
    agreeing = counted.with_columns(pairs=(pl.col("same") - 1).sum().over("window", "item_code"))
    agreeing = agreeing.with_columns(y=(pl.col("same") - 1) / (pl.col("n") - 1))
    left = (pl.col("n") - 1) * (pl.col("n") - 2)
    among_rest = (pl.col("pairs") - 2 * (pl.col("same") - 1)) / left
    of_twos = pl.col("y").filter(pl.col("n") == 2).mean().over("window")
    rest = pl.when(pl.col("n") > 2).then(among_rest).otherwise(of_twos)
    return agreeing.select("annotator_code", "window", "y", d=pl.col("y") - rest)


def _welch(of: str, named: str) -> dict[str, pl.Expr]:
    """The difference of two means, its standard error and degrees of freedom."""
    old, new = pl.col(f"{of}_var") / pl.col("n"), pl.col(f"{of}_var_new") / pl.col("n_new")
    spread = old**2 / (pl.col("n") - 1) + new**2 / (pl.col("n_new") - 1)
    df = pl.when(spread > 0).then((old + new) ** 2 / spread).otherwise(pl.min_horizontal("n", "n_new") - 1)
    return {named: pl.col(f"{of}_new") - pl.col(of), f"{named}_error": (old + new).sqrt(), f"{named}_df": df}
