"""How unsure a model is of each item, from the probabilities of several members of one model.

Members are the same model fitted several times (folds, seeds, bootstraps, dropout masks, draws of a Laplace
approximation). For p_m(k), member m's out-of-sample probability of label k, and p(k), the mean over members:

    predictive entropy   H[p] = - sum_k p(k) log p(k)                   the total
    expected entropy     mean_m H[p_m]                                  the part that stays within each member
    mutual information   H[p] - mean_m H[p_m], 0 or more                the part between members
    variation ratio      1 - the largest share of members that favour one label (Freeman 1965)
    margin               the largest p(k) minus the second largest

Mutual information is the score of Bayesian active learning by disagreement, BALD (Houlsby, Huszar, Ghahramani &
Lengyel 2011, arXiv:1112.5745). It is often called *epistemic* (more data would remove it) and the expected entropy
*aleatoric* (it is in the item). Take the two words with care: the split is one of entropies under the model at
hand, not a proof of where the doubt comes from. Wimmer, Sale, Hofman, Bischl & Huellermeier (2023, UAI) show that
both parts break properties that such measures should have: the mutual information is largest for members that
contradict each other rather than for members that know nothing, and neither part moves alone. Members that share a
blind spot show no mutual information at all.

One member cannot disagree with itself: with M = 1 the split and the variation ratio are undefined, not 0. Entropies
are in nats and at most log K.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import polars as pl
from numpy.typing import NDArray

from analytics.chunks import run_each
from analytics.device import Device, choose_device
from analytics.errors import BadOption
from analytics.frames import FloatArray, IntArray
from analytics.uncertainty_kernels import (
    DISSENT,
    MARGIN,
    NOT_ONE,
    OUT_OF_RANGE,
    SOUND,
    TOP,
    TOTAL,
    WITHIN,
    measure_items,
    measure_sets,
)

if TYPE_CHECKING:
    import torch

Samples = NDArray[np.floating[Any]]
Part = Literal["total", "aleatoric", "epistemic"]

ONE_MEMBER = "the model has one member: it cannot disagree with itself"
"""Why the split of the entropy and the variation ratio are not known."""

MOST_CELLS = 500_000
"""Probabilities (4 or 8 bytes) that a part of the work holds; a part is at least one item."""


@dataclass(frozen=True, slots=True)
class Uncertainty:
    """The figures of I items, in the order of the samples.

    Attributes:
        predictive_entropy: (I,) nats.
        expected_entropy: (I,) nats, at most the predictive entropy; None where `undefined` says why.
        mutual_information: (I,) nats, 0 or more: the predictive minus the expected entropy; None likewise.
        variation_ratio: (I,) share of the members that do not favour the label that most favour; a member's vote
            is shared where its labels are equally probable. None likewise. For sets the mean over labels of the
            smaller of the shares for and against.
        margin: (I,) in [0, 1], 0 is least sure. For sets |2 p(k) - 1| of the least settled label.
        p_top: (I,) the largest mean probability. For sets that of the least settled label's likelier side.
        n_members: M.
        n_labels: K.
        undefined: why there is no split, else None.
        device: where it was computed.
    """

    predictive_entropy: FloatArray
    expected_entropy: FloatArray | None
    mutual_information: FloatArray | None
    variation_ratio: FloatArray | None
    margin: FloatArray
    p_top: FloatArray
    n_members: int
    n_labels: int
    undefined: str | None
    device: Literal["cpu", "cuda"] = "cpu"

    def frame(self, item_codes: IntArray) -> pl.DataFrame:
        """One row an item, sorted by item_code: the six figures, null where they are undefined.

        Raises:
            BadOption: not one code, each once, for each item.
        """
        n_items = len(self.predictive_entropy)
        if item_codes.shape != (n_items,) or len(np.unique(item_codes)) != n_items:
            raise BadOption(
                "item_codes", f"array of shape {item_codes.shape}", f"{n_items} codes, each of them once"
            )
        figures = {
            "predictive_entropy": self.predictive_entropy,
            "expected_entropy": self.expected_entropy,
            "mutual_information": self.mutual_information,
            "variation_ratio": self.variation_ratio,
            "margin": self.margin,
            "p_top": self.p_top,
        }
        columns = {
            name: pl.Series(values, dtype=pl.Float64)
            if values is not None
            else pl.Series([None] * n_items, dtype=pl.Float64)
            for name, values in figures.items()
        }
        codes = pl.Series(item_codes.astype(np.int64))
        return pl.DataFrame({"item_code": codes} | columns).sort("item_code")


def uncertainty(samples: Samples | torch.Tensor, *, device: Device = "cpu") -> Uncertainty:
    """The figures of items that have one label each.

    Args:
        samples: (M, I, K) out-of-sample probabilities of M members for I items and K labels, each row of K sums
            to 1 (within 1e-3; it is not made to). float32 is taken as it is and summed in float64: the figures
            are off by the rounding of the samples alone, a few 1e-7 nats. A torch tensor stays where it is
            with device="cuda". An array that is not contiguous, or of another type, is copied part by part.
        device: "cpu" (numba), "cuda" (torch) or "auto". On a card float32 samples are put through a float32
            logarithm, which is off by a few 1e-7 nats more.

    Raises:
        BadOption: samples that are not (M, I, K) of floating point with M 1 or more and K 2 or more, or hold what
            is not a probability, or a row whose sum is not 1; another device.
        DeviceMissing: "cuda" where there is none.

    >>> found = uncertainty(np.array([[[1.0, 0.0]], [[0.0, 1.0]]]))
    >>> found.predictive_entropy.round(3).tolist(), found.mutual_information.round(3).tolist()
    ([0.693], [0.693])
    """
    return _measured(samples, device, sets=False, fewest_labels=2)


def set_uncertainty(samples: Samples | torch.Tensor, *, device: Device = "cpu") -> Uncertainty:
    """The figures of items that have a set of labels each: binary entropies, summed over the labels.

    The sum is the entropy of the set where the labels are independent given the member, else an upper bound;
    the mutual information is summed label by label, so that what members disagree on in several labels at
    once counts several times.

    Args:
        samples: (M, I, K): the probability that the label is in the item's set. Otherwise as `uncertainty`; K may
            be 1.
        device: as `uncertainty`.

    Raises:
        BadOption, DeviceMissing: as `uncertainty`; rows may have any sum.
    """
    return _measured(samples, device, sets=True, fewest_labels=1)


def entropy_part(found: Uncertainty, part: Part) -> FloatArray | None:
    """One part of the entropy by its everyday name; None where the split is undefined. See the caution above.

    Raises:
        BadOption: another word for `part`.
    """
    if part not in get_args(Part):
        raise BadOption("part", part, get_args(Part))
    if part == "total":
        return found.predictive_entropy
    return found.expected_entropy if part == "aleatoric" else found.mutual_information


def _measured(
    samples: Samples | torch.Tensor, device: Device, *, sets: bool, fewest_labels: int
) -> Uncertainty:
    shape = tuple(samples.shape)
    if len(shape) != 3 or shape[0] < 1 or shape[2] < fewest_labels:
        needs = f"of shape (M, I, K), M 1 or more, K {fewest_labels} or more"
        raise BadOption("samples", f"array of shape {shape}", needs)
    where = choose_device(device)
    if where == "cuda" or not isinstance(samples, np.ndarray):
        # torch takes a second or two to import: only whoever asks pays for it.
        from analytics.uncertainty_torch import measure_on

        found, problem = measure_on(samples, where, sets=sets)
    else:
        found, problem = _measured_here(samples, measure_sets if sets else measure_items)
    if problem == OUT_OF_RANGE:
        raise BadOption("samples", "an entry", "in [0, 1]")
    if problem == NOT_ONE:
        raise BadOption("samples", "a row", "of sum 1: one label an item; see set_uncertainty for sets")
    several = shape[0] > 1
    return Uncertainty(
        predictive_entropy=found[TOTAL],
        expected_entropy=found[WITHIN] if several else None,
        mutual_information=found[TOTAL] - found[WITHIN] if several else None,
        variation_ratio=found[DISSENT] if several else None,
        margin=found[MARGIN],
        p_top=found[TOP],
        n_members=shape[0],
        n_labels=shape[2],
        undefined=None if several else ONE_MEMBER,
        device=where,
    )


def _measured_here(samples: Samples, kernel: Callable[..., int]) -> tuple[FloatArray, int]:
    """The kernel's figures (5, I), and what is wrong with the samples."""
    if not np.issubdtype(samples.dtype, np.floating):
        raise BadOption("samples", f"array of {samples.dtype}", "of floating point")
    n_members, n_items, n_labels = samples.shape
    ready = samples.dtype in (np.float32, np.float64) and samples.flags.c_contiguous and samples.flags.aligned
    taken = np.float32 if samples.dtype.itemsize <= 4 else np.float64
    n_parts = max(min(-(-n_members * n_items * n_labels // MOST_CELLS), n_items), 1)
    edges = list(pairwise([n_items * part // n_parts for part in range(n_parts + 1)]))
    found = np.empty((5, n_items))

    def work(part: int) -> int:
        first, last = edges[part]
        if ready:
            return kernel(samples, (first, last), found)
        copied = np.ascontiguousarray(samples[:, first:last], dtype=taken)
        own = np.empty((5, last - first))
        problem = kernel(copied, (0, last - first), own)
        found[:, first:last] = own
        return problem

    problems = [problem for problem in run_each(work, n_parts) if problem != SOUND]
    return found, min(problems, default=SOUND)
