"""The two sums of Dawid and Skene's EM, compiled for a CUDA card (Triton): each vote is read once a step.

Triton comes with torch's CUDA builds; where it is missing `em_torch` does both sums as sparse products. Nothing is added
atomically, so a rerun on the same card gives the same bits: the votes of a pair are added up in parts of fixed size, and
the parts in order.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl

from analytics.coded_votes import CodedVotes

_CELLS = 512  # numbers that a program holds
_PART = 4096  # votes of a pair that one program adds up


class CardVotes:
    """V votes on a card, by item and by pair.

    Args:
        coded: the votes.
        device: the card, or where Triton interprets.
    """

    def __init__(self, coded: CodedVotes, device: str) -> None:
        n_pairs = coded.n_pairs
        self._pairs = pairs = torch.from_numpy(coded.pairs).to(device)
        self._starts = torch.from_numpy(coded.starts).to(device)
        items = torch.arange(coded.n_items, dtype=torch.int32, device=device)
        items = torch.repeat_interleave(items, self._starts.diff(), output_size=coded.n_votes)
        self._items = items[torch.argsort(pairs, stable=True)]
        votes_of_pair = torch.bincount(pairs, minlength=n_pairs)
        self._parts_of_pair = (votes_of_pair + _PART - 1) // _PART
        # Where each part begins: its pair's first vote, and _PART more for each part of the pair before it.
        ends = votes_of_pair.cumsum(0)
        first_part = self._parts_of_pair.cumsum(0) - self._parts_of_pair
        pair_of_part = torch.repeat_interleave(self._parts_of_pair)
        place = torch.arange(len(pair_of_part), device=pairs.device) - first_part[pair_of_part]
        self._part_starts = (ends - votes_of_pair)[pair_of_part] + place * _PART
        self._part_ends = torch.minimum(self._part_starts + _PART, ends[pair_of_part])

    def shares(self, own: torch.Tensor) -> torch.Tensor:
        """As `SparseVotes.shares`."""
        n_items, n_labels = len(self._starts) - 1, own.shape[1]
        cells = own.argmax(dim=1)[self._pairs]
        items = torch.arange(n_items, dtype=torch.int64, device=own.device)
        cells += torch.repeat_interleave(items, self._starts.diff(), output_size=len(cells)) * n_labels
        shares = torch.bincount(cells, minlength=n_items * n_labels).view(n_items, n_labels).double()
        return shares.div_(shares.sum(dim=1, keepdim=True))

    def expect(self, logs: torch.Tensor, log_priors: torch.Tensor, posterior: torch.Tensor) -> torch.Tensor:
        """Write the posterior (I, K) that the log-likelihoods (P, K) of the pairs give.

        Returns:
            () log-likelihood of all votes.
        """
        n_items, n_labels = posterior.shape
        width = triton.next_power_of_2(n_labels)
        block = max(_CELLS // width, 1)
        n_programs = triton.cdiv(n_items, block)
        likelihoods = torch.empty(n_programs, dtype=torch.float64, device=posterior.device)
        _expect[(n_programs,)](
            self._pairs, self._starts, logs.contiguous(), log_priors, posterior, likelihoods, n_items, n_labels,
            width=width, block=block, num_warps=4,
        )  # fmt: skip
        return likelihoods.sum()

    def counts(self, posterior: torch.Tensor) -> torch.Tensor:
        """(P, K) the posterior, added up over the votes of each pair."""
        n_labels = posterior.shape[1]
        width = triton.next_power_of_2(n_labels)
        block = max(_CELLS // width, 1)
        n_parts, n_pairs = len(self._part_starts), len(self._parts_of_pair)
        parts = torch.empty((n_parts, n_labels), dtype=torch.float64, device=posterior.device)
        _count[(n_parts,)](
            self._items, self._part_starts, self._part_ends, posterior, parts, n_labels,
            width=width, block=block, num_warps=4,
        )  # fmt: skip
        if n_parts == n_pairs:
            return parts
        return torch.segment_reduce(parts, "sum", lengths=self._parts_of_pair, axis=0)


@triton.jit
def _expect(
    pairs, starts, logs, log_priors, posterior, likelihoods, n_items, n_labels,
    width: tl.constexpr, block: tl.constexpr,
):  # fmt: skip
    items = (tl.program_id(0) * block + tl.arange(0, block)).to(tl.int64)
    live = items < n_items
    labels = tl.arange(0, width)
    known = labels < n_labels
    first = tl.load(starts + items, mask=live, other=0)
    last = tl.load(starts + items + 1, mask=live, other=0)
    terms = tl.zeros((block, width), tl.float64)
    terms += tl.load(log_priors + labels, mask=known, other=-float("inf"))[None, :]
    for vote in range(tl.max(last - first, axis=0)):
        has = first + vote < last
        pair = tl.load(pairs + first + vote, mask=has, other=0).to(tl.int64)
        at = logs + pair[:, None] * n_labels + labels[None, :]
        terms += tl.load(at, mask=has[:, None] & known[None, :], other=0.0)
    # The largest term of each row is taken out before the exponential, so that no row can vanish.
    largest = tl.max(terms, axis=1)
    terms = tl.exp(terms - largest[:, None])
    total = tl.sum(terms, axis=1)
    at = posterior + items[:, None] * n_labels + labels[None, :]
    tl.store(at, terms / total[:, None], mask=live[:, None] & known[None, :])
    tl.store(likelihoods + tl.program_id(0), tl.sum(tl.where(live, largest + tl.log(total), 0.0), axis=0))


@triton.jit
def _count(
    items, part_starts, part_ends, posterior, parts, n_labels, width: tl.constexpr, block: tl.constexpr
):
    part = tl.program_id(0).to(tl.int64)
    first, last = tl.load(part_starts + part), tl.load(part_ends + part)
    labels = tl.arange(0, width)
    known = labels < n_labels
    sums = tl.zeros((block, width), tl.float64)
    for start in range(first, last, block):
        votes = start + tl.arange(0, block)
        has = votes < last
        item = tl.load(items + votes, mask=has, other=0).to(tl.int64)
        at = posterior + item[:, None] * n_labels + labels[None, :]
        sums += tl.load(at, mask=has[:, None] & known[None, :], other=0.0)
    tl.store(parts + part * n_labels + labels, tl.sum(sums, axis=0), mask=known)
