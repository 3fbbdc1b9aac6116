"""What the two backends of Dawid and Skene's EM have in common: the model's assumptions and the steps they do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from analytics.frames import FloatArray

Codes = NDArray[np.signedinteger[Any]]

Confusion = Literal["full", "class", "one-coin"]

FLOOR = 1e-10
"""The least expected count and prior that a likelihood is made of (a label given by nobody stays at 0)."""


@dataclass(frozen=True, slots=True)
class Assumptions:
    """What is assumed about annotators and labels beforehand: the options of `dawid_skene` of these names."""

    confusion: Confusion
    smoothing: float
    right_smoothing: float
    prior_smoothing: float


def unused_mass(
    annotator_of_pair: Codes, label_of_pair: Codes, shape: tuple[int, ...], assumptions: Assumptions
) -> FloatArray:
    """What the smoothing adds to each row of a confusion matrix for labels that its annotator never gave.

    Args:
        annotator_of_pair: (P,) of every (annotator, label) that occurs.
        label_of_pair: (P,) likewise.
        shape: (A, K).
        assumptions: the smoothing.
    """
    n_unused = shape[1] - np.bincount(annotator_of_pair, minlength=shape[0])
    mass: FloatArray = np.full(shape, assumptions.right_smoothing, dtype=np.float64)
    mass[annotator_of_pair, label_of_pair] = 0.0
    mass += n_unused[:, None] * assumptions.smoothing
    return mass


class Steps(Protocol):
    """EM on one device; it begins at the vote shares."""

    def expect(self) -> float:
        """An M-step from the posterior, then the E-step; returns the log-likelihood of all votes."""
        ...

    def posterior(self) -> FloatArray:
        """The posterior (I, K) of the last E-step."""
        ...

    def expected(self) -> tuple[FloatArray, FloatArray]:
        """Of that posterior: the mass of each label (K,), and the expected counts of each pair (P, K)."""
        ...
