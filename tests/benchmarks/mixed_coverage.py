"""How far the mixed model's second opinion can be trusted: its intervals in the crowds of `bias_coverage`, and unequal workloads.

    python -m tests.benchmarks.mixed_coverage [CROWDS] [FILE]

Writes the rates into docs/bias.md between its two marks (or FILE).
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl

from analytics.mixed_gaps import mixed_gaps
from tests.benchmarks.bias_coverage import PAGE, SCENES, SEED, Crowd, Scene, crowd

MARKS = (
    "<!-- rates: made by tests.benchmarks.mixed_coverage -->\n",
    "<!-- end of the mixed model's rates -->\n",
)
UNEQUAL = Scene("no gap, and a tenth of the people gave half of the votes")
RATE, GOLD = "label_rate", "error_on_gold"


def unequal(found: Crowd, rng: np.random.Generator) -> Crowd:
    """Nine in ten people keep every fifth of their votes."""
    busy = pl.Series("annotator_code", np.arange(0, found.people.height, 10))
    kept = pl.col("annotator_code").is_in(busy.implode()) | (pl.Series(rng.random(found.votes.height)) < 0.2)
    return Crowd(found.votes.filter(kept), found.people, found.items, found.gold)


def rates(scene: Scene, place: int, n_crowds: int) -> list[float]:
    """Of so many crowds: how often the interval of labels, and of errors on gold, holds 0; how often p is at most 0.05; the mean gap."""
    rng = np.random.default_rng([SEED, 77, place])
    rows = []
    for _ in range(n_crowds):
        found = crowd(scene, rng)
        found = unequal(found, rng) if scene is UNEQUAL else found
        told = mixed_gaps(found.votes, found.people, n_labels=2, gold=found.gold).filter(
            pl.col("mixed_low").is_not_null()
        )
        holds = told.with_columns(holds=(pl.col("mixed_low") <= 0) & (pl.col("mixed_high") >= 0))
        by_measure = {row["measure"]: row for row in holds.iter_rows(named=True)}
        rate = by_measure[RATE]
        rows.append(
            (
                rate["holds"],
                by_measure.get(GOLD, {}).get("holds", np.nan),
                rate["mixed_p"] <= 0.05,
                -rate["mixed"],
            )
        )
    return [float(share) for share in np.nanmean(np.array(rows, dtype=np.float64), axis=0)]


def lines(n_crowds: int) -> Iterator[str]:
    """The table of rates."""
    yield "\n| scene | interval of labels holds 0 % | of errors on gold % | gap in labels seen (p at most 0.05) % | mean gap, points |\n"
    yield "|---|---|---|---|---|\n"
    for place, scene in enumerate((*SCENES, UNEQUAL)):
        holds, gold, seen, gap = rates(scene, place, n_crowds)
        covers = "|  | " if scene.gap or scene.on else f"| {100 * holds:.1f} | {100 * gold:.1f} "
        yield f"| {scene.name} {covers}| {100 * seen:.1f} | {100 * gap:+.1f} |\n"
        print(scene.name, holds, gold, seen, gap, flush=True)


if __name__ == "__main__":
    crowds = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    page = Path(sys.argv[2]) if len(sys.argv) > 2 else PAGE
    made = "".join(lines(crowds))
    text = page.read_text(encoding="utf-8") if page.exists() else MARKS[0] + MARKS[1]
    before, rest = text.split(MARKS[0])
    page.write_text(before + MARKS[0] + made + MARKS[1] + rest.split(MARKS[1])[1], encoding="utf-8")
