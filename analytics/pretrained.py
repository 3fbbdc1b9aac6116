"""Encoders whose network somebody else trained: sentences by sentence-transformers, pictures by torchvision.

Both are extras: a name is enough where the library is installed, and an error says how to install it where it is not.
The network's weights are read from the library's own cache, or downloaded by it the first time; a folder's path instead
of a name downloads nothing. What comes out is scaled as given embeddings are.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from types import ModuleType
from typing import Any

import numpy as np

from analytics.device import Device, choose_device
from analytics.encoders import EmbeddingEncoder, Picture, check_texts, open_picture
from analytics.errors import AnalyticsError, BadOption
from analytics.features import Floats32


class ExtraMissing(AnalyticsError):
    """A library that is an extra is not installed."""

    def __init__(self, library: str, extra: str, instead: str) -> None:
        super().__init__(
            f"{library} is not installed. Install it by: pip install 'touchstone[{extra}]'. "
            f"Without it, use {instead}, or give embeddings."
        )


@dataclass(frozen=True, slots=True)
class SentenceEncoder:
    """Texts as a sentence-transformers model embeds them.

    Attributes:
        model: a name or a folder.
        device: "cpu", "cuda" or "auto".
        batch: texts that are embedded at once.
    """

    model: str
    device: Device = "auto"
    batch: int = 32
    scaled: EmbeddingEncoder = field(default_factory=EmbeddingEncoder)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """As `Encoder`."""
        return self.scaled.feature_names

    def fit(self, items: Sequence[str]) -> SentenceEncoder:
        """As `Encoder`.

        Raises:
            BadOption: as `Encoder`; a model that cannot be loaded.
            ExtraMissing: sentence-transformers is not installed.
        """
        return replace(self, scaled=EmbeddingEncoder().fit(self._embedded(items)))

    def transform(self, items: Sequence[str]) -> Floats32:
        """As `Encoder`; raises as `fit` too."""
        return self.scaled.transform(self._embedded(items))

    def _embedded(self, items: Sequence[str]) -> Floats32:
        check_texts(items)
        library = _extra("sentence_transformers", "sentence-transformers", "text", "TF-IDF")
        try:
            model = library.SentenceTransformer(self.model, device=choose_device(self.device))
        except (OSError, ValueError) as problem:
            raise BadOption("model", self.model, "a sentence-transformers model or its folder") from problem
        found = model.encode(
            list(items), batch_size=self.batch, convert_to_numpy=True, show_progress_bar=False
        )
        return np.asarray(found, dtype=np.float32)


@dataclass(frozen=True, slots=True)
class BackboneEncoder:
    """Pictures as the last layer but one of a torchvision classifier sees them.

    Attributes:
        model: a name, as torchvision's `get_model` knows it ("resnet18", "vit_b_16", ...), with its default weights.
        device: "cpu", "cuda" or "auto".
        batch: pictures that are embedded at once.
    """

    model: str = "resnet18"
    device: Device = "auto"
    batch: int = 32
    scaled: EmbeddingEncoder = field(default_factory=EmbeddingEncoder)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """As `Encoder`."""
        return self.scaled.feature_names

    def fit(self, items: Sequence[Picture]) -> BackboneEncoder:
        """As `Encoder`.

        Raises:
            BadOption: as `Encoder`; a model that torchvision has not, or whose last layer is not found.
            ExtraMissing: torchvision is not installed.
        """
        return replace(self, scaled=EmbeddingEncoder().fit(self._embedded(items)))

    def transform(self, items: Sequence[Picture]) -> Floats32:
        """As `Encoder`; raises as `fit` too."""
        return self.scaled.transform(self._embedded(items))

    def _embedded(self, items: Sequence[Picture]) -> Floats32:
        import torch

        library = _extra("torchvision", "torchvision", "images", "pixels")
        device = choose_device(self.device)
        try:
            weights = library.models.get_model_weights(self.model).DEFAULT
            network = library.models.get_model(self.model, weights=weights)
        except (ValueError, OSError) as problem:
            raise BadOption(
                "model", self.model, "a classifier of torchvision that can be loaded"
            ) from problem
        _without_last_layer(network, self.model)
        network = network.eval().to(device)
        prepare = weights.transforms()
        parts = []
        with torch.inference_mode():
            for first in range(0, len(items), self.batch):
                some = enumerate(items[first : first + self.batch], start=first)
                batch = torch.stack([prepare(open_picture(item, "RGB", place)) for place, item in some])
                parts.append(network(batch.to(device)).flatten(1).float().cpu().numpy())
        return np.concatenate(parts) if parts else np.empty((0, 0), dtype=np.float32)


def _without_last_layer(network: Any, name: str) -> None:
    """Put nothing in the place of the layer that names the labels the network was trained for."""
    import torch

    for attribute in ("fc", "classifier", "head", "heads"):
        layer = getattr(network, attribute, None)
        if isinstance(layer, torch.nn.Sequential) and len(layer):
            layer[-1] = torch.nn.Identity()
            return
        if isinstance(layer, torch.nn.Linear):
            setattr(network, attribute, torch.nn.Identity())
            return
    raise BadOption("model", name, "a classifier whose last layer is fc, classifier, head or heads")


def _extra(module: str, library: str, extra: str, instead: str) -> ModuleType:
    try:
        return importlib.import_module(module)
    except ImportError as problem:
        raise ExtraMissing(library, extra, instead) from problem
