"""A trial of votes that people gave: items with gold in two halves, models fitted on the one, and what they make of the other.

Where labels are sets every choice has a model of its own, and a set is right where all its choices are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from analytics.annotators import one_gold_each
from analytics.dawid_skene import DawidSkene, dawid_skene
from analytics.errors import BadOption
from analytics.fold_in import fold_in_model
from analytics.frames import GOLD, VOTES, FloatArray, IntArray, require_labels
from analytics.temperature import fit_temperature, logits_of
from analytics.vote_confusion import pooled_confusion, tempered

MOST_JUDGED = 3_000
"""Items with gold that are judged; of more, some are drawn."""

MOST_OTHERS = 10_000
"""Items without gold that a fit takes; of more some are drawn, at least so many that every annotator is expected to have ENOUGH votes."""

ENOUGH = 200

_PRIOR, _RIGHT = 4.0, 0.6


@dataclass(frozen=True, slots=True, eq=False)
class Crowd:
    """`votes` of the items with gold, numbered from 0; `known` (I, C): their gold; `others`: the votes of all other items.

    `parts` (labels, C): what each label code is of each choice, one of `n_labels`; where labels are no sets, of the one itself.
    """

    votes: pl.DataFrame
    known: IntArray
    others: pl.DataFrame
    parts: IntArray
    n_labels: int

    def of_choice(self, votes: pl.DataFrame, choice: int) -> pl.DataFrame:
        """The votes as answers to one choice."""
        codes = votes["label_code"].cast(pl.Int64).to_numpy()
        return votes.with_columns(label_code=pl.Series(self.parts[codes, choice], dtype=pl.Int64))


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """What was fitted to each of C choices (1 where labels are no sets); `pooled` (C, K, K); one temperature for all."""

    models: tuple[DawidSkene, ...]
    pooled: FloatArray
    temperature: float


class Judge:
    """Items set aside, and what a fit makes of their first votes. `n_votes` (I,): how many each has."""

    def __init__(self, votes: pl.DataFrame, items: IntArray, fit: Fit, crowd: Crowd) -> None:
        self._votes, self._crowd, self.fit = votes, crowd, fit
        self._place = np.full(int(items.max()) + 1, -1)
        self._place[items] = np.arange(len(items))
        self.n_votes = np.bincount(self._place[votes["item"].to_numpy()], minlength=len(items))
        self._of = self._place[votes["item"].to_numpy()]
        self._rank = votes["rank"].to_numpy()

    def posterior(self, n_used: IntArray) -> FloatArray:
        """(C, I, K) after each item's first `n_used` votes."""
        used = self._votes.filter(pl.Series(self._rank < n_used[self._of]))
        named = used.select("annotator_code", "label_code", item_code="item")
        return _posteriors(named, self.fit.models, self._crowd)

    def sure(self, posterior: FloatArray) -> FloatArray:
        """The same at the fit's temperature, and never quite 0."""
        return tempered(np.clip(posterior, 1e-12, None), self.fit.temperature)


def right_chance(sure: FloatArray) -> FloatArray:
    """(I,) how probably every choice (C, I, K) is right."""
    return np.asarray(sure.max(axis=2).prod(axis=0))


def judged(
    votes: pl.DataFrame, gold: pl.DataFrame, n_labels: int, members: IntArray | None, *, least: int
) -> Crowd:
    """The items with gold and so many votes, and the others, which are never judged; of very many of either some are drawn.

    Which are drawn depends on nothing but their codes.
    """
    for frame, contract in ((votes, VOTES), (gold, GOLD)):
        require_labels(frame, contract, n_labels)
    enough = votes.group_by("item_code").len().filter(pl.col("len") >= least)
    every = one_gold_each(gold).join(enough, on="item_code", how="inner").sort("item_code")
    known = _some(every, MOST_JUDGED).with_row_index("item")
    votes = _of_some(votes, known["item_code"])
    named = votes.join(known.select("item_code", pl.col("item").cast(pl.Int64)), on="item_code", how="left")
    own = named.drop_nulls("item").select("item", "annotator_code", "label_code")
    others = named.filter(pl.col("item").is_null()).select(VOTES.codes)
    codes = known["label_gold"].cast(pl.Int64).to_numpy()
    parts = np.arange(n_labels)[:, None] if members is None else np.asarray(members, dtype=np.int64)
    if len(parts) != n_labels or (members is not None and not np.isin(parts, (0, 1)).all()):
        raise BadOption(
            "members", f"shape {parts.shape}", f"0 or 1 for each of {n_labels} labels and each choice"
        )
    n_values = n_labels if members is None else 2
    return Crowd(own.sort("item", "annotator_code", "label_code"), parts[codes], others, parts, n_values)


def _some(items: pl.DataFrame, most: int) -> pl.DataFrame:
    """The items, or so many of them drawn, in their order."""
    if items.height <= most:
        return items
    drawn = np.random.default_rng(most).permutation(items.height)[:most]
    return items[np.sort(drawn)]


def _of_some(votes: pl.DataFrame, known: pl.Series) -> pl.DataFrame:
    """The votes of the items that are judged and of enough others for the fits."""
    others = (
        votes.select("item_code")
        .unique()
        .filter(~pl.col("item_code").is_in(known.implode()))
        .sort("item_code")
    )
    if others.height <= MOST_OTHERS:
        return votes
    an_item = votes.height / max(votes["item_code"].n_unique(), 1)
    most = max(MOST_OTHERS, round(ENOUGH * votes["annotator_code"].n_unique() / an_item))
    kept = pl.concat([_some(others, most)["item_code"], known.cast(others["item_code"].dtype)])
    return votes.join(kept.to_frame("item_code"), on="item_code", how="semi", maintain_order="left")


def shuffled(votes: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """With `rank`: each vote's place in a random order of its item's votes."""
    drawn = votes.with_columns(draw=pl.Series(rng.random(votes.height)))
    return drawn.with_columns(rank=pl.col("draw").rank("ordinal").over("item").cast(pl.Int64) - 1).drop(
        "draw"
    )


def fit_half(votes: pl.DataFrame, crowd: Crowd, half: NDArray[np.bool_], start: int) -> Fit:
    """Fitted on one half of the items with gold, which set the temperature, and on all items without."""
    own = votes.filter(pl.Series(half).gather(votes["item"])).rename({"item": "item_code"})
    others = crowd.others.with_columns(pl.col("item_code") + len(half))
    every = pl.concat([own.select(VOTES.codes), others], how="vertical_relaxed")
    wrong = _PRIOR * (1 - _RIGHT) / (crowd.n_labels - 1)
    models = tuple(
        dawid_skene(
            crowd.of_choice(every, choice), n_labels=crowd.n_labels, max_iterations=500, smoothing=wrong,
            right_smoothing=_PRIOR * _RIGHT - wrong,
        )
        for choice in range(crowd.parts.shape[1])
    )  # fmt: skip
    pooled = np.stack([pooled_confusion(one.confusion, one.n_expected.sum(axis=1)) for one in models])
    begun = own.filter(pl.col("rank") < start).select(VOTES.codes)
    logits = logits_of(_posteriors(begun, models, crowd).reshape(-1, crowd.n_labels))
    heat = fit_temperature(logits, crowd.known[half].T.ravel()).temperature.value
    return Fit(models, pooled, 1.0 if heat is None else heat)


def _posteriors(votes: pl.DataFrame, models: tuple[DawidSkene, ...], crowd: Crowd) -> FloatArray:
    """(C, I, K) of the items of these votes, in the order of their codes."""
    found = [
        fold_in_model(
            crowd.of_choice(votes, choice), priors=model.priors, confusion=model.confusion, annotator_codes=model.annotator_codes
        ).items.sort("item_code")["posterior"].to_list()
        for choice, model in enumerate(models)
    ]  # fmt: skip
    return np.asarray(found, dtype=np.float64)
