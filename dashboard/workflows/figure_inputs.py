"""What the figures of a project are computed from."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from analytics.frames import Repeats


@dataclass(frozen=True, slots=True)
class Inputs:
    """What the figures of a project are computed from.

    `votes`: independent annotations (item_code, annotator_code, label_code, order, active_seconds). `gold` and `consensus`:
    item_code, label_code (consensus also p_label, n_annotations, tied, posterior). `values`: number or rank by label code.
    Where labels are sets, `sets` are their members by label code and `members` the codes that are one.
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
