"""Training on what a network of others reads: the library is an extra, and a fake of it stands in here."""

from __future__ import annotations

import sys
import zlib
from collections.abc import Sequence
from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from dashboard.workflows import explain, history, train
from dashboard.workflows.errors import BadRequest
from dashboard.workflows.opening import Store
from tests import stores
from tests.dashboard.test_uncertainty import OPTIONS, P, plain  # noqa: F401 -- a fixture

NAMED = replace(OPTIONS, encoder="sentences:a-name")


class WordCounts:
    """A text as how often each of 40 bins of words is in it."""

    def __init__(self, name: str, device: str) -> None:
        assert (name, device) == ("a-name", "cpu")

    def encode(self, texts: Sequence[str], **_: object) -> np.ndarray[Any, Any]:
        bins = [[zlib.crc32(word.encode()) % 40 for word in text.split()] for text in texts]
        return np.array([np.bincount(one, minlength=40) for one in bins], dtype=np.float32)


@pytest.fixture
def sentences(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("sentence_transformers")
    module.SentenceTransformer = WordCounts  # type: ignore[attr-defined]  # a fake has what is put into it
    monkeypatch.setitem(sys.modules, "sentence_transformers", module)
    monkeypatch.setattr("analytics.pretrained.choose_device", lambda _device: "cpu")


@pytest.mark.usefixtures("sentences")
def test_a_named_network_reads_the_texts(plain: Store) -> None:  # noqa: F811 -- the fixture of that name
    done = train.train(plain, project_id=P, by=stores.LENA, options=NAMED)
    assert (done.encoder, done.n_features) == ("embeddings", 40)
    assert done.accuracy is not None
    assert done.accuracy > 0.6  # of three labels
    item = next(iter(plain.read("model_items", project_id=P, as_of=None)["item_id"]))
    told = explain.explain(plain, project_id=P, by=stores.LENA, item_id=item)
    assert not told.model.spans  # a dimension means nothing to a person
    assert "sentences:a-name" in repr(history.raw_event(plain, by=stores.LENA, seq=plain.head))


def test_without_the_library_it_is_said_how_to_get_it(
    plain: Store,  # noqa: F811 -- the fixture of that name
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(BadRequest, match=r"pip install 'touchstone\[text\]'"):
        train.train(plain, project_id=P, by=stores.LENA, options=NAMED)


@pytest.mark.parametrize("encoder", ["bert", "sentences:", "backbone:"])
def test_what_is_no_encoder_is_refused(plain: Store, encoder: str) -> None:  # noqa: F811 -- the fixture of that name
    with pytest.raises(BadRequest, match="sentences:NAME"):
        train.train(plain, project_id=P, by=stores.LENA, options=replace(NAMED, encoder=encoder))
