"""Many figures of unequal certainty, each drawn towards their mean as far as it leaves itself open: a normal-normal model."""

from __future__ import annotations

import numpy as np

from analytics.frames import FloatArray


def partly_pooled(values: FloatArray, variance: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Values shrunk towards their mean, and the standard deviations of what is left unknown of them.

    theta_a = mu + (1 - B_a) (d_a - mu), B_a = v_a / (v_a + tau^2); tau^2 by DerSimonian & Laird (1986, Controlled Clinical
    Trials 7), at least 0; its variance is v_a (1 - B_a) + B_a^2 var(mu). NaN stays NaN.

    Args:
        values: (A,), NaN where there is none.
        variance: (A,) of each, known.
    """
    some = np.isfinite(values) & np.isfinite(variance) & (variance > 0)
    shrunk, spread = np.full(values.size, np.nan), np.full(values.size, np.nan)
    if not some.any():
        return shrunk, spread
    d, v = values[some], variance[some]
    fixed = 1 / v
    heterogeneity = float((fixed * (d - (fixed * d).sum() / fixed.sum()) ** 2).sum())
    scale = float(fixed.sum() - (fixed**2).sum() / fixed.sum())
    between = max((heterogeneity - (d.size - 1)) / scale, 0.0) if d.size > 1 and scale > 0 else 0.0
    weight = 1 / (v + between)
    mean = float((weight * d).sum() / weight.sum())
    shrink = v / (v + between)
    shrunk[some] = mean + (1 - shrink) * (d - mean)
    spread[some] = np.sqrt(v * (1 - shrink) + shrink**2 / weight.sum())
    return shrunk, spread
