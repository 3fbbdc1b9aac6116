"""Dawid and Skene's model: consensus labels and each annotator's confusion matrix, estimated together.

A. P. Dawid and A. M. Skene (1979), Maximum likelihood estimation of observer error-rates using the EM
algorithm, Applied Statistics 28(1), 20-28. Item i has one label z_i drawn with probabilities p (K,);
annotator a, shown an item of label c, gives label l with probability pi[a, c, l], independently of everybody
else. Then

    E:  q[i, c]  proportional to  p[c] * product over the annotations (a, l) of item i of pi[a, c, l]
    M:  p[c] = mean over items of q[i, c];  pi[a, c, l] proportional to the sum of q[i, c] over a's labels l

starting from the vote shares of each item. Several annotations by one annotator of one item are counts, as in
the paper.

**Probabilities of zero.** Everything is in logarithms. A label that nobody gave has probability 0, exactly
and for good. For the labels that were given, an expected count or a prior under 1e-10 is taken as 1e-10
before its logarithm: else one annotation could rule a label out for ever, and an annotator who met no item of
label c would have a row of 0/0. Such a row comes out even over the labels that the annotator used;
`n_expected` says how little it rests on.
"""

from __future__ import annotations

import functools
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from scipy import sparse

from analytics.consensus import count_labels, int_codes, items_frame, rank_codes, top_is_tied
from analytics.device import Device, choose_device
from analytics.errors import BadOption
from analytics.frames import VOTES, FloatArray, IntArray, require_labels

if TYPE_CHECKING:
    import torch

FLOOR = 1e-10
"""The least expected count and prior that a logarithm is taken of (a label given by nobody stays at 0)."""

TIE_WITHIN = 1e-9
"""Two posteriors closer than this are a tie: the difference is one of rounding."""


@dataclass(frozen=True, slots=True)
class DawidSkene:
    """What the model found, after the last M-step.

    Attributes:
        items: as `Consensus.items`: item_code, label_code, p_label, n_annotations, tied, posterior.
        priors: (K,) share of each label among the items; all 0 where there were no votes.
        confusion: (A, K, K), rows the item's label, columns the label that the annotator gave; rows sum to 1.
        n_expected: (A, K) how many of an annotator's annotations are expected to be on items of each label:
            what a row of `confusion` rests on. Near 0 the row says nothing about the annotator.
        annotator_codes: (A,) ascending, the first axis of `confusion`.
        log_likelihood: (n_iterations,) natural logarithm of the likelihood of all annotations, at each
            E-step.
        n_iterations: E-steps done.
        converged: whether the tolerance was met before the iterations ran out.
        device: "cpu" or "cuda".
        undefined: why there is nothing to report (no annotations), else None.
    """

    items: pl.DataFrame
    priors: FloatArray
    confusion: FloatArray
    n_expected: FloatArray
    annotator_codes: IntArray
    log_likelihood: FloatArray
    n_iterations: int
    converged: bool
    device: str
    undefined: str | None


def dawid_skene(
    votes: pl.DataFrame,
    *,
    n_labels: int,
    device: Device = "cpu",
    max_iterations: int = 100,
    tolerance: float = 1e-7,
    smoothing: float = 0.0,
) -> DawidSkene:
    """Fit the model by EM in float64, starting from vote shares.

    Intervals that rest on it are conditional on its assumption that annotators err independently of each
    other. The order of the rows changes nothing. On the CPU a rerun is identical to the last bit.

    Args:
        votes: a frame that keeps VOTES; repeats count (see `keep_repeats` for other rules).
        n_labels: K, the number of labels of the label set.
        device: "cpu", "cuda", or "auto" (a card where there is one).
        max_iterations: the most EM iterations, 1 or more.
        tolerance: stop when the log-likelihood per annotation moves by less than this; 0 runs all iterations.
        smoothing: added to every cell of every annotator's K x K expected counts (0: maximum likelihood; more
            draws the rows of annotators with few annotations towards even ones).

    Raises:
        MissingColumn, BadColumn, BadOption: a frame or an option that breaks its contract.
        DeviceMissing: "cuda" where there is none.
    """
    require_labels(votes, VOTES, n_labels)
    _check_options(max_iterations, tolerance, smoothing)
    chosen = choose_device(device)
    if votes.is_empty():
        return _nothing(n_labels, chosen)
    crowd = _tabulate(votes, n_labels)
    return _fit(crowd, chosen, max_iterations, tolerance, smoothing)


@dataclass(frozen=True, slots=True)
class _Crowd:
    """The votes as counts of (item, pair); a pair is an (annotator, label) that occurs: P of them, sorted."""

    item_codes: IntArray  # (I,)
    annotator_codes: IntArray  # (A,)
    annotator_of_pair: IntArray  # (P,)
    label_of_pair: IntArray  # (P,)
    label_counts: IntArray  # (I, K)
    pairs_of_item: sparse.csr_array  # (I, P)

    @property
    def n_labels(self) -> int:
        return int(self.label_counts.shape[1])


def _check_options(max_iterations: int, tolerance: float, smoothing: float) -> None:
    if isinstance(max_iterations, bool) or not isinstance(max_iterations, int) or max_iterations < 1:
        raise BadOption("max_iterations", max_iterations, "a whole number of 1 or more")
    if not 0 <= tolerance < np.inf:
        raise BadOption("tolerance", tolerance, "0 or more")
    if not 0 <= smoothing < np.inf:
        raise BadOption("smoothing", smoothing, "0 or more")


def _nothing(n_labels: int, device: str) -> DawidSkene:
    none = np.empty(0, dtype=np.int64)
    return DawidSkene(
        items=items_frame(none, np.empty((0, n_labels)), none, tied=np.empty(0, dtype=np.bool_)),
        priors=np.zeros(n_labels),
        confusion=np.empty((0, n_labels, n_labels)),
        n_expected=np.empty((0, n_labels)),
        annotator_codes=none,
        log_likelihood=np.empty(0),
        n_iterations=0,
        converged=False,
        device=device,
        undefined="there are no annotations",
    )


def _tabulate(votes: pl.DataFrame, n_labels: int) -> _Crowd:
    item_codes, items = rank_codes(int_codes(votes, "item_code"))
    annotator_codes, annotators = rank_codes(int_codes(votes, "annotator_code"))
    labels = int_codes(votes, "label_code")
    pair_codes, pairs = rank_codes(annotators * n_labels + labels)
    # Counting into rows is linear, sums repeats, and leaves each row in one order whatever that of the votes.
    shape = (len(item_codes), len(pair_codes))
    cells = sparse.coo_array(
        (np.ones(len(items)), (items.astype(np.int32), pairs.astype(np.int32))), shape=shape
    )
    return _Crowd(
        item_codes=item_codes,
        annotator_codes=annotator_codes,
        annotator_of_pair=pair_codes // n_labels,
        label_of_pair=pair_codes % n_labels,
        label_counts=count_labels(items, labels, n_items=len(item_codes), n_labels=n_labels),
        pairs_of_item=cells.tocsr(),
    )


def _fit(crowd: _Crowd, device: str, max_iterations: int, tolerance: float, smoothing: float) -> DawidSkene:
    em = _Steps(crowd, device, smoothing)
    n_votes = crowd.label_counts.sum(axis=1)
    posterior = em.tensor(crowd.label_counts / n_votes[:, None])
    log_likelihood: list[float] = []
    converged = False
    while len(log_likelihood) < max_iterations and not converged:
        log_likelihood.append(em.expect(posterior))
        if tolerance > 0 and len(log_likelihood) > 1:
            converged = abs(log_likelihood[-1] - log_likelihood[-2]) < tolerance * float(n_votes.sum())
    priors, counts = em.maximise(posterior)
    shares: FloatArray = posterior.cpu().numpy()
    confusion, n_expected = _confusion(crowd, counts.cpu().numpy(), smoothing)
    return DawidSkene(
        items=items_frame(crowd.item_codes, shares, n_votes, tied=top_is_tied(shares, within=TIE_WITHIN)),
        priors=priors.cpu().numpy(),
        confusion=confusion,
        n_expected=n_expected,
        annotator_codes=crowd.annotator_codes,
        log_likelihood=np.array(log_likelihood),
        n_iterations=len(log_likelihood),
        converged=converged,
        device=device,
        undefined=None,
    )


class _Steps:
    """The two steps of EM over tensors on one device.

    Both are a sparse matrix times a narrow dense one, (I, P) x (P, K) and (P, I) x (I, K): no row of votes is
    ever spread out to K columns, so the memory is that of the votes and of one (I, K) posterior.
    """

    def __init__(self, crowd: _Crowd, device: str, smoothing: float) -> None:
        import torch

        self._device = device
        self._smoothing = smoothing
        self._pairs_of_item = self._sparse(crowd.pairs_of_item)
        self._items_of_pair = self._sparse(crowd.pairs_of_item.T.tocsr())
        self._annotators = torch.from_numpy(crowd.annotator_of_pair).to(device)
        self._n_annotators = len(crowd.annotator_codes)
        self._given = self.tensor(crowd.label_counts.sum(axis=0)) > 0
        n_unused = crowd.n_labels - np.bincount(crowd.annotator_of_pair, minlength=self._n_annotators)
        self._unused_mass = self.tensor(n_unused)[:, None] * smoothing

    def tensor(self, values: IntArray | FloatArray) -> torch.Tensor:
        """A float64 tensor on this device. It never shares memory with `values`."""
        import torch

        return torch.tensor(values, dtype=torch.float64, device=self._device)

    def expect(self, posterior: torch.Tensor) -> float:
        """An M-step from the posterior (I, K), then the E-step: overwrites it; returns the log-likelihood."""
        import torch

        priors, counts = self.maximise(posterior)
        counts = (counts + self._smoothing).clamp_min(FLOOR)
        totals = self._unused_mass.expand(-1, counts.shape[1]).index_add(0, self._annotators, counts)
        log_confusion = counts.log() - totals.log()[self._annotators]
        log_priors = torch.where(self._given, priors.clamp_min(FLOOR).log(), -torch.inf)

        torch.addmm(log_priors.expand_as(posterior), self._pairs_of_item, log_confusion, out=posterior)
        # The largest term of each row is taken out before the exponential, so that no row can vanish.
        largest = posterior.amax(dim=1, keepdim=True)
        posterior.sub_(largest).exp_()
        total = posterior.sum(dim=1, keepdim=True)
        posterior.div_(total)
        return float((largest + total.log()).sum())

    def maximise(self, posterior: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The M-step before normalisation: priors (K,) and expected counts of each pair (P, K)."""
        return posterior.mean(dim=0), self._items_of_pair @ posterior

    def _sparse(self, rows: sparse.csr_array) -> torch.Tensor:
        import torch

        _accept_sparse_rows()
        # Invariants are checked: a wrong index would be read from foreign memory.
        matrix: torch.Tensor = torch.sparse_csr_tensor(
            torch.from_numpy(rows.indptr),
            torch.from_numpy(rows.indices),
            torch.from_numpy(rows.data),
            size=rows.shape,
            check_invariants=True,
        )
        return matrix.to(self._device)


@functools.cache
def _accept_sparse_rows() -> None:
    """Let torch say, once a process and unheard, that its sparse rows are in beta: tests check them."""
    import torch

    with warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", message="Sparse CSR tensor support is in beta", category=UserWarning
        )
        none = torch.zeros(2, dtype=torch.int32)
        torch.sparse_csr_tensor(none, none[:0], torch.zeros(0), size=(1, 1), check_invariants=True)


def _confusion(crowd: _Crowd, counts: FloatArray, smoothing: float) -> tuple[FloatArray, FloatArray]:
    """Confusion matrices (A, K, K), rows sum to 1, and the expected annotations (A, K) behind each row."""
    shape = (len(crowd.annotator_codes), crowd.n_labels, crowd.n_labels)
    expected = np.zeros(shape)
    expected[crowd.annotator_of_pair, :, crowd.label_of_pair] = counts
    floored = np.full(shape, smoothing)
    floored[crowd.annotator_of_pair, :, crowd.label_of_pair] = np.maximum(counts + smoothing, FLOOR)
    return floored / floored.sum(axis=2, keepdims=True), expected.sum(axis=2)
