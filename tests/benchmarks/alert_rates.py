"""How often an alert opens where nothing is wrong: figures of simulated crowds held against a limit that is their true value.

    python -m tests.benchmarks.alert_rates [--crowds 1000]

Three labels, equally frequent; half of the items are easy (.95 of the votes are right), half hard (.65); three votes an item, gold for
every item. The true figures follow from that. An alert opens where the near end of the 95 % interval is beyond the limit, so one
measurement at the true value is nominally false in 2.5 of 100. Printed as two tables for `docs/alerts.md`.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping

import numpy as np
import polars as pl

from analytics import agreement, annotators, krippendorff
from analytics.results import Estimate
from dashboard.workflows.alert_figures import watched

LABELS, VOTES = 3, 3
EASY, HARD = 0.95, 0.65
FIRST, STEP, TIMES = 100, 20, 30
"""A crowd that grows: so many items at first, so many more each time, measured so many times."""


def true_values() -> Mapping[str, float]:
    """The figures of the generator.

    >>> {key: round(value, 3) for key, value in true_values().items()}
    {'percent_agreement': 0.694, 'krippendorff_alpha': 0.541, 'accuracy_on_gold': 0.8}
    """
    agree = np.mean([right**2 + (1 - right) ** 2 / (LABELS - 1) for right in (EASY, HARD)])
    return {
        "percent_agreement": float(agree), "krippendorff_alpha": float(1 - (1 - agree) / (1 - 1 / LABELS)),
        "accuracy_on_gold": (EASY + HARD) / 2,
    }  # fmt: skip


def votes(seed: int, n_items: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The votes of a crowd and its gold; a longer crowd of the same seed is not the shorter one with more."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, LABELS, n_items)
    right = np.where(rng.random(n_items) < 0.5, EASY, HARD)
    is_right = rng.random((n_items, VOTES)) < right[:, None]
    other = (truth[:, None] + rng.integers(1, LABELS, (n_items, VOTES))) % LABELS
    given = np.where(is_right, truth[:, None], other)
    frame = pl.DataFrame(
        {
            "item_code": np.repeat(np.arange(n_items), VOTES), "annotator_code": np.tile(np.arange(VOTES), n_items),
            "label_code": given.ravel(),
        }
    )  # fmt: skip
    return frame, pl.DataFrame({"item_code": np.arange(n_items), "label_code": truth})


def _gold(frame: pl.DataFrame, gold: pl.DataFrame) -> Estimate:
    row = annotators.gold_accuracy(frame, gold, n_labels=LABELS).row(0, named=True)
    return Estimate(row["accuracy"], row["low"], row["high"], row["n_gold"])


FIGURES: Mapping[str, Callable[[pl.DataFrame, pl.DataFrame], Estimate]] = {
    "percent_agreement": lambda frame, _gold: agreement.percent_agreement(frame, n_labels=LABELS, replicates=400),
    "krippendorff_alpha": lambda frame, _gold: krippendorff.alpha(frame, level="nominal", n_labels=LABELS, replicates=400),
    "accuracy_on_gold": _gold,
}  # fmt: skip


def is_false(key: str, found: Estimate, limit: float) -> bool:
    """Whether an alert opens: the near end of the interval is beyond the limit."""
    assert watched(key).side == "high"  # these figures are better the higher they are
    return found.high is not None and found.high < limit


def of_one(key: str, n_items: int, crowds: int) -> float:
    """The share of crowds of so many items whose figure opens an alert at a limit that is its true value."""
    limit = true_values()[key]
    return float(
        np.mean([is_false(key, FIGURES[key](*votes(seed, n_items)), limit) for seed in range(crowds)])
    )


def of_growing(key: str, crowds: int, *, beside: float) -> float:
    """The share of crowds that open an alert at least once while they grow; the limit is `beside` under the true value."""
    limit, ever = true_values()[key] - beside, 0
    for seed in range(crowds):
        frame, gold = votes(seed, FIRST + STEP * (TIMES - 1))
        for time in range(TIMES):
            n = FIRST + STEP * time
            if is_false(key, FIGURES[key](frame.filter(pl.col("item_code") < n), gold.head(n)), limit):
                ever += 1
                break
    return ever / crowds


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--crowds", type=int, default=1000)
    crowds = parser.parse_args().crowds
    sizes = (30, 50, 100, 200, 400)
    print("| figure | " + " | ".join(f"n = {n}" for n in sizes) + " |\n|---|" + "---|" * len(sizes))
    for key in FIGURES:
        print(f"| `{key}` | " + " | ".join(f"{of_one(key, n, crowds):.1%}" for n in sizes) + " |", flush=True)
    gaps = (0.0, 0.02, 0.05)
    print(
        "\n| figure | "
        + " | ".join(f"limit {gap:g} under" for gap in gaps)
        + " |\n|---|"
        + "---|" * len(gaps)
    )
    for key in FIGURES:
        print(
            f"| `{key}` | "
            + " | ".join(f"{of_growing(key, crowds // 5, beside=gap):.1%}" for gap in gaps)
            + " |",
            flush=True,
        )


if __name__ == "__main__":
    main()
