"""Who and which kinds of items moved a rate: a change's parts, person by person and kind by kind."""

from __future__ import annotations

import numpy as np
import polars as pl

from analytics.frames import FloatArray
from analytics.rate_design import Design, Weighed, levels, people_share, person_effects


def by_person(design: Design, weighed: Weighed, theta: FloatArray) -> pl.DataFrame:
    """annotator_code, n_before, n_after, mix, behaviour, shift: as `rate_change.RateChange`."""
    people = people_share(design, weighed)
    beta = person_effects(design, people, theta)
    centre = float((people.mean(axis=0) @ beta).mean())
    counts = np.stack(
        [np.bincount(design.person[design.window == w], minlength=design.people.size) for w in (0, 1)]
    )
    known = np.asarray((counts > 0).all(axis=0))
    first, last = design.period_at
    moved = beta[:, 1] - beta[:, 0] + np.diff(weighed.column_share[:, first:last] @ theta[first:last])
    return pl.DataFrame(
        {
            "annotator_code": design.people,
            "n_before": counts[0],
            "n_after": counts[1],
            "mix": (people[1] - people[0]) * (beta.mean(axis=1) - centre),
            "behaviour": people.mean(axis=0) * moved,
            "shift": pl.Series(moved).set(~pl.Series(known), None),
        }
    ).sort("annotator_code")


def by_kind(design: Design, weighed: Weighed, theta: FloatArray) -> pl.DataFrame:
    """stratum_code, n_before, n_after, mix, residual: as `rate_change.RateChange`."""
    alpha = levels(design, weighed, theta)
    centre = float(weighed.stratum_share.mean(axis=0) @ alpha)
    stratum = design.stratum
    left = weighed.weights * (design.hit - alpha[stratum] - theta[design.columns].sum(axis=1))
    n, rest = [], []
    for w in (0, 1):
        here = design.window == w
        n.append(np.bincount(stratum[here], minlength=design.strata.size))
        rest.append(np.bincount(stratum[here], left[here], design.strata.size) / weighed.weights[here].sum())
    return pl.DataFrame(
        {
            "stratum_code": design.strata,
            "n_before": n[0],
            "n_after": n[1],
            "mix": (weighed.stratum_share[1] - weighed.stratum_share[0]) * (alpha - centre),
            "residual": rest[1] - rest[0],
        }
    ).sort("stratum_code")
