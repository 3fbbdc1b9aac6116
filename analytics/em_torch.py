"""The steps of Dawid and Skene's EM over torch tensors: for a CUDA card. `em_kernels` is the same in numba.

Both steps are a sparse matrix times a narrow dense one, (I, P) x (P, K) and (P, I) x (I, K): no row of votes is
ever spread out to K columns, so the memory is that of the votes and of one (I, K) posterior. Everything is in
logarithms. On a card where there is Triton both products are kernels of our own (`em_triton`).
"""

from __future__ import annotations

import functools
import warnings
from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy import sparse

from analytics.coded_votes import CodedVotes
from analytics.device import has_triton
from analytics.em_steps import FLOOR, Assumptions, unused_mass
from analytics.frames import FloatArray

if TYPE_CHECKING:
    from analytics.em_triton import CardVotes

MOST_LABELS = 1024
"""The most labels that `em_triton` takes: a row has to fit a program's registers."""


class TorchSteps:
    """The steps of EM (see `Steps`) on a torch device."""

    def __init__(self, votes: CodedVotes, assumptions: Assumptions, device: str) -> None:
        self._assumptions = assumptions
        self._device = device
        self._n_annotators = votes.n_annotators
        self._annotators = self._codes(votes.annotator_of_pair)
        self._labels = self._codes(votes.label_of_pair)
        self._given = torch.from_numpy(votes.given).to(device)
        self._unused_mass = self._floats(
            unused_mass(
                votes.annotator_of_pair,
                votes.label_of_pair,
                (votes.n_annotators, votes.n_labels),
                assumptions,
            )
        )
        self._right_mass = self._floats(
            assumptions.right_smoothing * (votes.label_of_pair[:, None] == np.arange(votes.n_labels))
        )
        self._votes: SparseVotes | CardVotes
        if device == "cuda" and has_triton() and votes.n_labels <= MOST_LABELS:
            from analytics.em_triton import CardVotes

            self._votes = CardVotes(votes, device)
        else:
            self._votes = SparseVotes(votes, device)
        own = torch.nn.functional.one_hot(self._labels, votes.n_labels).double()
        self._posterior = self._votes.shares(own)

    def expect(self) -> float:
        """As `Steps.expect`."""
        posterior = self._posterior
        mass = posterior.sum(dim=0) + self._assumptions.prior_smoothing * self._given
        log_priors = torch.where(self._given, (mass / mass.sum()).clamp_min(FLOOR).log(), -torch.inf)
        counts = self._votes.counts(posterior)
        logs = self._logs_full(counts) if self._assumptions.confusion == "full" else self._logs_even(counts)
        return float(self._votes.expect(logs, log_priors, posterior))

    def posterior(self) -> FloatArray:
        """As `Steps.posterior`."""
        found: FloatArray = self._posterior.cpu().numpy()
        return found

    def expected(self) -> tuple[FloatArray, FloatArray]:
        """As `Steps.expected`."""
        mass: FloatArray = self._posterior.sum(dim=0).cpu().numpy()
        counts: FloatArray = self._votes.counts(self._posterior).cpu().numpy()
        return mass, counts

    def _logs_full(self, counts: torch.Tensor) -> torch.Tensor:
        """Log-likelihoods (P, K), every row of a confusion matrix free."""
        smoothed = (counts + self._assumptions.smoothing + self._right_mass).clamp_min(FLOOR)
        totals = self._unused_mass.index_add(0, self._annotators, smoothed)
        return smoothed.log() - totals.log()[self._annotators]

    def _logs_even(self, counts: torch.Tensor) -> torch.Tensor:
        """Log-likelihoods (P, K), errors even over the other given labels."""
        shape = (self._n_annotators, counts.shape[1])
        totals = counts.new_zeros(shape).index_add(0, self._annotators, counts)
        right = counts.new_zeros(shape)
        right[self._annotators, self._labels] = counts.gather(1, self._labels[:, None])[:, 0]
        if self._assumptions.confusion == "one-coin":
            right = right.sum(dim=1, keepdim=True).expand(shape)
            totals = totals.sum(dim=1, keepdim=True).expand(shape)
        n_others = max(int(self._given.sum()) - 1, 1)
        smoothing = self._assumptions.smoothing + self._assumptions.right_smoothing
        right_mass = (right + smoothing).clamp_min(FLOOR)
        wrong_mass = ((totals - right) / n_others + self._assumptions.smoothing).clamp_min(FLOOR)
        logs = wrong_mass.log()[self._annotators]
        own = right_mass.log()[self._annotators, self._labels]
        logs.scatter_(1, self._labels[:, None], own[:, None])
        return logs - (right_mass + n_others * wrong_mass).log()[self._annotators]

    def _floats(self, values: np.ndarray) -> torch.Tensor:
        return torch.tensor(values, dtype=torch.float64, device=self._device)

    def _codes(self, values: np.ndarray) -> torch.Tensor:
        return torch.tensor(values, dtype=torch.int64, device=self._device)


class SparseVotes:
    """The votes as sparse matrices, and the two products with them."""

    def __init__(self, votes: CodedVotes, device: str) -> None:
        shape = (votes.n_items, votes.n_pairs)
        cells = sparse.csr_array((np.ones(votes.n_votes), votes.pairs, votes.starts), shape=shape)
        cells.sum_duplicates()
        self._pairs_of_item = _on_device(cells, device)
        self._items_of_pair = _on_device(cells.T.tocsr(), device)

    def shares(self, own: torch.Tensor) -> torch.Tensor:
        """(I, K) each item's vote shares, of the pairs' labels (P, K), 1 for its own."""
        shares: torch.Tensor = torch.sparse.mm(self._pairs_of_item, own)
        return shares.div_(shares.sum(dim=1, keepdim=True))

    def counts(self, posterior: torch.Tensor) -> torch.Tensor:
        """(P, K) the posterior (I, K), added up over the votes of each pair."""
        return self._items_of_pair @ posterior

    def expect(self, logs: torch.Tensor, log_priors: torch.Tensor, posterior: torch.Tensor) -> torch.Tensor:
        """Write the posterior (I, K) that the pairs' log-likelihoods (P, K) give; () log-likelihood of all votes."""
        torch.addmm(log_priors.expand_as(posterior), self._pairs_of_item, logs, out=posterior)
        # The largest term of each row is taken out before the exponential, so that no row can vanish.
        largest = posterior.amax(dim=1, keepdim=True)
        posterior.sub_(largest).exp_()
        total = posterior.sum(dim=1, keepdim=True)
        posterior.div_(total)
        return (largest + total.log()).sum()


def _on_device(rows: sparse.csr_array, device: str) -> torch.Tensor:
    _accept_sparse_rows()
    # Invariants are checked: a wrong index would be read from foreign memory.
    matrix: torch.Tensor = torch.sparse_csr_tensor(
        torch.from_numpy(rows.indptr.astype(np.int32)),
        torch.from_numpy(rows.indices.astype(np.int32)),
        torch.from_numpy(rows.data),
        size=rows.shape,
        check_invariants=True,
    )
    return matrix.to(device)


@functools.cache
def _accept_sparse_rows() -> None:
    """Let torch say, once a process and unheard, that its sparse rows are in beta: tests check them."""
    with warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore",
            message="Sparse (CSR tensor support is in beta|invariant checks are)",
            category=UserWarning,
        )
        none = torch.zeros(2, dtype=torch.int32)
        torch.sparse_csr_tensor(none, none[:0], torch.zeros(0), size=(1, 1), check_invariants=True)
