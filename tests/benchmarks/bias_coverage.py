"""How far the gaps can be trusted: simulated crowds with no gap, with a planted one, and with another item mix only.

    python -m tests.benchmarks.bias_coverage [CROWDS] [FILE]

A crowd: 400 items with a usual label (yes with chance .5) and a difficulty of their own, 60 people in two groups with a leaning
and an accuracy of their own; 5 people an item. Writes the rates into docs/bias.md between its two marks (or FILE).
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from math import sqrt
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from analytics.adjusted_gaps import annotator_gaps, item_gaps
from analytics.gap_draws import Draws
from analytics.gap_table import ANNOTATOR, CROSSED, ITEM, corrected, of_slices, side_by_side
from analytics.group_rates import annotator_group_rates, item_group_rates

SEED = 20261
REPLICATES = 400
N_ITEMS, N_VOTES = 400, 5
GAP, PLANTED_ON = 0.12, 0.2
PAGE = Path(__file__).parent.parent.parent / "docs" / "bias.md"
MARKS = ("<!-- rates: made by tests.benchmarks.bias_coverage -->\n", "<!-- end of rates -->\n")


@dataclass(frozen=True, slots=True)
class Crowd:
    """Votes and groups; `gap`: how much more often group 1 of the annotators says yes, as planted."""

    votes: pl.DataFrame
    people: pl.DataFrame
    items: pl.DataFrame
    gold: pl.DataFrame


@dataclass(frozen=True, slots=True)
class Scene:
    """What is simulated. `sizes`: people in each group; `gap`, and `on` the second group of items only; `mix`: who gets which."""

    name: str
    sizes: tuple[int, int] = (30, 30)
    gap: float = 0.0
    on: float = 0.0
    mix: float = 0.0
    items_differ: bool = False


SCENES = (
    Scene("no gap, 30 and 30 people"),
    Scene("no gap, 10 and 50 people", sizes=(10, 50)),
    Scene("only the item mix differs", mix=0.6),
    Scene("group of items is harder for nobody, other label shares", items_differ=True),
    Scene(f"a gap of {GAP:.0%} planted", gap=GAP),
    Scene(f"a gap of {GAP:.0%} planted, and another item mix", gap=GAP, mix=0.6),
    Scene(f"a gap of {PLANTED_ON:.0%} on one group of items only", on=PLANTED_ON),
)


def crowd(scene: Scene, rng: np.random.Generator) -> Crowd:
    """One crowd of a scene."""
    n_people = sum(scene.sizes)
    group = np.repeat([0, 1], scene.sizes)
    about = rng.integers(0, 2, N_ITEMS)
    share = np.where(about == 1, 0.7, 0.3) if scene.items_differ else np.full(N_ITEMS, 0.5)
    usual = (rng.random(N_ITEMS) < share).astype(int)
    difficulty = rng.normal(0, 0.6, N_ITEMS)
    leaning, skill = rng.normal(0, 0.4, n_people), rng.normal(1.4, 0.3, n_people)
    people = _asked(scene, group, usual, rng)
    items = np.repeat(np.arange(N_ITEMS), N_VOTES)
    who = people.ravel()
    logit = (2 * usual[items] - 1) * (skill[who] + difficulty[items]) + leaning[who]
    likely = 1 / (1 + np.exp(-logit))
    extra = scene.gap + scene.on * (about[items] == 1)
    likely = np.clip(likely + np.where(group[who] == 1, extra / 2, -extra / 2), 0, 1)
    labels = (rng.random(len(items)) < likely).astype(int)
    return Crowd(
        votes=pl.DataFrame({"item_code": items, "annotator_code": who, "label_code": labels}),
        people=pl.DataFrame({"annotator_code": np.arange(n_people), "group_code": group}),
        items=pl.DataFrame({"item_code": np.arange(N_ITEMS), "group_code": about}),
        gold=pl.DataFrame({"item_code": np.arange(0, N_ITEMS, 4), "label_code": usual[::4]}),
    )


def _asked(
    scene: Scene, group: NDArray[np.int64], usual: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.int64]:
    """(I, V) who is asked about each item: by chance, or `mix` more likely of the group that the item's label goes with."""
    weight = np.where(group[None, :] == usual[:, None], 1 + scene.mix, 1 - scene.mix)
    return np.argsort(-(rng.random((N_ITEMS, len(group))) ** (1 / weight)), axis=1)[:, :N_VOTES]


def table(found: Crowd, seed: int) -> pl.DataFrame:
    """Every gap of the crowd, as the product tells it: annotators, items, and crossed, corrected together."""
    people = Draws("annotators", replicates=REPLICATES, seed=seed)
    items = Draws("items", replicates=REPLICATES, seed=seed)
    of_people = side_by_side(
        annotator_group_rates(found.votes, found.people, draws=people, n_labels=2, gold=found.gold),
        annotator_gaps(found.votes, found.people, draws=people, n_labels=2, gold=found.gold),
    )
    of_items = side_by_side(
        item_group_rates(found.votes, found.items, draws=items, n_labels=2, gold=found.gold),
        item_gaps(found.votes, found.items, draws=items, n_labels=2, gold=found.gold),
    )
    crossed = of_slices(
        annotator_gaps(
            found.votes, found.people, draws=people, item_groups=found.items, n_labels=2, gold=found.gold
        )
    )
    sides = ((ANNOTATOR, of_people), (ITEM, of_items), (CROSSED, crossed))
    # Two groups of each: the second row of a pair is the first one's mirror, but in disagreement of annotators.
    kept = [
        rows.filter((pl.col("group_code") == 0) | ((pl.col("measure") == "disagreement") & (side != ITEM)))
        .filter(pl.col("slice_code") == 0 if side == CROSSED else pl.lit(value=True))
        .with_columns(side=pl.lit(side))
        for side, rows in sides
    ]
    return corrected(pl.concat(kept))


def two_way(found: Crowd, seed: int) -> list[bool]:
    """Whether each crossed interval with items and annotators both drawn holds 0."""
    rows = annotator_gaps(
        found.votes,
        found.people,
        n_labels=2,
        draws=Draws("both", replicates=REPLICATES, seed=seed),
        item_groups=found.items,
    ).filter(group_code=0, slice_code=0)
    return _holds(rows, "beyond_low", "beyond_high")


def rates(scene: Scene, n_crowds: int) -> list[float | None]:
    """What happened in so many crowds: coverage where there is no gap, false reports, and how often the planted one was found."""
    rng = np.random.default_rng([SEED, SCENES.index(scene)])
    held: dict[str, list[bool]] = {name: [] for name in ("annotators", "items", "crossed", "two-way")}
    reported, planted, crude = [], [], []
    is_null = not scene.gap and not scene.on
    for number in range(n_crowds):
        found = crowd(scene, rng)
        told = table(found, number)
        if is_null:
            held["annotators"] += _holds(told.filter(side=ANNOTATOR), "adjusted_low", "adjusted_high")
            own = told.filter(pl.col("side") == ITEM, pl.col("measure") != "label_rate")
            held["items"] += _holds(own, "adjusted_low", "adjusted_high")
            held["crossed"] += _holds(told.filter(side=CROSSED), "beyond_low", "beyond_high")
            held["two-way"] += two_way(found, number)
        rate = told.filter(measure="label_rate", group_code=0)
        reported.append((told["verdict"] == "gap").any())
        planted.append((rate.filter(side=CROSSED if scene.on else ANNOTATOR)["verdict"] == "gap").any())
        crude.append((rate.filter(side=ANNOTATOR)["crude_p_adjusted"] <= 0.05).any())
    shares = [float(np.mean(values)) if values else None for values in held.values()]
    return [
        *shares,
        float(np.mean(reported)),
        None if is_null else float(np.mean(planted)),
        float(np.mean(crude)),
    ]


def _holds(rows: pl.DataFrame, low: str, high: str) -> list[bool]:
    known = rows.drop_nulls(low)
    holds: list[bool] = known.select((pl.col(low) <= 0) & (pl.col(high) >= 0)).to_series().to_list()
    return holds


def lines(n_crowds: int) -> Iterator[str]:
    """The table of rates."""
    yield (
        f"\n{n_crowds:,} crowds a row, {N_ITEMS} items, {N_VOTES} votes each, {REPLICATES} replicates, seed {SEED}; by chance alone a "
        f"share of crowds near 5 % is off by up to {200 * sqrt(0.05 * 0.95 / n_crowds):.1f} points (two standard errors).\n\n"
    )
    heads = "covers: annotators % | items % | crossed % | crossed, both drawn %"
    yield f"| scene | {heads} | any gap reported % | planted gap found % | crude gap seen % |\n"
    yield "|---|---|---|---|---|---|---|---|\n"
    for scene in SCENES:
        shares = rates(scene, n_crowds)
        yield (
            f"| {scene.name} | " + " | ".join("" if c is None else f"{100 * c:.1f}" for c in shares) + " |\n"
        )
        print(scene.name, shares, flush=True)


if __name__ == "__main__":
    crowds = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    page = Path(sys.argv[2]) if len(sys.argv) > 2 else PAGE
    made = "".join(lines(crowds))
    text = page.read_text(encoding="utf-8") if page.exists() else MARKS[0] + MARKS[1]
    before, rest = text.split(MARKS[0])
    page.write_text(before + MARKS[0] + made + MARKS[1] + rest.split(MARKS[1])[1], encoding="utf-8")
