"""Labels that go with an attribute: Bergsma's correction, the permutation test, and what something else explains."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from scipy.stats.contingency import association

from analytics.attribute_association import ONE_VALUE, attribute_association
from analytics.errors import BadOption, MissingColumn


def items(n: int, *, link: float = 0.0, n_values: int = 3, n_labels: int = 3, seed: int = 0) -> pl.DataFrame:
    """Items whose label is their attribute's value with probability `link`, else any."""
    rng = np.random.default_rng(seed)
    value = rng.integers(0, n_values, n)
    label = np.where(rng.random(n) < link, value % n_labels, rng.integers(0, n_labels, n))
    return pl.DataFrame({"attribute_code": value, "label_code": label})


def test_it_is_bergsmas_v() -> None:
    frame = items(200, link=0.3, seed=1)
    table = np.zeros((3, 3), dtype=int)
    np.add.at(table, (frame["attribute_code"].to_numpy(), frame["label_code"].to_numpy()), 1)
    plain = association(table, method="cramer") ** 2 * 2
    corrected = max(plain - 4 / 199, 0)
    sides = 3 - 4 / 199
    found = attribute_association(frame)
    assert found.v.value == pytest.approx(np.sqrt(corrected / (sides - 1)))
    assert found.p_value == 0.001


def test_one_and_nothing() -> None:
    same = pl.DataFrame({"attribute_code": [0, 1] * 40, "label_code": [0, 1] * 40})
    assert attribute_association(same).v.value == pytest.approx(1.0)
    assert attribute_association(same.with_columns(label_code=pl.lit(1))).v.undefined == ONE_VALUE
    assert "fewer than 30" in (attribute_association(same.head(10)).v.undefined or "")


def test_without_a_link_it_is_small_and_p_values_are_even() -> None:
    found = [attribute_association(items(80, n_values=8, seed=s), permutations=199) for s in range(120)]
    p = np.array([one.p_value for one in found])
    assert 0.01 <= (p <= 0.05).mean() <= 0.10
    assert (
        np.mean([(one.v.value or 0) ** 2 for one in found]) < 0.03
    )  # without the correction about 14 / 79 / 2 = 0.09


def test_what_another_attribute_explains_goes_away_and_what_is_left_stays() -> None:
    rng = np.random.default_rng(3)
    language = rng.integers(0, 2, 3000)
    source = np.where(rng.random(3000) < 0.9, language, 1 - language)
    explained = np.where(rng.random(3000) < 0.6, language, rng.integers(0, 2, 3000))
    frame = pl.DataFrame({"attribute_code": source, "label_code": explained, "language": language})
    crude, held = attribute_association(frame), attribute_association(frame, held="language")
    assert (crude.v.value or 0) > 0.4
    assert crude.p_value == 0.001
    assert (held.v.value or 0) < 0.06
    assert (held.p_value or 0) > 0.01
    leans = frame.with_columns(
        label_code=pl.when(pl.Series(rng.random(3000) < 0.3)).then("attribute_code").otherwise("label_code")
    )
    left = attribute_association(leans, held="language")
    assert left.p_value == 0.001
    assert (left.v.value or 0) > 0.15


def test_order_and_names_change_nothing_and_nulls_are_left_out() -> None:
    frame = items(300, link=0.2, seed=4)
    other = frame.sample(fraction=1, shuffle=True, seed=2).with_columns(pl.col("label_code") * 5 + 2)
    assert attribute_association(frame).v == attribute_association(other).v
    more = pl.concat(
        [frame, pl.DataFrame({"attribute_code": [None, 1], "label_code": [1, None]}, schema=frame.schema)]
    )
    assert attribute_association(more) == attribute_association(frame)


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(MissingColumn, match="gold"):
        attribute_association(items(50), held="gold")
    with pytest.raises(BadOption, match="at most"):
        attribute_association(pl.DataFrame({"attribute_code": range(100), "label_code": [0, 1] * 50}))
