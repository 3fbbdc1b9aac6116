"""The figures of `uncertainty` over torch tensors: for a CUDA card. `uncertainty_kernels` is the same in numba.

Items are taken in parts, so that what is made on the way stays small beside the samples; samples that lie in
main memory go to the card part by part, so they may be larger than its memory. Logarithms are taken in the type of
the samples, sums in float64. On a card where there is Triton a part is worked out in one pass (`uncertainty_triton`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from analytics.device import has_triton
from analytics.errors import BadOption
from analytics.frames import FloatArray
from analytics.uncertainty_kernels import NOT_ONE, OUT_OF_RANGE, SOUND

MOST_CELLS = 64_000_000
"""Probabilities that a part holds; four times as many are held on the way."""

MOST_LABELS = 32
"""The most labels of which `uncertainty_triton` can hold an item's sums in a thread's registers."""

_SUM_WITHIN = 1e-3


def measure_on(
    samples: NDArray[np.floating[Any]] | torch.Tensor, device: str, *, sets: bool
) -> tuple[FloatArray, int]:
    """What `measure_items` (or `measure_sets`) writes, (5, I), and what is wrong with the samples.

    Args:
        samples: (M, I, K), on any device.
        device: where to compute: "cpu" or "cuda".
        sets: each probability is that of one label being in the set.

    Raises:
        BadOption: samples that are not floating point.
    """
    found, problem = measure_tensor(_tensor(samples), device, sets=sets)
    values: FloatArray = found.cpu().numpy()
    return values, int(problem)


def measure_tensor(samples: torch.Tensor, device: str, *, sets: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """As `measure_on`, left on the device: nothing waits for the card."""
    n_members, n_items, n_labels = samples.shape
    found = torch.empty((5, n_items), dtype=torch.float64, device=device)
    problem = torch.full((), SOUND, device=device)
    one_pass = device == "cuda" and n_labels <= MOST_LABELS and has_triton()
    step = max(MOST_CELLS // (n_members * n_labels), 1)
    if one_pass and samples.is_cuda:
        step = max(n_items, 1)  # nothing is made on the way
    for first in range(0, n_items, step):
        part = samples[:, first : first + step].to(device)
        if part.dtype not in (torch.float32, torch.float64):
            part = part.float()
        if one_pass:
            from analytics.uncertainty_triton import measure_card

            found[:, first : first + step], bad = measure_card(part, sets=sets)
            problem = _graver(problem, bad)
            continue
        # A range of NaN is no range: both ends have to be asked.
        low, high = torch.aminmax(part) if part.numel() else (problem, problem)
        bad = ~((low >= 0) & (high <= 1)) * OUT_OF_RANGE
        if sets:
            found[:, first : first + step] = _set_figures(part)
        else:
            off = (part.sum(dim=2, dtype=torch.float64) - 1).abs() > _SUM_WITHIN
            bad = torch.where(bad > 0, bad, off.any() * NOT_ONE)
            found[:, first : first + step] = _figures(part)
        problem = _graver(problem, bad)
    return found, problem


def _graver(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """The graver of two problems: the smaller, but SOUND is 0."""
    return torch.where(one == SOUND, other, torch.where(other == SOUND, one, one.minimum(other)))


def _figures(part: torch.Tensor) -> torch.Tensor:
    """Predictive and expected entropy, variation ratio, margin, largest mean probability: (5, items)."""
    n_members = part.shape[0]
    means = part.mean(dim=0, dtype=torch.float64)
    total = torch.special.entr(means).sum(dim=1)
    within = torch.special.entr(part).sum(dim=(0, 2), dtype=torch.float64) / n_members
    best = part == part.amax(dim=2, keepdim=True)
    votes = (best / best.sum(dim=2, keepdim=True).double()).sum(dim=0)
    first, second = means.topk(2, dim=1).values.unbind(dim=1)
    dissent = 1 - votes.amax(dim=1) / n_members
    return torch.stack(_bounded(total, within, dissent, first - second, first))


def _set_figures(part: torch.Tensor) -> torch.Tensor:
    """As `_figures`, for labels that an item has or has not."""
    n_members = part.shape[0]
    means = part.mean(dim=0, dtype=torch.float64)
    total = (torch.special.entr(means) + torch.special.entr(1 - means)).sum(dim=1)
    entropies = torch.special.entr(part) + torch.special.entr(1 - part)
    within = entropies.sum(dim=(0, 2), dtype=torch.float64) / n_members
    yes = ((part > 0.5).double() + (part >= 0.5)).sum(dim=0) / 2
    dissent = torch.minimum(yes, n_members - yes).mean(dim=1) / n_members
    margin = (2 * means - 1).abs().amin(dim=1)
    return torch.stack(_bounded(total, within, dissent, margin, (1 + margin) / 2))


def _bounded(
    total: torch.Tensor, within: torch.Tensor, dissent: torch.Tensor, margin: torch.Tensor, top: torch.Tensor
) -> list[torch.Tensor]:
    """Rounding taken off: no entropy is below 0, no expected one above the total."""
    total = total.clamp_min(0)
    return [total, torch.minimum(within.clamp_min(0), total), dissent.clamp_min(0), margin, top]


def _tensor(samples: NDArray[np.floating[Any]] | torch.Tensor) -> torch.Tensor:
    if isinstance(samples, np.ndarray):
        if not np.issubdtype(samples.dtype, np.floating):
            raise BadOption("samples", f"array of {samples.dtype}", "of floating point")
        return torch.from_numpy(samples)
    if not samples.is_floating_point():
        raise BadOption("samples", f"tensor of {samples.dtype}", "of floating point")
    return samples
