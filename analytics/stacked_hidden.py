"""A stack of small networks, one hidden layer each, trained at once by Adam on soft labels; dropout, on and off.

Network e of E has h = relu(x W_e + a_e), some of whose H units are dropped while it learns, and logits h V_e + b_e. All
first layers are one matrix product, X (B, D) times (D, E H). All networks see the same items in the same order; they
differ in the items' weights and in where they start.

Each epoch's order and dropped units are drawn from (seed, epoch) on the processor: they are the same on every device,
and whoever goes on after an epoch draws what not stopping would have drawn.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from analytics.features import Features, Floats32
from analytics.frames import FloatArray, IntArray

BATCH = 256
_DECAY = 0.9, 0.999
_TINY = 1e-8


@dataclass(frozen=True, slots=True)
class Shape:
    """What the networks look like and how they learn: the options of `train_hidden` of these names."""

    width: int
    dropout: float
    epochs: int
    learning_rate: float
    penalty: float
    sets: bool
    mixed: bool


class HiddenStack:
    """The networks of a stack, and Adam's means of their slopes."""

    def __init__(
        self, features: Features, shape: Shape, n_labels: int, seeds: Sequence[Sequence[int]], *, device: str
    ) -> None:
        self.features, self.shape, self.device = features, shape, device
        drawn = [_start(features.shape[1], shape.width, n_labels, seed) for seed in seeds]
        stacked = [np.stack(parts) for parts in zip(*drawn, strict=True)]
        self.layers = [self._moved(part) for part in stacked]
        self.slopes = [torch.zeros_like(part) for part in self.layers]
        self.squares = [torch.zeros_like(part) for part in self.layers]

    def arrays(self) -> tuple[Floats32, ...]:
        """Everything that another epoch rests on."""
        return tuple(part.cpu().numpy() for part in (*self.layers, *self.slopes, *self.squares))

    def with_biases(self, n_members: int) -> tuple[Floats32, ...]:
        """The two layers, (M, E / M, inputs + 1, units), the bias in the last row."""
        first, first_bias, second, second_bias = (part.cpu().numpy() for part in self.layers)
        pairs = ((first, first_bias), (second, second_bias))
        joined = (np.concatenate([weights, bias[:, None]], axis=1) for weights, bias in pairs)
        return tuple(one.reshape(n_members, -1, *one.shape[1:]) for one in joined)

    def put_back(self, arrays: Sequence[Floats32]) -> None:
        """What `arrays` gave."""
        moved = [self._moved(part) for part in arrays]
        self.layers, self.slopes, self.squares = moved[:4], moved[4:8], moved[8:]

    def learn(self, targets: Floats32, weights: Floats32, *, seed: int, epoch: int) -> FloatArray:
        """One epoch over all items; returns the mean loss (E,) on the way, in nats.

        Args:
            targets: (I, K).
            weights: (I, E), 0 for items that a network may not see.
            seed: of the order and the dropped units.
            epoch: 0, 1, ...
        """
        order = np.random.default_rng([seed, 4, epoch]).permutation(len(targets))
        mass = self._moved(weights.sum(axis=0))
        total = torch.zeros(weights.shape[1], dtype=torch.float64, device=self.device)
        n_batches = -(-len(order) // BATCH)
        for batch in range(n_batches):
            rows = order[batch * BATCH : (batch + 1) * BATCH]
            kept = self._kept(len(rows), [seed, 5, epoch, batch])
            done = (epoch * n_batches + batch) / (self.shape.epochs * n_batches)
            own = self._moved(targets[rows]), self._moved(weights[rows])
            sums, slopes = self._slopes(rows, own, mass, kept)
            self._adam(slopes, epoch * n_batches + batch + 1, done)
            total += sums
        found: FloatArray = (total / mass).cpu().numpy()
        return found

    def probabilities(self, rows: IntArray, models: slice, *, drop: Sequence[int] | None) -> FloatArray:
        """(rows, networks, K); with units dropped as drawn from the seed `drop`, or none where it is None."""
        layers = [part[models] for part in self.layers]
        found = []
        with torch.inference_mode():
            for place, part in enumerate(_parts(rows)):
                kept = None
                if drop is not None:
                    kept = self._kept(len(part), [*drop, place], n_models=len(layers[0]))
                logits = _forward(self._rows(part), layers, kept).double()
                found.append(logits.sigmoid() if self.shape.sets else logits.softmax(dim=-1))
            return np.concatenate([part.cpu().numpy() for part in found])

    def _slopes(
        self,
        rows: IntArray,
        own: tuple[torch.Tensor, torch.Tensor],
        mass: torch.Tensor,
        kept: torch.Tensor | None,
    ) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
        """The sums of the losses of a batch (E,) and the slopes of all layers."""
        targets, weights = own
        for part in self.layers:
            part.requires_grad_(True)
        with torch.autocast(self.device, dtype=torch.bfloat16, enabled=self.shape.mixed):
            logits = _forward(self._rows(rows), self.layers, kept)
        logits = logits.float()
        if self.shape.sets:
            losses = (torch.nn.functional.softplus(logits) - targets[:, None] * logits).sum(dim=-1)
        else:
            losses = -(logits.log_softmax(dim=-1) * targets[:, None]).sum(dim=-1)
        sums = (losses * weights).sum(dim=0)
        # Each network by itself: a mean over the items it learns from, so that its slope does not depend on the others.
        ridge = sum((part * part).flatten(1).sum(dim=1) for part in (self.layers[0], self.layers[2]))
        share = len(rows) / self.features.shape[0]
        aim = (sums / (share * mass) + self.shape.penalty / 2 * ridge / mass).sum()
        slopes = torch.autograd.grad(aim, self.layers)
        self.layers = [part.detach() for part in self.layers]
        return sums.detach().double(), slopes

    def _adam(self, slopes: Sequence[torch.Tensor], step: int, done: float) -> None:
        """Step 1, 2, ... of Adam (Kingma & Ba 2015), with the share of all steps that is done."""
        rate = self.shape.learning_rate * (1 + np.cos(np.pi * done)) / 2
        first, second = 1 - _DECAY[0] ** step, 1 - _DECAY[1] ** step
        for part, mean, square, slope in zip(self.layers, self.slopes, self.squares, slopes, strict=True):
            mean.lerp_(slope, 1 - _DECAY[0])
            square.lerp_(slope * slope, 1 - _DECAY[1])
            part.sub_(rate / first * mean / ((square / second).sqrt() + _TINY))

    def _kept(self, n_rows: int, seed: Sequence[int], n_models: int | None = None) -> torch.Tensor | None:
        """(E, rows, H): 0 for dropped units, else what makes up for those; None without dropout."""
        if self.shape.dropout == 0:
            return None
        state = np.random.SeedSequence(list(seed)).generate_state(1, np.uint64)[0]
        generator = torch.Generator().manual_seed(int(state >> np.uint64(1)))
        size = (len(self.layers[0]) if n_models is None else n_models, n_rows, self.shape.width)
        kept = torch.rand(size, generator=generator) >= self.shape.dropout
        return kept.to(self.device).float() / (1 - self.shape.dropout)

    def _rows(self, rows: IntArray) -> torch.Tensor:
        part = self.features[rows]
        return self._moved(part if isinstance(part, np.ndarray) else part.toarray())

    def _moved(self, array: NDArray[np.floating]) -> torch.Tensor:
        # A copy: what is kept in a checkpoint must not move with the next epoch.
        return torch.tensor(np.asarray(array, dtype=np.float32), device=self.device)


def _forward(rows: torch.Tensor, layers: Sequence[torch.Tensor], kept: torch.Tensor | None) -> torch.Tensor:
    """Logits (B, E, K) of rows (B, D)."""
    first, first_bias, second, second_bias = layers
    n_models, width, n_units = first.shape
    flat = first.transpose(0, 1).reshape(width, n_models * n_units)
    units = (rows @ flat).view(-1, n_models, n_units).transpose(0, 1) + first_bias[:, None]
    units = units.relu()
    if kept is not None:
        units = units * kept
    return torch.baddbmm(second_bias[:, None], units, second.to(units.dtype)).transpose(0, 1)


def _start(width: int, n_units: int, n_labels: int, seed: Sequence[int]) -> tuple[Floats32, ...]:
    """He's draw of the first layer (He, Zhang, Ren & Sun 2015), a small second one, biases of 0."""
    rng = np.random.default_rng(list(seed))
    first = rng.standard_normal((width, n_units)) * np.sqrt(2 / width)
    second = rng.standard_normal((n_units, n_labels)) * np.sqrt(1 / n_units)
    zeros = np.zeros(n_units), np.zeros(n_labels)
    return tuple(part.astype(np.float32) for part in (first, zeros[0], second, zeros[1]))


def _parts(rows: IntArray) -> Iterator[IntArray]:
    for first in range(0, len(rows), 4 * BATCH):
        yield rows[first : first + 4 * BATCH]
