"""Encoders: rows that scikit-learn and Pillow would give, names that belong to columns, what cannot be encoded."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any, cast

import numpy as np
import pytest
from PIL import Image
from scipy.sparse import csr_array
from sklearn.datasets import load_digits
from sklearn.feature_extraction.text import TfidfVectorizer

from analytics.encoders import EmbeddingEncoder, Encoder, NotFitted, PixelEncoder, TextEncoder
from analytics.errors import BadOption
from analytics.features import check_features

TEXTS = [
    "The parcel is late",
    "the parcel is broken",
    "I want my money back",
    "money back please, parcel broken",
]


def png(pixels: np.ndarray[Any, Any], mode: str | None = None) -> bytes:
    written = io.BytesIO()
    Image.fromarray(pixels, mode).save(written, "PNG")
    return written.getvalue()


def test_texts_are_scikit_learns_tf_idf() -> None:
    found = TextEncoder().fit(TEXTS).transform(TEXTS)
    peer = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True, token_pattern=r"(?u)\b\w+\b")
    np.testing.assert_allclose(found.toarray(), peer.fit_transform(TEXTS).toarray(), atol=1e-7)
    assert found.dtype == np.float32


def test_a_column_of_text_is_named_by_its_token() -> None:
    encoder = TextEncoder(characters=(2, 3)).fit(TEXTS)
    names = encoder.feature_names
    row = encoder.transform(["money back"]).toarray()[0]
    assert len(names) == len(row)
    assert {"word: money", "word: back", "word: money back"} <= {names[at] for at in np.flatnonzero(row)}
    assert "characters: mon" in {names[at] for at in np.flatnonzero(row)}
    assert not any("parcel" in names[at] for at in np.flatnonzero(row))


def test_tokens_that_were_not_there_when_it_was_fitted_are_nothing() -> None:
    assert TextEncoder().fit(TEXTS).transform(["unheard of"]).nnz == 0


def test_characters_alone_find_a_misspelling() -> None:
    encoder = TextEncoder(characters=(3, 4), fewest_items=1).fit(TEXTS)
    assert encoder.transform(["parcell"]).nnz > 0
    assert TextEncoder(fewest_items=1).fit(TEXTS).transform(["parcell"]).nnz == 0


def test_rare_tokens_are_left_out_and_the_most_frequent_kept() -> None:
    assert TextEncoder(fewest_items=3).fit(TEXTS).feature_names == ("word: parcel",)
    assert len(TextEncoder(fewest_items=1, most_features=5).fit(TEXTS).feature_names) == 5


def test_one_text_is_enough() -> None:
    assert TextEncoder().fit(["alone"]).feature_names == ("word: alone",)


def test_embeddings_have_mean_0_and_deviation_1() -> None:
    values = np.random.default_rng(0).normal(5, 3, (200, 4))
    values[:, 2] = 7.0
    encoder = EmbeddingEncoder().fit(values)
    found = encoder.transform(values)
    np.testing.assert_allclose(found.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(found.std(axis=0), [1, 1, 0, 1], atol=1e-5)
    np.testing.assert_allclose(encoder.transform(values[:3]), found[:3])
    assert encoder.feature_names[3] == "dimension 4"


def test_embeddings_may_be_a_list_of_rows() -> None:
    values = np.random.default_rng(0).random((5, 3))
    assert np.array_equal(
        EmbeddingEncoder().fit(list(values)).transform(list(values)),
        EmbeddingEncoder().fit(values).transform(values),
    )


def test_pixels_come_back_as_they_were() -> None:
    pictures = (load_digits().images[:50] / 16 * 255).astype(np.uint8)
    encoder = PixelEncoder(side=8).fit([png(picture) for picture in pictures])
    assert encoder.scale is not None
    found = encoder.transform([png(picture) for picture in pictures])
    back = found * encoder.scale.deviations + encoder.scale.means
    np.testing.assert_allclose(back, pictures.reshape(50, -1) / 255, atol=1e-5)
    assert encoder.feature_names[9] == "row 2, column 2"


def test_arrays_and_files_are_one() -> None:
    pictures = np.random.default_rng(1).integers(0, 255, (6, 20, 30, 3), dtype=np.uint8)
    of_arrays = PixelEncoder(side=4, colour="rgb").fit(list(pictures))
    of_files = PixelEncoder(side=4, colour="rgb").fit([png(picture) for picture in pictures])
    np.testing.assert_array_equal(of_arrays.transform(list(pictures)), of_files.transform(list(pictures)))
    assert of_arrays.transform(list(pictures)).shape == (6, 48)
    assert of_arrays.feature_names[5] == "row 1, column 2, blue"
    floats = PixelEncoder(side=4, colour="rgb").fit([picture / 255 for picture in pictures])
    np.testing.assert_allclose(
        floats.transform(list(pictures)), of_arrays.transform(list(pictures)), atol=1e-4
    )


def test_transparent_is_white() -> None:
    clear = np.zeros((8, 8, 4), dtype=np.uint8)
    encoder = PixelEncoder(side=2).fit([png(clear), png(np.zeros((8, 8), dtype=np.uint8))])
    assert encoder.scale is not None
    np.testing.assert_allclose(encoder.scale.means, 0.5)


@pytest.mark.parametrize("encoder", [TextEncoder(), EmbeddingEncoder(), PixelEncoder()])
def test_fit_comes_first_and_changes_nothing_that_was(encoder: Encoder[Any]) -> None:
    with pytest.raises(NotFitted, match="fit"):
        encoder.transform(TEXTS)
    with pytest.raises(NotFitted):
        _ = encoder.feature_names


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: TextEncoder().fit(cast(Any, ["a b", 3])), r"items\[1\]"),
        (lambda: TextEncoder().fit(["a b", "c d"]), "fewest_items"),
        (lambda: TextEncoder(words=(2, 1)).fit(TEXTS), "words"),
        (lambda: EmbeddingEncoder().fit(np.empty((0, 3))), "shape"),
        (lambda: EmbeddingEncoder().fit([np.ones(2), np.ones(3)]), "one length"),
        (lambda: EmbeddingEncoder().fit(np.array([[1.0, np.nan]])), "finite"),
        (lambda: EmbeddingEncoder().fit(np.ones((2, 3))).transform(np.ones((2, 4))), "shape"),
        (lambda: PixelEncoder().fit([b"no picture"]), r"items\[0\]"),
        (lambda: PixelEncoder().fit([png(np.zeros((4, 4), np.uint8))[:40]]), r"items\[0\]"),
        (lambda: PixelEncoder().fit([np.zeros((4, 4, 2), np.uint8)]), "shape"),
        (lambda: PixelEncoder().fit([np.full((4, 4), 3.0)]), "a pixel"),
        (lambda: PixelEncoder(side=0).fit([]), "side"),
        (lambda: PixelEncoder(colour=cast(Any, "sepia")).fit([]), "colour"),
    ],
)
def test_what_cannot_be_encoded_is_refused(call: Callable[[], object], words: str) -> None:
    with pytest.raises(BadOption, match=words):
        call()


def test_a_picture_that_would_fill_the_memory_is_not_unfolded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("analytics.encoders.MOST_PIXELS", 100)
    with pytest.raises(BadOption, match="pixels"):
        PixelEncoder().fit([png(np.zeros((20, 20), np.uint8))])


def test_features_are_checked() -> None:
    check_features(np.ones((2, 3), dtype=np.float32))
    check_features(csr_array(np.eye(3, dtype=np.float32)))
    for wrong in (
        np.ones((2, 3)),
        np.ones(3, dtype=np.float32),
        np.full((2, 2), np.inf, dtype=np.float32),
        [[1.0]],
    ):
        with pytest.raises(BadOption, match="features"):
            check_features(cast(Any, wrong))
