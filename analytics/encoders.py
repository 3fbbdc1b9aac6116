"""Encoders: from what an item is (a text, a picture, an embedding) to what a model reads, a row of numbers.

An encoder is fitted to the items, never to their labels; so all items, those that are judged too, may have a part in
its vocabulary and its means without giving any label away. Each column keeps a name, so that an explanation can say
what a weight belongs to. Encoders that need a network trained by others are in `pretrained`.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, Protocol, Self, TypeVar, get_args

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, hstack

from analytics.errors import AnalyticsError, BadOption
from analytics.features import Features, Floats32

if TYPE_CHECKING:
    from sklearn.feature_extraction.text import TfidfVectorizer

Content_contra = TypeVar("Content_contra", contravariant=True)
Colour = Literal["grey", "rgb"]
Picture = bytes | NDArray[Any]
"""An image file (PNG, JPEG, ...), or pixels (H, W) or (H, W, 3): uint8, or floats in [0, 1]."""

MARKS = "\u0300-\u036f\u0591-\u05c7\u064b-\u065f\u0670\u0900-\u0dff\u0e31-\u0e4e\u200c\u200d"
TOKEN = rf"\w[\w{MARKS}]*"
"""A word: letters and digits with the marks that belong to them (of Hindi, Thai, Arabic or Hebrew, say). One letter is a word too:
scikit-learn's own rule would drop "I" and most Chinese words."""

MOST_PIXELS = 50_000_000
"""A picture of more is refused unopened: a small file can unfold to more memory than there is."""


class NotFitted(AnalyticsError):
    """An encoder was asked to encode before it was fitted."""

    def __init__(self, encoder: object) -> None:
        super().__init__(f"{type(encoder).__name__} is not fitted: call fit(items) and use what it returns")


class Encoder(Protocol[Content_contra]):
    """From items to features. Immutable: `fit` returns the fitted encoder."""

    @property
    def feature_names(self) -> tuple[str, ...]:
        """(D,) what each column is.

        Raises:
            NotFitted: before `fit`.
        """
        ...

    def fit(self, items: Sequence[Content_contra]) -> Self:
        """The encoder with what it learned from the items.

        Raises:
            BadOption: items that it cannot learn from.
        """
        ...

    def transform(self, items: Sequence[Content_contra]) -> Features:
        """The features (I, D) of items, in their order.

        Raises:
            NotFitted: before `fit`.
            BadOption: items that it cannot encode.
        """
        ...


@dataclass(frozen=True, slots=True)
class Scale:
    """Means and standard deviations (D,) of columns; a column that never changes has a deviation of 1: it becomes 0."""

    means: Floats32
    deviations: Floats32

    @classmethod
    def of(cls, values: Floats32) -> Scale:
        """Of the columns of (I, D)."""
        means = values.mean(axis=0, dtype=np.float64)
        deviations = values.std(axis=0, dtype=np.float64)
        constant = deviations <= 1e-7 * np.maximum(np.abs(means), 1e-30)
        return cls(means.astype(np.float32), np.where(constant, 1.0, deviations).astype(np.float32))

    def apply(self, values: Floats32) -> Floats32:
        """(I, D) of mean 0 and deviation 1."""
        return (values - self.means) / self.deviations


@dataclass(frozen=True, slots=True)
class TextEncoder:
    """TF-IDF: how often a token is in a text, weighed by how few texts have it, each row of length 1 (scikit-learn's).

    Tokens are runs of words, in lower case; with `characters`, runs of characters within words too, which forgive
    misspellings and need no spaces between words (names "word: no refund", "characters: efun").

    Attributes:
        words: the shortest and the longest run of words.
        characters: the shortest and the longest run of characters; None for none.
        fewest_items: texts that a token has to be in.
        most_features: the most frequent tokens that are kept, of words and of characters each.
    """

    words: tuple[int, int] = (1, 2)
    characters: tuple[int, int] | None = None
    fewest_items: int = 2
    most_features: int = 20_000
    fitted: tuple[TfidfVectorizer, ...] = ()

    @property
    def feature_names(self) -> tuple[str, ...]:
        """As `Encoder`."""
        self._require_fitted()
        kinds = zip(("word: ", "characters: "), self.fitted, strict=False)
        return tuple(kind + token for kind, one in kinds for token in one.get_feature_names_out())

    def fit(self, items: Sequence[str]) -> TextEncoder:
        """As `Encoder`."""
        check_texts(items)
        learned = [self.vectoriser("word", self.words)]
        if self.characters is not None:
            learned.append(self.vectoriser("char_wb", self.characters))
        fewest = min(self.fewest_items, len(items))
        for one in learned:
            one.min_df = fewest
            try:
                one.fit(items)
            except ValueError as problem:
                needs = f"with a token that is in {fewest} of them or more: see fewest_items"
                raise BadOption("items", f"{len(items)} texts", needs) from problem
        return replace(self, fitted=tuple(learned))

    def transform(self, items: Sequence[str]) -> csr_array:
        """As `Encoder`."""
        self._require_fitted()
        check_texts(items)
        parts = [csr_array(one.transform(items), dtype=np.float32) for one in self.fitted]
        found = csr_array(hstack(parts, format="csr")) if len(parts) > 1 else parts[0]
        found.sort_indices()
        return found

    def vectoriser(self, analyzer: str, runs: tuple[int, int]) -> TfidfVectorizer:
        """scikit-learn's, not fitted, for runs of an analyzer ("word", "char_wb")."""
        from sklearn.feature_extraction.text import TfidfVectorizer

        if not 1 <= runs[0] <= runs[1]:
            raise BadOption(
                "words" if analyzer == "word" else "characters", runs, "(shortest, longest), 1 or more"
            )
        return TfidfVectorizer(
            analyzer=analyzer,
            ngram_range=runs,
            max_features=self.most_features,
            sublinear_tf=True,
            token_pattern=TOKEN if analyzer == "word" else None,
            dtype=np.float32,
        )

    def _require_fitted(self) -> None:
        if not self.fitted:
            raise NotFitted(self)


@dataclass(frozen=True, slots=True)
class EmbeddingEncoder:
    """Embeddings that were made elsewhere, each column moved to mean 0 and deviation 1."""

    scale: Scale | None = None

    @property
    def feature_names(self) -> tuple[str, ...]:
        """As `Encoder`: "dimension 1", "dimension 2", ..."""
        return dimension_names(len(_scale(self, self.scale).means))

    def fit(self, items: Sequence[NDArray[np.floating]] | NDArray[np.floating]) -> EmbeddingEncoder:
        """As `Encoder`; items are (I, D)."""
        return replace(self, scale=Scale.of(_embeddings(items)))

    def transform(self, items: Sequence[NDArray[np.floating]] | NDArray[np.floating]) -> Floats32:
        """As `Encoder`; items are (I, D)."""
        scale, values = _scale(self, self.scale), _embeddings(items)
        if values.shape[1] != len(scale.means):
            raise BadOption("items", f"array of shape {values.shape}", f"of shape (I, {len(scale.means)})")
        return scale.apply(values)


@dataclass(frozen=True, slots=True)
class PixelEncoder:
    """Pictures as their pixels, made small and square, each pixel moved to mean 0 and deviation 1.

    Attributes:
        side: width and height in pixels after shrinking or stretching.
        colour: "grey", one number a pixel, or "rgb", three.
    """

    side: int = 16
    colour: Colour = "grey"
    scale: Scale | None = None

    @property
    def feature_names(self) -> tuple[str, ...]:
        """As `Encoder`: "row 1, column 1", or with ", red" and so on."""
        _scale(self, self.scale)
        tints = ("",) if self.colour == "grey" else (", red", ", green", ", blue")
        places = range(1, self.side + 1)
        return tuple(
            f"row {row}, column {column}{tint}" for row in places for column in places for tint in tints
        )

    def fit(self, items: Sequence[Picture]) -> PixelEncoder:
        """As `Encoder`."""
        return replace(self, scale=Scale.of(self._pixels(items)))

    def transform(self, items: Sequence[Picture]) -> Floats32:
        """As `Encoder`."""
        return _scale(self, self.scale).apply(self._pixels(items))

    def _pixels(self, items: Sequence[Picture]) -> Floats32:
        from PIL import Image

        if isinstance(self.side, bool) or not isinstance(self.side, int) or self.side < 1:
            raise BadOption("side", self.side, "a whole number of 1 or more")
        if self.colour not in get_args(Colour):
            raise BadOption("colour", self.colour, get_args(Colour))
        mode = "L" if self.colour == "grey" else "RGB"
        found = np.empty((len(items), self.side * self.side * len(mode)), dtype=np.float32)
        for place, item in enumerate(items):  # a file is opened at a time
            picture = open_picture(item, mode, place)
            small = picture.resize((self.side, self.side), Image.Resampling.BILINEAR)
            found[place] = np.asarray(small, dtype=np.float32).reshape(-1) / 255
        return found


def open_picture(item: Picture, mode: str, place: int) -> Any:
    """A Pillow image in a mode ("L", "RGB").

    Raises:
        BadOption: what is no picture, or one of more than MOST_PIXELS.
    """
    from PIL import Image, UnidentifiedImageError

    if isinstance(item, np.ndarray):
        return Image.fromarray(_eight_bits(item, place)).convert(mode)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(item)) as opened:
                if opened.width * opened.height > MOST_PIXELS:
                    raise BadOption(f"items[{place}]", f"{opened.width} x {opened.height} pixels",
                                    f"at most {MOST_PIXELS:,} pixels")  # fmt: skip
                # Transparent means white, not whatever lies beneath.
                layered = opened.convert("RGBA")
                paper = Image.new("RGBA", layered.size, (255, 255, 255, 255))
                return Image.alpha_composite(paper, layered).convert(mode)
    except (
        UnidentifiedImageError,
        Image.DecompressionBombError,
        OSError,
        SyntaxError,
        ValueError,
    ) as problem:
        raise BadOption(
            f"items[{place}]", f"{len(item)} bytes", "an image file that can be read"
        ) from problem


def check_texts(items: Sequence[str]) -> None:
    """Check that items are texts.

    Raises:
        BadOption: an item that is not.
    """
    odd = next((place for place, item in enumerate(items) if not isinstance(item, str)), None)
    if odd is not None:
        raise BadOption(f"items[{odd}]", type(items[odd]).__name__, "a text")


def dimension_names(width: int) -> tuple[str, ...]:
    """Names of columns that have no other.

    >>> dimension_names(2)
    ('dimension 1', 'dimension 2')
    """
    return tuple(f"dimension {place}" for place in range(1, width + 1))


def _eight_bits(pixels: NDArray[Any], place: int) -> NDArray[np.uint8]:
    grey, coloured = pixels.ndim == 2, pixels.ndim == 3 and pixels.shape[-1] == 3
    floats = np.issubdtype(pixels.dtype, np.floating)
    if not (grey or coloured) or not pixels.size or not (floats or pixels.dtype == np.uint8):
        given = f"array of {pixels.dtype} and shape {pixels.shape}"
        raise BadOption(f"items[{place}]", given, "(H, W) or (H, W, 3) of uint8, or of floats in [0, 1]")
    if not floats:
        return np.ascontiguousarray(pixels, dtype=np.uint8)
    if not ((pixels >= 0) & (pixels <= 1)).all():
        raise BadOption(f"items[{place}]", "a pixel", "in [0, 1] where pixels are floats")
    return np.asarray(np.rint(pixels * 255), dtype=np.uint8)


def _embeddings(items: Sequence[NDArray[np.floating]] | NDArray[np.floating]) -> Floats32:
    try:
        values = np.asarray(items, dtype=np.float32)
    except ValueError as problem:
        raise BadOption("items", "embeddings", "of one length") from problem
    if values.ndim != 2 or 0 in values.shape:
        raise BadOption("items", f"array of shape {values.shape}", "of shape (I, D), both 1 or more")
    if not np.isfinite(values).all():
        raise BadOption("items", "an embedding", "finite")
    return values


def _scale(encoder: object, scale: Scale | None) -> Scale:
    if scale is None:
        raise NotFitted(encoder)
    return scale
