"""One more vote for some items, from the group that has the fewest there: what it would change, before anybody is asked.

The items that are asked about are those whose label hangs by the least, and among them those with the fewest votes of the group.
A vote that was not given yet is drawn from what the group says where the others say what they say of this item (counts, each
with the group's own label shares added as one vote more), so the expected change is one of this panel: it says nothing of
people who never labelled.

Items that are asked about become known, and with them how a group stands on each; so that this does not tell who is in it, they can be
picked by the groups that people are `asked_as` (`analytics.vote_routing`), and the answers expected of those who are asked so.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from analytics.consensus import count_labels, rank_codes
from analytics.errors import BadOption
from analytics.frames import VOTES, FloatArray, IntArray, one_vote_each, require_labels

BALANCED = -1
"""For `group`: each item is asked of the group that has the fewest votes there."""


_CLOSE = 1


@dataclass(frozen=True, slots=True)
class ExtraVotes:
    """What one more vote for each of some items is expected to do.

    Attributes:
        items: one row an item asked about, in order: item_code, group_code (who is asked), n_group_votes, margin (votes between
            the first and second label), p_change (probability that its label changes).
        expected_changes: labels that are expected to change.
        gap_before: the largest less the smallest share of a group's votes that agree with the label of the other votes.
        gap_after, gap_low, gap_high: mean, and central nine tenths, of the same over draws of the new votes.
        n_votes: votes that it costs.
    """

    items: pl.DataFrame
    expected_changes: float
    gap_before: float
    gap_after: float
    gap_low: float
    gap_high: float
    n_votes: int


def extra_votes(
    votes: pl.DataFrame,
    groups: pl.DataFrame,
    *,
    n_items: int,
    n_labels: int,
    group: int = BALANCED,
    asked_as: pl.DataFrame | None = None,
    answering: FloatArray | None = None,
    hangs_by: pl.DataFrame | None = None,
    draws: int = 100,
    seed: int = 0,
) -> ExtraVotes:
    """What asking a group about the items that need it most would do.

    Args:
        votes: a frame that keeps VOTES; of several votes of one annotator for an item the first counts (`order`).
        groups: annotator_code, group_code (0 to G - 1).
        n_items: how many items are asked about.
        n_labels: K of the label set.
        group: the group that is asked, or BALANCED.
        asked_as: annotator_code, group_code: by which items are picked and counted; none: by `groups`.
        answering: (G, G) row g: the share of each group among who answers where g is asked; none: only g.
        hangs_by: item_code, margin, of all items: by how much each hangs, where more is asked about than these votes are of (a set, of
            which they are one choice); none: `margins` of these votes.
        draws: of the votes not given yet.
        seed: of the draws.

    Raises:
        MissingColumn, BadColumn, BadOption: as `require_labels`; BadOption for fewer than two groups, or an option out of range.
    """
    require_labels(votes, VOTES, n_labels)
    if n_items < 1 or draws < 1:
        raise BadOption("n_items" if n_items < 1 else "draws", min(n_items, draws), "1 or more")
    single = one_vote_each(votes, "first").select(VOTES.codes).cast(pl.Int64)
    rows = single.join(groups.select(pl.all().cast(pl.Int64)), on="annotator_code").sort(VOTES.codes)
    n_groups = int(rows["group_code"].n_unique())
    if n_groups < 2:
        raise BadOption("groups", n_groups, "two or more groups of annotators who gave votes")
    panel = _Panel.of(rows, n_labels)
    if answering is not None and answering.shape != (panel.n_groups, panel.n_groups):
        raise BadOption("answering", answering.shape, f"{panel.n_groups} rows and columns")
    known = single.filter(pl.col("item_code").is_in(panel.codes.tolist()))
    seen = panel.of_group if asked_as is None else _counted_as(known, asked_as, panel)
    told = margins(known, n_labels=n_labels) if hangs_by is None else hangs_by
    hang = told.filter(pl.col("item_code").is_in(panel.codes.tolist())).sort("item_code")["margin"].to_numpy()
    if hang.size != panel.codes.size:
        raise BadOption("hangs_by", hang.size, f"a margin of each of the {panel.codes.size} items")
    if group != BALANCED and not (0 <= group < panel.n_groups):
        raise BadOption("group", group, f"a group code from 0 to {panel.n_groups - 1}, or {BALANCED}")
    asked, who = _chosen(panel, seen, hang, group, n_items)
    before = panel.counts[asked].argmax(axis=1)
    said = panel.chances()[:, (_margin(panel.counts[asked]) > _CLOSE).astype(np.int64), before].swapaxes(0, 1)
    shares = (np.eye(panel.n_groups) if answering is None else answering)[who]
    chances = (shares[:, :, None] * said).sum(axis=1)
    after = np.stack([_with_one(panel.counts[asked], k) for k in range(n_labels)], axis=1)
    p_change = (chances * (after != before[:, None])).sum(axis=1)
    gap, drawn = _gaps(panel, asked, shares, said, draws, seed)
    items = pl.DataFrame(
        {
            "item_code": panel.codes[asked],
            "group_code": who,
            "n_group_votes": seen[who, asked],
            "margin": hang[asked],
            "p_change": p_change,
        }
    )
    low, high = np.quantile(drawn, [0.05, 0.95])
    return ExtraVotes(
        items, float(p_change.sum()), gap, float(drawn.mean()), float(low), float(high), asked.size
    )


def margins(votes: pl.DataFrame, *, n_labels: int) -> pl.DataFrame:
    """By how many votes the first label of each item leads the second: item_code, margin; sorted.

    Args:
        votes: a frame that keeps VOTES; of several votes of one annotator for an item the first counts (`order`).
        n_labels: K of the label set.

    Raises:
        MissingColumn, BadColumn: as `require_labels`.
    """
    require_labels(votes, VOTES, n_labels)
    single = one_vote_each(votes, "first").select(VOTES.codes).cast(pl.Int64)
    codes, item = rank_codes(single["item_code"].to_numpy())
    counts = count_labels(item, single["label_code"].to_numpy(), n_items=codes.size, n_labels=n_labels)
    return pl.DataFrame({"item_code": codes, "margin": _margin(counts)})


@dataclass(frozen=True, slots=True)
class _Panel:
    """Votes (N,) by item, group and label; label counts (I, K); votes of each group (G, I); items' codes (I,)."""

    item: IntArray
    group: IntArray
    label: IntArray
    counts: IntArray
    of_group: IntArray
    codes: IntArray
    n_groups: int

    @classmethod
    def of(cls, rows: pl.DataFrame, n_labels: int) -> _Panel:
        codes, item = rank_codes(rows["item_code"].to_numpy())
        group, label = rows["group_code"].to_numpy(), rows["label_code"].to_numpy()
        n_groups = int(group.max()) + 1
        of_group = np.bincount(group * codes.size + item, minlength=n_groups * codes.size)
        counts = count_labels(item, label, n_items=codes.size, n_labels=n_labels)
        return cls(item, group, label, counts, of_group.reshape(n_groups, codes.size), codes, n_groups)

    def chances(self) -> FloatArray:
        """(G, 2, K, K) what each group says (last axis) by the label of the others, and whether that hangs by a vote (0) or not.

        A vote is compared with the others' alone: with its own among them every group would seem to agree with the label.
        """
        n_labels = self.counts.shape[1]
        left = self.counts[self.item]
        left[np.arange(self.label.size), self.label] -= 1
        cell = (self.group * 2 + (_margin(left) > _CLOSE)) * n_labels + left.argmax(axis=1)
        table = np.bincount(cell * n_labels + self.label, minlength=self.n_groups * 2 * n_labels**2)
        table = table.reshape(self.n_groups, 2, n_labels, n_labels)
        own = table.sum(axis=(1, 2), keepdims=True) + 1 / n_labels
        smoothed = table + own / own.sum(axis=3, keepdims=True)
        return np.asarray(smoothed / smoothed.sum(axis=3, keepdims=True), dtype=np.float64)


def _margin(counts: IntArray) -> IntArray:
    top = np.sort(counts, axis=1)
    return np.asarray(top[:, -1] - top[:, -2] if counts.shape[1] > 1 else top[:, -1], dtype=np.int64)


def _counted_as(single: pl.DataFrame, asked_as: pl.DataFrame, panel: _Panel) -> IntArray:
    """(G, I) votes of each group on the panel's items, by what people are asked as."""
    rows = single.join(asked_as.select(pl.all().cast(pl.Int64)), on="annotator_code")
    place = np.searchsorted(panel.codes, rows["item_code"].to_numpy())
    cell = rows["group_code"].to_numpy() * panel.codes.size + place
    counted: IntArray = np.bincount(cell, minlength=panel.of_group.size)
    return counted.reshape(panel.n_groups, panel.codes.size)


def _chosen(
    panel: _Panel, counted: IntArray, hangs_by: IntArray, group: int, n_items: int
) -> tuple[IntArray, IntArray]:
    """Items (their places) in the order of need, and the group asked about each.

    counted: (G, I) votes of groups; hangs_by: (I,) of everybody's votes, also of those in no group that is shown.
    """
    present = counted.sum(axis=1) > 0
    seen = np.where(present[:, None], counted, np.iinfo(np.int64).max)
    who = seen.argmin(axis=0) if group == BALANCED else np.full(panel.codes.size, group)
    fewest = counted[who, np.arange(panel.codes.size)]
    order = np.lexsort((panel.codes, fewest, hangs_by))[:n_items]
    return order, who[order]


def _with_one(counts: IntArray, label: int) -> IntArray:
    """The label of each item with one vote more for `label`; a tie goes to the smallest code."""
    more = counts.copy()
    more[:, label] += 1
    return np.asarray(more.argmax(axis=1), dtype=np.int64)


def _gaps(
    panel: _Panel, asked: IntArray, shares: FloatArray, said: FloatArray, draws: int, seed: int
) -> tuple[float, FloatArray]:
    """The gap as it is, and with the new votes drawn; only the votes on items that are asked about change.

    shares: (I, G) who answers; said: (I, G, K) what they say.
    """
    place = np.full(panel.codes.size, -1)
    place[asked] = np.arange(asked.size)
    changed = place[panel.item] >= 0
    rest = _sums(
        panel.counts[panel.item[~changed]], panel.label[~changed], panel.group[~changed], panel.n_groups
    )
    item, label, group = place[panel.item[changed]], panel.label[changed], panel.group[changed]
    counts = panel.counts[asked]
    own = rest + _sums(counts[item], label, group, panel.n_groups)
    rng, values = np.random.default_rng(seed), np.empty(draws)
    every_item = np.arange(asked.size)
    for draw in range(draws):
        who = _drawn(shares, rng)
        given = _drawn(said[every_item, who], rng)
        more = counts.copy()
        more[every_item, given] += 1
        every = (
            rest + _sums(more[item], label, group, panel.n_groups) + _sums(more, given, who, panel.n_groups)
        )
        values[draw] = _gap(every)
    return _gap(own), values


def _drawn(chances: FloatArray, rng: np.random.Generator) -> IntArray:
    """(I,) one column of each row of chances, drawn."""
    place = (chances.cumsum(axis=1) < rng.random((chances.shape[0], 1))).sum(axis=1)
    return np.asarray(place.clip(0, chances.shape[1] - 1), dtype=np.int64)


def _sums(table: IntArray, label: IntArray, group: IntArray, n_groups: int) -> IntArray:
    """(2, G) votes that agree with the label of the others on their item, and votes that can be compared."""
    left = table.copy()
    left[np.arange(label.size), label] -= 1
    most = left.max(axis=1, initial=0)
    known = (most > 0) & ((left == most[:, None]).sum(axis=1) == 1)
    agrees = known & (left.argmax(axis=1) == label) if label.size else known
    return np.stack(
        [np.bincount(group[agrees], minlength=n_groups), np.bincount(group[known], minlength=n_groups)]
    )


def _gap(sums: IntArray) -> float:
    some = sums[1] > 0
    shares = sums[0][some] / sums[1][some]
    return float(shares.max() - shares.min()) if shares.size else 0.0
