"""The figures of the catalogue where a label is a set of choices."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from analytics.results import Estimate
from dashboard.workflows.figure_inputs import Inputs

if TYPE_CHECKING:
    from analytics.set_agreement import SetDistance

NO_SETS = "the labels are no sets"
OVERLAPPING = "labels are sets, and sets overlap: alpha counts by how much"
GROUP_COLUMNS = {
    "annotator_code": pl.Int64, "low": pl.Float64, "high": pl.Float64, "undefined": pl.Utf8, "value": pl.Float64, "n": pl.Int64,
}  # fmt: skip


def not_for_sets() -> Estimate:
    """Of figures that take every label for unlike every other."""
    return Estimate.none(OVERLAPPING, unit="coefficient")


def alpha(inputs: Inputs) -> Estimate:
    """Krippendorff's alpha with the MASI distance."""
    return _alpha(inputs, "masi")


def alpha_jaccard(inputs: Inputs) -> Estimate:
    """Krippendorff's alpha with Jaccard's distance."""
    return _alpha(inputs, "jaccard") if inputs.sets else Estimate.none(NO_SETS, unit="coefficient")


def overlap(inputs: Inputs) -> Estimate:
    """The mean overlap of two annotations of an item."""
    from analytics.set_figures import mean_overlap

    if not inputs.sets:
        return Estimate.none(NO_SETS, unit="share")
    return mean_overlap(
        inputs.votes,
        sets=inputs.sets,
        repeats=inputs.repeats,
        replicates=inputs.replicates,
        seed=inputs.seed,
    )


def by_member(inputs: Inputs) -> pl.DataFrame:
    """Alpha of each member, in the set or not."""
    from analytics.set_figures import member_alpha

    return member_alpha(
        inputs.votes,
        sets=inputs.sets,
        members=inputs.members,
        repeats=inputs.repeats,
        replicates=inputs.replicates,
        seed=inputs.seed,
    )


def with_others(inputs: Inputs) -> pl.DataFrame:
    """Each annotator's overlap with the others; no rows where labels are no sets."""
    from analytics.set_figures import annotator_overlap

    if not inputs.sets:
        return pl.DataFrame(schema=GROUP_COLUMNS)
    found = annotator_overlap(inputs.votes, sets=inputs.sets)
    return found.select("annotator_code", "low", "high", "undefined", value="overlap", n="n_compared")


def _alpha(inputs: Inputs, distance: SetDistance) -> Estimate:
    from analytics.set_agreement import set_alpha

    return set_alpha(
        inputs.votes,
        sets=inputs.sets,
        distance=distance,
        repeats=inputs.repeats,
        replicates=inputs.replicates,
        seed=inputs.seed,
    )
