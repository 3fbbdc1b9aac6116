"""The limits that a release has to keep: their defaults, changing them by an event, and policy files."""

from __future__ import annotations

import json
import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from dashboard.workflows.errors import BadRequest
from dashboard.workflows.opening import Store
from dashboard.workflows.rules import Person, require
from data.database import Reader
from data.records import Draft

ALPHA, FLAGS, COVERAGE, GOLD = "krippendorff_alpha", "open_flags", "coverage", "consensus_accuracy_on_gold"
BIAS = "unanswered_bias_gaps"
PREFIX = "gate."


@dataclass(frozen=True, slots=True)
class Setting:
    """A limit that a lead can change. `why` is where the default comes from."""

    key: str
    title: str
    default: float
    lowest: float
    highest: float
    whole: bool
    why: str


SETTINGS: tuple[Setting, ...] = (
    Setting(
        ALPHA, "Krippendorff's alpha, lower end of its interval, at least", 0.667, -1, 1, False,
        "Krippendorff (2004) accepts tentative conclusions from 0.667 on and firm ones from 0.800",
    ),
    Setting(FLAGS, "Open flags, at most", 0, 0, 1e9, True, "a doubt that nobody looked at is not settled"),
    Setting(
        COVERAGE, "Share of the items that have a label, at least", 1, 0, 1, False,
        "a release is of the whole project",
    ),
    Setting(
        GOLD, "Accuracy of the consensus on gold, lower end of its interval, at least", 0.8, 0, 1, False,
        "a starting point: one label in five wrong at worst",
    ),
    Setting(
        BIAS, "Gaps between groups that stay and about which nothing was decided, at most", 0, 0, 1e9, True,
        "a release says what is done about every gap that was found; accepting one is an answer too",
    ),
)  # fmt: skip
_BY_KEY: Mapping[str, Setting] = {setting.key: setting for setting in SETTINGS}


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit as it holds: `value` None switches the gate off; `set_by` is None for a default."""

    key: str
    value: float | None
    set_by: str | None = None
    set_at: datetime | None = None

    @property
    def setting(self) -> Setting:
        """What the limit is about."""
        return _BY_KEY[self.key]


def limits(store: Store | Reader, project_id: str, *, as_of: int | None = None) -> tuple[Limit, ...]:
    """The limits of a project as of a seq, in the order of `SETTINGS`; those nobody changed are "
    "the defaults.
    """
    rows = store.read("release_settings", project_id=project_id, as_of=as_of).rows_by_key(
        "key", named=True, unique=True
    )
    found = []
    for setting in SETTINGS:
        row = rows.get(PREFIX + setting.key)
        if row is None:
            found.append(Limit(setting.key, setting.default))
        else:
            found.append(Limit(setting.key, json.loads(row["value"]), row["set_by"], row["set_at"]))
    return tuple(found)


def change_setting(
    store: Store,
    *,
    project_id: str,
    by: Person,
    key: str,
    value: float | None,
    reason: str,
    request_id: str | None = None,
) -> tuple[Limit, ...]:
    """Change one limit of a project by an event that says why; returns all limits. None switches a gate off.

    Releases that were proposed before keep the limits that they were proposed under.

    Raises:
        BadRequest: the key is unknown, the value out of range, or the reason is missing.
        NotAllowed: the person may not change settings.
    """
    require(by, "setting.change")
    checked = _checked(key, value)
    if not reason.strip():
        raise BadRequest("Changing a limit needs a reason: an auditor will ask for it.")

    def plan(reader: Reader) -> Draft | None:
        if project_id not in reader.read("project_list")["project_id"]:
            raise BadRequest(f"There is no project {project_id!r} in this store.")
        before = next(limit.value for limit in limits(reader, project_id) if limit.key == key)
        if before == checked:
            return None
        row = {"key": PREFIX + key, "value": json.dumps(checked)}
        payload = {"rows": {"setting": [row]}, "before": before, "after": checked, "reason": reason.strip()}
        return Draft("setting_changed", project_id, PREFIX + key, payload)

    request: dict[str, object] = {
        "verb": "setting.change",
        "project": project_id,
        "key": key,
        "value": checked,
    }
    store.submit(plan, by=by.person_id, request={**request, "reason": reason.strip()}, request_id=request_id)
    return limits(store, project_id)


def read_policy(path: Path, known: tuple[Limit, ...]) -> tuple[Limit, ...]:
    """The limits `known` with those that a policy file names put in their place.

    A policy is a TOML or JSON file of limits by key, at the top or in a table `gates`:
    `krippendorff_alpha = 0.8`; `false` switches a gate off.

    Raises:
        BadRequest: the file cannot be read, names an unknown gate, or a value is out of range.
    """
    try:
        text = path.read_text(encoding="utf-8")
        found: object = json.loads(text) if path.suffix.lower() == ".json" else tomllib.loads(text)
    except (OSError, ValueError) as error:
        raise BadRequest(f"The policy {path} cannot be read: {error}.") from error
    if isinstance(found, dict) and isinstance(found.get("gates"), dict) and len(found) == 1:
        found = found["gates"]
    if not isinstance(found, dict):
        raise BadRequest(f"The policy {path} should hold limits by key, such as {ALPHA} = 0.667.")
    named = {key: _checked(str(key), None if value is False else value) for key, value in found.items()}
    return tuple(Limit(limit.key, named[limit.key]) if limit.key in named else limit for limit in known)


def _checked(key: str, value: object) -> float | None:
    """The value as a number in the setting's range, or None; raises BadRequest."""
    if key not in _BY_KEY:
        raise BadRequest(f"{key!r} is not a gate. Gates: {', '.join(_BY_KEY)}.")
    setting = _BY_KEY[key]
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise BadRequest(
            f"The limit of {key} is a number (or false, which switches the gate off), not {value!r}."
        )
    if not setting.lowest <= value <= setting.highest:
        raise BadRequest(
            f"The limit of {key} lies between {setting.lowest:g} and {setting.highest:g}; {value:g} does not."
        )
    if setting.whole and value != int(value):
        raise BadRequest(f"The limit of {key} is a whole number, not {value:g}.")
    return int(value) if setting.whole else float(value)
