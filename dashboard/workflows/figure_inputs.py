"""What the figures of a project are computed from, and what several of them share within a run."""

from __future__ import annotations

from dataclasses import dataclass, replace

import polars as pl

from analytics.annotators import counts_beside_others
from analytics.frames import VOTES, Repeats, one_vote_each
from analytics.self_consistency import SelfConsistency, self_consistency


@dataclass(frozen=True, slots=True)
class Shared:
    """What several figures are made of. `others`: see `counts_beside_others`. `single`: one vote an (item, annotator)."""

    others: pl.DataFrame
    single: pl.DataFrame
    oneself: SelfConsistency


@dataclass(frozen=True, slots=True)
class Inputs:
    """What the figures of a project are computed from.

    `votes`: independent annotations (item_code, annotator_code, label_code, order, active_seconds). `gold` and `consensus`:
    item_code, label_code (consensus also p_label, n_annotations, tied, posterior). `values`: number or rank by label code.
    Where labels are sets, `sets` are their members by label code and `members` the codes that are one.
    `shared`: see `with_shared`; without it each figure computes what it needs.
    """

    votes: pl.DataFrame
    gold: pl.DataFrame
    consensus: pl.DataFrame
    n_labels: int
    level: str
    values: tuple[float, ...]
    repeats: Repeats = "count"
    replicates: int = 1000
    seed: int = 0
    sets: tuple[tuple[int, ...], ...] = ()
    members: tuple[int, ...] = ()
    shared: Shared | None = None


def with_shared(inputs: Inputs) -> Inputs:
    """The same inputs with what several figures need computed once, for a run that computes them all."""
    return replace(inputs, shared=Shared(others_of(inputs), single_of(inputs), oneself_of(inputs)))


def others_of(inputs: Inputs) -> pl.DataFrame:
    """What each annotator said where the others said what, counted: see `counts_beside_others`."""
    if inputs.shared is not None:
        return inputs.shared.others
    return counts_beside_others(inputs.votes, n_labels=inputs.n_labels)


def oneself_of(inputs: Inputs) -> SelfConsistency:
    """How far annotators agree with themselves."""
    if inputs.shared is not None:
        return inputs.shared.oneself
    return self_consistency(
        inputs.votes, n_labels=inputs.n_labels, replicates=inputs.replicates, seed=inputs.seed
    )


def single_of(inputs: Inputs) -> pl.DataFrame:
    """One vote an (item, annotator): the first, unless the run takes the last."""
    if inputs.shared is not None:
        return inputs.shared.single
    return one_vote_each(inputs.votes, "last" if inputs.repeats == "last" else "first").select(VOTES.codes)
