"""How often an alert on all annotators at once names somebody wrongly, over many crowds where nobody is beyond the limit.

    python -m tests.benchmarks.crowd_alert_rates [--crowds 2000]

Three labels, three votes an item, half of the items easy and half hard as in `alert_rates`. Everybody is alike and the limit is their true
value, so every name is wrong; of a change, people differ, half of the window's easy items are hard, and the limit is 0: everybody's own
agreement falls, nobody's does beside the others'. Nominally 2.5 of 100 crowds have a name, however large they are. Beside it, how often
one annotator is named who is wrong 20 or 40 points more often than the others. Printed as tables for `docs/alerts.md`.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping

import numpy as np
import polars as pl

from analytics import annotators
from analytics.agreement_change import agreement_changes
from analytics.frames import FloatArray
from dashboard.workflows import alert_crowd
from dashboard.workflows.alert_figures import ANNOTATOR, CROWD, FALL, watched
from dashboard.workflows.alert_limits import AlertLimit
from dashboard.workflows.monitor import MEASUREMENT
from tests.benchmarks.alert_rates import EASY, HARD, LABELS, true_values

VOTES, TWICE = 3, 3
"""Votes an item; so many times the window's items are the reference's."""
WORSE = (0.2, 0.4)
SIZES = ((12, 100), (60, 100), (60, 300), (240, 100))
"""Annotators, and items of each."""


def agreement_true() -> float:
    """How often one agrees with the label that both others gave.

    >>> round(agreement_true(), 3)
    0.824
    """
    both, all_three = (
        np.mean([right**n + (LABELS - 1) * ((1 - right) / (LABELS - 1)) ** n for right in (EASY, HARD)])
        for n in (2, 3)
    )
    return float(all_three / both)


def crowd(
    rng: np.random.Generator, n_people: int, n_each: int, less_right: FloatArray, *, hard: float = 0.5
) -> pl.DataFrame:
    """`n_each` items of each of the people, VOTES an item, nobody twice on one: item_code, annotator_code, label_code; gold is 0.

    `less_right`: by how much each person is right less often; `hard`: the share of hard items.
    """
    rounds = np.stack([rng.permutation(n_people) for _ in range(n_each)])
    who = rounds.reshape(-1, VOTES)
    right = np.where(rng.random(len(who)) < hard, HARD, EASY)[:, None] - less_right[who]
    label = np.where(rng.random(who.shape) < right, 0, rng.integers(1, LABELS, who.shape))
    return pl.DataFrame(
        {
            "item_code": np.repeat(np.arange(len(who)), VOTES),
            "annotator_code": who.ravel(),
            "label_code": label.ravel(),
        }
    )


def _row(key: str, frame: pl.DataFrame) -> pl.DataFrame:
    """As MEASUREMENT; `frame`: annotator_code, value, low, high, n, and detail where there is one."""
    fixed: Mapping[str, object] = {
        "key": key,
        "group_kind": ANNOTATOR,
        "undefined": None,
        "unit": "share",
        "detail": None,
    }
    missing = [pl.lit(value).alias(name) for name, value in fixed.items() if name not in frame.columns]
    named = frame.with_columns(*missing, group_id=pl.col("annotator_code").cast(pl.Utf8))
    return named.select(pl.col(name).cast(kind) for name, kind in MEASUREMENT.items())


def _gold(rng: np.random.Generator, n_people: int, n_each: int, worse: FloatArray) -> pl.DataFrame:
    votes = crowd(rng, n_people, n_each, worse)
    gold = pl.DataFrame({"item_code": votes["item_code"].unique()}).with_columns(
        label_code=pl.lit(0, dtype=pl.Int64)
    )
    found = annotators.gold_accuracy(votes, gold, n_labels=LABELS)
    return _row("accuracy_on_gold", found.rename({"accuracy": "value", "n_gold": "n"}))


def _others(rng: np.random.Generator, n_people: int, n_each: int, worse: FloatArray) -> pl.DataFrame:
    found = annotators.annotator_agreement(crowd(rng, n_people, n_each, worse), n_labels=LABELS).drop("n")
    return _row("agreement_with_others", found.rename({"agreement": "value", "n_compared": "n"}))


def _change(rng: np.random.Generator, n_people: int, n_each: int, worse: FloatArray) -> pl.DataFrame:
    """People differ by up to 10 points, and half of the window's easy items are hard."""
    own = rng.uniform(0, 0.1, n_people)
    before = crowd(rng, n_people, n_each * TWICE, own).with_columns(window=pl.lit(0, dtype=pl.Int64))
    after = crowd(rng, n_people, n_each, own + worse, hard=0.75)
    after = after.with_columns(window=pl.lit(1, dtype=pl.Int64), item_code=pl.col("item_code") + 10_000_000)
    found = agreement_changes(pl.concat([before, after]))
    detail = [json.dumps(row) for row in found.iter_rows(named=True)]
    zero = pl.lit(0.0)
    told = found.select(
        "annotator_code", value="change", low=zero, high=zero, n="n_after", detail=pl.Series(detail)
    )
    return _row(FALL, told)


FIGURES: Mapping[str, tuple[Callable[..., pl.DataFrame], float]] = {
    "accuracy_on_gold": (_gold, true_values()["accuracy_on_gold"]),
    "agreement_with_others": (_others, agreement_true()),
    FALL: (_change, 0.0),
}


def named(key: str, n_people: int, n_each: int, *, crowds: int, worse: float = 0.0) -> tuple[float, float]:
    """The share of crowds that name anybody who is as the limit, and the share that name the one who is worse (nobody where 0)."""
    measure, limit = FIGURES[key]
    less = np.zeros(n_people)
    less[0] = worse
    wrong = found = 0
    for seed in range(crowds):
        figures = measure(np.random.default_rng([seed, n_people, n_each]), n_people, n_each, less)
        crowd = alert_crowd.beyond(figures, AlertLimit(key, limit, 50, group_kind=CROWD), watched(key))
        names = {one.annotator_id for one in crowd.named}
        wrong += bool(names - {"0"}) if worse else bool(names)
        found += "0" in names
    return wrong / crowds, found / crowds


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--crowds", type=int, default=2000)
    crowds = parser.parse_args().crowds
    print(
        "| figure | "
        + " | ".join(f"{people} people, n = {n}" for people, n in SIZES)
        + " |\n|---|"
        + "---|" * len(SIZES)
    )
    for key in FIGURES:
        rates = [named(key, people, n, crowds=crowds)[0] for people, n in SIZES]
        print(f"| `{key}` | " + " | ".join(f"{rate:.1%}" for rate in rates) + " |", flush=True)
    print("\nOne of them worse, by so much:\n")
    for key in FIGURES:
        for worse in WORSE:
            found = [named(key, people, n, crowds=crowds // 10, worse=worse)[1] for people, n in SIZES]
            print(
                f"| `{key}` | {worse * 100:.0f} points | "
                + " | ".join(f"{rate:.0%}" for rate in found)
                + " |",
                flush=True,
            )


if __name__ == "__main__":
    main()
