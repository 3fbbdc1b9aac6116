"""The metric catalogue: one row for every figure that Touchstone computes, and what it says about itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import polars as pl

from analytics import agreement, annotators, krippendorff, pairwise, pooled_kappa, weighted_kappa
from analytics.results import Estimate
from dashboard.workflows import catalog_sets
from dashboard.workflows.figure_inputs import Inputs, oneself_of, others_of, single_of

if TYPE_CHECKING:
    from analytics.krippendorff import Level


@dataclass(frozen=True, slots=True)
class Metric:
    """A figure with one value for the project. `better` is "higher" or "lower"; `reference` is where its formula stands.

    `n_unit` is what its n counts.
    """

    key: str
    title: str
    question: str
    compute: Callable[[Inputs], Estimate]
    unit: str
    better: str
    undefined_when: str
    reference: str
    n_unit: str = "items"


@dataclass(frozen=True, slots=True)
class GroupMetric:
    """A figure with a value for each label, annotator or pair. `compute` gives group (code or codes), value, low, high, n, undefined."""

    key: str
    title: str
    group_kind: str
    compute: Callable[[Inputs], pl.DataFrame]
    unit: str
    better: str
    undefined_when: str
    reference: str


NO_ORDER = "the labels have no order"


def _percent(inputs: Inputs) -> Estimate:
    return agreement.percent_agreement(
        inputs.votes,
        n_labels=inputs.n_labels,
        repeats=inputs.repeats,
        replicates=inputs.replicates,
        seed=inputs.seed,
    )


def _alpha(inputs: Inputs) -> Estimate:
    if inputs.sets:
        return catalog_sets.alpha(inputs)
    return krippendorff.alpha(
        inputs.votes,
        level=cast("Level", inputs.level),
        n_labels=inputs.n_labels,
        values=inputs.values,
        repeats=inputs.repeats,
        replicates=inputs.replicates,
        seed=inputs.seed,
    )


def _fleiss(inputs: Inputs) -> Estimate:
    if inputs.sets:
        return catalog_sets.not_for_sets()
    return agreement.fleiss_kappa(
        inputs.votes,
        n_labels=inputs.n_labels,
        repeats=inputs.repeats,
        replicates=inputs.replicates,
        seed=inputs.seed,
    )


def _scott(inputs: Inputs) -> Estimate:
    if inputs.sets:
        return catalog_sets.not_for_sets()
    return weighted_kappa.scotts_pi(
        single_of(inputs),
        n_labels=inputs.n_labels,
        replicates=inputs.replicates,
        seed=inputs.seed,
    )


def _ac1(inputs: Inputs) -> Estimate:
    if inputs.sets:
        return catalog_sets.not_for_sets()
    return agreement.gwet_ac1(
        inputs.votes,
        n_labels=inputs.n_labels,
        repeats=inputs.repeats,
        replicates=inputs.replicates,
        seed=inputs.seed,
    )


def _ac2(inputs: Inputs) -> Estimate:
    if inputs.level in ("nominal", "set"):
        return Estimate.none(NO_ORDER, unit="coefficient")
    found = weighted_kappa.gwet_ac2(
        inputs.votes,
        n_labels=inputs.n_labels,
        values=inputs.values,
        repeats=inputs.repeats,
        replicates=inputs.replicates,
        seed=inputs.seed,
    )
    return found.estimate


def _quadratic(inputs: Inputs) -> Estimate:
    return _weighted(inputs, "quadratic")


def _linear(inputs: Inputs) -> Estimate:
    return _weighted(inputs, "linear")


def _weighted(inputs: Inputs, weights: weighted_kappa.Weights) -> Estimate:
    if inputs.level in ("nominal", "set"):
        return Estimate.none(NO_ORDER, unit="coefficient")
    return pooled_kappa.pooled_weighted_kappa(
        single_of(inputs),
        n_labels=inputs.n_labels,
        weights=weights,
        values=inputs.values,
    )


def _with_oneself(inputs: Inputs) -> Estimate:
    return oneself_of(inputs).share


def _with_oneself_alpha(inputs: Inputs) -> Estimate:
    if inputs.sets:
        return catalog_sets.not_for_sets()
    return oneself_of(inputs).alpha


def _gold_accuracy(inputs: Inputs) -> Estimate:
    return annotators.consensus_accuracy(inputs.consensus, inputs.gold)


NOT_FOR_LEVEL = frozenset({catalog_sets.NO_SETS, catalog_sets.OVERLAPPING, NO_ORDER})
"""Why a figure is undefined whatever the annotations say: it is for labels of another level."""

FEW_PAIRS, LEAST_SHARED = 2_000, 10
"""Where there are more pairs of annotators than this, those that share fewer items are left out: each of them says nothing,
and thousands of annotators make millions of them."""

_NO_WEIGHTED = "the labels have no order, no two annotators share 10 items (any, where there is one pair), or only one label was used"
_WEIGHTED_SOURCE = (
    "Cohen (1968); over all pairs of annotators as Conger (1980), as a ratio of sums; "
    "large-sample interval over items, from 30 of them on"
)

METRICS: tuple[Metric, ...] = (
    Metric(
        "krippendorff_alpha", "Krippendorff's alpha", "Do people agree more than chance would make them?", _alpha,
        "coefficient", "higher", "fewer than two items have two votes, or only one label was used",
        "Krippendorff (2011), Computing Krippendorff's Alpha-Reliability; of sets with the MASI distance of Passonneau (2006)",
    ),
    Metric(
        "krippendorff_alpha_jaccard", "Krippendorff's alpha, Jaccard distance", "Do people's sets of labels overlap more than chance "
        "would make them?", catalog_sets.alpha_jaccard, "coefficient", "higher",
        "the labels are no sets, fewer than two items have two votes, or only one set was used",
        "Krippendorff (2011), with Jaccard's (1912) distance of sets",
    ),
    Metric(
        "set_overlap", "Overlap of two people's sets", "How much of what two people choose for an item do they both choose?",
        catalog_sets.overlap, "share", "higher", "the labels are no sets, or no item has two votes",
        "Jaccard (1912); mean over items of the mean over pairs of votes, items resampled",
    ),
    Metric(
        "percent_agreement", "Percent agreement", "How often do two people give an item the same label?", _percent,
        "share", "higher", "no item has two votes", "Fleiss (1971), mean of P_i",
    ),
    Metric(
        "fleiss_kappa", "Fleiss' kappa", "Agreement beyond chance, chance taken from how often each label is used", _fleiss,
        "coefficient", "higher", "no item has two votes, or only one label was used",
        "Fleiss (1971); unequal numbers of votes after Gwet (2014), Handbook of Inter-Rater Reliability",
    ),
    Metric(
        "scotts_pi", "Scott's pi", "Agreement beyond chance over the items that two or more labelled, one vote a person", _scott,
        "coefficient", "higher", "no item has votes of two annotators, or only one label was used",
        "Scott (1955), Public Opinion Quarterly 19; more than two annotators after Fleiss (1971)",
    ),
    Metric(
        "gwet_ac1", "Gwet's AC1", "Agreement beyond chance that stays steady when one label is rare", _ac1,
        "coefficient", "higher", "no item has two votes", "Gwet (2008), Br J Math Stat Psychol 61",
    ),
    Metric(
        "gwet_ac2", "Gwet's AC2, quadratic weights", "Agreement beyond chance on ordered labels: a near miss counts in part", _ac2,
        "coefficient", "higher", "the labels have no order, or no item has two votes",
        "Gwet (2014), Handbook of Inter-Rater Reliability; K of the label set",
    ),
    Metric(
        "weighted_kappa_quadratic", "Weighted kappa, quadratic weights",
        "Agreement of pairs beyond chance on ordered labels: far misses count most", _quadratic,
        "coefficient", "higher", _NO_WEIGHTED, _WEIGHTED_SOURCE,
    ),
    Metric(
        "weighted_kappa_linear", "Weighted kappa, linear weights",
        "Agreement of pairs beyond chance on ordered labels: a miss counts by how far off it is", _linear,
        "coefficient", "higher", _NO_WEIGHTED, _WEIGHTED_SOURCE,
    ),
    Metric(
        "self_consistency", "Agreement with oneself", "How often does an annotator give an item the label they gave it before?",
        _with_oneself, "share", "higher", "no annotator labelled an item twice",
        "share of agreeing pairs; annotators resampled, from 10 of them on", "pairs of annotations",
    ),
    Metric(
        "self_consistency_alpha", "Agreement with oneself, alpha", "The same beyond what chance would give", _with_oneself_alpha,
        "coefficient", "higher", "fewer than two items were labelled twice by one annotator, or only one label was used",
        "Krippendorff (2011), nominal, an annotator's labels for an item as one unit; annotators resampled, from 10 of them on",
        "items labelled twice",
    ),
    Metric(
        "consensus_accuracy_on_gold", "Consensus accuracy on gold", "How often is the consensus the label known in advance?",
        _gold_accuracy, "share", "higher", "no gold item has a consensus", "Wilson (1927) interval", "gold items",
    ),
)  # fmt: skip


def _by_label(inputs: Inputs) -> pl.DataFrame:
    if inputs.sets:
        frame = catalog_sets.by_member(inputs)
    else:
        frame = agreement.label_agreement(
            inputs.votes,
            n_labels=inputs.n_labels,
            repeats=inputs.repeats,
            replicates=inputs.replicates,
            seed=inputs.seed,
        )
    return frame.select(
        "label_code", value="alpha", low="low", high="high", n="n_items", undefined="undefined"
    )


def _pairs(inputs: Inputs) -> pl.DataFrame:
    return _of_pairs(pairwise.pairwise_kappa(single_of(inputs), n_labels=inputs.n_labels))


def _weighted_pairs(inputs: Inputs) -> pl.DataFrame:
    if inputs.level in ("nominal", "set"):
        return pl.DataFrame(schema=NO_PAIRS)
    found = weighted_kappa.pairwise_weighted_kappa(
        single_of(inputs), n_labels=inputs.n_labels, values=inputs.values
    )
    return _of_pairs(found).drop("agreement")  # its share counts near misses: `cohen_kappa` has the plain one


NO_PAIRS = {
    "annotator_a": pl.Int64, "annotator_b": pl.Int64, "low": pl.Float64, "high": pl.Float64, "undefined": pl.Utf8,
    "value": pl.Float64, "n": pl.Int64,
}  # fmt: skip


def _of_pairs(frame: pl.DataFrame) -> pl.DataFrame:
    if frame.height > FEW_PAIRS:
        frame = frame.filter(pl.col("n_items") >= LEAST_SHARED)
    return frame.select(
        "annotator_a", "annotator_b", "low", "high", "undefined", "agreement", value="kappa", n="n_items"
    )


def _with_others(inputs: Inputs) -> pl.DataFrame:
    frame = annotators.agreement_of_counts(others_of(inputs))
    return frame.select("annotator_code", "low", "high", "undefined", value="agreement", n="n_compared")


def _on_gold(inputs: Inputs) -> pl.DataFrame:
    frame = annotators.gold_accuracy(inputs.votes, inputs.gold, n_labels=inputs.n_labels)
    return frame.select("annotator_code", "low", "high", "undefined", value="accuracy", n="n_gold")


def _oneself(inputs: Inputs) -> pl.DataFrame:
    return oneself_of(inputs).annotators.select(
        "annotator_code", "low", "high", "undefined", "n", value="consistency"
    )


def _speed(inputs: Inputs) -> pl.DataFrame:
    frame = annotators.speed(inputs.votes)
    nothing = pl.when(pl.col("median_seconds").is_null()).then(pl.lit("no times were recorded"))
    return frame.select(
        "annotator_code",
        value="median_seconds",
        low="p10_seconds",
        high="p90_seconds",
        n="n_timed",
        undefined=nothing,
    )


GROUP_METRICS: tuple[GroupMetric, ...] = (
    GroupMetric(
        "label_alpha", "Alpha of one label against the rest", "label", _by_label, "coefficient", "higher",
        "the label, or every other label, was never used", "Krippendorff (2011), nominal alpha of the binary split",
    ),
    GroupMetric(
        "cohen_kappa", "Cohen's kappa of a pair", "pair", _pairs, "coefficient", "higher",
        "both used one and the same label (of more than 2,000 pairs, those that share fewer than 10 items are left out)",
        "Cohen (1960); Fleiss, Cohen & Everitt (1969)",
    ),
    GroupMetric(
        "cohen_weighted_kappa", "Weighted kappa of a pair, quadratic weights", "pair", _weighted_pairs, "coefficient", "higher",
        "both used one and the same label; where labels have no order there are no rows (many pairs: as Cohen's kappa)",
        "Cohen (1968); Fleiss, Cohen & Everitt (1969)",
    ),
    GroupMetric(
        "agreement_with_others", "Agreement with the consensus of the others", "annotator", _with_others, "share", "higher",
        "no item has votes of others that settle it", "Wilson (1927) interval; own vote left out",
    ),
    GroupMetric(
        "overlap_with_others", "Overlap of their sets with the others'", "annotator", catalog_sets.with_others, "share", "higher",
        "the labels are no sets, or no item has sets of others", "Jaccard (1912); Student's t over the annotator's items",
    ),
    GroupMetric(
        "accuracy_on_gold", "Accuracy on gold", "annotator", _on_gold, "share", "higher", "no gold item was labelled",
        "Wilson (1927) interval",
    ),
    GroupMetric(
        "self_consistency_of", "Agreement with oneself", "annotator", _oneself, "share", "higher",
        "fewer than 10 items were labelled twice by this annotator", "share of agreeing pairs, items resampled",
    ),
    GroupMetric(
        "median_seconds", "Median seconds an annotation (10th to 90th percentile)", "annotator", _speed, "seconds", "lower",
        "no times were recorded", "sample quantiles",
    ),
)  # fmt: skip
