"""What stands in a Label Studio result: the choices of a control, of an annotation or of a prediction."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Prediction:
    """A model's result for a task."""

    model_run: str
    score: float | None
    result: Sequence[object]
    prediction_id: str | None = None

    def label(self, control: str, *, sets: bool = False) -> str | None:
        """The one choice for this control (with `sets` all of them, as a JSON list), or None."""
        return label_of(choices_of(self.result, control), sets=sets)


def read_prediction(given: Mapping[str, object]) -> Prediction:
    """A prediction as the export writes it; what is missing or of another type is left out."""
    score, result = given.get("score"), given.get("result")
    number = float(score) if isinstance(score, (int, float)) and not isinstance(score, bool) else None
    if number is not None and number - number != 0:
        number = None
    run = text_of_value(given.get("model_version")) or "unnamed"
    return Prediction(run, number, result if isinstance(result, list) else [], text_of_value(given.get("id")))


def label_of(choices: list[str], *, sets: bool) -> str | None:
    """The one choice (with `sets` all of them, as a JSON list), or None."""
    if sets:
        members = sorted({choice.strip() for choice in choices})
        return json.dumps(members, ensure_ascii=False) if members else None
    return choices[0].strip() if len(choices) == 1 else None


def choices_of(result: object, control: str) -> list[str]:
    """All choices for a control, over all its parts of a result."""
    found: list[str] = []
    for part in parts_of({"result": result}):
        value = part.get("value")
        if control_of(part) == control and part.get("type") == "choices" and isinstance(value, dict):
            choices = value.get("choices")
            texts = [text_of_value(c) for c in choices] if isinstance(choices, list) else []
            found += [t for t in texts if t is not None and t.strip()]
    return found


def parts_of(annotation: Mapping[str, object]) -> list[Mapping[str, object]]:
    """The parts of an annotation's result that are objects."""
    result = annotation.get("result")
    return [r for r in result if isinstance(r, dict)] if isinstance(result, list) else []


def control_of(part: Mapping[str, object]) -> str:
    """The control that a part of a result answers."""
    return text_of_value(part.get("from_name")) or ""


def text_of_value(value: object) -> str | None:
    """A JSON value as text; lists and objects as JSON; half of a surrogate pair becomes U+FFFD."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
    return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
