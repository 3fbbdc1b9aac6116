"""What is kept of a trained model says what the model said, its parts add up, and the picture depends on what was learned."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from analytics.encoders import EmbeddingEncoder, PixelEncoder, TextEncoder
from analytics.errors import BadOption
from analytics.features import Floats32
from analytics.frames import FloatArray
from analytics.hidden_training import train_hidden
from analytics.kept_encoder import encode_one, encode_pictures, encode_texts, encoder_state, side_of
from analytics.kept_model import KeptModel, attributions, randomised_agreement
from analytics.training import train_model

TEXTS = (
    "Refund my card, please",
    "no refund on the card",
    "नमस्ते दुनिया और और",
    "the box is late",
    "late, late box",
)


def learned(*, sets: bool = False, hidden: bool = False) -> tuple[KeptModel, FloatArray, FloatArray]:
    """The members that judged item 0, its features, and what they said of it (M, K)."""
    rng = np.random.default_rng(3)
    features: Floats32 = rng.normal(size=(90, 12)).astype(np.float32)
    codes = (features[:, 0] > 0).astype(int) + 2 * (features[:, 1] > 0.8)
    soft = np.eye(4)[np.minimum(codes, 3)]
    if hidden:
        found = train_hidden(features, soft, sets=sets, width=6, epochs=8, n_folds=3, n_members=3)
        layers: tuple[Floats32, ...] = found.layers
        fold, p = found.fold, found.probabilities
    else:
        trained = train_model(features, soft, sets=sets, n_folds=3, n_members=3)
        layers, fold, p = (trained.weights,), trained.fold, trained.probabilities
    own = tuple(layer[:, fold[0]].transpose(0, 2, 1).astype(np.float64) for layer in layers)
    return KeptModel(own, sets), features[0].astype(np.float64), p[:, 0].astype(np.float64)


@pytest.mark.parametrize("hidden", [False, True])
@pytest.mark.parametrize("sets", [False, True])
def test_what_is_kept_says_what_the_model_said_of_the_item(*, hidden: bool, sets: bool) -> None:
    kept, x, said = learned(sets=sets, hidden=hidden)
    assert kept.probabilities(x) == pytest.approx(said, abs=1e-5)


@pytest.mark.parametrize("hidden", [False, True])
def test_the_parts_add_up_within_one_percent(*, hidden: bool) -> None:
    kept, x, said = learned(hidden=hidden)
    for member, found in enumerate(attributions(kept, x, label_code=1, against_code=0)):
        moved = found.score - found.baseline_score
        assert found.values.sum() == pytest.approx(moved, abs=0.01 * np.abs(found.values).sum())
        assert found.score == pytest.approx(np.log(said[member, 1] / said[member, 0]), abs=1e-4)
        assert (found.gap_share or 0.0) <= 0.01


@pytest.mark.parametrize("hidden", [False, True])
def test_a_choice_of_a_set_is_explained_by_its_own_log_odds(*, hidden: bool) -> None:
    kept, x, said = learned(sets=True, hidden=hidden)
    found = attributions(kept, x, label_code=2)[0]
    assert found.score == pytest.approx(np.log(said[0, 2] / (1 - said[0, 2])), abs=1e-4)
    assert found.values.sum() == pytest.approx(found.score - found.baseline_score, rel=0.01, abs=0.01)


@pytest.mark.parametrize("hidden", [False, True])
def test_weights_dealt_out_anew_change_the_picture(*, hidden: bool) -> None:
    kept, x, _ = learned(hidden=hidden)
    found = randomised_agreement(kept, x, label_code=1, against_code=0, n_draws=10)
    assert found.value is not None
    assert abs(found.value) < 0.4
    same = np.mean([one.values for one in attributions(kept, x, label_code=1, against_code=0)], axis=0)
    other = np.mean(
        [one.values for one in attributions(kept.randomised(1), x, label_code=1, against_code=0)], axis=0
    )
    assert not np.allclose(same, other)


def test_a_picture_that_does_not_depend_on_the_weights_would_be_found_out() -> None:
    """All weights alike: dealing them out anew changes nothing, and the figure says so."""
    layer = np.concatenate([np.ones((2, 1, 8)), np.zeros((2, 1, 8))], axis=1)
    kept = KeptModel((np.concatenate([layer, np.zeros((2, 2, 1))], axis=2),))
    found = randomised_agreement(kept, np.arange(1.0, 9.0), label_code=0, against_code=1)
    assert found.value == pytest.approx(1.0)


def test_the_same_seed_gives_the_same_explanation() -> None:
    (one, x, _), (two, _, _) = learned(hidden=True), learned(hidden=True)
    first, second = (attributions(kept, x, label_code=1, against_code=0) for kept in (one, two))
    assert all((a.values == b.values).all() for a, b in zip(first, second, strict=True))
    randomised = [
        randomised_agreement(kept, x, label_code=1, against_code=0, n_draws=3) for kept in (one, two)
    ]
    assert randomised[0] == randomised[1]


def test_a_network_of_one_layers_worth_agrees_with_the_linear_model() -> None:
    """relu(x) - relu(-x) is x: integrated gradients then are the exact parts."""
    rng = np.random.default_rng(5)
    weights, bias, x = rng.normal(size=(1, 3, 6)), rng.normal(size=(1, 3, 1)), rng.normal(size=6)
    both = np.concatenate([np.eye(6), -np.eye(6)])[None]
    first = np.concatenate([both, np.zeros((1, 12, 1))], axis=2)
    second = np.concatenate([weights, -weights, bias], axis=2)
    linear = KeptModel((np.concatenate([weights, bias], axis=2),))
    network = KeptModel((first, second))
    exact, found = (attributions(kept, x, label_code=2, against_code=1)[0] for kept in (linear, network))
    assert found.values == pytest.approx(exact.values, abs=1e-7)
    assert found.score == pytest.approx(exact.score)


def test_an_item_that_is_the_baseline_has_no_parts() -> None:
    for hidden in (False, True):
        kept, _, _ = learned(hidden=hidden)
        found = attributions(kept, np.zeros(12), label_code=1, against_code=0)[0]
        assert not found.values.any()
        assert found.score == found.baseline_score
        assert randomised_agreement(kept, np.zeros(12), label_code=1).undefined is not None


def test_what_does_not_fit_is_refused() -> None:
    kept, x, _ = learned()
    with pytest.raises(BadOption, match="x"):
        kept.logits(x[:-1])
    with pytest.raises(BadOption, match="n_draws"):
        randomised_agreement(kept, x, label_code=0, n_draws=0)


def test_a_kept_text_encoder_reads_as_it_did() -> None:
    encoder = TextEncoder(fewest_items=1).fit(TEXTS)
    state = encoder_state(encoder)
    given = encoder.transform(TEXTS).toarray()
    assert encode_texts(state, list(TEXTS)).toarray() == pytest.approx(given, abs=1e-7)  # type: ignore[union-attr]  # of texts the features are sparse
    assert encode_one(state, TEXTS[2]) == pytest.approx(given[2], abs=1e-7)
    assert not encode_one(state, "nothing known").any()
    assert "word: नमस्ते" in state.names


def picture(seed: int) -> bytes:
    pixels: NDArray[Any] = np.random.default_rng(seed).integers(0, 256, (20, 20, 3)).astype(np.uint8)
    written = io.BytesIO()
    Image.fromarray(pixels).save(written, format="PNG")
    return written.getvalue()


@pytest.mark.parametrize("colour", ["grey", "rgb"])
def test_a_kept_pixel_encoder_reads_as_it_did(colour: Any) -> None:
    pictures = [picture(seed) for seed in range(4)]
    encoder = PixelEncoder(side=8, colour=colour).fit(pictures)
    state = encoder_state(encoder)
    assert side_of(state) == 8
    assert (encode_pictures(state, pictures) == encoder.transform(pictures)).all()
    assert encode_one(state, pictures[1]) == pytest.approx(encoder.transform(pictures)[1])
    with pytest.raises(BadOption, match="pixels"):
        encode_one(state, "a text")


def test_a_kept_embedding_encoder_knows_its_dimensions() -> None:
    values = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    state = encoder_state(EmbeddingEncoder().fit(values))
    assert state.names == ("dimension 1", "dimension 2", "dimension 3")
    assert ((values - state.centres) / state.scales).mean(axis=0) == pytest.approx(np.zeros(3), abs=1e-6)


def test_runs_of_characters_are_not_kept() -> None:
    with pytest.raises(BadOption, match="characters"):
        encoder_state(TextEncoder(fewest_items=1, characters=(2, 3)).fit(TEXTS))
