"""The figures of `uncertainty` in one pass over the samples, compiled for a CUDA card (Triton).

torch's own operations read the samples once for each of a dozen steps; here each probability is read once, so that the
time comes near that of reading memory. Triton comes with torch's CUDA builds; where it is missing, and for more than
MOST_LABELS labels, `uncertainty_torch` does the same with torch alone.

A thread has an item: it walks the members and keeps a sum for each label in a register (the loops over labels are written
out by the compiler), so that nothing is exchanged between threads. Sums over members are float64; logarithms, and sums
over the labels of one member, are in the type of the samples. The float32 logarithm is the card's own, which is off by
at most 2^-22 (PTX ISA, lg2.approx).
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl

from analytics.uncertainty_kernels import NOT_ONE, OUT_OF_RANGE, SOUND

_BLOCK = 128  # items of a program
_WARPS = 4
_LN2 = tl.constexpr(0.6931471805599453)
_SUM_WITHIN = tl.constexpr(1e-3)


def measure_card(samples: torch.Tensor, *, sets: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """As `uncertainty_torch.measure_tensor`, of samples (M, I, K) that lie on the card, float32 or float64."""
    n_members, n_items, n_labels = samples.shape
    found = torch.empty((5, n_items), dtype=torch.float64, device=samples.device)
    # Whether there is what is no probability, and a row of another sum than 1.
    bad = torch.zeros(2, dtype=torch.int32, device=samples.device)
    kernel = _sets if sets else _items
    if n_items:
        kernel[(triton.cdiv(n_items, _BLOCK),)](
            samples, found, bad, n_members, n_items, *samples.stride(),
            n_labels=n_labels, block=_BLOCK, num_warps=_WARPS,
        )  # fmt: skip
    problem = torch.where(bad[0] > 0, OUT_OF_RANGE, torch.where(bad[1] > 0, NOT_ONE, SOUND))
    return found, problem


@triton.jit
def _entropy(p):
    """-p log p, 0 for 0."""
    if p.dtype == tl.float32:
        above_zero = tl.maximum(p, 1.1754944e-38)
        log2 = tl.inline_asm_elementwise(
            "lg2.approx.f32 $0, $1;", "=f,f", [above_zero], dtype=tl.float32, is_pure=True, pack=1
        )
    else:
        log2 = tl.log2(tl.maximum(p, 2.2250738585072014e-308))
    return -p * log2 * _LN2


@triton.jit
def _zeros(n: tl.constexpr, block: tl.constexpr, kind: tl.constexpr):
    found = ()
    for _ in tl.static_range(n):
        found = found + (tl.zeros((block,), kind),)
    return found


@triton.jit
def _row(at, label_stride, live, n_labels: tl.constexpr):
    """The probabilities of one member: a tuple of K."""
    found = ()
    for label in tl.static_range(n_labels):
        found = found + (tl.load(at + label * label_stride, mask=live, other=0.0),)
    return found


@triton.jit
def _added(sums, row, n_labels: tl.constexpr):
    found = ()
    for label in tl.static_range(n_labels):
        found = found + (sums[label] + row[label].to(sums[label].dtype),)
    return found


@triton.jit
def _votes(row, best, n_labels: tl.constexpr):
    """One vote for the largest, shared where several are."""
    n_best = (row[0] == best).to(best.dtype)
    for label in tl.static_range(1, n_labels):
        n_best += (row[label] == best).to(best.dtype)
    share = 1.0 / tl.maximum(n_best, 1.0)
    found = ()
    for label in tl.static_range(n_labels):
        found = found + (tl.where(row[label] == best, share, 0.0),)
    return found


@triton.jit
def _write(found, items, live, n_items, total, within, dissent, margin, top):
    """The five rows, rounding taken off: no entropy is below 0, no expected one above the total."""
    total = tl.maximum(total, 0.0)
    within = tl.minimum(tl.maximum(within, 0.0), total)
    at = found + items
    tl.store(at, total, mask=live)
    tl.store(at + n_items, within, mask=live)
    tl.store(at + 2 * n_items, tl.maximum(dissent, 0.0), mask=live)
    tl.store(at + 3 * n_items, margin, mask=live)
    tl.store(at + 4 * n_items, top, mask=live)


@triton.jit
def _tell(bad, wrong):
    """Set a mark where any item of the block is wrong."""
    if tl.max(wrong.to(tl.int32), axis=0) > 0:
        tl.atomic_max(bad, 1)


@triton.jit
def _items(
    samples, found, bad, n_members, n_items, member_stride, item_stride, label_stride,
    n_labels: tl.constexpr, block: tl.constexpr,
):  # fmt: skip
    items = tl.program_id(0).to(tl.int64) * block + tl.arange(0, block)
    live = items < n_items
    at = samples + items * item_stride
    kind: tl.constexpr = samples.dtype.element_ty
    sums, votes = _zeros(n_labels, block, tl.float64), _zeros(n_labels, block, kind)
    within = tl.zeros((block,), tl.float64)
    low, high, furthest = tl.zeros((block,), kind), tl.zeros((block,), kind), tl.zeros((block,), kind)
    for _member in range(n_members):
        row = _row(at, label_stride, live, n_labels)
        best, least, total, entropy = row[0], row[0], row[0], _entropy(row[0])
        for label in tl.static_range(1, n_labels):
            best, least = tl.maximum(best, row[label]), tl.minimum(least, row[label])
            total += row[label]
            entropy += _entropy(row[label])
        sums = _added(sums, row, n_labels)
        votes = _added(votes, _votes(row, best, n_labels), n_labels)
        within += entropy.to(tl.float64)
        low, high = tl.minimum(low, least), tl.maximum(high, best)
        # NaN is passed over by the two above, and is in the sum.
        furthest = tl.maximum(furthest, tl.abs(total - 1.0), propagate_nan=tl.PropagateNan.ALL)
        at += member_stride
    first, second = tl.zeros((block,), tl.float64), tl.zeros((block,), tl.float64)
    most, total_entropy = tl.zeros((block,), kind), tl.zeros((block,), tl.float64)
    for label in tl.static_range(n_labels):
        mean = sums[label] / n_members
        second = tl.maximum(second, tl.minimum(mean, first))
        first = tl.maximum(first, mean)
        most = tl.maximum(most, votes[label])
        total_entropy += _entropy(mean)
    dissent = 1.0 - most.to(tl.float64) / n_members
    _write(found, items, live, n_items, total_entropy, within / n_members, dissent, first - second, first)
    _tell(bad, live & ~((low >= 0) & (high <= 1) & (furthest == furthest)))
    _tell(bad + 1, live & (furthest > _SUM_WITHIN))


@triton.jit
def _sets(
    samples, found, bad, n_members, n_items, member_stride, item_stride, label_stride,
    n_labels: tl.constexpr, block: tl.constexpr,
):  # fmt: skip
    items = tl.program_id(0).to(tl.int64) * block + tl.arange(0, block)
    live = items < n_items
    at = samples + items * item_stride
    kind: tl.constexpr = samples.dtype.element_ty
    sums, yes = _zeros(n_labels, block, tl.float64), _zeros(n_labels, block, tl.float32)
    within = tl.zeros((block,), tl.float64)
    sound = live
    for _member in range(n_members):
        row = _row(at, label_stride, live, n_labels)
        entropy = tl.zeros((block,), kind)
        sides = ()
        for label in tl.static_range(n_labels):
            p = row[label]
            sound = sound & (p >= 0) & (p <= 1)
            entropy += _entropy(p) + _entropy(1 - p)
            sides = sides + (((p > 0.5).to(tl.float32) + (p >= 0.5).to(tl.float32)) * 0.5,)
        sums, yes = _added(sums, row, n_labels), _added(yes, sides, n_labels)
        within += entropy.to(tl.float64)
        at += member_stride
    total, dissent = tl.zeros((block,), tl.float64), tl.zeros((block,), tl.float64)
    margin = tl.zeros((block,), tl.float64) + 1.0
    for label in tl.static_range(n_labels):
        mean = sums[label] / n_members
        total += _entropy(mean) + _entropy(tl.maximum(1.0 - mean, 0.0))
        dissent += tl.minimum(yes[label], n_members - yes[label]).to(tl.float64)
        margin = tl.minimum(margin, tl.abs(2.0 * mean - 1.0))
    _write(
        found,
        items,
        live,
        n_items,
        total,
        within / n_members,
        dissent / n_labels / n_members,
        margin,
        (1.0 + margin) / 2.0,
    )
    _tell(bad, live & ~sound)
