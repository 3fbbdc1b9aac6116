"""The model's uncertainty: small cases by hand, scipy's entropy, what has to hold of any samples, two backends."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from scipy.stats import entropy

from analytics.device import has_cuda
from analytics.errors import BadOption
from analytics.uncertainty import ONE_MEMBER, Uncertainty, entropy_part, set_uncertainty, uncertainty
from analytics.uncertainty_torch import measure_on, measure_tensor

Floats = NDArray[np.float64]
LN2 = math.log(2)

DEVICES = [
    "cpu",
    pytest.param(
        "cuda",
        marks=[
            pytest.mark.gpu,
            pytest.mark.skipif(not has_cuda(), reason="torch finds no CUDA card on this machine"),
        ],
    ),
]


def drawn(n_members: int = 5, n_items: int = 300, n_labels: int = 4, *, seed: int = 0) -> Floats:
    """From nearly sure to nearly even, with some probabilities that are exactly 0."""
    rng = np.random.default_rng(seed)
    samples = rng.dirichlet(np.full(n_labels, 0.4), (n_members, n_items))
    samples[:, ::7] = np.eye(n_labels)[rng.integers(0, n_labels, samples[:, ::7].shape[:2])]
    return samples


def split(found: Uncertainty) -> tuple[Floats, Floats, Floats]:
    assert found.expected_entropy is not None
    assert found.mutual_information is not None
    assert found.variation_ratio is not None
    return found.expected_entropy, found.mutual_information, found.variation_ratio


def some_samples() -> st.SearchStrategy[Floats]:
    shapes = st.tuples(st.integers(2, 5), st.integers(1, 6), st.integers(2, 4))
    weights = shapes.flatmap(
        lambda shape: hnp.arrays(np.float64, shape, elements=st.sampled_from([0.0, 1e-12, 0.1, 1.0, 3.0]))
    )
    even = weights.map(lambda w: np.where(w.sum(axis=2, keepdims=True) == 0, 1.0, w))
    return even.map(lambda w: w / w.sum(axis=2, keepdims=True))


def test_by_hand() -> None:
    """Two members: at odds and sure; of one mind and sure; both without an idea; half at odds."""
    samples = np.array(
        [[[1, 0], [1, 0], [0.5, 0.5], [0.75, 0.25]], [[0, 1], [1, 0], [0.5, 0.5], [0.25, 0.75]]]
    )
    found = uncertainty(samples)
    within, between, ratio = split(found)
    quarter = 2 * LN2 - 0.75 * math.log(3)
    assert found.predictive_entropy == pytest.approx([LN2, 0, LN2, LN2])
    assert within == pytest.approx([0, 0, LN2, quarter])
    assert between == pytest.approx([LN2, 0, 0, LN2 - quarter])
    assert ratio == pytest.approx([0.5, 0, 0.5, 0.5])
    assert found.margin == pytest.approx([0, 1, 0, 0])
    assert found.p_top == pytest.approx([0.5, 1, 0.5, 0.5])


def test_votes_and_margin_of_three_members() -> None:
    rows = [[0.6, 0.3, 0.1], [0.2, 0.7, 0.1], [0.5, 0.4, 0.1]]
    found = uncertainty(np.array(rows)[:, None, :])
    assert split(found)[2] == pytest.approx([1 / 3])
    assert found.margin == pytest.approx([(0.3 + 0.7 + 0.4) / 3 - (0.6 + 0.2 + 0.5) / 3])
    assert found.p_top == pytest.approx([1.4 / 3])


def test_entropies_are_scipys() -> None:
    samples = drawn()
    found = uncertainty(samples)
    total, within = entropy(samples.mean(axis=0), axis=1), entropy(samples, axis=2).mean(axis=0)
    np.testing.assert_allclose(found.predictive_entropy, total, atol=1e-13)
    np.testing.assert_allclose(split(found)[0], within, atol=1e-13)
    np.testing.assert_allclose(split(found)[1], total - within, atol=1e-13)


def test_sets_are_sums_of_scipys_binary_entropies() -> None:
    samples = np.random.default_rng(2).random((4, 200, 3))
    samples[:, ::5] = samples[:, ::5].round()
    found = set_uncertainty(samples)
    pairs = np.stack([samples, 1 - samples])
    total, within = entropy(pairs.mean(axis=1), axis=0).sum(axis=1), entropy(pairs, axis=0).mean(0).sum(1)
    np.testing.assert_allclose(found.predictive_entropy, total, atol=1e-13)
    np.testing.assert_allclose(split(found)[0], within, atol=1e-13)
    np.testing.assert_allclose(split(found)[1], total - within, atol=1e-13)


def test_sets_by_hand() -> None:
    found = set_uncertainty(np.array([[[1.0, 0.9]], [[0.0, 0.9]], [[0.0, 0.9]], [[0.0, 0.5]]]))
    assert split(found)[2] == pytest.approx([(0.25 + 0.125) / 2])
    assert found.margin == pytest.approx([0.5])
    assert found.p_top == pytest.approx([0.75])


def test_one_label_of_two_is_a_set_of_one() -> None:
    samples = drawn(n_labels=2)
    both, one = uncertainty(samples), set_uncertainty(np.ascontiguousarray(samples[:, :, :1]))
    np.testing.assert_allclose(both.predictive_entropy, one.predictive_entropy, atol=1e-13)
    np.testing.assert_allclose(np.stack(split(both)), np.stack(split(one)), atol=1e-13)
    np.testing.assert_allclose(both.margin, one.margin, atol=1e-13)


@given(samples=some_samples())
def test_the_parts_are_no_less_than_nothing_and_no_more_than_the_whole(samples: Floats) -> None:
    found = uncertainty(samples)
    within, between, ratio = split(found)
    assert (between >= 0).all()
    assert (between <= found.predictive_entropy).all()
    np.testing.assert_allclose(within + between, found.predictive_entropy, atol=1e-12)
    assert (found.predictive_entropy <= math.log(samples.shape[2]) + 1e-12).all()
    assert ((ratio >= 0) & (ratio <= 1 - 1 / samples.shape[2] + 1e-12)).all()
    assert ((found.margin >= 0) & (found.margin <= 1)).all()


@settings(max_examples=50)
@given(samples=some_samples(), seed=st.integers(0, 10))
def test_members_have_no_order_and_twice_the_same_is_once(samples: Floats, seed: int) -> None:
    once = uncertainty(samples)
    shuffled = uncertainty(samples[np.random.default_rng(seed).permutation(len(samples))])
    twice = uncertainty(np.concatenate([samples, samples]))
    for other in (shuffled, twice):
        np.testing.assert_allclose(np.stack(split(once)), np.stack(split(other)), atol=1e-12)
        np.testing.assert_allclose(once.predictive_entropy, other.predictive_entropy, atol=1e-12)
        np.testing.assert_allclose(once.margin, other.margin, atol=1e-12)


def test_a_member_given_twice_says_nothing_new() -> None:
    one = drawn(1)
    within, between, _ = split(uncertainty(np.concatenate([one, one, one])))
    np.testing.assert_allclose(between, 0, atol=1e-12)
    np.testing.assert_allclose(within, uncertainty(one).predictive_entropy, atol=1e-12)


def test_labels_have_no_order() -> None:
    samples = drawn()
    one, two = uncertainty(samples), uncertainty(samples[:, :, ::-1])
    np.testing.assert_allclose(np.stack(split(one)), np.stack(split(two)), atol=1e-12)


def test_one_member_has_no_split() -> None:
    found = uncertainty(drawn(1))
    assert found.undefined == ONE_MEMBER
    assert found.expected_entropy is found.mutual_information is found.variation_ratio is None
    assert entropy_part(found, "epistemic") is None
    frame = found.frame(np.arange(300))
    assert frame.get_column("mutual_information").null_count() == 300
    assert frame.get_column("predictive_entropy").null_count() == 0


def test_parts_go_by_their_names() -> None:
    found = uncertainty(drawn())
    assert entropy_part(found, "total") is found.predictive_entropy
    assert entropy_part(found, "aleatoric") is found.expected_entropy
    assert entropy_part(found, "epistemic") is found.mutual_information
    with pytest.raises(BadOption, match="part"):
        entropy_part(found, "ontic")  # type: ignore[arg-type]  # the mistake that is tested


@pytest.mark.parametrize("measure", [uncertainty, set_uncertainty])
def test_float32_is_off_by_its_rounding_alone(measure: Callable[[Any], Uncertainty]) -> None:
    samples = drawn(20, 2000, 10)
    wide, narrow = measure(samples), measure(samples.astype(np.float32))
    np.testing.assert_allclose(narrow.predictive_entropy, wide.predictive_entropy, atol=1e-6)
    np.testing.assert_allclose(split(narrow)[1], split(wide)[1], atol=1e-6)


def test_parts_of_the_work_and_copies_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    samples = drawn(3, 1000, 5)
    whole = uncertainty(samples)
    for cells in (100, 4000):
        monkeypatch.setattr("analytics.uncertainty.MOST_CELLS", cells)
        for copied in (
            samples,
            np.asfortranarray(samples),
            samples.transpose(1, 0, 2).copy().transpose(1, 0, 2),
        ):
            found = uncertainty(copied)
            assert np.array_equal(found.predictive_entropy, whole.predictive_entropy)
            assert np.array_equal(np.stack(split(found)), np.stack(split(whole)))


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("kind", [np.float64, np.float32])
@pytest.mark.parametrize("sets", [False, True])
def test_torch_and_the_kernels_agree(
    device: str, kind: type[np.floating], sets: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("analytics.uncertainty_torch.MOST_CELLS", 2000)
    samples = drawn(6, 500, 4).astype(kind)
    samples[:, 3] = 0.25
    found, problem = measure_on(samples, device, sets=sets)
    ours = (set_uncertainty if sets else uncertainty)(samples)
    within, _, ratio = split(ours)
    expected = np.stack([ours.predictive_entropy, within, ratio, ours.margin, ours.p_top])
    assert problem == 0
    np.testing.assert_allclose(found, expected, atol=1e-12 if kind is np.float64 else 1e-6)


@pytest.mark.gpu
@pytest.mark.skipif(not has_cuda(), reason="torch finds no CUDA card on this machine")
def test_the_card_is_used_when_asked_for() -> None:
    samples = drawn()
    card, processor = uncertainty(samples, device="cuda"), uncertainty(samples)
    assert card.device == "cuda"
    np.testing.assert_allclose(np.stack(split(card)), np.stack(split(processor)), atol=1e-12)


@pytest.mark.gpu
@pytest.mark.skipif(not has_cuda(), reason="torch finds no CUDA card on this machine")
@pytest.mark.parametrize("n_labels", [2, 3, 32, 33])
@pytest.mark.parametrize("wrong", [np.nan, -0.1, 0.9, np.inf])
def test_the_card_sees_what_is_no_probability_among_few_labels_and_many(n_labels: int, wrong: float) -> None:
    samples = drawn(3, 1000, n_labels)
    samples[1, 777, 1] = wrong
    for figures in (uncertainty, set_uncertainty):
        if figures is set_uncertainty and wrong == 0.9:
            figures(samples, device="cuda")
            continue
        with pytest.raises(BadOption, match="sum 1" if wrong == 0.9 else r"in \[0, 1\]"):
            figures(samples, device="cuda")


def test_a_tensor_is_taken_as_an_array_is() -> None:
    import torch

    samples = drawn()
    found = uncertainty(torch.from_numpy(samples))
    np.testing.assert_allclose(np.stack(split(found)), np.stack(split(uncertainty(samples))), atol=1e-12)


def test_members_at_odds_are_found_among_those_that_agree() -> None:
    """Recovery: on the first hundred items each member favours a label of its own."""
    rng = np.random.default_rng(5)
    favoured = np.broadcast_to(rng.integers(0, 4, 1000), (10, 1000)).copy()
    favoured[:, :100] = rng.integers(0, 4, (10, 100))
    samples = 0.7 * np.eye(4)[favoured] + 0.3 * rng.dirichlet(np.ones(4), (10, 1000))
    between = split(uncertainty(samples))[1]
    assert set(np.argsort(-between)[:100]) == set(range(100))


def test_the_frame_is_sorted_by_item() -> None:
    found = uncertainty(drawn(n_items=3))
    frame = found.frame(np.array([7, 2, 5]))
    assert frame.get_column("item_code").to_list() == [2, 5, 7]
    assert frame.get_column("margin").to_list() == found.margin[[1, 2, 0]].tolist()
    assert set(frame.schema.values()) == {pl.Int64, pl.Float64}
    for codes in (np.array([1, 2]), np.array([1, 1, 2])):
        with pytest.raises(BadOption, match="item_codes"):
            found.frame(codes)


def test_no_items_is_no_error() -> None:
    assert len(uncertainty(np.empty((3, 0, 4))).frame(np.empty(0, dtype=np.int64))) == 0


@pytest.mark.parametrize("on_torch", [False, True])
def test_misuse_is_refused(on_torch: bool) -> None:
    import torch

    samples = drawn(2, 4, 3)
    wrong = {
        "shape": [samples[0], np.empty((0, 4, 3)), samples[:, :, :1]],
        "entry": [samples * np.nan, samples - 0.5, samples * 2],
        "a row": [samples / 2],
        "floating": [samples.astype(np.int64)],
    }
    for words, arrays in wrong.items():
        for array in arrays:
            with pytest.raises(BadOption, match=words):
                uncertainty(torch.from_numpy(array) if on_torch else array)
    with pytest.raises(BadOption, match="entry"):
        set_uncertainty(torch.from_numpy(samples * 2) if on_torch else samples * 2)


def test_one_bad_row_is_found_in_any_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("analytics.uncertainty.MOST_CELLS", 100)
    monkeypatch.setattr("analytics.uncertainty_torch.MOST_CELLS", 100)
    import torch

    for item in (0, 150, 299):
        samples = drawn()
        samples[2, item] *= 1.01
        assert int(measure_tensor(torch.from_numpy(samples), "cpu", sets=False)[1]) > 0
        with pytest.raises(BadOption, match="samples"):
            uncertainty(samples)
