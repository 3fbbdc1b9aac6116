"""Changes of annotators' agreement with the others: by hand, planted, and none where only items or colleagues changed."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from analytics.agreement_change import agreement_changes
from analytics.crowd_limit import LEVEL, means_beyond
from analytics.errors import MissingColumn

K = 3


def crowd(
    seed: int, *, right_now: dict[int, float] | None = None, hard_now: float = 0.3, n_people: int = 12,
    n_items: tuple[int, int] = (700, 300), votes: int = 3, gone: tuple[int, ...] = (), right: float = 0.85,
) -> pl.DataFrame:  # fmt: skip
    """`votes` of so many people an item; on hard items everybody is right 25 points less often. In the window `right_now` says who is
    right how often instead, hard items are `hard_now` instead of .3 of them, and those `gone` label no more.
    """
    rng = np.random.default_rng(seed)
    frames = []
    first = 0
    for window, n in enumerate(n_items):
        people = np.array([one for one in range(n_people) if not (window and one in gone)])
        own = np.full(n_people, right)
        own[list(gone)] = 0.5
        if window:
            for one, value in (right_now or {}).items():
                own[one] = value
        hard = rng.random(n) < (hard_now if window else 0.3)
        who = np.stack([rng.permutation(people)[:votes] for _ in range(n)])
        is_right = rng.random((n, votes)) < own[who] - 0.25 * hard[:, None]
        label = np.where(is_right, 0, rng.integers(1, K, (n, votes)))
        frames.append(pl.DataFrame({
            "item_code": np.repeat(np.arange(first, first + n), votes), "annotator_code": who.ravel(), "label_code": label.ravel(),
            "window": np.full(n * votes, window),
        }))  # fmt: skip
        first += n
    return pl.concat(frames)


def named(votes: pl.DataFrame, limit: float = 0.0) -> list[int]:
    found = agreement_changes(votes)
    columns = [
        [found[f"{of}{end}"].to_numpy() for of in ("change", "beside")] for end in ("", "_error", "_df")
    ]
    mean, error, df = (np.stack(column) for column in columns)
    return (
        found["annotator_code"]
        .filter(pl.Series(means_beyond(mean, error, df, limit=limit, side="under").is_beyond))
        .to_list()
    )


def test_both_figures_by_hand() -> None:
    """Thirty items in each window. Before: 0 and 1 always agree, 2 never does; after: nobody does, but 1 and 2."""
    before = [(i, a, b) for i in range(30) for a, b in ((0, 0), (1, 0), (2, 1))]
    after = [(i, a, b) for i in range(30, 60) for a, b in ((0, 0), (1, 1), (2, 1))]
    rows = [(*row, w) for w, part in enumerate((before, after)) for row in part]
    frame = pl.DataFrame(rows, schema=["item_code", "annotator_code", "label_code", "window"], orient="row")
    found = agreement_changes(frame)
    assert found["before"].to_list() == [0.5, 0.5, 0.0]
    assert found["change"].to_list() == [-0.5, 0.0, 0.5]
    assert found["beside"].to_list() == [
        0.5 * -1 - 1.0,
        0.0,
        0.5 + 1.0,
    ]  # y - r went from .5 - 0 to 0 - 1, and so on
    assert found["change_error"].to_list() == [0.0, 0.0, 0.0]
    assert found.equals(agreement_changes(frame.reverse()))
    assert agreement_changes(frame.clear()).is_empty()
    assert agreement_changes(frame.filter(pl.col("item_code") > 0)).is_empty()  # 29 are too few


def test_repeats_count_once_and_items_with_one_vote_not_at_all() -> None:
    votes = crowd(1)
    again = pl.concat([votes.with_columns(label_code=pl.lit(2, dtype=pl.Int64)).head(30), votes])
    alone = pl.DataFrame({"item_code": [9000], "annotator_code": [0], "label_code": [1], "window": [1]})
    assert agreement_changes(pl.concat([again, alone])).equals(agreement_changes(votes))
    assert agreement_changes(votes.head(20)).is_empty()
    with pytest.raises(MissingColumn):
        agreement_changes(votes.drop("window"))


def test_who_grew_worse_is_named_and_nobody_else() -> None:
    found = [named(crowd(seed, right_now={4: 0.35})) for seed in range(40)]
    assert sum(4 in one for one in found) >= 36
    assert sum(one not in ([], [4]) for one in found) <= 2


def test_of_two_people_nobody_can_be_told_from_the_other() -> None:
    assert named(crowd(1, right_now={0: 0.1}, n_people=2, votes=2)) == []


@pytest.mark.parametrize(
    "scene",
    [{}, {"votes": 2}, {"hard_now": 0.7}, {"hard_now": 0.7, "votes": 2}, {"gone": (0, 1, 2)},
     {"right_now": {0: 0.4, 1: 0.4, 2: 0.4}, "n_people": 9}, {"right": 0.98, "hard_now": 0.3, "n_items": (500, 120)}],
)  # fmt: skip
def test_nobody_is_named_where_nobody_grew_worse(scene: dict[str, object]) -> None:
    """Harder items, colleagues who left and were bad, colleagues who grew bad: none of it is an annotator's own change."""
    worse = set(scene.get("right_now", {}))  # type: ignore[call-overload]  # a dict where it is given
    found = [set(named(crowd(seed, **scene))) - worse for seed in range(60)]  # type: ignore[arg-type]  # of one scene
    assert sum(bool(one) for one in found) / 60 <= LEVEL + 0.04  # two standard errors of 60 crowds
