"""A stack of linear models fitted at once: softmax over the labels, or one sigmoid a label for sets, on soft labels.

Model e of E minimises, over its weights W_e and its bias,

    sum_i w_ie loss(y_i, x_i' W_e + bias) + penalty_e / 2 |W_e|^2

with the cross-entropy of the soft label y_i (K,), or the sum of K binary ones for sets. The problem is convex: it has
one answer, whatever it starts from, and is scikit-learn's with C = 1 / penalty. All models take a step of L-BFGS
together (Liu & Nocedal 1989): one product gives all directions' logits, one all slopes; how far each goes is then
found on the logits alone. A model that is done leaves the stack.

L-BFGS starts from the curvature of the model at the point where it begins, as a product of that of the features and
that of the labels (exact at the null model in principal coordinates: `stacked_products`).

Products are float32; losses and the dot products of the method are summed in float64.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from analytics.frames import FloatArray, IntArray
from analytics.stacked_kernels import model_dots, step_losses
from analytics.stacked_products import Products

TOLERANCE = 1e-8
"""A model is done when a step is not expected to take off more than this, in nats per unit of weight. On the hardest case tried
(nearly separable pictures) the loss was then within 2e-7 nats of the least there is."""

MOST_STEPS = 200

_HISTORY = 20
_TRIES = 12
_SUFFICIENT = 1e-4
_ROUNDING = 1e3  # a model that cannot go on so near to the tolerance is held up by rounding alone
_LEAST_PRIOR = 1e-4


@dataclass(frozen=True, slots=True)
class Stack:
    """E fitted models.

    Attributes:
        parameters: (D + 1, E, K) in the columns of the products, the bias in the last row.
        losses: (E,) mean loss in nats over the weights, without the penalty.
        n_steps: (E,) steps taken.
        converged: (E,) whether the tolerance was met, or no smaller value can be told apart in float32.
        first: (E,) what the first step was expected to take off, in nats.
    """

    parameters: torch.Tensor
    losses: FloatArray
    n_steps: IntArray
    converged: NDArray[np.bool_]
    first: torch.Tensor


def fit_stack(
    products: Products,
    targets: torch.Tensor,
    weights: torch.Tensor,
    *,
    penalty: torch.Tensor,
    sets: bool,
    start: torch.Tensor | None = None,
    tolerance: float = TOLERANCE,
    relative: float = 0.0,
    first: torch.Tensor | None = None,
    most_steps: int = MOST_STEPS,
) -> Stack:
    """Fit all models of the stack.

    Args:
        products: of I items.
        targets: (I, 1, K) soft labels, or (I, E, K) where each model has its own; rows sum to 1 unless `sets`.
        weights: (I, E) 0 or more; each model has some weight.
        penalty: (E,) above 0.
        sets: one sigmoid a label.
        start: (D + 1, E, K); None: the labels' shares, whatever the features.
        tolerance: as TOLERANCE.
        relative: done too where a step is expected to take off less than this share of what the first was.
        first: (E,) what that first step was, of an earlier stack that began further off; None: this one's own.
        most_steps: the most steps of a model.
    """
    problem = _Problem(targets, weights, penalty.double(), sets)
    at = _null_model(problem, len(products.squares)) if start is None else start.clone()
    run = _Run(products, problem, at)
    n_models = weights.shape[1]
    found = torch.empty_like(at)
    losses, steps, done = np.zeros(n_models), np.zeros(n_models, dtype=np.int64), np.zeros(n_models, np.bool_)
    places = np.arange(n_models)
    enough = tolerance * run.problem.mass
    expected = enough
    for step in range(most_steps + 1):
        direction, slope = run.direction()
        hopeless = np.zeros(len(places), np.bool_)
        if step == 0:
            expected = -slope / 2 if first is None else first
            enough = torch.maximum(enough, expected * relative)
        finished = (-slope / 2 <= enough).cpu().numpy()
        if step < most_steps and not finished.all():
            stuck = run.move(direction, slope).cpu().numpy()
            hopeless = stuck & (-slope / 2 > enough * _ROUNDING).cpu().numpy()
            finished |= stuck
        leaving = finished if step < most_steps else np.ones(len(places), np.bool_)
        if leaving.any():
            out = places[leaving]
            found[:, out] = run.at[:, leaving]
            losses[out] = run.mean_losses()[leaving]
            steps[out], done[out] = step, (finished & ~hopeless)[leaving]
            places, enough = places[~leaving], enough[torch.from_numpy(~leaving).to(enough.device)]
            if not len(places):
                break
            run.keep(~leaving)
    return Stack(found, losses, steps, done, expected)


def probabilities(products: Products, parameters: torch.Tensor, *, sets: bool) -> torch.Tensor:
    """(I, E, K) of all items under all models."""
    logits = products.forward(parameters)
    return logits.sigmoid() if sets else logits.softmax(dim=-1)


@dataclass(slots=True)
class _Problem:
    """What is minimised, for the models that are still in the stack."""

    targets: torch.Tensor
    weights: torch.Tensor
    penalty: torch.Tensor
    sets: bool
    mass: torch.Tensor = field(init=False)

    def __post_init__(self) -> None:
        self.mass = self.weights.sum(dim=0, dtype=torch.float64)

    def part(self, kept: torch.Tensor) -> _Problem:
        targets = self.targets if self.targets.shape[1] == 1 else self.targets[:, kept]
        return _Problem(targets, self.weights[:, kept], self.penalty[kept], self.sets)

    def step(
        self, logits: torch.Tensor, along: torch.Tensor, lengths: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """The models' sums of losses (E,) so far along, the logits there, and the residuals w (p - y) (I, E, K)."""
        if logits.device.type == "cpu":
            parts = (part.numpy() for part in (logits, along, lengths, self.targets, self.weights))
            loss, there, residuals = step_losses(*parts, sets=self.sets)
            return torch.from_numpy(loss), torch.from_numpy(there), torch.from_numpy(residuals)
        return self.step_in_torch(logits, along, lengths)

    def step_in_torch(
        self, logits: torch.Tensor, along: torch.Tensor, lengths: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """As `step`, on any device."""
        there = torch.addcmul(logits, along, lengths.float()[:, None])
        if self.sets:
            loss = (torch.nn.functional.softplus(there) - self.targets * there).sum(dim=-1)
            residuals = there.sigmoid()
        else:
            log_p = there.log_softmax(dim=-1)
            loss = -(log_p * self.targets).sum(dim=-1)
            residuals = log_p.exp_()
        residuals.sub_(self.targets).mul_(self.weights[:, :, None])
        return loss.mul_(self.weights).sum(dim=0, dtype=torch.float64), there, residuals

    def ridge(self, at: torch.Tensor) -> torch.Tensor:
        return _dot(at[:-1], at[:-1]) * self.penalty / 2


class _Run:
    """L-BFGS of a whole stack: where it is, what it remembers."""

    def __init__(self, products: Products, problem: _Problem, at: torch.Tensor) -> None:
        self.products, self.problem, self.at = products, problem, at
        logits = products.forward(at)
        nowhere = torch.zeros(at.shape[1], dtype=torch.float64, device=at.device)
        self.loss, self.logits, residuals = problem.step(logits, logits, nowhere)
        self.gradient = self._gradient(residuals)
        self.start = _curvature(products, problem, self.logits)
        self.moved: list[torch.Tensor] = []
        self.bent: list[torch.Tensor] = []
        self.inverse: list[torch.Tensor] = []

    def mean_losses(self) -> FloatArray:
        found: FloatArray = (self.loss / self.problem.mass).cpu().numpy()
        return found

    def direction(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Where each model goes (D + 1, E, K), and its slope that way (E,), 0 or less."""
        ahead = self.gradient.clone()
        taken = []
        for moved, bent, inverse in zip(self.moved[::-1], self.bent[::-1], self.inverse[::-1], strict=True):
            share = inverse * _dot(moved, ahead)
            ahead.addcmul_(bent, share.float()[:, None], value=-1)
            taken.append(share)
        ahead = self.start.apply(ahead)
        for moved, bent, inverse, share in zip(self.moved, self.bent, self.inverse, taken[::-1], strict=True):
            ahead.addcmul_(moved, (share - inverse * _dot(bent, ahead)).float()[:, None])
        return ahead.neg_(), _dot(self.gradient, ahead).clamp_max(0)

    def move(self, direction: torch.Tensor, slope: torch.Tensor) -> torch.Tensor:
        """Go as far that way as the loss falls enough; returns the models (E,) that could not."""
        along = self.products.forward(direction)
        ridge = self.problem.ridge(self.at)
        before = self.loss + ridge
        cross = _dot(self.at[:-1], direction[:-1]) * self.problem.penalty
        square = self.problem.ridge(direction)
        length = torch.ones_like(slope)
        # Rounding of a sum of float32 losses: a rise by less is none.
        within = before.abs() * 1e-9
        loss, logits, residuals = self.problem.step(self.logits, along, length)
        for tried in range(1, _TRIES + 1):
            after = loss + ridge + length * cross + length**2 * square
            short = after > before + _SUFFICIENT * length * slope + within
            if not short.any():
                break
            bend = 2 * (after - before - length * slope)
            better = (-slope * length**2 / bend.clamp_min(1e-300)).clamp(0.1 * length, 0.5 * length)
            # Who has tried often enough stays where they are.
            length = torch.where(short, better if tried < _TRIES else 0.0, length)
            loss, logits, residuals = self.problem.step(self.logits, along, length)
        self.logits, self.loss = logits, loss
        step = direction * length.float()[:, None]
        self.at = self.at + step
        gradient = self._gradient(residuals)
        self._remember(step, gradient - self.gradient)
        self.gradient = gradient
        return length == 0

    def keep(self, kept: NDArray[np.bool_]) -> None:
        """Only these models go on."""
        at = torch.from_numpy(np.flatnonzero(kept)).to(self.at.device)
        self.problem = self.problem.part(at)
        self.loss = self.loss[at]
        self.at, self.logits, self.gradient = (part[:, at] for part in (self.at, self.logits, self.gradient))
        self.start = self.start.part(at)
        self.moved = [part[:, at] for part in self.moved]
        self.bent = [part[:, at] for part in self.bent]
        self.inverse = [part[at] for part in self.inverse]

    def _gradient(self, residuals: torch.Tensor) -> torch.Tensor:
        found = self.products.backward(residuals)
        found[:-1] += self.at[:-1] * self.problem.penalty.float()[:, None]
        return found

    def _remember(self, step: torch.Tensor, bent: torch.Tensor) -> None:
        """A pair whose curvature is not clearly positive is remembered as nothing."""
        curved = _dot(step, bent)
        sound = curved > 1e-10 * _dot(bent, bent).sqrt() * _dot(step, step).sqrt()
        self.moved.append(step)
        self.bent.append(bent)
        self.inverse.append(torch.where(sound, 1 / torch.where(sound, curved, 1.0), 0.0))
        if len(self.moved) > _HISTORY:
            for past in (self.moved, self.bent, self.inverse):
                past.pop(0)


def _null_model(problem: _Problem, n_rows: int) -> torch.Tensor:
    """(D + 1, E, K): no weights, and the bias that gives every item the labels' shares."""
    weighted = problem.weights[:, :, None] * problem.targets
    shares = weighted.sum(dim=0, dtype=torch.float64) / problem.mass[:, None]
    shares = shares.clamp(_LEAST_PRIOR, 1 - _LEAST_PRIOR)
    at = torch.zeros((n_rows, *shares.shape), dtype=torch.float32, device=shares.device)
    at[-1] = shares.logit() if problem.sets else shares.log()
    return at


@dataclass(frozen=True, slots=True)
class _Curvature:
    """The inverse of the curvature at the start: in the labels' basis, one number a column, another a direction."""

    scale: torch.Tensor
    along: torch.Tensor | None
    basis: torch.Tensor | None
    directions: torch.Tensor | None

    def apply(self, slopes: torch.Tensor) -> torch.Tensor:
        """Newton's way (D + 1, E, K) of slopes."""
        turned = slopes if self.basis is None else torch.einsum("dek,ekl->del", slopes, self.basis)
        found = turned * self.scale
        if self.directions is not None and self.along is not None:
            seen = (self.directions.T @ turned[:-1].flatten(1)).view_as(self.along) * self.along
            found[:-1] += (self.directions @ seen.flatten(1)).view_as(found[:-1])
        back = found if self.basis is None else torch.einsum("del,ekl->dek", found, self.basis)
        return back.contiguous()

    def part(self, kept: torch.Tensor) -> _Curvature:
        """Of these models."""
        along = None if self.along is None else self.along[:, kept]
        basis = None if self.basis is None else self.basis[kept]
        return _Curvature(self.scale[:, kept], along, basis, self.directions)


def _curvature(products: Products, problem: _Problem, logits: torch.Tensor) -> _Curvature:
    """Of the features times that of the labels, whose mean over the items is taken."""
    share = problem.mass / len(logits)
    basis = None
    if problem.sets:
        p = logits.sigmoid()
        of_labels = (p * (1 - p) * problem.weights[:, :, None]).sum(dim=0, dtype=torch.float64)
        of_labels /= problem.mass[:, None]
    else:
        p = logits.softmax(dim=-1)
        weighted = p * problem.weights[:, :, None]
        together = torch.einsum("nek,nel->ekl", weighted, p).double()
        square = torch.diag_embed(weighted.sum(dim=0, dtype=torch.float64)) - together
        of_labels, vectors = torch.linalg.eigh(square / problem.mass[:, None, None])
        basis = vectors.float()
    bend = share[:, None] * of_labels.clamp_min(0)
    penalty = problem.penalty[:, None]
    scale = 1 / (products.squares[:, None, None] * bend + penalty)
    if products.directions is None:
        return _Curvature(scale.float(), None, basis, None)
    along = 1 / (products.directions.squares[:, None, None] * bend + penalty) - scale[0]
    return _Curvature(scale.float(), along.float(), basis, products.directions.basis)


def _dot(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """The dot product (E,) of each model's parts of two stacks (D + 1, E, K), in float64."""
    if one.device.type == "cpu":
        return torch.from_numpy(model_dots(one.contiguous().numpy(), other.contiguous().numpy()))
    return (one * other).sum(dim=(0, 2), dtype=torch.float64)
