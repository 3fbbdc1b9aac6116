"""Which items a model does not see: folds, and the weights that make one member of an ensemble differ from another.

A model that has seen an item's label repeats it. So items are dealt into F folds, and what predicts fold f was
fitted on the other folds. Items that share a group (near copies, parts of one document) go into the same fold: else
the copy of an item would give its label away.

Members of an ensemble are fits to the same items with other weights: the Bayesian bootstrap (Rubin 1981, The Bayesian
bootstrap, Annals of Statistics 9), whose weights are independent exponentials, divided by their mean. They have the
mean and the variance of a bootstrap's counts, but no label ever drops out of a member by chance. Groups are drawn, not
items.
"""

from __future__ import annotations

import numpy as np

from analytics.errors import BadOption
from analytics.features import Floats32
from analytics.frames import FloatArray, IntArray


def assign_folds(
    n_items: int,
    *,
    n_folds: int = 5,
    seed: int = 0,
    groups: IntArray | None = None,
    label_codes: IntArray | None = None,
) -> IntArray:
    """The fold (I,) of each item, 0 to F - 1.

    Groups are dealt out by size, the largest first, there and back again over the folds; those of one size by label,
    so that each fold has its share of every label; else at random.

    Args:
        n_items: I.
        n_folds: F, 2 or more.
        seed: of the order.
        groups: (I,) items with the same value stay together; None: each item by itself.
        label_codes: (I,) the label that an item probably has; a group goes by the smallest of its items'.

    Raises:
        BadOption: fewer than 2 folds, fewer groups than folds, arrays of another length.

    >>> assign_folds(4, n_folds=2, groups=np.array([7, 7, 8, 8])).tolist() in ([0, 0, 1, 1], [1, 1, 0, 0])
    True
    """
    if isinstance(n_folds, bool) or not isinstance(n_folds, int) or n_folds < 2:
        raise BadOption("n_folds", n_folds, "a whole number of 2 or more")
    group = group_ranks(n_items, groups)
    n_groups = int(group.max(initial=-1)) + 1
    if n_groups < n_folds:
        raise BadOption("n_folds", n_folds, f"at most the number of groups of items, {n_groups}")
    label = np.zeros(n_groups, dtype=np.int64)
    if label_codes is not None:
        if label_codes.shape != (n_items,):
            raise BadOption("label_codes", f"array of shape {label_codes.shape}", f"of shape ({n_items},)")
        label[:] = np.iinfo(np.int64).max
        np.minimum.at(label, group, label_codes)
    drawn = np.random.default_rng([seed, 0]).random(n_groups)
    order = np.lexsort((drawn, label, -np.bincount(group, minlength=n_groups)))
    turn, place = np.divmod(np.arange(n_groups), n_folds)
    fold = np.empty(n_groups, dtype=np.int64)
    fold[order] = np.where(turn % 2 == 0, place, n_folds - 1 - place)
    return fold[group]


def group_ranks(n_items: int, groups: IntArray | None) -> IntArray:
    """The rank (I,) of each item's group among the groups; each item is its own where there are none.

    Raises:
        BadOption: an array of another length, or not of integers.
    """
    if groups is None:
        return np.arange(n_items)
    if groups.shape != (n_items,) or not np.issubdtype(groups.dtype, np.integer):
        raise BadOption(
            "groups",
            f"array of {groups.dtype} and shape {groups.shape}",
            f"of integers and shape ({n_items},)",
        )
    return np.unique(groups, return_inverse=True)[1].astype(np.int64)


def train_weights(weights: FloatArray, fold: IntArray, n_folds: int) -> Floats32:
    """(I, F): what an item weighs in the fit that predicts fold f; 0 in its own."""
    seen = fold[:, None] != np.arange(n_folds)
    return np.asarray(weights[:, None] * seen, dtype=np.float32)


def member_weights(plain: Floats32, groups: IntArray, *, seed: int, member: int) -> Floats32:
    """(I, F): the weights of one member; those of each fold add up to what the plain ones add up to.

    Args:
        plain: (I, F) as `train_weights` gives them.
        groups: (I,) ranks of the items' groups.
        seed: of the ensemble.
        member: 0, 1, ...; 0 is the plain fit.
    """
    if member == 0:
        return plain
    n_groups = int(groups.max(initial=-1)) + 1
    drawn = np.random.default_rng([seed, 1, member]).exponential(size=n_groups)[groups]
    own = plain * drawn[:, None]
    return np.asarray(own * (plain.sum(axis=0) / own.sum(axis=0)), dtype=np.float32)
