"""What the nearest neighbours of an item say about it and its label: another label nearby, far from all, a near copy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from analytics.errors import BadOption
from analytics.frames import IntArray
from analytics.neighbours import Neighbours


@dataclass(frozen=True, slots=True)
class NearDuplicates:
    """Items that are nearly the same, and whether their labels are.

    Attributes:
        pairs: one row a pair, nearest first: item_code (the smaller), other_item_code, distance, label_code,
            other_label_code, is_contradictory (the labels differ).
        groups: one row an item of a pair: item_code, group_code (the group's smallest item code), label_code, n_items and
            n_labels of its group. Pairs that share an item are one group.
    """

    pairs: pl.DataFrame
    groups: pl.DataFrame


def label_neighbourhood(
    neighbours: Neighbours, label_codes: IntArray, *, n_labels: int, item_codes: IntArray | None = None
) -> pl.DataFrame:
    """How many of each item's neighbours have another label; one row an item, sorted by item_code.

    Columns: item_code, label_code, other_label_share (of the k neighbours), nearest_label_code (the label most of
    them have; of several the item's own, then the smallest code), neighbour_codes (the neighbours, nearest first).
    Empty where the neighbours are undefined.

    Raises:
        BadOption: not one label and one code for each item, or a label outside [0, K).
    """
    codes = _codes(neighbours, label_codes, item_codes)
    if len(label_codes) and not 0 <= label_codes.min() <= label_codes.max() < n_labels:
        raise BadOption("label_codes", "a code", f"in [0, {n_labels})")
    rows = neighbours.rows
    k = rows.shape[1]
    if not k:
        codes, label_codes, rows = codes[:0], label_codes[:0], rows[:0].reshape(0, 1)
    around = label_codes[rows]
    other = (around != label_codes[:, None]).sum(axis=1) / max(k, 1)
    return (
        pl.DataFrame(
            {
                "item_code": codes.astype(np.int64),
                "label_code": label_codes.astype(np.int64),
                "other_label_share": other,
                "nearest_label_code": _most_frequent(around, label_codes),
                "neighbour_codes": codes[rows].astype(np.int64),
            }
        )
        .with_columns(pl.col("neighbour_codes").cast(pl.List(pl.Int64)))
        .sort("item_code")
    )


def choice_neighbourhood(
    neighbours: Neighbours, given: NDArray[np.bool_], *, item_codes: IntArray | None = None
) -> pl.DataFrame:
    """Where labels are sets: the choice on which most of an item's neighbours differ from it; one row an item, sorted.

    Columns: item_code, choice (its place; of several the first), is_given (the item has it), other_share (of the k
    neighbours: those that differ on it), neighbour_codes (the neighbours, nearest first). Empty where the neighbours are
    undefined.

    Args:
        neighbours: of all items.
        given: (I, K) which choices each item's set has, K 1 or more.
        item_codes: (I,) how the frame names the items; by default their rows.

    Raises:
        BadOption: not one row and one code for each item, or no choice.
    """
    n_items = len(neighbours.rows)
    codes = np.arange(n_items) if item_codes is None else item_codes
    if given.ndim != 2 or given.shape[0] != n_items or not given.shape[1]:
        raise BadOption("given", f"array of shape {given.shape}", f"of shape ({n_items}, K), K 1 or more")
    if codes.shape != (n_items,):
        raise BadOption(
            "item_codes", f"array of shape {codes.shape}", f"one code for each of {n_items} items"
        )
    rows = neighbours.rows
    if not rows.shape[1]:
        codes, given, rows = codes[:0], given[:0], rows[:0].reshape(0, 1)
    shares = np.empty(given.shape)
    for place in range(given.shape[1]):  # over choices, not items
        has = given[:, place]
        shares[:, place] = (has[rows] != has[:, None]).mean(axis=1)
    choice = shares.argmax(axis=1)
    at = np.arange(len(codes)), choice
    return (
        pl.DataFrame(
            {
                "item_code": codes.astype(np.int64),
                "choice": choice.astype(np.int64),
                "is_given": given[at],
                "other_share": shares[at],
                "neighbour_codes": codes[rows].astype(np.int64),
            }
        )
        .with_columns(pl.col("neighbour_codes").cast(pl.List(pl.Int64)))
        .sort("item_code")
    )


def outlier_scores(neighbours: Neighbours, *, item_codes: IntArray | None = None) -> pl.DataFrame:
    """How far each item is from its neighbours; one row an item, sorted by item_code.

    Columns: item_code, mean_distance (to the k nearest), outlier_score = 1 - exp(-mean / median of the means), in
    [0, 1], high for an outlier (J. Kuan and J. Mueller 2022, Back to the basics: revisiting out-of-distribution
    detection baselines, arXiv:2207.03061, who give the exponential). An item at distance 0 scores 0, and where the
    median is 0 every other item scores 1. Empty where the neighbours are undefined.

    Raises:
        BadOption: not one code for each item.
    """
    codes = np.arange(len(neighbours.rows)) if item_codes is None else item_codes
    if codes.shape != neighbours.rows.shape[:1]:
        raise BadOption("item_codes", f"array of shape {codes.shape}", "one code for each item")
    if not neighbours.rows.shape[1]:
        codes, mean = codes[:0], np.zeros(0)
    else:
        mean = neighbours.distances.mean(axis=1)
    scale = float(np.median(mean)) if len(mean) else 0.0
    far = (mean > 0).astype(np.float64)
    score = -np.expm1(-mean / scale) if scale > 0 else far
    frame = pl.DataFrame({"item_code": codes.astype(np.int64), "mean_distance": mean, "outlier_score": score})
    return frame.sort("item_code")


def near_duplicates(
    neighbours: Neighbours,
    label_codes: IntArray,
    *,
    most_distance: float,
    item_codes: IntArray | None = None,
) -> NearDuplicates:
    """Pairs of items at most `most_distance` apart, one among the k nearest of the other, and groups of them.

    An item with more than k near copies has pairs with the k nearest; the others are in its group where the pairs
    lead there. With copies that are all alike they do: equals are taken in the order of their rows.

    Args:
        neighbours: of all items; approximate ones find as many of the pairs as their recall.
        label_codes: (I,) the items' labels.
        most_distance: cosine distance (0.02 is a similarity of 0.98) or Euclidean, 0 or more.
        item_codes: (I,) how the frames name the items; by default their rows.

    Raises:
        BadOption: not one label and one code for each item, or a negative distance.
    """
    codes = _codes(neighbours, label_codes, item_codes)
    if not most_distance >= 0:
        raise BadOption("most_distance", most_distance, "0 or more")
    near, place = np.nonzero(neighbours.distances <= most_distance)
    found = pl.DataFrame(
        {"row": near, "other": neighbours.rows[near, place], "distance": neighbours.distances[near, place]}
    )
    ordered = found.select(
        pl.min_horizontal("row", "other").alias("row"),
        pl.max_horizontal("row", "other").alias("other"),
        "distance",
    ).unique(["row", "other"], keep="any")
    return _told(ordered, codes.astype(np.int64), label_codes.astype(np.int64))


def _codes(neighbours: Neighbours, labels: IntArray, item_codes: IntArray | None) -> IntArray:
    n_items = len(neighbours.rows)
    codes = np.arange(n_items) if item_codes is None else item_codes
    for option, given in (("label_codes", labels), ("item_codes", codes)):
        if given.shape != (n_items,):
            raise BadOption(
                option, f"array of shape {given.shape}", f"one code for each of the {n_items} items"
            )
    return codes


def _most_frequent(around: IntArray, own: IntArray) -> IntArray:
    """The most frequent label of each row (I, k); of equals the item's own, then the smallest."""
    if not around.size:
        return own.astype(np.int64)
    ordered = np.sort(around, axis=1)
    times = np.zeros(around.shape, dtype=np.int64)
    for place in range(around.shape[1]):  # over neighbours, not items
        times += ordered == ordered[:, place : place + 1]
    weight = 2 * times + (ordered == own[:, None])
    return np.asarray(ordered[np.arange(len(own)), weight.argmax(axis=1)], dtype=np.int64)


def _told(pairs: pl.DataFrame, codes: IntArray, labels: IntArray) -> NearDuplicates:
    """The pairs of rows with codes and labels, and their connected components."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    row, other = pairs.get_column("row").to_numpy(), pairs.get_column("other").to_numpy()
    swapped = codes[row] > codes[other]
    first, second = np.where(swapped, other, row), np.where(swapped, row, other)
    frame = pl.DataFrame(
        {
            "item_code": codes[first],
            "other_item_code": codes[second],
            "distance": pairs.get_column("distance"),
            "label_code": labels[first],
            "other_label_code": labels[second],
            "is_contradictory": labels[first] != labels[second],
        }
    ).sort("distance", "item_code", "other_item_code")
    graph = coo_array((np.ones(len(row), dtype=np.int8), (row, other)), shape=(len(codes), len(codes)))
    component = connected_components(graph, directed=False)[1]
    members = np.unique(np.concatenate([row, other]))
    groups = pl.DataFrame(
        {"item_code": codes[members], "label_code": labels[members], "component": component[members]}
    ).select(
        "item_code",
        pl.col("item_code").min().over("component").alias("group_code"),
        "label_code",
        pl.len().over("component").cast(pl.Int64).alias("n_items"),
        pl.col("label_code").n_unique().over("component").cast(pl.Int64).alias("n_labels"),
    )
    return NearDuplicates(frame, groups.sort("group_code", "item_code"))
