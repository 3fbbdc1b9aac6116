"""The members of an ensemble, fitted block after block: what is done can be kept, and taken up again.

The plain fit of each fold comes first; members, whose items weigh otherwise, start from it, as many at a time as
MOST_CELLS allows. No draw depends on what was drawn before, so whoever stops between two blocks and goes on gets, on the
same machine, the same answer to the last bit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from analytics.errors import AnalyticsError
from analytics.features import Features, Floats32, digest
from analytics.folds import member_weights
from analytics.frames import FloatArray, IntArray

if TYPE_CHECKING:
    from analytics.stacked_fit import Fit, LinearFitter

Progress = Callable[[float, str], None]
"""Told the share that is done, in [0, 1], and in words what was done; may raise to stop."""

MOST_CELLS = 24_000_000
"""The most logits (4 bytes, held some six times) that a block of members has, if it is more than one member."""

MEMBER_TOLERANCE = 1e-4
"""A member is done when a step is not expected to lower its loss by more than this share of what the first step did: it
is far nearer to its optimum than the drawn weights have moved that."""


class OtherWork(AnalyticsError):
    """A checkpoint is of other features, labels or options."""

    def __init__(self) -> None:
        super().__init__(
            "the checkpoint is of other features, labels or options: resume with what it was made with, "
            "or start anew without it"
        )


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What is known so far; `np.savez` takes its arrays.

    Attributes:
        fingerprint: of the features, labels and options: SHA-256 in hex.
        n_members: members that are finished, in all folds.
        parameters: (R + 1, members x F, K) in the coordinates of the fit.
        losses: (members x F,).
        n_steps: (members x F,).
        converged: (members x F,).
    """

    fingerprint: str
    n_members: int
    parameters: Floats32
    losses: FloatArray
    n_steps: IntArray
    converged: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be fitted.

    Attributes:
        targets: (I, 1, K) soft labels, or (I, F, K) where each fold's model has its own.
        plain: (I, F) weights of the items for each fold, 0 in its own.
        group: (I,) ranks of the items' groups.
        n_members: M.
        penalties: (F,) of the squared weights.
        seed: of the members' weights.
    """

    targets: Floats32
    plain: Floats32
    group: IntArray
    n_members: int
    penalties: FloatArray
    seed: int

    def blocks(self, done: int) -> list[range]:
        """Members that are fitted together: the plain fit by itself, then as many as fit; `done` are done."""
        n_items, n_folds = self.plain.shape
        size = max(MOST_CELLS // (n_items * n_folds * self.targets.shape[2]), 1)
        edges = [0, *range(1, self.n_members, size), self.n_members]
        return [range(max(first, done), last) for first, last in pairwise(edges) if last > done]

    def weights(self, members: range) -> Floats32:
        """(I, members x F), fold fastest."""
        own = [member_weights(self.plain, self.group, seed=self.seed, member=member) for member in members]
        return np.concatenate(own, axis=1)

    def repeated(self, members: range) -> Floats32:
        """The targets of so many members."""
        return self.targets if self.targets.shape[1] == 1 else np.tile(self.targets, (1, len(members), 1))


def fit_members(
    fitter: LinearFitter,
    plan: Plan,
    mark: str,
    resume: Checkpoint | None,
    checkpoint: Callable[[Checkpoint], None] | None,
    progress: Progress | None,
) -> Checkpoint:
    """Fit what `resume` has not; `mark` is the `fingerprint` of the work.

    Raises:
        OtherWork: `resume` is of other work.
    """
    if resume is not None and (resume.fingerprint != mark or resume.n_members > plan.n_members):
        raise OtherWork
    found = resume
    n_folds = plan.plain.shape[1]
    for members in plan.blocks(resume.n_members if resume else 0):
        start, relative = None, 0.0
        if found is not None:
            start, relative = np.tile(found.parameters[:, :n_folds], (1, len(members), 1)), MEMBER_TOLERANCE
        penalty = np.tile(plan.penalties, len(members))
        fit = fitter.fit(
            plan.repeated(members), plan.weights(members), penalty, start=start, relative=relative
        )
        found = _joined(found, fit, mark, members.stop)
        if checkpoint is not None:
            checkpoint(found)
        if progress is not None:
            progress(members.stop / plan.n_members, f"{members.stop} of {plan.n_members} members are trained")
    assert found is not None
    return found


def fingerprint(features: Features, plan: Plan, *, sets: bool) -> str:
    """Of everything but the number of members: more of them can be added to what is there."""
    return digest(features, (plan.targets, plan.plain, plan.group, plan.penalties), (plan.seed, sets))


def _joined(known: Checkpoint | None, fit: Fit, mark: str, n_members: int) -> Checkpoint:
    if known is None:
        return Checkpoint(mark, n_members, fit.parameters, fit.losses, fit.n_steps, fit.converged)
    return Checkpoint(
        mark,
        n_members,
        np.concatenate([known.parameters, fit.parameters], axis=1),
        np.concatenate([known.losses, fit.losses]),
        np.concatenate([known.n_steps, fit.n_steps]),
        np.concatenate([known.converged, fit.converged]),
    )
