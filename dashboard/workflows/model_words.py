"""A model run in words: what it was trained on, and what its doubt rests on."""

from __future__ import annotations

import json
from collections.abc import Mapping

from dashboard.workflows.model_samples import BUILT_IN
from dashboard.workflows.train_options import CONSENSUS, CROWD, DROPOUT, ENSEMBLE, HIDDEN, LAPLACE, NETWORKS

DOUBTS = {
    ENSEMBLE: "an ensemble of {n} fits, each of which weighs the items otherwise",
    NETWORKS: "an ensemble of {n} networks, which began elsewhere and weigh the items otherwise (a deep ensemble)",
    DROPOUT: "{n} passes through a network with units dropped (MC dropout); read it as an order among items: its size follows the share "
    "that is dropped",
    LAPLACE: "{n} draws from what its weights may be (last-layer Laplace)",
    "brought in": "{n} samples an item that were brought in with it",
}
"""What the members of a run are -> what its doubt rests on."""


def provenance_words(text: str | None) -> str:
    """A run's provenance in a line; nothing where there is none.

    >>> provenance_words('{"by": "built-in model", "encoder": "text", "features": 900, "members": 5, "folds": 5, "labelled": 300}')
    'built-in model on text (900 features), 5 members in 5 folds, trained on 300 labels'
    """
    held = _held(text)
    if held.get("by") != BUILT_IN:
        return ""
    network = f", a network of {held['width']} hidden units," if held.get("model") == HIDDEN else ""
    taught = f"{held['labelled']:,} labels"
    if held.get("labels", CONSENSUS) == CROWD:
        taught = f"what {held['annotators']:,} annotators said of {held['labelled']:,} items, their errors learned with it"
    return (
        f"{BUILT_IN}{network} on {held['encoder']} ({held['features']:,} features), {held['members']} members in {held['folds']} folds, "
        f"trained on {taught}"
    )


def doubt_words(text: str | None, n_members: int) -> str:
    """What a run's doubt about its own answers rests on, as a sentence.

    Args:
        text: the run's provenance.
        n_members: M; 1 where a run gave one answer an item.

    >>> doubt_words('{"by": "built-in model", "members_are": "laplace"}', 20)
    'What it does not know is read from 20 draws from what its weights may be (last-layer Laplace).'
    >>> doubt_words(None, 1)
    'It gave one answer an item: what it does not know cannot be told from what nobody can.'
    """
    if n_members < 2:
        return "It gave one answer an item: what it does not know cannot be told from what nobody can."
    held = _held(text)
    kind = str(held.get("members_are", ENSEMBLE)) if held.get("by") == BUILT_IN else "brought in"
    return f"What it does not know is read from {DOUBTS[kind].format(n=n_members)}."


def _held(text: str | None) -> Mapping[str, object]:
    found: Mapping[str, object] = json.loads(text) if text else {}
    return found
