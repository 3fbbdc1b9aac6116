"""A model's suggestion beside an item: when it is shown, and the draw that hides some of them.

"after" (the default) shows it once the blind answer is given, "never" not at all, "before" while somebody answers, except for a
share that is hidden at random. Only then can be told how far suggestions pull labels. The draw is made once for each (item,
annotator), from a seed that is written in the journal with the rule, and stands in the event that hands the item out, before the
answer. A label that was given with a suggestion shown is never an independent one.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass

from dashboard.workflows.errors import BadRequest
from dashboard.workflows.label_words import label_text
from dashboard.workflows.opening import Store
from dashboard.workflows.rules import Person, require
from data.database import Reader
from data.records import Draft

KEY = "work.suggestions"
NEVER, AFTER, BEFORE = "never", "after", "before"
WHEN = (NEVER, AFTER, BEFORE)
LEAST_HIDDEN = 0.05


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A model's label for the item, with the model's own probability."""

    label: str
    score: float | None
    model_run: str
    label_code: int | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """When suggestions are shown; `hidden_share` and `seed` count for "before" alone."""

    when: str = AFTER
    hidden_share: float = 0.3
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Drawn:
    """What was drawn for an (item, annotator)."""

    label_code: int | None
    is_shown: bool


def rule_of(reader: Store | Reader, project_id: str, *, as_of: int | None = None) -> Rule:
    """The rule of the project as of a seq."""
    rows = reader.read("release_settings", project_id=project_id, as_of=as_of)
    found = rows.filter(key=KEY)
    return Rule() if found.is_empty() else Rule(**json.loads(found["value"][0]))


def change_rule(
    store: Store, *, project_id: str, by: Person, rule: Rule, reason: str, request_id: str | None = None
) -> Rule:
    """Change when suggestions are shown, by an event that says why; returns what it is changed to. What was drawn before stays drawn.

    Raises:
        BadRequest: an unknown rule, a share out of range, no reason. NotAllowed: the person may not change settings.
    """
    require(by, "setting.change")
    if rule.when not in WHEN:
        raise BadRequest(f"Suggestions are shown {', '.join(WHEN)}; not {rule.when!r}.")
    if not LEAST_HIDDEN <= rule.hidden_share <= 1 - LEAST_HIDDEN:
        raise BadRequest(
            f"The hidden share lies between {LEAST_HIDDEN} and {1 - LEAST_HIDDEN}, so that the two can be compared."
        )
    if not reason.strip():
        raise BadRequest("Changing when suggestions are shown needs a reason: an auditor will ask for it.")

    def plan(reader: Reader) -> Draft | None:
        before = rule_of(reader, project_id)
        if before == rule:
            return None
        row = {"key": KEY, "value": json.dumps(asdict(rule))}
        payload = {
            "rows": {"setting": [row]}, "before": before.when, "after": rule.when, "rule": asdict(rule), "reason": reason.strip(),
        }  # fmt: skip
        return Draft("setting_changed", project_id, KEY, payload)

    request: dict[str, object] = {"verb": "setting.suggestions", "project": project_id, **asdict(rule)}
    event = store.submit(
        plan, by=by.person_id, request={**request, "reason": reason.strip()}, request_id=request_id
    )
    if event is None:  # it was so already
        return rule
    changed = event.payload["rule"]
    assert isinstance(changed, dict)  # as written above
    return Rule(**changed)


def suggestion_of(reader: Store | Reader, project_id: str, item_code: int) -> Suggestion | None:
    """The newest model's likeliest label for an item; None where no model said any."""
    frame = reader.read("queue_prediction", project_id=project_id, item_code=item_code)
    if frame.is_empty():
        return None
    row = frame.row(0, named=True)
    return Suggestion(label_text(row["label_json"]), row["score"], row["model_run"], row["label_code"])


def drawn(reader: Store | Reader, project_id: str, item_code: int, annotator_code: int) -> Drawn | None:
    """What was drawn for an (item, annotator); None where nothing was."""
    frame = reader.read(
        "suggestion_drawn", project_id=project_id, item_code=item_code, annotator_code=annotator_code
    )
    return None if frame.is_empty() else Drawn(**frame.row(0, named=True))


def draw_row(
    reader: Reader, project_id: str, *, item: tuple[int, str], annotator: tuple[int, str], flag_id: str
) -> dict[str, object] | None:
    """The row of a new draw for (item_code, item_id) and (annotator_code, annotator_id).

    None where suggestions are not shown before, there is none, or it was drawn already.
    """
    rule = rule_of(reader, project_id)
    if rule.when != BEFORE:
        return None
    found = suggestion_of(reader, project_id, item[0])
    if (
        found is None
        or found.label_code is None
        or drawn(reader, project_id, item[0], annotator[0]) is not None
    ):
        return None
    return {
        "item_code": item[0], "annotator_code": annotator[0], "flag_id": flag_id, "label_code": found.label_code,
        "is_shown": chance(rule.seed, project_id, item[1], annotator[1]) >= rule.hidden_share, "source": "drawn",
        "p_hidden": rule.hidden_share,
    }  # fmt: skip


def chance(seed: int, project_id: str, item_id: str, annotator_id: str) -> float:
    """A number in [0, 1) that anybody can work out again from the seed and the two ids.

    >>> chance(0, "pets", "item-1", "ana") == chance(0, "pets", "item-1", "ana")
    True
    """
    text = json.dumps([seed, project_id, item_id, annotator_id], ensure_ascii=False)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) / 2**64
