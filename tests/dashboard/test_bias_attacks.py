"""Attacks on who belongs to a group: by somebody who has the whole record of what was decided and measured, and not the keys."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from analytics.frames import IntArray
from analytics.panel_weights import reweighted
from analytics.vote_routing import Flags, drawn_groups
from dashboard.workflows.bias_actions import said_by_groups

N_PEOPLE, N_ITEMS = 40, 1000


def a_crowd(rng: np.random.Generator) -> pl.DataFrame:
    """Six votes an item; nobody's vote depends on their group, so votes alone tell nothing of it."""
    people = np.argsort(rng.random((N_ITEMS, N_PEOPLE)), axis=1)[:, :6]
    items = np.repeat(np.arange(N_ITEMS), 6)
    said = rng.random(items.size) < np.where(items % 2 == 1, 0.7, 0.3)
    return pl.DataFrame(
        {
            "item_code": items,
            "annotator_code": people.ravel(),
            "label_code": said.astype(np.int64),
            "order": np.arange(items.size),
        }
    )


def best_guess(votes: pl.DataFrame, listed: Flags, own: IntArray) -> float:
    """Who said the same on listed items, more than on others, is guessed to be of one group: the share of people guessed right."""
    signed = np.zeros((N_PEOPLE, N_ITEMS))
    item, person = votes["item_code"].to_numpy(), votes["annotator_code"].to_numpy()
    signed[person, item] = votes["label_code"].to_numpy() * 2 - 1

    def alike(places: Flags) -> tuple[np.ndarray, np.ndarray]:
        part = signed[:, places]
        return part @ part.T, np.abs(part) @ np.abs(part).T

    (inside, n_inside), (outside, n_outside) = alike(listed), alike(~listed)
    more = inside - n_inside * outside / np.maximum(n_outside, 1)
    np.fill_diagonal(more, 0)
    right = float(((np.linalg.eigh(more)[1][:, -1] > 0) == own).mean())
    return max(right, 1 - right)


@pytest.mark.parametrize("action", ["adjudicate", "reweight"])
def test_the_list_of_items_tells_no_more_than_the_drawn_groups(action: str) -> None:
    """A list of items picked by the groups themselves names nearly everybody's; by drawn groups three in four, at most, and chance."""
    rng, own = np.random.default_rng(5), np.repeat([0, 1], N_PEOPLE // 2)

    def listed(votes: pl.DataFrame, group: IntArray) -> Flags:
        of = pl.DataFrame({"annotator_code": np.arange(N_PEOPLE), "group_code": group})
        if action == "adjudicate":
            found = said_by_groups(votes, of).filter(pl.col("n_labels") > 1)
        else:
            found = reweighted(votes, of, {0: 0.2, 1: 0.8}, n_labels=2).changes
        return np.isin(np.arange(N_ITEMS), found["item_code"].to_numpy())

    plain, drawn = [], []
    for _ in range(8):
        votes = a_crowd(rng)
        plain.append(best_guess(votes, listed(votes, own), own))
        asked_as = drawn_groups(own, 2, rng=rng)
        drawn.append(best_guess(votes, listed(votes, asked_as), own))
    assert np.mean(plain) > 0.9  # the attack works
    assert np.mean(drawn) < 0.75 + 0.05
