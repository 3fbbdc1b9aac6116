"""A project whose labels are sets, with words that tell them: letters and what they are about, some labelled wrong by everybody."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dashboard.workflows import ingest, score, train, uncertainty
from dashboard.workflows.opening import Store
from tests import stores

P = "topics"
TOPICS = ("bill", "login", "parcel")
WORDS = {
    "bill": "invoice amount charged twice card refund money",
    "login": "password reset account sign code locked email",
    "parcel": "delivery courier late box address tracking arrived",
}
N_ITEMS, N_MISSING, N_EXTRA = 200, 8, 8
"""Of the first N_MISSING letters everybody leaves a topic out, of the next N_EXTRA everybody adds one."""

SPLIT = range(16, 24)
"""Of these four people are of two minds about a topic; the others have two annotations each."""


def truth() -> NDArray[np.bool_]:
    """(N_ITEMS, 3) what each letter is about: one topic or more."""
    rng = np.random.default_rng(8)
    found = rng.random((N_ITEMS, 3)) < 0.45
    found[np.arange(N_ITEMS), rng.integers(0, 3, N_ITEMS)] = True
    found[:N_MISSING, 1] = True
    found[N_MISSING : N_MISSING + N_EXTRA, 2] = False
    found[N_MISSING : N_MISSING + N_EXTRA, 0] = True
    return found


def given() -> NDArray[np.bool_]:
    """(N_ITEMS, 3) what annotators see in each letter, their slips aside."""
    found = truth()
    found[:N_MISSING, 1] = False
    found[N_MISSING : N_MISSING + N_EXTRA, 2] = True
    return found


def names(row: NDArray[np.bool_]) -> list[str]:
    return [TOPICS[place] for place in np.flatnonzero(row)]


def topic_rows() -> list[dict[str, Any]]:
    rng = np.random.default_rng(9)
    real, seen = truth(), given()
    rows: list[dict[str, Any]] = []
    for item in range(N_ITEMS):
        words = [
            word for topic in names(real[item]) for word in rng.choice(WORDS[topic].split(), 4, replace=False)
        ]
        for person in range(4 if item in SPLIT else 2):
            said = seen[item] ^ (rng.random(3) < 0.03)
            if item in SPLIT:
                said[0] = person % 2 == 0
            rows.append(
                {
                    "item": f"t-{item:03d}",
                    "annotator": f"a{person}",
                    "label": names(said),
                    "text": " ".join(words) + f" ref{item}",
                    "gold": names(real[item]) if item % 10 == 9 else None,
                    "desk": "AB"[item % 2],
                }
            )
    return rows


def scored_topics(folder: Path) -> Store:
    """A store with the letters, imported and scored."""
    return stores.copied(folder / "store", with_topics)


def with_topics(path: Path, keys: Path, clock: stores.SteppingClock) -> Store:
    """Makes the store of `scored_topics`."""
    store = stores.empty_store(path, keys=keys, clock=clock)
    file = path.parent / "topics.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in topic_rows()), "utf-8")
    ingest.import_file(
        store,
        path=file,
        project_id=P,
        by=stores.LENA,
        options=ingest.ImportOptions(item_attributes=("desk",)),
        request=ingest.ImportRequest(level="set"),
    )
    score.score(
        store, project_id=P, by=stores.LENA, options=score.ScoreOptions(replicates=100, figures=False)
    )
    return store


def judge_topics(store: Store, *, n_members: int, n_folds: int) -> None:
    """Train the built-in model on the letters and hold it against their labels."""
    options = train.TrainOptions(n_members=n_members, n_folds=n_folds, penalty=0.1)
    train.train(store, project_id=P, by=stores.LENA, options=options)
    uncertainty.uncertainty(
        store, project_id=P, by=stores.LENA, options=uncertainty.UncertaintyOptions(replicates=100)
    )
