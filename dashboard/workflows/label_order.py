"""The order in which a model counts its labels: as its configuration has it (`id2label`), or as a person says."""

from __future__ import annotations

import json
from pathlib import Path

from dashboard.workflows.errors import BadRequest

LARGEST = 10_000_000
"""Bytes; a configuration is never as large."""


def label_order(labels: str | None, id2label: Path | None) -> tuple[str, ...]:
    """The labels in the model's order, from words such as "cat,dog" or from a config.json; () where neither is given.

    Raises:
        BadRequest: both are given, a label is empty or twice, or the configuration cannot be read.
    """
    if labels is None:
        return () if id2label is None else read_label_order(id2label)
    if id2label is not None:
        raise BadRequest("--labels and --id2label both say the order of the labels; give one of them.")
    order = tuple(label.strip() for label in labels.split(","))
    if "" in order or len({*order}) < len(order):
        raise BadRequest(
            f"--labels {labels} has an empty label, or one twice; write --labels LABEL,LABEL,… ."
        )
    return order


def read_label_order(path: Path) -> tuple[str, ...]:
    """The labels of a config.json in the model's order: of LABEL_0, LABEL_1, ….

    Raises:
        BadRequest: the file cannot be read, or has no `id2label` that numbers the labels from 0 without a gap.
    """
    try:
        if path.stat().st_size > LARGEST:
            raise BadRequest(f"{path.name} is too large for a model's configuration.")
        held = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise BadRequest(f"{path.name} is no JSON file that can be read: {error}") from error
    found = held.get("id2label", held) if isinstance(held, dict) else None
    named = {str(key): label for key, label in found.items()} if isinstance(found, dict) else {}
    labels = [named.get(str(place)) for place in range(len(named))]
    if not labels or not all(isinstance(label, str) for label in labels):
        raise BadRequest(
            f'{path.name} has no id2label that numbers the labels from 0, such as {{"id2label": {{"0": "cat", "1": "dog"}}}}.'
        )
    return tuple(str(label) for label in labels)
