"""The members that judged one item, as they were kept: what they say of it, and which of its features made them say so.

A member is a stack of layers; a layer's unit u gives w_u x + b_u, and between two layers negative numbers become 0. One layer is
the linear model of `training`, two are the network of `hidden_training`. What each feature adds is exact for one layer
(`attribution`), and by integrated gradients for more (`integrated_gradients`).

Whether a picture of parts depends on what the members learned can be tried: with the weights dealt out anew among the features
it has to look different (J. Adebayo et al. 2018, Sanity checks for saliency maps, NeurIPS).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from analytics.attribution import Attribution, linear_attribution
from analytics.errors import BadOption
from analytics.frames import FloatArray
from analytics.results import Estimate

MOST_GAP = 0.01
"""The share of the parts that may be left unexplained before integrated gradients take more steps."""

STEPS = (64, 256, 1024)
N_RANDOMISED = 20
FEWEST_FEATURES = 3


@dataclass(frozen=True, slots=True, eq=False)
class KeptModel:
    """M members that did not see an item.

    Attributes:
        layers: each (M, U, N + 1): the weights of U units on N inputs, the bias last. The last layer's units are the K labels.
        sets: one sigmoid a label.
    """

    layers: tuple[FloatArray, ...]
    sets: bool = False

    @property
    def is_linear(self) -> bool:
        """Whether its logits are weighted sums of the features."""
        return len(self.layers) == 1

    @property
    def n_members(self) -> int:
        """M."""
        return len(self.layers[0])

    @property
    def n_features(self) -> int:
        """D."""
        return int(self.layers[0].shape[2]) - 1

    def logits(self, x: FloatArray) -> FloatArray:
        """(M, K) of an item (D,)."""
        _check(self, x)
        found = np.broadcast_to(x.astype(np.float64), (self.n_members, len(x)))
        for place, layer in enumerate(self.layers):
            inputs = found if place == 0 else np.maximum(found, 0.0)
            found = np.einsum("mun,mn->mu", layer[:, :, :-1].astype(np.float64), inputs) + layer[:, :, -1]
        return found

    def probabilities(self, x: FloatArray) -> FloatArray:
        """(M, K) of an item (D,); rows sum to 1 unless there are sets."""
        logits = self.logits(x)
        if self.sets:
            return np.asarray(1 / (1 + np.exp(-logits)))
        raised = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(raised / raised.sum(axis=1, keepdims=True))

    def randomised(self, seed: int) -> KeptModel:
        """The members with each unit's weights on the features dealt out anew; everything else stays."""
        order = np.random.default_rng(seed).permutation(self.n_features)
        first = self.layers[0].copy()
        first[:, :, :-1] = first[:, :, order]
        return replace(self, layers=(first, *self.layers[1:]))


def attributions(
    kept: KeptModel,
    x: FloatArray,
    *,
    label_code: int,
    against_code: int | None = None,
    baseline: FloatArray | None = None,
) -> tuple[Attribution, ...]:
    """What each feature of an item adds to the logit of a label, or to its difference to another's, by each member.

    Args:
        kept: M members.
        x: (D,).
        label_code: the label, 0 to K - 1.
        against_code: what it is compared with; None for the logit alone: that of a choice being in a set.
        baseline: (D,) what x is compared with; None for zeros.

    Raises:
        BadOption: arrays or codes that do not fit the members.
    """
    start = np.zeros(len(x)) if baseline is None else baseline
    _check(kept, x)
    _check(kept, start)
    if kept.is_linear:
        return tuple(
            linear_attribution(
                x,
                weights=member[:, :-1],
                bias=member[:, -1],
                label_code=label_code,
                against_code=against_code,
                baseline=start,
            )
            for member in kept.layers[0]
        )
    return tuple(
        _integrated(tuple(layer[member] for layer in kept.layers), x, start, label_code, against_code)
        for member in range(kept.n_members)
    )


def randomised_agreement(
    kept: KeptModel,
    x: FloatArray,
    *,
    label_code: int,
    against_code: int | None = None,
    baseline: FloatArray | None = None,
    n_draws: int = N_RANDOMISED,
    seed: int = 0,
) -> Estimate:
    """How like the picture is to that of members whose weights were dealt out anew: the mean Spearman correlation of the parts.

    Near 0 where the picture depends on what was learned. Only features that differ from the baseline take part; the interval holds
    95 % of the draws.

    Raises:
        BadOption: as `attributions`; fewer than 1 draw.
    """
    if n_draws < 1:
        raise BadOption("n_draws", n_draws, "1 or more")
    start = np.zeros(len(x)) if baseline is None else baseline
    used = x != start
    own = _mean_parts(kept, x, label_code, against_code, start)[used]
    if used.sum() < FEWEST_FEATURES or np.ptp(own) == 0:
        reason = f"fewer than {FEWEST_FEATURES} features have a part in it"
        return Estimate.none(reason, 0, unit="coefficient", n_unit="draws")
    found = []
    for draw in range(n_draws):
        other = _mean_parts(kept.randomised(seed + draw), x, label_code, against_code, start)[used]
        found.append(_spearman(own, other))
    low, high = (float(end) for end in np.quantile(found, [0.025, 0.975]))
    return Estimate(float(np.mean(found)), low, high, n_draws, unit="coefficient", n_unit="draws")


def _mean_parts(
    kept: KeptModel, x: FloatArray, label_code: int, against_code: int | None, baseline: FloatArray
) -> FloatArray:
    parts = attributions(kept, x, label_code=label_code, against_code=against_code, baseline=baseline)
    return np.asarray(np.mean([one.values for one in parts], axis=0))


def _spearman(one: FloatArray, other: FloatArray) -> float:
    """0 where one of the two is the same everywhere: it says nothing about an order."""
    from scipy.stats import rankdata  # most of a second to import, and pages import this module

    if np.ptp(one) == 0 or np.ptp(other) == 0:
        return 0.0
    return float(np.corrcoef(rankdata(one), rankdata(other))[0, 1])


def _integrated(
    layers: tuple[FloatArray, ...], x: FloatArray, start: FloatArray, label_code: int, against: int | None
) -> Attribution:
    """With more steps until what is left is small; features that are as in the baseline add nothing and are left out."""
    from analytics.integrated_gradients import integrated_gradients, layered

    used = np.flatnonzero(x != start)
    if not len(used):
        logits = KeptModel(tuple(layer[None] for layer in layers)).logits(x)[0]
        score = float(logits[label_code] - (0.0 if against is None else logits[against]))
        return Attribution(np.zeros(len(x)), score, score)
    first = layers[0]
    rest = first[:, :-1] @ start - first[:, used] @ start[used]
    narrow = np.concatenate([first[:, used], (first[:, -1] + rest)[:, None]], axis=1)
    module = layered((narrow, *layers[1:]))
    found = Attribution(np.zeros(0), 0.0, 0.0)
    for n_steps in STEPS:
        found = integrated_gradients(
            module,
            x[used],
            label_code=label_code,
            against_code=against,
            baseline=start[used],
            n_steps=n_steps,
        )
        if (found.gap_share or 0.0) <= MOST_GAP:
            break
    values = np.zeros(len(x))
    values[used] = found.values
    return replace(found, values=values)


def _check(kept: KeptModel, x: FloatArray) -> None:
    if x.shape != (kept.n_features,) or not np.isfinite(x).all():
        raise BadOption("x", f"array of shape {x.shape}", f"finite and of shape ({kept.n_features},)")
