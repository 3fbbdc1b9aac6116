"""What an encoder has learned, as a row a feature: so that an item can be read later as the model read it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from analytics.encoders import EmbeddingEncoder, PixelEncoder, Scale, TextEncoder
from analytics.errors import BadOption
from analytics.features import Features, Floats32
from analytics.frames import FloatArray

WORD = "word: "
TEXT, PIXELS, EMBEDDINGS = "text", "pixels", "embeddings"


@dataclass(frozen=True, slots=True, eq=False)
class EncoderState:
    """What an encoder of a kind (text, pixels, embeddings) has learned.

    `names` (D,) of the features; `centres` and `scales` (D,): of pixels and embeddings the mean and the deviation of each; of
    tokens 0 and the inverse document frequency that a count is multiplied by.
    """

    kind: str
    names: tuple[str, ...]
    centres: Floats32
    scales: Floats32


def encoder_state(encoder: TextEncoder | PixelEncoder | EmbeddingEncoder) -> EncoderState:
    """What a fitted encoder has learned.

    Raises:
        NotFitted: it was not fitted.
        BadOption: it reads runs of characters too, which are not kept.
    """
    names = encoder.feature_names
    if isinstance(encoder, TextEncoder):
        if encoder.characters is not None:
            raise BadOption("characters", encoder.characters, "None: runs of characters are not kept")
        idf = encoder.fitted[0].idf_.astype(np.float32)
        return EncoderState(TEXT, names, np.zeros(len(names), dtype=np.float32), idf)
    kind = PIXELS if isinstance(encoder, PixelEncoder) else EMBEDDINGS
    scale = encoder.scale
    assert scale is not None  # feature_names raises where it is
    return EncoderState(kind, names, scale.means, scale.deviations)


def encode_texts(state: EncoderState, texts: list[str]) -> Features:
    """(I, D) CSR of texts, as the encoder gave them."""
    return _text_encoder(state).transform(texts)


def encode_one(state: EncoderState, content: str | bytes) -> FloatArray:
    """(D,) of one text or picture, as the encoder gave it.

    Raises:
        BadOption: a state of another kind than the content, or a picture that cannot be read.
    """
    if isinstance(content, str) and state.kind == TEXT:
        return np.asarray(_text_encoder(state).transform([content]).toarray()[0], dtype=np.float64)
    if isinstance(content, bytes) and state.kind == PIXELS:
        return np.asarray(_pixel_encoder(state).transform([content])[0], dtype=np.float64)
    raise BadOption("content", type(content).__name__, f"what an encoder of {state.kind} reads")


def encode_pictures(state: EncoderState, pictures: list[bytes]) -> Floats32:
    """(I, D) of pictures, as the encoder gave them.

    Raises:
        BadOption: one that cannot be read.
    """
    return _pixel_encoder(state).transform(pictures)


def side_of(state: EncoderState) -> int:
    """Height and width in pixels of the pictures that an encoder reads, grey or in three colours."""
    n_channels = 1 if math.isqrt(len(state.names)) ** 2 == len(state.names) else 3
    return math.isqrt(len(state.names) // n_channels)


def _text_encoder(state: EncoderState) -> TextEncoder:
    tokens = [name.removeprefix(WORD) for name in state.names]
    lengths = [token.count(" ") + 1 for token in tokens]
    runs = min(lengths), max(lengths)
    vectoriser = TextEncoder(words=runs).vectoriser("word", runs)
    vectoriser.set_params(vocabulary=tokens)
    vectoriser.idf_ = state.scales
    return TextEncoder(words=runs, fitted=(vectoriser,))


def _pixel_encoder(state: EncoderState) -> PixelEncoder:
    side = side_of(state)
    colour = "grey" if side * side == len(state.names) else "rgb"
    return PixelEncoder(side=side, colour=colour, scale=Scale(state.centres, state.scales))  # type: ignore[arg-type]  # one of the two
