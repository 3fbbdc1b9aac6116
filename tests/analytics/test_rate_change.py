"""Causes that were planted are found, together they make the change, and what the design cannot tell is not told."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from analytics.errors import BadColumn, MissingColumn
from analytics.rate_change import RateChange, rate_change, shapley

DAYS = 10


def crowd(
    *, seed: int = 0, n: int = 6000, mix: float = 0.5, strict_share: float = 0.5, behaviour: float = 0.0,
    guideline: str = "none", effect: float = 0.0, panels: str = "same", items: str = "new",
) -> pl.DataFrame:  # fmt: skip
    """Two windows of n annotations. Kind 1 has the label in .7 of the cases, kind 0 in .3; annotators 0 to 19 say it .2 more
    often than 20 to 39. Before, half of everything; after, `mix` of kind 1, `strict_share` of the first 20, `behaviour` on
    top. `guideline`: "staggered" (half of the people, from day 3 of the window on), "at once" (with the window)."""
    rng = np.random.default_rng(seed)
    frames = []
    for window, (kinds, share, shift) in enumerate([(0.5, 0.5, 0.0), (mix, strict_share, behaviour)]):
        item = rng.integers(0, n // 3, n)
        kind = (
            np.random.default_rng(seed + 9).random(n // 3) if items == "bridge" else rng.random(n // 3)
        ) < kinds
        person = np.where(rng.random(n) < share, rng.integers(0, 20, n), rng.integers(20, 40, n))
        day = rng.integers(0, DAYS, n) + window * DAYS
        version = np.zeros(n, dtype=int)
        if guideline == "staggered":
            version = ((person % 2 == 0) & (day >= DAYS + 3)).astype(int)
        elif guideline == "at once":
            version = np.full(n, window)
        p = 0.3 + 0.4 * kind[item] - 0.1 + 0.2 * (person < 20) + shift + effect * version
        frames.append(pl.DataFrame({
            "item_code": item + (window * n if items == "new" else 0),
            "annotator_code": person + (100 * window if panels == "disjoint" else 0),
            "window": np.full(n, window), "hit": (rng.random(n) < p).astype(int), "stratum_code": kind[item].astype(int),
            "guideline_code": version, "period_code": day,
        }))  # fmt: skip
    return pl.concat(frames)


def part(found: RateChange, *factors: str) -> tuple[float, float, float]:
    at = [p.factors for p in found.parts].index(factors)
    estimate = found.parts[at].estimate
    assert estimate.value is not None
    assert estimate.low is not None
    assert estimate.high is not None
    return estimate.value, estimate.low, estimate.high


def test_shapley_is_the_mean_step_over_all_orders() -> None:
    """Shapley 1953: the glove game, two left gloves and a right one: 1/6, 1/6, 4/6."""
    games = {
        frozenset(s): float("r" in s and len(s) > 1) for s in ("", "a", "b", "r", "ab", "ar", "br", "abr")
    }
    assert shapley(games, ("a", "b", "r")) == pytest.approx({"a": 1 / 6, "b": 1 / 6, "r": 4 / 6})


@pytest.mark.parametrize(
    ("planted", "factor", "size"),
    [({"mix": 0.8}, "items", 0.12), ({"strict_share": 0.9}, "annotators", 0.08), ({"behaviour": 0.1}, "behaviour", 0.1)],
)  # fmt: skip
def test_one_planted_cause_is_found_and_the_others_hold_nothing(
    planted: dict[str, float], factor: str, size: float
) -> None:
    found = rate_change(crowd(**planted, seed=3), replicates=100)  # type: ignore[arg-type]  # of another type on purpose
    for name in ("items", "annotators", "behaviour"):
        value, low, high = part(found, name)
        assert low <= (size if name == factor else 0.0) <= high
        assert value == pytest.approx(size if name == factor else 0.0, abs=0.035)
    assert part(found, factor)[1] > 0
    assert found.resampled == "items and annotators"


def test_joint_causes_are_told_apart_and_sum_in_every_replicate() -> None:
    found = rate_change(
        crowd(mix=0.8, strict_share=0.9, behaviour=-0.1, guideline="staggered", effect=0.2, n=12_000),
        replicates=60,
    )
    planted = {"items": 0.12, "annotators": 0.08, "guideline": 0.07, "behaviour": -0.1}
    for name, size in planted.items():
        value, low, high = part(found, name)
        assert value == pytest.approx(size, abs=0.04)
        assert low <= size <= high
    assert found.change.value is not None
    assert found.before.value is not None
    assert found.after.value is not None
    assert sum(p.estimate.value or 0.0 for p in found.parts) == pytest.approx(found.change.value, abs=1e-9)
    assert found.change.value == pytest.approx(found.after.value - found.before.value, abs=1e-12)
    assert found.replicates.shape == (60, 4)
    assert not found.alone


def test_the_parts_sum_to_the_change_of_each_replicate() -> None:
    from analytics.rate_change import _parts
    from analytics.rate_design import designed, solve, weigh

    design = designed(crowd(mix=0.7, guideline="staggered", n=2000))
    rng = np.random.default_rng(1)
    for _ in range(5):
        weights = rng.poisson(1.0, design.hit.size).astype(float) * rng.poisson(1, 40)[design.person].astype(
            float
        )
        weighed = weigh(design, weights)
        rates = [
            np.average(design.hit[design.window == w], weights=weights[design.window == w]) for w in (0, 1)
        ]
        assert _parts(design, weighed, solve(weighed)).sum() == pytest.approx(rates[1] - rates[0], abs=1e-9)


def test_a_guideline_that_was_switched_for_all_at_once_is_not_separable_from_time() -> None:
    found = rate_change(crowd(guideline="at once", effect=0.15), replicates=60)
    value, low, high = part(found, "guideline", "behaviour")
    assert low <= 0.15 <= high
    assert value == pytest.approx(0.15, abs=0.04)
    assert "not separable from time" in found.alone["guideline"]
    assert "guideline" not in [name for p in found.parts if len(p.factors) == 1 for name in p.factors]


def test_a_switch_for_all_in_the_middle_of_a_window_is_not_separable_either() -> None:
    frame = crowd(effect=0.0).with_columns(guideline_code=(pl.col("period_code") >= 15).cast(pl.Int64))
    assert "guideline" in rate_change(frame, replicates=0).alone
    beside = frame.with_columns(  # one day has both
        guideline_code=pl.when(pl.col("period_code") == 15).then(pl.col("item_code") % 2).otherwise("guideline_code")
    )  # fmt: skip
    assert "guideline" in rate_change(beside, replicates=0).alone


def test_disjoint_panels_without_bridge_items_have_no_parts() -> None:
    found = rate_change(crowd(panels="disjoint", mix=0.8))
    assert found.parts == ()
    assert found.n_bridge == 0
    assert found.undefined is not None
    assert "bridge items" in found.undefined
    assert found.change.value is not None


def test_disjoint_panels_with_bridge_items_tell_items_from_people_and_no_more() -> None:
    found = rate_change(crowd(panels="disjoint", items="bridge", mix=0.5, behaviour=0.1), replicates=60)
    value, low, high = part(found, "annotators", "behaviour")
    assert low <= 0.1 <= high
    assert value == pytest.approx(0.1, abs=0.04)
    assert found.alone["annotators"] == "not separable: nobody labelled in both windows"
    assert abs(part(found, "items")[0]) < 0.03


def test_without_kinds_new_items_cannot_be_told_from_people_s_change() -> None:
    found = rate_change(crowd(mix=0.8).drop("stratum_code"), replicates=0)
    assert set(found.alone) >= {"items", "behaviour"}


def test_who_and_what_moved_it() -> None:
    frame = crowd(mix=0.8, seed=4)
    rng = np.random.default_rng(0)
    turned = (
        (frame["annotator_code"] == 7) & (frame["window"] == 1) & pl.Series(rng.random(frame.height) < 0.9)
    )
    found = rate_change(frame.with_columns(hit=pl.when(turned).then(1).otherwise("hit")), replicates=0)
    by_person = found.annotators.sort(pl.col("behaviour").abs(), descending=True)
    assert by_person["annotator_code"][0] == 7
    parts = {p.factors[0]: p.estimate.value for p in found.parts}
    assert found.annotators["behaviour"].sum() == pytest.approx(parts["behaviour"], abs=1e-9)
    assert found.annotators["mix"].sum() == pytest.approx(parts["annotators"], abs=1e-9)
    assert found.kinds["mix"].sum() == pytest.approx(parts["items"], abs=1e-9)


def test_few_people_resample_items_alone_and_too_few_annotations_say_so() -> None:
    frame = crowd()
    few = rate_change(frame.filter(pl.col("annotator_code") % 8 == 0), replicates=20)
    assert few.resampled == "items"
    none = rate_change(frame.filter((pl.col("window") == 0) | (pl.col("item_code") % 300 == 0)).head(6010))
    assert none.undefined is not None
    assert "it takes 50" in none.undefined


def test_the_order_of_rows_and_the_names_change_nothing() -> None:
    frame = crowd(n=2000, mix=0.7)
    first = rate_change(frame, replicates=0)
    mixed = frame.sample(fraction=1, shuffle=True, seed=1).with_columns(pl.col("annotator_code") * 3 + 5)
    second = rate_change(mixed, replicates=0)
    for a, b in zip(first.parts, second.parts, strict=True):
        assert a.estimate.value == pytest.approx(b.estimate.value, abs=1e-9)


def test_misuse_is_refused() -> None:
    with pytest.raises(MissingColumn, match="hit"):
        rate_change(crowd(n=300).drop("hit"))
    with pytest.raises(BadColumn, match="0 or 1"):
        rate_change(crowd(n=300).with_columns(window=pl.lit(2)))
