"""What a flag rested on when it was raised, and what people made of each of its reasons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from dashboard.marks import moment_text, plain, state_markdown
from dashboard.palette import State
from dashboard.workflows.consensus_methods import title
from dashboard.workflows.flag_passport import Passport, PassportModel, PassportPrecision
from dashboard.workflows.item_story import ItemFlag
from dashboard.workflows.relabel_reveal import FlagReason
from dashboard.workflows.wording import sureness

STATUSES: Mapping[str, tuple[State, str]] = {
    "open": ("watch", "Open"),
    "second": ("watch", "Waits for a second person"),
    "adjudicate": ("watch", "Waits for a lead"),
    "closed": ("fit", "Closed"),
}
SEEN = {
    "by_folds": "from fits that had not seen the item",
    "passed": "brought in, and they look out of sample",
    "doubted": "brought in, and they look as if the model had seen the item",
    "not_checked": "brought in; whether the model had seen the item was not checked",
}
"""How it is known that a model had not seen the item."""


def flag_card(flag: ItemFlag) -> None:
    """Draw a flag: how it stands, why it was raised, and its passport."""
    with st.container(border=True, gap="small"):
        st.markdown(_head(flag))
        for reason in flag.reasons:
            st.markdown(f"**{plain(reason.title)}**  \n{plain(reason.sentence)}")
        passport(flag.passport, flag.reasons, flag.marks)


def passport(
    found: Passport | None, reasons: Sequence[FlagReason], marks: Sequence[tuple[str, str, str]] = ()
) -> None:
    """Draw the passport of a flag, folded up; nothing for flags that are older than passports.

    Args:
        found: the passport.
        reasons: the flag's, as the reader may see them.
        marks: who said what of which reason (person, key, mark).
    """
    if found is None:
        return
    with st.expander("What the flag rested on", icon=":material/id_card:"):
        for reason in reasons:
            if reason.rule:
                st.markdown(reason_line(reason, found.precision, marks))
        lines = [
            (
                "Label",
                f"{found.label}{_share(', with a probability of ', found.p_label)} by {title(found.method)}",
            ),
            ("Votes", votes_words(found)),
            (
                "Model",
                "none was held against the labels" if found.model is None else model_words(found.model),
            ),
            ("Neighbours", neighbours_words(found)),
            ("Probability that the label is wrong", wrong_words(found)),
        ]
        st.markdown("  \n".join(f":small[:gray[{name}:] {plain(text)}]" for name, text in lines if text))
        st.caption(
            f"As it was when the flag was raised, by Touchstone {plain(found.code_version)}. It never changes."
        )


def reason_line(
    reason: FlagReason, precision: Sequence[PassportPrecision], marks: Sequence[tuple[str, str, str]]
) -> str:
    """A detector with its version, rule, score and limit, how often it had been right, and what people made of it."""
    known = next((one for one in precision if one.key == reason.key), None)
    said = [f"{mark} by {person}" for person, key, mark in marks if key == reason.key]
    parts = [
        f"{reason.rule} Score {reason.score:.2f}, limit {reason.threshold:.2f}.",
        "" if known is None else f"{precision_words(known)}.",
        "" if not said else f"Here: {', '.join(said)}.",
    ]
    return (
        f"**{plain(reason.title)}** :small[:gray[{plain(reason.key)}, version {reason.version}]]  \n"
        f":small[{plain(' '.join(part for part in parts if part))}]"
    )


def precision_words(known: PassportPrecision) -> str:
    """How often a reason had been right.

    >>> precision_words(PassportPrecision("split_vote", 0.5, 0.24, 0.76, 12, False))
    'Right in 50 % of 12 flags that people had decided (24 to 76 %)'
    """
    if known.value is None or known.low is None or known.high is None:
        return "Nobody had decided on a flag of this kind yet"
    retired = "; it was retired, and this is one of the few still shown" if known.is_retired else ""
    return (
        f"Right in {known.value * 100:.0f} % of {known.n:,} flags that people had decided "
        f"({known.low * 100:.0f} to {known.high * 100:.0f} %){retired}"
    )


def votes_words(found: Passport) -> str:
    """Who said what, by label; nothing where the reader may not know."""
    people: dict[str, list[str]] = {}
    for vote in found.votes:
        people.setdefault(vote.label, []).append(vote.annotator_id)
    return "; ".join(f"{label}: {', '.join(names)}" for label, names in people.items())


def model_words(model: PassportModel) -> str:
    """What the model said of the label, and how that was known to be out of sample."""
    other = "" if model.other_label is None else f", {model.other_label} {sureness(model.p_other)}"
    choice = (
        ""
        if model.choice is None
        else f"; in most doubt is {model.choice}, to which it gives {sureness(model.p_choice or 0)}"
    )
    votes = _share("; with the votes taken in, the label has ", model.together)
    seen = SEEN.get(model.out_of_sample, model.out_of_sample)
    members = "1 member" if model.n_members == 1 else f"{model.n_members} members"
    return f"{model.model_run} ({members}, {seen}) gives the label {sureness(model.p_label)}{other}{choice}{votes}"


def neighbours_words(found: Passport) -> str:
    """The items most like it, nearest first; nothing where there are none."""
    return ", ".join(f"{one.item_id} ({one.label or 'no label'})" for one in found.neighbours)


def wrong_words(found: Passport) -> str:
    """The calibrated probability with its interval, or why there is none."""
    if found.p_wrong is None:
        return f"not known: {found.p_undefined}"
    ends = (
        ""
        if found.p_low is None or found.p_high is None
        else f" ({found.p_low * 100:.0f} to {found.p_high * 100:.0f} %)"
    )
    return f"{sureness(found.p_wrong)}{ends}"


def _head(flag: ItemFlag) -> str:
    state, word = STATUSES.get(flag.status, ("undefined", flag.status))
    ended = f": {flag.resolution}" if flag.resolution else ""
    return (
        f"{state_markdown(state, text=word + ended)} :small[:gray[raised {moment_text(flag.raised_at)} UTC]]"
    )


def _share(before: str, value: float | None) -> str:
    return "" if value is None else f"{before}{sureness(value)}"
