from __future__ import annotations

import dataclasses
import math

import pytest

from analytics.results import Estimate


def test_an_undefined_estimate_says_why() -> None:
    nothing = Estimate.none("only one label was used", n=7, unit="coefficient", n_unit="annotations")
    assert (nothing.value, nothing.low, nothing.high) == (None, None, None)
    assert (nothing.n, nothing.undefined) == (7, "only one label was used")
    assert (nothing.unit, nothing.n_unit) == ("coefficient", "annotations")


@pytest.mark.parametrize(
    ("value", "low", "high", "undefined"),
    [
        (None, None, None, None),
        (0.5, None, None, "a reason and a value"),
        (0.5, 0.4, None, None),
        (0.5, None, 0.6, None),
        (None, 0.4, 0.6, "an interval around nothing"),
        (math.nan, None, None, None),
        (0.5, -math.inf, 0.6, None),
    ],
)
def test_a_contradictory_estimate_is_refused(
    value: float | None, low: float | None, high: float | None, undefined: str | None
) -> None:
    with pytest.raises(ValueError, match=r"estimate|interval"):
        Estimate(value, low, high, 10, undefined)


def test_an_estimate_is_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Estimate(0.5, 0.4, 0.6, 10).value = 0.9  # type: ignore[misc]  # frozen, on purpose
