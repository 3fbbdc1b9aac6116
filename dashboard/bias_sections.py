"""The sections of the page Bias, in their order. Another kind of bias is another module with a `draw`, and a row here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from dashboard import (
    bias_actions_view,
    bias_effects_view,
    bias_gaps_view,
    bias_model_view,
    bias_statement_view,
)


@dataclass(frozen=True, slots=True)
class Section:
    """One section: `key` is its name in the address (`section=`), `draw` reads the session and draws it."""

    key: str
    title: str
    draw: Callable[[], None]


SECTIONS: tuple[Section, ...] = (
    Section("gaps", "Groups", bias_gaps_view.draw),
    Section("effects", "What pulls labels", bias_effects_view.draw),
    Section("model", "Model", bias_model_view.draw),
    Section("actions", "What is done", bias_actions_view.draw),
    Section("statement", "Statement", bias_statement_view.draw),
)
