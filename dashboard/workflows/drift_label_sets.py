"""Under which label set each annotation was recorded."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from dashboard.workflows.label_sets import LabelSet
from dashboard.workflows.opening import Store


@dataclass(frozen=True, slots=True)
class LabelSets:
    """The label sets of a project that differ in what one can choose, oldest first.

    `since`: the event from which each was in force; `of`: which of `choices` it was; `choices`: the codes that each of the
    different sets has. A version that only corrects the level or the order is the set that it corrects.
    """

    since: tuple[int, ...]
    of: tuple[int, ...]
    choices: tuple[frozenset[int], ...]

    def codes(self, seq: pl.Series) -> pl.Series:
        """Which of the different sets was in force when each event was recorded; an import that extends the set is under the new one."""
        if len(self.choices) < 2:
            return pl.Series("set_code", np.zeros(seq.len(), dtype=np.int64))
        at = np.searchsorted(np.array(self.since), seq.to_numpy(), side="right") - 1
        return pl.Series("set_code", np.array(self.of, dtype=np.int64)[np.maximum(at, 0)])


def label_sets(store: Store, project_id: str, *, as_of: int) -> LabelSets:
    """Read them as of a seq."""
    found = store.read("drift_label_sets", project_id=project_id, as_of=as_of)
    places: dict[frozenset[int], int] = {}
    of = [places.setdefault(frozenset(choices or ()), len(places)) for choices in found["choices"].to_list()]
    return LabelSets(tuple(found["seq"].to_list()), tuple(of), tuple(places))


def change_words(rows: pl.DataFrame, sets: LabelSets, label_set: LabelSet) -> str:
    """What the label set gained or lost among these annotations (`window`, `set_code`); nothing where all had the same."""
    used = rows["set_code"].unique().sort().to_list()
    if len(used) < 2:
        return ""
    first, last = sets.choices[used[0]], sets.choices[used[-1]]
    names = dict(zip(label_set.codes, label_set.labels, strict=True))
    told = [
        f"{', '.join(sorted(names.get(code, 'a former label') for code in codes))} {verb}"
        for codes, verb in ((last - first, "came in"), (first - last, "went out"))
        if codes
    ]
    shares = [
        f"{rows.filter(pl.col('window') == w).select((pl.col('set_code') == used[-1]).mean()).item() or 0.0:.0%}"
        for w in (0, 1)
    ]
    return (
        f"The label set changed: {'; '.join(told) or 'labels came in and went out again'}. The newest was in force for "
        f"{shares[1]} of the annotations now, {shares[0]} before."
    )
