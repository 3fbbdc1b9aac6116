"""Changes that were planted are found where they are; a series without one has none, however it hangs together."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from analytics.change_points import change_points
from analytics.errors import BadOption


def correlated(n: int, rho: float, seed: int) -> NDArray[np.float64]:
    rng = np.random.default_rng(seed)
    z = rng.standard_normal(n + 30)
    for t in range(1, z.size):
        z[t] += rho * z[t - 1]
    return z[30:]


def test_nile_changes_in_1898() -> None:
    """Cobb 1978, Biometrika 65: the yearly flow of the Nile at Aswan, 1871 to 1970, falls after 1898."""
    flow = [
        1120, 1160, 963, 1210, 1160, 1160, 813, 1230, 1370, 1140, 995, 935, 1110, 994, 1020, 960, 1180, 799, 958, 1140, 1100, 1210,
        1150, 1250, 1260, 1220, 1030, 1100, 774, 840, 874, 694, 940, 833, 701, 916, 692, 1020, 1050, 969, 831, 726, 456, 824, 702,
        1120, 1100, 832, 764, 821, 768, 845, 864, 862, 698, 845, 744, 796, 1040, 759, 781, 865, 845, 944, 984, 897, 822, 1010, 771,
        676, 649, 846, 812, 742, 801, 1040, 860, 874, 848, 890, 744, 749, 838, 1050, 918, 986, 797, 923, 975, 815, 1020, 906, 901,
        1170, 912, 746, 919, 718, 714, 740,
    ]  # fmt: skip
    (point,) = change_points(flow)
    assert 1871 + point.at == 1899
    assert point.low <= point.at <= point.high
    assert point.step == pytest.approx(849.97 - 1097.75, abs=0.1)


def test_two_changes_are_found_and_their_intervals_hold_them() -> None:
    z = correlated(180, 0.2, 3)
    z[60:] += 3
    z[120:] -= 4
    points = change_points(z)
    assert len(points) == 2
    for point, place in zip(points, (60, 120), strict=True):
        assert point.low <= place <= point.high
        assert abs(point.at - place) <= 3


@pytest.mark.parametrize("rho", [0.0, 0.5])
def test_without_a_change_seldom_one_is_found(rho: float) -> None:
    found = [bool(change_points(correlated(120, rho, seed))) for seed in range(60)]
    assert np.mean(found) <= 0.15


def test_intervals_hold_the_place_about_as_often_as_they_say() -> None:
    held = []
    for seed in range(60):
        z = correlated(120, 0.3, seed)
        z[70:] += 1.8
        points = change_points(z)
        if points:
            held.append(any(point.low <= 70 <= point.high for point in points))
    assert len(held) > 50
    assert np.mean(held) >= 0.88


def test_a_short_series_and_one_without_spread_have_none() -> None:
    assert change_points(np.arange(10.0)) == ()
    assert change_points(np.ones(100)) == ()


def test_misuse_is_refused() -> None:
    with pytest.raises(BadOption, match="finite"):
        change_points([1.0, np.nan])
    with pytest.raises(BadOption, match="level"):
        change_points(np.ones(50), level=0)
