"""Integrated gradients of any torch module, through captum: what each feature adds to a score along a straight path.

The gradient of the score is averaged over the points between a baseline and x, and multiplied by x minus the baseline (M.
Sundararajan, A. Taly and Q. Yan 2017, Axiomatic attribution for deep networks, ICML). The parts sum to the difference of the
scores but for the error of the quadrature, which is reported as the gap. Points and weights are those of Gauss and Legendre:
the same call gives the same answer.
"""

from __future__ import annotations

import numpy as np
import torch

from analytics.attribution import Attribution
from analytics.errors import BadOption
from analytics.frames import FloatArray

N_STEPS = 64
MOST_STEPS = 1024


def integrated_gradients(
    module: torch.nn.Module,
    x: FloatArray,
    *,
    label_code: int,
    against_code: int | None = None,
    baseline: FloatArray | None = None,
    n_steps: int = N_STEPS,
) -> Attribution:
    """The parts of a module's logit for one item, or of the difference of two logits.

    The module is put in evaluation mode for the call (dropout off) and in its old mode after it; it is not changed.

    Args:
        module: takes (N, *shape) and gives logits (N, K), not probabilities.
        x: (D,) or of the shape that the module takes for one item; computed in the module's own precision.
        label_code: the label whose logit is explained.
        against_code: the label it is compared with; None for the logit alone.
        baseline: of the shape of x; None for zeros.
        n_steps: points of the path, 2 to MOST_STEPS.

    Returns:
        values in the shape of x made flat, and the scores.

    Raises:
        BadOption: a shape, code or number of steps that is not allowed, or scores that are not finite.
    """
    if not 2 <= n_steps <= MOST_STEPS:
        raise BadOption("n_steps", n_steps, f"2 to {MOST_STEPS}")
    if baseline is not None and baseline.shape != x.shape:
        raise BadOption("baseline", f"array of shape {baseline.shape}", f"of shape {x.shape}")
    if against_code == label_code:
        raise BadOption("against_code", against_code, "another label than label_code")
    like = next(module.parameters(), torch.zeros(1, dtype=torch.float64))
    item = torch.as_tensor(np.array(x), dtype=like.dtype, device=like.device)[None]
    start = torch.zeros_like(item)
    if baseline is not None:
        start = torch.as_tensor(np.array(baseline), dtype=like.dtype, device=like.device)[None]
    was_training = module.training
    module.eval()
    try:
        _check_codes(module, item, label_code, against_code)

        def score(batch: torch.Tensor) -> torch.Tensor:
            logits = module(batch)
            found: torch.Tensor = logits[:, label_code]
            return found if against_code is None else found - logits[:, against_code]

        values = _integrated(score, item, start, n_steps)
        with torch.no_grad():
            scores = score(torch.cat([item, start])).double().cpu().numpy()
    finally:
        module.train(was_training)
    if not (np.isfinite(values).all() and np.isfinite(scores).all()):
        raise BadOption("module", "a score or gradient", "finite")
    return Attribution(values, float(scores[0]), float(scores[1]))


def layered(layers: tuple[FloatArray, ...]) -> torch.nn.Sequential:
    """Layers (U, N + 1), the bias last, as a module of float64: negative numbers between two of them become 0.

    >>> layered((np.array([[1.0, 2.0, 3.0]]),))(torch.tensor([[1.0, 1.0]], dtype=torch.float64)).tolist()
    [[6.0]]
    """
    parts: list[torch.nn.Module] = []
    for layer in layers:
        n_units, width = layer.shape
        one = torch.nn.Linear(width - 1, n_units, dtype=torch.float64)
        with torch.no_grad():
            one.weight.copy_(torch.from_numpy(np.array(layer[:, :-1], dtype=np.float64)))
            one.bias.copy_(torch.from_numpy(np.array(layer[:, -1], dtype=np.float64)))
        parts += [one, torch.nn.ReLU()]
    return torch.nn.Sequential(*parts[:-1])


def _check_codes(
    module: torch.nn.Module, item: torch.Tensor, label_code: int, against_code: int | None
) -> None:
    with torch.no_grad():
        shape = module(item).shape
    if len(shape) != 2:
        raise BadOption("module", f"a module that gives shape {tuple(shape)}", "one that gives (N, K) logits")
    for name, code in (("label_code", label_code), ("against_code", against_code)):
        if code is not None and not 0 <= code < shape[1]:
            raise BadOption(name, code, f"a code from 0 to {shape[1] - 1}")


def _integrated(score: object, item: torch.Tensor, start: torch.Tensor, n_steps: int) -> FloatArray:
    from captum.attr import IntegratedGradients

    found = IntegratedGradients(score).attribute(
        item, baselines=start, n_steps=n_steps, method="gausslegendre", internal_batch_size=256
    )
    values: FloatArray = found.detach().double().cpu().numpy().reshape(-1)
    return values
