"""What the page and the command say of what pulls labels: the answer, and a sentence for each figure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from dashboard.workflows import bias_effects, monitor
from dashboard.workflows.opening import Store
from dashboard.workflows.rules import Person, require

State = Literal["fit", "watch", "undefined"]

OUTCOMES: Mapping[str, str] = {
    "disagrees_with_others": "contradicting the others",
    "wrong_on_gold": "wrong on gold",
    "same_label_again": "the same label again",
}
VERBS: Mapping[str, str] = {
    "disagrees_with_others": "answers contradict most of the others",
    "wrong_on_gold": "answers are wrong, beside gold,",
}
"""An outcome as what answers do."""

TOO_WIDE = (
    "these answers leave room for more than 100 points either way: sittings are too short, or answers too few"
)
FACTORS: Mapping[str, str] = {
    "position": "100 answers further into the sitting",
    "session_hours": "an hour further into the sitting",
    "seconds": "twice the time taken",
    "hours_0_6": "at night (0 to 6, UTC)",
    "hours_6_12": "in the morning (6 to 12, UTC)",
    "hours_12_18": "in the afternoon (12 to 18, UTC)",
    "hours_18_24": "in the evening (18 to 24, UTC)",
    "previous_label": "given just before",
    "label_five_before": "given five answers before (control)",
}

_NOT_TESTED: Mapping[str, str] = {
    "position": "the place in the sitting",
    "session_hours": "the time since the sitting began",
    "seconds": "the time taken",
    "previous_label": "the label given before",
}
"""What a factor is called where it could not be tested."""

_LEAST = 1e-9

STRONG = 0.1
"""Cramer's V from which an association is worth a word in the answer: a small effect (Cohen 1988), if told from chance."""


BEYOND = ("gold", "label")
"""What has to be held fixed for an association to be more than what the items are."""


@dataclass(frozen=True, slots=True)
class EffectsView:
    """The newest measurement. `state`, `sentence` and `detail` answer; `found` is the document of the run."""

    run: monitor.Run
    state: State
    sentence: str
    detail: str
    found: Mapping[str, Any]


def effects_view(
    store: Store, *, project_id: str, by: Person, as_of: int | None = None
) -> EffectsView | None:
    """The newest measurement as of a seq; None where nothing was measured."""
    require(by, "view.figures")
    run = monitor.newest_run(store, project_id, as_of=as_of, kind=bias_effects.KIND)
    if run is None:
        return None
    found = run.parameters["found"]
    assert isinstance(found, dict)
    found = as_written_now(found)
    return EffectsView(run, *answer(found), found)


def as_written_now(found: Mapping[str, Any]) -> dict[str, Any]:
    """A run's document as they are written now: earlier ones knew single labels alone, and one pull."""
    told = dict(found)
    if "pulls" not in told:
        pull = told.pop("pull")
        told["pulls"] = [{"label": "", "p_adjusted": pull["every"]["p_value"], **pull}]
    for name in ("order", "curves", "attributes"):
        told[name] = [{"label": "", **row} for row in told[name]]
    return told


def choices(found: Mapping[str, Any]) -> list[str]:
    """The choices that figures are of, those on which something was found first; none where labels are single."""
    told = {str(pull["label"]): 0 for pull in found["pulls"]}
    for row in [*found["pulls"], *found["order"], *found["attributes"]]:
        told[row["label"]] = told.get(row["label"], 0) + bool(row["is_picked"])
    return sorted((label for label in told if label), key=lambda label: (-told[label], label))


def of_choice(found: Mapping[str, Any], label: str) -> dict[str, Any]:
    """The part of a document that is of one choice ("" of single labels)."""
    names = ("pulls", "order", "curves", "attributes")
    return {name: [row for row in found[name] if row["label"] == label] for name in names}


def answer(found: Mapping[str, Any]) -> tuple[State, str, str]:
    """State, the sentence that answers, and what it rests on."""
    said = findings(found)
    beyond = [row for row in found["attributes"] if row["held"] in BEYOND]
    n_tested = sum(row["p_adjusted"] is not None for row in [*found["order"], *beyond])
    n_tested += sum(pull["every"]["p_value"] is not None for pull in found["pulls"])
    untested = missing(found)
    tested = "1 figure was" if n_tested == 1 else f"{n_tested} figures were"
    detail = f"{tested} tested, corrected for many within each table." + _strongest(found["attributes"])
    detail += asserted(found["pulls"][0])
    if untested:
        detail += f" Not testable: {'; '.join(untested)}."
    if said:
        more = f"; {len(said) - 1} more" if len(said) > 1 else ""
        return "watch", f"Yes: {said[0]}{more}", detail
    if not n_tested:
        return "undefined", "It cannot be told whether anything but the item pulls labels", detail
    return "fit", f"Nothing but the item was seen to pull labels, in {n_tested} figures tested", detail


def findings(found: Mapping[str, Any]) -> list[str]:
    """What was found, a sentence each without its full stop."""
    return [
        *_pull_findings(found["pulls"]),
        *_order_findings(found["order"]),
        *_attribute_findings(found["attributes"]),
    ]


def missing(found: Mapping[str, Any]) -> list[str]:
    """What could not be tested at all, each with its reason once; where only some choices could not, which."""
    every = {pull["label"] for pull in found["pulls"]}
    pulled: dict[str, dict[str, None]] = {}
    for pull in found["pulls"]:
        if pull["every"]["undefined"]:
            pulled.setdefault(pull["every"]["undefined"], {})[pull["label"]] = None
    told = [f"suggestions{_only(of, every)} ({reason})" for reason, of in pulled.items()]
    order: dict[str, dict[str, dict[str, None]]] = {}
    for row in found["order"]:
        if (
            row["undefined"]
            and not row["factor"].startswith("hours_")
            and row["factor"] != "label_five_before"
        ):
            factors = order.setdefault(row["undefined"], {})
            factors.setdefault(_NOT_TESTED[row["factor"]], {})[row["label"]] = None
    told += [
        f"{', '.join(f'{factor}{_only(of, every)}' for factor, of in factors.items())} ({reason})"
        for reason, factors in order.items()
    ]
    if not found["attributes"]:
        told.append("attributes of items (there are none)")
    elif not any(row["held"] in BEYOND for row in found["attributes"]):
        told.append("attributes of items beyond what the items are (there is neither gold nor a model)")
    return told


def pull_sentence(pull: Mapping[str, Any]) -> str:
    """The overall pull in words."""
    every, wrong, on = pull["every"], pull["wrong"], _on(pull)
    if every["undefined"]:
        return f"Whether shown suggestions pull labels{on} cannot be told: {every['undefined']}."
    said = (
        f"Where a suggestion was shown people agreed with it{on} {_points(every['value'])} points {_more(every['value'])} "
        f"often than where it was hidden{_interval(every)} ({every['n_shown']:,} shown, {every['n_hidden']:,} hidden)"
    )
    if wrong["undefined"]:
        return f"{said}; for wrong suggestions it cannot be told: {wrong['undefined']}."
    return (
        f"{said}; with wrong ones {_points(wrong['value'])} points {_more(wrong['value'])}{_interval(wrong)}."
    )


def pull_sentences(pulls: list[dict[str, Any]]) -> list[str]:
    """`pull_sentence` of every choice; one sentence where none can be told, all for the same reason."""
    reasons = {pull["every"]["undefined"] for pull in pulls}
    if len(reasons) == 1 and None not in reasons:
        return [pull_sentence({**pulls[0], "label": ""})]
    return [pull_sentence(pull) for pull in pulls]


def asserted(pull: Mapping[str, Any]) -> str:
    """What has to be known of suggestions of which a file says whether they were shown; "" where the store drew them all."""
    if not pull["asserted"] or pull["every"]["undefined"]:
        return ""
    return (
        f" Of {pull['asserted']:,} answers a file says whether the suggestion was shown: only if that was drawn by chance does the "
        "suggestion pull, rather than what it was chosen by."
    )


def order_sentence(row: Mapping[str, Any]) -> str:
    """A row of the order table in words."""
    outcome, factor = OUTCOMES[row["outcome"]], FACTORS[row["factor"]]
    on = _on(row)
    if row["undefined"]:
        return f"{outcome}{on}, {factor}: {row['undefined']}"
    if row["outcome"] == "same_label_again":
        of = f"the same answer{on}" if on else "a label"
        return f"{of} is {_points(row['value'])} points {_more(row['value'])} likely for having been {factor}{_interval(row)}"
    if is_too_wide(row):
        return f"{outcome}{on}, {factor}: cannot be told; {TOO_WIDE}"
    return f"{VERBS[row['outcome']]}{on} {_points(row['value'])} points {_more(row['value'])} often {factor}{_interval(row)}"


def is_too_wide(row: Mapping[str, Any]) -> bool:
    """Whether an interval says nothing: shares cannot be further apart than 100 points."""
    return row["low"] is not None and (row["low"] < -1 or row["high"] > 1)


def attribute_sentence(row: Mapping[str, Any]) -> str:
    """A row of the attribute table in words."""
    whose = "labels go" if row["of"] == "labels" else "the model's labels go"
    if row["label"]:
        whose = (
            f"“{row['label']}” goes"
            if row["of"] == "labels"
            else f"“{row['label']}”, as the model says it, goes"
        )
    held = {"": "", "gold": ", gold held fixed", "label": ", people's labels held fixed"}.get(
        row["held"], f", {row['held']} held fixed"
    )
    if row["undefined"]:
        return f"{whose} with {row['attribute']}{held}: {row['undefined']}"
    return f"{whose} with {row['attribute']}{held} (Cramér's V {row['value']:.2f}, {row['n']:,} items)"


def _pull_findings(pulls: list[dict[str, Any]]) -> list[str]:
    return [
        f"people agree with a suggestion{_on(pull)} {_points(pull['every']['value'])} points {_more(pull['every']['value'])} often "
        f"where it is shown{_interval(pull['every'])}"
        for pull in pulls
        if pull["is_picked"]
    ]


def _order_findings(order: list[dict[str, Any]]) -> list[str]:
    picked = sorted((row for row in order if row["is_picked"]), key=lambda row: row["p_adjusted"])
    told: list[dict[str, Any]] = []
    for row in picked:
        if not any(_is_mirror(row, one) for one in told):
            told.append(row)
    return [order_sentence(row) for row in told]


def _is_mirror(row: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two rows say the same: where people work in two parts of the day, each is the other's other hours."""
    hours = all(one["factor"].startswith("hours_") for one in (row, other))
    same = row["outcome"] == other["outcome"] and row["label"] == other["label"]
    return hours and same and abs(row["value"] + other["value"]) < _LEAST


def _attribute_findings(attributes: list[dict[str, Any]]) -> list[str]:
    """What is no fact of the items: labels beyond gold, the model beyond the labels; strong ones."""
    beyond = [
        row for row in attributes if row["is_picked"] and row["held"] in BEYOND and row["value"] >= STRONG
    ]
    return [attribute_sentence(row) for row in sorted(beyond, key=lambda row: -row["value"])]


def _strongest(attributes: list[dict[str, Any]]) -> str:
    """The strongest plain association, which is a fact of the items or a fault: it is said, and not judged."""
    plain = [row for row in attributes if row["held"] == "" and row["is_picked"]]
    if not plain:
        return ""
    most = max(plain, key=lambda row: float(row["value"]))
    said = attribute_sentence(most)
    return f" By themselves {said}; whether the items are like that or the labels, this cannot tell."


def _on(row: Mapping[str, Any]) -> str:
    """Of which choice a row is, where labels are sets."""
    return f" on “{row['label']}”" if row["label"] else ""


def _only(of: Mapping[str, None], every: set[str]) -> str:
    """On which choices, where not on all."""
    return "" if every <= of.keys() else f" on {', '.join(f'“{label}”' for label in of)}"


def _points(value: float) -> str:
    return f"{abs(value) * 100:.1f}"


def _more(value: float) -> str:
    return "more" if value >= 0 else "less"


def _interval(row: Mapping[str, Any]) -> str:
    if row["low"] is None:
        return " (too few for an interval)"
    return f" [{row['low'] * 100:+.1f}, {row['high'] * 100:+.1f}]"
