"""The keys that every verb's JSON has: what others script by."""

from __future__ import annotations

from collections.abc import Mapping

RELEASE = {"release_id", "version", "state", "content_hash"}
SAVED = {"flag_id", "item_id", "action", "label", "status", "resolution", "independent"}
CONTRACT: Mapping[str, set[str]] = {
    "import": {"imported", "duplicates", "rejected", "items", "annotators", "mapping"},
    "predictions": {"imported", "run", "items", "rejected", "unknown_items", "labels", "warning"},
    "guideline": {"version"},
    "level": {"level", "labels"},
    "member add": {"person_id", "roles"},
    "member list": {"members"},
    "score": {"run_id", "figures"},
    "consensus": {"run_id", "method", "n_items", "accuracy_on_gold"},
    "annotators": {"annotators"},
    "cost": {"project", "sentence", "has_rates", "figures", "ledgers"},
    "rates": {"project", "set", "unknown", "rates"},
    "train": {"model_run", "n_items", "n_labelled", "accuracy", "fresh"},
    "uncertainty": {"run_id", "model_run", "n_items", "n_suspects", "not_learned", "figures"},
    "drift": {
        "run_id",
        "state",
        "sentence",
        "label",
        "figures",
        "parts",
        "trend",
        "not_separable",
        "limit",
        "facts",
        "report_sha256",
    },
    "alerts": {"alerts", "limits", "sent"},
    "explain": {"schema", "item_id", "label"},
    "flag": {"raised", "by_reason"},
    "queue": {"n_open", "n_second", "n_adjudicate", "n_closed", "n_left", "next_item_id", "waiting"},
    "relabel next": {"item", "reveal"},
    "relabel blind": SAVED | {"reveal"},
    "relabel answer": SAVED,
    "relabel skip": SAVED,
    "relabel undo": {"undone_seq", "item_id", "status"},
    "relabel ask": SAVED,
    "case": {"item_id", "labels", "evidence"},
    "adjudicate": {"item_id", "label", "version", "changed"},
    "gate": {"passed", "gates"},
    "release propose": RELEASE,
    "release waive": RELEASE,
    "release approve": RELEASE,
    "release list": {"releases"},
    "release diff": RELEASE | {"changes", "items"},
    "release export": RELEASE | {"folder"},
    "release reject": RELEASE,
    "verify": {"valid", "events", "first_broken"},
    "release verify": {"valid", "events", "first_broken"},
}
