"""Encoders with a network by others: fakes of the two libraries stand in for them, their absence is said plainly."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from analytics.encoders import NotFitted
from analytics.errors import BadOption
from analytics.pretrained import BackboneEncoder, ExtraMissing, SentenceEncoder

TEXTS = ["one", "three words here", "and two"]
PICTURES = [np.full((6, 6), shade, dtype=np.uint8) for shade in (0, 90, 200, 255)]


class FakeSentences:
    """Embeds a text as its length, its number of words, and a constant."""

    def __init__(self, name: str, device: str) -> None:
        if name == "missing":
            raise OSError("no such model")
        self.device = device

    def encode(self, texts: Sequence[str], *, batch_size: int, **_: object) -> np.ndarray[Any, Any]:
        assert batch_size == 32
        return np.array([[len(text), len(text.split()), 1.0] for text in texts])


class FakeNetwork(torch.nn.Module):
    """Embeds a picture as its mean and its square; the last layer would turn that into labels."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = torch.nn.Linear(2, 1000)

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        means = pictures.flatten(1).mean(dim=1)
        found: torch.Tensor = self.fc(torch.stack([means, means**2], dim=1))
        return found


def fake_torchvision(network: type[torch.nn.Module]) -> ModuleType:
    def weights_of(name: str) -> Any:
        if name != "resnet18":
            raise ValueError("Unknown model")
        prepare = lambda picture: torch.from_numpy(np.array(picture)).float() / 255  # noqa: E731 - as short as can be
        return SimpleNamespace(DEFAULT=SimpleNamespace(transforms=lambda: prepare))

    module = ModuleType("torchvision")
    module.models = SimpleNamespace(  # type: ignore[attr-defined]  # a fake has what is put into it
        get_model_weights=weights_of, get_model=lambda name, weights: network()
    )
    return module


@pytest.fixture
def sentences(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("sentence_transformers")
    module.SentenceTransformer = FakeSentences  # type: ignore[attr-defined]  # as above
    monkeypatch.setitem(sys.modules, "sentence_transformers", module)


@pytest.mark.usefixtures("sentences")
def test_sentences_are_embedded_and_scaled() -> None:
    encoder = SentenceEncoder("some-model", device="cpu").fit(TEXTS)
    found = encoder.transform(TEXTS)
    assert found.shape == (3, 3)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found.std(axis=0), [1, 1, 0], atol=1e-6)
    assert found[1].argmax() < 2
    assert encoder.feature_names == ("dimension 1", "dimension 2", "dimension 3")


@pytest.mark.usefixtures("sentences")
def test_a_model_that_is_not_there_is_named() -> None:
    with pytest.raises(BadOption, match="missing"):
        SentenceEncoder("missing", device="cpu").fit(TEXTS)
    with pytest.raises(NotFitted):
        SentenceEncoder("some-model", device="cpu").transform(TEXTS)


def test_pictures_are_seen_by_the_last_layer_but_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torchvision", fake_torchvision(FakeNetwork))
    encoder = BackboneEncoder(device="cpu", batch=3).fit(PICTURES)
    found = encoder.transform(PICTURES)
    assert found.shape == (4, 2)
    means = np.array([0, 90, 200, 255]) / 255
    expected = np.stack([means, means**2], axis=1)
    np.testing.assert_allclose(found, (expected - expected.mean(axis=0)) / expected.std(axis=0), atol=1e-5)


@pytest.mark.parametrize("attribute", ["classifier", "heads", "head"])
def test_the_last_layer_is_found_by_its_names(attribute: str, monkeypatch: pytest.MonkeyPatch) -> None:
    class Other(FakeNetwork):
        def __init__(self) -> None:
            super().__init__()
            last, self.fc = self.fc, torch.nn.Identity()  # type: ignore[assignment]  # the network's own kind
            setattr(self, attribute, torch.nn.Sequential(torch.nn.Identity(), last))

        def forward(self, pictures: torch.Tensor) -> torch.Tensor:
            found: torch.Tensor = getattr(self, attribute)(super().forward(pictures))
            return found

    monkeypatch.setitem(sys.modules, "torchvision", fake_torchvision(Other))
    assert BackboneEncoder(device="cpu").fit(PICTURES).transform(PICTURES).shape == (4, 2)


def test_a_network_of_another_build_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torchvision", fake_torchvision(torch.nn.Identity))
    with pytest.raises(BadOption, match="last layer"):
        BackboneEncoder(device="cpu").fit(PICTURES)
    with pytest.raises(BadOption, match="alexnet9"):
        BackboneEncoder("alexnet9", device="cpu").fit(PICTURES)


@pytest.mark.parametrize(
    ("module", "encoder", "items", "words"),
    [
        ("sentence_transformers", SentenceEncoder("some-model", device="cpu"), TEXTS, r"touchstone\[text\]"),
        ("torchvision", BackboneEncoder(device="cpu"), PICTURES, r"touchstone\[images\]"),
    ],
)
def test_where_the_library_is_not_installed_it_says_how_to(
    module: str, encoder: Any, items: Any, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ExtraMissing, match=words):
        encoder.fit(items)
