"""The ways to a consensus: one row each. Votes in, a label with its posterior for every item out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import polars as pl

from analytics import consensus as voting
from analytics.frames import FloatArray, IntArray
from dashboard.workflows.errors import BadRequest

if TYPE_CHECKING:
    from analytics.device import Device
    from analytics.em_steps import Confusion

DEFAULT = "dawid-skene-prior"

PRIOR_ANNOTATIONS, PRIOR_ACCURACY = 4.0, 0.6
"""Every annotator is taken to have made so many annotations of items of each label beforehand, so many of them right, the
errors even over the other labels. docs/consensus.md has the measurements behind it."""

MOST_CELLS = 5_000_000
"""Confusion matrices with more cells than this are not kept with a run."""

CONFUSION = pl.List(pl.Float64)
ANNOTATORS: Mapping[str, pl.DataType] = {
    "annotator_code": pl.Int64(),
    "weight": pl.Float64(),
    "confusion": CONFUSION,
}


@dataclass(frozen=True, slots=True)
class Probabilities:
    """A model's out-of-sample probabilities: `item_codes` (N,), `table` (N, K)."""

    model_run: str
    item_codes: IntArray
    table: FloatArray


@dataclass(frozen=True, slots=True)
class Question:
    """What a method is asked.

    `votes`: as `analytics.frames.VOTES`, repeats as they count. `probabilities`: for the methods that read a model.
    """

    votes: pl.DataFrame
    n_labels: int
    device: str = "cpu"
    max_iterations: int = 1000
    probabilities: Probabilities | None = None


@dataclass(frozen=True, slots=True)
class Fitted:
    """A consensus and what it took every annotator for.

    `items`: item_code, label_code, p_label, n_annotations, tied, posterior. `annotators`: annotator_code, weight,
    confusion (K * K, row by row). `fit`: how it was reached, for the run's event.
    """

    items: pl.DataFrame
    annotators: pl.DataFrame
    fit: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Method:
    """One way to a consensus; `suits` says when to use it."""

    key: str
    title: str
    suits: str
    reference: str
    fit: Callable[[Question], Fitted]
    reads_model: bool = False


def method(key: str) -> Method:
    """The method of this name; raises BadRequest naming those that exist."""
    for row in METHODS:
        if row.key == key:
            return row
    raise BadRequest(f"{key!r} is not a method. Known: {', '.join(row.key for row in METHODS)}.")


def title(key: str) -> str:
    """A method's name for people; one that is not known keeps its key."""
    return next((row.title for row in METHODS if row.key == key), key)


def _majority(asked: Question) -> Fitted:
    found = voting.majority_vote(asked.votes, n_labels=asked.n_labels, repeats="count")
    return Fitted(
        found.items, _weights(asked.votes.select("annotator_code").unique(), weight=pl.lit(1.0)), {}
    )


def _weighted(asked: Question) -> Fitted:
    from analytics.weighted_vote import weighted_vote

    found = weighted_vote(asked.votes, n_labels=asked.n_labels)
    return Fitted(found.items, _weights(found.annotators, weight=pl.col("weight")), {})


def _dawid_skene(asked: Question, confusion: Confusion, *, prior: float) -> Fitted:
    from analytics.dawid_skene import dawid_skene

    wrong = prior * (1 - PRIOR_ACCURACY) / max(asked.n_labels - 1, 1)
    found = dawid_skene(
        asked.votes,
        n_labels=asked.n_labels,
        device=cast("Device", asked.device),
        max_iterations=asked.max_iterations,
        confusion=confusion,
        smoothing=wrong,
        right_smoothing=max(prior * PRIOR_ACCURACY - wrong, 0.0),
    )
    fit = {
        "iterations": found.n_iterations,
        "converged": found.converged,
        "priors": found.priors.tolist(),
        "prior_annotations": prior,
        "prior_accuracy": PRIOR_ACCURACY if prior else None,
    }
    return Fitted(found.items, _confusions(found.annotator_codes, found.confusion), fit)


def _likelihood(asked: Question) -> Fitted:
    return _dawid_skene(asked, "full", prior=0.0)


def _with_prior(asked: Question) -> Fitted:
    return _dawid_skene(asked, "full", prior=PRIOR_ANNOTATIONS)


def _by_label(asked: Question) -> Fitted:
    return _dawid_skene(asked, "class", prior=PRIOR_ANNOTATIONS)


def _one_coin(asked: Question) -> Fitted:
    return _dawid_skene(asked, "one-coin", prior=PRIOR_ANNOTATIONS)


def _glad(asked: Question) -> Fitted:
    from analytics.glad import glad

    found = glad(asked.votes, n_labels=asked.n_labels)
    fit = {"iterations": found.n_iterations, "converged": found.converged}
    return Fitted(found.items, _weights(found.annotators, weight=pl.col("ability").clip(lower_bound=0)), fit)


def _mace(asked: Question) -> Fitted:
    from analytics.mace import implied_confusion, mace

    found = mace(asked.votes, n_labels=asked.n_labels)
    given = asked.votes["label_code"].n_unique()
    used = asked.votes.group_by("label_code").len().filter(pl.col("len") > 0)["label_code"].to_list()
    priors = [1 / given if code in used else 0.0 for code in range(asked.n_labels)]
    codes = found.annotators["annotator_code"].to_numpy()
    return Fitted(found.items, _confusions(codes, implied_confusion(found)), {"priors": priors})


def _crowdlab(asked: Question) -> Fitted:
    from analytics.crowdlab import crowdlab

    given = asked.probabilities
    if given is None:
        raise BadRequest(
            "CROWDLAB needs a model's probabilities: `touchstone predictions FILE --run NAME` brings them in."
        )
    known = set(given.item_codes.tolist())
    missing = [code for code in asked.votes["item_code"].unique().to_list() if code not in known]
    if missing:
        raise BadRequest(
            f"The model run {given.model_run!r} has no probabilities for {len(missing):,} items that have annotations; "
            "CROWDLAB needs them for all."
        )
    found = crowdlab(asked.votes, given.table, item_codes=given.item_codes)
    fit = {"model_run": given.model_run, "model_weight": found.model_weight}
    return Fitted(found.items, _weights(found.annotators, weight=pl.col("weight")), fit)


def _weights(annotators: pl.DataFrame, *, weight: pl.Expr) -> pl.DataFrame:
    frame = annotators.select(
        pl.col("annotator_code").cast(pl.Int64), weight.cast(pl.Float64).alias("weight")
    )
    return frame.with_columns(confusion=pl.lit(None, dtype=CONFUSION)).sort("annotator_code")


def _confusions(codes: IntArray, confusion: FloatArray) -> pl.DataFrame:
    if confusion.size > MOST_CELLS:
        return pl.DataFrame(schema=ANNOTATORS)
    rows = confusion.reshape(len(codes), -1)
    return pl.DataFrame(
        {"annotator_code": codes, "weight": [None] * len(codes), "confusion": rows.tolist()},
        schema=ANNOTATORS,
    )


METHODS: tuple[Method, ...] = (
    Method(
        "dawid-skene-prior", "Dawid–Skene with a prior",
        "the default: annotators differ in what they mix up; nobody is taken to be certain on few annotations",
        "Dawid & Skene (1979), Applied Statistics 28, with a Dirichlet prior on every annotator", _with_prior,
    ),
    Method(
        "dawid-skene", "Dawid–Skene", "the paper's maximum likelihood, to compare with other programs",
        "Dawid & Skene (1979), Applied Statistics 28", _likelihood,
    ),
    Method(
        "class", "Dawid–Skene, an accuracy for each label",
        "many labels, and too few annotations to learn who mixes up what",
        "Dawid & Skene (1979) with errors even over the other labels, and a prior", _by_label,
    ),
    Method(
        "one-coin", "Dawid–Skene, one coin", "few annotations an annotator: one accuracy is all that can be learned",
        "Zhang et al. (2016), JMLR 17, with a prior", _one_coin,
    ),
    Method(
        "majority", "Majority vote", "tiny data, or where everybody has to be able to count it by hand",
        "ties go to the smallest label code and are marked", _majority,
    ),
    Method(
        "weighted", "Weighted majority", "to be counted by hand, with better annotators counting more",
        "Nitzan & Paroush (1982); Li & Yu (2014)", _weighted,
    ),
    Method(
        "glad", "GLAD", "items differ much in difficulty, annotators in ability",
        "Whitehill et al. (2009), NIPS 22", _glad,
    ),
    Method(
        "mace", "MACE", "spammers are the trouble", "Hovy et al. (2013), NAACL-HLT", _mace,
    ),
    Method(
        "crowdlab", "CROWDLAB", "a model's out-of-sample probabilities are there, and few annotations an item",
        "Goh, Tkachenko & Mueller (2022), arXiv:2210.06812", _crowdlab, reads_model=True,
    ),
)  # fmt: skip
