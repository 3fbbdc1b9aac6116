"""Stacks of linear models from arrays to arrays: what training asks for, on the processor or on a card."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from analytics.features import Features, Floats32
from analytics.frames import FloatArray, IntArray
from analytics.stacked_linear import MOST_STEPS, fit_stack
from analytics.stacked_products import Products, make_products


@dataclass(frozen=True, slots=True)
class Fit:
    """E models as arrays.

    Attributes:
        parameters: (R + 1, E, K) in the coordinates of the fitter that made it, the bias in the last row.
        losses: (E,) mean training loss in nats, without the penalty.
        n_steps: (E,).
        converged: (E,).
        first: (E,) what the first step was expected to take off, in nats.
    """

    parameters: Floats32
    losses: FloatArray
    n_steps: IntArray
    converged: NDArray[np.bool_]
    first: FloatArray


class LinearFitter:
    """Fits stacks over the same items: their features are prepared once."""

    def __init__(self, features: Features, device: Literal["cpu", "cuda"], *, sets: bool) -> None:
        self.device = device
        self.sets = sets
        self._products: Products = make_products(features, device)

    def fit(
        self,
        targets: Floats32,
        weights: Floats32,
        penalty: FloatArray,
        *,
        start: Floats32 | None = None,
        relative: float = 0.0,
        first: FloatArray | None = None,
        most_steps: int = MOST_STEPS,
    ) -> Fit:
        """As `fit_stack`: targets (I, 1 or E, K), weights (I, E), penalty (E,), start (R + 1, E, K) and first (E,), or None."""
        found = fit_stack(
            self._products,
            self._moved(targets),
            self._moved(weights),
            penalty=self._moved(penalty),
            sets=self.sets,
            start=None if start is None else self._moved(start),
            relative=relative,
            first=None if first is None else self._moved(first),
            most_steps=most_steps,
        )
        return Fit(
            found.parameters.cpu().numpy(),
            found.losses,
            found.n_steps,
            found.converged,
            found.first.cpu().numpy(),
        )

    def probabilities(self, parameters: Floats32, rows: IntArray) -> FloatArray:
        """(rows, E, K) of these items under each model; rows sum to 1 unless there are sets."""
        logits = self._products.some(rows).forward(self._moved(parameters)).double()
        p = logits.sigmoid() if self.sets else logits.softmax(dim=-1)
        found: FloatArray = p.cpu().numpy()
        return found

    def weights(self, parameters: Floats32) -> Floats32:
        """(E, D + 1, K) of the features as they were given, the bias in the last row."""
        return self._products.weights(self._moved(parameters))

    def _moved(self, array: NDArray[np.floating]) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(self.device)
