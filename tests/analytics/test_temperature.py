from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from analytics.calibration import calibration_error
from analytics.errors import BadOption
from analytics.proper_scores import log_loss
from analytics.reliability import top_label
from analytics.temperature import cross_fitted, fit_temperature, logits_of, scaled

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def drawn(n: int, *, factor: float, seed: int = 0) -> tuple[Floats, Ints]:
    """Labels drawn from softmax(logits); the logits are handed out multiplied by a factor."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(scale=1.5, size=(n, 4))
    p = softmax(logits, axis=1)
    codes = (rng.random((n, 1)) > p.cumsum(axis=1)[:, :-1]).sum(axis=1)
    return logits * factor, codes


@pytest.mark.parametrize("factor", [0.25, 1.0, 3.0])
def test_a_known_factor_is_recovered(factor: float) -> None:
    found = fit_temperature(*drawn(20_000, factor=factor))
    assert found.temperature.value == pytest.approx(factor, rel=0.04)
    assert found.log_loss_before is not None
    assert found.log_loss_after is not None
    assert found.log_loss_after <= found.log_loss_before


def test_it_is_where_a_search_finds_the_least_loss() -> None:
    logits, codes = drawn(300, factor=2.0)

    def loss(temperature: float) -> float:
        return float(-log_softmax(logits / temperature, axis=1)[np.arange(300), codes].mean())

    least = minimize_scalar(loss, bounds=(0.1, 10), method="bounded", options={"xatol": 1e-9})
    found = fit_temperature(logits, codes)
    assert found.temperature.value == pytest.approx(least.x, rel=1e-5)
    assert found.log_loss_after == pytest.approx(least.fun)
    assert found.log_loss_before == pytest.approx(loss(1.0))


def test_intervals_cover() -> None:
    covered = 0
    for seed in range(300):
        found = fit_temperature(*drawn(300, factor=2.0, seed=seed), confidence=0.9).temperature
        assert found.low is not None
        assert found.high is not None
        covered += found.low <= 2.0 <= found.high
    assert 0.84 < covered / 300 < 0.96


def test_what_was_too_sure_is_calibrated_after_cross_fitting() -> None:
    logits, codes = drawn(6000, factor=3.0)
    found = cross_fitted(logits, codes, np.arange(6000) % 5)
    assert found.probabilities is not None
    before = calibration_error(*top_label(softmax(logits, axis=1), codes), replicates=200)
    after = calibration_error(*top_label(found.probabilities, codes), replicates=200)
    assert before.debiased.low is not None
    assert after.debiased.high is not None
    assert before.debiased.low > 0.1
    assert after.debiased.high < 0.05
    assert found.folds.get_column("temperature").to_list() == pytest.approx([3.0] * 5, rel=0.1)


def test_a_fold_has_no_part_in_its_own_temperature() -> None:
    logits, codes = drawn(1000, factor=2.0)
    folds = np.arange(1000) % 2
    changed = np.where(folds == 0, (codes + 1) % 4, codes)
    one, two = cross_fitted(logits, codes, folds), cross_fitted(logits, changed, folds)
    assert one.probabilities is not None
    assert one.folds.row(0) == two.folds.row(0)
    assert one.folds.get_column("n_fitted").to_list() == [500, 500]
    others = fit_temperature(logits[folds == 1], codes[folds == 1]).temperature.value
    assert others is not None
    np.testing.assert_allclose(one.probabilities[folds == 0], scaled(logits[folds == 0], others))


def test_parts_of_the_work_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    logits, codes = drawn(500, factor=2.0)
    whole = fit_temperature(logits, codes)
    monkeypatch.setattr("analytics.temperature._ROWS", 64)
    parts = fit_temperature(logits, codes)
    assert parts.temperature == whole.temperature
    assert parts.log_loss_after == pytest.approx(whole.log_loss_after)


def test_probabilities_stand_in_for_logits() -> None:
    logits, codes = drawn(2000, factor=2.0)
    p = softmax(logits, axis=1)
    one, two = fit_temperature(logits, codes), fit_temperature(logits_of(p), codes)
    assert one.temperature.value == pytest.approx(two.temperature.value)
    assert one.log_loss_before == pytest.approx(log_loss(p, codes, replicates=0).value)
    assert logits_of(np.array([[0.0, 1.0]])).tolist() == [[np.log(1e-12), 0.0]]


def test_what_cannot_be_fitted_is_undefined() -> None:
    logits, codes = drawn(200, factor=1.0)
    few = fit_temperature(logits[:19], codes[:19])
    assert few.temperature.undefined == "a temperature needs 20 items or more"
    assert few.log_loss_after is None
    assert fit_temperature(logits[:0], codes[:0]).log_loss_before is None
    perfect = fit_temperature(10 * np.eye(4)[codes], codes).temperature
    assert perfect.undefined is not None
    assert "likeliest" in perfect.undefined
    opposite = fit_temperature(-10 * np.eye(4)[codes], codes).temperature
    assert opposite.undefined == "the logits say nothing about the labels"
    assert fit_temperature(np.zeros((200, 4)), codes).temperature.undefined is not None
    folds = cross_fitted(10 * np.eye(4)[codes], codes, np.arange(200) % 2)
    assert folds.probabilities is None
    assert folds.undefined == perfect.undefined


def test_misuse_is_refused() -> None:
    logits, codes = drawn(50, factor=1.0)
    for bad in (logits[:, :1], logits[0], logits * np.inf):
        with pytest.raises(BadOption, match="logits"):
            fit_temperature(bad, codes)
    with pytest.raises(BadOption, match="label_codes"):
        fit_temperature(logits, codes + 3)
    for folds in (np.zeros(50, dtype=np.int64), np.zeros(3, dtype=np.int64)):
        with pytest.raises(BadOption, match="fold_codes"):
            cross_fitted(logits, codes, folds)
    with pytest.raises(BadOption, match="temperature"):
        scaled(logits, 0.0)
    with pytest.raises(BadOption, match="floor"):
        logits_of(softmax(logits, axis=1), floor=0.0)
    with pytest.raises(BadOption, match="entry"):
        logits_of(logits)
